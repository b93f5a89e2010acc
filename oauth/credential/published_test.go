package credential_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

func published(t *testing.T, d *desk, master byte) *credential.Published {
	t.Helper()
	ring, err := secret.NewKeyring(secret.Master{ID: "m", Key: bytes.Repeat([]byte{master}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewPublished(d.keys, ring)
}

func publish(t *testing.T, d *desk, p *credential.Published, live bool) string {
	t.Helper()
	var plain string
	if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) (err error) {
		plain, err = p.PublishableKey(ctx, tx, at, "acct_tutorhub", "acct_mei", live)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestAnAccountsPublishableKeyIsShownAgainAndActsForItsPlatformsAccount(t *testing.T) {
	d := newDesk(t)
	p := published(t, d, 1)
	first := publish(t, d, p, false)
	if !strings.HasPrefix(first, "pk_test_") || publish(t, d, p, false) != first {
		t.Fatal("the key is not the same again")
	}
	if live := publish(t, d, p, true); !strings.HasPrefix(live, "pk_live_") {
		t.Errorf("live key %s", live[:8])
	}
	key, err := d.auth.Authenticate(t.Context(), first)
	if err != nil || key.Account != "acct_mei" || key.Platform != "acct_tutorhub" || key.Kind != credential.Publishable {
		t.Errorf("authenticates as %+v, %v", key, err)
	}
	var rows string
	if err := d.pool.NewRaw("SELECT string_agg(p::text, ' ') FROM oauth.published_keys AS p").Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(rows, first[8:]) {
		t.Error("the database holds the key in plain")
	}
}

func TestARevokedOrUnreadablePublishableKeyIsReplaced(t *testing.T) {
	d := newDesk(t)
	p := published(t, d, 1)
	first := publish(t, d, p, false)
	key, err := d.auth.Authenticate(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) error {
		_, err := d.keys.Revoke(ctx, tx, at, credential.Owner{Account: "acct_mei"}, key.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	second := publish(t, d, p, false)
	if second == first || !d.works(t, second) {
		t.Error("a revoked key is still shown")
	}
	other := published(t, d, 2) // another master secret
	if third := publish(t, d, other, false); third == second || !d.works(t, third) || !d.works(t, second) {
		t.Error("an unreadable key is not replaced, or stopped working")
	}
}

func TestConcurrentExchangesMakeOnePublishableKey(t *testing.T) {
	d := newDesk(t)
	p := published(t, d, 1)
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		keys = map[string]bool{}
	)
	for range 8 {
		all.Go(func() {
			err := db.InTx(t.Context(), d.pool, func(ctx context.Context, tx bun.Tx) error {
				plain, err := p.PublishableKey(ctx, tx, d.clock.Now(), "acct_tutorhub", "acct_mei", false)
				mu.Lock()
				defer mu.Unlock()
				keys[plain] = true
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(keys) != 1 {
		t.Errorf("%d keys were made", len(keys))
	}
}

func TestTheSuccessorOfAConnectedAccountsKeyKeepsItsPlatform(t *testing.T) {
	d := newDesk(t)
	owner := credential.Owner{Account: "acct_mei", Platform: "acct_tutorhub"}
	key, _ := d.create(t, owner, credential.NewKey{Kind: credential.Publishable})
	var next credential.Key
	if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) (err error) {
		next, _, err = d.keys.Roll(ctx, tx, at, credential.Owner{Account: "acct_mei"}, key.ID, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if next.Platform != "acct_tutorhub" {
		t.Errorf("the successor's platform is %q", next.Platform)
	}
}
