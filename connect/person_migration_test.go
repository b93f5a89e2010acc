package connect_test

import (
	"context"
	"io/fs"
	"log/slog"
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
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Accounts from before there were persons keep their individual, who becomes one.
func TestIndividualsFromBeforeBecomePersons(t *testing.T) {
	pool, err := db.Open(t.Context(), db.Config{URL: dbtest.Empty(t), Name: "test", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	exec := func(statements string) {
		t.Helper()
		if _, err := pool.ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
	}
	const ours = "20261125100100_connect_requirements.tx.up.sql"
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == ours {
			exec(`INSERT INTO connect.accounts (id, platform, livemode, type, fees_payer, losses_payments, requirement_collection, dashboard, country,
					default_currency, business_type, individual, created_at, version)
				VALUES ('acct_hub', 'acct_hub', NULL, 'standard', 'account', 'stripe', 'stripe', 'full', 'HK', 'hkd', '', 'null', '2026-11-22', 1),
					('acct_tutor', 'acct_hub', false, 'custom', 'account', 'stripe', 'stripe', 'full', 'HK', 'hkd', 'individual',
					'{"id": "person_1", "object": "person", "account": "acct_tutor", "created": 1795219200, "first_name": "Siu Ming", "metadata": {"a": "1"},
						"dob": {"day": 1, "month": 2, "year": 1990}, "id_number_provided": true}', '2026-11-22', 1)`)
		}
		exec(string(text))
	}
	master := []byte(strings.Repeat("m", 32))
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFixed(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC))
	accounts := connect.NewAccounts(pool, connect.Config{Clocks: clock.Modes{Live: now, Test: now}, Log: event.Log{}, Keyring: ring, Pepper: secret.RandomPepper()})
	scope := tenant.Scope{Platform: "acct_hub", Account: "acct_hub"}
	a, err := accounts.Get(t.Context(), pool, scope, "acct_tutor")
	if err != nil {
		t.Fatal(err)
	}
	w := a.Wire().Individual
	if w == nil || w.ID != "person_1" || *w.FirstName != "Siu Ming" || !w.IDNumberProvided || w.Metadata["a"] != "1" || w.Verification.Status != "unverified" || !*w.Relationship.Representative {
		t.Fatalf("individual: %+v", w)
	}
	last := "Chan"
	err = db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
		born := event.Event{
			Type: "account.updated", Account: "acct_tutor", Platform: "acct_hub", ObjectID: "acct_tutor", ObjectVersion: 1,
			Object: []byte(`{"id": "acct_tutor"}`), CreatedAt: now.Now(),
		}
		if err := (event.Log{}).Append(ctx, tx, born); err != nil {
			return err
		}
		_, err := accounts.UpdatePerson(ctx, tx, now.Now(), scope, "acct_tutor", "person_1", connect.PersonParams{LastName: &last})
		return err
	})
	var events string
	if err == nil {
		err = pool.NewRaw("SELECT string_agg(type || ' ' || object_version, ', ') FROM platform.events WHERE object_id = 'person_1'").Scan(t.Context(), &events)
	}
	if err != nil || events != "person.updated 1" {
		t.Fatalf("events: %s, %v", events, err)
	}
	if err := connect.NewVerification(accounts, slog.New(slog.DiscardHandler)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}
