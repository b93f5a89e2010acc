package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// moneyNotices mails an account's contact when it changes where the money goes: who
// did not do that himself should hear of it before the next payout. A change of
// the contact is told to the old one too. In test mode only the page of a
// development server is told: nobody waits for mails about what is not real.
type moneyNotices struct {
	accounts *connect.Accounts
	mails    post
}

// of are the mails that events ask for; what cannot be read asks for none, because
// the events have to go on to everybody else.
func (n moneyNotices) of(ctx context.Context, tx bun.IDB, batch []bus.Message) (mails []mail.Message) {
	for _, m := range batch {
		if !m.Livemode && n.mails.inbox == nil ||
			m.Type != "account.updated" && m.Type != "balance_settings.updated" && !strings.HasPrefix(m.Type, "account.external_account.") {
			continue
		}
		var e wire.Event
		if json.Unmarshal(m.Value, &e) != nil {
			continue
		}
		var replaced struct {
			Email   string `json:"email"`
			Default *bool  `json:"default_for_currency"`

			Payments struct {
				Payouts map[string]json.RawMessage `json:"payouts"`
			} `json:"payments"`
		}
		_ = json.Unmarshal(e.Data.PreviousAttributes, &replaced)
		text := "The contact address of your account was changed. Mails about it go to the new address from now on."
		if m.Type == "account.updated" && replaced.Email == "" {
			continue
		}
		if _, shares := replaced.Payments.Payouts["destinations"]; m.Type == "balance_settings.updated" && !shares {
			continue
		}
		a, err := n.accounts.Get(ctx, tx, tenant.Scope{Platform: m.Platform, Account: m.Key, Livemode: m.Livemode}, m.Key)
		if err != nil {
			continue
		}
		switch m.Type {
		case "account.updated":
		case "balance_settings.updated":
			text = sharesText(a)
		default:
			if text = bankText(m.Type, e.Data.Object, replaced.Default != nil); text == "" || m.Time.Equal(a.CreatedAt) {
				continue // the first one came with the account
			}
		}
		for _, to := range n.contacts(ctx, tx, a, m.Time) {
			mails = append(mails, mail.Message{To: to, Subject: "A change to where your money goes", Text: text + moneyWarning})
		}
	}
	return mails
}

// recentContact is how long the one before hears of changes beside the new contact.
const recentContact = 7 * 24 * time.Hour

// contacts are the account's contact and those that were replaced not long before
// at: who changes the address first does not get the mails to himself.
func (n moneyNotices) contacts(ctx context.Context, tx bun.IDB, a connect.Account, at time.Time) (all []string) {
	add := func(email string) {
		if email != "" && !slices.Contains(all, email) {
			all = append(all, email)
		}
	}
	add(a.Email)
	limit := int64(100)
	changes, err := event.List(ctx, tx, a.Scope(), at, event.Filter{Types: []string{"account.updated"}, Params: page.Params{Limit: &limit}})
	if err != nil {
		return all
	}
	for _, e := range changes.Items {
		var replaced struct {
			Email string `json:"email"`
		}
		if e.CreatedAt.After(at.Add(-recentContact)) && json.Unmarshal(e.Previous, &replaced) == nil {
			add(replaced.Email)
		}
	}
	return all
}

const moneyWarning = "\n\nIf that was you, there is nothing to do. If it was not, tell the platform that pays you at once.\n"

// sharesText says how payouts are divided among bank accounts now.
func sharesText(a connect.Account) string {
	text := "How your payouts are divided among bank accounts was changed. "
	var shares []string
	for _, share := range a.Settings.Payouts.Destinations {
		if e, err := a.ExternalAccount(share.ID); err == nil {
			shares = append(shares, share.Percent+" % in "+strings.ToUpper(e.Currency)+" to the bank account ending in "+e.Last4)
		}
	}
	if len(shares) == 0 {
		return text + "From now on all of each goes to one bank account."
	}
	return text + "From now on: " + strings.Join(shares, ", ") + "."
}

// bankText says what became of a bank account, by its last digits.
func bankText(kind string, object json.RawMessage, defaultChanged bool) string {
	var b wire.BankAccount
	if json.Unmarshal(object, &b) != nil {
		return ""
	}
	isDefault, name := b.DefaultForCurrency != nil && *b.DefaultForCurrency, "the bank account ending in "+b.Last4
	paid := "Payouts in " + strings.ToUpper(b.Currency) + " go to " + name + " from now on."
	switch {
	case kind == "account.external_account.deleted":
		return "Payouts can no longer go to " + name + ": it was removed from your account."
	case kind == "account.external_account.created" && isDefault:
		return "A bank account was added to your account. " + paid
	case kind == "account.external_account.created":
		return "A bank account was added to your account: " + name + "."
	case isDefault && defaultChanged:
		return paid
	}
	return ""
}
