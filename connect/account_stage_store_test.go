package connect_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/migrations"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

var hubs = tenant.Scope{Platform: "acct_hub", Account: "acct_hub"}

func accountsOf(t *testing.T, pool *bun.DB, at time.Time) *connect.Accounts {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: []byte(strings.Repeat("m", 32))})
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFixed(at)
	return connect.NewAccounts(pool, connect.Config{Clocks: clock.Modes{Live: now, Test: now}, Log: event.Log{}, Keyring: ring, Pepper: secret.RandomPepper()})
}

// Accounts from before lists had columns of their own learn them from the job that
// tells of deadlines, and are found by them from then on.
func TestAccountsFromBeforeAreFoundOnceTheDeadlineJobRan(t *testing.T) {
	t.Parallel()
	pool, err := db.Open(t.Context(), db.Config{URL: dbtest.Empty(t), Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	born := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "20261201100300_connect_account_stage.tx.up.sql" {
			_, err := pool.ExecContext(t.Context(), `INSERT INTO connect.accounts (id, platform, livemode, type, fees_payer, losses_payments, requirement_collection, dashboard,
					country, default_currency, business_type, email, created_at, version)
				VALUES ('acct_hub', 'acct_hub', NULL, 'standard', 'account', 'stripe', 'stripe', 'full', 'HK', 'hkd', '', '', ?0, 1),
					('acct_may', 'acct_hub', false, 'express', 'application', 'application', 'stripe', 'express', 'HK', 'hkd', '', 'may@example.com', ?0, 1),
					('acct_gone', 'acct_hub', false, 'express', 'application', 'application', 'stripe', 'express', 'HK', 'hkd', '', 'gone@example.com', ?0, 1);
				UPDATE connect.accounts SET closed_at = ?0 WHERE id = 'acct_gone'`, born)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pool.ExecContext(t.Context(), string(text)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	accounts := accountsOf(t, pool, born.AddDate(0, 0, 10))
	found := func(f connect.AccountFilter) (ids string) {
		t.Helper()
		list, err := accounts.List(t.Context(), pool, hubs, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list.Items {
			ids += a.ID
		}
		return ids
	}
	restricted := connect.AccountFilter{Status: string(connect.StageRestricted), Search: "MAY@"}
	if got := found(restricted); got != "" {
		t.Fatalf("before the job: %s", got)
	}
	if err := connect.NewVerification(accounts, slog.New(slog.DiscardHandler)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(restricted); got != "acct_may" {
		t.Errorf("after the job, by stage and address: %q", got)
	}
	counts, err := accounts.Summary(t.Context(), pool, hubs)
	if err != nil || counts.Counts["all"] != 1 || counts.Counts[string(connect.StageRestricted)] != 1 {
		t.Errorf("counted %v %v", counts.Counts, err)
	}
}

// A page of any list of accounts reads about as many rows as it shows, in a thousand
// accounts as in SLUICE_MANY_ACCOUNTS=200000.
func TestListsOfAccountsReadWhatTheyShow(t *testing.T) {
	t.Parallel()
	many := 5000
	if given := os.Getenv("SLUICE_MANY_ACCOUNTS"); given != "" {
		var err error
		if many, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	pool := dbtest.New(t)
	_, err := pool.ExecContext(t.Context(), `INSERT INTO connect.accounts (id, platform, livemode, type, fees_payer, losses_payments, requirement_collection, dashboard,
			country, default_currency, business_type, email, created_at, version, stage, owes, known_as)
		SELECT 'acct_' || lpad(i::text, 9, '0'), 'acct_hub', false, 'express', 'application', 'application', 'stripe', 'express',
			'HK', 'hkd', '', 'tutor' || i || '@example.com', timestamptz '2026-11-22' + i * interval '1 second', 1,
			CASE WHEN i % 500 = 0 THEN 'restricted' WHEN i % 777 = 0 THEN 'rejected' ELSE 'enabled' END, i % 500 = 0, 'tutor ' || i
		FROM generate_series(1, ?0) AS i`, many)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), "ANALYZE connect.accounts"); err != nil {
		t.Fatal(err)
	}
	accounts := accountsOf(t, pool, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	const most = 2500 // a search looks at a thousand of each sort; a list reads its page
	limit := int64(20)
	for name, f := range map[string]connect.AccountFilter{
		"all": {}, "needs action": {Status: connect.NeedsAction}, "a rare stage": {Status: "rejected"}, "a common stage": {Status: "enabled"},
		"by name": {Search: "tutor 49"}, "by address": {Search: "tutor49@"}, "by nothing there is": {Search: "zzz"},
	} {
		f.Params = page.Params{Limit: &limit}
		err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
			before := read(ctx, t, tx)
			if _, err := accounts.List(ctx, tx, hubs, f); err != nil {
				return err
			}
			if rows := read(ctx, t, tx) - before; rows > most {
				t.Errorf("%s of %d accounts reads %d rows", name, many, rows)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read is how many rows of accounts this connection has read so far, of those that are
// not yet in the statistics.
func read(ctx context.Context, t *testing.T, tx bun.Tx) (rows int64) {
	t.Helper()
	err := tx.NewRaw("SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relid = 'connect.accounts'::regclass").Scan(ctx, &rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
