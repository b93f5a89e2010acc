package iso20022

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/terms"
	"github.com/sluicepay/sluice/platform/fault"
)

// party is somebody as the file names him: all texts are in the profile's characters.
type party struct {
	name       string
	address    address
	bank       bank
	account    account
	instrument Code // local instrument, where it depends on the holder
}

// bank is an agent: by BIC, or as a member of a clearing system, or not at all.
type bank struct{ bic, system, member string }

type account struct {
	iban, other string
	typ         string // CACC, SVGS or ""
	proxy       Code
	proxyID     string
}

// address is empty if none is sent.
type address struct {
	street, postcode, town, state, country string
	lines                                  []string
}

// Check refuses a payee whom a file of this profile cannot carry. The error says what is
// missing and shows no bank details.
func (f *Format) Check(i rail.Instruction) error {
	_, err := f.payee(i)
	return err
}

// reference is the form of references that have one way into a file and back.
var reference = regexp.MustCompile(`^[A-Za-z0-9_]{1,35}$`)

func (f *Format) payee(i rail.Instruction) (party, error) {
	if err := f.profile.Refuse(i); err != nil {
		return party{}, err
	}
	if !reference.MatchString(i.Reference) {
		return party{}, fault.Invalidf("", "", "A bank file cannot carry this reference: it takes at most 35 letters, digits and underscores.")
	}
	p := party{name: f.text(i.Creditor.Name, f.profile.NameMost), instrument: f.profile.ByHolder[i.Creditor.HolderType]}
	switch {
	case strings.TrimSpace(i.Creditor.Name) == "":
		return party{}, unpayable("incorrect_account_holder_name", "the name of its holder is missing")
	case !letters.Name(p.name):
		return party{}, unpayable("incorrect_account_holder_name", "the name of its holder has no form in Latin letters, which are all that this rail carries")
	}
	var err error
	if p.address, err = f.address(i.Creditor.Address); err != nil {
		return party{}, err
	}
	if f.profile.AddressNeeded && p.address.country == "" {
		return party{}, unpayable("incorrect_account_holder_address", "this rail needs an address of its holder, and there is none")
	}
	p.bank, p.account, err = f.account(i.Creditor)
	return p, err
}

// unpayable is the error about a destination, with the code that the payout fails with.
func unpayable(code, format string, args ...any) error {
	return &rail.Misfit{Code: code, Reason: fmt.Sprintf("The bank account cannot be paid: "+format+".", args...)}
}

// account is the payee's bank and account.
func (f *Format) account(c rail.Creditor) (bank, account, error) {
	if c.Proxy != rail.NoProxy {
		return f.proxy(c)
	}
	number, routing := compact(c.Number.Reveal()), compact(c.Routing)
	var at bank
	if bic.MatchString(routing) {
		at.bic = routing
	}
	name, domestic := f.profile.Clearings[c.Country]
	switch {
	case number == "":
		return bank{}, account{}, unpayable("invalid_account_number", "its number is missing")
	case isIBAN(number) && f.profile.IBAN:
		if c.Country != "" && number[:2] != c.Country && !strings.Contains("GG IM JE", c.Country) {
			return bank{}, account{}, unpayable("invalid_account_number", "its IBAN is not of the country %s", c.Country)
		}
		return at, account{iban: number}, nil
	case isIBAN(number):
		return bank{}, account{}, unpayable("invalid_account_number", "this rail takes domestic account numbers, not IBANs")
	case domestic && at.bic == "":
		return f.domestic(name, routing, number, c.AccountType)
	case at.bic != "" && len(f.profile.Clearings) > 0 && otherNumber.MatchString(number):
		return at, account{other: number, typ: f.accountType(c.AccountType)}, nil
	case f.profile.IBAN && len(f.profile.Clearings) == 0:
		return bank{}, account{}, unpayable("invalid_account_number", "this rail needs an IBAN, and its number is none")
	}
	return bank{}, account{}, unpayable("", "the routing number of its bank is missing: a BIC, or a clearing code of %s", c.Country)
}

// domestic is an account of a national clearing system.
func (f *Format) domestic(name, routing, number, typ string) (bank, account, error) {
	system := clearings[name]
	switch {
	case routing == "":
		return bank{}, account{}, unpayable("", "the routing number of its bank is missing")
	case !system.routing.MatchString(routing):
		return bank{}, account{}, unpayable("", "the routing number of its bank is not of the clearing system %s", name)
	case !system.number.MatchString(number):
		return bank{}, account{}, unpayable("invalid_account_number", "its number is not of the form of the clearing system %s", name)
	}
	at := bank{system: name, member: routing}
	if system.member != nil {
		at.member = system.member(routing)
	}
	if system.account != nil {
		number = system.account(routing, number)
	}
	return at, account{other: number, typ: f.accountType(typ)}, nil
}

// accountType is the code for the type of an account, where the bank wants it.
func (f *Format) accountType(typ string) string {
	switch {
	case !f.profile.AccountType:
		return ""
	case typ == "savings":
		return "SVGS"
	}
	return "CACC"
}

// proxy is a payee known by a number of another kind. The bank behind it may be given,
// and then stands in the file; otherwise FPS finds it.
func (f *Format) proxy(c rail.Creditor) (bank, account, error) {
	code, known := f.profile.Proxies[c.Proxy]
	given := strings.TrimSpace(c.Number.Reveal())
	routing := compact(c.Routing)
	name := f.profile.Clearings[c.Country]
	switch {
	case !known:
		return bank{}, account{}, unpayable("invalid_account_number", "this rail needs the number of an account, not %s", article(c.Proxy))
	case c.Proxy == rail.Mobile && !mobile.MatchString(given):
		return bank{}, account{}, unpayable("invalid_account_number", "the mobile number is not of the form +852-61234567")
	case c.Proxy == rail.Email && (!email.MatchString(given) || len(given) > 254):
		return bank{}, account{}, unpayable("invalid_account_number", "the e-mail address is not valid")
	case c.Proxy == rail.FPSID && !fpsID.MatchString(given):
		return bank{}, account{}, unpayable("", "an FPS identifier has seven or nine digits")
	}
	to := account{other: f.profile.Placeholder, proxy: code, proxyID: given}
	switch {
	case routing == "":
		return bank{}, to, nil
	case bic.MatchString(routing):
		return bank{bic: routing}, to, nil
	case name == "" || !clearings[name].routing.MatchString(routing):
		return bank{}, account{}, unpayable("", "the routing number of its bank is not of a clearing system that this rail knows")
	}
	at := bank{system: name, member: routing}
	if member := clearings[name].member; member != nil {
		at.member = member(routing)
	}
	return at, to, nil
}

func article(kind rail.ProxyKind) string {
	if name, ok := map[rail.ProxyKind]string{rail.FPSID: "an FPS identifier", rail.Mobile: "a mobile number", rail.Email: "an e-mail address"}[kind]; ok {
		return name
	}
	return "something else"
}

// address writes an address in the profile's form.
func (f *Format) address(a rail.Address) (address, error) {
	form := f.profile.Address
	if form == NoAddress || a == (rail.Address{}) {
		return address{}, nil
	}
	w := address{postcode: f.text(a.Postcode, 16), town: f.text(a.Town, 35), state: f.text(a.State, 35), country: strings.ToUpper(strings.TrimSpace(a.Country))}
	if !terms.Country(w.country) {
		return address{}, unpayable("incorrect_account_holder_address", "the address of its holder has no country")
	}
	if form == Lines {
		place := strings.TrimSpace(strings.Join([]string{a.Postcode, a.Town, a.State}, " "))
		return address{country: w.country, lines: f.lines(a.Line1, a.Line2, place)}, nil
	}
	if !letters.Name(w.town) {
		return address{}, unpayable("incorrect_account_holder_address", "the address of its holder has no town that this rail can carry")
	}
	switch {
	case form == Hybrid && strings.TrimSpace(a.Line2) != "":
		w.lines = f.lines(a.Line1, a.Line2)
	default:
		w.street = f.text(strings.Trim(a.Line1+", "+a.Line2, ", "), 70)
	}
	return w, nil
}

func (f *Format) lines(given ...string) (lines []string) {
	for _, line := range given {
		if line = f.text(line, 70); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// text is a text in the profile's characters.
func (f *Format) text(s string, most int) string { return f.profile.Characters.Text(s, most) }
