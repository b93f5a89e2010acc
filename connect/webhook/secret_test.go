package webhook_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// roll is RollSecret at a time.
func (p *post) roll(t *testing.T, at time.Time, endpointID string, overlap time.Duration) string {
	t.Helper()
	var key secret.Text
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		key, err = p.endpoints.RollSecret(ctx, tx, at, hub, endpointID, overlap)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return key.Reveal()
}

func (p *post) secrets(t *testing.T, endpointID string) int {
	t.Helper()
	var n int
	if err := p.pool.NewRaw("SELECT count(*) FROM connect.webhook_secrets WHERE endpoint = ?", endpointID).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *post) jwks(t *testing.T, at time.Time, endpointID string) (keys []map[string]string) {
	t.Helper()
	raw, err := p.endpoints.JWKS(t.Context(), p.pool, at, endpointID)
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// verifies reports whether a receiver that holds key believes a request; both schemes must agree.
func verifies(t *testing.T, req *http.Request, body []byte, key string) bool {
	t.Helper()
	stripe := stripewebhook.ValidatePayload(body, req.Header.Get("Stripe-Signature"), key)
	standard, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := standard.Verify(body, req.Header); (err == nil) != (stripe == nil) {
		t.Errorf("the schemes disagree: %v, %v", stripe, err)
	}
	return stripe == nil
}

func TestBothSecretsVerifyDuringTheOverlapAndOnlyTheNewOneAfterIt(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	p.run(t)
	now := time.Now()
	for _, c := range []struct {
		name    string
		rolled  time.Time // the dispatcher sends now
		overlap time.Duration
		old     bool
	}{
		{"within the overlap", now.Add(-23 * time.Hour), 24 * time.Hour, true},
		{"after it", now.Add(-25 * time.Hour), 24 * time.Hour, false},
		{"without one", now, 0, false},
		{"the longest", now.Add(-7*24*time.Hour + time.Hour), 7 * 24 * time.Hour, true},
	} {
		e, old := p.endpoint(t, hub, all(server.URL))
		fresh := p.roll(t, c.rolled, e.ID, c.overlap)
		before := server.count()
		p.happen(t, tutorHub, "charge.succeeded")
		until(t, "delivered", func() bool {
			got := p.deliveries(t, e.ID)
			return len(got) == 1 && got[0].Status == webhook.Delivered
		})
		server.mu.Lock()
		var mine bool // endpoints of the rows above get the event too
		for i, req := range server.got[before:] {
			if body := server.raw[before+i]; verifies(t, req, body, fresh) {
				mine = true
				if got := verifies(t, req, body, old); got != c.old {
					t.Errorf("%s: the old secret verifies: %v", c.name, got)
				}
			}
		}
		server.mu.Unlock()
		if !mine {
			t.Errorf("%s: the new secret verifies nothing", c.name)
		}
		if keys := p.jwks(t, now, e.ID); len(keys) == 2 != c.old {
			t.Errorf("%s: %d keys in the set", c.name, len(keys))
		}
	}
}

func TestPublishedKeysVerifyWhatIsSent(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	e, _ := p.endpoint(t, hub, all(server.URL))
	p.run(t)
	p.happen(t, tutorHub, "charge.succeeded")
	until(t, "delivered", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })
	keys := p.jwks(t, time.Now(), e.ID)
	if len(keys) != 1 || keys[0]["kty"] != "OKP" || keys[0]["crv"] != "Ed25519" || keys[0]["use"] != "sig" || !strings.HasPrefix(keys[0]["kid"], "whs_") {
		t.Fatalf("key set %v", keys)
	}
	public, err := base64.RawURLEncoding.DecodeString(keys[0]["x"])
	if err != nil {
		t.Fatal(err)
	}
	current, err := p.endpoints.PublicKeys(t.Context(), p.pool, e.ID)
	if err != nil || current[e.ID] != "whpk_"+base64.StdEncoding.EncodeToString(public) {
		t.Errorf("public key %v, %v", current, err)
	}
	header, body := server.got[0].Header, server.raw[0]
	_, v1a, _ := strings.Cut(header.Get("webhook-signature"), " v1a,")
	signature, err := base64.StdEncoding.DecodeString(v1a)
	content := fmt.Appendf(nil, "%s.%s.%s", header.Get("webhook-id"), header.Get("webhook-timestamp"), body)
	if err != nil || !ed25519.Verify(public, content, signature) {
		t.Errorf("v1a does not verify: %v", err)
	}
}

func TestAnEndpointHasAtMostThreeLiveSecrets(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	at := time.Now()
	for range 5 {
		at = at.Add(time.Minute)
		p.roll(t, at, e.ID, time.Hour)
	}
	keys := p.jwks(t, at, e.ID)
	if len(keys) != 3 || p.secrets(t, e.ID) != 3 {
		t.Fatalf("%d live secrets, %d rows", len(keys), p.secrets(t, e.ID))
	}
	p.roll(t, at.Add(-time.Hour), e.ID, 0) // by a node whose clock is behind: the new one counts all the same
	current, err := p.endpoints.PublicKeys(t.Context(), p.pool, e.ID)
	if err != nil || len(current) != 1 {
		t.Fatalf("current %v, %v", current, err)
	}
	if keys := p.jwks(t, at, e.ID); keys[0]["kid"] == "" || len(keys) > 3 {
		t.Errorf("key set %v", keys)
	}
}

func TestSecretsAreDestroyedOnceTheirEndHasCome(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	at := time.Now()
	p.roll(t, at, e.ID, time.Hour)
	for _, c := range []struct {
		after     time.Duration
		destroyed int64
	}{{time.Hour - time.Second, 0}, {time.Hour, 1}, {2 * time.Hour, 0}} {
		n, err := p.endpoints.SweepSecrets(t.Context(), p.pool, at.Add(c.after), 100)
		if err != nil || n != c.destroyed {
			t.Errorf("after %s: %d destroyed, want %d (%v)", c.after, n, c.destroyed, err)
		}
	}
	if n := p.secrets(t, e.ID); n != 1 {
		t.Errorf("%d secrets left", n)
	}
}

func TestOnlyItsOwnerRollsASecretAndNotTooLong(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	try := func(scope tenant.Scope, endpointID string, overlap time.Duration) error {
		return db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
			_, err := p.endpoints.RollSecret(ctx, tx, time.Now(), scope, endpointID, overlap)
			return err
		})
	}
	live := hub
	live.Livemode = true
	for _, scope := range []tenant.Scope{{Platform: "acct_other", Account: "acct_other"}, live, hub.For(tutor)} {
		if err := try(scope, e.ID, 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v: %v", scope, err)
		}
	}
	for _, overlap := range []time.Duration{-time.Second, webhook.MaxOverlap + time.Second} {
		if f := fault.As(try(hub, e.ID, overlap)); f == nil || f.Param != "overlap_seconds" {
			t.Errorf("an overlap of %s: %v", overlap, f)
		}
	}
	if n := p.secrets(t, e.ID); n != 1 {
		t.Errorf("%d secrets", n)
	}
}

func TestDeletedEndpointsHaveNoKeys(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	e, _ := p.endpoint(t, hub, all("https://example.com/"))
	p.roll(t, time.Now(), e.ID, time.Hour)
	if err := db.InTx(t.Context(), p.pool, func(ctx context.Context, tx bun.Tx) error {
		return p.endpoints.Delete(ctx, tx, time.Now(), hub, e.ID)
	}); err != nil {
		t.Fatal(err)
	}
	for _, endpointID := range []string{e.ID, "we_never", ""} {
		if _, err := p.endpoints.JWKS(t.Context(), p.pool, time.Now(), endpointID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", endpointID, err)
		}
	}
}

// Neither a secret, old or new, nor a private key stands in the database in any form we know.
func TestTheDatabaseHoldsNoSecretInClear(t *testing.T) {
	p := newPost(t, clock.System{}, webhook.DispatcherConfig{})
	server := newReceiver(t, nil)
	e, first := p.endpoint(t, hub, all(server.URL))
	second := p.roll(t, time.Now(), e.ID, time.Hour)
	p.run(t)
	p.happen(t, tutorHub, "charge.succeeded")
	until(t, "delivered", func() bool { return p.deliveries(t, e.ID)[0].Status == webhook.Delivered })
	var tables []string
	if err := p.pool.NewRaw(`SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`).Scan(t.Context(), &tables); err != nil {
		t.Fatal(err)
	}
	var dump strings.Builder
	for _, table := range tables {
		var rows []string
		if err := p.pool.NewRaw("SELECT t::text FROM ? AS t", bun.Safe(table)).Scan(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		dump.WriteString(strings.Join(rows, "\n"))
	}
	text := dump.String()
	if !strings.Contains(text, server.URL) {
		t.Fatal("the dump does not hold the endpoint: it was not looked at")
	}
	for _, key := range []string{first, second} {
		bare := strings.TrimPrefix(key, "whsec_")
		raw, _ := base64.StdEncoding.DecodeString(bare)
		for _, form := range []string{key, bare, fmt.Sprintf("%x", raw), fmt.Sprintf("%x", key), base64.RawURLEncoding.EncodeToString(raw)} {
			if strings.Contains(text, form) {
				t.Errorf("the database holds a secret as %.6s…", form)
			}
		}
	}
}

// Key pairs are of one pepper, one endpoint and one secret: they stay the same over
// restarts, and nothing else makes the same.
func TestKeyPairsFollowPepperEndpointAndSecret(t *testing.T) {
	pepper := func(first byte) secret.Pepper {
		master := make([]byte, 32)
		master[0] = first
		made, err := secret.NewPepper(master, "webhook_keys")
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	key := webhook.NewSigner(pepper(1)).PublicKey("we_1", "whs_1")
	if again := webhook.NewSigner(pepper(1)).PublicKey("we_1", "whs_1"); again != key {
		t.Error("another process makes another key")
	}
	signer := webhook.NewSigner(pepper(1))
	seen := map[string]string{key: "itself"}
	for name, other := range map[string]string{
		"another pepper": webhook.NewSigner(pepper(2)).PublicKey("we_1", "whs_1"), "another endpoint": signer.PublicKey("we_2", "whs_1"),
		"another secret": signer.PublicKey("we_1", "whs_2"), "another cut": signer.PublicKey("we_1w", "hs_1"),
	} {
		if seen[other] != "" {
			t.Errorf("%s has the key of %s", name, seen[other])
		}
		seen[other] = name
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whpk_")); err != nil || len(raw) != ed25519.PublicKeySize {
		t.Errorf("%q is not whpk_ and 32 bytes", key)
	}
}
