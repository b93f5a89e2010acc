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
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
)

var tutorHub = credential.Owner{Account: "acct_tutorhub"}

// desk is one node with its keys; several may share a database.
type desk struct {
	pool  *bun.DB
	clock *clock.Fixed
	auth  *credential.Authenticator
	keys  *credential.Service
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	return nodeOf(t, dbtest.New(t), clock.NewFixed(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)))
}

func nodeOf(t testing.TB, pool *bun.DB, clk *clock.Fixed) *desk {
	t.Helper()
	pepper, err := secret.NewPepper(bytes.Repeat([]byte{7}, 32), "api_keys")
	if err != nil {
		t.Fatal(err)
	}
	auth := credential.NewAuthenticator(pool, pepper, clk)
	return &desk{pool: pool, clock: clk, auth: auth, keys: credential.NewService(auth, "charges", "refunds")}
}

func (d *desk) in(t testing.TB, do func(ctx context.Context, tx bun.Tx, at time.Time) error) error {
	t.Helper()
	return db.InTx(t.Context(), d.pool, func(ctx context.Context, tx bun.Tx) error { return do(ctx, tx, d.clock.Now()) })
}

func (d *desk) create(t testing.TB, owner credential.Owner, want credential.NewKey) (credential.Key, string) {
	t.Helper()
	var (
		key   credential.Key
		plain secret.Text
	)
	if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) (err error) {
		key, plain, err = d.keys.Create(ctx, tx, at, owner, want)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return key, plain.Reveal()
}

func (d *desk) roll(t testing.TB, id string, overlap time.Duration) (credential.Key, string, error) {
	t.Helper()
	var (
		key   credential.Key
		plain secret.Text
	)
	err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) (err error) {
		key, plain, err = d.keys.Roll(ctx, tx, at, tutorHub, id, overlap)
		return err
	})
	return key, plain.Reveal(), err
}

func (d *desk) revoke(t testing.TB, id string) {
	t.Helper()
	if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) error {
		_, err := d.keys.Revoke(ctx, tx, at, tutorHub, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	d.keys.Forget(id)
}

func (d *desk) works(t testing.TB, plain string) bool {
	t.Helper()
	_, err := d.auth.Authenticate(t.Context(), plain)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

func TestKeyAuthenticatesAsItsOwnerInItsMode(t *testing.T) {
	d := newDesk(t)
	for _, live := range []bool{false, true} {
		owner := credential.Owner{Account: "acct_tutorhub", Livemode: live}
		made, plain := d.create(t, owner, credential.NewKey{Kind: credential.Restricted, Name: "reports", Scopes: []string{"refunds:read", "charges:write"}})
		if !strings.HasPrefix(plain, made.Prefix) || !strings.HasSuffix(plain, made.Last4) {
			t.Fatalf("key %s…%s does not fit what is shown", made.Prefix, made.Last4)
		}
		for range 2 { // from the database, then from the cache
			got, err := d.auth.Authenticate(t.Context(), plain)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != made.ID || got.Account != owner.Account || got.Livemode != live || got.Kind != credential.Restricted ||
				strings.Join(got.Scopes, " ") != "charges:write refunds:read" {
				t.Fatalf("authenticated as %+v", got)
			}
		}
	}
	_, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	if got, err := d.auth.Authenticate(t.Context(), plain); err != nil || got.Scopes != nil {
		t.Fatalf("an unrestricted key has scopes %v, %v", got.Scopes, err)
	}
}

func TestKeyIsNowhereInTheDatabase(t *testing.T) {
	d := newDesk(t)
	_, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	var row string
	if err := d.pool.NewRaw("SELECT string_agg(k::text, ' ') FROM oauth.api_keys AS k").Scan(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(row, plain[8:20]) || strings.Contains(row, plain) {
		t.Fatal("the row shows the key")
	}
	pepper, err := secret.NewPepper(bytes.Repeat([]byte{8}, 32), "api_keys")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credential.NewAuthenticator(d.pool, pepper, d.clock).Authenticate(t.Context(), plain); !fault.Is(err, fault.Unauthenticated) {
		t.Fatalf("the key works under another pepper: %v", err)
	}
}

func TestUnknownKeyErrorShowsOnlyItsEnds(t *testing.T) {
	d := newDesk(t)
	other := newDesk(t)
	_, plain := other.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	_, err := d.auth.Authenticate(t.Context(), plain)
	if !fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), plain[8:12]) || !strings.Contains(err.Error(), plain[len(plain)-4:]) {
		t.Fatalf("error %q", err)
	}
	_, err = d.auth.Authenticate(t.Context(), "hunter2")
	if !fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("error %q", err)
	}
}

func TestRevokedKeyStopsAtOnceHereAndWithinFiveSecondsElsewhere(t *testing.T) {
	here := newDesk(t)
	there := nodeOf(t, here.pool, here.clock)
	key, plain := here.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	if !here.works(t, plain) || !there.works(t, plain) {
		t.Fatal("a new key does not work")
	}
	here.revoke(t, key.ID)
	revoked := time.Now()
	if here.works(t, plain) {
		t.Fatal("the node that revoked the key accepts it")
	}
	for there.works(t, plain) {
		if time.Since(revoked) > 5*time.Second {
			t.Fatal("another node accepts the key for more than five seconds")
		}
	}
	here.revoke(t, key.ID) // once more changes nothing
}

func TestRolledKeyOverlapsAndThenExpires(t *testing.T) {
	d := newDesk(t)
	old, oldPlain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Restricted, Name: "till", Scopes: []string{"charges:write"}})
	next, nextPlain, err := d.roll(t, old.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if next.Name != "till" || next.Kind != credential.Restricted || len(next.Scopes) != 1 || !next.ExpiresAt.IsZero() || nextPlain == oldPlain {
		t.Fatalf("successor %+v", next)
	}
	d.clock.Advance(time.Hour - time.Second)
	if !d.works(t, oldPlain) || !d.works(t, nextPlain) {
		t.Fatal("both keys work during the overlap")
	}
	d.clock.Advance(time.Second)
	if d.works(t, oldPlain) || !d.works(t, nextPlain) {
		t.Fatal("after the overlap only the new key works")
	}
	_, err = d.auth.Authenticate(t.Context(), oldPlain)
	if f := fault.As(err); f == nil || f.Code != "api_key_expired" {
		t.Fatalf("expired key: %v", err)
	}
	if _, _, err := d.roll(t, old.ID, 0); !fault.Is(err, fault.Invalid) {
		t.Fatalf("rolling an expired key: %v", err)
	}
}

func TestRollRefusesOverlapsOutsideSevenDays(t *testing.T) {
	d := newDesk(t)
	key, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	for _, overlap := range []time.Duration{-time.Second, credential.MaxOverlap + time.Second} {
		if _, _, err := d.roll(t, key.ID, overlap); !fault.Is(err, fault.Invalid) {
			t.Errorf("overlap %s: %v", overlap, err)
		}
	}
	if _, _, err := d.roll(t, key.ID, 0); err != nil {
		t.Fatal(err)
	}
	if d.works(t, plain) {
		t.Fatal("a key rolled without overlap works")
	}
}

func TestConcurrentRollsMakeOneSuccessor(t *testing.T) {
	d := newDesk(t)
	key, _ := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		won   int
	)
	for range 8 {
		group.Go(func() {
			if _, _, err := d.roll(t, key.ID, time.Hour); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			} else if !fault.Is(err, fault.Invalid) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won != 1 {
		t.Fatalf("%d rolls succeeded", won)
	}
}

func TestKeyWithLifetimeExpiresAndItsSuccessorLivesAsLong(t *testing.T) {
	d := newDesk(t)
	start := d.clock.Now()
	key, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret, ExpiresAt: start.Add(90 * time.Minute)})
	d.clock.Advance(time.Hour)
	next, _, err := d.roll(t, key.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if want := start.Add(time.Hour + 90*time.Minute); !next.ExpiresAt.Equal(want) {
		t.Fatalf("successor expires %s, want %s", next.ExpiresAt, want)
	}
	d.clock.Advance(30 * time.Minute)
	if d.works(t, plain) {
		t.Fatal("a roll lengthened the old key's life")
	}
}

func TestCreateRefusesWhatMakesNoSense(t *testing.T) {
	d := newDesk(t)
	for name, want := range map[string]credential.NewKey{
		"no kind":             {},
		"unknown kind":        {Kind: "xk"},
		"scopes on secret":    {Kind: credential.Secret, Scopes: []string{"charges:read"}},
		"no scopes":           {Kind: credential.Restricted},
		"unknown resource":    {Kind: credential.Restricted, Scopes: []string{"planets:read"}},
		"long name":           {Kind: credential.Secret, Name: strings.Repeat("é", 201)},
		"expired before born": {Kind: credential.Secret, ExpiresAt: d.clock.Now()},
	} {
		err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) error {
			_, _, err := d.keys.Create(ctx, tx, at, tutorHub, want)
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOwnersSeeOnlyTheirKeysOfTheirMode(t *testing.T) {
	d := newDesk(t)
	key, _ := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	for _, other := range []credential.Owner{{Account: "acct_other"}, {Account: tutorHub.Account, Livemode: true}} {
		if _, err := d.keys.Get(t.Context(), d.pool, other, key.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v got the key: %v", other, err)
		}
		if found, err := d.keys.List(t.Context(), d.pool, other, page.Params{}); err != nil || len(found.Items) != 0 {
			t.Errorf("%+v lists %d keys, %v", other, len(found.Items), err)
		}
		if err := d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) error {
			_, err := d.keys.Revoke(ctx, tx, at, other, key.ID)
			return err
		}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%+v revoked the key: %v", other, err)
		}
	}
}

func TestListIsNewestFirstInPages(t *testing.T) {
	d := newDesk(t)
	var ids []string
	for range 3 {
		key, _ := d.create(t, tutorHub, credential.NewKey{Kind: credential.Publishable})
		ids = append(ids, key.ID)
	}
	two := int64(2)
	first, err := d.keys.List(t.Context(), d.pool, tutorHub, page.Params{Limit: &two})
	if err != nil || !first.HasMore || first.Items[0].ID != ids[2] || first.Items[1].ID != ids[1] {
		t.Fatalf("first page %+v, %v", first, err)
	}
	rest, err := d.keys.List(t.Context(), d.pool, tutorHub, page.Params{StartingAfter: ids[1]})
	if err != nil || rest.HasMore || len(rest.Items) != 1 || rest.Items[0].ID != ids[0] {
		t.Fatalf("second page %+v, %v", rest, err)
	}
}

func TestLastUseIsWrittenLaterAndNeverMovesBack(t *testing.T) {
	d := newDesk(t)
	key, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	lastUsed := func() time.Time {
		got, err := d.keys.Get(t.Context(), d.pool, tutorHub, key.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.LastUsedAt
	}
	use := func(node *desk) {
		if !node.works(t, plain) {
			t.Fatal("the key does not work")
		}
		if err := node.auth.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	use(d)
	first := d.clock.Now()
	if !lastUsed().Equal(first) {
		t.Fatalf("last used %s, want %s", lastUsed(), first)
	}
	d.clock.Advance(30 * time.Second)
	use(d)
	if !lastUsed().Equal(first) {
		t.Fatal("a use within the minute was written")
	}
	d.clock.Advance(time.Hour)
	use(d)
	if !lastUsed().Equal(d.clock.Now()) {
		t.Fatal("a later use was not written")
	}
	late := nodeOf(t, d.pool, clock.NewFixed(first.Add(5*time.Minute)))
	use(late)
	if !lastUsed().Equal(d.clock.Now()) {
		t.Fatal("last use moved back")
	}
}

func TestRunFlushesAtTheEnd(t *testing.T) {
	d := newDesk(t)
	key, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret})
	if !d.works(t, plain) {
		t.Fatal("the key does not work")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.auth.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := d.keys.Get(t.Context(), d.pool, tutorHub, key.ID)
	if err != nil || got.LastUsedAt.IsZero() {
		t.Fatalf("last use lost at shutdown: %v", err)
	}
}

func BenchmarkAuthenticateCached(b *testing.B) {
	d := newDesk(b)
	system := nodeOf(b, d.pool, d.clock)
	_, plain := d.create(b, tutorHub, credential.NewKey{Kind: credential.Secret})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := system.auth.Authenticate(b.Context(), plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticateUncached(b *testing.B) {
	d := newDesk(b)
	key, plain := d.create(b, tutorHub, credential.NewKey{Kind: credential.Secret})
	for b.Loop() {
		d.keys.Forget(key.ID)
		if _, err := d.auth.Authenticate(b.Context(), plain); err != nil {
			b.Fatal(err)
		}
	}
}
