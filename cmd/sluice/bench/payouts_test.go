package bench

import (
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

func TestWhatABenchOfPayoutsCannotDoIsAMistakeInTheCommandLine(t *testing.T) {
	good := payoutOptions{accounts: 10, items: 10, schedulers: 1, output: "json"}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*payoutOptions){
		"no account":               func(o *payoutOptions) { o.accounts = 0 },
		"an account without items": func(o *payoutOptions) { o.items = 9 },
		"no scheduler":             func(o *payoutOptions) { o.schedulers = 0 },
		"unknown output":           func(o *payoutOptions) { o.output = "xml" },
	} {
		o := good
		spoil(&o)
		if err := o.check(); cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProofThatDoesNotHoldIsAnError(t *testing.T) {
	if err := (Proof{Paid: 5, Attached: 5, Lines: 2}).verdict(); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]Proof{
		"paid more than attached":  {Paid: 6, Attached: 5},
		"somebody not paid once":   {Missing: 1},
		"lines that do not sum up": {Uneven: 1},
		"lines left":               {Free: 1},
	} {
		if p.verdict() == nil {
			t.Error(name)
		}
	}
}
