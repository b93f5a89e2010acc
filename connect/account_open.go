package connect

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// OpenParams ask for an account of somebody who came through OAuth.
type OpenParams struct {
	Platform     string
	Livemode     bool
	Express      bool              // /express/oauth/authorize: the platform controls the account
	Email        string            // verified
	Prefill      map[string]string // stripe_user[…] of the authorize request, by name
	Capabilities []string          // suggested_capabilities[]; default card_payments and transfers
}

// OpenForOAuth opens an account for a person who is about to connect. The platform
// reaches it only once it has exchanged its code. What it prefilled is a suggestion:
// what does not fit is left out, and the person sees and may change the rest.
func (s *Accounts) OpenForOAuth(ctx context.Context, tx bun.Tx, at time.Time, p OpenParams) (Account, error) {
	platform, err := s.Get(ctx, tx, tenant.Scope{Platform: p.Platform, Account: p.Platform, Livemode: p.Livemode}, p.Platform)
	if err != nil {
		return Account{}, err
	}
	a := Account{
		ID: id.New("acct"), Platform: p.Platform, Livemode: p.Livemode, Type: "standard", SelfControlled: true,
		Country: platform.Country, Email: p.Email, Metadata: map[string]string{},
		CreatedAt: at, Access: tenant.NoAccess,
	}
	if p.Express {
		a.Type, a.SelfControlled = "express", false
	}
	a.Controller = controllers[a.Type]
	if country := strings.ToUpper(p.Prefill["country"]); currencies[country] != "" {
		a.Country = country
	}
	a.DefaultCurrency, a.Settings = currencies[a.Country], a.defaultSettings()
	// The account earns its capabilities by what it supplies, in test mode too, so that
	// onboarding shows there what it will ask for in live mode.
	a.StrictRequirements = true
	for _, suggestion := range suggestions(p.Prefill) {
		if probe := a.blank(); s.apply(ctx, tx, at, &probe, suggestion) != nil {
			continue
		}
		if err := s.apply(ctx, tx, at, &a, suggestion); err != nil {
			return Account{}, err
		}
	}
	for _, name := range suggested(p.Capabilities) {
		if err := a.request(name, true, at); err != nil {
			return Account{}, err
		}
	}
	return a, s.insert(ctx, tx, at, &a)
}

// suggested is what to ask for: what the platform suggests and we know, or the usual two.
func suggested(names []string) (asked []string) {
	for _, name := range names {
		if _, err := (Account{}).Capability(name); err == nil {
			asked = append(asked, name)
		}
	}
	if len(asked) == 0 {
		return []string{CardPaymentsCapability, TransfersCapability}
	}
	return asked
}

// prefillTypes are Stripe's prefill words and what they are here.
var prefillTypes = map[string]string{
	"sole_prop": "individual", "individual": "individual", "corporation": "company", "company": "company",
	"partnership": "company", "llc": "company", "non_profit": "non_profit", "government_entity": "government_entity",
}

// longestSuggestion bounds one prefilled value.
const longestSuggestion = 500

// suggestions turns stripe_user[…] into changes of an account, each small enough
// that a bad one takes nothing good with it.
func suggestions(prefill map[string]string) []UpdateParams {
	given := func(name string) *string {
		value := strings.TrimSpace(prefill[name])
		if value == "" || len(value) > longestSuggestion {
			return nil
		}
		return &value
	}
	number := func(name string) *int64 {
		n, err := strconv.ParseInt(prefill[name], 10, 32)
		if err != nil {
			return nil
		}
		return &n
	}
	// A person or company is made only by what is told of it.
	about := func(p IndividualParams, told bool) UpdateParams {
		if !told {
			return UpdateParams{}
		}
		return UpdateParams{Individual: &p}
	}
	address := &wire.Address{Line1: given("street_address"), City: given("city"), State: given("state"), PostalCode: given("zip"), Country: given("country")}
	kind := prefillTypes[prefill["business_type"]]
	all := []UpdateParams{
		{DefaultCurrency: given("currency")},
		{BusinessProfile: &BusinessProfileParams{URL: given("url")}},
		{BusinessProfile: &BusinessProfileParams{Name: given("business_name"), ProductDescription: given("product_description")}},
		{BusinessProfile: &BusinessProfileParams{SupportPhone: given("phone_number")}},
	}
	if kind != "" {
		all = append(all, UpdateParams{BusinessType: &kind})
	}
	if kind == "" || kind == "individual" {
		birth := &wire.DateOfBirth{Day: number("dob_day"), Month: number("dob_month"), Year: number("dob_year")}
		first, last, email, phone := given("first_name"), given("last_name"), given("email"), given("phone_number")
		return append(all,
			about(IndividualParams{FirstName: first, LastName: last}, first != nil || last != nil),
			about(IndividualParams{Email: email}, email != nil),
			about(IndividualParams{Phone: phone}, phone != nil),
			about(IndividualParams{DOB: birth}, birth.Day != nil && birth.Month != nil && birth.Year != nil),
			about(IndividualParams{Address: address}, address.Line1 != nil),
		)
	}
	if name := given("business_name"); name != nil {
		all = append(all, UpdateParams{Company: &CompanyParams{Name: name}})
	}
	if phone := given("phone_number"); phone != nil {
		all = append(all, UpdateParams{Company: &CompanyParams{Phone: phone}})
	}
	if address.Line1 != nil {
		all = append(all, UpdateParams{Company: &CompanyParams{Address: address}})
	}
	return all
}

// blank is a new account where this one is, to try a change on.
func (a Account) blank() Account {
	return Account{ID: a.ID, Platform: a.Platform, Livemode: a.Livemode, Country: a.Country, DefaultCurrency: a.DefaultCurrency, BusinessType: a.BusinessType}
}
