package wire

// ReportType is a report that can be asked for.
type ReportType struct {
	ID                 string   `json:"id"`
	Object             string   `json:"object"` // "reporting.report_type"
	DataAvailableEnd   int64    `json:"data_available_end"`
	DataAvailableStart int64    `json:"data_available_start"`
	DefaultColumns     []string `json:"default_columns"`
	Livemode           bool     `json:"livemode"`
	Name               string   `json:"name"`
	Updated            int64    `json:"updated"`
	Version            int64    `json:"version"`
}

// ReportRun is a report that was asked for.
type ReportRun struct {
	ID          string           `json:"id"`
	Object      string           `json:"object"` // "reporting.report_run"
	Created     int64            `json:"created"`
	Error       *string          `json:"error"`
	Livemode    bool             `json:"livemode"`
	Parameters  ReportParameters `json:"parameters"`
	ReportType  string           `json:"report_type"`
	Result      *File            `json:"result"` // null until it has succeeded
	Status      string           `json:"status"` // pending, succeeded or failed
	SucceededAt *int64           `json:"succeeded_at"`
}

// ReportParameters say what a report covers.
type ReportParameters struct {
	Columns           []string `json:"columns,omitempty"`
	ConnectedAccount  string   `json:"connected_account,omitempty"`
	Currency          string   `json:"currency,omitempty"`
	IntervalEnd       int64    `json:"interval_end,omitempty"`
	IntervalStart     int64    `json:"interval_start,omitempty"`
	Payout            string   `json:"payout,omitempty"`
	ReportingCategory string   `json:"reporting_category,omitempty"`
	Timezone          string   `json:"timezone,omitempty"`
}
