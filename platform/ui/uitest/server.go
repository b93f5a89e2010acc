package uitest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/ui"
)

// Server serves a kit's own addresses and, for everything else, pages. Its URL is by
// name, http://localhost:port: passkeys need a domain, and browsers treat that one as secure.
func Server(t testing.TB, kit *ui.Kit, pages http.Handler) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	for _, path := range []string{"/_assets/", "/_ui/", ui.StorybookPath} {
		mux.Handle(path, kit.Handler())
	}
	if pages != nil {
		mux.Handle("/", pages)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}
