package onboarding

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	// MaxReminded is how many accounts one call reminds.
	MaxReminded = 100
	// reminderEvery is how often one account is reminded, whoever asks.
	reminderEvery = 24 * time.Hour
)

// Post takes mails. Test says whether anybody reads those of test mode.
type Post interface {
	Post(m mail.Message) bool
	Ready() bool
	Test() bool
}

// The reasons for which an account is not reminded.
const (
	NothingDue = "nothing_due"
	NoEmail    = "no_email"
	Reminded   = "reminded"           // within the last day
	NotOurs    = "closed_to_platform" // rejected, or its owner's own affair
	NoMail     = "no_mail"
)

// Reminder is whom a call reminded, and why not the others.
type Reminder struct {
	Sent    []string
	Skipped map[string]string // reason by account
}

// Remind e-mails the contacts of accounts that owe something where to sign in and give
// it, each account once a day at most. A dry run only tells who would be. The address is
// no secret and does not expire: a link that lets its bearer in lives five minutes, which
// is too short for a mail.
//
// An account is marked before its mail is posted, and the mark is taken back if the
// post does not take it: a crash between the two leaves somebody who is not reminded
// until tomorrow, and nobody who is reminded twice.
func (s *Links) Remind(ctx context.Context, scope tenant.Scope, accounts []string, post Post, dry bool) (Reminder, error) {
	accounts = slices.Compact(slices.Sorted(slices.Values(accounts)))
	switch {
	case len(accounts) == 0:
		return Reminder{}, fault.Missing("accounts")
	case len(accounts) > MaxReminded:
		return Reminder{}, fault.Invalidf("parameter_invalid", "accounts", "Invalid accounts: at most %d.", MaxReminded)
	case scope.Connected():
		return Reminder{}, &fault.Error{Kind: fault.Forbidden, Code: "account_invalid", Message: "Reminders are for the connected accounts of a platform."}
	}
	out := Reminder{Skipped: map[string]string{}}
	var letters []letter
	err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		out, letters = Reminder{Skipped: map[string]string{}}, nil // a transaction that is tried again begins anew
		for _, account := range accounts {
			a, err := s.cfg.Accounts.Changeable(ctx, tx, scope, account)
			if f := fault.As(err); f != nil && f.Code == "not_allowed_on_standard_account" {
				out.Skipped[account] = NotOurs
				continue
			}
			if err != nil {
				return err
			}
			reason, err := s.whyNot(ctx, tx, a, post, dry)
			if err != nil {
				return err
			}
			if reason != "" {
				out.Skipped[account] = reason
				continue
			}
			out.Sent = append(out.Sent, account)
			if dry {
				continue
			}
			l, err := s.letter(ctx, tx, scope, a)
			if err != nil {
				return err
			}
			letters = append(letters, l)
		}
		return nil
	})
	if err != nil {
		return Reminder{}, err
	}
	for _, l := range letters {
		if post.Post(l.mail) {
			continue
		}
		out.Sent = slices.DeleteFunc(out.Sent, func(a string) bool { return a == l.account })
		out.Skipped[l.account] = NoMail
		if _, err := s.pool.NewRaw("DELETE FROM connect.account_reminders WHERE account = ? AND livemode = ?", l.account, scope.Livemode).Exec(ctx); err != nil {
			return Reminder{}, fmt.Errorf("take back a reminder: %w", err)
		}
	}
	return out, nil
}

// whyNot is the reason for which an account is not reminded now, "" if it is. Unless it
// is a dry run, the account counts as reminded from here on.
func (s *Links) whyNot(ctx context.Context, tx bun.Tx, a connect.Account, post Post, dry bool) (string, error) {
	switch {
	case a.IsPlatform() || a.Rejected != "":
		return NotOurs, nil
	case len(a.Standing().CurrentlyDue) == 0:
		return NothingDue, nil
	case a.Email == "":
		return NoEmail, nil
	case !post.Ready() || !a.Livemode && !post.Test():
		return NoMail, nil
	}
	now := s.cfg.Clock.Now()
	if dry {
		recent, err := tx.NewSelect().TableExpr("connect.account_reminders").
			Where("account = ? AND livemode = ? AND reminded_at > ?", a.ID, a.Livemode, now.Add(-reminderEvery)).Exists(ctx)
		if err != nil || !recent {
			return "", err
		}
		return Reminded, nil
	}
	// Of two calls at a time the second waits for the first one's row, and finds it fresh.
	done, err := tx.NewRaw(`INSERT INTO connect.account_reminders AS r (account, livemode, reminded_at) VALUES (?0, ?1, ?2)
		ON CONFLICT ON CONSTRAINT account_reminders_pkey DO UPDATE SET reminded_at = EXCLUDED.reminded_at WHERE r.reminded_at <= ?3`,
		a.ID, a.Livemode, now, now.Add(-reminderEvery)).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("mark a reminder: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return "", err
	}
	return Reminded, nil
}

// letter is a mail to an account's contact.
type letter struct {
	account string
	mail    mail.Message
}

func (s *Links) letter(ctx context.Context, tx bun.Tx, scope tenant.Scope, a connect.Account) (letter, error) {
	p, err := s.cfg.Accounts.Get(ctx, tx, scope, scope.Platform)
	if err != nil {
		return letter{}, err
	}
	name := oneLine(p.Name())
	if name == "" {
		name = "The platform that pays you"
	}
	home := s.cfg.BaseURL + "/earnings/" + a.ID + "/" + a.Scope().Mode()
	text := name + " needs a few more details before it can go on paying you.\n\nSign in to give them:\n" + home +
		"\n\n――――\n\n" + name + " 需要你補充一些資料，才能繼續向你付款。\n\n請登入填寫：\n" + home + "\n"
	return letter{a.ID, mail.Message{To: a.Email, Subject: name + ": details needed · 需要補充資料", Text: text}}, nil
}

// oneLine is a name as a subject may have it.
func oneLine(name string) string { return strings.Join(strings.Fields(name), " ") }
