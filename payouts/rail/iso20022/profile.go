package iso20022

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/terms"
)

// Profile is what one bank wants in a file, all of it data. Start from one of Profiles and
// change what the bank's guide says: Configure does it from JSON.
type Profile struct {
	Name string `json:"name"` // of the rail, such as "sepa-sct"
	terms.Terms

	Version        Version     `json:"version"`
	Characters     letters.Set `json:"characters"`
	NameMost       int         `json:"name_most"`       // characters of a payee's name, 1 to 140
	RemittanceMost int         `json:"remittance_most"` // characters of the payee's statement text, 0 (none) to 140
	Address        AddressForm `json:"address"`
	AddressNeeded  bool        `json:"address_needed"` // payees without an address are refused

	ServiceLevel    Code            `json:"service_level"`
	LocalInstrument Code            `json:"local_instrument"`
	ByHolder        map[string]Code `json:"local_instrument_by_holder"` // by rail.Creditor.HolderType, where it is not the same for all
	CategoryPurpose Code            `json:"category_purpose"`
	ChargeBearer    string          `json:"charge_bearer"` // SLEV, SHAR, DEBT, CRED or "": the bank's standard
	BatchBooking    bool            `json:"batch_booking"` // one line of the statement for the whole file

	IBAN          bool              `json:"iban"`           // accounts may be named by an IBAN
	Clearings     map[string]string `json:"clearings"`      // country → clearing system of accounts without an IBAN
	AccountScheme Code              `json:"account_scheme"` // of accounts without an IBAN
	AccountType   bool              `json:"account_type"`   // tell checking from savings accounts

	// Proxies are the payees without an account number that the bank takes, by what it
	// calls them. The schema wants an account's id even then: Placeholder is what stands
	// there. See the package comment.
	Proxies     map[rail.ProxyKind]Code `json:"proxies"`
	Placeholder string                  `json:"proxy_placeholder"`

	DebtorScheme Code `json:"debtor_scheme"` // whose id of ours rail.Debtor.ID is: CUST is the customer number, BANK the bank's
}

// Version is a version of the message.
type Version string

// The versions a bank may ask for. The older one knows no proxies and may have
// unstructured addresses; most banks do not take it since November 2026.
const (
	V09 Version = "pain.001.001.09"
	V03 Version = "pain.001.001.03"
)

// AddressForm is how a postal address is written, if there is one.
type AddressForm string

// The forms. Town and country are needed in the first two: without them a bank rejects
// the payment, since 2026-11-14 all over SWIFT and SEPA.
const (
	Hybrid     AddressForm = "hybrid"     // in parts; a second line of the street stands in lines beside them
	Structured AddressForm = "structured" // in parts only
	Lines      AddressForm = "lines"      // country and lines; V03 only
	NoAddress  AddressForm = "none"       // never sent
)

// Code is a code of an ISO list, or one of the bank's own; the zero Code is none.
type Code struct {
	ISO string `json:"code,omitempty"`
	Own string `json:"proprietary,omitempty"`
}

func (c Code) zero() bool { return c == Code{} }

var (
	profileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	isoCode     = regexp.MustCompile(`^[A-Z0-9]{1,4}$`)
	ownCode     = regexp.MustCompile(`^[ -~]{1,35}$`)
	placeholder = regexp.MustCompile(`^[A-Za-z0-9]{1,34}$`)
)

// Check fails on a profile that would not write a valid file.
func (p Profile) Check() error {
	if err := p.Terms.Check(); err != nil {
		return fmt.Errorf("profile %s: %w", p.Name, err)
	}
	wrong := func(field, why string, args ...any) error {
		return fmt.Errorf("profile %s: %s: %s", p.Name, field, fmt.Sprintf(why, args...))
	}
	switch {
	case !profileName.MatchString(p.Name):
		return wrong("name", "want small letters and digits, parted by hyphens")
	case p.Version != V09 && p.Version != V03:
		return wrong("version", "%q is neither %s nor %s", p.Version, V09, V03)
	case !p.Characters.Known():
		return wrong("characters", "%q is neither latin nor unicode", p.Characters)
	case p.NameMost < 1 || p.NameMost > 140:
		return wrong("name_most", "want 1 to 140")
	case p.RemittanceMost < 0 || p.RemittanceMost > 140:
		return wrong("remittance_most", "want 0 to 140")
	case !slices.Contains([]AddressForm{Hybrid, Structured, Lines, NoAddress}, p.Address):
		return wrong("address", "%q is none of hybrid, structured, lines, none", p.Address)
	case p.Address == Lines && p.Version != V03:
		return wrong("address", "only %s takes addresses in lines", V03)
	case p.Address == NoAddress && p.AddressNeeded:
		return wrong("address_needed", "addresses are never sent")
	case p.ChargeBearer != "" && !slices.Contains([]string{"SLEV", "SHAR", "DEBT", "CRED"}, p.ChargeBearer):
		return wrong("charge_bearer", "%q is none of SLEV, SHAR, DEBT, CRED", p.ChargeBearer)
	case !p.IBAN && len(p.Clearings) == 0 && len(p.Proxies) == 0:
		return wrong("iban", "no form of account is allowed: neither IBAN nor clearings")
	case p.Version == V03 && len(p.Proxies) > 0:
		return wrong("proxies", "%s has no element for them", V03)
	case len(p.Proxies) > 0 && !placeholder.MatchString(p.Placeholder):
		return wrong("proxy_placeholder", "want 1 to 34 letters and digits")
	case !p.LocalInstrument.zero() && len(p.ByHolder) > 0:
		return wrong("local_instrument_by_holder", "the same for all or by holder, not both")
	}
	return p.checkCodes(wrong)
}

func (p Profile) checkCodes(wrong func(field, why string, args ...any) error) error {
	codes := map[string]Code{
		"service_level": p.ServiceLevel, "local_instrument": p.LocalInstrument, "category_purpose": p.CategoryPurpose,
		"account_scheme": p.AccountScheme, "debtor_scheme": p.DebtorScheme,
	}
	for kind, code := range p.Proxies {
		if kind != rail.FPSID && kind != rail.Mobile && kind != rail.Email || code.zero() {
			return wrong("proxies", "%q: want fps_id, mobile or email and a code", kind)
		}
		codes["proxies."+string(kind)] = code
	}
	for holder, code := range p.ByHolder {
		if holder != "individual" && holder != "company" && holder != "" || code.zero() {
			return wrong("local_instrument_by_holder", "%q: want individual, company or \"\" and a code", holder)
		}
		codes["local_instrument_by_holder."+holder] = code
	}
	for _, field := range slices.Sorted(maps.Keys(codes)) {
		c := codes[field]
		if c.ISO != "" && (c.Own != "" || !isoCode.MatchString(c.ISO)) || c.Own != "" && !ownCode.MatchString(c.Own) {
			return wrong(field, "want a code of at most 4 capitals and digits, or a proprietary one of at most 35 characters")
		}
	}
	for country, name := range p.Clearings {
		if _, ok := clearings[name]; !ok || !terms.Country(country) {
			return wrong("clearings", "%q: %q: want a country and one of %s", country, name, strings.Join(slices.Sorted(maps.Keys(clearings)), ", "))
		}
	}
	return nil
}

// Configure is a profile of Profiles with what a JSON object says changed, under another
// name if it gives one. A field that is none is refused, and so is a profile that would
// not write a valid file.
func Configure(base string, changes []byte) (Profile, error) {
	p, ok := Profiles()[base]
	if !ok {
		return Profile{}, fmt.Errorf("no profile %q; there are %s", base, strings.Join(slices.Sorted(maps.Keys(Profiles())), ", "))
	}
	if len(bytes.TrimSpace(changes)) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(changes))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&p); err != nil {
			return Profile{}, fmt.Errorf("profile %s: %w", base, err)
		}
		if _, err := decoder.Token(); err != io.EOF {
			return Profile{}, fmt.Errorf("profile %s: more than one JSON object", base)
		}
	}
	return p, p.Check()
}

// Make is the format that a profile's JSON describes: base names one of Profiles, the
// generic one if it says none, and its other fields are those of Configure.
func Make(profile json.RawMessage) (rail.Format, error) {
	changes := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(profile)) > 0 {
		if err := json.Unmarshal(profile, &changes); err != nil {
			return nil, fmt.Errorf("want a JSON object: %w", err)
		}
	}
	base := "generic"
	if raw, ok := changes["base"]; ok {
		if err := json.Unmarshal(raw, &base); err != nil {
			return nil, fmt.Errorf("base: %w", err)
		}
		delete(changes, "base")
	}
	rest, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	p, err := Configure(base, rest)
	if err != nil {
		return nil, err
	}
	return New(p)
}
