package session

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// How long a sign-in lasts.
const (
	MaxAge   = 12 * time.Hour   // a session ends, whatever is done in it
	MaxIdle  = 2 * time.Hour    // and after so long without a page
	MaxHalf  = 10 * time.Minute // between password and second step
	FreshFor = 10 * time.Minute // after a proof, delicate things may be done
)

// Proof is how a person has proven to be there.
type Proof string

// The proofs.
const (
	ByPassword Proof = "password"
	ByTOTP     Proof = "totp"
	ByRecovery Proof = "recovery_code"
	ByPasskey  Proof = "passkey"
	ByMail     Proof = "mail" // the code of a sign-up
)

// Session is one browser of one person.
type Session struct {
	ID         string // ses_…; not the cookie
	Half       bool   // the second step is still owed: opens nothing
	Proof      Proof  // the last proof given
	IP         string
	UserAgent  string
	CreatedAt  time.Time
	SeenAt     time.Time // up to a minute late
	ExpiresAt  time.Time
	FreshUntil time.Time
}

// Visit is a person in a browser.
type Visit struct {
	User    User
	Session Session
}

// Entry is a session just opened. The cookie exists nowhere else.
type Entry struct {
	Visit
	Cookie secret.Text
	Next   string // where a sign-up wanted to go
}

type sessionRow struct {
	bun.BaseModel `bun:"table:oauth.sessions,alias:s"`

	ID         string    `bun:"id,pk"`
	Hash       []byte    `bun:"hash"`
	UserID     string    `bun:"user_id"`
	Stage      string    `bun:"stage"`
	Proof      string    `bun:"proof"`
	IP         string    `bun:"ip"`
	UserAgent  string    `bun:"user_agent"`
	CreatedAt  time.Time `bun:"created_at"`
	SeenAt     time.Time `bun:"seen_at"`
	ExpiresAt  time.Time `bun:"expires_at"`
	FreshUntil time.Time `bun:"fresh_until"`
	ShownOnce  string    `bun:"shown_once,nullzero"`
}

func (r sessionRow) session() Session {
	return Session{
		ID: r.ID, Half: r.Stage == "half", Proof: Proof(r.Proof), IP: r.IP, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt.UTC(),
		SeenAt: r.SeenAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), FreshUntil: r.FreshUntil.UTC(),
	}
}

// open begins a session under a new cookie and ends the one that the same browser
// had: whatever was known of the old cookie is worth nothing now (session fixation).
func (p *People) open(ctx context.Context, tx bun.Tx, at time.Time, from From, old secret.Text, u User, half bool, proof Proof) (Entry, error) {
	if !old.IsZero() {
		if _, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("hash = ?", p.keyed("session", old)).Exec(ctx); err != nil {
			return Entry{}, fmt.Errorf("end the browser's last session: %w", err)
		}
	}
	cookie := token()
	row := sessionRow{
		ID: id.New("ses"), Hash: p.keyed("session", cookie), UserID: u.ID, Stage: "full", Proof: string(proof), IP: from.IP, UserAgent: from.UserAgent,
		CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(MaxAge), FreshUntil: at.Add(FreshFor),
	}
	if half {
		row.Stage, row.ExpiresAt, row.FreshUntil = "half", at.Add(MaxHalf), at
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return Entry{}, fmt.Errorf("insert session: %w", err)
	}
	return Entry{Visit: Visit{User: u, Session: row.session()}, Cookie: cookie}, nil
}

// Visit is who sends this request, if anybody is signed in. It asks the database
// every time: a session that ended, a person who was disabled, are out at once on
// every node. A database that does not answer counts as nobody, with a line in the log.
func (p *People) Visit(ctx context.Context, r *http.Request) (Visit, bool) {
	return p.visit(ctx, p.Cookie(r), "full", true)
}

// Glance is Visit for what a page asks for by itself, again and again: it does not
// count as somebody being there, or an open page would keep a session alive for ever.
func (p *People) Glance(ctx context.Context, r *http.Request) (Visit, bool) {
	return p.visit(ctx, p.Cookie(r), "full", false)
}

// Half is who has given a password and owes the second step.
func (p *People) Half(ctx context.Context, r *http.Request) (Visit, bool) {
	return p.visit(ctx, p.Cookie(r), "half", true)
}

// noteEvery is how exact SeenAt is.
const noteEvery = time.Minute

func (p *People) visit(ctx context.Context, cookie secret.Text, stage string, note bool) (Visit, bool) {
	if cookie.IsZero() {
		return Visit{}, false
	}
	now := p.clock.Now()
	var rows []sessionRow
	err := p.pool.NewSelect().Model(&rows).Where("hash = ? AND stage = ?", p.keyed("session", cookie), stage).
		Where("expires_at > ? AND seen_at > ?", now, now.Add(-MaxIdle)).Scan(ctx)
	if err != nil || len(rows) == 0 {
		p.warn(ctx, "session not read", err)
		return Visit{}, false
	}
	user, found, err := userByID(ctx, p.pool, rows[0].UserID)
	if err != nil || !found || !user.DisabledAt.IsZero() {
		p.warn(ctx, "user of a session not read", err)
		return Visit{}, false
	}
	v := Visit{User: user.user(), Session: rows[0].session()}
	if note && now.Sub(v.Session.SeenAt) >= noteEvery {
		_, err := p.pool.NewUpdate().Model((*sessionRow)(nil)).Set("seen_at = greatest(seen_at, ?)", now).Where("id = ?", v.Session.ID).Exec(ctx)
		p.warn(ctx, "session not noted", err)
	}
	return v, true
}

func (p *People) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.ErrorContext(ctx, what, "error", err)
	}
}

// Fresh reports whether the person has proven to be there within FreshFor. What
// moves money elsewhere or opens the sign-in to others asks for it (step-up).
func (p *People) Fresh(v Visit) bool {
	return !v.Session.Half && p.clock.Now().Before(v.Session.FreshUntil)
}

// freshen notes a proof given inside a session.
func (p *People) freshen(ctx context.Context, idb bun.IDB, at time.Time, sessionID string, proof Proof) error {
	_, err := idb.NewUpdate().Model((*sessionRow)(nil)).Set("fresh_until = ?", at.Add(FreshFor)).Set("proof = ?", string(proof)).
		Where("id = ?", sessionID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("freshen session: %w", err)
	}
	return nil
}

// Sessions are a person's browsers, the latest used first.
func (p *People) Sessions(ctx context.Context, u User) ([]Session, error) {
	now := p.clock.Now()
	var rows []sessionRow
	err := p.pool.NewSelect().Model(&rows).Where("user_id = ? AND stage = 'full'", u.ID).
		Where("expires_at > ? AND seen_at > ?", now, now.Add(-MaxIdle)).Order("seen_at DESC", "id DESC").Limit(100).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	out := make([]Session, len(rows))
	for i, row := range rows {
		out[i] = row.session()
	}
	return out, nil
}

// EndSession ends one of the person's own sessions; one that is not there is ended already.
func (p *People) EndSession(ctx context.Context, v Visit, from From, sessionID string) error {
	return p.ending(ctx, v.User, from, "session_ended", func(q *bun.DeleteQuery) *bun.DeleteQuery { return q.Where("id = ?", sessionID) })
}

// EndOthers ends all of the person's sessions but this one.
func (p *People) EndOthers(ctx context.Context, v Visit, from From) error {
	return p.ending(ctx, v.User, from, "sessions_ended", func(q *bun.DeleteQuery) *bun.DeleteQuery { return q.Where("id <> ?", v.Session.ID) })
}

// SignOut ends this browser's session.
func (p *People) SignOut(ctx context.Context, v Visit, from From) error {
	return p.ending(ctx, v.User, from, "signed_out", func(q *bun.DeleteQuery) *bun.DeleteQuery { return q.Where("id = ?", v.Session.ID) })
}

func (p *People) ending(ctx context.Context, u User, from From, kind string, which func(*bun.DeleteQuery) *bun.DeleteQuery) error {
	return db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) error {
		result, err := which(tx.NewDelete().Model((*sessionRow)(nil)).Where("user_id = ?", u.ID)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return nil
		}
		return p.record(ctx, tx, p.clock.Now(), from, u.ID, kind, "")
	})
}

// endAll ends every session of a user but one ("" for none).
func endAll(ctx context.Context, tx bun.Tx, userID, but string) error {
	_, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("user_id = ? AND id <> ?", userID, but).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end all sessions: %w", err)
	}
	return nil
}

// Names of the session cookie. The prefix makes browsers refuse one that was set
// by a subdomain or without TLS.
const (
	secureCookie = "__Host-sluice_session"
	plainCookie  = "sluice_session"
)

func (p *People) cookieName() string {
	if p.secure {
		return secureCookie
	}
	return plainCookie
}

// Cookie is the session's cookie in a request; zero when there is none that can be ours.
func (p *People) Cookie(r *http.Request) secret.Text { return p.cookie(r, p.cookieName()) }

// cookieLength is what token makes.
const cookieLength = 43

func (p *People) cookie(r *http.Request, name string) secret.Text {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) != cookieLength {
		return secret.Text{}
	}
	return secret.New(c.Value)
}

// SetCookie gives the browser its session. Lax, so that a link from a marketplace
// finds the person signed in; POSTs from elsewhere come without it.
func (p *People) SetCookie(w http.ResponseWriter, e Entry) {
	http.SetCookie(w, p.newCookie(p.cookieName(), e.Cookie.Reveal(), MaxAge))
}

// ClearCookie takes the session's cookie back.
func (p *People) ClearCookie(w http.ResponseWriter) {
	http.SetCookie(w, p.newCookie(p.cookieName(), "", -time.Second))
}

func (p *People) newCookie(name, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second), Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
