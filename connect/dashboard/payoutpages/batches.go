package payoutpages

import (
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

var batchList = dashboard.List[wire.PayoutBatch]{
	Name: "batches", Path: "/v1/payout_batches", Dates: true,
	Filters: []dashboard.Filter{
		{Name: "status", Label: "batches.status", Chips: true, Options: []ui.Option{
			{Value: "sealed", Key: "status.sealed"}, {Value: "unknown", Key: "status.unknown"}, {Value: "delivered", Key: "status.delivered"},
			{Value: "acknowledged", Key: "status.acknowledged"}, {Value: "done", Key: "status.done"}, {Value: "refused", Key: "status.refused"},
		}},
		{Name: "rail", Label: "batches.rail"},
	},
	Columns: []dashboard.Column[wire.PayoutBatch]{
		{Key: "batches.file", Cell: func(_ *dashboard.Visit, b wire.PayoutBatch) any { return b.File.Name }},
		{Key: "batches.amount", Number: true, Cell: func(v *dashboard.Visit, b wire.PayoutBatch) any { return v.Amount(b.Amount, b.Currency) },
			CSV: func(_ *dashboard.Visit, b wire.PayoutBatch) string { return decimal(b.Amount, b.Currency) }},
		{Key: "batches.count", Number: true, Cell: func(_ *dashboard.Visit, b wire.PayoutBatch) any { return b.Count }},
		{Key: "batches.status", Cell: func(v *dashboard.Visit, b wire.PayoutBatch) any { return v.Status(b.Status) }},
		{Key: "batches.rail", Cell: func(_ *dashboard.Visit, b wire.PayoutBatch) any { return b.Rail }},
		{Key: "batches.created", Cell: func(v *dashboard.Visit, b wire.PayoutBatch) any { return v.When(b.Created) }},
		{Key: "batches.sha256", Extra: true, Cell: func(_ *dashboard.Visit, b wire.PayoutBatch) any { return b.File.SHA256 }},
	},
	Href: func(v *dashboard.Visit, b wire.PayoutBatch) string { return v.Path("payout-batches", b.ID) },
	Empty: dashboard.Empty{Icon: "file-text", Title: "batches.none", Body: "batches.none.body",
		Curl: `curl -u "$SLUICE_API_KEY:" http://localhost:8080/v1/payout_batches`},
}

func (s *section) batches(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	return batchList.Serve(w, r, v, func(t *dashboard.Table) error {
		return render(s, w, r, v, "batches", "batches.title", nil, t)
	})
}

// batchView is what the page of a file shows.
type batchView struct {
	Batch   wire.PayoutBatch
	Day     any
	Uploads []upload
	Payouts *dashboard.Table
	Curl    string
	JSON    string
	Owner   bool // may take the file: it shows account numbers
}

func (s *section) batch(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	b, err := dashboard.Fetch[wire.PayoutBatch](r, v, "/v1/payout_batches/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	if done, err := s.pages.AsJSON(w, r, v, b.Path, b.Raw); done {
		return err
	}
	within := payoutList
	within.Name, within.Path, within.Filters, within.Dates = "batch_payouts", b.Path+"/payouts", nil, false
	within.Params = url.Values{"expand[]": {"data.account"}}
	within.Columns = nil
	for _, c := range payoutList.Columns {
		if c.Key != "payouts.items" {
			within.Columns = append(within.Columns, c)
		}
	}
	return within.Serve(w, r, v, func(t *dashboard.Table) error {
		return render(s, w, r, v, "batch", "batch.title", back(v, "batches.title", "payout-batches"), batchView{
			Batch: b.Value, Day: day(v, b.Value.ExecutionDate), Uploads: uploadsOf(&b.Value), Payouts: t, Curl: v.Curl(b.Path), JSON: v.Here("view", "json"), Owner: v.Chair.Permissions == nil,
		})
	})
}

// file sends the file of a batch as the bank got it. Who takes it is on record.
func (s *section) file(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	b, err := dashboard.Fetch[wire.PayoutBatch](r, v, "/v1/payout_batches/"+url.PathEscape(r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.Deliver(w, r, b.Path+"/file", b.Value.File.Name)
}
