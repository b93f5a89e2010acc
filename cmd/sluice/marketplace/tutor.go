package marketplace

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/oauth2"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/money"
)

// A lesson costs HK$600.00; TutorHub keeps 15 %.
var (
	lessonPrice = money.New(60000, "hkd")
	lessonFee   = money.New(9000, "hkd")
	lessonShare = money.New(51000, "hkd")
)

// standing is a tutor's account as the API tells it now.
type standing struct {
	Gone           bool // the platform has no access any more
	Name           string
	Charges        bool
	Payouts        bool
	Receives       bool // transfers: lessons can be charged
	Due            []string
	Pending, Ready money.Amount
}

// standing asks for the account, and for its balance in its own name.
func (b *business) standing(ctx context.Context, account string) (standing, error) {
	var a struct {
		Email           string
		BusinessProfile struct{ Name string } `json:"business_profile"`
		ChargesEnabled  bool                  `json:"charges_enabled"`
		PayoutsEnabled  bool                  `json:"payouts_enabled"`
		Capabilities    map[string]string
		Requirements    struct {
			CurrentlyDue []string `json:"currently_due"`
		}
	}
	if err := b.api.Get(ctx, "/v1/accounts/"+account, nil, &a); err != nil {
		if lost(err) {
			return standing{Gone: true}, nil
		}
		return standing{}, err
	}
	now := standing{
		Name: a.BusinessProfile.Name, Charges: a.ChargesEnabled, Payouts: a.PayoutsEnabled,
		Receives: a.Capabilities["transfers"] == "active", Due: a.Requirements.CurrentlyDue,
	}
	var balance struct{ Pending, Available funds }
	if err := b.as(account).Get(ctx, "/v1/balance", nil, &balance); err != nil {
		if lost(err) {
			return standing{Gone: true}, nil
		}
		return standing{}, err
	}
	now.Pending, now.Ready = balance.Pending.hkd(), balance.Available.hkd()
	return now, nil
}

// as is the API in a tutor's name: the Stripe-Account header.
func (b *business) as(account string) *client.Client {
	return &client.Client{BaseURL: b.api.BaseURL, Key: b.api.Key, HTTP: b.api.HTTP, Account: account}
}

type funds []struct {
	Amount   int64
	Currency string
}

func (f funds) hkd() money.Amount {
	for _, one := range f {
		if one.Currency == "hkd" {
			return money.New(one.Amount, "hkd")
		}
	}
	return money.Zero("hkd")
}

// lost reports whether the API says that the account is not the platform's to see:
// the tutor ended the connection at Sluice, or closed the account.
func lost(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && (refused.Status == http.StatusForbidden || refused.Status == http.StatusNotFound)
}

// alreadyEnded reports whether there was nothing left to disconnect.
func alreadyEnded(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusUnauthorized
}

// takeLesson charges a student's card for the tutor: a destination charge with a
// fee. The key in the form makes a double click one lesson.
func (s *Shop) takeLesson(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	defer home(w, r)
	t, ok := v.tutor(r.PostForm.Get("account"))
	key := r.PostForm.Get("lesson")
	if !ok || key == "" {
		v.tell("warning", "shop.notice.gone")
		return
	}
	var intent struct{ ID, Status string }
	err := b.api.PostOnce(r.Context(), "/v1/payment_intents", url.Values{
		"amount": {strconv.FormatInt(lessonPrice.Minor, 10)}, "currency": {"hkd"},
		"payment_method": {"pm_card_visa"}, "confirm": {"true"},
		"application_fee_amount":     {strconv.FormatInt(lessonFee.Minor, 10)},
		"transfer_data[destination]": {t.Account},
		"description":                {"A lesson on TutorHub"},
	}, "tutorhub-lesson-"+key, &intent)
	if err != nil {
		s.failed(v, r, "POST /v1/payment_intents", err)
		return
	}
	v.made(call{Request: "POST /v1/payment_intents", Result: intent.ID, Why: "shop.call.charge"})
	v.tell("success", "shop.notice.paid", "price", lessonPrice, "fee", lessonFee, "share", lessonShare)
}

// finishOnboarding mints a link to what is due and sends the tutor there. Links
// live for minutes and open once, so they are made when they are needed.
func (s *Shop) finishOnboarding(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	t, ok := v.tutor(r.PostForm.Get("account"))
	if !ok {
		v.tell("warning", "shop.notice.gone")
		home(w, r)
		return
	}
	var link struct{ URL string }
	err := b.api.Post(r.Context(), "/v1/account_links", url.Values{
		"account": {t.Account}, "type": {"account_onboarding"},
		"return_url": {b.BaseURL + Path}, "refresh_url": {b.BaseURL + onboardingPath},
	}, &link)
	if err != nil {
		s.failed(v, r, "POST /v1/account_links", err)
		home(w, r)
		return
	}
	v.made(call{Request: "POST /v1/account_links", Result: t.Account, Why: "shop.call.link"})
	http.Redirect(w, r, link.URL, http.StatusSeeOther)
}

// onboardingLinkEnded is the refresh URL: the tutor came back with a link that was
// used or too old. The page has a button that makes another one.
func (s *Shop) onboardingLinkEnded(w http.ResponseWriter, r *http.Request, _ *business, v *visitor) {
	v.tell("info", "shop.notice.link_ended")
	home(w, r)
}

// failed tells the visitor what the API said, as a developer wants to see it.
func (s *Shop) failed(v *visitor, r *http.Request, request string, err error) {
	reason := err.Error()
	var byOAuth *oauth2.RetrieveError
	if errors.As(err, &byOAuth) { // its text would show the whole answer
		reason = byOAuth.ErrorCode
		if byOAuth.ErrorDescription != "" {
			reason += ": " + byOAuth.ErrorDescription
		}
	}
	v.made(call{Request: request, Result: "", Why: "shop.call.failed", Failed: true})
	v.tell("danger", "shop.notice.failed", "reason", reason)
	s.log.WarnContext(r.Context(), "sample marketplace", "call", request, "error", reason)
}
