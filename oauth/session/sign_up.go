package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
)

// A sign-up is not a user yet. It becomes one with the code from the mail; until
// then the address belongs to nobody, and an address that belongs to somebody
// looks exactly the same: same page, same work, also one mail (which then says
// "you already have an account" to the only person who may know).

// SignUpParams is what the form says.
type SignUpParams struct {
	Email    string
	Name     string
	Password secret.Text
	Next     string // where to go once the address is proven; the door has checked it
}

// Pending is a sign-up that waits for its code.
type Pending struct {
	ID     string // sup_…
	Email  string
	Name   string
	Next   string
	Cookie secret.Text // only in the answer to SignUp
	SentAt time.Time
}

// MaxPending is how long a sign-up waits.
const MaxPending = time.Hour

type signUpRow struct {
	bun.BaseModel `bun:"table:oauth.sign_ups,alias:p"`

	ID           string    `bun:"id,pk"`
	Hash         []byte    `bun:"hash"`
	Email        string    `bun:"email"`
	EmailKey     string    `bun:"email_key"`
	Name         string    `bun:"name"`
	Locale       string    `bun:"locale"`
	PasswordHash string    `bun:"password_hash"`
	Next         string    `bun:"next"`
	CreatedAt    time.Time `bun:"created_at"`
	ExpiresAt    time.Time `bun:"expires_at"`
}

func (r signUpRow) pending() Pending {
	return Pending{ID: r.ID, Email: r.Email, Name: r.Name, Next: r.Next}
}

// SignUp keeps what the form says and sends a code. The error joins all that is
// wrong with the form, a fault for each field.
func (p *People) SignUp(ctx context.Context, from From, want SignUpParams) (Pending, error) {
	email, wrongEmail := cleanEmail(want.Email)
	name, wrongName := cleanName(want.Name)
	if err := errors.Join(wrongName, wrongEmail, checkPassword(want.Password, want.Email, "password")); err != nil {
		return Pending{}, err
	}
	if err := p.allowMail(ctx, from, email); err != nil {
		return Pending{}, err
	}
	hash, err := p.hasher.hash(ctx, want.Password)
	if err != nil {
		return Pending{}, err
	}
	cookie, now := token(), p.clock.Now()
	row := signUpRow{
		ID: id.New("sup"), Hash: p.keyed("sign_up", cookie), Email: email, EmailKey: emailKey(email), Name: name, Locale: localeOf(from.Locale),
		PasswordHash: hash, Next: want.Next, CreatedAt: now, ExpiresAt: now.Add(MaxPending),
	}
	var code secret.Text
	var taken bool
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		if _, taken, err = findUser(ctx, tx, email); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("insert sign-up: %w", err)
		}
		code, err = p.newCode(ctx, tx, now, row.ID, !taken)
		return err
	})
	if err != nil {
		return Pending{}, err
	}
	out := row.pending()
	out.Cookie, out.SentAt = cookie, now
	return out, p.postCode(mailTo{email, row.Locale}, code, taken)
}

// allowMail asks the throttle for one mail to an address that anybody may have typed.
func (p *People) allowMail(ctx context.Context, from From, email string) error {
	if !p.cfg.Mail.Ready() {
		return mailBusy()
	}
	if err := p.cfg.Throttle.Take(ctx, mailNetwork, from.network()); err != nil {
		return err
	}
	return p.cfg.Throttle.Take(ctx, mailAddress, emailKey(email))
}

func (p *People) postCode(to mailTo, code secret.Text, taken bool) error {
	if taken {
		return p.post(to, "already", map[string]string{"link": p.cfg.BaseURL + "/sign-in", "reset": p.cfg.BaseURL + "/forgot-password"})
	}
	return p.post(to, "code", map[string]string{"code": code.Reveal()})
}

// Pending is the sign-up of this browser, if one waits.
func (p *People) Pending(ctx context.Context, r *http.Request) (Pending, bool) {
	row, found, err := p.findSignUp(ctx, p.cookie(r, p.pendingCookie()))
	p.warn(ctx, "sign-up not read", err)
	if !found {
		return Pending{}, false
	}
	out := row.pending()
	out.SentAt, err = codeSentAt(ctx, p.pool, row.ID)
	p.warn(ctx, "code not read", err)
	return out, true
}

func (p *People) findSignUp(ctx context.Context, cookie secret.Text) (row signUpRow, found bool, err error) {
	if cookie.IsZero() {
		return row, false, nil
	}
	err = p.pool.NewSelect().Model(&row).Where("hash = ? AND expires_at > ?", p.keyed("sign_up", cookie), p.clock.Now()).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, fmt.Errorf("get sign-up: %w", err)
	}
	return row, true, nil
}

// SendAgain makes a new code for this browser's sign-up and mails it; the old one is dead.
func (p *People) SendAgain(ctx context.Context, from From, r *http.Request) error {
	row, found, err := p.findSignUp(ctx, p.cookie(r, p.pendingCookie()))
	if err != nil {
		return err
	}
	if !found {
		return errNoSignUp()
	}
	if err := p.allowMail(ctx, from, row.Email); err != nil {
		return err
	}
	var code secret.Text
	var taken bool
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		if _, taken, err = findUser(ctx, tx, row.Email); err != nil {
			return err
		}
		code, err = p.newCode(ctx, tx, p.clock.Now(), row.ID, !taken)
		return err
	})
	if err != nil {
		return err
	}
	return p.postCode(mailTo{row.Email, row.Locale}, code, taken)
}

// Verify turns this browser's sign-up into a user and signs the person in.
func (p *People) Verify(ctx context.Context, from From, r *http.Request, code string) (Entry, error) {
	row, found, err := p.findSignUp(ctx, p.cookie(r, p.pendingCookie()))
	if err != nil {
		return Entry{}, err
	}
	if !found {
		return Entry{}, errNoSignUp()
	}
	if err := p.cfg.Throttle.Take(ctx, codeNetwork, from.network()); err != nil {
		return Entry{}, err
	}
	var entry Entry
	var verdict error
	err = db.InTx(ctx, p.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		now := p.clock.Now()
		if verdict, err = p.useCode(ctx, tx, now, row.ID, code); err != nil || verdict != nil {
			return err // a wrong code is committed: its try is spent
		}
		entry, verdict, err = p.settle(ctx, tx, now, from, r, row)
		return err
	})
	if err = errors.Join(err, verdict); err != nil {
		return Entry{}, err
	}
	p.forgive(ctx, codeNetwork, from.network(), mailAddress, row.EmailKey)
	return entry, nil
}

// settle makes the user. Somebody may have made one with the same address in the
// meantime; telling so is safe now, since this person reads mail there.
func (p *People) settle(ctx context.Context, tx bun.Tx, now time.Time, from From, r *http.Request, row signUpRow) (Entry, error, error) {
	user := userRow{
		ID: id.New("usr"), Email: row.Email, EmailKey: row.EmailKey, Name: row.Name, Locale: row.Locale, PasswordHash: row.PasswordHash,
		PasswordChangedAt: now, EmailVerifiedAt: now, CreatedAt: now,
	}
	if _, err := tx.NewDelete().Model((*signUpRow)(nil)).Where("id = ?", row.ID).Exec(ctx); err != nil {
		return Entry{}, nil, fmt.Errorf("delete sign-up: %w", err)
	}
	err := insertUser(ctx, tx, user)
	if errors.Is(err, errEmailTaken) {
		return Entry{}, fault.Invalidf("email_taken", "", "You already have an account with this address. Please sign in."), nil
	}
	if err != nil {
		return Entry{}, nil, err
	}
	if err := p.record(ctx, tx, now, from, user.ID, "signed_up", ""); err != nil {
		return Entry{}, nil, err
	}
	entry, err := p.open(ctx, tx, now, from, p.Cookie(r), user.user(), false, ByMail)
	entry.Next = row.Next
	return entry, nil, err
}

// forgive tells the throttle what turned out well: the first subject gets its one
// attempt back, the second is forgiven. That it fails costs somebody a wait, no more.
func (p *People) forgive(ctx context.Context, shared throttle.Policy, network string, own throttle.Policy, subject string) {
	p.warn(ctx, "throttle not returned", p.cfg.Throttle.Return(ctx, shared, network))
	p.warn(ctx, "throttle not forgiven", p.cfg.Throttle.Forgive(ctx, own, subject))
}

// NewUser is a person made by an operator, a seed or a test.
type NewUser struct {
	Email    string
	Name     string
	Password secret.Text // zero: signs in after a password reset
	Locale   string
	Verified bool
}

// Create makes a user without mail or code. Fails with Conflict if somebody has the address.
func (p *People) Create(ctx context.Context, tx bun.Tx, at time.Time, want NewUser) (User, error) {
	email, wrongEmail := cleanEmail(want.Email)
	name, wrongName := cleanName(want.Name)
	var wrongPassword error
	if !want.Password.IsZero() {
		wrongPassword = checkPassword(want.Password, want.Email, "password")
	}
	if err := errors.Join(wrongEmail, wrongName, wrongPassword); err != nil {
		return User{}, err
	}
	row := userRow{ID: id.New("usr"), Email: email, EmailKey: emailKey(email), Name: name, Locale: localeOf(want.Locale), PasswordChangedAt: at, CreatedAt: at}
	if want.Verified {
		row.EmailVerifiedAt = at
	}
	if !want.Password.IsZero() {
		var err error
		if row.PasswordHash, err = p.hasher.hash(ctx, want.Password); err != nil {
			return User{}, err
		}
	}
	err := insertUser(ctx, tx, row)
	if errors.Is(err, errEmailTaken) {
		return User{}, &fault.Error{Kind: fault.Conflict, Code: "email_taken", Param: "email", Message: "Somebody has this address already."}
	}
	return row.user(), err
}

func errNoSignUp() error {
	return fault.Invalidf("sign_up_expired", "", "This sign-up is too old. Please start again.")
}

// Names of the cookie that ties a browser to its sign-up.
const (
	securePendingCookie = "__Host-sluice_sign_up"
	plainPendingCookie  = "sluice_sign_up"
)

func (p *People) pendingCookie() string {
	if p.secure {
		return securePendingCookie
	}
	return plainPendingCookie
}

// SetPendingCookie ties the browser to its sign-up.
func (p *People) SetPendingCookie(w http.ResponseWriter, s Pending) {
	http.SetCookie(w, p.newCookie(p.pendingCookie(), s.Cookie.Reveal(), MaxPending))
}

// ClearPendingCookie unties it.
func (p *People) ClearPendingCookie(w http.ResponseWriter) {
	http.SetCookie(w, p.newCookie(p.pendingCookie(), "", -time.Second))
}
