package marketplace

import (
	"embed"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// Where the site stands. The callback is the redirect URI of its OAuth client.
const (
	Path           = "/_dev/marketplace"
	CallbackPath   = Path + "/callback"
	connectPath    = Path + "/connect"
	onboardingPath = Path + "/onboarding"
	lessonPath     = Path + "/lesson"
	disconnectPath = Path + "/disconnect"
	stylePath      = Path + "/shop.css"
)

//go:embed all:pages
var files embed.FS

// Logo is TutorHub's, as it uploads it to /v1/files.
//
//go:embed logo.png
var Logo []byte

// Business is what TutorHub has in its settings: the server it works with, its
// secret key there, and its OAuth client.
type Business struct {
	Name      string
	BaseURL   string // without a slash at the end; also the issuer
	SecretKey secret.Text
	ClientID  string // ca_…
	Brand     ui.Brand
}

// Shop is the web site.
type Shop struct {
	kit      *ui.Kit
	pages    *ui.Pages
	log      *slog.Logger
	visitors *visitors
	business atomic.Pointer[business]
}

// business is a Business that is open, with its connection to the API.
type business struct {
	Business
	api *client.Client
}

// apiCalls at a time are enough for the few tutors of one browser.
const apiCalls = 8

// New is a site that is not open yet.
func New(kit *ui.Kit, log *slog.Logger) (*Shop, error) {
	pages, err := kit.Pages(files, files)
	if err != nil {
		return nil, err
	}
	return &Shop{kit: kit, pages: pages, log: log, visitors: newVisitors()}, nil
}

// Open begins business. It comes after New because the client is made through the
// API, which must be served first.
func (s *Shop) Open(b Business) {
	s.business.Store(&business{Business: b, api: client.New(b.BaseURL, b.SecretKey, apiCalls)})
}

// ConnectURL is the link that a tutor opens to connect to TutorHub, without state or
// PKCE: for a developer's hands. "" before the shop is open.
func (s *Shop) ConnectURL() string {
	b := s.business.Load()
	if b == nil {
		return ""
	}
	return b.BaseURL + "/oauth/authorize?client_id=" + b.ClientID + "&response_type=code&scope=read_write"
}

// Routes are the site's addresses.
func (s *Shop) Routes() []rest.Route {
	page := func(method, path string, h func(http.ResponseWriter, *http.Request, *business, *visitor)) rest.Route {
		return rest.Route{Method: method, Path: path, Public: true, Handler: s.kit.Guard(s.open(h))}
	}
	return []rest.Route{
		page("GET", Path, s.show),
		page("POST", connectPath, s.connect),
		page("GET", CallbackPath, s.callback),
		page("POST", onboardingPath, s.finishOnboarding),
		page("GET", onboardingPath, s.onboardingLinkEnded),
		page("POST", lessonPath, s.takeLesson),
		page("POST", disconnectPath, s.disconnect),
		{Method: "GET", Path: stylePath, Public: true, Handler: http.HandlerFunc(serveStyle)},
	}
}

// open serves a page once there is a business and the browser is known. Visitors
// who came by another name of this machine (localhost) are sent to the one that
// the redirect URI has: their cookie would not come along.
func (s *Shop) open(h func(http.ResponseWriter, *http.Request, *business, *visitor)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := s.business.Load()
		if b == nil {
			s.pages.ErrorPage(w, r, http.StatusServiceUnavailable, "shop.error.closed", "", ui.View{Testmode: true})
			return
		}
		if base, err := url.Parse(b.BaseURL); err == nil && r.Host != base.Host && r.Method == http.MethodGet {
			http.Redirect(w, r, b.BaseURL+r.URL.RequestURI(), http.StatusSeeOther)
			return
		}
		h(w, r, b, s.visitors.of(w, r))
	})
}

// home is where every action ends: the page shows what has become of it.
func home(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, files, "pages/shop.css")
}
