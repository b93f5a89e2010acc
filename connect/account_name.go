package connect

import "strings"

// Name is what people call the account: its business, its company, the person
// behind it; "" for one that was opened a minute ago.
func (a Account) Name() string {
	if name := text(a.BusinessProfile.Name); name != "" {
		return name
	}
	if a.Company != nil && text(a.Company.Name) != "" {
		return text(a.Company.Name)
	}
	person := a.individual()
	if person == nil {
		return ""
	}
	return strings.TrimSpace(text(person.FirstName) + " " + text(person.LastName))
}
