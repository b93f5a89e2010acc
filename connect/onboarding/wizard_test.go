package onboarding_test

import (
	"strings"
	"testing"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/tenant"
)

// finish agrees to the terms and follows the way out.
func (w *town) finish(b *browser, account string) connect.Account {
	w.t.Helper()
	b.mustBe("review")
	b.submit("terms=yes")
	if b.leftFor != back {
		w.t.Fatalf("finished at %s (%d), left for %q:\n%s", b.url, b.status, b.leftFor, b.text())
	}
	a := w.account(account)
	if s := a.Standing(); !s.DetailsSubmitted || len(s.CurrentlyDue) > 0 {
		w.t.Fatalf("still due: %v", s.CurrentlyDue)
	}
	must(w.t, w.verify.Run(w.t.Context()))
	a = w.account(account)
	if s := a.Standing(); !s.ChargesEnabled || !s.PayoutsEnabled {
		w.t.Fatalf("verified, but charges %v payouts %v: %+v", s.ChargesEnabled, s.PayoutsEnabled, s.Dues)
	}
	return a
}

func TestAHongKongTutorComesAboard(t *testing.T) {
	w := newTown(t)
	id := w.tutor(map[string]string{"country": "HK", "first_name": "May"})
	b := w.browser()
	b.get(w.mint(id))
	b.mustBe("business-type")
	b.must("TutorHub Hong Kong")
	b.submit()
	b.must("Choose one")
	b.submit("business_type=individual")
	b.mustBe("personal")
	if b.form().Get("individual.first_name") != "May" {
		t.Error("what was prefilled is not there")
	}
	b.submit("individual.last_name=Wong", "individual.dob_day=31", "individual.dob_month=2", "individual.dob_year=1990", "individual.email=may", "individual.phone=91234567")
	b.mustBe("personal")
	b.must("There is no such day")
	b.must("Enter an e-mail address such as")
	if b.status != 422 || b.form().Get("individual.last_name") != "Wong" {
		t.Errorf("%d: what was typed is gone", b.status)
	}
	b.submit("individual.dob_day=7", "individual.dob_month=11", "individual.email=may@example.com")
	b.mustBe("address")
	b.submit("individual.address.line1=Flat 3, 12/F, 8 Queen's Road", "individual.address.city=Central")
	b.mustBe("identity")
	b.submit("individual.id_number=A123456(4)")
	b.must("not a Hong Kong identity card number")
	b.submit("individual.id_number=A123456(3)")
	b.mustBe("business")
	b.submit("business_profile.mcc=8299")
	b.must("Fill in: Website")
	b.submit("business_profile.product_description=Piano lessons at home")
	b.mustBe("bank")
	b.must("Deutsche Bank (054)")
	if b.form().Get("bank.holder") != "Wong May" {
		t.Errorf("holder %q", b.form().Get("bank.holder"))
	}
	b.submit("bank.bank=004", "bank.number=123 456789 001", "bank.again=123 456789 002")
	b.must("The two numbers differ")
	b.submit("bank.bank=004", "bank.number=123 456789 001", "bank.again=123-456789-001")
	b.mustBe("review")
	b.must("HSBC (004)")
	b.must("•••• 9001")
	b.must("7 Nov 1990")
	if strings.Contains(b.body, "456789001") || strings.Contains(b.body, "A123456") {
		t.Error("a number is shown again")
	}

	// The way back stays open, and what was given is there.
	b.get("/onboarding/personal")
	if b.form().Get("individual.last_name") != "Wong" || b.form().Get("individual.dob_month") != "11" || b.form().Get("individual.phone") != "91234567" {
		t.Errorf("on the way back: %v", b.form())
	}
	b.submit("individual.last_name=Wong Lee")
	b.mustBe("review")
	b.submit()
	b.must("Accept the terms")
	a := w.finish(b, id)
	if a.Access != tenant.NoAccess {
		t.Errorf("onboarding changed the access: %q", a.Access)
	}
	if a.TOS.IP == nil || *a.TOS.IP != "127.0.0.1" || a.TOS.Version == nil {
		t.Errorf("terms: %+v", a.TOS)
	}
	e, ok := a.PayoutAccount("hkd")
	if !ok || e.RoutingNumber != "004-123" || e.Last4 != "9001" {
		t.Errorf("bank: %+v", e)
	}
	b.get("/onboarding")
	b.must("You have been away for a while")
}

func TestAHongKongCompanyComesAboard(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=company")
	b.mustBe("company")
	b.submit("company.name=Harbour Tutors Limited", "company.tax_id=000000000", "company.address.line1=8 Queen's Road", "company.phone=21234567")
	b.mustBe("representative")
	b.submit("representative.first_name=Tai Man", "representative.last_name=Chan", "representative.dob_day=1", "representative.dob_month=1",
		"representative.dob_year=1980", "representative.email=chan@example.com", "representative.relationship.title=Director",
		"representative.address.line1=1 Garden Road")
	b.mustBe("identity")
	b.submit("representative.id_number=000000000")
	b.mustBe("people")
	b.must("Tai Man Chan is")
	b.submit()
	b.must("Name at least one director")
	b.submit("speaker_owner=yes", "speaker_director=yes", "add=yes")
	b.mustBe("person")
	b.submit("person_new.first_name=Siu Ming", "person_new.last_name=Lee")
	b.must("Say what the person is to the company")
	b.submit("role_owner=yes")
	b.mustBe("people")
	b.must("Siu Ming Lee")
	b.submit()
	b.mustBe("business")
	b.submit("business_profile.mcc=8299", "business_profile.url=harbour.example")
	b.mustBe("bank")
	if b.form().Get("bank.holder") != "Harbour Tutors Limited" {
		t.Errorf("holder %q", b.form().Get("bank.holder"))
	}
	b.submit("bank.bank=024", "bank.number=000000123456", "bank.again=000000123456")
	b.mustBe("review")
	b.must("https://harbour.example")
	a := w.finish(b, id)
	if len(a.Persons) != 2 || !a.Company.OwnersProvided || !a.Company.DirectorsProvided {
		t.Errorf("%d persons, company %+v", len(a.Persons), a.Company)
	}
}

// walk presses "fill in for me" on every page until the review.
func (w *town) walk(b *browser, steps ...string) {
	w.t.Helper()
	for _, step := range steps {
		b.mustBe(step)
		if step == "people" {
			b.submit(peopleOf(b)...)
			continue
		}
		b.submit("fill=yes")
		if b.status != 200 {
			w.t.Fatalf("filled %s: %d %s", step, b.status, b.text())
		}
		b.submit()
	}
}

func peopleOf(b *browser) (ticks []string) {
	for _, role := range []string{"owner", "director", "executive"} {
		if strings.Contains(b.body, `name="speaker_`+role+`"`) {
			ticks = append(ticks, "speaker_"+role+"=yes")
		}
	}
	return ticks
}

func TestTestDataLeadsFromNothingToSubmitted(t *testing.T) {
	for _, c := range []struct {
		country, business string
		steps             []string
	}{
		{"HK", "individual", []string{"personal", "address", "identity", "business", "bank"}},
		{"US", "individual", []string{"personal", "address", "identity", "business", "bank"}},
		{"DE", "individual", []string{"personal", "address", "business", "bank"}},
		{"GB", "company", []string{"company", "representative", "people", "business", "bank"}},
		{"HK", "company", []string{"company", "representative", "identity", "people", "business", "bank"}},
		{"US", "company", []string{"company", "representative", "identity", "people", "business", "bank"}},
		{"SG", "individual", []string{"personal", "address", "business", "bank"}},
		{"HK", "non_profit", []string{"company", "representative", "identity", "business", "bank"}},
	} {
		t.Run(c.country+" "+c.business, func(t *testing.T) {
			w := newTown(t)
			id := w.tutor(map[string]string{"country": c.country})
			b := w.browser()
			b.get(w.mint(id))
			b.submit("business_type=" + c.business)
			w.walk(b, c.steps...)
			w.finish(b, id)
		})
	}
}

func TestAVisitThatBreaksOffIsTakenUpByTheNextLink(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal")
	other := w.browser()
	other.get(w.mint(id))
	w.walk(other, "address", "identity", "business", "bank")
	w.finish(other, id)
	// The first browser still has its visit: there is nothing left to do in it.
	b.get("/onboarding")
	b.must("Everything is there")
}

func TestOnlyWhatIsDueIsAskedFor(t *testing.T) {
	w := newTown(t)
	// A test account without strict rules owes a bank account, and that is all it is asked for.
	id := w.api("POST", "/v1/accounts", 200, "type=express", "country=HK", "business_type=individual", "capabilities[transfers][requested]=true")["id"].(string)
	link := func(more ...string) string {
		form := append([]string{"account=" + id, "type=account_onboarding", "refresh_url=" + refresh, "return_url=" + back}, more...)
		return w.api("POST", "/v1/account_links", 200, form...)["url"].(string)
	}
	b := w.browser()
	b.get(link())
	b.mustBe("bank")
	w.walk(b, "bank")
	b.mustBe("review")
	b.submit()
	if b.leftFor != back {
		t.Fatalf("left for %q: %s", b.leftFor, b.text())
	}
	b.get(link("collection_options[fields]=eventually_due"))
	b.mustBe("personal")
	w.walk(b, "personal", "address", "identity")
	b.mustBe("review")
	b.submit("terms=yes")
	if b.leftFor != back || len(w.account(id).Standing().EventuallyDue) > 0 {
		t.Fatalf("left for %q, eventually due %v", b.leftFor, w.account(id).Standing().EventuallyDue)
	}
}

func TestWhatAVerifierRefusedIsSaidBesideItsField(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal", "address")
	b.submit("individual.id_number=111111111")
	w.walk(b, "business", "bank")
	b.submit("terms=yes")
	must(t, w.verify.Run(t.Context()))
	b.get(w.mint(id))
	b.mustBe("identity")
	b.must("The register does not know this number with your name")
	if b.status != 200 {
		t.Errorf("%d", b.status)
	}
	b.submit("individual.id_number=000000000")
	if w.finishAgain(b, id); t.Failed() {
		t.Log(b.text())
	}
}

// finishAgain ends a visit whose terms were accepted before.
func (w *town) finishAgain(b *browser, account string) {
	w.t.Helper()
	b.mustBe("review")
	b.submit()
	if b.leftFor != back {
		w.t.Fatalf("left for %q: %s", b.leftFor, b.text())
	}
	must(w.t, w.verify.Run(w.t.Context()))
	if s := w.account(account).Standing(); !s.ChargesEnabled {
		w.t.Errorf("not active: %+v", s.Dues)
	}
}

func TestFinishLaterSavesAndLeaves(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	b.post("/onboarding/leave", map[string][]string{"account": {id}})
	if b.leftFor != back {
		t.Fatalf("left for %q", b.leftFor)
	}
	if w.account(id).BusinessType != "individual" {
		t.Error("nothing was saved")
	}
	b.get("/onboarding/personal")
	b.must("You have been away for a while")
}

func TestAWrongFirstChoiceCostsNothing(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal", "address", "identity")
	b.get("/onboarding/business-type")
	b.submit("business_type=company")
	w.walk(b, "company")
	b.mustBe("representative")
	if b.form().Get("representative.last_name") != "Chan" {
		t.Errorf("everything has to be told again: %v", b.form())
	}
	b.get("/onboarding/business-type")
	b.submit("business_type=individual")
	w.walk(b, "business", "bank")
	w.finish(b, id)
	if n := len(w.account(id).Persons); n != 1 {
		t.Errorf("%d persons", n)
	}
}
