package payouts

import (
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// BatchStatus is how far a file has come.
type BatchStatus string

// The states of a batch.
//
//	open ──► sealed ──► delivered ──► acknowledged ──► done
//	           │  ▲ ▲        ▲             │
//	           ▼  │ │        │             ▼
//	         unknown ────────┘          refused
//
// Open is ours alone: items gather. A sealed one never changes, and its file is
// written again byte by byte. Unknown is a file of which nobody knows whether it
// arrived: only a look-up, a file of the bank or two people resolve it. Refused is
// a file that the bank took nothing of; its payouts have failed, each with a code.
const (
	BatchOpen         BatchStatus = "open"
	BatchSealed       BatchStatus = "sealed"
	BatchUnknown      BatchStatus = "unknown"
	BatchDelivered    BatchStatus = "delivered"
	BatchAcknowledged BatchStatus = "acknowledged" // a file of the bank speaks of it
	BatchDone         BatchStatus = "done"         // every payout in it is paid or has failed
	BatchRefused      BatchStatus = "refused"
)

// Batch is payouts of one platform that go to the bank in one file. They share the
// rail, the currency, the day and the kind.
type Batch struct {
	ID          string // bat_…
	Platform    string
	Livemode    bool
	Rail        string
	Currency    money.Currency
	Debit       bool
	Instant     bool
	ExecuteOn   time.Time // midnight UTC of the bank's day
	Status      BatchStatus
	Number      int64  // of the rail in its mode
	Debtor      string // encrypted
	Count       int64
	Total       int64
	File        string // its name
	Size        int64
	SHA256      []byte    `bun:"sha256"`
	TryAt       time.Time `bun:",nullzero"` // when there is something to do for the sender; zero: no more
	DeliveredAt time.Time `bun:",nullzero"`
	CreatedAt   time.Time
	SealedAt    time.Time `bun:",nullzero"`
}

// UploadOutcome is what is known of one attempt to bring a file to its bank.
type UploadOutcome string

// The outcomes. Begun is what a crash leaves: nobody knows.
const (
	UploadBegun    UploadOutcome = "begun"
	UploadAccepted UploadOutcome = "accepted"
	UploadFailed   UploadOutcome = "failed" // certainly not there
	UploadUnknown  UploadOutcome = "unknown"
	UploadAbsent   UploadOutcome = "absent" // looked for, and certainly not there
)

// Who has found out about an attempt, if it did not tell by itself.
const (
	foundByLookup = "lookup"
	foundByReport = "report"
	foundByPeople = "people"
)

// Upload is one attempt to bring a file to its bank.
type Upload struct {
	ID      string // upl_…
	Batch   string
	Outcome UploadOutcome
	Note    string // the receiver's own reference
	Error   string
	FoundBy string
	BegunAt time.Time
	EndedAt time.Time `bun:",nullzero"`
}

// open reports whether nobody knows what became of the attempt.
func (u Upload) open() bool { return u.Outcome == UploadBegun || u.Outcome == UploadUnknown }

// Vote is what somebody says became of an attempt.
type Vote struct {
	Actor   string // the API key
	Outcome string
	VotedAt time.Time
}

// executes is the first day on which a bank carries out what it is given now, at
// midnight UTC: today, or the next day from the cut-off on.
func executes(way rail.Capabilities, now time.Time) time.Time {
	zone, err := time.LoadLocation(way.Zone)
	if err != nil {
		zone = time.UTC // configuration checks the name
	}
	y, m, d := now.In(zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if way.CutOff > 0 && !now.Before(time.Date(y, m, d, 0, 0, int(way.CutOff/time.Second), 0, zone)) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}
