package credential_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/fault"
)

func TestNetworksAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	got, err := credential.ParseNetworks([]string{" 203.0.113.9", "203.0.113.9/32", "10.0.0.0/8", "2001:db8::1", "2001:DB8::/32", "::ffff:192.0.2.0/120", "::ffff:192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"203.0.113.9", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32", "192.0.2.0/24", "192.0.2.7"}
	if shown := credential.ShowNetworks(got); !slices.Equal(shown, want) {
		t.Errorf("read %v, want %v", shown, want)
	}
	if got, err := credential.ParseNetworks(nil); got != nil || err != nil {
		t.Errorf("nothing is a limit: %v %v", got, err)
	}
}

func TestANetworkThatNobodyMeantIsRefused(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]string{
		"10.1.2.3/8": "Write 10.0.0.0/8", "2001:db8::1/32": "Write 2001:db8::/32", "office": "IP address", "": "IP address", "10.0.0.0/33": "IP address",
		"fe80::1%eth0": "IP address", "::ffff:0.0.0.0/90": "IP address", "10.0.0.1-10.0.0.9": "IP address",
	} {
		_, err := credential.ParseNetworks([]string{text})
		if f := fault.As(err); f == nil || f.Param != "allowed_ips" || !strings.Contains(f.Message, told) {
			t.Errorf("%q: %v", text, err)
		}
	}
	many := make([]string, credential.MaxNetworks+1)
	for i := range many {
		many[i] = "2001:db8::" + string("0123456789abcdef"[i/16]) + string("0123456789abcdef"[i%16])
	}
	if _, err := credential.ParseNetworks(many); !fault.Is(err, fault.Invalid) {
		t.Errorf("too many: %v", err)
	}
}

func TestALimitIsKeptByItsSuccessorAndCanBeLifted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	networks, err := credential.ParseNetworks([]string{"203.0.113.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	key, plain := d.create(t, tutorHub, credential.NewKey{Kind: credential.Secret, Networks: networks})
	if held, err := d.auth.Authenticate(t.Context(), plain); err != nil || !slices.Equal(held.Networks, networks) {
		t.Fatalf("%v %v", held.Networks, err)
	}
	next, plain, err := d.roll(t, key.ID, time.Hour)
	if err != nil || !slices.Equal(next.Networks, networks) {
		t.Fatalf("the successor is limited to %v: %v", next.Networks, err)
	}
	name := "till"
	change := func(id string, c credential.Changes) error {
		return d.in(t, func(ctx context.Context, tx bun.Tx, at time.Time) error {
			_, err := d.keys.Update(ctx, tx, at, tutorHub, id, c)
			return err
		})
	}
	if err := change(next.ID, credential.Changes{Name: &name}); err != nil {
		t.Fatal(err)
	}
	d.keys.Forget(next.ID)
	if held, err := d.auth.Authenticate(t.Context(), plain); err != nil || held.Name != name || !slices.Equal(held.Networks, networks) {
		t.Fatalf("a new name changed more: %+v %v", held, err)
	}
	networks = nil
	if err := change(next.ID, credential.Changes{Networks: &networks}); err != nil {
		t.Fatal(err)
	}
	d.keys.Forget(next.ID)
	if held, err := d.auth.Authenticate(t.Context(), plain); err != nil || held.Networks != nil || held.Name != name {
		t.Errorf("the limit stands: %+v %v", held, err)
	}
	d.revoke(t, next.ID)
	if err := change(next.ID, credential.Changes{Name: &name}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a revoked key was changed: %v", err)
	}
}
