package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"

	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/secret"
)

// post is how mails leave: to a server, in development to a page, or not at all.
type post struct {
	*mail.Queue             // nil: no mail server is set up
	inbox       *mail.Inbox // nil outside development
}

func newPost(cfg Config, log *slog.Logger) (post, error) {
	var p post
	var sender mail.Sender
	switch {
	case !cfg.MailServer.IsZero():
		smtp, err := smtpConfig(cfg.MailServer, cfg.MailFrom)
		if err != nil {
			return p, err
		}
		if sender, err = mail.NewSMTP(smtp); err != nil {
			return p, fmt.Errorf("mail_smtp_url and mail_from: %w", err)
		}
	case cfg.Dev:
		p.inbox = mail.NewInbox()
		sender = p.inbox
	default:
		log.Warn("no mail server is set up (mail_smtp_url): nobody can sign up or reset a password")
		return p, nil
	}
	p.Queue = mail.NewQueue(sender, mail.QueueConfig{Log: log})
	return p, nil
}

// Post and Ready satisfy session.Mail also where no mail can be sent: then the page
// says so, and asks to come back.
func (p post) Post(m mail.Message) bool { return p.Queue != nil && p.Queue.Post(m) }

// Ready reports whether a mail could be posted now.
func (p post) Ready() bool { return p.Queue != nil && p.Queue.Ready() }

// Test reports whether anybody reads the mails of test mode: the page of a development
// server shows them, and nobody waits for mails about what is not real.
func (p post) Test() bool { return p.inbox != nil }

func (p post) run(ctx context.Context) error {
	if p.Queue == nil {
		<-ctx.Done()
		return nil
	}
	return p.Queue.Run(ctx)
}

// smtpConfig reads smtp://user:password@host:port, which speaks STARTTLS, or smtps://.
// Only a relay on this machine that asks for no password may do without TLS. No
// error shows the URL: a password stands in it.
func smtpConfig(server secret.Text, from string) (mail.SMTPConfig, error) {
	u, err := url.Parse(server.Reveal())
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return mail.SMTPConfig{}, errors.New("mail_smtp_url is not smtp://user:password@host:port")
	}
	c := mail.SMTPConfig{From: from, Username: u.User.Username()}
	port := u.Port()
	switch u.Scheme {
	case "smtps":
		c.Security = mail.ImplicitTLS
		port = or(port, "465")
	case "smtp":
		c.Security = mail.StartTLS
		if ip := net.ParseIP(u.Hostname()); c.Username == "" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
			c.Security = mail.Unprotected
		}
		port = or(port, "587")
	default:
		return mail.SMTPConfig{}, errors.New("mail_smtp_url must begin with smtp:// or smtps://")
	}
	if password, set := u.User.Password(); set {
		c.Password = secret.New(password)
	}
	if from == "" {
		return mail.SMTPConfig{}, errors.New("mail_from is not set: mails need a sender, such as TutorHub HK <no-reply@tutorhub.example>")
	}
	c.Addr = net.JoinHostPort(u.Hostname(), port)
	return c, nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
