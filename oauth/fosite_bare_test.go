package oauth_test

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
)

// bare is fosite as its own documentation composes it, on its own store in
// memory. The tests in fosite_test.go show on it what our layer is for: if an
// upgrade or a fork mends a defect, the test says so and the layer can go.
type bare struct {
	provider fosite.OAuth2Provider
	store    *bareStore
	config   *fosite.Config
}

// bareStore can hold readers back until all of them have read: the race is then
// no matter of luck.
type bareStore struct {
	*storage.MemoryStore
	together *sync.WaitGroup
}

func (s *bareStore) wait() {
	if s.together != nil {
		s.together.Done()
		s.together.Wait()
	}
}

func (s *bareStore) InvalidateAuthorizeCodeSession(ctx context.Context, signature string) error {
	s.wait()
	return s.MemoryStore.InvalidateAuthorizeCodeSession(ctx, signature)
}

func (s *bareStore) GetAuthorizeCodeSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	r, err := s.MemoryStore.GetAuthorizeCodeSession(ctx, signature, session)
	return apart(r), err
}

func (s *bareStore) GetRefreshTokenSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	r, err := s.MemoryStore.GetRefreshTokenSession(ctx, signature, session)
	s.wait()
	return apart(r), err
}

// apart is what a database would give: each caller reads a request of its own. The
// memory store hands the same one to all, whose sessions fosite then writes to at once.
func apart(stored fosite.Requester) fosite.Requester {
	r, ok := stored.(*fosite.Request)
	if !ok {
		return stored
	}
	own := *r
	own.Session = r.Session.Clone()
	return &own
}

// plainly compares secrets that stand in clear: bcrypt would only cost time here.
type plainly struct{}

func (plainly) Compare(_ context.Context, hash, data []byte) error {
	if subtle.ConstantTimeCompare(hash, data) != 1 {
		return errors.New("differs")
	}
	return nil
}

func (plainly) Hash(_ context.Context, data []byte) ([]byte, error) { return data, nil }

func newBare(adjust ...func(*fosite.Config)) *bare {
	b := &bare{store: &bareStore{MemoryStore: storage.NewMemoryStore()}, config: &fosite.Config{
		GlobalSecret: []byte("0123456789abcdef0123456789abcdef"), ClientSecretsHasher: plainly{}, RefreshTokenScopes: []string{},
	}}
	for _, a := range adjust {
		a(b.config)
	}
	for _, name := range []string{"victim", "attacker"} {
		b.store.Clients[name] = &fosite.DefaultClient{
			ID: name, Secret: []byte(name + "-secret"), RedirectURIs: []string{callback}, ResponseTypes: []string{"code"},
			GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{"read_only", "read_write"},
		}
	}
	b.provider = compose.Compose(b.config, b.store, &compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(b.config)},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2PKCEFactory,
		compose.OAuth2TokenIntrospectionFactory, compose.OAuth2TokenRevocationFactory)
	return b
}

// authorize asks for a code and approves everything.
func (b *bare) authorize(t testing.TB, query string) url.Values {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/authorize?"+query, nil)
	ctx := t.Context()
	ar, err := b.provider.NewAuthorizeRequest(ctx, r)
	if err == nil {
		for _, scope := range ar.GetRequestedScopes() {
			ar.GrantScope(scope)
		}
		var response fosite.AuthorizeResponder
		if response, err = b.provider.NewAuthorizeResponse(ctx, ar, &fosite.DefaultSession{Subject: mei}); err == nil {
			b.provider.WriteAuthorizeResponse(ctx, w, ar, response)
		}
	}
	if err != nil {
		b.provider.WriteAuthorizeError(ctx, w, ar, err)
	}
	return told(t, w.Header().Get("Location"))
}

// code is a code of the victim.
func (b *bare) code(t testing.TB, pairs ...string) string {
	t.Helper()
	q := url.Values{"client_id": {"victim"}, "response_type": {"code"}, "scope": {"read_write"}, "state": {"long enough"}, "redirect_uri": {callback}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	code := b.authorize(t, q.Encode()).Get("code")
	if code == "" {
		t.Fatal("bare fosite gave no code")
	}
	return code
}

// post serves token, introspection and revocation, authenticated as client ("" is nobody).
func (b *bare) post(path, client, form string) reply {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, client+"-secret")
	}
	b.serve(w, r, path)
	a := reply{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.JSON)
	return a
}

func (b *bare) serve(w http.ResponseWriter, r *http.Request, path string) {
	ctx := r.Context()
	switch path {
	case "/token":
		ar, err := b.provider.NewAccessRequest(ctx, r, &fosite.DefaultSession{})
		if err != nil {
			b.provider.WriteAccessError(ctx, w, ar, err)
			return
		}
		response, err := b.provider.NewAccessResponse(ctx, ar)
		if err != nil {
			b.provider.WriteAccessError(ctx, w, ar, err)
			return
		}
		b.provider.WriteAccessResponse(ctx, w, ar, response)
	case "/introspect":
		response, err := b.provider.NewIntrospectionRequest(ctx, r, &fosite.DefaultSession{})
		if err != nil {
			b.provider.WriteIntrospectionError(ctx, w, err)
			return
		}
		b.provider.WriteIntrospectionResponse(ctx, w, response)
	case "/revoke":
		b.provider.WriteRevocationResponse(ctx, w, b.provider.NewRevocationRequest(ctx, r))
	}
}

func (b *bare) exchange(client, code string, pairs ...string) reply {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.post("/token", client, form.Encode())
}

func (b *bare) refresh(client, token string, pairs ...string) reply {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.post("/token", client, form.Encode())
}

func (b *bare) active(client, token string) bool {
	return b.post("/introspect", client, url.Values{"token": {token}}.Encode()).JSON["active"] == true
}

// both runs two calls at once, held together after their reads.
func (b *bare) both(call func() reply) (ok int) {
	var gate, done sync.WaitGroup
	gate.Add(2)
	b.store.together = &gate
	var mu sync.Mutex
	for range 2 {
		done.Go(func() {
			r := call()
			mu.Lock()
			defer mu.Unlock()
			if r.Status == 200 {
				ok++
			}
		})
	}
	done.Wait()
	b.store.together = nil
	return ok
}
