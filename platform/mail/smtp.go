package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/secret"
)

// Security is how the way to the mail server is protected.
type Security string

// The ways.
const (
	StartTLS    Security = "starttls" // port 587; a server that does not offer it is refused
	ImplicitTLS Security = "tls"      // port 465
	Unprotected Security = "none"     // a relay on the same machine; never with a password
)

// SMTPConfig is where mails go out.
type SMTPConfig struct {
	Addr     string // "smtp.example:587"
	Security Security
	Username string
	Password secret.Text
	From     string         // "TutorHub HK <no-reply@tutorhub.example>"
	Timeout  time.Duration  // of the whole conversation, default 15 s
	RootCAs  *x509.CertPool // nil: the machine's
}

// SMTP hands messages to a mail server, one connection each: a sign-in page sends
// few mails, and a kept connection is a thing to go wrong.
type SMTP struct {
	cfg  SMTPConfig
	host string
	from netmail.Address
}

// NewSMTP checks the configuration; it does not connect.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil || host == "" {
		return nil, errors.New("mail: the SMTP address must be host:port")
	}
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil || !Address(from.Address) {
		return nil, errors.New("mail: the sender must be an address such as Name <name@example.com>")
	}
	switch cfg.Security {
	case "":
		cfg.Security = StartTLS
	case StartTLS, ImplicitTLS:
	case Unprotected:
		if cfg.Username != "" {
			return nil, errors.New("mail: a password is never sent without TLS")
		}
	default:
		return nil, errors.New("mail: SMTP security must be starttls, tls or none")
	}
	cfg.Timeout = orDefault(cfg.Timeout, 15*time.Second)
	return &SMTP{cfg: cfg, host: host, from: *from}, nil
}

// Send delivers one message. The error names the step and the server's code, never
// what the server wrote: it likes to quote the address.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if db.Inside(ctx) {
		return errors.New("mail: Send called inside a transaction")
	}
	if err := m.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return failed("connect", err)
	}
	defer conn.Close()
	// net/smtp knows no contexts: closing the connection ends whatever it waits for.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return failed("greet", err)
	}
	return s.talk(client, m)
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{}
	if s.cfg.Security == ImplicitTLS {
		return (&tls.Dialer{NetDialer: dialer, Config: s.tls()}).DialContext(ctx, "tcp", s.cfg.Addr)
	}
	return dialer.DialContext(ctx, "tcp", s.cfg.Addr)
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.cfg.RootCAs}
}

func (s *SMTP) talk(client *smtp.Client, m Message) error {
	if err := client.Hello(s.from.Address[strings.IndexByte(s.from.Address, '@')+1:]); err != nil {
		return failed("hello", err)
	}
	if s.cfg.Security == StartTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return errors.New("mail: the server does not offer STARTTLS, and we do not go on without")
		}
		if err := client.StartTLS(s.tls()); err != nil {
			return failed("start TLS", err)
		}
	}
	if s.cfg.Username != "" {
		if err := client.Auth(smtp.PlainAuth("", s.cfg.Username, s.cfg.Password.Reveal(), s.host)); err != nil {
			return failed("sign in", err)
		}
	}
	if err := client.Mail(s.from.Address); err != nil {
		return refused("sender", err)
	}
	if err := client.Rcpt(m.To); err != nil {
		return refused("recipient", err)
	}
	body, err := client.Data()
	if err != nil {
		return refused("data", err)
	}
	if _, err := body.Write(s.compose(m, time.Now())); err != nil {
		return failed("send", err)
	}
	if err := body.Close(); err != nil {
		return refused("message", err)
	}
	_ = client.Quit() // the message is accepted, whatever becomes of the goodbye
	return nil
}

// compose writes the message as RFC 5322 wants it. Every header is ours or encoded.
func (s *SMTP) compose(m Message, now time.Time) []byte {
	var b bytes.Buffer
	domain := s.from.Address[strings.IndexByte(s.from.Address, '@')+1:]
	for _, header := range [][2]string{
		{"From", s.from.String()},
		{"To", "<" + m.To + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Date", now.Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@" + domain + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
		{"Auto-Submitted", "auto-generated"}, // no "I am on holiday" back
	} {
		b.WriteString(header[0] + ": " + header[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.Text, "\n", "\r\n"))) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// failed is a step that may go better next time.
func failed(step string, err error) error { return fmt.Errorf("mail: %s: %s", step, cause(err)) }

// refused is the server's answer to this very message: 5xx is for ever.
func refused(step string, err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 {
		return fmt.Errorf("%w: %s: %s", ErrPermanent, step, cause(err))
	}
	return failed(step, err)
}

// cause is what may be told of an error: the server's code, or the network's trouble.
func cause(err error) string {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return fmt.Sprintf("the server answers %d", reply.Code)
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return "timeout"
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return "the server's certificate is not trusted"
	}
	return fmt.Sprintf("%T", err)
}
