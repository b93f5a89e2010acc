package ui

import (
	"bytes"
	"net/http"
)

// Layout is the frame around a page.
type Layout int

const (
	Flow     Layout = iota // one narrow card in the middle: sign-in, consent, results
	FlowWide               // a wider card; with {{define "aside"}} a column beside it
	Account                // header with navigation and sign-out, full width
	Desk                   // navigation at the side, search, a place for every tool
)

// View is what a handler says about one answer.
type View struct {
	Title      string   // catalogue key
	TitleArgs  []any    // its placeholders
	Brand      Brand    // the platform account that asks; zero: Sluice
	Testmode   bool     // shows the bar and the other favicon
	FormAction []string // more origins this page's forms may lead to; whole URLs are cut to their origin
	Data       any      // .Data in the template
	Status     int      // 0: 200, or 422 when the form has errors
	Form       *Form    // .Form in the template
	Layout     Layout
	Nav        []Link // Account only
	Person     string // who is signed in, shown with a sign-out button; "" for nobody
	Back       *Link  // a way back above the card
	Frame      *Frame // Desk only
	Visit      any    // .Visit: whoever a room's own functions need to know
}

// Frame is what stands around a page at a desk.
type Frame struct {
	Home    string     // where the name of the account leads
	Groups  []NavGroup // at the side
	Places  []Link     // the other desks of the person, behind the account's name
	Account string     // whose desk it is
	Detail  string     // more about it: the role
	Email   string     // of the person
	Mode    *Link      // the same desk in the other mode
	Search  string     // where the search form leads; "" for none
	Query   string     // what was searched for
	Done    string     // catalogue key of what was just done, shown once
	Live    string     // the address of the event stream; "" for none
	Own     []Link     // pages of the person
}

// NavGroup is a part of the navigation. A group without a key has no heading.
type NavGroup struct {
	Key   string
	Links []Link
}

// Link leads somewhere. Key is looked up; Text stands as it is.
type Link struct {
	Href   string
	Key    string
	Text   string
	Icon   string
	Active bool
}

// Label is what components take: a key or a text.
func (l Link) Label() any { return label(l.Key, l.Text) }

func label(key, text string) any {
	if key != "" {
		return key
	}
	return Text(text)
}

// page is the dot of every template: what the handler said, and what the request says.
type page struct {
	View
	Name      string // of the template
	Locale    Locale
	Theme     string // "light", "dark", "" for the system's
	Path      string
	Return    string
	Host      string
	RequestID string
	HasAside  bool
	UsesHTMX  bool
	Wide      bool // Account
	AtDesk    bool // Desk
}

// Others are the languages the page is not in.
func (p page) Others() []Locale {
	var others []Locale
	for _, l := range Locales {
		if l != p.Locale {
			others = append(others, l)
		}
	}
	return others
}

// Sized reports whether the layout is of that kind, in words templates can read.
func (p page) Sized(kind string) bool { return kind == "wide" && p.Layout == FlowWide }

// BrandStylesheet is "" for Sluice's own colours.
func (p page) BrandStylesheet() string { return p.Brand.stylesheet() }

// Render answers with a page. It is written to memory first: a person gets the whole
// page or the error page, never half of one.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, name string, v View) {
	l := LocaleOf(r)
	body, err := p.execute(r, w.Header().Get("Request-Id"), name, l, v)
	if err != nil {
		p.kit.cfg.Log.ErrorContext(r.Context(), "render page", "page", name, "request", w.Header().Get("Request-Id"), "error", err.Error())
		p.kit.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "")
		return
	}
	p.kit.pageHeaders(w, v.FormAction...)
	if asked, ok := localeAsked(r); ok {
		p.kit.Remember(w, langCookie, string(asked)) // the next page of the flow has no ?lang=
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(l))
	w.WriteHeader(v.status())
	_, _ = w.Write(body)
}

func (v View) status() int {
	switch {
	case v.Status != 0:
		return v.Status
	case !v.Form.OK():
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

func (p *Pages) execute(r *http.Request, requestID, name string, l Locale, v View) ([]byte, error) {
	sheet, err := p.sheet(name, l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = sheet.template.ExecuteTemplate(&b, "layout", page{
		View: v, Name: name, Locale: l, Theme: themeOf(r), Path: r.URL.Path, Return: returnPath(r), Host: r.Host,
		RequestID: requestID, HasAside: sheet.aside, UsesHTMX: sheet.htmx, Wide: v.Layout == Account,
		AtDesk: v.Layout == Desk && v.Frame != nil,
	})
	return b.Bytes(), err
}
