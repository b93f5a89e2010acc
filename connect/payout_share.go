package connect

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/wire"
)

// payoutShares are the destinations of automatic payouts as they are asked for: nil
// changes nothing. Those of one currency must come to the whole of it. Faults name
// parameters below param.
func (a *Account) payoutShares(asked []PayoutShareParams, param string) ([]wire.PayoutShare, error) {
	if asked == nil {
		return a.Settings.Payouts.Destinations, nil
	}
	var shares []wire.PayoutShare
	sums, last := map[string]money.Rate{}, map[string]string{}
	for i, s := range asked {
		at := func(name string) string { return fmt.Sprintf("%s[%d][%s]", param, i, name) }
		e, err := a.ExternalAccount(s.ID)
		if err != nil {
			return nil, fault.Invalidf("resource_missing", at("id"), "No such external account: '%s'", s.ID)
		}
		if slices.ContainsFunc(shares, func(w wire.PayoutShare) bool { return w.ID == e.ID }) {
			return nil, fault.Invalidf("", at("id"), "The external account '%s' is named twice.", e.ID)
		}
		rate, err := money.ParsePercent(s.Percent)
		if err != nil || rate == 0 {
			return nil, fault.Invalidf("", at("percent"), "Invalid percent: must be above 0 and at most 100, with at most four decimals.")
		}
		share := wire.PayoutShare{ID: e.ID, Percent: rate.String(), Since: a.at.Unix()}
		was, since, err := a.PayoutShare(e.ID)
		if err != nil {
			return nil, err
		}
		if was == 0 && e.Default && !a.divided(e.Currency) {
			was, since = money.Whole, e.ChangedAt()
		}
		if rate <= was { // it is not given more
			share.Since = since.Unix()
		}
		shares = append(shares, share)
		sums[e.Currency] += rate
		last[e.Currency] = at("percent")
	}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if sums[currency] != money.Whole {
			return nil, fault.Invalidf("", last[currency], "The shares of payouts in %s must come to 100 percent, not %s.", currency, sums[currency])
		}
	}
	return shares, nil
}

// divided reports whether payouts in a currency go to several external accounts.
func (a *Account) divided(currency string) bool {
	return slices.ContainsFunc(a.ExternalAccounts, func(e ExternalAccount) bool { return e.Currency == currency && a.shareOf(e.ID) != nil })
}

func (a *Account) shareOf(external string) *wire.PayoutShare {
	for i, s := range a.Settings.Payouts.Destinations {
		if s.ID == external {
			return &a.Settings.Payouts.Destinations[i]
		}
	}
	return nil
}

// PayoutShare is an external account's part of automatic payouts in its currency,
// and since when it has so much; zero if it has none.
func (a Account) PayoutShare(external string) (money.Rate, time.Time, error) {
	s := a.shareOf(external)
	if s == nil {
		return 0, time.Time{}, nil
	}
	rate, err := money.ParsePercent(s.Percent)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read the share of %s: %w", external, err)
	}
	return rate, time.Unix(s.Since, 0), nil
}
