package payouts

import "github.com/sluicepay/sluice/platform/wire"

// Wire is the explanation as the API shows it.
func (e *Explanation) Wire() wire.PayoutExplanation {
	terms := make([]wire.PayoutTerm, len(e.Terms))
	for i, t := range e.Terms {
		terms[i] = wire.PayoutTerm{Term: string(t.Name), Amount: t.Amount, Count: t.Lines}
	}
	return wire.PayoutExplanation{
		Object: "payout_explanation", Payout: e.Payout.ID, Amount: e.Payout.Amount, Currency: string(e.Payout.Currency), Count: e.Lines,
		Livemode: e.Payout.Livemode, Status: string(e.Payout.Status), Sum: e.Payout.pays(), Terms: terms,
		LinesURL: "/v1/balance_transactions?payout=" + e.Payout.ID,
	}
}
