package onboarding_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// drawer keeps documents.
type drawer struct {
	mu   sync.Mutex
	kept map[string]string // file id → content
}

func (d *drawer) KeepDocument(_ context.Context, scope tenant.Scope, name string, content []byte) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bytes.HasPrefix(content, []byte("#!")) {
		return "", fault.Invalidf("", "file", "Not a picture.")
	}
	id := "file_identity_document_" + strings.TrimSuffix(name, ".png") + "_" + scope.Account[len(scope.Account)-4:]
	if d.kept == nil {
		d.kept = map[string]string{}
	}
	d.kept[id] = string(content)
	return id, nil
}

// upload sends the page's form with a file.
func (b *browser) upload(field, name, content string) {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for key, values := range b.form() {
		must(b.t, form.WriteField(key, values[0]))
	}
	part, err := form.CreateFormFile(field, name)
	must(b.t, err)
	_, err = io.WriteString(part, content)
	must(b.t, err)
	must(b.t, form.Close())
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url, &body)
	must(b.t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	b.send(r)
}

func TestAPassportDoesInPlaceOfAnIdentityCard(t *testing.T) {
	documents := &drawer{}
	w := newTown(t, func(cfg *onboarding.Config) { cfg.Documents = documents })
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal", "address")
	b.mustBe("identity")
	b.must("No Hong Kong identity card? Upload a passport")
	b.upload("individual.verification.document", "virus.png", "#!/bin/sh")
	b.must("We cannot read this file")
	b.upload("individual.verification.document", "passport.png", "a picture")
	w.walk(b, "business", "bank")
	w.finish(b, id)
	if len(documents.kept) != 1 {
		t.Errorf("kept %v", documents.kept)
	}
	for _, p := range w.account(id).Persons {
		if front := p.Verification.Document.Front; front == nil || documents.kept[*front] != "a picture" || p.IDNumberProvided {
			t.Errorf("document %v", front)
		}
	}
}

// doorman asks members to confirm.
type doorman struct {
	mu        sync.Mutex
	confirmed bool
	asked     []string
}

func (d *doorman) ConfirmBank(_ *http.Request, account string, _ bool, back string) (bool, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, account)
	return d.confirmed, "/sign-in?next=" + back, nil
}

func TestABankAccountChangesOnlyAfterConfirmation(t *testing.T) {
	guard := &doorman{}
	w := newTown(t, func(cfg *onboarding.Config) { cfg.StepUp = guard })
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=individual")
	w.walk(b, "personal", "address", "identity", "business", "bank")
	w.finish(b, id)
	if len(guard.asked) != 0 {
		t.Error("the first bank account needs a confirmation")
	}
	w.access(id, tenant.ReadWrite)
	b.get(w.api("POST", "/v1/account_links", 200, "account="+id, "type=account_update", "refresh_url="+refresh, "return_url="+back)["url"].(string))
	b.get("/onboarding/bank")
	b.must("Confirm that it is you")
	if !strings.Contains(b.body, `href="/sign-in?next=/onboarding/bank"`) || strings.Contains(b.body, `name="bank.number"`) {
		t.Error("the form is there without confirmation")
	}
	change := map[string][]string{"account": {id}, "bank.holder": {"Mallory"}, "bank.bank": {"004"}, "bank.number": {"999999999999"}, "bank.again": {"999999999999"}}
	b.post("/onboarding/bank", change)
	if e := w.account(id).ExternalAccounts; len(e) != 1 || e[0].Last4 != "3456" {
		t.Fatalf("changed without confirmation: %+v", e)
	}
	// Nor after the account was made to owe something again.
	w.api("POST", "/v1/accounts/"+id, 200, "business_type=company")
	if w.account(id).Standing().DetailsSubmitted {
		t.Fatal("another type of business asks for nothing more")
	}
	b.post("/onboarding/bank", change)
	if e := w.account(id).ExternalAccounts; len(e) != 1 || e[0].Last4 != "3456" {
		t.Fatalf("changed without confirmation, as another type of business: %+v", e)
	}
	guard.confirmed = true
	b.post("/onboarding/bank", change)
	if e := w.account(id).ExternalAccounts; len(e) != 1 || e[0].Last4 != "9999" || !e[0].Default {
		t.Errorf("after confirmation: %+v", e)
	}
}

// rules are ours and two lines that no step knows.
func strangeRules(t *testing.T) *connect.Rules {
	t.Helper()
	rules, err := connect.ReadRules(fstest.MapFS{
		"2026-01-01.txt": {Data: []byte(`
version    2026-01-01
announced  2025-10-01
grace      30 days
area HK = HK
for any / any / any
    now business_type
    now tos_acceptance.date, tos_acceptance.ip
for any / non_profit / any
    now company.name
    now company.structure
    now company.motto
`)},
		"terms.txt": {Data: []byte("2026-01-01    2020-01-01    2026-01-01    30 days\n")},
	})
	must(t, err)
	return rules
}

func TestWhatNoStepKnowsIsAskedForAllTheSame(t *testing.T) {
	w := newTownWith(t, func(cfg *connect.Config) { cfg.Rules = strangeRules(t) })
	id := w.tutor(nil)
	b := w.browser()
	b.get(w.mint(id))
	b.submit("business_type=non_profit")
	b.mustBe("company")
	b.submit("company.name=Harbour School")
	b.mustBe("bank")
	w.walk(b, "bank")
	b.mustBe("details")
	b.must("company.structure")
	b.submit()
	b.must("Fill in: company.structure")
	b.submit("company.structure=incorporated_non_profit")
	b.mustBe("review")
	b.must("company.motto") // no parameter gives it: it is said, and does not hold the person
	b.must("Somebody else has to supply the following")
	b.submit("terms=yes")
	if b.leftFor != back {
		t.Fatalf("left for %q: %s", b.leftFor, b.text())
	}
	if c := w.account(id).Company; c == nil || c.Structure == nil || *c.Structure != "incorporated_non_profit" {
		t.Errorf("company %+v", c)
	}
}

func TestScriptsInWhatPeopleSayAreText(t *testing.T) {
	w := newTown(t)
	const evil = `"><script>alert(1)</script>`
	w.api("POST", "/v1/accounts/"+w.platform, 200, "business_profile[name]="+evil, "settings[dashboard][display_name]="+evil)
	w.api("POST", "/v1/accounts/"+w.platform, 400, "settings[branding][primary_color]=#fff\"};")
	id := w.tutor(map[string]string{"business_type": "sole_prop", "first_name": evil, "last_name": evil})
	b := w.browser()
	b.get(w.mint(id))
	for _, page := range []string{"personal", "address", "review", "bank", "overview"} {
		b.get("/onboarding/" + page)
		if b.status != 200 || strings.Contains(b.body, "<script>alert") || strings.Contains(b.body, `#fff"}`) {
			t.Errorf("%s: %d", page, b.status)
		}
	}
}

func TestTheWholeWayInChinese(t *testing.T) {
	w := newTown(t)
	id := w.tutor(nil)
	b := w.browser()
	b.lang = "zh-HK"
	b.get(w.mint(id))
	b.must("你以甚麼方式經營？")
	b.submit("business_type=individual")
	b.submit()
	b.must("請填寫：姓氏")
	w.walk(b, "personal", "address")
	b.must("香港身份證號碼")
	w.walk(b, "identity", "business", "bank")
	b.must("同意並提交")
	b.must("測試銀行（110）")
	w.finish(b, id)
}
