package payment

import (
	"context"
	"log/slog"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Accounts tells what the payment path has to know of an account; answers may
// be a few seconds old.
type Accounts interface {
	Lookup(ctx context.Context, scope tenant.Scope, id string) (connect.Summary, error)
}

// Config is what the service stands on.
type Config struct {
	Pool      *bun.DB
	Book      *ledger.Book
	Keys      *idempotency.Store
	Clocks    clock.Modes
	Accounts  Accounts
	Methods   *Methods
	Transfers *connect.TransferService
	// Sandbox takes test payments, Live real ones; a nil Live refuses live payments.
	Sandbox, Live processor.Processor
	// Receipt is the address of a charge's receipt; nil: there are none.
	Receipt func(charge string) string
	// SendReceipt mails the receipt of a charge to an address; nil: nobody does. It reads in
	// the transaction that keeps the address, and must not wait for a mail server.
	SendReceipt func(ctx context.Context, tx bun.Tx, c *Charge, to string)

	Log *slog.Logger
	// Step is told the name of each finished step of a payment, for fault injection in tests; nil is quiet.
	Step func(name string)
	// Batches bounds the commits that payments begin and settle in; the zero value is the defaults.
	Batches db.CommitterConfig
}

// Service takes payments: begin, authorize, settle. See doc.go.
type Service struct {
	Config
	events  event.Log
	begins  *db.Committer[*attempt]
	settles *db.Committer[*settlement]
}

// New starts the writers; Close waits for what they have queued.
func New(cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Step == nil {
		cfg.Step = func(string) {}
	}
	s := &Service{Config: cfg}
	s.begins = db.NewCommitter(cfg.Pool, cfg.Batches, s.beginAll)
	s.settles = db.NewCommitter(cfg.Pool, cfg.Batches, s.settleAll)
	return s
}

// Close finishes queued work.
func (s *Service) Close() {
	s.begins.Close()
	s.settles.Close()
}

// processor is whoever moves the money of a mode.
func (s *Service) processor(livemode bool) (processor.Processor, error) {
	p := s.Sandbox
	if livemode {
		p = s.Live
	}
	if p == nil {
		return nil, fault.Invalidf("testmode_charges_only", "", "No processor is set up for this mode. Use your test keys, or configure a live processor.")
	}
	return p, nil
}
