package onboarding

import (
	"strings"
	"time"
)

// samples are what the sandbox's verifier accepts, for people who try things out.
// Names are the fields', with the country's own value where there is one.
var samples = map[string]string{
	"business_type": "individual",

	"person.first_name": "Tai Man", "person.last_name": "Chan", "person.email": "taiman.chan@example.com",
	"person.relationship.title": "Director", "person.relationship.percent_ownership": "50", "person.nationality": "HK",
	"person.id_number": "000000000", "person.id_number_secondary": "000000000", "person.ssn_last_4": "0000",
	"person.first_name.US": "Jenny", "person.last_name.US": "Rosen", "person.first_name.GB": "Olivia", "person.last_name.GB": "Bennett",
	"person.first_name.DE": "Lena", "person.last_name.DE": "Fischer",

	"member.first_name": "Siu Ming", "member.last_name": "Lee", "member.email": "siuming.lee@example.com",

	"address.line1": "address_full_match", "address.city": "Central", "address.postal_code": "999077", "address.state": "",
	"address.city.US": "San Francisco", "address.state.US": "CA", "address.postal_code.US": "94111",
	"address.city.GB": "London", "address.postal_code.GB": "EC1A 1BB", "address.city.DE": "Berlin", "address.postal_code.DE": "10115",

	"phone": "+85221234567", "phone.US": "+12015550123", "phone.GB": "+442079460000", "phone.DE": "+493012345678",

	"company.name": "Harbour Tutors Limited", "company.tax_id": "000000000", "company.registration_number": "00000000", "company.vat_id": "000000000",

	"business_profile.mcc": "8299", "business_profile.url": "https://tutor.example.com",
	"business_profile.product_description": "Private lessons in mathematics and science for secondary school students.",
	"business_profile.name":                "Harbour Tutors", "business_profile.support_email": "help@example.com", "business_profile.support_url": "https://tutor.example.com/help",
}

// sampleBirth is the date of birth that the sandbox's verifier accepts.
var sampleBirth = time.Date(1901, time.January, 1, 0, 0, 0, 0, time.UTC)

// sample fills the fields of a page. The person still looks at it and goes on.
func (t *tour) sample(fields []Field) {
	for i := range fields {
		f := &fields[i]
		switch f.Kind {
		case "date":
			t.form.SetDate(f.Name, sampleBirth)
		case "document":
			t.form.Set(f.Name+".sample", "yes")
		case "phone":
			t.showPhone(f.Name, t.sampleOf("phone"))
		default:
			if t.form.Value(f.Name) == "" || f.Kind == "number" {
				t.form.Set(f.Name, t.sampleOf(f.Name))
			}
		}
	}
}

func (t *tour) sampleOf(name string) string {
	subject, tail, found := strings.Cut(name, ".")
	about := groupOf(subject) + "." + tail
	if !found {
		about = name
	}
	if i := strings.Index(about, "address."); i >= 0 {
		about = about[i:]
	}
	if value, known := samples["member."+tail]; known && strings.HasPrefix(subject, personPrefix) {
		return value // another one than the representative
	}
	if value, known := samples[about+"."+t.a.Country]; known {
		return value
	}
	return samples[about]
}

// sampleBank fills in the sandbox's bank account of the country.
func (t *tour) sampleBank(form string) {
	holder := t.holder()
	if holder == "" {
		holder = t.sampleOf("individual.first_name") + " " + t.sampleOf("individual.last_name")
	}
	if t.form.Value(bankHolder) == "" {
		t.form.Set(bankHolder, holder)
	}
	routing, number := map[string]string{"US": "110000000", "GB": "108800", "JP": "1100000", "SG": "1100000", "AU": "110000"}[t.a.Country],
		map[string]string{"hk": "000000123456", "us": "000123456789", "gb": "00012345"}[form]
	if form == "other" {
		number = map[string]string{"JP": "0001234"}[t.a.Country]
		if number == "" {
			number = "000123456"
		}
	}
	if form == "iban" {
		number = map[string]string{"DE": "DE89370400440532013000", "FR": "FR1420041010050500013M02606", "IE": "IE29AIBK93115212345678", "NL": "NL39RABO0300065264",
			"ES": "ES0700120345030000067890", "IT": "IT40S0542811101000000123456", "AT": "AT611904300234573201", "BE": "BE62510007547061"}[t.a.Country]
	}
	t.form.Set(bankBank, "110")
	t.form.Set(bankRouting, routing)
	t.form.Set(bankNumber, number)
	t.form.Set(bankAgain, number)
}
