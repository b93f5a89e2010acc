package oauthhttp_test

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
)

// askFrom is a call whose connection comes from an address, through a proxy or not.
func (s *site) askFrom(key, from, forwarded string) (int, string) {
	r := httptest.NewRequest("GET", "/v1/api_keys", nil)
	r.RemoteAddr = from
	r.Header.Set("Authorization", "Bearer "+key)
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// behind is a site behind a proxy at 10.0.0.1 that keeps an audit log.
func behind(t *testing.T) *site {
	s := newSite(t)
	auth := credential.NewAuthenticator(s.pool, pepperOf(t), clock.System{})
	s.keys = credential.NewService(auth, "api_keys", "charges")
	s.server = rest.New(rest.Config{
		Pool: s.pool, Authenticator: oauthhttp.Authenticator{Keys: auth}, Accounts: reachesAll{},
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}, Audit: auditlog.New(s.pool, clock.System{}, slog.New(slog.DiscardHandler), "api_keys"),
	})
	s.server.Mount(oauthhttp.APIKeyRoutes(s.server, s.pool, s.keys, clock.System{})...)
	return s
}

func TestALimitedKeyWorksFromItsNetworksOnly(t *testing.T) {
	t.Parallel()
	s := behind(t)
	networks, err := credential.ParseNetworks([]string{"203.0.113.0/24", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	key := s.key(t, false, credential.NewKey{Kind: credential.Secret, Networks: networks})
	for _, c := range []struct {
		from, forwarded string
		good            bool
	}{
		{"203.0.113.77:4000", "", true}, {"[::ffff:203.0.113.77]:4000", "", true}, {"[2001:db8::5]:4000", "", true},
		{"198.51.100.4:4000", "", false}, {"[2001:db9::5]:4000", "", false}, {"10.0.0.1:4000", "", false}, {"", "", false},
		{"10.0.0.1:4000", "203.0.113.77", true}, {"10.0.0.1:4000", "203.0.113.77, 198.51.100.4", false}, // what stands before the last is a claim
		{"198.51.100.4:4000", "203.0.113.77", false}, // not a proxy of ours
	} {
		status, answer := s.askFrom(key, c.from, c.forwarded)
		if good := status == 200; good != c.good {
			t.Errorf("from %q for %q: %d %s", c.from, c.forwarded, status, answer)
		}
		if !c.good && (status != 403 || !strings.Contains(answer, `"ip_not_allowed"`) || !strings.Contains(answer, "limited to certain IP addresses") || strings.Contains(answer, "203.0.113.0/24")) {
			t.Errorf("from %q: %d %s", c.from, status, answer)
		}
	}
}

func TestAKeyUsedElsewhereIsInTheAuditLogOnceAnHour(t *testing.T) {
	t.Parallel()
	s := behind(t)
	networks, err := credential.ParseNetworks([]string{"203.0.113.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	key := s.key(t, false, credential.NewKey{Kind: credential.Secret, Networks: networks})
	for _, from := range []string{"198.51.100.4:1", "198.51.100.4:2", "[2001:db8:0:1::1]:1", "[2001:db8:0:1::2]:1", "198.51.100.5:1"} {
		if status, _ := s.askFrom(key, from, ""); status != 403 {
			t.Fatalf("from %s: %d", from, status)
		}
	}
	var seen []string
	if err := s.pool.NewRaw(`SELECT a.action || ' ' || a.ip || ' ' || o.status || ' ' || o.error_code FROM platform.audit_acts AS a
		JOIN platform.audit_outcomes AS o ON o.act_id = a.id WHERE a.account = ? ORDER BY a.id`, tutorHub).Scan(t.Context(), &seen); err != nil {
		t.Fatal(err)
	}
	const said = " 403 ip_not_allowed"
	want := "api_keys.elsewhere 198.51.100.4" + said + "\napi_keys.elsewhere 2001:db8:0:1::1" + said + "\napi_keys.elsewhere 198.51.100.5" + said
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("remembered\n%s\nwant\n%s", got, want)
	}
}

func TestALimitIsSetChangedAndLiftedThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t) // asks from 192.0.2.1
	root := s.key(t, false, credential.NewKey{Kind: credential.Secret})
	made := s.call(t, root, "POST", "/v1/api_keys", url.Values{"type": {"secret"}, "allowed_ips[]": {"192.0.2.0/24", "2001:db8::1"}})
	if made.Status != 200 || !strings.Contains(strings.Join(strings.Fields(made.Text), ""), `"allowed_ips":["192.0.2.0/24","2001:db8::1"]`) {
		t.Fatalf("made: %d %s", made.Status, made.Text)
	}
	own, path := made.text("secret"), "/v1/api_keys/"+made.text("id")
	out := s.call(t, own, "POST", path, url.Values{"allowed_ips[]": {"203.0.113.1"}})
	if out.Status != 400 || !strings.Contains(out.Text, "192.0.2.1") {
		t.Errorf("a key shut itself out: %d %s", out.Status, out.Text)
	}
	if moved := s.call(t, root, "POST", path, url.Values{"allowed_ips[]": {"203.0.113.1"}}); moved.Status != 200 {
		t.Fatalf("moved: %d %s", moved.Status, moved.Text)
	}
	if refused := s.call(t, own, "GET", path, nil); refused.Status != 403 {
		t.Errorf("the key works elsewhere: %d %s", refused.Status, refused.Text)
	}
	lifted := s.call(t, root, "POST", path, url.Values{"allowed_ips": {""}, "name": {"till"}})
	if lifted.Status != 200 || lifted.JSON["allowed_ips"] != nil || lifted.text("name") != "till" {
		t.Errorf("lifted: %d %s", lifted.Status, lifted.Text)
	}
	if again := s.call(t, own, "GET", path, nil); again.Status != 200 {
		t.Errorf("the key does not work: %d %s", again.Status, again.Text)
	}
	if bad := s.call(t, root, "POST", path, url.Values{"allowed_ips[]": {"192.0.2.1/8"}}); bad.Status != 400 || !strings.Contains(bad.Text, "192.0.0.0/8") {
		t.Errorf("a slip of the pen: %d %s", bad.Status, bad.Text)
	}
}
