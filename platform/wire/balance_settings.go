package wire

// BalanceSettings is when an account's money becomes available and when it is
// paid out: the same data as settings.payouts of the account.
type BalanceSettings struct {
	Object   string          `json:"object"` // always "balance_settings"
	Payments PaymentsBalance `json:"payments"`
}

// PaymentsBalance holds the settings of the balance that payments fill.
type PaymentsBalance struct {
	DebitNegativeBalances bool             `json:"debit_negative_balances"`
	Payouts               BalancePayouts   `json:"payouts"`
	SettlementTiming      SettlementTiming `json:"settlement_timing"`
}

// BalancePayouts is when and how much is paid out.
type BalancePayouts struct {
	MinimumBalance      map[string]int64 `json:"minimum_balance_by_currency,omitempty"`
	Schedule            BalanceSchedule  `json:"schedule"`
	StatementDescriptor *string          `json:"statement_descriptor"`
	Status              string           `json:"status"` // enabled or disabled

	// Ours, as in PayoutSettings.
	TriggerBalance map[string]int64 `json:"trigger_balance_by_currency,omitempty"`
	Destinations   []PayoutShare    `json:"destinations,omitempty"`
}

// BalanceSchedule is the rhythm of automatic payouts.
type BalanceSchedule struct {
	Interval          string   `json:"interval"` // daily, weekly, monthly or manual
	MonthlyPayoutDays []int64  `json:"monthly_payout_days,omitempty"`
	WeeklyPayoutDays  []string `json:"weekly_payout_days,omitempty"`

	// Ours, as in PayoutSchedule.
	LocalTime string `json:"local_time,omitempty"`
	BankDays  string `json:"bank_days,omitempty"`
}

// SettlementTiming is how long charges take to become available.
type SettlementTiming struct {
	DelayDays         int64  `json:"delay_days"`
	DelayDaysOverride *int64 `json:"delay_days_override,omitempty"` // what was asked for instead of the default
}
