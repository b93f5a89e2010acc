package main

import (
	"encoding/csv"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// Ada's month ends as Stripe's guide says: stripe-go finds the type, asks for the report,
// waits for it, downloads its file, and walks through all she has asked for.
func TestStripeGoWalksThroughReports(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, may := h.stripe(), h.tutor("Chan May")
	must[*stripe.PaymentIntent](t)(ada.V1PaymentIntents.Create(t.Context(), lessonOf(may)))
	h.days("3d")
	var payout *stripe.Payout
	for p, err := range ada.V1Payouts.List(t.Context(), &stripe.PayoutListParams{ListParams: stripe.ListParams{StripeAccount: &may}}).All(t.Context()) {
		payout = must[*stripe.Payout](t)(p, err)
	}
	if payout == nil {
		t.Fatal("nobody was paid")
	}

	kinds := map[string]*stripe.ReportingReportType{}
	for kind, err := range ada.V1ReportingReportTypes.List(t.Context(), &stripe.ReportingReportTypeListParams{}).All(t.Context()) {
		kinds[must[*stripe.ReportingReportType](t)(kind, err).ID] = kind
	}
	const itemised, byPayout = "connected_account_payout_reconciliation.itemized.5", "connected_account_payout_reconciliation.by_id.itemized.4"
	for _, kind := range []string{itemised, byPayout, "payout_reconciliation.summary.1"} {
		if kinds[kind] == nil {
			t.Fatalf("there is no %s", kind)
		}
	}
	if kind := must[*stripe.ReportingReportType](t)(ada.V1ReportingReportTypes.Retrieve(t.Context(), itemised, nil)); len(kind.DefaultColumns) == 0 {
		t.Errorf("%+v has no columns", kind)
	}

	interval := stripe.ReportingReportRunCreateParametersParams{
		IntervalStart: stripe.Int64(0), IntervalEnd: stripe.Int64(time.Now().AddDate(1, 0, 0).Unix()), Timezone: stripe.String("Asia/Hong_Kong"),
	}
	columns := stripe.StringSlice([]string{"payout_id", "net", "reporting_category"})
	var asked []string
	for _, order := range []struct {
		kind   string
		params stripe.ReportingReportRunCreateParametersParams
		net    int64
	}{
		{itemised, interval, payout.Amount},
		{byPayout, stripe.ReportingReportRunCreateParametersParams{Payout: &payout.ID}, payout.Amount},
		{"payout_reconciliation.itemized.5", interval, 0}, // Ada herself was not paid
	} {
		order.params.Columns = columns
		run := must[*stripe.ReportingReportRun](t)(ada.V1ReportingReportRuns.Create(t.Context(),
			&stripe.ReportingReportRunCreateParams{ReportType: &order.kind, Parameters: &order.params}))
		if run.Status != stripe.ReportingReportRunStatusPending || run.Result != nil || run.ReportType != order.kind || !slices.Equal(run.Parameters.Columns, []string{"payout_id", "net", "reporting_category"}) {
			t.Errorf("asked for, it is %+v", run)
		}
		asked = append(asked, run.ID)
		bustest.Eventually(t, "the report is made", func() bool {
			run = must[*stripe.ReportingReportRun](t)(ada.V1ReportingReportRuns.Retrieve(t.Context(), run.ID, nil))
			return run.Status != stripe.ReportingReportRunStatusPending
		})
		if run.Status != stripe.ReportingReportRunStatusSucceeded || run.Result == nil || run.SucceededAt == 0 || run.Error != "" {
			t.Fatalf("made, it is %+v", run)
		}
		var net int64
		for _, row := range h.fetches(run.Result) {
			if row[0] != payout.ID {
				t.Errorf("a row of %s: %v", order.kind, row)
			}
			net += cents(t, row[1])
		}
		if net != order.net {
			t.Errorf("the rows of %s make %d, want %d", order.kind, net, order.net)
		}
	}

	var walked []string
	for run, err := range ada.V1ReportingReportRuns.List(t.Context(), &stripe.ReportingReportRunListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(1)}}).All(t.Context()) {
		walked = append(walked, must[*stripe.ReportingReportRun](t)(run, err).ID)
	}
	slices.Reverse(walked)
	if !slices.Equal(walked, asked) {
		t.Errorf("walked through %v, asked for %v", walked, asked)
	}
	_, err := ada.V1ReportingReportRuns.Create(t.Context(), &stripe.ReportingReportRunCreateParams{ReportType: stripe.String("balance.summary.1")})
	expect(t, err, http.StatusBadRequest, stripe.ErrorCodeResourceMissing)
	_, err = ada.V1ReportingReportRuns.Retrieve(t.Context(), asked[0], &stripe.ReportingReportRunRetrieveParams{Params: stripe.Params{StripeAccount: &may}})
	expect(t, err, http.StatusNotFound, stripe.ErrorCodeResourceMissing)
}

// fetches is the file of a report without its heading, taken from where the SDK says it is.
func (h *house) fetches(file *stripe.File) [][]string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, file.URL, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	counted := &counting{from: res.Body}
	rows, err := csv.NewReader(counted).ReadAll()
	if err != nil || res.StatusCode != http.StatusOK || counted.n != file.Size || len(rows) == 0 {
		h.t.Fatalf("%d, %d bytes of %d: %v", res.StatusCode, counted.n, file.Size, err)
	}
	return rows[1:]
}

// counting counts what is read.
type counting struct {
	from io.Reader
	n    int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}
