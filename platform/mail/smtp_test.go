package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/secret"
)

// post office is a small real SMTP server (RFC 5321 as far as we need it).
type office struct {
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool
	implicit bool
	noTLS    bool              // does not offer STARTTLS
	say      map[string]string // command → answer instead of the usual one
	silent   bool              // never greets

	mu       sync.Mutex
	mails    []delivered
	commands []string
	work     sync.WaitGroup
}

type delivered struct {
	from, to, data string
	protected      bool
	user           string
}

func open(t *testing.T, change func(*office)) *office {
	t.Helper()
	o := &office{say: map[string]string{}}
	o.tls, o.roots = certificate(t)
	if change != nil {
		change(o)
	}
	var err error
	if o.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	o.work.Go(func() {
		for {
			conn, err := o.listener.Accept()
			if err != nil {
				return
			}
			o.work.Go(func() { o.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = o.listener.Close()
		o.work.Wait()
	})
	return o
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "office"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func (o *office) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if o.silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	protected := o.implicit
	if o.implicit {
		conn = tls.Server(conn, o.tls)
	}
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = fmt.Fprint(conn, line+"\r\n") }
	say("220 office ready")
	var letter delivered
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.SplitN(line, " ", 2)[0])
		o.mu.Lock()
		o.commands = append(o.commands, verb)
		o.mu.Unlock()
		if answer, told := o.say[verb]; told {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO", "HELO":
			say("250-office")
			if !protected && !o.noTLS {
				say("250-STARTTLS")
			}
			say("250-AUTH PLAIN")
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, o.tls)
			in, protected = bufio.NewReader(conn), true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN "))
			parts := strings.Split(string(raw), "\x00")
			if len(parts) != 3 || parts[2] != "p4ssw0rd" {
				say("535 no")
				continue
			}
			letter.user = parts[1]
			say("235 yes")
		case "MAIL":
			letter.from = line[strings.Index(line, "<")+1 : strings.Index(line, ">")]
			say("250 ok")
		case "RCPT":
			letter.to = line[strings.Index(line, "<")+1 : strings.Index(line, ">")]
			say("250 ok")
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				data.WriteString(strings.TrimPrefix(line, "."))
			}
			letter.data, letter.protected = data.String(), protected
			o.mu.Lock()
			o.mails = append(o.mails, letter)
			o.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func (o *office) sender(t *testing.T, change func(*mail.SMTPConfig)) *mail.SMTP {
	t.Helper()
	cfg := mail.SMTPConfig{
		Addr: o.listener.Addr().String(), Username: "sluice", Password: secret.New("p4ssw0rd"), From: "TutorHub 補習 <no-reply@tutorhub.example>", RootCAs: o.roots,
	}
	if o.implicit {
		cfg.Security = mail.ImplicitTLS
	}
	if change != nil {
		change(&cfg)
	}
	s, err := mail.NewSMTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var letter = mail.Message{To: "ada@example.com", Subject: "123456 是你的驗證碼", Text: "你的驗證碼是 123456\n.\nBcc: eve@example.com\n\n" + strings.Repeat("long ", 300) + "\n"}

func TestMailArrivesOverStartTLSAndImplicitTLS(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		o := open(t, func(o *office) { o.implicit = implicit })
		if err := o.sender(t, nil).Send(t.Context(), letter); err != nil {
			t.Fatalf("implicit %v: %v", implicit, err)
		}
		got := o.mails[0]
		if !got.protected || got.user != "sluice" || got.from != "no-reply@tutorhub.example" || got.to != letter.To {
			t.Errorf("implicit %v: %+v", implicit, got)
		}
		parsed, err := netmail.ReadMessage(strings.NewReader(got.data))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		body, bodyErr := io.ReadAll(quotedprintable.NewReader(parsed.Body))
		if err != nil || bodyErr != nil || subject != letter.Subject || strings.ReplaceAll(string(body), "\r\n", "\n") != letter.Text {
			t.Errorf("subject %q, body %q", subject, body)
		}
		if len(parsed.Header["Bcc"]) != 0 || parsed.Header.Get("Message-Id") == "" || parsed.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("headers %v", parsed.Header)
		}
		for line := range strings.SplitSeq(got.data, "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
	}
}

func TestHeadersCannotBeSmuggledIn(t *testing.T) {
	o := open(t, nil)
	for _, bad := range []mail.Message{
		{To: "ada@example.com\r\nRCPT TO:<eve@example.com>", Subject: "x", Text: "x"},
		{To: "ada@example.com>\r\nDATA", Subject: "x", Text: "x"},
		{To: "ada@example.com", Subject: "x\r\nBcc: eve@example.com", Text: "x"},
		{To: "ada@example.com", Subject: "x\nBcc: eve@example.com", Text: "x"},
		{To: "ada@example.com", Subject: strings.Repeat("x", 1000), Text: "x"},
		{To: "ada@example.com", Subject: "x", Text: "\xff"},
	} {
		if err := o.sender(t, nil).Send(t.Context(), bad); !errors.Is(err, mail.ErrPermanent) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if len(o.commands) != 0 {
		t.Errorf("the server heard %v", o.commands)
	}
}

func TestPasswordNeverTravelsUnprotected(t *testing.T) {
	o := open(t, func(o *office) { o.noTLS = true })
	if err := o.sender(t, nil).Send(t.Context(), letter); err == nil || strings.Contains(strings.Join(o.commands, " "), "AUTH") {
		t.Errorf("%v after %v", err, o.commands)
	}
	stranger := open(t, nil)
	err := stranger.sender(t, func(c *mail.SMTPConfig) { c.RootCAs = x509.NewCertPool() }).Send(t.Context(), letter)
	if err == nil || strings.Contains(strings.Join(stranger.commands, " "), "AUTH") {
		t.Errorf("a stranger's certificate: %v after %v", err, stranger.commands)
	}
	if _, err := mail.NewSMTP(mail.SMTPConfig{Addr: "x:25", Security: mail.Unprotected, Username: "u", From: "a@b.c"}); err == nil {
		t.Error("a password without TLS is accepted")
	}
	relay := open(t, func(o *office) { o.noTLS = true })
	open := relay.sender(t, func(c *mail.SMTPConfig) { c.Security, c.Username = mail.Unprotected, "" })
	if err := open.Send(t.Context(), letter); err != nil || len(relay.mails) != 1 {
		t.Errorf("a local relay: %v", err)
	}
}

func TestServersRefusalIsForEverOrForNowAndQuotesNobody(t *testing.T) {
	for _, c := range []struct {
		verb, answer string
		forever      bool
	}{
		{"RCPT", "550 <ada@example.com> does not live here", true},
		{"RCPT", "451 try later, ada@example.com", false},
		{"AUTH", "535 wrong password p4ssw0rd", false},
		{"DATA", "554 no", true},
		{"MAIL", "421 busy", false},
	} {
		o := open(t, func(o *office) { o.say[c.verb] = c.answer })
		err := o.sender(t, nil).Send(t.Context(), letter)
		if err == nil || errors.Is(err, mail.ErrPermanent) != c.forever {
			t.Errorf("%s: %v", c.answer, err)
		} else if strings.Contains(err.Error(), "ada") || strings.Contains(err.Error(), "p4ssw0rd") || !strings.Contains(err.Error(), c.answer[:3]) {
			t.Errorf("the error tells too much or too little: %v", err)
		}
	}
}

func TestSilentServerIsLeftInTime(t *testing.T) {
	o := open(t, func(o *office) { o.silent = true })
	start := time.Now()
	if err := o.sender(t, func(c *mail.SMTPConfig) { c.Timeout = 50 * time.Millisecond }).Send(t.Context(), letter); err == nil {
		t.Error("a silent server took the mail")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.sender(t, nil).Send(ctx, letter); err == nil {
		t.Error("a canceled send succeeded")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("left after %s", took)
	}
}
