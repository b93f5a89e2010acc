package onboarding

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// The inputs of the bank page.
const (
	bankHolder  = "bank.holder"
	bankBank    = "bank.bank"
	bankRouting = "bank.routing"
	bankNumber  = "bank.number"
	bankAgain   = "bank.again"
)

// Payee is a bank account as it is shown: never its number.
type Payee struct {
	Name     any // a catalogue key, or text
	Last4    string
	Currency string
	Errored  bool
	Default  bool
}

type bankView struct {
	frame
	Lead     any
	Why      any
	Form     string // hk, us, gb, iban or other: how bank accounts are written there
	Country  string
	Banks    []ui.Option
	Payees   []Payee
	Keep     bool   // there is one that works
	Confirm  string // where the person has to confirm first
	Currency string
	Routing  any
	Number   any
	Hint     any
}

// bank takes where the account is paid. A number is never shown again: a change is a
// new bank account that takes the old one's place.
func (t *tour) bank() error {
	if !slices.Contains(t.plan.steps(), stepBank) {
		return t.start()
	}
	v := t.bankView()
	confirmed, err := t.confirmed(&v)
	if err != nil {
		return err
	}
	switch {
	case !confirmed:
	case t.r.Method != http.MethodPost:
		t.form.Set(bankHolder, t.holder())
	case t.form.Value("keep") != "" && v.Keep:
		return t.after(stepBank)
	case t.fills():
		t.sampleBank(v.Form)
	default:
		saved, err := t.saveBank(v)
		if err != nil {
			return err
		}
		if saved {
			return t.after(stepBank)
		}
		// Numbers are typed again, not sent back.
		t.form.Set(bankNumber, "")
		t.form.Set(bankAgain, "")
	}
	return t.render("bank", ui.FlowWide, v.Title, v)
}

func (t *tour) bankView() bankView {
	v := bankView{
		frame: t.frame(stepBank), Lead: t.z.key("onboarding.lead.bank", t.a.Country), Why: t.z.key("onboarding.why.bank", t.a.Country),
		Country: t.a.Country, Currency: strings.ToUpper(t.a.DefaultCurrency), Form: bankForm(t.a.Country),
		Keep: !t.plan.due[connect.ExternalAccountDue] && len(t.a.ExternalAccounts) > 0, Payees: t.payees(),
	}
	v.Routing, v.Number = t.z.key("onboarding.bank.routing", t.a.Country), t.z.key("onboarding.bank.number", t.a.Country)
	v.Hint = t.z.key("onboarding.bank.number.hint", t.a.Country)
	if v.Form == "iban" {
		v.Number, v.Hint = "onboarding.bank.iban", "onboarding.bank.iban.hint"
	}
	if v.Form == "hk" {
		v.Banks = hongKongBanks
		if !t.a.Livemode {
			v.Banks = append([]ui.Option{{Value: "110", Key: "onboarding.bank.test"}}, v.Banks...)
		}
	}
	return v
}

func bankForm(country string) string {
	switch {
	case country == "HK":
		return "hk"
	case country == "US", country == "GB":
		return strings.ToLower(country)
	case connect.PaysToIBAN(country):
		return "iban"
	}
	return "other"
}

// confirmed reports whether the person may change the bank account at this moment.
// Before there is one there is nothing to protect yet. What else the account owes
// does not matter: a rule, a capability or another owner of a company make it owe
// something, and whoever has a link can add that owner.
func (t *tour) confirmed(v *bankView) (bool, error) {
	if t.z.cfg.StepUp == nil || len(t.a.ExternalAccounts) == 0 {
		return true, nil
	}
	ok, confirm, err := t.z.cfg.StepUp.ConfirmBank(t.r, t.a.ID, t.a.Livemode, Path+"/"+stepBank)
	if err == nil && !ok {
		v.Confirm = confirm
	}
	return ok, err
}

func (t *tour) payees() (payees []Payee) {
	for _, e := range t.a.ExternalAccounts {
		payees = append(payees, Payee{
			Name: t.bankName(e), Last4: e.Last4, Currency: strings.ToUpper(e.Currency),
			Errored: e.Status == connect.ExternalErrored || e.Status == connect.ExternalRefused, Default: e.Default,
		})
	}
	return payees
}

func (t *tour) bankName(e connect.ExternalAccount) any {
	if e.Country == "HK" && len(e.RoutingNumber) >= 3 {
		if e.RoutingNumber[:3] == "110" && !e.Livemode {
			return "onboarding.bank.test"
		}
		if key := "onboarding.bank." + e.RoutingNumber[:3]; t.z.pages.Has(key) {
			return key
		}
	}
	if e.BankName != "" {
		return ui.Text(e.BankName)
	}
	return "onboarding.bank.account"
}

// holder is the name that a bank account most likely has.
func (t *tour) holder() string {
	if len(t.a.ExternalAccounts) > 0 && t.a.ExternalAccounts[0].HolderName != "" {
		return t.a.ExternalAccounts[0].HolderName
	}
	if t.a.BusinessType != individual && t.a.Company != nil {
		return first(t.a.Company.Name)
	}
	p := t.person(individual)
	switch {
	case p == nil:
		return ""
	case slices.Contains(familyFirst, t.a.Country):
		return strings.TrimSpace(first(p.LastName) + " " + first(p.FirstName))
	}
	return nameOf(p)
}

// familyFirst are countries whose banks write the family name first.
var familyFirst = strings.Fields("HK MO TW CN KR JP")

func (t *tour) saveBank(v bankView) (bool, error) {
	bank := t.takeBank(v)
	if !t.form.OK() {
		return false, nil
	}
	err := t.change(func(ctx context.Context, tx bun.Tx) error { return t.replaceBank(ctx, tx, bank) })
	f := fault.As(err)
	switch {
	case f == nil || f.Kind == fault.Internal:
		return err == nil, err
	case f.Code == "bank_account_exists":
		t.form.Fail(bankNumber, "onboarding.error.bank_exists")
	case strings.Contains(f.Param, "routing_number") && v.Form == "hk":
		t.form.Fail(bankNumber, "onboarding.error.bank_number")
	case strings.Contains(f.Param, "routing_number"):
		t.form.Fail(bankRouting, "onboarding.error.bank_routing")
	case strings.Contains(f.Param, "account_number"):
		t.form.Fail(bankNumber, "onboarding.error.bank_number")
	default:
		t.form.Fail("", "onboarding.error.refused")
	}
	return false, nil
}

// takeBank reads the form as bank accounts are written in the country.
func (t *tour) takeBank(v bankView) connect.BankParams {
	need := func(name string, label any) string {
		value := t.form.Value(name)
		if value == "" {
			t.form.Fail(name, "onboarding.missing", "field", t.say(label))
		}
		return value
	}
	holder, number := need(bankHolder, "onboarding.bank.holder"), compact(need(bankNumber, v.Number))
	p := connect.BankParams{AccountHolderName: holder, AccountHolderType: individual, Country: t.a.Country, Currency: t.a.DefaultCurrency}
	if t.a.BusinessType != individual {
		p.AccountHolderType = company
	}
	if v.Form != "iban" && number != "" && compact(t.form.Value(bankAgain)) != number {
		t.form.Fail(bankAgain, "onboarding.error.bank_again")
	}
	switch v.Form {
	case "hk":
		bank := need(bankBank, "onboarding.bank.bank")
		// The first three of the digits are the branch: they belong to the clearing code.
		if len(number) < 9 || len(number) > 12 {
			if number != "" {
				t.form.Fail(bankNumber, "onboarding.error.bank_number_hk")
			}
			return p
		}
		p.RoutingNumber, number = bank+"-"+number[:3], number[3:]
	case "iban":
	default:
		p.RoutingNumber = need(bankRouting, v.Routing)
	}
	p.AccountNumber = secret.New(number)
	return p
}

func compact(s string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(s))
}

// replaceBank makes the new bank account the one that is paid to and drops the one before it.
func (t *tour) replaceBank(ctx context.Context, tx bun.Tx, bank connect.BankParams) error {
	at, yes := t.z.accounts.Clock(t.a.Livemode).Now(), true
	added, err := t.z.accounts.AddExternalAccount(ctx, tx, at, t.v.Scope(), t.a.ID, connect.ExternalAccountParams{
		ExternalAccount: connect.ExternalAccountParam{Bank: &bank}, DefaultForCurrency: &yes,
	})
	if err != nil {
		return err
	}
	for _, old := range t.a.ExternalAccounts {
		if old.Currency != added.Currency {
			continue
		}
		if _, err := t.z.accounts.DeleteExternalAccount(ctx, tx, at, t.v.Scope(), t.a.ID, old.ID); err != nil {
			return err
		}
	}
	return nil
}

// hongKongBanks are clearing codes: those of most people first, in both languages,
// then all others under the names they have.
var hongKongBanks = append(usualBanks, otherBanks()...)

func otherBanks() (options []ui.Option) {
	for code, name := range connect.HongKongBanks() {
		if !slices.ContainsFunc(usualBanks, func(o ui.Option) bool { return o.Value == code }) {
			options = append(options, ui.Option{Value: code, Text: name + " (" + code + ")"})
		}
	}
	slices.SortFunc(options, func(a, b ui.Option) int { return strings.Compare(a.Text, b.Text) })
	return options
}

var usualBanks = optionsOf("onboarding.bank.", `004 024 012 003 015 009 072 016 018 020 025 027 028 035 039 040 041 043 061 128 250
	387 388 389 390 391 392 393 395`)
