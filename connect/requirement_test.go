package connect_test

import (
	"slices"
	"testing"

	"github.com/sluicepay/sluice/connect"
)

var everything = []string{
	"business_type", "tos_acceptance.date", "tos_acceptance.ip", "business_profile.mcc", "business_profile.url",
	"individual.first_name", "individual.last_name", "individual.email", "individual.phone", "individual.address.line1",
	"individual.dob.day", "individual.dob.month", "individual.dob.year",
	"company.name", "company.tax_id", "company.phone", "company.address.line1", "company.owners_provided", "company.verification.document",
	"representative.first_name", "representative.last_name", "representative.email", "representative.address.line1", "representative.relationship.title",
	"representative.dob.day", "representative.dob.month", "representative.dob.year", "individual.verification.document",
}

func given(without ...string) map[string]bool {
	g := map[string]bool{}
	for _, fact := range everything {
		g[fact] = !slices.Contains(without, fact)
	}
	return g
}

func TestStandingFollowsFromFacts(t *testing.T) {
	both := []string{connect.CardPaymentsCapability, connect.TransfersCapability}
	individual := func(f connect.Facts) connect.Facts { f.BusinessType = "individual"; return f }
	for _, tc := range []struct {
		name                                string
		facts                               connect.Facts
		charges, payouts, submitted         bool
		active, currently, eventually, past []string
		reason                              string
	}{
		{name: "nothing requested", facts: connect.Facts{}},
		{
			name:  "test mode: active at once, facts only eventually due, external account disables payouts alone",
			facts: connect.Facts{Requested: both}, charges: true, active: both, currently: []string{"external_account"},
			eventually: []string{"business_profile.mcc", "business_profile.url", "business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip"},
		},
		{
			name: "transfers alone do not enable charges", facts: connect.Facts{Requested: []string{"transfers"}, PayoutAccount: true},
			payouts: true, active: []string{"transfers"}, eventually: []string{"business_type", "tos_acceptance.date", "tos_acceptance.ip"},
		},
		{
			name: "test mode, all given", facts: individual(connect.Facts{Requested: both, Given: given(), PayoutAccount: true}),
			charges: true, payouts: true, submitted: true, active: both,
		},
		{
			name:    "live mode: a missing fact keeps only the capability that needs it inactive",
			facts:   individual(connect.Facts{Enforced: true, Country: "TH", Requested: both, Given: given("business_profile.mcc"), PayoutAccount: true}),
			payouts: true, active: []string{"transfers"}, currently: []string{"business_profile.mcc"}, eventually: []string{"business_profile.mcc"},
			past: []string{"business_profile.mcc"}, reason: "requirements.past_due",
		},
		{
			name:      "live mode: nothing works before the facts are there",
			facts:     connect.Facts{Enforced: true, Country: "TH", Requested: []string{"transfers"}, PayoutAccount: true},
			currently: []string{"business_type", "tos_acceptance.date", "tos_acceptance.ip"}, eventually: []string{"business_type", "tos_acceptance.date", "tos_acceptance.ip"},
			past: []string{"business_type", "tos_acceptance.date", "tos_acceptance.ip"}, reason: "requirements.past_due",
		},
		{
			name:      "live mode: a company needs its tax id",
			facts:     connect.Facts{Enforced: true, Country: "TH", BusinessType: "company", Requested: []string{"transfers"}, Given: given("company.tax_id"), PayoutAccount: true},
			currently: []string{"company.tax_id"}, eventually: []string{"company.tax_id"}, past: []string{"company.tax_id"}, reason: "requirements.past_due",
		},
		{
			name: "live mode, all given", facts: individual(connect.Facts{Enforced: true, Country: "TH", Requested: both, Given: given(), PayoutAccount: true}),
			charges: true, payouts: true, submitted: true, active: both,
		},
		{
			name:  "rejected: nothing works, whatever was given",
			facts: individual(connect.Facts{Requested: both, Given: given(), PayoutAccount: true, Rejected: "fraud"}), submitted: true, reason: "rejected.fraud",
		},
		{
			name: "payouts paused", facts: individual(connect.Facts{Requested: both, Given: given(), PayoutAccount: true, PayoutsPaused: true}),
			charges: true, submitted: true, active: both, reason: "platform_paused",
		},
		{
			name:    "a live platform owes no facts",
			facts:   connect.Facts{Platform: true, Enforced: true, Requested: both, PayoutAccount: true},
			charges: true, payouts: true, submitted: true, active: both,
		},
		{name: "closed", facts: individual(connect.Facts{Requested: both, Given: given(), PayoutAccount: true, Closed: true}), submitted: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := connect.Derive(tc.facts)
			if s.ChargesEnabled != tc.charges || s.PayoutsEnabled != tc.payouts || s.DetailsSubmitted != tc.submitted || s.DisabledReason != tc.reason {
				t.Errorf("charges %v, payouts %v, submitted %v, reason %q", s.ChargesEnabled, s.PayoutsEnabled, s.DetailsSubmitted, s.DisabledReason)
			}
			var active []string
			for name, c := range s.Capabilities {
				if c.Active {
					active = append(active, name)
				}
			}
			slices.Sort(active)
			for what, pair := range map[string][2][]string{
				"active": {active, tc.active}, "currently due": {s.CurrentlyDue, tc.currently},
				"eventually due": {s.EventuallyDue, tc.eventually}, "past due": {s.PastDue, tc.past},
			} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
				}
			}
		})
	}
}
