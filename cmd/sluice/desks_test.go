package main

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestADeskLetsInWhoBelongsThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan")
	desk, earnings := "/dashboard/"+h.platform+"/test", "/earnings/"+tutor+"/test"
	stranger := h.guest("en")
	for _, path := range []string{"/dashboard", "/earnings", desk, earnings} {
		stranger.once(http.MethodGet, path, nil, nil)
		if got, want := stranger.last.Header.Get("Location"), "/sign-in?next="+url.QueryEscape(path); got != want {
			t.Errorf("nobody at %s is led to %q, not to %s", path, got, want)
		}
	}
	owner, teacher := h.guest("en"), h.guest("zh-HK")
	h.joins(owner.signIn("Mei Cheung"), h.platform, session.Owner)
	h.joins(teacher.signIn("Chan Ka Yan"), tutor, session.Owner)
	for _, c := range []struct {
		who    *guest
		path   string
		status int
		leads  string
	}{
		{owner, "/dashboard", 303, desk},
		{owner, "/earnings", 303, desk}, // the only one there is
		{owner, desk, 200, ""},
		{owner, "/earnings/" + h.platform + "/test", 303, desk},
		{owner, "/dashboard/" + h.platform + "/live", 404, ""}, // a member in test mode only
		{owner, earnings, 404, ""},
		{owner, "/dashboard/acct_nobody/test", 404, ""},
		{teacher, "/earnings", 303, earnings},
		{teacher, earnings, 200, ""},
		{teacher, desk, 404, ""},
	} {
		c.who.once(http.MethodGet, c.path, nil, map[string]string{"Accept": "text/html"})
		if got := c.who.last.Header.Get("Location"); c.who.last.StatusCode != c.status || got != c.leads {
			t.Errorf("%s: %d %q, want %d %q", c.path, c.who.last.StatusCode, got, c.status, c.leads)
		}
	}
}

// sitter is the desk's client of a role, and a restricted key of the same permissions.
func (h *house) sitter(role session.Role) (inside, outside *client.Client) {
	h.t.Helper()
	g := gate{h.app.people, h.app.accounts, h.app.desks}
	permissions := role.Permissions(resources, false)
	key, closed, err := g.Open(h.t.Context(), dashboard.Person{ID: "usr_1"},
		dashboard.Chair{Seat: dashboard.Seat{Account: h.platform}, Permissions: permissions})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(closed)
	want := credential.NewKey{Kind: credential.Restricted, Scopes: permissions}
	if permissions == nil {
		want = credential.NewKey{Kind: credential.Secret}
	}
	outside = client.New(h.url, secret.New(h.newKey(h.platform, false, want)), 1)
	h.t.Cleanup(outside.Close)
	return client.Within(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.app.server.ServeHTTP(w, r.WithContext(rest.Inside(r.Context())))
	}), key, nil), outside
}

// TestARoleMayTheSameAtAPageAndAtTheAPI asks every route as every role by both doors.
// What else is wrong with the request does not matter: who may not ask is told first.
func TestARoleMayTheSameAtAPageAndAtTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, role := range session.Roles {
		inside, outside := h.sitter(role)
		for _, route := range h.app.routes() {
			if route.Public {
				continue
			}
			needed := route.Resource + ":write"
			if route.Method == http.MethodGet {
				needed = route.Resource + ":read"
			}
			may := dashboard.Chair{Permissions: role.Permissions(resources, false)}.May(needed)
			path := variable.ReplaceAllString(route.Path, "nothing_1")
			for door, c := range map[string]*client.Client{"a page": inside, "the API": outside} {
				if refused := forbids(t.Context(), c, route.Method, path); refused == may {
					t.Errorf("%s at %s %s by %s: refused is %t, the role has %s: %t", role, route.Method, route.Path, door, refused, needed, may)
				}
			}
		}
	}
}

var variable = regexp.MustCompile(`\{[a-z_]+\}`)

// forbids reports whether the answer is that the permission is missing.
func forbids(ctx context.Context, c *client.Client, method, path string) bool {
	var err error
	switch method {
	case http.MethodGet:
		err = c.Get(ctx, path, nil, nil)
	case http.MethodDelete:
		err = c.Delete(ctx, path, nil)
	default:
		err = c.Post(ctx, path, nil, nil)
	}
	return err != nil && strings.Contains(err.Error(), "does not have the required permissions")
}

func TestACredentialOfADeskIsWorthNothingOutside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, closed := h.app.desks.Open(credential.Sitter{User: "usr_1", Account: h.platform})
	network := client.New(h.url, key, 1)
	t.Cleanup(network.Close)
	within := client.Within(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.app.server.ServeHTTP(w, r.WithContext(rest.Inside(r.Context())))
	}), key, nil)
	if err := within.Get(t.Context(), "/v1/charges", nil, nil); err != nil {
		t.Errorf("the page is refused: %v", err)
	}
	if err := network.Get(t.Context(), "/v1/charges", nil, nil); err == nil {
		t.Error("the network lets in what belongs to a page")
	}
	closed()
	if err := within.Get(t.Context(), "/v1/charges", nil, nil); err == nil {
		t.Error("the credential outlives its page")
	}
}

func TestATutorSeesTheirDeskWhateverThePlatformMayDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan Ka Yan")
	key, closed := h.app.desks.Open(credential.Sitter{User: "usr_1", Account: tutor, Platform: h.platform, Scopes: owned()})
	t.Cleanup(closed)
	within := client.Within(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.app.server.ServeHTTP(w, r.WithContext(rest.Inside(r.Context())))
	}), key, nil)
	var balance struct{ Object string }
	if err := within.Get(t.Context(), "/v1/balance", nil, &balance); err != nil || balance.Object != "balance" {
		t.Errorf("%v %+v", err, balance)
	}
	elsewhere := *within
	elsewhere.Account = h.platform
	if err := elsewhere.Get(t.Context(), "/v1/balance", nil, nil); err == nil {
		t.Error("a tutor reads the platform's balance")
	}
	if slices.Contains(owned(), "payout_policy:write") {
		t.Error("a tutor sets the platform's policy of payouts")
	}
}
