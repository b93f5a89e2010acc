package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestMailServersAreReadFromAURL(t *testing.T) {
	t.Parallel()
	const from = "TutorHub HK <no-reply@tutorhub.example>"
	for server, want := range map[string]mail.SMTPConfig{
		"smtp://ada:s%40fe@mail.example:2525": {Addr: "mail.example:2525", Security: mail.StartTLS, Username: "ada", Password: secret.New("s@fe")},
		"smtp://mail.example":                 {Addr: "mail.example:587", Security: mail.StartTLS},
		"smtps://ada:x@mail.example":          {Addr: "mail.example:465", Security: mail.ImplicitTLS, Username: "ada", Password: secret.New("x")},
		"smtp://localhost:25":                 {Addr: "localhost:25", Security: mail.Unprotected},
		"smtp://[::1]:25":                     {Addr: "[::1]:25", Security: mail.Unprotected},
		"smtp://ada:x@localhost:25":           {Addr: "localhost:25", Security: mail.StartTLS, Username: "ada", Password: secret.New("x")},
	} {
		got, err := smtpConfig(secret.New(server), from)
		if err != nil {
			t.Errorf("%s: %v", server, err)
		}
		if got.Addr != want.Addr || got.Security != want.Security || got.Username != want.Username || got.Password.Reveal() != want.Password.Reveal() || got.From != from {
			t.Errorf("%s: %+v", server, got)
		}
	}
	for _, wrong := range []string{"mail.example:587", "http://ada:canary@mail.example", "smtp://", "smtp://ada:canary@mail.example/path", "smtp://ada:canary@:587", "smtp://ada:can%ary@mail.example"} {
		if _, err := smtpConfig(secret.New(wrong), from); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "ada") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if _, err := smtpConfig(secret.New("smtp://mail.example"), ""); err == nil || !strings.Contains(err.Error(), "mail_from") {
		t.Errorf("without a sender: %v", err)
	}
}

func TestWithoutAMailServerNothingIsPosted(t *testing.T) {
	t.Parallel()
	silent, err := newPost(Config{}, slog.New(slog.DiscardHandler))
	if err != nil || silent.Ready() || silent.Post(mail.Message{}) {
		t.Errorf("mails would go out: %v", err)
	}
	shown, err := newPost(Config{Dev: true}, slog.New(slog.DiscardHandler))
	if err != nil || !shown.Ready() || shown.inbox == nil {
		t.Errorf("development has no inbox: %v", err)
	}
}
