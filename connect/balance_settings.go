package connect

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Balance settings are another view of settings.payouts of the account, and
// nothing is stored for them: a change through one door is a change in both.

// BalanceSettingsParams are the settings of an account's balance. Absent ones change nothing.
type BalanceSettingsParams struct {
	Payments *struct {
		DebitNegativeBalances *bool                 `form:"debit_negative_balances"`
		Payouts               *BalancePayoutsParams `form:"payouts"`
		SettlementTiming      *struct {
			DelayDaysOverride *string `form:"delay_days_override"` // "" is the default
		} `form:"settlement_timing"`
	} `form:"payments"`
}

// BalancePayoutsParams is when and how much is paid out.
type BalancePayoutsParams struct {
	MinimumBalance AmountsParam `form:"minimum_balance_by_currency"`
	Schedule       *struct {
		Interval          *string  `form:"interval"`
		MonthlyPayoutDays []int64  `form:"monthly_payout_days"`
		WeeklyPayoutDays  []string `form:"weekly_payout_days"`
		LocalTime         *string  `form:"local_time"`
		BankDays          *string  `form:"bank_days"`
	} `form:"schedule"`
	StatementDescriptor *string             `form:"statement_descriptor"`
	TriggerBalance      AmountsParam        `form:"trigger_balance_by_currency"`
	Destinations        []PayoutShareParams `form:"destinations"`
}

// UpdateBalanceSettings changes the settings of scope's own account.
func (s *Accounts) UpdateBalanceSettings(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, p BalanceSettingsParams) (Account, error) {
	return s.change(ctx, tx, at, scope, scope.Account, func(a *Account) error { return a.applyBalanceSettings(p) })
}

func (a *Account) applyBalanceSettings(p BalanceSettingsParams) error {
	if p.Payments == nil {
		return nil
	}
	if t := p.Payments.SettlementTiming; t != nil && t.DelayDaysOverride != nil {
		err := applyDelay(&a.Settings.Payouts.Schedule, *t.DelayDaysOverride, "payments[settlement_timing][delay_days_override]")
		if err != nil {
			return err
		}
	}
	asked := PayoutSettingsParams{DebitNegativeBalances: p.Payments.DebitNegativeBalances}
	if payouts := p.Payments.Payouts; payouts != nil {
		asked.MinimumBalance, asked.TriggerBalance = payouts.MinimumBalance, payouts.TriggerBalance
		asked.StatementDescriptor, asked.Destinations = payouts.StatementDescriptor, payouts.Destinations
		if sch := payouts.Schedule; sch != nil {
			asked.Schedule = &ScheduleParams{
				Interval: sch.Interval, MonthlyPayoutDays: sch.MonthlyPayoutDays, WeeklyPayoutDays: sch.WeeklyPayoutDays,
				LocalTime: sch.LocalTime, BankDays: sch.BankDays,
			}
		}
	}
	return a.applyPayouts(asked, "payments[payouts]")
}

// BalanceSettingsWire is the account's balance settings as the API shows them.
func (a Account) BalanceSettingsWire() wire.BalanceSettings {
	return a.balanceSettingsWire(a.Standing())
}

func (a Account) balanceSettingsWire(s Standing) wire.BalanceSettings {
	p, status := a.Settings.Payouts, "disabled"
	if s.PayoutsEnabled {
		status = "enabled"
	}
	return wire.BalanceSettings{Object: "balance_settings", Payments: wire.PaymentsBalance{
		DebitNegativeBalances: p.DebitNegativeBalances,
		Payouts: wire.BalancePayouts{
			MinimumBalance: p.MinimumBalance, StatementDescriptor: p.StatementDescriptor, Status: status, TriggerBalance: p.TriggerBalance,
			Destinations: p.Destinations,
			Schedule: wire.BalanceSchedule{
				Interval: p.Schedule.Interval, MonthlyPayoutDays: p.Schedule.MonthlyPayoutDays, WeeklyPayoutDays: p.Schedule.WeeklyPayoutDays,
				LocalTime: p.Schedule.LocalTime, BankDays: p.Schedule.BankDays,
			},
		},
		SettlementTiming: wire.SettlementTiming{DelayDays: p.Schedule.DelayDays, DelayDaysOverride: p.Schedule.DelayDaysOverride},
	}}
}
