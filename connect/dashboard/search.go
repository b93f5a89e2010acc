package dashboard

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// Search is what somebody looks for, and what it could be.
type Search struct {
	Text   string // as it was typed
	Email  string // "" if it is none
	Digits string // the last four of a card or bank account; "" if it is no four digits
	Amount int64  // in minor units of the desk's currency; 0 if it is none
	Word   string // a single word: an order's number, a bank's trace id; "" if there are several
}

// Finder looks for one sort of thing.
type Finder struct {
	Key        string // heading of what it finds
	Permission string
	Find       func(r *http.Request, v *Visit, s Search) ([]Hit, error)
}

// Hit is something found.
type Hit struct {
	ID     string // leads to its page
	Text   any    // what it is, in a line
	Status string
}

const (
	maxSearch = 200 // characters
	maxHits   = 10  // of one sort
)

var (
	idShape     = regexp.MustCompile(`^[a-z]{2,8}_[A-Za-z0-9_]{1,60}$`)
	amountShape = regexp.MustCompile(`^[^0-9]{0,4}\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.([0-9]{1,4}))?$`)
)

// readSearch says what a text could be. An amount is in the desk's currency.
func readSearch(text string, currency money.Currency) Search {
	s := Search{Text: strings.TrimSpace(text)}
	if len(s.Text) > maxSearch {
		s.Text = ""
	}
	if s.Text == "" {
		return s
	}
	if !strings.ContainsAny(s.Text, " \t") {
		s.Word = s.Text
		if at := strings.IndexByte(s.Text, '@'); at > 0 && at < len(s.Text)-1 {
			s.Email = s.Text
		}
	}
	if last := strings.TrimLeft(s.Text, "·•*x. "); len(last) == 4 && strings.Trim(last, "0123456789") == "" {
		s.Digits = last
	}
	s.Amount = readAmount(s.Text, currency.Exponent())
	return s
}

// readAmount is 60000 for "600", "HK$600.00" and "600.0" where a unit has a hundred parts.
func readAmount(text string, exponent int) int64 {
	m := amountShape.FindStringSubmatch(text)
	if m == nil || len(m[2]) > exponent {
		return 0
	}
	minor, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", "")+m[2]+strings.Repeat("0", exponent-len(m[2])), 10, 64)
	if err != nil {
		return 0
	}
	return minor
}

// hits are what one finder found.
type hits struct {
	Key  string
	Hits []Hit
}

type searchView struct {
	Text   string
	Found  []hits
	Missed []string // headings of what could not be asked
}

// search leads to the page of an id, or lists what else fits.
func (d *Desk) search(w http.ResponseWriter, r *http.Request, v *Visit) error {
	s := readSearch(v.Query.Get("q"), v.Chair.Currency)
	if idShape.MatchString(s.Text) {
		if to := v.Where(s.Text); to != "" {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
		}
	}
	view := searchView{Text: s.Text}
	if s.Text != "" {
		for _, f := range d.finders[v.Chair.Side()] {
			if !v.May(f.Permission) {
				continue
			}
			found, err := f.Find(r, v, s)
			if r.Context().Err() != nil {
				return err
			}
			if err != nil { // one sort of thing that cannot be asked for must not hide the others
				d.cfg.Log.WarnContext(r.Context(), "search", "sort", f.Key, "error", err.Error())
				view.Missed = append(view.Missed, f.said(v))
			}
			if len(found) > 0 {
				view.Found = append(view.Found, hits{f.said(v), found[:min(len(found), maxHits)]})
			}
		}
	}
	return v.pages.Render(w, r, v, "desk-search", ui.View{Title: "desk.search.title", Data: view})
}

// finder is a section's, with the texts it speaks in.
type finder struct {
	Finder
	pages *Pages
}

func (f finder) said(v *Visit) string { return f.pages.ui.Text(v.Locale, f.Key) }

// standard are what the frame itself looks for: the lists of the API that take such words.
var standard = map[Side][]Finder{
	ForPlatform: {
		{Key: "desk.search.payments", Permission: "charges:read", Find: findCharges},
		{Key: "desk.search.customers", Permission: "customers:read", Find: findCustomers},
		{Key: "desk.search.payouts", Permission: "payouts:read", Find: findPayouts},
	},
	ForAccount: {
		{Key: "desk.search.payments", Permission: "charges:read", Find: findCharges},
		{Key: "desk.search.payouts", Permission: "payouts:read", Find: findPayouts},
	},
}

type foundCharge struct {
	ID, Currency, Status string
	Description          *string
	Amount, Created      int64
}

func (c foundCharge) hit(v *Visit) Hit {
	return Hit{ID: c.ID, Status: c.Status, Text: v.Sentence("desk.search.line", "amount", v.Amount(c.Amount, c.Currency), "when", v.When(c.Created))}
}

func findCharges(r *http.Request, v *Visit, s Search) (all []Hit, err error) {
	var asked []url.Values
	if s.Amount > 0 {
		amount := strconv.FormatInt(s.Amount, 10)
		asked = append(asked, url.Values{"amount_from": {amount}, "amount_to": {amount}})
	}
	if s.Digits != "" {
		asked = append(asked, url.Values{"last4": {s.Digits}})
	}
	if s.Email != "" {
		known, err := read[struct{ ID string }](r, v.API, "/v1/customers", url.Values{"email": {s.Email}, "limit": {"3"}})
		if err != nil {
			return nil, err
		}
		for _, id := range known.ids {
			asked = append(asked, url.Values{"customer": {id}})
		}
	}
	if s.Word != "" && s.Email == "" {
		asked = append(asked, url.Values{"transfer_group": {s.Word}})
	}
	seen := map[string]bool{}
	for _, params := range asked {
		params.Set("limit", strconv.Itoa(maxHits))
		found, err := read[foundCharge](r, v.API, "/v1/charges", params)
		if err != nil {
			return all, err
		}
		for _, c := range found.rows {
			if !seen[c.ID] {
				seen[c.ID] = true
				all = append(all, c.hit(v))
			}
		}
	}
	return all, nil
}

func findCustomers(r *http.Request, v *Visit, s Search) (all []Hit, err error) {
	if s.Email == "" {
		return nil, nil
	}
	type customer struct {
		ID          string
		Name, Email *string
	}
	found, err := read[customer](r, v.API, "/v1/customers", url.Values{"email": {s.Email}, "limit": {strconv.Itoa(maxHits)}})
	for _, c := range found.rows {
		all = append(all, Hit{ID: c.ID, Text: strings.TrimSpace(textOf(c.Name) + " " + textOf(c.Email))})
	}
	return all, err
}

func findPayouts(r *http.Request, v *Visit, s Search) (all []Hit, err error) {
	if s.Word == "" || s.Email != "" {
		return nil, nil
	}
	params := url.Values{"trace_id": {s.Word}, "limit": {strconv.Itoa(maxHits)}}
	if v.Chair.Side() == ForPlatform {
		params.Set("account", "all")
	}
	found, err := read[foundCharge](r, v.API, "/v1/payouts", params)
	for _, p := range found.rows {
		all = append(all, p.hit(v))
	}
	return all, err
}
