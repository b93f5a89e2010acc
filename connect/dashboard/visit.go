package dashboard

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
)

// Visit is one request of a person at a desk.
type Visit struct {
	Person Person
	Chair  Chair
	API    *client.Client // acts for Chair.Account with the role's permissions, in process
	Locale ui.Locale
	Query  url.Values // of the address: what state the page is in

	desk   *Desk
	pages  *Pages            // of the section
	kept   map[string]string // what this browser has chosen before, by the cookie's name
	places []Chair           // all of the person's
	within string            // the path within the desk
}

// May reports whether the person has a permission of the public API, such as
// "refunds:write". Pages hide what is not allowed; the API refuses it in any case.
func (v *Visit) May(permission string) bool { return v.Chair.May(permission) }

// Path is an address at this desk: Path("payments", "ch_1") is
// "/dashboard/acct_…/test/payments/ch_1".
func (v *Visit) Path(parts ...string) string {
	var b strings.Builder
	b.WriteString(v.Chair.path())
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// Absolute is a path of this server as an address that can be sent to somebody.
func (v *Visit) Absolute(path string) string { return v.desk.cfg.BaseURL + path }

// For is a client that acts for a connected account of the platform.
func (v *Visit) For(account string) *client.Client {
	other := *v.API
	if other.Account = account; account == v.Chair.Account {
		other.Account = ""
	}
	return &other
}

// Go answers a POST: the browser continues at an address of ours. done, if not "", is
// the last part of the text "done.<done>", which the next page shows once.
func (v *Visit) Go(w http.ResponseWriter, r *http.Request, address, done string) error {
	if done != "" {
		glue := "?"
		if strings.Contains(address, "?") {
			glue = "&"
		}
		address += glue + url.Values{"done": {done}}.Encode()
	}
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// Here is this page's address with some of its query changed: pairs of name and
// value, "" to leave one out.
func (v *Visit) Here(pairs ...string) string {
	q := url.Values{}
	for name, values := range v.Query {
		if name != "done" && name != "lang" {
			q[name] = values
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.Chair.path() + v.within
	}
	return v.Chair.path() + v.within + "?" + q.Encode()
}

// Text says a key of the section in the page's language.
func (v *Visit) Text(key string, args ...any) ui.Text {
	return ui.Text(v.pages.ui.Text(v.Locale, key, args...))
}

// Sentence is Text whose values may be HTML that Visit made, such as an amount.
func (v *Visit) Sentence(key string, args ...any) any {
	said, err := v.pages.ui.Words(v.Locale).Say(key, args...)
	if err != nil {
		return ui.Text(key)
	}
	return said
}

// Where is the address of an object's page by the prefix of its id, "" if it has none that the person may see.
func (v *Visit) Where(id string) string {
	at := strings.LastIndexByte(id, '_') // evt_test_… is an example: it is nowhere
	if at < 0 {
		return ""
	}
	side := v.Chair.Side()
	pattern := v.desk.ids[side][id[:at]]
	if pattern == "" || !v.May(v.desk.needs[side][pattern]) {
		return ""
	}
	return v.Chair.path() + strings.Replace(pattern, "{id}", url.PathEscape(id), 1)
}

// Link shows an id, as a link if it has a page.
func (v *Visit) Link(id string) template.HTML {
	if id == "" {
		return ""
	}
	shown := `<code class="id">` + template.HTMLEscapeString(id) + `</code>`
	if to := v.Where(id); to != "" {
		return template.HTML(`<a class="idlink" href="` + template.HTMLEscapeString(to) + `">` + shown + `</a>`)
	}
	return template.HTML(shown)
}

// frame is what stands around the page.
func (v *Visit) frame() *ui.Frame {
	d := v.desk
	f := &ui.Frame{Home: v.Path(), Account: v.Chair.Name, Email: v.Person.Email, Search: v.Path("search"), Query: v.Query.Get("q")}
	if f.Account == "" {
		f.Account = v.Chair.Account
	}
	f.Detail = string(v.Text("desk.role." + v.Chair.Role))
	f.Own = []ui.Link{{Href: "/security", Key: "desk.security", Icon: "shield-check"}, {Href: "/accounts", Key: "desk.accounts", Icon: "users"}}
	for _, c := range v.places {
		name := c.Name
		if name == "" {
			name = c.Account
		}
		switch {
		case c.Seat == v.Chair.Seat:
		case c.Account == v.Chair.Account:
			key := "desk.go_test"
			if c.Livemode {
				key = "desk.go_live"
			}
			f.Mode = &ui.Link{Href: c.path(), Key: key}
		default:
			f.Places = append(f.Places, ui.Link{Href: c.path(), Text: name, Icon: "building-2"})
		}
	}
	if key := "done." + v.Query.Get("done"); v.Query.Get("done") != "" && v.pages.Has(key) {
		f.Done = key
	}
	f.Groups = d.navigation(v)
	if d.cfg.Ear != nil {
		f.Live = v.Path("live")
	}
	return f
}

// navigation is what the person may open, with the place where they are marked: the
// entry with the longest path above this page.
func (d *Desk) navigation(v *Visit) []ui.NavGroup {
	var groups []ui.NavGroup
	longest := ""
	for _, n := range d.nav[v.Chair.Side()] {
		if len(n.Path) > len(longest) && (v.within == n.Path || strings.HasPrefix(v.within, n.Path+"/")) {
			longest = n.Path
		}
	}
	for _, n := range d.nav[v.Chair.Side()] {
		if !v.May(n.Permission) {
			continue
		}
		at := slices.IndexFunc(groups, func(g ui.NavGroup) bool { return g.Key == n.Group })
		if at < 0 {
			groups, at = append(groups, ui.NavGroup{Key: n.Group}), len(groups)
		}
		groups[at].Links = append(groups[at].Links, ui.Link{
			Href: v.Chair.path() + n.Path, Text: n.pages.ui.Text(v.Locale, n.Key), Icon: n.Icon, Active: n.Path == longest,
		})
	}
	return groups
}
