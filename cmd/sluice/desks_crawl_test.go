package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
)

// crawled bounds a walk; every sort of page is within the first few hundred.
const crawled = 250

var links = regexp.MustCompile(`\bhref="(/(?:dashboard|earnings)/[^"#]*)"`)

// walk opens every page that can be reached by links from a desk, one of each sort
// with the same parameters, and tells how long they took.
func (g *guest) walk(start string) (took []time.Duration) {
	g.t.Helper()
	queue, seen := []string{start}, map[string]bool{sortOf(start): true}
	from := map[string]string{}
	for len(queue) > 0 && len(took) < crawled {
		path := queue[0]
		queue = queue[1:]
		began := time.Now()
		g.once(http.MethodGet, path, nil, map[string]string{"Accept": "text/html"})
		took = append(took, time.Since(began))
		if g.last.StatusCode != http.StatusOK && g.last.StatusCode != http.StatusSeeOther {
			g.t.Errorf("%s, linked from %s: %d\n%.400s", path, from[path], g.last.StatusCode, g.words())
		}
		if policy := g.last.Header.Get("Content-Security-Policy"); g.last.StatusCode == http.StatusOK && (!strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe")) {
			g.t.Errorf("%s: policy %q", path, policy)
		}
		for _, m := range links.FindAllStringSubmatch(g.page, -1) {
			next := html.UnescapeString(m[1])
			if within(next, start) && !seen[sortOf(next)] {
				seen[sortOf(next)] = true
				from[next] = path
				queue = append(queue, next)
			}
		}
	}
	return took
}

func within(path, desk string) bool {
	return path == desk || strings.HasPrefix(path, desk+"/") || strings.HasPrefix(path, desk+"?")
}

var someID = regexp.MustCompile(`\b[a-z]{2,6}_[A-Za-z0-9]{10,}`)

// sortOf is a path with ids taken out, and the names and choices of its query.
func sortOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	var names []string
	for name, values := range u.Query() {
		if value := values[0]; len(value) < 20 && name != "starting_after" && name != "ending_before" {
			name += "=" + value
		}
		names = append(names, someID.ReplaceAllString(name, "id"))
	}
	slices.Sort(names)
	return someID.ReplaceAllString(u.Path, "id") + "?" + strings.Join(names, "&")
}

// TestNoLinkOfADeskLeadsAstray walks through the desks as people of every role: no
// link leads to what is not there, to what the role may not see, or to a mistake.
func TestNoLinkOfADeskLeadsAstray(t *testing.T) {
	t.Parallel()
	h := newHouse(t, paperBank(t))
	things := h.furnish(clerk{house: h})
	for _, role := range session.Roles {
		g := h.guest("en")
		h.joins(g.signIn("Person of "+string(role)), h.platform, role)
		took := g.walk("/dashboard/" + h.platform + "/test")
		slices.Sort(took)
		t.Logf("%s: %d pages, p95 %v", role, len(took), took[len(took)*95/100])
	}
	tutor := h.guest("zh-HK")
	h.joins(tutor.signIn("Chan Ka Yan"), things["tutor"], session.Owner)
	took := tutor.walk("/earnings/" + things["tutor"] + "/test")
	slices.Sort(took)
	t.Logf("tutor: %d pages, p95 %v", len(took), took[len(took)*95/100])
}
