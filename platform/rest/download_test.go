package rest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
)

// A file that breaks off is never taken for a whole one, whether its size was said
// before or not, and however much of it is on its way.
func TestHalfAFileIsNeverAWholeAnswer(t *testing.T) {
	whole := strings.Repeat("a row of the report\n", 10_000)
	for name, c := range map[string]struct {
		size   int64
		sent   int // bytes before the failure
		fails  error
		before error // found before the file begins
		status int
	}{
		"whole, of a known size":    {int64(len(whole)), len(whole), nil, nil, 200},
		"whole, of an unknown size": {0, len(whole), nil, nil, 200},
		"half, of a known size":     {int64(len(whole)), len(whole) / 2, errors.New("lost"), nil, 0},
		"half, of an unknown size":  {0, len(whole) / 2, errors.New("lost"), nil, 0},
		"all, and then a failure":   {0, len(whole), errors.New("lost"), nil, 0},
		"nothing":                   {0, 0, errors.New("lost"), nil, 0},
		"a fault before":            {0, 0, nil, fault.NoSuch("report run", "frr_1"), 404},
	} {
		t.Run(name, func(t *testing.T) {
			s := rest.New(rest.Config{Authenticator: keyring{}, Accounts: keyring{}, Log: slog.New(slog.DiscardHandler)})
			s.Mount(rest.Route{Method: "GET", Path: "/v1/file", Resource: "charges", Handler: s.Download(
				func(context.Context, *rest.Request) (rest.Attachment, error) {
					return rest.Attachment{Name: "report.csv", Type: "text/csv", Size: c.size, Write: func(w io.Writer) error {
						if _, err := io.WriteString(w, whole[:c.sent]); err != nil {
							return err
						}
						return c.fails
					}}, c.before
				})})
			front := httptest.NewServer(s)
			defer front.Close()
			r, err := http.NewRequestWithContext(t.Context(), "GET", front.URL+"/v1/file", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(platformKey, "")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				if c.fails == nil {
					t.Fatal(err)
				}
				return // it broke off before the first byte
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			switch {
			case c.fails != nil && err == nil:
				t.Errorf("%d bytes were answered as a whole", len(got))
			case c.fails == nil && (err != nil || res.StatusCode != c.status):
				t.Errorf("status %d: %v", res.StatusCode, err)
			case c.status == 200 && (string(got) != whole || res.Header.Get("Content-Disposition") != "attachment; filename=report.csv"):
				t.Errorf("%d bytes, %v", len(got), res.Header)
			}
		})
	}
}
