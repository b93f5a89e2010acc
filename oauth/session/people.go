package session

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
)

// Mail is where mails are posted: mail.Queue.
type Mail interface {
	Post(m mail.Message) bool
	Ready() bool
}

// Config is what People stand on. Pepper, Keyring, Throttle, Mail and BaseURL are needed.
type Config struct {
	Pepper   secret.Pepper   // purpose "people": of cookies, codes, links and passwords
	Keyring  *secret.Keyring // seals TOTP secrets
	Throttle *throttle.Throttle
	Mail     Mail
	BaseURL  string       // "https://pay.example": links in mails, cookie names, the passkeys' origin
	Clock    clock.Clock  // nil: the machine's. Never the world clock: people live in real time
	Hash     HashParams   // zero: the standard
	Log      *slog.Logger // nil: slog.Default()
	// Team is told of every change of an account's team, in its transaction: what it
	// fails with undoes the change. nil: nobody is told.
	Team func(ctx context.Context, tx bun.Tx, change TeamChange) error
}

// People are those who sign in.
type People struct {
	pool     *bun.DB
	cfg      Config
	clock    clock.Clock
	hasher   *hasher
	texts    map[string]texts
	passkeys *webauthn.WebAuthn // nil: this origin cannot have passkeys
	secure   bool
}

// New makes the service. It fails on a BaseURL that is none.
func New(pool *bun.DB, cfg Config) (*People, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fault.Invalidf("", "base_url", "session: BaseURL must be an http or https URL")
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &People{pool: pool, cfg: cfg, clock: cfg.Clock, hasher: newHasher(cfg.Hash, cfg.Pepper), texts: mailTexts(), secure: base.Scheme == "https"}
	p.passkeys, err = relyingParty(base)
	return p, err
}

// From is who asks: for the throttle, the list of sessions and the audit.
type From struct {
	IP        string
	UserAgent string
	Locale    string // of the page that was shown
}

const maxUserAgent = 200

// From reads a request.
func (p *People) From(r *http.Request) From {
	agent := strings.ToValidUTF8(strings.ReplaceAll(r.UserAgent(), "\x00", ""), "")
	if utf8.RuneCountInString(agent) > maxUserAgent {
		agent = string([]rune(agent)[:maxUserAgent])
	}
	return From{IP: rest.PeerIP(r), UserAgent: agent}
}

func (f From) network() string { return throttle.Network(f.IP) }

// keyed is the only form in which a cookie, code or link is stored. The kind
// keeps hashes of one table from being of use in another.
func (p *People) keyed(kind string, plain secret.Text) []byte {
	sum := p.cfg.Pepper.Sum(secret.New(kind + "\x00" + plain.Reveal()))
	return sum[:]
}

// post queues a mail. A full queue is a fault that asks to try again.
func (p *People) post(u mailTo, kind string, values map[string]string) error {
	if !p.cfg.Mail.Post(p.texts[localeOf(u.locale)].message(u.email, kind, values)) {
		return mailBusy()
	}
	return nil
}

// notify posts a notice that nobody waits for. That it may be lost is accepted:
// what it tells of stands in the security events.
func (p *People) notify(ctx context.Context, u User, kind string, values map[string]string) {
	if err := p.post(mailTo{u.Email, u.Locale}, kind, values); err != nil {
		p.cfg.Log.WarnContext(ctx, "notice not sent: the mail queue is full", "user", u.ID, "notice", kind)
	}
}

// mailTo is where a mail goes and in which language.
type mailTo struct{ email, locale string }

func mailBusy() error {
	return &fault.Error{Kind: fault.Unavailable, Code: "mail_busy", Message: "We cannot send mails right now. Please try again in a minute."}
}

// The policies of what can be guessed or abused. Each attempt is counted before
// it is made (throttle.Take).
var (
	// A password: five tries are free, then 1 s, 2 s, 4 s … 15 minutes. Whoever is
	// locked out by a stranger can come in by passkey or reset the password.
	perAccount = throttle.Policy{Name: "sign_in_account", Free: 5, Base: time.Second, Max: 15 * time.Minute, Forget: 24 * time.Hour}
	perNetwork = throttle.Policy{Name: "sign_in_network", Free: 30, Base: time.Second, Max: 15 * time.Minute, Forget: 24 * time.Hour}
	// Six digits: about a hundred tries a day once it is slow.
	secondStep = throttle.Policy{Name: "second_step", Free: 5, Base: 2 * time.Second, Max: 15 * time.Minute, Forget: 24 * time.Hour}
	// Mails to one address: it is not to be flooded, nor its codes guessed by asking for new ones.
	mailAddress = throttle.Policy{Name: "mail_address", Free: 2, Base: 30 * time.Second, Max: 30 * time.Minute, Forget: 24 * time.Hour}
	mailNetwork = throttle.Policy{Name: "mail_network", Free: 30, Base: 10 * time.Second, Max: 15 * time.Minute, Forget: 24 * time.Hour}
	// Codes typed from one network, over all sign-ups.
	codeNetwork = throttle.Policy{Name: "code_network", Free: 30, Base: time.Second, Max: 15 * time.Minute, Forget: 24 * time.Hour}
)
