package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// history is charges of the past, made up from their number: the n-th is the same
// whoever makes it. Their money is available, as if it had long matured.
type history struct {
	platform string
	accounts []string
	charges  int
	from     time.Time
	step     time.Duration
	totals   []total // of ledger accounts: the three of the platform, then one for each connected account
}

// total is what was booked on an account.
type total struct{ debits, credits, postings int64 }

// The platform's accounts come first.
const (
	clearingPlace = iota
	feesPlace
	platformPlace
	firstConnected
)

func newHistory(platform string, accounts []string, charges int, from, to time.Time) *history {
	return &history{
		platform: platform, accounts: accounts, charges: charges, from: from.UTC().Truncate(time.Millisecond), step: to.Sub(from) / time.Duration(charges+1),
		totals: make([]total, firstConnected+len(accounts)),
	}
}

// place is a ledger account; its number is one more.
func (h *history) place(i int) ledger.Place {
	a := ledger.Account{Owner: h.platform}
	switch i {
	case clearingPlace:
		a.Kind = ledger.ProcessorClearing
	case feesPlace:
		a.Kind = ledger.ProcessorFees
	case platformPlace:
		a.Kind = ledger.Available
	default:
		a.Owner, a.Kind = h.accounts[i-firstConnected], ledger.Available
	}
	return ledger.Place{Account: a, Currency: "hkd"}
}

// busy is the share of accounts, in thousandths, that take a tenth of the charges.
const busy = 1

// seller is whose charge the n-th is: nine in ten go round over all accounts, in
// steps that keep an account's charges far apart; the tenth is of a busy few.
func (h *history) seller(n int) int {
	if n%10 == 9 {
		return n / 10 % max(1, len(h.accounts)*busy/1000)
	}
	const stride = 7_368_787 // a prime: every account is met
	return int(int64(n) * stride % int64(len(h.accounts)))
}

// charge is the n-th.
func (h *history) charge(n int) journal.Charge {
	at := h.from.Add(time.Duration(n) * h.step)
	number := strconv.Itoa(n)
	value := int64(10_000 + n%9_973*10)
	return journal.Charge{
		ID: id.Of("ch", at, number), Owner: h.platform, Platform: h.platform, Amount: money.New(value, "hkd"),
		ProcessingFee: value*34/1000 + 235, At: at,
		Legs: []journal.Leg{{
			Transfer: id.Of("tr", at, number), Payment: id.Of("py", at, number), Destination: h.accounts[h.seller(n)], Amount: value,
			ApplicationFee: value * 15 / 100, FeeID: id.Of("fee", at, number), Application: wire.ApplicationID(h.platform),
		}},
	}
}

// print writes the rows of some charges. first is the first of a batch.
func (h *history) print(p *pages, first, n int) {
	for from := first; from < first+n; from += batchEach {
		number := int64(from/batchEach + 1)
		var records []ledger.Record
		for i := from; i < min(from+batchEach, first+n); i++ {
			records = append(records, h.record(p, i, number*ledger.MaxEntries+int64(i-from)))
		}
		p.batches.row(4).number(number).number(records[0].ID).number(records[len(records)-1].ID).bytes(ledger.Digest(number, records))
	}
}

// record writes the rows of one charge and gives its record, for the digest.
func (h *history) record(p *pages, n int, entry int64) ledger.Record {
	c := h.charge(n)
	lines := 0
	e := journal.ChargeSucceeded(c, func() string {
		lines++
		return id.Of("txn", c.At, strconv.Itoa(n)+"."+strconv.Itoa(lines))
	})
	r := ledger.Record{ID: entry, Kind: e.Kind, Source: e.Source, At: e.At.UTC().Truncate(time.Microsecond)}
	p.entries.row(4).number(entry).text(e.Kind).text(e.Source).time(r.At)
	for line, posting := range e.Postings {
		at := h.numberOf(posting.Account, n)
		amount := int64(posting.Side) * posting.Amount.Minor
		h.totals[at].add(amount)
		place := ledger.Place{Account: posting.Account, Currency: posting.Amount.Currency}
		r.Postings = append(r.Postings, ledger.RecordPosting{Place: place, Amount: amount})
		p.postings.row(5).number(entry).small(int16(line)).number(int64(at + 1)).text(string(place.Currency)).number(amount)
		if posting.Line == nil {
			continue
		}
		l := ledger.RecordLine{Line: *posting.Line, AccountID: int64(at + 1), Account: posting.Account.Owner, Currency: string(place.Currency), AvailableOn: r.At}
		r.Lines = append(r.Lines, l)
		p.lines.row(16).text(l.ID).number(l.AccountID).text(l.Account).flag(false).text(l.Type).text(l.Currency).number(l.Amount).number(l.Fee).
			number(l.Amount - l.Fee).json(detailsOf(l.FeeDetails)).time(l.AvailableOn).flag(false).text(l.Source).text(l.Description).number(entry).time(r.At)
	}
	slices.SortFunc(r.Lines, func(a, b ledger.RecordLine) int { return strings.Compare(a.ID, b.ID) })
	return r
}

func (h *history) numberOf(a ledger.Account, n int) int {
	switch {
	case a.Kind == ledger.ProcessorClearing:
		return clearingPlace
	case a.Kind == ledger.ProcessorFees:
		return feesPlace
	case a.Owner == h.platform:
		return platformPlace
	}
	return firstConnected + h.seller(n)
}

func (t *total) add(amount int64) {
	if amount > 0 {
		t.debits += amount
	} else {
		t.credits -= amount
	}
	t.postings++
}

// pages are rows on their way into tables, as COPY reads them in binary. The names
// of the tables are values: the rooms own their tables, and a fill writes them only
// where nobody has yet.
type pages struct{ batches, entries, postings, lines, accounts page }

type page struct {
	table, columns string
	buf            []byte
	rows           int
}

func newPages() *pages {
	p := &pages{
		batches:  page{table: "ledger.batches", columns: "id, first_entry, last_entry, digest"},
		entries:  page{table: "ledger.entries", columns: "id, kind, source, occurred_at"},
		postings: page{table: "ledger.postings", columns: "entry_id, line, account_id, currency, amount"},
		lines: page{table: "ledger.balance_transactions", columns: "id, account_id, account, livemode, type, currency, amount, fee, net, fee_details, " +
			"available_on, pending, source, description, entry_id, created_at"},
		accounts: page{table: "ledger.accounts", columns: "id, owner, livemode, kind, currency, debits, credits, version"},
	}
	p.reset()
	return p
}

func (p *pages) all() []*page {
	return []*page{&p.batches, &p.entries, &p.postings, &p.lines, &p.accounts}
}

// reset begins anew, with the header of the format: a signature, no flags, no extension.
func (p *pages) reset() {
	for _, one := range p.all() {
		one.buf, one.rows = append(one.buf[:0], "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...), 0
	}
}

// send writes all pages in one transaction.
func (p *pages) send(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, one := range p.all() {
			if one.rows == 0 {
				continue
			}
			one.buf = append(one.buf, 0xff, 0xff) // the end
			statement := "COPY " + one.table + " (" + one.columns + ") FROM STDIN (FORMAT binary)"
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(one.buf), statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *page) row(fields int16) *page {
	p.rows++
	p.buf = binary.BigEndian.AppendUint16(p.buf, uint16(fields))
	return p
}

func (p *page) bytes(b []byte) *page {
	p.buf = append(binary.BigEndian.AppendUint32(p.buf, uint32(len(b))), b...)
	return p
}

func (p *page) text(s string) *page {
	p.buf = append(binary.BigEndian.AppendUint32(p.buf, uint32(len(s))), s...)
	return p
}

// json is a jsonb: its version, and the text.
func (p *page) json(s string) *page {
	p.buf = append(append(binary.BigEndian.AppendUint32(p.buf, uint32(len(s)+1)), 1), s...)
	return p
}

func (p *page) number(n int64) *page {
	p.buf = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(p.buf, 8), uint64(n))
	return p
}

func (p *page) small(n int16) *page {
	p.buf = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(p.buf, 2), uint16(n))
	return p
}

func (p *page) flag(b bool) *page {
	p.buf = append(binary.BigEndian.AppendUint32(p.buf, 1), 0)
	if b {
		p.buf[len(p.buf)-1] = 1
	}
	return p
}

// millennium is where PostgreSQL counts its microseconds from.
var millennium = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func (p *page) time(t time.Time) *page { return p.number(t.UnixMicro() - millennium) }
