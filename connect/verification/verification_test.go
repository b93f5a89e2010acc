package verification_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/connect/verification/verificationtest"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/secret"
)

var key = secret.New(strings.Repeat("k", 32))

func TestSandboxKeepsTheContract(t *testing.T) {
	verificationtest.Run(t, func(*testing.T) verificationtest.Harness {
		return verificationtest.Harness{Verifier: verification.Sandbox{Key: key}, Key: key}
	})
}

func TestHTTPKeepsTheContract(t *testing.T) {
	verificationtest.Run(t, func(t *testing.T) verificationtest.Harness {
		return verificationtest.Harness{Verifier: client(t, &vendor{t: t}), Key: key}
	})
}

// vendor is a verifier at the other end of the wire: it decides as the sandbox does.
type vendor struct {
	t       *testing.T
	mu      sync.Mutex
	started map[string]verification.Answer // by check
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Error(err)
	}
	signed := body
	if r.Method == http.MethodGet {
		signed = []byte(r.URL.EscapedPath())
	}
	if !fits(r.Header.Get(verification.SignatureHeader), signed) {
		v.t.Errorf("%s %s is not signed", r.Method, r.URL.Path)
	}
	answer, err := v.answer(r, body)
	if err != nil {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		v.t.Error(err)
	}
}

func fits(signature string, body []byte) bool {
	t, _, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",")
	at, err := time.Parse("2006-01-02", "1970-01-01")
	if err != nil {
		return false
	}
	seconds, err := time.ParseDuration(t + "s")
	return err == nil && signature == verification.Sign(key, body, at.Add(seconds))
}

func (v *vendor) answer(r *http.Request, body []byte) (verification.Answer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	sandbox := verification.Sandbox{Key: key}
	rest := strings.TrimPrefix(r.URL.Path, "/kyc/checks")
	if r.Method == http.MethodPost && rest == "" {
		var s struct {
			verification.Subject
			Numbers map[string]string `json:"numbers"`
		}
		if err := json.Unmarshal(body, &s); err != nil {
			return verification.Answer{}, err
		}
		if known, ok := v.started[s.Check]; ok {
			return known, nil
		}
		s.Subject.Numbers = map[string]secret.Text{}
		for kind, number := range s.Numbers {
			s.Subject.Numbers[kind] = secret.New(number)
		}
		answer, err := sandbox.Start(r.Context(), s.Subject)
		if err == nil {
			if v.started == nil {
				v.started = map[string]verification.Answer{}
			}
			v.started[s.Check] = answer
		}
		return answer, err
	}
	reference, over := strings.CutSuffix(strings.TrimPrefix(rest, "/"), "/expire")
	if over {
		return verification.Answer{}, sandbox.Expire(r.Context(), reference)
	}
	return sandbox.Get(r.Context(), reference)
}

func client(t *testing.T, h http.Handler) *verification.HTTP {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	v, err := verification.NewHTTP(verification.HTTPConfig{URL: server.URL + "/kyc/", Key: key, Roots: roots, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhateverIsNoAnswerIsAnErrorAndSaysNothingOfTheBody(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	const canary = "canary-Z9876543"
	for name, h := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		"a failure": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, canary, http.StatusInternalServerError) },
		"a refusal": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, canary, http.StatusBadRequest) },
		"a flood":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, verification.MaxBody+1)) },
		"no JSON":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, canary) },
		"no check": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"reference":"r","revision":1}`)
		},
		"another check": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"check":"chk_2","reference":"r","revision":1}`)
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that nobody listens any more
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := client(t, h).Start(t.Context(), verificationtest.Person("chk_1", func(s *verification.Subject) {
				s.Numbers["id_number"] = secret.New(canary)
			}))
			if err == nil {
				t.Fatalf("an answer: %+v", a)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "https://") {
				t.Fatalf("the error says too much: %v", err)
			}
		})
	}
}

func TestAVerifierMustBeReachedSafely(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://kyc.example": true, "https://kyc.example/v1/": true, "http://kyc.example": false, "http://127.0.0.1:9": false, "kyc.example": false,
		"https://user:pass@kyc.example": false, "https://kyc.example/?key=1": false, "ftp://kyc.example": false, "": false,
	} {
		if _, err := verification.NewHTTP(verification.HTTPConfig{URL: address, Key: key}); (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := verification.NewHTTP(verification.HTTPConfig{URL: "https://kyc.example", Key: secret.New("short")}); err == nil {
		t.Error("a short key")
	}
	if _, err := verification.NewHTTP(verification.HTTPConfig{URL: "http://localhost:9", Key: key, Loopback: true}); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsAskedInsideATransaction(t *testing.T) {
	v := client(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	err := db.InTx(t.Context(), dbtest.New(t), func(ctx context.Context, _ bun.Tx) error {
		_, err := v.Start(ctx, verificationtest.Person("chk_1", nil))
		return err
	})
	if err == nil {
		t.Fatal("no error")
	}
}
