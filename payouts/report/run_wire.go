package report

import (
	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the run as the API shows it; base is where the API is reached, for the
// address of the file, "" leaves it relative.
func (r *Run) Wire(base string) wire.ReportRun {
	w := wire.ReportRun{
		ID: r.ID, Object: "reporting.report_run", Created: wire.Unix(r.CreatedAt), Error: wire.Nullable(r.Error), Livemode: r.Livemode,
		ReportType: r.Type, Status: string(r.Status),
		Parameters: wire.ReportParameters{
			Columns: r.Columns, ConnectedAccount: r.ConnectedAccount, Currency: string(r.Currency), Payout: r.Payout,
			ReportingCategory: r.Category, Timezone: r.Timezone,
		},
	}
	if !r.From.IsZero() {
		w.Parameters.IntervalStart, w.Parameters.IntervalEnd = r.From.Unix(), r.To.Unix()
	}
	if r.Status != Succeeded {
		return w
	}
	succeeded := wire.Unix(r.SucceededAt)
	w.SucceededAt = &succeeded
	name, kind, url := r.FileName(), "csv", base+"/v1/reporting/report_runs/"+r.ID+"/result"
	w.Result = &wire.File{
		ID: r.File, Object: "file", Created: succeeded, Filename: &name, Links: wire.ListOf[wire.Ref]("/v1/file_links?file="+r.File, false, nil),
		Purpose: "finance_report_run", Size: r.Size, Type: &kind, URL: &url,
	}
	return w
}

// FileName is the name the report is saved under.
func (r *Run) FileName() string { return r.Type + "-" + r.ID + ".csv" }

// Wire is the type as the API shows it.
func (t Type) Wire(livemode bool, now int64) wire.ReportType {
	return wire.ReportType{
		ID: t.ID, Object: "reporting.report_type", DataAvailableEnd: now, DataAvailableStart: 0, DefaultColumns: t.Columns(),
		Livemode: livemode, Name: t.Name, Updated: now, Version: int64(t.ID[len(t.ID)-1] - '0'),
	}
}
