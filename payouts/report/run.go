package report

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Status is how far a run is.
type Status string

// The states of a run.
const (
	Pending   Status = "pending"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Run is a report that was asked for.
type Run struct {
	ID       string // frr_…
	Platform string
	Account  string // whose report it is: the platform, or a connected account acted for
	Livemode bool
	Type     string
	Parameters
	Status      Status
	Error       string // of a failed run
	File        string // file_… of a succeeded one
	Rows        int64
	Size        int64 // bytes of the CSV
	CreatedAt   time.Time
	SucceededAt time.Time `bun:",nullzero"`
}

// Scope is the view of the run's account.
func (r *Run) Scope() tenant.Scope {
	return tenant.Scope{Platform: r.Platform, Account: r.Account, Livemode: r.Livemode}
}

// Parameters say what a report covers.
type Parameters struct {
	From             time.Time `bun:"interval_start,nullzero"` // arrival dates of payouts
	To               time.Time `bun:"interval_end,nullzero"`   // excluded
	Payout           string
	ConnectedAccount string
	Currency         money.Currency
	Category         string   `bun:"reporting_category"`
	Timezone         string   // IANA; "" is UTC
	Columns          []string `bun:",array"`
}

// Params ask for a run.
type Params struct {
	Type       string `form:"report_type,required"`
	Parameters struct {
		Columns          []string `form:"columns"`
		ConnectedAccount string   `form:"connected_account"`
		Currency         string   `form:"currency"`
		IntervalEnd      *int64   `form:"interval_end"`
		IntervalStart    *int64   `form:"interval_start"`
		Payout           string   `form:"payout"`
		Category         string   `form:"reporting_category"`
		Timezone         string   `form:"timezone"`
	} `form:"parameters"`
}

// latest is the end of time for intervals, 9999-12-31.
const latest = 253402300799

// read checks what is asked for.
func (p Params) read(scope tenant.Scope) (Type, Parameters, error) {
	in := p.Parameters
	out := Parameters{Payout: in.Payout, ConnectedAccount: in.ConnectedAccount, Currency: money.Currency(in.Currency), Category: in.Category,
		Timezone: in.Timezone, Columns: in.Columns}
	t, err := Find(p.Type)
	if err != nil {
		return t, out, fault.Invalidf("resource_missing", "report_type", "No such report type: '%s'", p.Type)
	}
	bad := func(name, format string, args ...any) error {
		return fault.Invalidf("parameter_invalid", "parameters["+name+"]", format, args...)
	}
	if _, err := t.choose(in.Columns); err != nil {
		return t, out, err
	}
	if _, err := time.LoadLocation(in.Timezone); err != nil || in.Timezone == "Local" {
		return t, out, bad("timezone", "Invalid timezone: %q is no IANA time zone such as Asia/Hong_Kong.", in.Timezone)
	}
	switch {
	case t.Connected && scope.Connected():
		return t, out, fault.Invalidf("parameter_invalid", "report_type", "The report %s is for platforms; without Stripe-Account.", t.ID)
	case !t.Connected && in.ConnectedAccount != "":
		return t, out, bad("connected_account", "The report %s is of your own account; those of connected accounts begin with connected_account_.", t.ID)
	case in.Currency != "" && !out.Currency.Known():
		return t, out, bad("currency", "Invalid currency: %s", in.Currency)
	case in.Category != "" && t.grain == perPayout:
		return t, out, bad("reporting_category", "The report %s is of whole payouts and has no categories.", t.ID)
	case in.Category != "" && !payouts.Itemises(in.Category):
		return t, out, bad("reporting_category", "Invalid reporting_category: no line of a payout is of the category %q.", in.Category)
	case t.ByID && in.Payout == "":
		return t, out, fault.Missing("parameters[payout]")
	case !t.ByID && in.Payout != "":
		return t, out, bad("payout", "The report %s covers an interval; take a report of the kind by_id for one payout.", t.ID)
	case t.ByID && (in.IntervalStart != nil || in.IntervalEnd != nil):
		return t, out, bad("interval_start", "The report %s is of one payout and has no interval.", t.ID)
	case t.ByID:
		return t, out, nil
	case in.IntervalStart == nil:
		return t, out, fault.Missing("parameters[interval_start]")
	case in.IntervalEnd == nil:
		return t, out, fault.Missing("parameters[interval_end]")
	case *in.IntervalStart < 0 || *in.IntervalStart > latest:
		return t, out, bad("interval_start", "Invalid interval_start: must be a time in seconds since 1970.")
	case *in.IntervalEnd <= *in.IntervalStart || *in.IntervalEnd > latest:
		return t, out, bad("interval_end", "Invalid interval_end: must be later than interval_start.")
	}
	out.From, out.To = time.Unix(*in.IntervalStart, 0).UTC(), time.Unix(*in.IntervalEnd, 0).UTC()
	return t, out, nil
}

// Accounts tells whose connected accounts are whose.
type Accounts interface {
	ConnectedTo(ctx context.Context, platform, account string, livemode bool) (bool, error)
}

// Service keeps report runs.
type Service struct {
	pool     *bun.DB
	accounts Accounts
	events   event.Log
}

// New keeps runs in pool.
func New(pool *bun.DB, accounts Accounts) *Service { return &Service{pool: pool, accounts: accounts} }

// Create asks for a report; Work makes it soon. at is real time.
func (s *Service) Create(ctx context.Context, tx bun.Tx, scope tenant.Scope, p Params, at time.Time) (*Run, error) {
	t, parameters, err := p.read(scope)
	if err != nil {
		return nil, err
	}
	if parameters.ConnectedAccount != "" {
		theirs, err := s.accounts.ConnectedTo(ctx, scope.Platform, parameters.ConnectedAccount, scope.Livemode)
		if err != nil {
			return nil, err
		}
		if !theirs {
			return nil, fault.Invalidf("resource_missing", "parameters[connected_account]", "No such account: '%s'", parameters.ConnectedAccount)
		}
	}
	r := &Run{ID: id.New("frr"), Platform: scope.Platform, Account: scope.Account, Livemode: scope.Livemode, Type: t.ID, Parameters: parameters,
		Status: Pending, CreatedAt: at}
	if t.ByID {
		if err := s.mustHave(ctx, tx, r); err != nil {
			return nil, err
		}
	}
	if _, err := tx.NewInsert().Model(&runRow{Run: *r}).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert report run: %w", err)
	}
	return r, nil
}

// ListParams narrow the list of runs.
type ListParams struct {
	page.Params
	Created page.Range `form:"created"`
}
