package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// Passkey is one key of a person, as it may be shown.
type Passkey struct {
	ID         string // pky_…
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// Purpose is what a passkey ceremony is for. An answer counts for its purpose only.
type Purpose string

// The purposes.
const (
	ToSignIn Purpose = "sign_in"     // nobody is known yet: the passkey says who; it must have seen the person (PIN, finger, face)
	ToFinish Purpose = "second_step" // after the password
	ToStepUp Purpose = "step_up"     // inside a session
	ToAdd    Purpose = "add"         // a new passkey
)

// ceremonyLife bounds the time between question and answer.
const ceremonyLife = 5 * time.Minute

// perCeremony bounds what a network can make us remember.
var perCeremony = throttle.Policy{Name: "passkey_network", Free: 60, Base: time.Second, Max: time.Minute, Forget: time.Hour}

// relyingParty is nil where browsers allow no passkeys: at a bare IP address.
func relyingParty(base *url.URL) (*webauthn.WebAuthn, error) {
	if _, err := netip.ParseAddr(base.Hostname()); err == nil {
		return nil, nil
	}
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: base.Hostname(), RPDisplayName: totpIssuer, RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		Timeouts:              webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys of this origin: %w", err)
	}
	return rp, nil
}

// CanPasskey reports whether this origin can have passkeys.
func (p *People) CanPasskey() bool { return p.passkeys != nil }

func errNoPasskeys() error {
	return fault.Invalidf("passkey_unavailable", "", "Passkeys cannot be used at this address.")
}

type passkeyRow struct {
	bun.BaseModel `bun:"table:oauth.passkeys,alias:k"`

	ID         string          `bun:"id,pk"`
	UserID     string          `bun:"user_id"`
	Credential []byte          `bun:"credential"`
	Record     json.RawMessage `bun:"record,type:jsonb"`
	Name       string          `bun:"name"`
	CreatedAt  time.Time       `bun:"created_at"`
	LastUsedAt time.Time       `bun:"last_used_at,nullzero"`
}

// keyHolder is a user as the library wants to see one.
type keyHolder struct {
	user User
	keys []webauthn.Credential
}

func (h keyHolder) WebAuthnID() []byte                         { return []byte(h.user.ID) }
func (h keyHolder) WebAuthnName() string                       { return h.user.Email }
func (h keyHolder) WebAuthnDisplayName() string                { return h.user.Name }
func (h keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// holder reads a user's passkeys. lock keeps their counters from being compared by
// two sign-ins at once.
func holder(ctx context.Context, idb bun.IDB, u User, lock bool) (keyHolder, error) {
	var rows []passkeyRow
	q := idb.NewSelect().Model(&rows).Where("user_id = ?", u.ID).Order("id")
	if lock {
		q = q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil {
		return keyHolder{}, fmt.Errorf("list passkeys: %w", err)
	}
	h := keyHolder{user: u, keys: make([]webauthn.Credential, len(rows))}
	for i, row := range rows {
		if err := json.Unmarshal(row.Record, &h.keys[i]); err != nil {
			return keyHolder{}, fmt.Errorf("read passkey %s: %w", row.ID, err)
		}
	}
	return h, nil
}

// Passkeys are the person's, oldest first.
func (p *People) Passkeys(ctx context.Context, u User) ([]Passkey, error) {
	var rows []passkeyRow
	err := p.pool.NewSelect().Model(&rows).ExcludeColumn("record", "credential").Where("user_id = ?", u.ID).Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	out := make([]Passkey, len(rows))
	for i, r := range rows {
		out[i] = Passkey{ID: r.ID, Name: r.Name, CreatedAt: r.CreatedAt.UTC(), LastUsedAt: utc(r.LastUsedAt)}
	}
	return out, nil
}

// Ceremony is the question to a browser's authenticator.
type Ceremony struct {
	Options json.RawMessage // {"publicKey": …}, as navigator.credentials takes it
	Cookie  secret.Text     // ties the answer to this browser
}

// BeginPasskey asks. v is who is signed in, half or full; zero to sign in.
func (p *People) BeginPasskey(ctx context.Context, from From, purpose Purpose, v Visit) (Ceremony, error) {
	if p.passkeys == nil {
		return Ceremony{}, errNoPasskeys()
	}
	if err := p.cfg.Throttle.Take(ctx, perCeremony, from.network()); err != nil {
		return Ceremony{}, err
	}
	options, data, err := p.question(ctx, purpose, v)
	if err != nil {
		return Ceremony{}, err
	}
	asked, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("spell the question to a passkey: %w", err)
	}
	kept, err := json.Marshal(data)
	if err != nil {
		return Ceremony{}, fmt.Errorf("keep the question to a passkey: %w", err)
	}
	cookie := token()
	_, err = p.pool.NewRaw("INSERT INTO oauth.passkey_ceremonies (hash, purpose, session, data, expires_at) VALUES (?, ?, ?, ?::jsonb, ?)",
		p.keyed("ceremony", cookie), string(purpose), v.Session.ID, string(kept), p.clock.Now().Add(ceremonyLife)).Exec(ctx)
	if err != nil {
		return Ceremony{}, fmt.Errorf("insert ceremony: %w", err)
	}
	return Ceremony{Options: asked, Cookie: cookie}, nil
}

func (p *People) question(ctx context.Context, purpose Purpose, v Visit) (options any, data *webauthn.SessionData, err error) {
	switch purpose {
	case ToSignIn:
		return of(p.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired)))
	case ToAdd:
		if err := p.checkFresh(v); err != nil {
			return nil, nil, err
		}
	case ToFinish, ToStepUp:
	default:
		return nil, nil, errPasskey(nil)
	}
	h, err := holder(ctx, p.pool, v.User, false)
	if err != nil {
		return nil, nil, err
	}
	if purpose != ToAdd {
		if len(h.keys) == 0 {
			return nil, nil, errPasskey(nil)
		}
		return of(p.passkeys.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred)))
	}
	known := make([]protocol.CredentialDescriptor, len(h.keys))
	for i := range h.keys {
		known[i] = h.keys[i].Descriptor()
	}
	return of(p.passkeys.BeginRegistration(h, webauthn.WithExclusions(known), webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
		ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
	})))
}

func of[T any](options T, data *webauthn.SessionData, err error) (any, *webauthn.SessionData, error) {
	if err != nil {
		return nil, nil, fmt.Errorf("ask a passkey: %w", err)
	}
	return options, data, nil
}

// takeCeremony ends a ceremony and returns its question; an answer counts once,
// right or wrong, in the browser and session that asked.
func (p *People) takeCeremony(ctx context.Context, cookie secret.Text, purpose Purpose, v Visit) (data webauthn.SessionData, err error) {
	if p.passkeys == nil {
		return data, errNoPasskeys()
	}
	var raw []string
	err = p.pool.NewRaw(`DELETE FROM oauth.passkey_ceremonies WHERE hash = ? AND purpose = ? AND session = ? AND expires_at > ? RETURNING data::text`,
		p.keyed("ceremony", cookie), string(purpose), v.Session.ID, p.clock.Now()).Scan(ctx, &raw)
	if err != nil {
		return data, fmt.Errorf("end ceremony: %w", err)
	}
	if len(raw) == 0 {
		return data, errPasskey(nil)
	}
	if err := json.Unmarshal([]byte(raw[0]), &data); err != nil {
		return data, fmt.Errorf("read ceremony: %w", err)
	}
	return data, nil
}

// errPasskey is what the person is told; the cause may quote the browser and is
// for operators only.
func errPasskey(cause error) error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "passkey_refused", Message: "The passkey was not accepted. Please try again.", Err: cause}
}

// SignInPasskey signs in without a password. The passkey has seen the person, so
// that it is two steps in one.
func (p *People) SignInPasskey(ctx context.Context, from From, old, ceremony secret.Text, answer []byte) (entry Entry, err error) {
	data, err := p.takeCeremony(ctx, ceremony, ToSignIn, Visit{})
	if err != nil {
		return Entry{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Entry{}, errPasskey(err)
	}
	var verdict error
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		var who userRow
		_, key, err := p.passkeys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
			row, err := lockUser(ctx, tx, string(handle))
			if err != nil || !row.DisabledAt.IsZero() {
				return nil, errors.Join(err, errors.New("no such person"))
			}
			who = row
			return holder(ctx, tx, row.user(), true)
		}, data, parsed)
		if err != nil {
			verdict = errPasskey(err)
			return nil
		}
		if verdict, err = p.useKey(ctx, tx, now, from, who.ID, key); err != nil || verdict != nil {
			return err
		}
		if entry, err = p.open(ctx, tx, now, from, old, who.user(), false, ByPasskey); err != nil {
			return err
		}
		return p.record(ctx, tx, now, from, who.ID, "signed_in", string(ByPasskey))
	})
	return entry, errors.Join(err, verdict)
}

// useKey stores a used key's counter. A counter that went back is the mark of a
// copied key: refused, and told in the activity.
func (p *People) useKey(ctx context.Context, tx bun.Tx, now time.Time, from From, userID string, key *webauthn.Credential) (verdict, err error) {
	if key.Authenticator.CloneWarning {
		return errPasskey(errors.New("the passkey's counter went back")), p.record(ctx, tx, now, from, userID, "passkey_refused", "")
	}
	record, err := json.Marshal(key)
	if err != nil {
		return nil, fmt.Errorf("spell passkey: %w", err)
	}
	_, err = tx.NewRaw("UPDATE oauth.passkeys SET record = ?::jsonb, last_used_at = ? WHERE user_id = ? AND credential = ?",
		string(record), now, userID, key.ID).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("store used passkey: %w", err)
	}
	return nil, nil
}

// answered checks an answer of a known person and does what it was for.
func (p *People) answered(ctx context.Context, from From, v Visit, purpose Purpose, ceremony secret.Text, answer []byte,
	then func(ctx context.Context, tx bun.Tx, now time.Time) error,
) error {
	data, err := p.takeCeremony(ctx, ceremony, purpose, v)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return errPasskey(err)
	}
	var verdict error
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		now := p.clock.Now()
		if _, err := lockUser(ctx, tx, v.User.ID); err != nil {
			return err
		}
		h, err := holder(ctx, tx, v.User, true)
		if err != nil {
			return err
		}
		key, wrong := p.passkeys.ValidateLogin(h, data, parsed)
		if wrong != nil {
			verdict = errPasskey(wrong)
			kind := "step_up_failed"
			if purpose == ToFinish {
				kind = "second_step_failed"
			}
			return p.record(ctx, tx, now, from, v.User.ID, kind, string(ByPasskey))
		}
		if verdict, err = p.useKey(ctx, tx, now, from, v.User.ID, key); err != nil || verdict != nil {
			return err
		}
		return then(ctx, tx, now)
	})
	return errors.Join(err, verdict)
}

// SecondStepPasskey ends a half sign-in with a passkey.
func (p *People) SecondStepPasskey(ctx context.Context, from From, half Visit, cookie, ceremony secret.Text, answer []byte) (entry Entry, err error) {
	err = p.answered(ctx, from, half, ToFinish, ceremony, answer, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		entry, err = p.finish(ctx, tx, now, from, half, cookie, ByPasskey)
		return err
	})
	return entry, err
}

// StepUpPasskey takes a passkey as the proof inside a session.
func (p *People) StepUpPasskey(ctx context.Context, from From, v Visit, ceremony secret.Text, answer []byte) error {
	return p.answered(ctx, from, v, ToStepUp, ceremony, answer, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		return p.stepUp(ctx, tx, now, from, v, ByPasskey)
	})
}

const (
	maxPasskeys    = 20
	maxPasskeyName = 60
)

// AddPasskey stores a new passkey. The first second step of a person brings recovery codes.
func (p *People) AddPasskey(ctx context.Context, from From, v Visit, ceremony secret.Text, answer []byte, name string) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	name = strings.Join(strings.Fields(name), " ")
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxPasskeyName || strings.ContainsFunc(name, unprintable) {
		return fault.Invalidf("name_invalid", "name", "Enter a name of at most %d characters.", maxPasskeyName)
	}
	if name == "" {
		name = "Passkey"
	}
	data, err := p.takeCeremony(ctx, ceremony, ToAdd, v)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return errPasskey(err)
	}
	key, err := p.passkeys.CreateCredential(keyHolder{user: v.User}, data, parsed)
	if err != nil {
		return errPasskey(err)
	}
	record, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("spell passkey: %w", err)
	}
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		if err := p.firstStep(ctx, tx, v); err != nil {
			return err
		}
		if err := p.insertPasskey(ctx, tx, v.User, key.ID, record, name); err != nil {
			return err
		}
		return p.record(ctx, tx, p.clock.Now(), from, v.User.ID, "passkey_added", name)
	})
	if err == nil {
		p.notify(ctx, v.User, "passkey_added", map[string]string{"link": p.cfg.BaseURL + "/security"})
	}
	return err
}

// insertPasskey runs under the user's lock, which firstStep has taken.
func (p *People) insertPasskey(ctx context.Context, tx bun.Tx, u User, credential []byte, record json.RawMessage, name string) error {
	count, err := tx.NewSelect().Model((*passkeyRow)(nil)).Where("user_id = ?", u.ID).Count(ctx)
	if err != nil {
		return fmt.Errorf("count passkeys: %w", err)
	}
	if count >= maxPasskeys {
		return fault.Invalidf("passkeys_full", "", "You can have at most %d passkeys.", maxPasskeys)
	}
	row := passkeyRow{ID: id.New("pky"), UserID: u.ID, Credential: credential, Record: record, Name: name, CreatedAt: p.clock.Now()}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		if db.Constraint(err) == "passkeys_credential_key" {
			return errPasskey(nil)
		}
		return fmt.Errorf("insert passkey: %w", err)
	}
	return nil
}

// RemovePasskey forgets one of the person's passkeys.
func (p *People) RemovePasskey(ctx context.Context, from From, v Visit, passkeyID string) error {
	if err := p.checkFresh(v); err != nil {
		return err
	}
	removed := false
	err := db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := lockUser(ctx, tx, v.User.ID); err != nil {
			return err
		}
		var names []string
		err := tx.NewRaw("DELETE FROM oauth.passkeys WHERE id = ? AND user_id = ? RETURNING name", passkeyID, v.User.ID).Scan(ctx, &names)
		if removed = len(names) > 0; err != nil || !removed {
			return err
		}
		if err := p.lastStep(ctx, tx, v.User.ID); err != nil {
			return err
		}
		return p.record(ctx, tx, p.clock.Now(), from, v.User.ID, "passkey_removed", names[0])
	})
	if err == nil && removed {
		p.notify(ctx, v.User, "passkey_removed", map[string]string{"link": p.cfg.BaseURL + "/security"})
	}
	return err
}

// Names of the cookie that ties a browser to its passkey ceremony.
const (
	secureCeremonyCookie = "__Host-sluice_passkey"
	plainCeremonyCookie  = "sluice_passkey"
)

func (p *People) ceremonyCookie() string {
	if p.secure {
		return secureCeremonyCookie
	}
	return plainCeremonyCookie
}

// SetCeremonyCookie ties the browser to a ceremony.
func (p *People) SetCeremonyCookie(w http.ResponseWriter, c Ceremony) {
	http.SetCookie(w, p.newCookie(p.ceremonyCookie(), c.Cookie.Reveal(), ceremonyLife))
}

// CeremonyCookie is the ceremony that this browser is in.
func (p *People) CeremonyCookie(r *http.Request) secret.Text { return p.cookie(r, p.ceremonyCookie()) }
