package connect_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/connect"
)

// walker is an account on its way from nothing to active, as facts alone.
type walker struct {
	t          interface{ Fatalf(string, ...any) }
	name       string
	capability string
	facts      connect.Facts
}

var capabilities = []string{connect.TransfersCapability, connect.CardPaymentsCapability, connect.LegacyPaymentsCapability}

// everyCombination is the table: a country of each area × kinds of business × capabilities.
func everyCombination(t testing.TB, rules *connect.Rules, at time.Time, visit func(t *testing.T, w *walker)) {
	t.Helper()
	areas := rules.Versions[0].Areas()
	if got := slices.Sorted(maps.Keys(areas)); !slices.Equal(got, []string{"EU", "GB", "HK", "US", "other"}) {
		t.Fatalf("areas: %v", got)
	}
	for area, country := range areas {
		for _, business := range []string{"individual", "company", "non_profit", "government_entity"} {
			for _, capability := range capabilities {
				name := area + " " + business + " " + capability
				t.(*testing.T).Run(name, func(t *testing.T) {
					visit(t, &walker{t: t, name: name, capability: capability, facts: connect.Facts{
						Enforced: true, Verified: true, At: at, Rules: rules, Country: country, BusinessType: business,
						Requested: []string{capability}, Since: map[string]time.Time{capability: at},
						Given:  map[string]bool{"business_type": true},
						Checks: map[string]connect.CheckFacts{}, UnderReview: map[string]bool{},
					}})
				})
			}
		}
	}
}

// supply gives exactly what is asked for.
func (w *walker) supply(names []string) {
	for _, name := range names {
		w.give(name)
	}
}

func (w *walker) give(name string) {
	switch {
	case name == connect.ExternalAccountDue:
		w.facts.PayoutAccount = true
		return
	case strings.HasPrefix(name, "tos_acceptance."):
		terms := w.facts.Rules.TermsAt(w.facts.At)
		w.facts.Terms = terms.Version
	case strings.HasPrefix(name, "representative."):
		if len(w.facts.People) == 0 {
			w.facts.People = append(w.facts.People, connect.PersonFacts{ID: "person_1", Representative: true})
		}
		name = strings.Replace(name, "representative", "person_1", 1)
	}
	w.facts.Given[name] = true
	// Facts given anew are asked about anew.
	if subject := connect.Subject(name); len(w.facts.Checks[subject].Errors) > 0 {
		w.facts.Checks[subject] = connect.CheckFacts{Pending: true}
	}
}

func (w *walker) standing() connect.CapabilityStanding {
	return connect.Derive(w.facts).Capabilities[w.capability]
}

// suffices is the rule: exactly what is currently due makes the capability active or pending.
func (w *walker) suffices() {
	due := connect.Derive(w.facts).CurrentlyDue
	w.supply(due)
	s := connect.Derive(w.facts)
	c := s.Capabilities[w.capability]
	if !c.Active && !c.Pending || len(s.CurrentlyDue) > 0 {
		w.t.Fatalf("%s: after giving exactly %v: active %v, pending %v, still due %v, past %v", w.name, due, c.Active, c.Pending, s.CurrentlyDue, c.PastDue)
	}
	for _, subject := range []string{"individual", connect.CompanySubject, "person_1", "person_2"} {
		w.facts.Checks[subject] = connect.CheckFacts{Good: true}
	}
	if s := connect.Derive(w.facts); !s.Capabilities[w.capability].Active || !s.PayoutsEnabled || !s.DetailsSubmitted {
		w.t.Fatalf("%s: verified, and not active: %+v", w.name, s)
	}
}

// restricted wants the capability off, and something to be done about it.
func (w *walker) restricted(why string) {
	if c := w.standing(); c.Active || c.Pending || len(c.PastDue) == 0 || c.DisabledReason != "requirements.fields_needed" {
		w.t.Fatalf("%s: %s, and still %+v", w.name, why, c)
	}
}

// comingRules are the shipped rules, a stricter version and newer terms after them.
func comingRules(t testing.TB) *connect.Rules {
	t.Helper()
	pages := fstest.MapFS{}
	for _, name := range []string{"2026-01-01.txt", "terms.txt"} {
		text, err := os.ReadFile("requirements/" + name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = &fstest.MapFile{Data: text}
	}
	pages["terms.txt"].Data = append(pages["terms.txt"].Data, "2028-01-01 2027-11-01 2028-01-01 30 days\n"...)
	pages["2027-06-01.txt"] = &fstest.MapFile{Data: []byte(strings.NewReplacer(
		"version    2026-01-01", "version 2027-06-01", "announced  2025-10-01", "announced 2027-03-01",
		"    now business_type\n", "    now business_type\n    now business_profile.support_email\n",
		"    now company.name\n", "    now company.name\n    now representative.nationality\n",
	).Replace(string(pages["2026-01-01.txt"].Data)))}
	rules, err := connect.ReadRules(pages)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestExactlyWhatIsDueMakesEveryCapabilityActive(t *testing.T) {
	everyCombination(t, comingRules(t), day("2026-11-25"), func(_ *testing.T, w *walker) {
		w.restricted("nothing was given")
		w.suffices()

		// What was only eventually due becomes due, then past due.
		for range 10 {
			if s := connect.Derive(w.facts); s.ChangesAt.IsZero() || s.ChangesAt.After(day("2027-02-28")) {
				break
			} else {
				w.facts.At = s.ChangesAt
			}
			if c := w.standing(); !c.Active {
				w.restricted("a deadline passed")
				w.suffices()
			}
		}
		w.facts.At = day("2027-02-28")
		w.suffices()
		// A verifier takes its word back.
		for subject := range w.facts.Checks {
			w.facts.Checks[subject] = connect.CheckFacts{Errors: []connect.RequirementError{{Requirement: subject + ".verification.document", Code: "verification_document_expired"}}}
		}
		w.restricted("verification failed later")
		w.suffices()

		// New rules are announced, come into force, and after a grace disable.
		w.facts.At = day("2027-03-02")
		s := connect.Derive(w.facts)
		if !slices.Contains(s.Future.CurrentlyDue, "business_profile.support_email") && !w.facts.Given["business_profile.support_email"] ||
			!s.Future.Deadline.Equal(day("2027-06-01")) && len(s.Future.CurrentlyDue) > 0 || !s.Capabilities[w.capability].Active {
			w.t.Fatalf("announced: %+v", s.Future)
		}
		w.facts.At = day("2027-05-31")
		w.suffices() // the last of the old rules, so that only the new ones are missing
		w.facts.At = day("2027-06-02")
		s = connect.Derive(w.facts)
		if missing := len(s.Capabilities[w.capability].CurrentlyDue) > 0; missing {
			if !s.Capabilities[w.capability].Active || !s.Deadline.Equal(day("2027-07-01")) || len(s.PastDue) > 0 || len(s.Future.CurrentlyDue) > 0 {
				w.t.Fatalf("in force: %+v", s)
			}
			w.facts.At = day("2027-07-01")
			w.restricted("the grace of new rules passed")
		}
		w.suffices()

		// New terms: published, required, past their grace.
		w.facts.At = day("2027-11-02")
		if s := connect.Derive(w.facts); !slices.Contains(s.Future.CurrentlyDue, "tos_acceptance.date") || !s.Future.Deadline.Equal(day("2028-01-01")) {
			w.t.Fatalf("published terms: %+v", s.Future)
		}
		w.facts.At = day("2028-01-02")
		if s := connect.Derive(w.facts); !s.Capabilities[w.capability].Active || !slices.Contains(s.CurrentlyDue, "tos_acceptance.date") {
			w.t.Fatalf("required terms: %+v", s)
		}
		w.facts.At = day("2028-01-31")
		w.restricted("new terms were not accepted")
		w.suffices()
	})
}

func TestAnAlternativeIsAsGoodAsTheOriginal(t *testing.T) {
	everyCombination(t, connect.DefaultRules(), day("2026-11-25"), func(_ *testing.T, w *walker) {
		due := connect.Derive(w.facts)
		for _, a := range due.Alternatives {
			if slices.Contains(due.CurrentlyDue, a.Original[0]) {
				due.CurrentlyDue = slices.DeleteFunc(due.CurrentlyDue, func(name string) bool { return name == a.Original[0] })
				w.supply(a.Instead)
			}
		}
		w.supply(due.CurrentlyDue)
		if c := w.standing(); !c.Pending {
			w.t.Fatalf("%s: %+v", w.name, c)
		}
	})
}

// Whatever an account has given so far, and whoever stands behind it, what is due is enough.
func TestExactlyWhatIsDueSufficesFromAnywhere(t *testing.T) {
	rules := comingRules(t)
	areas := rules.Versions[0].Areas()
	rapid.Check(t, func(t *rapid.T) {
		at := day("2026-11-25").AddDate(0, 0, rapid.IntRange(0, 700).Draw(t, "day"))
		w := &walker{t: t, facts: connect.Facts{
			Enforced: true, Verified: rapid.Bool().Draw(t, "verified"), At: at, Rules: rules,
			Country:      areas[rapid.SampledFrom(slices.Sorted(maps.Keys(areas))).Draw(t, "area")],
			BusinessType: rapid.SampledFrom([]string{"individual", "company", "non_profit", "government_entity"}).Draw(t, "business"),
			Given:        map[string]bool{"business_type": true}, Since: map[string]time.Time{},
			Checks: map[string]connect.CheckFacts{}, UnderReview: map[string]bool{},
		}}
		w.capability = rapid.SampledFrom(capabilities).Draw(t, "capability")
		w.name = fmt.Sprintf("%s %s %s", w.facts.Country, w.facts.BusinessType, w.capability)
		w.facts.Requested = rapid.SliceOfNDistinct(rapid.SampledFrom(capabilities), 0, 3, rapid.ID).Draw(t, "requested")
		if !slices.Contains(w.facts.Requested, w.capability) {
			w.facts.Requested = append(w.facts.Requested, w.capability)
		}
		for _, c := range w.facts.Requested {
			w.facts.Since[c] = at.AddDate(0, 0, -rapid.IntRange(0, 500).Draw(t, "since"))
		}
		if rapid.Bool().Draw(t, "persons") {
			w.facts.People = []connect.PersonFacts{
				{ID: "person_1", Representative: true, Director: rapid.Bool().Draw(t, "director")},
				{ID: "person_2", Owner: rapid.Bool().Draw(t, "owner"), Executive: rapid.Bool().Draw(t, "executive")},
			}
		}
		for _, name := range connect.Derive(w.facts).EventuallyDue {
			if rapid.Bool().Draw(t, name) {
				w.give(name)
			}
		}
		if w.facts.Given["tos_acceptance.date"] {
			w.facts.Terms = rapid.SampledFrom(rules.Terms).Draw(t, "terms").Version
		}
		w.suffices()
	})
}

func TestTheStandingSaysWhenItChanges(t *testing.T) {
	everyCombination(t, comingRules(t), day("2026-11-25"), func(t *testing.T, w *walker) {
		w.suffices()
		for range 30 {
			before := connect.Derive(w.facts)
			if before.ChangesAt.IsZero() {
				return
			}
			w.facts.At = before.ChangesAt.Add(-time.Microsecond)
			if just := connect.Derive(w.facts); fmt.Sprintf("%+v", just) != fmt.Sprintf("%+v", before) {
				t.Fatalf("changed before %v:\n%+v\n%+v", before.ChangesAt, before, just)
			}
			w.facts.At = before.ChangesAt
		}
		t.Fatal("it never settles")
	})
}

func TestLenientSandboxAccountsAreActiveAtOnce(t *testing.T) {
	everyCombination(t, connect.DefaultRules(), day("2026-11-25"), func(t *testing.T, w *walker) {
		w.facts.Enforced = false
		if s := connect.Derive(w.facts); !s.Capabilities[w.capability].Active || len(s.PastDue) > 0 ||
			!slices.Equal(s.CurrentlyDue, []string{connect.ExternalAccountDue}) || len(s.EventuallyDue) < 4 || len(s.Future.CurrentlyDue) > 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestRulesThatCannotBeReadAreRefused(t *testing.T) {
	terms := &fstest.MapFile{Data: []byte("1 2020-01-01 2020-01-01 1 days\n")}
	head := "version 2026-01-01\nannounced 2026-01-01\n"
	for _, page := range []string{
		"", head, head + "for any / any\n now x\n", head + "for MARS / any / any\n now x\n", head + "for any / circus / any\n now x\n",
		head + "for any / any / flying\n now x\n", head + "now x\n", head + "for any / any / any\n soon x\n", head + "for any / any / any\n within x days y\n",
		head + "for any / any / any\n verify somebody\n", head + "area EU = XX\nfor any / any / any\n now x\n", "version soon\n",
	} {
		if _, err := connect.ReadRules(fstest.MapFS{"a.txt": {Data: []byte(page)}, "terms.txt": terms}); err == nil {
			t.Errorf("read: %q", page)
		}
	}
}
