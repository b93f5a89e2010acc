package payouts

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// cancelWindow is how long a manual payout waits before it is handed over, so
// that it can be canceled.
const cancelWindow = 10 * time.Minute

// Config is what Service stands on.
type Config struct {
	Book     *ledger.Book
	Events   event.Log
	Clocks   clock.Modes
	Accounts Accounts
	Rails    rail.Modes
	Keyring  *secret.Keyring // seals what files say; needed by rails that take files
	Reader   Reader          // is given the banks' files; nil: nobody fetches them
	Log      *slog.Logger    // nil: slog.Default()
	// After, if set, is called after each named step of a payout, outside
	// transactions: a place to crash at.
	After func(step string)
}

// The named steps.
const (
	Created   = "created"
	Gathered  = "gathered"  // a batch has its items, and is open
	Sealed    = "sealed"    // written down that the bank may have it
	Begun     = "begun"     // written down that a file is being brought to the bank
	Submitted = "submitted" // the bank was told; its answer is not written down
	Accepted  = "accepted"  // its answer is written down
	Settled   = "settled"
	Kept      = "kept" // a file of the bank is kept, and the bank still offers it
)

// Service makes payouts and carries them to the end.
type Service struct {
	pool  *bun.DB
	cfg   Config
	turns map[errand][2]chan struct{} // whose turn it is, by mode; see alone
	rests sync.Map                    // resting → until when
}

// New keeps payouts in pool.
func New(pool *bun.DB, cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.After == nil {
		cfg.After = func(string) {}
	}
	s := &Service{pool: pool, cfg: cfg, turns: make(map[errand][2]chan struct{})}
	for _, work := range []errand{oneByOne, inFiles} {
		s.turns[work] = [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	}
	return s
}

// Pays reports whether there is a bank in a mode.
func (s *Service) Pays(livemode bool) bool { return len(s.cfg.Rails.For(livemode)) > 0 }

func newLineID() string { return id.New("txn") }

// post books one entry that must not be refused.
func (s *Service) post(ctx context.Context, tx bun.Tx, e ledger.Entry) error {
	results, err := s.cfg.Book.Post(ctx, tx, e)
	if err != nil {
		return fmt.Errorf("post %s of %s: %w", e.Kind, e.Source, err)
	}
	return results[0].Err
}

// Get is a payout of the scope's account, or NotFound.
func (s *Service) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, payout string) (*Payout, error) {
	return find(ctx, idb, scope, payout, false)
}
