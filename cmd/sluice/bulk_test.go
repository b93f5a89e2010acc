package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// bulk makes much of something by the services themselves, past HTTP: as many rows to
// a transaction as the product would write.
type bulk struct {
	t        testing.TB
	app      *App
	platform string
}

// perCommit is how many rows of a kind bulk writes in one transaction.
const perCommit = 1000

func (b bulk) in(fn func(ctx context.Context, tx bun.Tx) error) {
	b.t.Helper()
	if err := db.InTx(b.t.Context(), b.app.pool, fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b bulk) now() time.Time { return b.app.clocks.Test.Now() }

func (b bulk) scope(account string) tenant.Scope {
	return tenant.Scope{Platform: b.platform, Account: account}
}

// accounts makes n alike: paid at an interval, at a bank account of this number. All but
// the first are copies of the one that was made as the API makes it.
func (b bulk) accounts(n int, interval, number string, debits bool) (ids []string) {
	b.t.Helper()
	var like connect.Account
	b.in(func(ctx context.Context, tx bun.Tx) (err error) {
		like, err = b.app.accounts.Create(ctx, tx, b.now(), b.scope(b.platform), connect.CreateParams{
			Type: "custom", Country: "HK", UpdateParams: connect.UpdateParams{
				Capabilities: connect.CapabilityRequests{connect.TransfersCapability: true},
				Settings: &connect.SettingsParams{Payouts: &connect.PayoutSettingsParams{
					Schedule: &connect.ScheduleParams{Interval: &interval}, DebitNegativeBalances: &debits,
				}},
				ExternalAccount: connect.ExternalAccountParam{Bank: &connect.BankParams{
					Country: "HK", Currency: "hkd", RoutingNumber: "110000", AccountNumber: secret.New(number),
					AccountHolderName: "May Wong", AccountHolderType: "individual",
				}},
			},
		})
		return err
	})
	if !like.Standing().PayoutsEnabled {
		b.t.Fatal("the account may not be paid out")
	}
	for ids = []string{like.ID}; len(ids) < n; {
		b.in(func(ctx context.Context, tx bun.Tx) error {
			more, err := b.app.accounts.Copies(ctx, tx, b.now(), b.scope(b.platform), like.ID, min(perCommit, n-len(ids)))
			ids = append(ids, more...)
			return err
		})
	}
	return ids
}

// post books entries through the ledger.
func (b bulk) post(entries []ledger.Entry) {
	b.t.Helper()
	for len(entries) > 0 {
		n := min(perCommit, len(entries))
		b.in(func(ctx context.Context, tx bun.Tx) error {
			results, err := b.app.book.Post(ctx, tx, entries[:n]...)
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			return err
		})
		entries = entries[n:]
	}
}

// number is what stands in an environment variable, or def.
func number[T ~int | ~uint64](t testing.TB, variable string, def T) T {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return def
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(variable, err)
	}
	return T(n)
}
