package connect

import (
	"testing"
	"time"
)

func TestAStageIsTheFirstThatFits(t *testing.T) {
	soon := time.Unix(1800000000, 0)
	for _, c := range []struct {
		name     string
		rejected string
		standing Standing
		want     Stage
	}{
		{"rejected before all", "fraud", Standing{ChargesEnabled: true, PayoutsEnabled: true}, StageRejected},
		{"all was given", "", Standing{Dues: Dues{PendingVerification: []string{"x"}}}, StageInReview},
		{"it owes beside what is verified", "", Standing{Dues: Dues{PendingVerification: []string{"x"}, CurrentlyDue: []string{"y"}}}, StageRestricted},
		{"no payouts", "", Standing{ChargesEnabled: true}, StageRestricted},
		{"due by a day", "", Standing{ChargesEnabled: true, PayoutsEnabled: true, Dues: Dues{CurrentlyDue: []string{"y"}, Deadline: soon}}, StageRestrictedSoon},
		{"nothing", "", Standing{ChargesEnabled: true, PayoutsEnabled: true}, StageEnabled},
	} {
		a := Account{Rejected: c.rejected}
		if got := a.stage(c.standing); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
