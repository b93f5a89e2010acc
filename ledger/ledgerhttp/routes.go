package ledgerhttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Accounts is what the door asks about accounts; the ledger knows only owners.
type Accounts interface {
	// DefaultCurrency is shown when an account has no money yet.
	DefaultCurrency(ctx context.Context, scope tenant.Scope) (money.Currency, error)
	// ConnectedTo tells whether the account belongs to the platform.
	ConnectedTo(ctx context.Context, platform, account string, livemode bool) (bool, error)
	// ConnectedAccounts lists all accounts of the platform.
	ConnectedAccounts(ctx context.Context, platform string, livemode bool) ([]string, error)
}

type door struct {
	pool     *bun.DB
	accounts Accounts
}

// Routes are the operations of the ledger, /v1/balance/history being the old
// name of /v1/balance_transactions.
func Routes(s *rest.Server, pool *bun.DB, accounts Accounts) []rest.Route {
	d := door{pool: pool, accounts: accounts}
	get := func(path, resource string, h rest.Handler, returns any) rest.Route {
		return rest.Route{Method: http.MethodGet, Path: path, Resource: resource, Handler: s.Read(h), Returns: returns}
	}
	lines, line := wire.List[wire.BalanceTransaction]{}, wire.BalanceTransaction{}
	return []rest.Route{
		get("/v1/balance", "balance", d.balance, wire.Balance{}),
		get("/v1/balance_transactions", "balance_transactions", d.list, lines),
		get("/v1/balance_transactions/running", "balance_transactions", d.running, wire.List[wire.RunningBalanceTransaction]{}),
		get("/v1/balance_transactions/{id}", "balance_transactions", d.get, line),
		get("/v1/balance/history", "balance_transactions", d.list, lines),
		get("/v1/balance/history/{id}", "balance_transactions", d.get, line),
		get("/v1/ledger/accounts", "ledger", d.listAccounts, wire.List[wire.LedgerAccount]{}),
		get("/v1/ledger/accounts/{id}", "ledger", d.getAccount, wire.LedgerAccount{}),
		get("/v1/ledger/accounts/{id}/lines", "ledger", d.lines, wire.List[wire.LedgerAccountLine]{}),
		get("/v1/ledger/entries", "ledger", d.entries, wire.List[wire.LedgerEntry]{}),
		get("/v1/ledger/entries/{id}", "ledger", d.entry, wire.LedgerEntry{}),
		get("/v1/ledger/entries/{id}/proof", "ledger", d.proof, wire.LedgerProof{}),
		get("/v1/ledger/trial_balance", "ledger", d.trialBalance, wire.TrialBalance{}),
	}
}

// Loader fetches a balance transaction for expand[] (prefix "txn").
func Loader(ctx context.Context, idb bun.IDB, scope tenant.Scope, id string) (any, error) {
	t, err := balance.Get(ctx, idb, scope, id)
	if err != nil {
		return nil, err
	}
	return Show(t), nil
}
