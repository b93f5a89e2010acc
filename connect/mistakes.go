package connect

import (
	"regexp"
	"time"

	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/wire"
)

// Ages that whoever answers for an account may have.
const (
	leastAge = 18
	mostAge  = 130
)

// mistakes is what can be seen to be wrong without asking anybody: ages and numbers
// that cannot be. No verifier is bothered with them.
func (s *Accounts) mistakes(a *Account, subject string, at time.Time) (wrong []RequirementError, err error) {
	numbers, err := s.openNumbers(a, subject)
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"id_number", "tax_id", "registration_number"} {
		number := plainNumber(numbers[kind].Reveal())
		if number == "" || !a.Livemode && verification.Magic(number) {
			continue
		}
		if code, why := numberMistake(a.Country, kind, number); code != "" {
			wrong = append(wrong, RequirementError{Requirement: kind, Code: code, Reason: why})
		}
	}
	if p, err := a.Person(subject); err == nil && is(p.Relationship.Representative) {
		wrong = append(wrong, ageMistake(p.DOB, at)...)
	}
	return wrong, nil
}

func ageMistake(d wire.DateOfBirth, at time.Time) (wrong []RequirementError) {
	born, ok := birth(d)
	if !ok {
		return nil
	}
	code, why := "", ""
	switch {
	case born.AddDate(leastAge, 0, 0).After(at):
		code, why = "invalid_dob_age_under_18", "Whoever answers for an account must be at least 18 years old."
	case born.AddDate(mostAge, 0, 0).Before(at):
		code, why = "invalid_dob_age_over_maximum", "Check the year of birth."
	default:
		return nil
	}
	for _, part := range []string{"dob.day", "dob.month", "dob.year"} {
		wrong = append(wrong, RequirementError{Requirement: part, Code: code, Reason: why})
	}
	return wrong
}

var (
	hkidForm   = regexp.MustCompile(`^[A-Z]{1,2}\d{6}[0-9A]$`)
	nineForm   = regexp.MustCompile(`^\d{9}$`)
	crnForm    = regexp.MustCompile(`^([A-Z]{2}\d{6}|\d{8})$`)
	brnForm    = regexp.MustCompile(`^\d{8}(\d{3,15})?$`)
	anyNumeral = regexp.MustCompile(`\d`)
)

// numberMistake checks the form of a number, and its check digit where there is one.
func numberMistake(country, kind, number string) (code, why string) {
	switch {
	case country == "HK" && kind == "id_number" && hkidForm.MatchString(number) && !hkidFits(number):
		return "invalid_value_other", "The check digit of this Hong Kong identity card number is wrong. It is the one in brackets."
	case country == "US" && kind == "id_number" && !nineForm.MatchString(number):
		return "invalid_value_other", "A social security number has nine digits."
	case country == "US" && kind == "tax_id" && !nineForm.MatchString(number):
		return "invalid_tax_id_format", "An employer identification number has nine digits."
	case country == "GB" && kind == "registration_number" && !crnForm.MatchString(number):
		return "invalid_tax_id_format", "A company number has eight digits, or two letters and six digits."
	case country == "HK" && kind == "tax_id" && !brnForm.MatchString(number):
		return "invalid_tax_id_format", "A business registration number has eight digits."
	case !anyNumeral.MatchString(number):
		return "invalid_value_other", "This number has no digits."
	}
	return "", ""
}

// hkidFits checks the check digit of a Hong Kong identity card number: letters
// read as 10 to 35 (a missing first letter as 36), weights 9 down to 1, sum divisible by 11.
func hkidFits(number string) bool {
	if len(number) == 8 {
		number = " " + number
	}
	sum := 0
	for i, c := range number {
		value := 36
		switch {
		case c >= '0' && c <= '9':
			value = int(c - '0')
		case c >= 'A':
			value = int(c-'A') + 10
		}
		sum += value * (9 - i)
	}
	return sum%11 == 0
}

// text is the first text that is there.
func text(of ...*string) string {
	for _, t := range of {
		if t != nil {
			return *t
		}
	}
	return ""
}

func addressOf(a *wire.Address) verification.Address {
	if a == nil {
		return verification.Address{}
	}
	return verification.Address{
		Line1: text(a.Line1), Line2: text(a.Line2), City: text(a.City), State: text(a.State),
		PostalCode: text(a.PostalCode), Country: text(a.Country),
	}
}

func fileOf(files map[string]string, name string, d wire.VerificationDocument) {
	for side, file := range map[string]*string{"front": d.Front, "back": d.Back} {
		if file != nil {
			files[name+"."+side] = *file
		}
	}
}
