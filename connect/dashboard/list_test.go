package dashboard_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/ui"
)

type payment struct {
	ID, Currency, Status, Description string
	Amount, Created                   int64
}

// ledgerOf answers /v1/charges with n payments, newest first, as the API pages them.
type ledgerOf struct {
	n             int
	asked, summed []url.Values
}

func (l *ledgerOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.URL.Path == "/v1/charges/totals" {
		l.summed = append(l.summed, q)
		fmt.Fprintf(w, `{"count": %d, "counted_to": 250, "amounts": [{"currency": "hkd", "count": %d, "amount": 123450}], "statuses": [{"status": "failed", "count": 1000, "has_more": true}]}`, l.n, l.n)
		return
	}
	l.asked = append(l.asked, q)
	size := 0
	_, _ = fmt.Sscan(q.Get("limit"), &size)
	from := l.n
	if after := q.Get("starting_after"); after != "" {
		_, _ = fmt.Sscanf(after, "ch_%d", &from)
		from--
	}
	var rows []string
	for i := from; i > max(0, from-size); i-- {
		rows = append(rows, fmt.Sprintf(`{"id": "ch_%d", "amount": %d, "currency": "hkd", "status": "succeeded", "description": "=HYPERLINK(%d)", "created": 1795996800}`, i, i*100, i))
	}
	fmt.Fprintf(w, `{"data": [%s], "has_more": %t}`, strings.Join(rows, ","), from > size)
}

// payments are the pages of a desk with one list, at /payments.
func payments(t testing.TB, a http.Handler, chairs ...dashboard.Chair) http.Handler {
	t.Helper()
	desk, _ := dashboardtest.New(t, kit(t), a, chairs...)
	addPayments(t, desk, dashboard.ForPlatform, "/payments")
	return dashboardtest.Handler(desk)
}

// addPayments is a section with one list.
func addPayments(t testing.TB, desk *dashboard.Desk, side dashboard.Side, path string) {
	t.Helper()
	files := fstest.MapFS{
		"payments.html": {Data: []byte(`<div class="page-head"><h1>{{t "payments.title"}}</h1></div>{{template "list" .Data}}`)},
		"en.json": {Data: []byte(`{"payments.title": "Payments", "payments.list": "Payments", "payments.amount": "Amount", "payments.status": "Status",
			"payments.description": "Description", "payments.created": "Created", "payments.none": "No payments", "payments.none.body": "Take one."}`)},
		"zh-Hant-HK.json": {Data: []byte(`{"payments.title": "付款", "payments.list": "付款", "payments.amount": "金額", "payments.status": "狀態",
			"payments.description": "說明", "payments.created": "建立時間", "payments.none": "沒有付款", "payments.none.body": "收一筆。"}`)},
	}
	list := dashboard.List[payment]{
		Name: "payments", Path: "/v1/charges", Totals: "/v1/charges/totals", Dates: true, Limit: 3,
		Bulk: []dashboard.Bulk{{Key: "payments.title", Path: "/payments/several", Permission: "refunds:write"}},
		Filters: []dashboard.Filter{
			{Name: "status", Label: "payments.status", Chips: true, Options: []ui.Option{{Value: "succeeded", Key: "status.succeeded"}, {Value: "failed", Key: "status.failed"}}},
			{Name: "tutor", Param: "destination", Label: "payments.title"},
		},
		Columns: []dashboard.Column[payment]{
			{Key: "payments.amount", Number: true, Cell: func(v *dashboard.Visit, p payment) any { return v.Amount(p.Amount, p.Currency) }},
			{Key: "payments.status", Cell: func(v *dashboard.Visit, p payment) any { return v.Status(p.Status) }},
			{Key: "payments.description", Extra: true, Cell: func(_ *dashboard.Visit, p payment) any { return p.Description }},
			{Key: "payments.created", Cell: func(v *dashboard.Visit, p payment) any { return v.When(p.Created) }},
		},
		Href:  func(v *dashboard.Visit, p payment) string { return v.Path("payments", p.ID) },
		Empty: dashboard.Empty{Title: "payments.none", Body: "payments.none.body", Curl: "curl https://pay.example/v1/charges"},
	}
	var pages *dashboard.Pages
	pages, err := desk.Add(dashboard.Section{
		Templates: files, Catalogues: files, Side: side,
		Nav: []dashboard.NavItem{{Key: "payments.title", Icon: "credit-card", Path: path, Permission: "charges:read"}},
		Pages: []dashboard.Page{{Path: path, Handler: func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
			return list.Serve(w, r, v, func(t *dashboard.Table) error {
				return pages.Render(w, r, v, "payments", ui.View{Title: "payments.title", Data: t})
			})
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

var oneTemplate = fstest.MapFS{"x.html": {Data: []byte("{{t `desk.json`}}")}}

const paymentsPath = "/dashboard/acct_platform/test/payments"

var hrefs = regexp.MustCompile(`href="([^"]*)" rel="(next|prev)"`)

func pager(body string) map[string]string {
	found := map[string]string{}
	for _, m := range hrefs.FindAllStringSubmatch(body, -1) {
		found[m[2]] = strings.ReplaceAll(m[1], "&amp;", "&")
	}
	return found
}

func TestAListIsPagedByItsAddressAndKeepsItsFilters(t *testing.T) {
	h := payments(t, &ledgerOf{n: 7})
	path, seen := paymentsPath+"?status=succeeded&columns=amount", 0
	for range 3 {
		body := get(h, path).Body.String()
		seen += strings.Count(body, "data-href=")
		path = pager(body)["next"]
		if path != "" && (!strings.Contains(path, "status=succeeded") || !strings.Contains(path, "columns=amount")) {
			t.Errorf("the next page forgets the filter: %s", path)
		}
	}
	if seen != 7 || path != "" {
		t.Errorf("%d of 7 payments, then %q", seen, path)
	}
	if body := get(h, paymentsPath+"?starting_after=ch_4").Body.String(); !strings.Contains(pager(body)["prev"], "ending_before=ch_3") {
		t.Errorf("no way back: %v", pager(body))
	}
}

func TestFiltersAreSentToTheAPIAndUnknownChoicesAreNot(t *testing.T) {
	a := &ledgerOf{n: 1}
	h := payments(t, a)
	get(h, paymentsPath+"?status=succeeded&tutor=acct_1&from=2026-11-24&to=2026-11-24")
	want := url.Values{"status": {"succeeded"}, "destination": {"acct_1"}, "limit": {"3"}, "created[gte]": {"1795449600"}, "created[lt]": {"1795536000"}}
	if got := a.asked[0]; got.Encode() != want.Encode() {
		t.Errorf("asked %v, want %v: days are those of Hong Kong", got, want)
	}
	get(h, paymentsPath+"?status=nonsense&from=yesterday&tutor=+")
	if got := a.asked[1].Encode(); got != "limit=3" {
		t.Errorf("asked %s", got)
	}
}

func TestTimesAreInTheAccountsZoneWhateverTheMachinesIs(t *testing.T) {
	for zone, want := range map[string]string{"Asia/Hong_Kong": "30 Nov 2026, 08:00", "Europe/London": "30 Nov 2026, 00:00", "America/New_York": "29 Nov 2026, 19:00"} {
		chair := dashboardtest.Chair()
		var err error
		if chair.Zone, err = time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		if body := get(payments(t, &ledgerOf{n: 1}, chair), paymentsPath).Body.String(); !strings.Contains(body, want) || !strings.Contains(body, "2026-11-30 00:00:00 UTC") {
			t.Errorf("%s: no %s", zone, want)
		}
	}
}

func TestTheCSVHasExactlyTheFilteredRowsAndTheShownColumns(t *testing.T) {
	a := &ledgerOf{n: 250}
	h := payments(t, a)
	w := get(h, paymentsPath+"?format=csv&status=succeeded&columns=amount,description")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 251 || !slices.Equal(rows[0], []string{"id", "Amount", "Description"}) || !slices.Equal(rows[1], []string{"ch_250", "250.00", "'=HYPERLINK(250)"}) {
		t.Errorf("%d rows, %q", len(rows), rows[:2])
	}
	for _, asked := range a.asked {
		if asked.Get("status") != "succeeded" {
			t.Errorf("the file asks %v", asked)
		}
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="payments.csv"` {
		t.Errorf("it is called %s", got)
	}
	rows, err = csv.NewReader(get(h, paymentsPath+"?format=csv").Body).ReadAll()
	if err != nil || !slices.Equal(rows[1], []string{"ch_250", "250.00", "Succeeded", "2026-11-30T08:00:00+08:00"}) {
		t.Errorf("%v %q", err, rows[1])
	}
}

func TestHalfAFileNeverLooksLikeAWholeOne(t *testing.T) {
	whole := &ledgerOf{n: 250}
	calls := 0
	server := httptest.NewServer(payments(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		whole.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	answer, err := http.Get(server.URL + paymentsPath + "?format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if raw, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("%d bytes came without an error", len(raw))
	}
}

func TestTotalsAreOfAllRowsThatFitAndNotOfThePage(t *testing.T) {
	a := &ledgerOf{n: 7}
	h := payments(t, a)
	body := get(h, paymentsPath+"?status=succeeded&starting_after=ch_5").Body.String()
	if !strings.Contains(body, "7 in all") || !strings.Contains(body, "HK$1,234.50") || !strings.Contains(body, `Failed <span class="chip-count">1000+</span>`) && !strings.Contains(body, `Failed <span class="chip-count">1000&#43;</span>`) {
		t.Errorf("%s", body)
	}
	if got := a.summed[0].Encode(); got != "status=succeeded" {
		t.Errorf("the totals are of %s: the filters, and no page", got)
	}
	if body := get(payments(t, &ledgerOf{n: 250}), paymentsPath).Body.String(); !strings.Contains(body, "The newest 250") {
		t.Error("a count that ended looks like a whole one")
	}
}

func TestChosenColumnsStayWithTheBrowser(t *testing.T) {
	h := payments(t, &ledgerOf{n: 1})
	heads := func(query string, kept *http.Cookie) (names []string, set *http.Cookie) {
		r := httptest.NewRequest(http.MethodGet, paymentsPath+query, nil)
		if kept != nil {
			r.AddCookie(kept)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, m := range regexp.MustCompile(`<th scope="col"[^>]*>([^<]*)</th>`).FindAllStringSubmatch(w.Body.String(), -1) {
			names = append(names, m[1])
		}
		for _, c := range w.Result().Cookies() {
			set = c
		}
		return names, set
	}
	_, kept := heads("?columns[]=amount&columns[]=description&columns[]=nonsense", nil)
	if kept == nil || !kept.HttpOnly || kept.Value != "amount.description" {
		t.Fatalf("kept %v", kept)
	}
	if names, set := heads("", kept); !slices.Equal(names, []string{"Amount", "Description"}) || set != nil {
		t.Errorf("the next visit has %q, and sets %v", names, set)
	}
	if names, _ := heads("?columns=status", kept); !slices.Equal(names, []string{"Status"}) {
		t.Errorf("an address that names columns shows %q", names)
	}
	names, forgotten := heads("?columns=usual", kept)
	if !slices.Equal(names, []string{"Amount", "Status", "Created"}) || forgotten == nil || forgotten.Value != "" {
		t.Errorf("the usual columns are %q, and kept is %v", names, forgotten)
	}
	if names, _ := heads("", &http.Cookie{Name: kept.Name, Value: "x.y"}); len(names) != 3 {
		t.Errorf("columns that are no more leave %q", names)
	}
}

func TestRowsAreTickedOnlyByWhoMayDoSomethingToThem(t *testing.T) {
	if body := get(payments(t, &ledgerOf{n: 2}), paymentsPath).Body.String(); strings.Count(body, `name="ids[]"`) != 2 || !strings.Contains(body, `formaction="`+paymentsPath+`/several"`) {
		t.Errorf("%s", body)
	}
	reader := dashboardtest.Chair()
	reader.Permissions = []string{"charges:read"}
	if body := get(payments(t, &ledgerOf{n: 2}, reader), paymentsPath).Body.String(); strings.Contains(body, "checkbox\" name=\"ids[]") {
		t.Error("a reader may tick rows")
	}
}

func TestAnEmptyListSaysWhatToDoNext(t *testing.T) {
	h := payments(t, &ledgerOf{})
	if body := get(h, paymentsPath).Body.String(); !strings.Contains(body, "No payments") || !strings.Contains(body, "curl https://pay.example/v1/charges") {
		t.Errorf("%s", body)
	}
	if body := get(h, paymentsPath+"?status=failed").Body.String(); !strings.Contains(body, "Nothing fits these filters") || !strings.Contains(body, `href="`+paymentsPath+`"`) {
		t.Errorf("%s", body)
	}
}
