package oauth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Pushed authorization requests (RFC 9126) are ours: fosite stores the raw form
// with the client's secret in it, does not check when a request expires, and
// deletes it before it looks whose it is, so that anybody could use it up.

type pushedRow struct {
	bun.BaseModel `bun:"table:oauth.pushed_requests,alias:pushed"`

	Hash      []byte     `bun:"hash,pk"`
	Client    string     `bun:"client"`
	Form      url.Values `bun:"form,type:jsonb"`
	ExpiresAt time.Time  `bun:"expires_at"`
}

// Pushed is the answer to a pushed request.
type Pushed struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// PushedRequest takes a request ahead of the browser: authenticated, complete
// and unseen by anybody else.
func (p *Provider) PushedRequest(ctx context.Context, r *http.Request) (Pushed, error) {
	form, err := readForm(r)
	if err != nil {
		return Pushed{}, err
	}
	who, err := p.authenticate(ctx, r, form)
	if err != nil {
		return Pushed{}, err
	}
	switch {
	case who.client == nil:
		return Pushed{}, invalidRequest("client_id is missing.")
	case form.Has("request_uri"):
		return Pushed{}, invalidRequest("A pushed request must not contain request_uri.")
	case !fine(form.Get("state")) || !allFine(form):
		return Pushed{}, invalidRequest("The parameters must be valid UTF-8 text.")
	case form.Has("redirect_uri") && !who.client.redirects(form.Get("redirect_uri")):
		return Pushed{}, invalidRequest("redirect_uri is not registered for this client.")
	}
	for _, secret := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		form.Del(secret)
	}
	if _, err := p.parseAuthorize(ctx, who.client, form); err != nil {
		return Pushed{}, err
	}
	return p.push(ctx, who.client, form)
}

func allFine(form url.Values) bool {
	for name, values := range form {
		if !fine(name) || !fine(strings.Join(values, "")) {
			return false
		}
	}
	return true
}

func (p *Provider) push(ctx context.Context, client *Client, form url.Values) (Pushed, error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return Pushed{}, fmt.Errorf("oauth: randomness: %w", err)
	}
	uri := pushedPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
	row := pushedRow{Hash: p.sum(uri), Client: client.ID, Form: form, ExpiresAt: p.cfg.Clock.Now().Add(p.cfg.PushedFor)}
	if _, err := p.cfg.Pool.NewInsert().Model(&row).Exec(ctx); err != nil {
		return Pushed{}, fmt.Errorf("insert pushed request: %w", err)
	}
	return Pushed{RequestURI: uri, ExpiresIn: int64(p.cfg.PushedFor / time.Second)}, nil
}

// unpushed is the form behind request_uri, used up by this call; a form without
// one comes back as it is. Only the client that pushed it can use it up.
func (p *Provider) unpushed(ctx context.Context, client *Client, form url.Values) (asked url.Values, pushed bool, err error) {
	if !form.Has("request_uri") {
		return form, false, nil
	}
	uri := form.Get("request_uri")
	if !strings.HasPrefix(uri, pushedPrefix) {
		return nil, false, onPage("invalid_request", "The link names a request that is not kept here.")
	}
	var rows []pushedRow
	err = p.cfg.Pool.NewDelete().Model(&rows).Where("hash IN (?) AND client = ?", bun.List(p.sums(uri)), client.ID).
		Returning("*").Scan(ctx, &rows)
	if err != nil {
		return nil, false, fmt.Errorf("use pushed request: %w", err)
	}
	if len(rows) != 1 || !p.cfg.Clock.Now().Before(rows[0].ExpiresAt) {
		return nil, false, onPage("request_expired", "This link was used or has expired. Please start again from the application.")
	}
	return rows[0].Form, true, nil
}
