package connecthttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/verification"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

var callbackKey = secret.New(strings.Repeat("k", 32))

// anyFile is a store that has every file.
type anyFile struct{}

func (anyFile) Exists(context.Context, bun.IDB, tenant.Scope, string, string) (bool, error) {
	return true, nil
}

// verified is a marketplace where the sandbox verifies identities, in both modes.
func verified(t testing.TB, adjust ...func(*connect.Config)) *marketplace {
	t.Helper()
	return openWith(t, func(cfg *connect.Config) {
		sandbox := verification.Sandbox{Key: callbackKey}
		cfg.Verifiers, cfg.Files = connect.VerifierModes{Live: sandbox, Test: sandbox}, anyFile{}
		for _, f := range adjust {
			f(cfg)
		}
	})
}

// run does what the periodic job does, until nothing is due.
func (m *marketplace) run() {
	m.t.Helper()
	for range 20 {
		if err := m.checks.Run(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		var due int
		if err := m.pool.NewRaw("SELECT count(*) FROM connect.verification_checks WHERE next_at <= ?", m.now.Now()).Scan(m.t.Context(), &due); err != nil {
			m.t.Fatal(err)
		}
		if due == 0 {
			return
		}
	}
	m.t.Fatal("the job never comes to rest")
}

// pilgrim walks one account of the table from nothing to active and back, through the API.
type pilgrim struct {
	*marketplace
	mode, country, business, capability string
	number                              int
	id                                  string
	seen                                map[string]bool
}

func (p *pilgrim) name() string {
	return strings.Join([]string{p.mode, p.country, p.business, p.capability}, " ")
}

func (p *pilgrim) call(method, path string, form ...string) object {
	p.t.Helper()
	return p.as(p.mode, p.platform, method, path, 200, form...)
}

func (p *pilgrim) account() object { return p.call("GET", "/v1/accounts/"+p.id) }

func (p *pilgrim) status() string {
	return p.account().at("capabilities")[p.capability].(string)
}

// suffices gives exactly what is currently due and wants the capability active or pending.
func (p *pilgrim) suffices() {
	p.t.Helper()
	due := p.account().at("requirements").names("currently_due")
	p.supply(due)
	a := p.account()
	if got := a.at("capabilities")[p.capability]; got != "active" && got != "pending" || len(a.at("requirements").names("currently_due")) > 0 {
		p.t.Fatalf("%s: after giving exactly %v it is %v, and due is %v", p.name(), due, got, a["requirements"])
	}
	p.marketplace.run()
	a = p.account()
	if got := a.at("capabilities")[p.capability]; got != "active" || a["payouts_enabled"] != true || a["details_submitted"] != true {
		p.t.Fatalf("%s: after verification it is %v: %v", p.name(), got, a["requirements"])
	}
	if charges := a["charges_enabled"]; charges != strings.HasSuffix(p.capability, "_payments") {
		p.t.Fatalf("%s: charges_enabled is %v", p.name(), charges)
	}
}

// supply gives each requirement by the parameter of its name.
func (p *pilgrim) supply(names []string) {
	p.t.Helper()
	var account, representative []string
	persons := map[string][]string{}
	for _, name := range names {
		subject, rest, _ := strings.Cut(name, ".")
		switch {
		case name == "external_account":
			account = append(account, p.bank()...)
		case subject == "representative":
			representative = append(representative, form("", rest, p.value(rest)))
		case strings.HasPrefix(subject, "person_"):
			persons[subject] = append(persons[subject], form("", rest, p.value(rest)))
		default:
			account = append(account, form(subject, rest, p.value(name)))
		}
	}
	if len(account) > 0 {
		p.call("POST", "/v1/accounts/"+p.id, account...)
	}
	if len(representative) > 0 {
		p.call("POST", "/v1/accounts/"+p.id+"/persons", append(representative, "relationship[representative]=true")...)
	}
	for person, form := range persons {
		p.call("POST", "/v1/accounts/"+p.id+"/persons/"+person, form...)
	}
}

// form spells a requirement as a parameter: individual.dob.day is individual[dob][day].
func form(subject, rest, value string) string {
	if subject != "" && rest != "" {
		rest = subject + "." + rest
	} else if rest == "" {
		rest = subject
	}
	if strings.HasSuffix(rest, "verification.document") {
		rest += ".front"
	}
	parts := strings.Split(rest, ".")
	for i := range parts[1:] {
		parts[i+1] = "[" + parts[i+1] + "]"
	}
	return strings.Join(parts, "") + "=" + value
}

// value is something fit to be given; numbers are nobody else's.
func (p *pilgrim) value(name string) string {
	p.number++
	last := name[strings.LastIndex(name, ".")+1:]
	switch last {
	case "day", "month":
		return "2"
	case "year":
		return "1980"
	case "email", "support_email":
		return "tutor@example.com"
	case "phone", "support_phone":
		return "+85221234567"
	case "url":
		return "https://tutor.example"
	case "mcc":
		return "8299"
	case "ip":
		return "192.0.2.1"
	case "date":
		return fmt.Sprint(p.now.Now().Unix())
	case "owners_provided", "directors_provided", "executives_provided":
		return "true"
	case "document":
		return fmt.Sprintf("file_%06d", p.number)
	case "ssn_last_4":
		return fmt.Sprintf("%04d", p.number%10000)
	case "tax_id", "registration_number":
		if p.country == "US" {
			return fmt.Sprintf("%09d", 200_000_000+p.number)
		}
		return fmt.Sprintf("%08d", 20_000_000+p.number)
	case "id_number":
		return fmt.Sprintf("%09d", 100_000_000+p.number)
	case "nationality":
		return p.country
	}
	return "Some text"
}

// bank is a bank account of the country that nobody else has.
func (p *pilgrim) bank() []string {
	p.number++
	routing, number := "", ""
	switch p.country {
	case "HK":
		routing, number = "004-001", fmt.Sprintf("%09d", 100_000_000+p.number)
	case "US":
		routing, number = "110000000", fmt.Sprintf("%012d", p.number)
	case "GB":
		routing, number = "108800", fmt.Sprintf("%08d", 10_000_000+p.number)
	case "AT":
		number = iban(p.country, fmt.Sprintf("%016d", p.number))
	case "AE":
		number = iban(p.country, fmt.Sprintf("%019d", p.number))
	default:
		p.t.Fatalf("no bank account of %s", p.country)
	}
	return []string{
		"external_account[object]=bank_account", "external_account[country]=" + p.country,
		"external_account[routing_number]=" + routing, "external_account[account_number]=" + number,
	}
}

// iban adds the check digits (ISO 13616).
func iban(country, number string) string {
	digits := number
	for _, c := range country + "00" {
		if c >= 'A' {
			digits += fmt.Sprint(int(c-'A') + 10)
			continue
		}
		digits += string(c)
	}
	n, _ := new(big.Int).SetString(digits, 10)
	return fmt.Sprintf("%s%02d%s", country, 98-new(big.Int).Mod(n, big.NewInt(97)).Int64(), number)
}

// turnsDown is a later answer about the newest check of the account, as the verifier sends it.
func (p *pilgrim) turnsDown(revision int64) {
	p.t.Helper()
	var check struct{ ID, Reference, Subject string }
	if err := p.pool.NewRaw(`SELECT id, reference, subject FROM connect.verification_checks WHERE account = ? AND status = 'done' ORDER BY id DESC LIMIT 1`, p.id).
		Scan(p.t.Context(), &check); err != nil {
		p.t.Fatal(err)
	}
	name := "first_name"
	if check.Subject == connect.CompanySubject {
		name = "name"
	}
	p.callback(204, callbackKey, verification.Answer{Check: check.ID, Reference: check.Reference, Revision: revision, Outcomes: []verification.Outcome{
		{Requirement: name, State: verification.Failed, Code: "verification_failed_name_match", Message: "The name does not match."},
	}})
}

func (m *marketplace) callback(want int, key secret.Text, answer verification.Answer) {
	m.t.Helper()
	body, err := json.Marshal(answer)
	if err != nil {
		m.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), "POST", m.url+"/_verification/callback", bytes.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set(verification.SignatureHeader, verification.Sign(key, body, time.Now()))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		m.t.Fatalf("callback: %d, want %d", res.StatusCode, want)
	}
}

// stricter are the shipped rules and announced ones after them.
func stricter(t testing.TB) *connect.Rules {
	t.Helper()
	pages := fstest.MapFS{}
	for _, name := range []string{"2026-01-01.txt", "terms.txt"} {
		text, err := fs.ReadFile(os.DirFS("../requirements"), name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = &fstest.MapFile{Data: text}
	}
	pages["terms.txt"].Data = append(pages["terms.txt"].Data, "2027-08-01 2027-06-15 2027-08-01 30 days\n"...)
	pages["2027-06-01.txt"] = &fstest.MapFile{Data: []byte(strings.NewReplacer(
		"version    2026-01-01", "version 2027-06-01", "announced  2025-10-01", "announced 2027-05-01",
		"    now business_type\n", "    now business_type\n    now business_profile.support_email\n",
		"    now company.name\n", "    now company.name\n    now representative.nationality\n",
	).Replace(string(pages["2026-01-01.txt"].Data)))}
	rules, err := connect.ReadRules(pages)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// The whole table through the API and the database: every country × kind of
// business × capability from nothing to active, restricted by verifiers, new
// rules and new terms, and back each time by giving exactly what is currently
// due. All walk in step, for they share a clock. Half of them are live accounts,
// half test accounts that asked for the true rules.
func TestEveryAccountOfTheTableWalksToActiveAndBack(t *testing.T) {
	t.Parallel() // by far the longest one here
	rules := stricter(t)
	m := verified(t, func(cfg *connect.Config) { cfg.Rules = rules })
	var all []*pilgrim
	for _, country := range rules.Versions[0].Areas() {
		for _, business := range []string{"individual", "company", "non_profit", "government_entity"} {
			for _, capability := range []string{"transfers", "card_payments", "legacy_payments"} {
				p := &pilgrim{
					marketplace: m, mode: []string{"live", "test"}[len(all)%2], country: country, business: business, capability: capability,
					number: 10_000 * len(all), seen: map[string]bool{},
				}
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		form := []string{"country=" + p.country, "business_type=" + p.business, "capabilities[" + p.capability + "][requested]=true"}
		if p.mode == "test" {
			form = append(form, "sluice[requirements]=enforced")
		}
		a := p.call("POST", "/v1/accounts", form...)
		p.id = a["id"].(string)
		if r := a.at("requirements"); a.at("capabilities")[p.capability] != "inactive" || a["payouts_enabled"] != false || a["details_submitted"] != false ||
			r["disabled_reason"] != "requirements.past_due" || len(r.names("past_due")) < 5 {
			t.Fatalf("%s, new: %v", p.name(), a)
		}
		p.suffices()
	}

	// A verifier takes its word back; an older answer that comes late changes nothing.
	for _, p := range all {
		p.turnsDown(9)
		p.turnsDown(5)
		if got := p.status(); got != "inactive" {
			t.Fatalf("%s: verification failed, and it is %s", p.name(), got)
		}
		if e := p.account().at("requirements")["errors"].([]any); len(e) != 1 || e[0].(map[string]any)["code"] != "verification_failed_name_match" {
			t.Fatalf("%s: errors %v", p.name(), e)
		}
		p.suffices()
	}

	// Time passes. They do nothing until they are restricted.
	for m.now.Now().Before(time.Date(2027, 9, 20, 0, 0, 0, 0, time.UTC)) {
		m.now.Advance(25 * 24 * time.Hour)
		m.run()
		for _, p := range all {
			p.look()
		}
	}
	for _, p := range all {
		for _, what := range []string{"announced", "deadline", "restricted"} {
			if !p.seen[what] {
				t.Errorf("%s never saw: %s", p.name(), what)
			}
		}
		p.chain()
	}
}

// look is one glance at an account as time passes.
func (p *pilgrim) look() {
	p.t.Helper()
	a := p.account()
	future, r := a.at("future_requirements"), a.at("requirements")
	if len(future.names("currently_due")) > 0 && future["current_deadline"] != nil {
		p.seen["announced"] = true
	}
	switch a.at("capabilities")[p.capability] {
	case "active":
		if len(r.names("past_due")) > 0 || r["disabled_reason"] != nil {
			p.t.Fatalf("%s: active with past dues: %v", p.name(), r)
		}
		if len(r.names("currently_due")) > 0 {
			if r["current_deadline"] == nil {
				p.t.Fatalf("%s: due without a deadline: %v", p.name(), r)
			}
			p.seen["deadline"] = true
		}
	case "inactive":
		if len(r.names("past_due")) == 0 || r["disabled_reason"] != "requirements.past_due" {
			p.t.Fatalf("%s: inactive for no reason: %v", p.name(), r)
		}
		p.seen["restricted"] = true
		p.suffices()
	default:
		p.t.Fatalf("%s: %v", p.name(), a["capabilities"])
	}
}

// chain checks the account's events: each says what changed since the one before, also when nobody but time changed it.
func (p *pilgrim) chain() {
	p.t.Helper()
	rows, err := event.Of(p.t.Context(), p.pool, p.id)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(rows) < 4 {
		p.t.Fatalf("%s: %d events", p.name(), len(rows))
	}
	for i := 1; i < len(rows); i++ {
		var before, after, previous map[string]any
		for into, raw := range map[*map[string]any]json.RawMessage{&before: rows[i-1].Object, &after: rows[i].Object, &previous: rows[i].Previous} {
			if err := json.Unmarshal(raw, into); err != nil {
				p.t.Fatal(err)
			}
		}
		if undone := undo(after, previous); !equalJSON(undone, before) {
			p.t.Fatalf("%s: event %d does not follow from event %d:\n%v\n%v", p.name(), i+1, i, undone, before)
		}
		if len(previous) == 0 {
			p.t.Fatalf("%s: event %d tells of no change", p.name(), i+1)
		}
	}
}

// undo lays previous attributes over an object.
func undo(object, previous map[string]any) map[string]any {
	for name, was := range previous {
		inner, isMap := was.(map[string]any)
		if now, ok := object[name].(map[string]any); ok && isMap {
			object[name] = undo(now, inner)
			continue
		}
		object[name] = was
	}
	return object
}

func equalJSON(a, b map[string]any) bool {
	// A null that was not there before and one that was look alike in previous attributes.
	clean := func(m map[string]any) string {
		var strip func(any) any
		strip = func(v any) any {
			o, ok := v.(map[string]any)
			if !ok {
				return v
			}
			out := map[string]any{}
			for name, inner := range o {
				if inner != nil {
					out[name] = strip(inner)
				}
			}
			return out
		}
		raw, _ := json.Marshal(strip(m))
		return string(raw)
	}
	return clean(a) == clean(b)
}
