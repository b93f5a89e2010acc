package session_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// authenticator is a passkey in software: one ES256 key, attestation "none".
type authenticator struct {
	t       testing.TB
	key     *ecdsa.PrivateKey
	id      []byte
	user    []byte
	counter uint32
	origin  string // what the browser says it shows
	rp      string
	blind   bool // has not seen the person: no PIN, no finger
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &authenticator{t: t, key: key, id: id, origin: "https://pay.example", rp: "pay.example"}
}

var b64 = base64.RawURLEncoding

// question is what the page hands to the browser.
type question struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
		AllowCredentials   []struct{ ID string } `json:"allowCredentials"`
		ExcludeCredentials []struct{ ID string } `json:"excludeCredentials"`
		UserVerification   string                `json:"userVerification"`
	} `json:"publicKey"`
}

func (a *authenticator) read(c session.Ceremony) question {
	a.t.Helper()
	var q question
	must(a.t, json.Unmarshal(c.Options, &q))
	return q
}

func (a *authenticator) client(kind string, q question) []byte {
	raw, err := json.Marshal(map[string]any{"type": kind, "challenge": q.PublicKey.Challenge, "origin": a.origin, "crossOrigin": false})
	must(a.t, err)
	return raw
}

// data is authenticator data: whose site, what was checked, how often used.
func (a *authenticator) data(flags byte, more []byte) []byte {
	if !a.blind {
		flags |= 0x04
	}
	site := sha256.Sum256([]byte(a.rp))
	out := append(site[:], flags|0x01)
	out = binary.BigEndian.AppendUint32(out, a.counter)
	return append(out, more...)
}

// create answers a registration.
func (a *authenticator) create(c session.Ceremony) []byte {
	a.t.Helper()
	q := a.read(c)
	a.user, _ = b64.DecodeString(q.PublicKey.User.ID)
	point, err := a.key.PublicKey.Bytes()
	must(a.t, err)
	// COSE key in CBOR: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	attested := append(make([]byte, 16), 0, byte(len(a.id)))
	data := a.data(0x40, append(append(attested, a.id...), cose...))
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(append(object, 0x58, byte(len(data))), data...)
	return a.credential(map[string]string{"clientDataJSON": b64.EncodeToString(a.client("webauthn.create", q)), "attestationObject": b64.EncodeToString(object)})
}

// get answers a sign-in.
func (a *authenticator) get(c session.Ceremony) []byte {
	a.t.Helper()
	a.counter++
	client := a.client("webauthn.get", a.read(c))
	data := a.data(0, nil)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, signed[:])
	must(a.t, err)
	return a.credential(map[string]string{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(a.user),
	})
}

func (a *authenticator) credential(response map[string]string) []byte {
	id := b64.EncodeToString(a.id)
	raw, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	must(a.t, err)
	return raw
}

func (d *desk) begin(t testing.TB, purpose session.Purpose, v session.Visit) session.Ceremony {
	t.Helper()
	c, err := d.people.BeginPasskey(t.Context(), home, purpose, v)
	must(t, err)
	return c
}

// withPasskey gives a person who has just signed in a passkey.
func (d *desk) withPasskey(t testing.TB, e session.Entry) *authenticator {
	t.Helper()
	a := newAuthenticator(t)
	c := d.begin(t, session.ToAdd, e.Visit)
	must(t, d.people.AddPasskey(t.Context(), home, e.Visit, c.Cookie, a.create(c), "  my   phone "))
	return a
}

func TestPasskeySignsInWithoutAPassword(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	first := d.signedIn(t, "ada@example.com")
	a := d.withPasskey(t, first)
	if list, err := d.people.Passkeys(t.Context(), u); err != nil || len(list) != 1 || list[0].Name != "my phone" || !list[0].LastUsedAt.IsZero() {
		t.Fatalf("%+v %v", list, err)
	}
	if codes, err := d.people.Shown(t.Context(), first.Visit); err != nil || len(codes) != 10 {
		t.Fatalf("the first second step brings no recovery codes: %v", err)
	}
	for range 2 {
		c := d.begin(t, session.ToSignIn, session.Visit{})
		if q := a.read(c); q.PublicKey.UserVerification != "required" || len(q.PublicKey.AllowCredentials) != 0 {
			t.Fatalf("question %+v", q)
		}
		e, err := d.people.SignInPasskey(t.Context(), home, first.Cookie, c.Cookie, a.get(c))
		must(t, err)
		if v, ok := d.visit(t, e); !ok || v.User.ID != u.ID || v.Session.Proof != session.ByPasskey || !d.people.Fresh(v) {
			t.Fatalf("visit %+v", v)
		}
	}
	if _, ok := d.visit(t, first); ok {
		t.Fatal("the browser's old session goes on")
	}
}

func TestPasskeyAnswerCountsOnceForItsBrowserAndPurpose(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	e := d.signedIn(t, "ada@example.com")
	a := d.withPasskey(t, e)
	signIn := func(cookie secret.Text, answer []byte) string {
		_, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, cookie, answer)
		return code(t, err)
	}
	c := d.begin(t, session.ToSignIn, session.Visit{})
	answer := a.get(c)
	if got := signIn(c.Cookie, answer); got != "" {
		t.Fatalf("good answer: %s", got)
	}
	if got := signIn(c.Cookie, answer); got != "passkey_refused" {
		t.Errorf("replayed answer: %q", got)
	}
	other, mine := d.begin(t, session.ToSignIn, session.Visit{}), d.begin(t, session.ToSignIn, session.Visit{})
	if got := signIn(other.Cookie, a.get(mine)); got != "passkey_refused" {
		t.Errorf("answer to another browser's question: %q", got)
	}
	up := d.begin(t, session.ToStepUp, e.Visit)
	if got := signIn(up.Cookie, a.get(up)); got != "passkey_refused" {
		t.Errorf("a step-up's answer signs in: %q", got)
	}
	late := d.begin(t, session.ToSignIn, session.Visit{})
	d.clock.Advance(5 * 60e9)
	if got := signIn(late.Cookie, a.get(late)); got != "passkey_refused" {
		t.Errorf("late answer: %q", got)
	}
	must(t, d.people.Sweep(t.Context()))
}

func TestForeignOriginBlindKeyAndStrangersKeyAreRefused(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	a := d.withPasskey(t, d.signedIn(t, "ada@example.com"))
	for name, change := range map[string]func(*authenticator){
		"phishing site":          func(a *authenticator) { a.origin = "https://pay.example.evil" },
		"plain http":             func(a *authenticator) { a.origin = "http://pay.example" },
		"another site's key":     func(a *authenticator) { a.rp = "evil.example" },
		"person not seen":        func(a *authenticator) { a.blind = true },
		"another key":            func(a *authenticator) { a.key = newAuthenticator(t).key },
		"another person":         func(a *authenticator) { a.user = []byte("usr_nobody") },
		"a credential not known": func(a *authenticator) { a.id = []byte("0123456789abcdef") },
	} {
		bad := *a
		change(&bad)
		c := d.begin(t, session.ToSignIn, session.Visit{})
		_, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, bad.get(c))
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := d.begin(t, session.ToSignIn, session.Visit{})
	if _, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, []byte(`{"id":"`+strings.Repeat("x", 100))); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("garbage: %v", err)
	}
}

func TestCopiedPasskeyIsNoticed(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	a := d.withPasskey(t, d.signedIn(t, "ada@example.com"))
	copied := *a
	for range 3 {
		c := d.begin(t, session.ToSignIn, session.Visit{})
		_, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, a.get(c))
		must(t, err)
	}
	c := d.begin(t, session.ToSignIn, session.Visit{})
	_, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, copied.get(c))
	wants(t, err, "passkey_refused")
	if !strings.HasPrefix(d.kinds(t, u), "passkey_refused ") {
		t.Fatalf("activity %q", d.kinds(t, u))
	}
}

func TestPasskeyIsASecondStepAndAProof(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.user(t, "bea@example.com")
	a := d.withPasskey(t, d.signedIn(t, "ada@example.com"))
	half, beas := d.signedIn(t, "ada@example.com"), d.signedIn(t, "bea@example.com")
	if !half.Session.Half {
		t.Fatal("a passkey is no second step")
	}
	a.blind = true // a security key without PIN will do after the password
	c := d.begin(t, session.ToFinish, half.Visit)
	if q := a.read(c); len(q.PublicKey.AllowCredentials) != 1 {
		t.Fatalf("question %+v", q)
	}
	_, err := d.people.SecondStepPasskey(t.Context(), home, beas.Visit, beas.Cookie, c.Cookie, a.get(c))
	wants(t, err, "passkey_refused") // another session's question
	c = d.begin(t, session.ToFinish, half.Visit)
	full, err := d.people.SecondStepPasskey(t.Context(), home, half.Visit, half.Cookie, c.Cookie, a.get(c))
	must(t, err)
	d.clock.Advance(session.FreshFor)
	stale, _ := d.visit(t, full)
	_, err = d.people.BeginPasskey(t.Context(), home, session.ToAdd, stale)
	wants(t, err, "step_up_required")
	c = d.begin(t, session.ToStepUp, stale)
	must(t, d.people.StepUpPasskey(t.Context(), home, stale, c.Cookie, a.get(c)))
	fresh, _ := d.visit(t, full)
	if !d.people.Fresh(fresh) {
		t.Fatal("no proof")
	}
	list, err := d.people.Passkeys(t.Context(), fresh.User)
	must(t, err)
	must(t, d.people.RemovePasskey(t.Context(), home, d.signedIn(t, "bea@example.com").Visit, list[0].ID)) // not hers: nothing happens
	must(t, d.people.RemovePasskey(t.Context(), home, fresh, list[0].ID))
	if steps, err := d.people.Steps(t.Context(), fresh.User); err != nil || steps.Any() || steps.Recovery != 0 {
		t.Fatalf("%+v %v", steps, err)
	}
	c = d.begin(t, session.ToSignIn, session.Visit{})
	_, err = d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, a.get(c))
	wants(t, err, "passkey_refused")
}

func TestDisabledPersonsPasskeyOpensNothing(t *testing.T) {
	d := newDesk(t)
	u := d.user(t, "ada@example.com")
	a := d.withPasskey(t, d.signedIn(t, "ada@example.com"))
	d.in(t, func(ctx context.Context, tx bun.Tx) error { return d.people.Disable(ctx, tx, d.clock.Now(), u.ID) })
	c := d.begin(t, session.ToSignIn, session.Visit{})
	_, err := d.people.SignInPasskey(t.Context(), home, secret.Text{}, c.Cookie, a.get(c))
	wants(t, err, "passkey_refused")
}

func TestPasskeyBelongsToOnePersonOnce(t *testing.T) {
	d := newDesk(t)
	d.user(t, "ada@example.com")
	d.user(t, "bea@example.com")
	a := d.withPasskey(t, d.signedIn(t, "ada@example.com"))
	bea := d.signedIn(t, "bea@example.com")
	c := d.begin(t, session.ToAdd, bea.Visit)
	wants(t, d.people.AddPasskey(t.Context(), home, bea.Visit, c.Cookie, a.create(c), "stolen"), "passkey_refused")
}

func TestNoPasskeysAtABareAddress(t *testing.T) {
	d := newDesk(t, func(c *session.Config) { c.BaseURL = "http://127.0.0.1:8080" })
	if d.people.CanPasskey() {
		t.Fatal("browsers refuse passkeys there")
	}
	_, err := d.people.BeginPasskey(t.Context(), home, session.ToSignIn, session.Visit{})
	wants(t, err, "passkey_unavailable")
}
