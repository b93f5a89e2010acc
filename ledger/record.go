package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"
)

// Record is an entry as it is stored.
type Record struct {
	ID       int64
	Kind     string
	Source   string
	At       time.Time
	Postings []RecordPosting // in order of their place in the entry
	Lines    []RecordLine    // in order of their ids
}

// RecordPosting is one stored posting; debits are positive.
type RecordPosting struct {
	Place   Place
	Account int64 // number of the ledger account
	Amount  int64
}

// RecordLine is one stored statement line.
type RecordLine struct {
	Line
	AccountID   int64 // number of the ledger account it was booked on
	Account     string
	Livemode    bool
	Currency    string
	AvailableOn time.Time
	Pending     bool
}

// Digest is the SHA-256 over everything a batch wrote, in a form that does not
// depend on how the database prints or orders it. Strings are preceded by
// their length, so no two batches look the same.
func Digest(batch int64, records []Record) []byte {
	w := digester{sha256.New()}
	w.number(batch)
	w.number(int64(len(records)))
	for _, r := range records {
		w.record(r)
	}
	return w.Sum(nil)
}

type digester struct{ hash.Hash }

func (w digester) number(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	w.Write(b[:])
}

func (w digester) text(s string) {
	w.number(int64(len(s)))
	w.Write([]byte(s))
}

func (w digester) flag(b bool) {
	if b {
		w.number(1)
	} else {
		w.number(0)
	}
}

func (w digester) record(r Record) {
	w.number(r.ID)
	w.text(r.Kind)
	w.text(r.Source)
	w.number(r.At.UnixMicro())
	w.number(int64(len(r.Postings)))
	for _, p := range r.Postings {
		w.flag(p.Place.Account.Livemode)
		w.text(p.Place.Account.Owner)
		w.text(string(p.Place.Account.Kind))
		w.text(string(p.Place.Currency))
		w.number(p.Amount)
	}
	w.number(int64(len(r.Lines)))
	for _, l := range r.Lines {
		w.line(l)
	}
}

func (w digester) line(l RecordLine) {
	w.text(l.ID)
	w.text(l.Account)
	w.flag(l.Livemode)
	w.text(l.Type)
	w.text(l.Currency)
	w.number(l.Amount)
	w.number(l.Fee)
	w.number(int64(len(l.FeeDetails)))
	for _, f := range l.FeeDetails {
		w.text(f.Type)
		w.number(f.Amount)
		w.text(f.Currency)
		w.text(f.Description)
		w.text(f.Application)
	}
	w.text(l.Source)
	w.text(l.Description)
	w.number(l.AvailableOn.UnixMicro())
	w.flag(l.Pending)
}
