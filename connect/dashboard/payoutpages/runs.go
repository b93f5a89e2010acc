package payoutpages

import (
	"context"
	"encoding/csv"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// skips are the reasons for leaving a purse out that have words of their own.
var skips = map[string]bool{
	"payouts_disabled": true, "manual_schedule": true, "not_scheduled": true, "already_paid": true, "no_bank_account": true,
	"bank_account_errored": true, "no_rail": true, "account_on_hold": true, "bank_account_changed": true, "nothing_available": true,
	"below_minimum": true, "daily_limit": true,
}

// skipWords say why a run leaves a purse out.
func skipWords(v *dashboard.Visit, reason string) string {
	if !skips[reason] {
		return strings.ReplaceAll(reason, "_", " ")
	}
	return string(v.Text("skip." + reason))
}

// sums shows what a run made; Visit made the parts of the markup.
func sums(v *dashboard.Visit, made []wire.PayoutRunSum) template.HTML {
	var parts []string
	for _, m := range made {
		parts = append(parts, string(v.Amount(m.Amount, m.Currency)))
	}
	return template.HTML(strings.Join(parts, " · "))
}

func counts(made []wire.PayoutRunSum) (n int64) {
	for _, m := range made {
		n += m.Count
	}
	return n
}

var runList = dashboard.List[wire.PayoutRun]{
	Name: "runs", Path: "/v1/payout_runs",
	Columns: []dashboard.Column[wire.PayoutRun]{
		{Key: "runs.date", Cell: func(_ *dashboard.Visit, run wire.PayoutRun) any { return run.Date }},
		{Key: "runs.payouts", Number: true, Cell: func(_ *dashboard.Visit, run wire.PayoutRun) any { return counts(run.Made) }},
		{Key: "runs.amount", Number: true, Cell: func(v *dashboard.Visit, run wire.PayoutRun) any { return sums(v, run.Made) }},
		{Key: "runs.skipped", Number: true, Cell: func(_ *dashboard.Visit, run wire.PayoutRun) any {
			n := int64(0)
			for _, s := range run.Skipped {
				n += s.Count
			}
			return n
		}},
		{Key: "runs.last", Cell: func(v *dashboard.Visit, run wire.PayoutRun) any { return v.When(run.LastAdded) }},
	},
	Href: func(v *dashboard.Visit, run wire.PayoutRun) string { return v.Path("payout-runs", run.ID) },
	Empty: dashboard.Empty{Icon: "calendar-clock", Title: "runs.none", Body: "runs.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" -X POST http://localhost:8080/v1/payout_runs/preview`},
}

func (s *section) runs(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return runList.Serve(w, r, v, func(t *dashboard.Table) error {
		return render(s, w, r, v, "runs", "runs.title", nil, t)
	})
}

// forecast is what a run would do with one purse.
type forecast struct {
	wire.PayoutForecast
	Account party `json:"account"`
}

// To is where it would go.
func (f forecast) To() string { return f.Account.bank(text(f.Destination)) }

// previewView is what the page of the next run shows.
type previewView struct {
	Date      string
	Form      *ui.Form
	Forecasts []forecast
	Totals    []wire.PayoutRunSum // of all that is foreseen
	Left      int                 // purses that are left out
	More      bool                // there are more purses than are looked at
	CSV       string
}

// Why says in words why a purse is left out.
func (p previewView) Why(v *dashboard.Visit, f forecast) string { return skipWords(v, text(f.Skipped)) }

// foreseen bounds how many purses a preview looks at.
const foreseen = 2000

// foresee asks what a run would do.
func foresee(ctx context.Context, v *dashboard.Visit, date string) (p previewView, err error) {
	p.Date = date
	params := url.Values{"limit": {"100"}, "expand[]": {"data.account"}}
	if date != "" {
		params.Set("date", date)
	}
	totals := map[string]*wire.PayoutRunSum{}
	for {
		var page struct {
			Data    []forecast `json:"data"`
			HasMore bool       `json:"has_more"`
		}
		if err := v.API.Post(ctx, "/v1/payout_runs/preview", params, &page); err != nil {
			return p, err
		}
		for _, f := range page.Data {
			p.Forecasts = append(p.Forecasts, f)
			if f.Skipped != nil {
				p.Left++
				continue
			}
			if totals[f.Currency] == nil {
				totals[f.Currency] = &wire.PayoutRunSum{Currency: f.Currency}
			}
			totals[f.Currency].Count++
			totals[f.Currency].Amount += f.Amount
		}
		if !page.HasMore || len(page.Data) == 0 {
			break
		}
		if len(p.Forecasts) >= foreseen {
			p.More = true
			break
		}
		params.Set("starting_after", page.Data[len(page.Data)-1].ID)
	}
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		p.Totals = append(p.Totals, *totals[currency])
	}
	return p, nil
}

func (s *section) preview(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	date := v.Query.Get("date")
	form := ui.NewForm(url.Values{"date": {date}})
	p, err := foresee(r.Context(), v, date)
	if failed(form, err) {
		p, err = previewView{}, nil
	}
	if err != nil {
		return err
	}
	p.Form, p.CSV = form, v.Here("format", "csv")
	if v.Query.Get("format") == "csv" {
		return writeForecasts(w, v, p)
	}
	return s.pages.Render(w, r, v, "preview", ui.View{Title: "preview.title", Back: back(v, "runs.title", "payout-runs"), Data: p, Form: form})
}

func writeForecasts(w http.ResponseWriter, v *dashboard.Visit, p previewView) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="preview.csv"`)
	out := csv.NewWriter(w)
	head := []string{"id", string(v.Text("preview.account")), string(v.Text("preview.amount")), string(v.Text("preview.currency")),
		string(v.Text("preview.payday")), string(v.Text("preview.why"))}
	rows := [][]string{head}
	for _, f := range p.Forecasts {
		rows = append(rows, []string{f.ID, f.Account.ID, decimal(f.Amount, f.Currency), f.Currency, text(f.Payday), text(f.Skipped)})
	}
	if err := out.WriteAll(rows); err != nil {
		return nil // the reader has gone
	}
	return nil
}

// confirmView is a page that says a consequence and asks once more.
type confirmView struct {
	Title, Body ui.Text
	Button      string
	Totals      []wire.PayoutRunSum
	Reason      bool
	Account     string
	Cancel      string
}

func (s *section) confirm(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, title string, up *ui.Link, c confirmView, form *ui.Form, status int) error {
	return s.pages.Render(w, r, v, "confirm", ui.View{Title: title, Back: up, Data: c, Form: form, Status: status})
}

func (s *section) askRun(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	p, err := foresee(r.Context(), v, "")
	if err != nil {
		return err
	}
	return s.confirm(w, r, v, "run_now.title", back(v, "runs.title", "payout-runs"), confirmView{
		Title: v.Text("run_now.title"), Body: say(v, "run_now.body", "count", ui.Text(strconv.FormatInt(counts(p.Totals), 10)), "left", ui.Text(strconv.Itoa(p.Left))),
		Button: "run_now.do", Totals: p.Totals, Cancel: v.Path("payout-runs"),
	}, ui.NewForm(nil), http.StatusOK)
}

func (s *section) runNow(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	var run wire.PayoutRun
	if err := v.API.PostOnce(r.Context(), "/v1/payout_runs", url.Values{}, r.PostForm.Get("idempotency_key"), &run); err != nil {
		return err
	}
	return v.Go(w, r, v.Path("payout-runs", run.ID), "ran")
}

func (s *section) showHold(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, account string, form *ui.Form, status int) error {
	var a wire.Account
	if err := v.API.Get(r.Context(), "/v1/accounts/"+url.PathEscape(account), nil, &a); err != nil {
		return err
	}
	name := ui.Text(partyOf(a).Label())
	return s.confirm(w, r, v, "hold.title", back(v, "preview.title", "payout-runs", "preview"), confirmView{
		Title: say(v, "hold.heading", "account", name), Body: say(v, "hold.body", "account", name), Button: "hold.do", Reason: true, Account: account,
		Cancel: v.Path("payout-runs", "preview"),
	}, form, status)
}

func (s *section) askHoldAccount(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.showHold(w, r, v, v.Query.Get("account"), ui.NewForm(nil), http.StatusOK)
}

func (s *section) holdAccount(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	account, reason := form.Value("account"), form.Value("reason")
	if reason == "" {
		form.Fail("reason", "act.reason.missing")
		return s.showHold(w, r, v, account, form, http.StatusUnprocessableEntity)
	}
	params := url.Values{"account": {account}, "reason": {reason}}
	err := v.API.PostOnce(r.Context(), "/v1/payout_holds", params, r.PostForm.Get("idempotency_key"), nil)
	if failed(form, err) {
		return s.showHold(w, r, v, account, form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("payout-runs", "preview"), "hold")
}

// runView is what the page of a run shows.
type runView struct {
	Run      wire.PayoutRun
	Sums     template.HTML
	Count    int64
	Progress []statusCount
	Done     int64 // payouts that have reached an end
	Waiting  int   // of those shown, how many people have to agree to
	Skipped  []skipView
	Files    []wire.PayoutBatch
	Payouts  *dashboard.Table
	Curl     string
	JSON     string
	Approve  bool
}

type statusCount struct {
	Status, Count string
}

type skipView struct {
	Words    string
	Currency string
	Count    int64
}

// madeBy is the list of the payouts of a run.
func madeBy(run string) dashboard.List[payout] {
	l := payoutList
	l.Name, l.Filters, l.Dates = "run_payouts", nil, false
	l.Params = url.Values{"account": {"all"}, "payout_run": {run}, "expand[]": {"data.account"}}
	l.Empty = dashboard.Empty{Icon: "banknote", Title: "run.none", Body: "run.none.body"}
	return l
}

func (s *section) run(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	run, err := dashboard.Fetch[wire.PayoutRun](r, v, "/v1/payout_runs/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, run.Path, run.Raw); done {
		return err
	}
	view := runView{Run: run.Value, Sums: sums(v, run.Value.Made), Count: counts(run.Value.Made), Curl: v.Curl(run.Path), JSON: v.Here("view", "json")}
	for _, left := range run.Value.Skipped {
		view.Skipped = append(view.Skipped, skipView{skipWords(v, left.Reason), code(left.Currency), left.Count})
	}
	return madeBy(run.Value.ID).Serve(w, r, v, func(t *dashboard.Table) error {
		view.Payouts = t
		if err := view.progress(r, v); err != nil {
			return err
		}
		return render(s, w, r, v, "run", "run.title", back(v, "runs.title", "payout-runs"), view)
	})
}

// progress reads how far the run's payouts are, and in which files they went.
func (view *runView) progress(r *http.Request, v *dashboard.Visit) error {
	var all wire.PayoutCounts
	if err := v.API.Get(r.Context(), "/v1/payout_counts", url.Values{"payout_run": {view.Run.ID}}, &all); err != nil {
		return err
	}
	for _, c := range all.Statuses {
		view.Progress = append(view.Progress, statusCount{c.Status, counted(c)})
		if c.Status == "paid" || c.Status == "failed" || c.Status == "canceled" {
			view.Done += c.Count
		}
	}
	var first struct{ Data []payout }
	params := url.Values{"payout_run": {view.Run.ID}, "account": {"all"}, "limit": {"100"}}
	if err := v.API.Get(r.Context(), "/v1/payouts", params, &first); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range first.Data {
		if p.State() == "requires_approval" {
			view.Waiting++
		}
		batch := text(p.Batch)
		if batch == "" || seen[batch] || !v.May("payout_batches:read") {
			continue
		}
		seen[batch] = true
		var b wire.PayoutBatch
		if err := v.API.Get(r.Context(), "/v1/payout_batches/"+batch, nil, &b); err != nil {
			return err
		}
		view.Files = append(view.Files, b)
	}
	view.Approve = view.Waiting > 0 && v.May("payout_approvals:write")
	return nil
}

func (s *section) askApproveRun(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return s.showApproveRun(w, r, v, ui.NewForm(nil), http.StatusOK)
}

func (s *section) showApproveRun(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, form *ui.Form, status int) error {
	run, err := dashboard.Fetch[wire.PayoutRun](r, v, "/v1/payout_runs/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	view := runView{Run: run.Value}
	if err := view.progress(r, v); err != nil {
		return err
	}
	return s.confirm(w, r, v, "approve_run.title", back(v, "run.title", "payout-runs", run.Value.ID), confirmView{
		Title: say(v, "approve_run.heading", "date", ui.Text(run.Value.Date)),
		Body:  say(v, "approve_run.body", "count", ui.Text(strconv.Itoa(view.Waiting))), Button: "approve_run.do", Totals: run.Value.Made,
		Cancel: v.Path("payout-runs", run.Value.ID),
	}, form, status)
}

func (s *section) approveRun(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	run := r.PathValue("id")
	var said wire.PayoutRunApproval
	err := v.API.PostOnce(r.Context(), "/v1/payout_runs/"+url.PathEscape(run)+"/approve", url.Values{}, r.PostForm.Get("idempotency_key"), &said)
	if err != nil {
		return err
	}
	if len(said.Refused) > 0 && said.Approved+said.Waiting == 0 {
		form := ui.NewForm(nil)
		form.Fail("", "act.refused", "why", ui.Text(said.Refused[0].Message))
		return s.showApproveRun(w, r, v, form, http.StatusUnprocessableEntity)
	}
	done := "approved_run"
	if said.Waiting > 0 {
		done = "agreed_run"
	}
	return v.Go(w, r, v.Path("payout-runs", run), done)
}

// notFound turns a missing object into a refusal of the field that named it.
func notFound(err error) error {
	refused := (*client.Error)(nil)
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusForbidden) {
		named := *refused
		named.Status, named.Param = http.StatusBadRequest, "account"
		return &named
	}
	return err
}

func counted(c wire.StatusCount) string {
	if c.HasMore {
		return strconv.FormatInt(c.Count, 10) + "+"
	}
	return strconv.FormatInt(c.Count, 10)
}
