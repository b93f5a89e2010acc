package connecthttp_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/secret"
)

// enforced is a test account of a tutor in Hong Kong, held to the true rules and complete but for edit.
func (m *marketplace) enforced(edit ...string) object {
	m.t.Helper()
	form := []string{
		"country=HK", "business_type=individual", "sluice[requirements]=enforced", "capabilities[transfers][requested]=true",
		"individual[first_name]=Siu Ming", "individual[last_name]=Chan", "individual[email]=chan@example.com",
		"individual[dob][day]=1", "individual[dob][month]=2", "individual[dob][year]=1990", "individual[address][line1]=1 Nathan Road",
		"individual[id_number]=000000000", "tos_acceptance[date]=1790000000", "tos_acceptance[ip]=192.0.2.1", "external_account=btok_hk",
	}
	for _, e := range edit {
		name, value, _ := strings.Cut(e, "=")
		form = slices.DeleteFunc(form, func(f string) bool { return strings.HasPrefix(f, name+"=") })
		if value != "" {
			form = append(form, e)
		}
	}
	return m.call("POST", "/v1/accounts", 200, form...)
}

func (o object) codes() (codes []string) {
	for _, e := range o.at("requirements")["errors"].([]any) {
		e := e.(map[string]any)
		codes = append(codes, e["requirement"].(string)+" "+e["code"].(string))
	}
	return codes
}

// The magic values of the sandbox, through the API: each reaches its state, and what is due then mends it.
func TestEveryStateOfVerificationCanBeReachedAndLeft(t *testing.T) {
	for _, tc := range []struct {
		name, edit string
		status     string
		due        []string
		errors     []string
		mend       []string
	}{
		{name: "verified", edit: "individual[dob][year]=1990", status: "active"},
		{
			name: "a number that does not match", edit: "individual[id_number]=111111111", status: "inactive", due: []string{"individual.id_number"},
			errors: []string{"individual.id_number verification_failed_id_number_match"}, mend: []string{"individual[id_number]=000000000"},
		},
		{
			name: "the same number, given again after the match was repaired by a document", edit: "individual[id_number]=111111111", status: "inactive",
			due: []string{"individual.id_number"}, errors: []string{"individual.id_number verification_failed_id_number_match"},
			mend: []string{"individual[id_number]=111111111", "individual[verification][document][front]=file_identity_document_success"},
		},
		{
			name: "an address that does not match", edit: "individual[address][line1]=address_no_match", status: "inactive", due: []string{"individual.address.line1"},
			errors: []string{"individual.address.line1 verification_failed_address_match"}, mend: []string{"individual[address][line1]=address_full_match"},
		},
		{
			name: "a document is needed", edit: "individual[id_number]=555555555", status: "inactive", due: []string{"individual.verification.document"},
			errors: []string{"individual.verification.document verification_failed_keyed_identity"},
			mend:   []string{"individual[verification][document][front]=file_identity_document_success"},
		},
		{
			name: "a document that cannot be read", edit: "individual[verification][document][front]=file_identity_document_unreadable", status: "inactive",
			due: []string{"individual.verification.document"}, errors: []string{"individual.verification.document verification_document_not_readable"},
			mend: []string{"individual[verification][document][front]=file_identity_document_success"},
		},
		{name: "slow", edit: "individual[id_number]=333333333", status: "active"},
		{name: "pending", edit: "individual[id_number]=444444444", status: "pending"},
		{name: "nobody can be asked", edit: "individual[id_number]=666666666", status: "pending"},
		{
			name: "too young, seen without asking anybody", edit: "individual[dob][year]=2015", status: "inactive",
			due:    []string{"individual.dob.day", "individual.dob.month", "individual.dob.year"},
			errors: []string{"individual.dob.day invalid_dob_age_under_18", "individual.dob.month invalid_dob_age_under_18", "individual.dob.year invalid_dob_age_under_18"},
			mend:   []string{"individual[dob][day]=1", "individual[dob][month]=2", "individual[dob][year]=1990"},
		},
		{
			name: "a wrong check digit", edit: "individual[id_number]=A123456(4)", status: "inactive", due: []string{"individual.id_number"},
			errors: []string{"individual.id_number invalid_value_other"}, mend: []string{"individual[id_number]=A123456(3)"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := verified(t)
			a := m.enforced(tc.edit)
			if got := a.at("capabilities")["transfers"]; got != "pending" && tc.status != "inactive" {
				t.Fatalf("complete, and %v: %v", got, a["requirements"])
			}
			if got := a.at("individual", "verification")["status"]; got == "verified" {
				t.Fatal("verified before anybody was asked")
			}
			m.run()
			m.now.Advance(6 * time.Second)
			m.run()
			a = m.call("GET", "/v1/accounts/"+a["id"].(string), 200)
			if got := a.at("capabilities")["transfers"]; got != tc.status {
				t.Fatalf("%v, want %s: %v", got, tc.status, a["requirements"])
			}
			r := a.at("requirements")
			if !slices.Equal(r.names("currently_due"), tc.due) || !slices.Equal(a.codes(), tc.errors) {
				t.Fatalf("due %v, errors %v", r.names("currently_due"), a.codes())
			}
			if (tc.status == "pending") != slices.Contains(r.names("pending_verification"), "individual.id_number") {
				t.Fatalf("pending verification: %v", r.names("pending_verification"))
			}
			if tc.mend == nil {
				return
			}
			a = m.call("POST", "/v1/accounts/"+a["id"].(string), 200, tc.mend...)
			if got := a.at("capabilities")["transfers"]; got != "pending" || len(a.codes()) > 0 {
				t.Fatalf("mended, and %v: %v", got, a["requirements"])
			}
			m.run()
			if a = m.call("GET", "/v1/accounts/"+a["id"].(string), 200); a.at("capabilities")["transfers"] != "active" || a.at("individual", "verification")["status"] != "verified" {
				t.Fatalf("not active: %v", a)
			}
		})
	}
}

func TestIdentityNumbersAreSealedAndErasedOnceVerified(t *testing.T) {
	m := verified(t)
	const canary, tax = "Z9182736450", "91827364"
	a := m.enforced("individual[id_number]=" + canary)
	company := m.call("POST", "/v1/accounts", 200, "country=HK", "business_type=company", "company[tax_id]="+tax)["id"].(string)
	dump := func() string {
		var rows []string
		err := m.pool.NewRaw(`SELECT a::text FROM connect.accounts a UNION ALL SELECT p::text FROM connect.persons p UNION ALL SELECT n::text FROM connect.identity_numbers n
			UNION ALL SELECT k::text FROM connect.verification_checks k UNION ALL SELECT v::text FROM connect.verification_evidence v
			UNION ALL SELECT r::text FROM connect.verification_reviews r`).Scan(t.Context(), &rows)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(append(rows, m.told()...), "\n")
	}
	sealed := func(account string) (n int) {
		if err := m.pool.NewRaw("SELECT count(*) FROM connect.identity_numbers WHERE account = ? AND sealed <> ''", account).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	id := a["id"].(string)
	if sealed(id) != 1 || sealed(company) != 1 {
		t.Fatal("not sealed")
	}
	m.run()
	if all := dump(); strings.Contains(all, canary) || strings.Contains(all, tax) {
		t.Fatal("a number is in clear")
	}
	if sealed(id) != 0 {
		t.Fatal("the number is still there after it was verified")
	}
	m.call("DELETE", "/v1/accounts/"+company, 200)
	if sealed(company) != 0 {
		t.Fatal("the number is still there after the account was closed")
	}
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("individual")["id_number_provided"] != true {
		t.Fatal("it was forgotten that there was a number")
	}
	// Facts that change later are asked about again; until the answer comes the old one counts.
	a = m.call("POST", "/v1/accounts/"+id, 200, "individual[address][line1]=2 Nathan Road")
	if a.at("capabilities")["transfers"] != "active" || len(a.at("requirements").names("pending_verification")) == 0 {
		t.Fatalf("moved: %v", a)
	}
	m.run()
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "active" || len(a.at("requirements").names("pending_verification")) != 0 {
		t.Fatalf("asked again: %v", a)
	}
}

func TestCallbacksInAnyOrderAndNumberEndInOneState(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	answers := func(check, reference string) (all []verification.Answer) {
		for i, state := range []verification.State{verification.Pending, verification.Failed, verification.NeedsDocument, verification.Pending, verification.Failed, verification.Verified} {
			o := verification.Outcome{Requirement: "id_number", State: state}
			if state == verification.Failed {
				o.Code = "verification_failed_id_number_match"
			}
			all = append(all, verification.Answer{Check: check, Reference: reference, Revision: int64(i + 2), Outcomes: []verification.Outcome{o}})
		}
		return append(all, all...)
	}
	m := verified(t)
	for range 8 {
		id := m.enforced("individual[id_number]=444444444")["id"].(string)
		m.run()
		var check struct{ ID, Reference string }
		if err := m.pool.NewRaw("SELECT id, reference FROM connect.verification_checks WHERE account = ?", id).Scan(t.Context(), &check); err != nil {
			t.Fatal(err)
		}
		all := answers(check.ID, check.Reference)
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, a := range all {
			m.callback(204, callbackKey, a)
		}
		a := m.call("GET", "/v1/accounts/"+id, 200)
		if a.at("capabilities")["transfers"] != "active" || len(a.codes()) > 0 || len(a.at("requirements").names("pending_verification")) > 0 {
			t.Fatalf("%v", a["requirements"])
		}
		var evidence int
		if err := m.pool.NewRaw("SELECT count(*) FROM connect.verification_evidence WHERE \"check\" = ?", check.ID).Scan(t.Context(), &evidence); err != nil || evidence != 7 {
			t.Fatalf("%d pieces of evidence, %v", evidence, err)
		}
	}
	m.callback(401, secret.New(strings.Repeat("x", 32)), verification.Answer{Check: "chk_1", Reference: "r", Revision: 1})
	m.callback(404, callbackKey, verification.Answer{Check: "chk_nosuch", Reference: "r", Revision: 1})
	if _, err := m.pool.ExecContext(t.Context(), "UPDATE connect.verification_evidence SET outcomes = '[]'"); err == nil {
		t.Fatal("evidence can be changed")
	}
	if _, err := m.pool.ExecContext(t.Context(), "DELETE FROM connect.verification_evidence"); err == nil {
		t.Fatal("evidence can be deleted")
	}
}

// flaky is a verifier that is down until told otherwise, and counts what it was asked.
type flaky struct {
	verification.Sandbox
	up      atomic.Bool
	started atomic.Int64
	expired atomic.Int64
	lose    atomic.Bool // decides, and the answer is lost
}

func (f *flaky) Start(ctx context.Context, s verification.Subject) (verification.Answer, error) {
	f.started.Add(1)
	if !f.up.Load() {
		return verification.Answer{}, errors.New("down")
	}
	a, err := f.Sandbox.Start(ctx, s)
	if f.lose.Swap(false) {
		return verification.Answer{}, errors.New("connection reset")
	}
	return a, err
}

func (f *flaky) Expire(ctx context.Context, reference string) error {
	f.expired.Add(1)
	return f.Sandbox.Expire(ctx, reference)
}

func TestAVerifierThatIsDownHasNotSaidNo(t *testing.T) {
	f := &flaky{Sandbox: verification.Sandbox{Key: callbackKey}}
	m := verified(t, func(cfg *connect.Config) { cfg.Verifiers.Test = f })
	id := m.enforced()["id"].(string)
	status := func() any { return m.call("GET", "/v1/accounts/"+id, 200).at("capabilities")["transfers"] }
	for range 3 {
		m.run()
		if got := status(); got != "pending" {
			t.Fatalf("%v", got)
		}
		m.now.Advance(time.Minute)
	}
	if f.started.Load() < 3 {
		t.Fatalf("asked %d times in three minutes", f.started.Load())
	}
	f.up.Store(true)
	f.lose.Store(true)
	m.now.Advance(time.Hour)
	m.run()
	if got := status(); got != "pending" {
		t.Fatalf("the answer was lost, and it is %v", got)
	}
	m.now.Advance(time.Hour)
	m.run()
	if got := status(); got != "active" {
		t.Fatalf("%v", got)
	}
	if got := m.events(id + ".transfers"); len(got) != 2 {
		t.Fatalf("a real change is one event: %v", got)
	}
}

func TestAWorkerThatDiedIsOvertaken(t *testing.T) {
	m := verified(t)
	id := m.enforced()["id"].(string)
	// It claimed the check and was never heard of again.
	if _, err := m.pool.NewRaw("UPDATE connect.verification_checks SET next_at = ?, attempts = 1", m.now.Now().Add(time.Minute)).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.run()
	if got := m.call("GET", "/v1/accounts/"+id, 200).at("capabilities")["transfers"]; got != "pending" {
		t.Fatalf("%v", got)
	}
	m.now.Advance(time.Minute)
	m.run()
	if got := m.call("GET", "/v1/accounts/"+id, 200).at("capabilities")["transfers"]; got != "active" {
		t.Fatalf("%v", got)
	}
}

func TestAnAnswerAboutOldFactsIsVoid(t *testing.T) {
	f := &flaky{Sandbox: verification.Sandbox{Key: callbackKey}}
	f.up.Store(true)
	m := verified(t, func(cfg *connect.Config) { cfg.Verifiers.Test = f })
	id := m.enforced("individual[id_number]=444444444")["id"].(string)
	m.run()
	var check struct{ ID, Reference string }
	if err := m.pool.NewRaw("SELECT id, reference FROM connect.verification_checks WHERE account = ?", id).Scan(t.Context(), &check); err != nil {
		t.Fatal(err)
	}
	m.call("POST", "/v1/accounts/"+id, 200, "individual[id_number]=000000000")
	m.run()
	m.callback(204, callbackKey, verification.Answer{Check: check.ID, Reference: check.Reference, Revision: 5, Outcomes: []verification.Outcome{
		{Requirement: "id_number", State: verification.Failed, Code: "verification_failed_other"},
	}})
	if a := m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "active" {
		t.Fatalf("%v", a["requirements"])
	}
	if f.expired.Load() != 1 {
		t.Fatalf("the verifier was told %d times that nobody waits", f.expired.Load())
	}
}

func TestTheSamePersonTwiceIsForPeopleToDecide(t *testing.T) {
	m := verified(t)
	first := m.enforced("individual[id_number]=C123456(9)", "external_account=")["id"].(string)
	second := m.enforced("individual[id_number]=C1234569", "external_account=")["id"].(string)
	m.run()
	get := func(id string) object { return m.call("GET", "/v1/accounts/"+id, 200) }
	if get(first).at("capabilities")["transfers"] != "active" {
		t.Fatalf("the first: %v", get(first)["requirements"])
	}
	a := get(second)
	if a.at("capabilities")["transfers"] != "pending" || a.at("requirements")["disabled_reason"] != "under_review" {
		t.Fatalf("the second: %v", a)
	}
	if c := m.call("GET", "/v1/accounts/"+second+"/capabilities/transfers", 200); c.at("requirements")["disabled_reason"] != "pending.review" {
		t.Fatalf("capability: %v", c)
	}
	list := m.call("GET", "/v1/verification_reviews", 200, "status=open")["data"].([]any)
	if len(list) != 1 {
		t.Fatalf("reviews: %v", list)
	}
	r := object(list[0].(map[string]any))
	if r["kind"] != "duplicate_person" || r["account"] != second || r["duplicates"].([]any)[0] != first || r["subject"] != a.at("individual")["id"] {
		t.Fatalf("review: %v", r)
	}
	path := "/v1/verification_reviews/" + r["id"].(string)
	m.as("live", m.platform, "GET", path, 404)
	m.as("test", m.bootstrap("Other"), "GET", path, 404)
	if r = m.call("POST", path+"/approve", 200, "reason=Two shops"); r["status"] != "approval_requested" || r["requested_by"] != "key_1" {
		t.Fatalf("asked: %v", r)
	}
	if e := m.call("POST", path+"/approve", 403).at("error"); e["code"] != "four_eyes" {
		t.Fatalf("two eyes: %v", e)
	}
	if r = m.as("test.second", m.platform, "POST", path+"/approve", 200, "reason=Seen both"); r["status"] != "approved" || r["decided_by"] != "second" {
		t.Fatalf("approved: %v", r)
	}
	if get(second).at("capabilities")["transfers"] != "active" {
		t.Fatalf("approved: %v", get(second)["requirements"])
	}
	m.call("POST", path+"/reject", 400, "reason=Too late")
	// What was approved is not asked about again.
	m.call("POST", "/v1/accounts/"+second, 200, "individual[address][line1]=3 Nathan Road")
	m.run()
	if get(second).at("capabilities")["transfers"] != "active" {
		t.Fatalf("asked twice: %v", get(second)["requirements"])
	}

	third := m.enforced("individual[id_number]=C123456-9", "external_account=")["id"].(string)
	m.run()
	review := m.call("GET", "/v1/verification_reviews", 200, "account="+third)["data"].([]any)[0].(map[string]any)["id"].(string)
	m.call("POST", "/v1/verification_reviews/"+review+"/reject", 400)
	m.call("POST", "/v1/verification_reviews/"+review+"/reject", 200, "reason=Somebody else's card")
	a = get(third)
	if a.at("capabilities")["transfers"] != "inactive" || !slices.Equal(a.codes(), []string{"individual.id_number verification_failed_other"}) {
		t.Fatalf("refused: %v", a["requirements"])
	}
	m.call("POST", "/v1/accounts/"+third, 200, "individual[id_number]=A123456(3)")
	m.run()
	if get(third).at("capabilities")["transfers"] != "active" {
		t.Fatalf("another number: %v", get(third)["requirements"])
	}
}

func TestTheSameBankAccountTwiceHoldsPayouts(t *testing.T) {
	m := verified(t)
	bank := []string{"external_account[country]=HK", "external_account[routing_number]=004-001", "external_account[account_number]=444555666"}
	first, second := m.enforced("external_account=")["id"].(string), m.enforced("external_account=")["id"].(string)
	m.run()
	m.call("POST", "/v1/accounts/"+first, 200, bank...)
	a := m.call("POST", "/v1/accounts/"+second, 200, bank...)
	if a["payouts_enabled"] != false || a.at("capabilities")["transfers"] != "active" || !slices.Contains(a.at("requirements").names("pending_verification"), "external_account") {
		t.Fatalf("held: %v", a)
	}
	review := m.call("GET", "/v1/verification_reviews", 200)["data"].([]any)[0].(map[string]any)
	if review["kind"] != "duplicate_bank_account" || review["subject"] != "external_account" || review["duplicates"].([]any)[0] != first {
		t.Fatalf("review: %v", review)
	}
	m.call("POST", "/v1/verification_reviews/"+review["id"].(string)+"/reject", 200, "reason=Not theirs")
	a = m.call("GET", "/v1/accounts/"+second, 200)
	if a["payouts_enabled"] != false || !slices.Equal(a.at("requirements").names("currently_due"), []string{"external_account"}) ||
		!slices.Equal(a.codes(), []string{"external_account verification_failed_other"}) {
		t.Fatalf("refused: %v", a["requirements"])
	}
	// No change to the refused one makes it good.
	external := a.at("external_accounts")["data"].([]any)[0].(map[string]any)["id"].(string)
	if e := m.call("POST", "/v1/accounts/"+second+"/external_accounts/"+external, 200, "account_holder_name=Chan"); e["status"] != "verification_failed" || len(e.at("requirements")["errors"].([]any)) != 1 {
		t.Fatalf("the refused one: %v", e)
	}
	a = m.call("POST", "/v1/accounts/"+second, 200, "external_account[country]=HK", "external_account[routing_number]=024-001", "external_account[account_number]=111222333")
	if a["payouts_enabled"] != true {
		t.Fatalf("another one: %v", a)
	}
	// Everybody in the sandbox has the test accounts.
	if a := m.enforced(); a.at("requirements")["disabled_reason"] == "under_review" {
		t.Fatalf("the sandbox's own bank account: %v", a["requirements"])
	}
}

func TestOfTwoTwinsMadeAtOnceOneIsSeen(t *testing.T) {
	m := verified(t)
	const twins = 8
	var wait sync.WaitGroup
	for range twins {
		wait.Go(func() {
			m.enforced("individual[id_number]=C123456(9)", "external_account[country]=HK", "external_account[routing_number]=004-001",
				"external_account[account_number]=444555666", "external_account=")
		})
	}
	wait.Wait()
	for _, kind := range []string{"duplicate_person", "duplicate_bank_account"} {
		var n int
		if err := m.pool.NewRaw("SELECT count(*) FROM connect.verification_reviews WHERE kind = ?", kind).Scan(t.Context(), &n); err != nil || n != twins-1 {
			t.Errorf("%s: %d reviews of %d accounts, %v", kind, n, twins, err)
		}
	}
}

func TestAReviewByHandNeedsAnotherHand(t *testing.T) {
	m := verified(t)
	a := m.enforced()
	m.run()
	id, person := a["id"].(string), a.at("individual")["id"].(string)
	m.call("POST", "/v1/verification_reviews", 400, "account="+id, "subject=person_nosuch", "reason=Odd")
	m.call("POST", "/v1/verification_reviews", 400, "account="+m.tutor("company[name]=Chan")["id"].(string), "subject=company", "reason=Odd")
	r := m.call("POST", "/v1/verification_reviews", 200, "account="+id, "subject="+person, "reason=Odd")
	if r["status"] != "approval_requested" || r["kind"] != "manual" {
		t.Fatalf("review: %v", r)
	}
	m.call("POST", "/v1/verification_reviews", 400, "account="+id, "subject="+person, "reason=Odd")
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "pending" {
		t.Fatalf("under review: %v", a)
	}
	path := "/v1/verification_reviews/" + r["id"].(string) + "/approve"
	m.call("POST", path, 403)
	m.as("test.second", m.platform, "POST", path, 200)
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "active" {
		t.Fatalf("approved: %v", a)
	}
	// What a review was about may go away.
	r = m.call("POST", "/v1/verification_reviews", 200, "account="+id, "subject="+person, "reason=Odd")
	m.call("DELETE", "/v1/accounts/"+id, 200)
	if r = m.call("GET", "/v1/verification_reviews/"+r["id"].(string), 200); r["status"] != "canceled" {
		t.Fatalf("gone: %v", r)
	}
}

func TestNobodyEndsAReviewByHandWithAnotherAddress(t *testing.T) {
	m := verified(t)
	a := m.enforced()
	m.run()
	id, person := a["id"].(string), a.at("individual")["id"].(string)
	r := m.call("POST", "/v1/verification_reviews", 200, "account="+id, "subject="+person, "reason=Odd")
	m.call("POST", "/v1/accounts/"+id, 200, "individual[first_name]=Another")
	m.run()
	if r = m.call("GET", "/v1/verification_reviews/"+r["id"].(string), 200); r["status"] != "approval_requested" {
		t.Errorf("review: %v", r)
	}
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "pending" {
		t.Errorf("under review: %v", a["capabilities"])
	}
	m.as("test.second", m.platform, "POST", "/v1/verification_reviews/"+r["id"].(string)+"/approve", 200)
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("capabilities")["transfers"] != "active" {
		t.Errorf("approved: %v", a["capabilities"])
	}
}

func TestARefusedBankAccountIsNotGoodWhenItIsGivenAgain(t *testing.T) {
	m := verified(t)
	bank := []string{"external_account[country]=HK", "external_account[routing_number]=004-001", "external_account[account_number]=444555666"}
	id := m.enforced("external_account=")["id"].(string)
	m.run()
	give := func() (account object, external string) {
		account = m.call("POST", "/v1/accounts/"+id, 200, bank...)
		return account, account.at("external_accounts")["data"].([]any)[0].(map[string]any)["id"].(string)
	}
	_, external := give()
	r := m.call("POST", "/v1/verification_reviews", 200, "account="+id, "subject=external_account", "reason=Odd")
	m.call("POST", "/v1/verification_reviews/"+r["id"].(string)+"/reject", 200, "reason=Not theirs")
	m.call("DELETE", "/v1/accounts/"+id+"/external_accounts/"+external, 200)
	a, _ := give()
	if a["payouts_enabled"] != false || !slices.Contains(a.at("requirements").names("pending_verification"), "external_account") {
		t.Fatalf("given again: %v", a)
	}
	review := m.call("GET", "/v1/verification_reviews", 200, "account="+id, "status=open")["data"].([]any)[0].(map[string]any)["id"].(string)
	m.call("POST", "/v1/verification_reviews/"+review+"/approve", 200)
	m.as("test.second", m.platform, "POST", "/v1/verification_reviews/"+review+"/approve", 200)
	if a = m.call("GET", "/v1/accounts/"+id, 200); a["payouts_enabled"] != true {
		t.Fatalf("approved after all: %v", a)
	}
}

func TestLiveBankAccountsInHongKongAreAtABankWeKnow(t *testing.T) {
	m := open(t)
	id := m.as("live", m.platform, "POST", "/v1/accounts", 200, "country=HK")["id"].(string)
	form := func(routing string) []string {
		return []string{"external_account[country]=HK", "external_account[routing_number]=" + routing, "external_account[account_number]=123456789"}
	}
	path := "/v1/accounts/" + id + "/external_accounts"
	if e := m.as("live", m.platform, "POST", path, 400, form("110-000")...).at("error"); e["code"] != "routing_number_invalid" {
		t.Fatalf("the sandbox's bank: %v", e)
	}
	if e := m.as("live", m.platform, "POST", path, 200, form("024-001")...); e["bank_name"] != "Hang Seng Bank" {
		t.Fatalf("a bank: %v", e)
	}
	if m.as("live", m.platform, "POST", "/v1/accounts/"+id, 400, "business_type=individual", "individual[verification][document][front]=file_1").at("error")["code"] != "resource_missing" {
		t.Fatal("a file that nobody uploaded")
	}
}
