package reconcile

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Status is how far a file has come.
type Status string

// The states of a file; see the package comment.
const (
	Receiving   Status = "receiving"
	Kept        Status = "kept"
	Imported    Status = "imported"
	Quarantined Status = "quarantined"
)

// File is one file of a bank.
type File struct {
	ID         string // bst_…
	Platform   string // "" of a file that a rail's bank left for several of them
	Livemode   bool
	Rail       string
	Name       string
	Format     statement.Format
	Actor      string // the key it was sent with, or ""
	Size       int64
	SHA256     []byte `bun:"sha256"`
	Status     Status
	Reason     string // of the quarantine
	Statements int64
	Lines      int64 // new ones
	Known      int64 // lines that an earlier file had told
	Applied    int64
	Done       bool
	CreatedAt  time.Time
	EndedAt    time.Time `bun:",nullzero"`

	Repeated bool `bun:"-"` // Import: its content had been sent before
}

// Summary is one statement of a file.
type Summary struct {
	File      string
	Number    int
	Reference string
	Kind      statement.Kind
	Last4     string
	Currency  money.Currency
	FirstDay  time.Time `bun:",nullzero"`
	LastDay   time.Time `bun:",nullzero"`
	Opening   *int64
	Closing   *int64
	Checked   bool
	Lines     int64
	Pending   int64
}

// Line is one line that counts.
type Line struct {
	ID         string // bsl_…
	File       string
	Statement  int // number in the file; 0: a report on an instruction
	Entry      int64
	Part       int64
	External   string
	Booked     time.Time `bun:",nullzero"`
	Valued     time.Time `bun:",nullzero"`
	Amount     int64
	Currency   money.Currency
	EndToEnd   string
	Batch      string
	Trace      string
	Bank       string
	Code       string
	Returned   bool
	BankCode   string
	Remittance []byte
	Status     string // open, matched, or split: its parts tell
	Reason     string // why it is open
	Payout     string
}

// The states of a line.
const (
	Open    = "open"
	Matched = "matched"
	Split   = "split"
)

// Applier moves payouts by what a bank says; payouts.Service.Apply does.
type Applier interface {
	Apply(ctx context.Context, livemode bool, rail string, reports []rail.Report, now time.Time) (payouts.Applied, error)
}

// Reader reads files that report on instructions and are no statements: what a
// bank refuses (pain.002) or sends back (NACHA returns).
type Reader func(r io.Reader) ([]rail.Report, error)

// Config is what Books stands on.
type Config struct {
	Clocks   clock.Modes
	Keyring  *secret.Keyring // seals contents, account numbers and texts
	Pepper   secret.Pepper   // knows accounts and lines again
	Payouts  Applier
	Profiles []statement.Profile
	Readers  map[statement.Format]Reader
	Log      *slog.Logger // nil: slog.Default()
	// MaxSize bounds one file; 0 is 2 GiB.
	MaxSize int64
}

// Books are the bank's side of payouts.
type Books struct {
	pool *bun.DB
	cfg  Config
}

// New keeps statements in pool.
func New(pool *bun.DB, cfg Config) *Books {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 2 << 30
	}
	return &Books{pool: pool, cfg: cfg}
}
