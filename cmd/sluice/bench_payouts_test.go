package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

func TestABenchOfPayoutsPaysEverybodyOnceAndProvesIt(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	// More than a batch for each: both schedulers write two at a time.
	args := []string{"bench", "payouts", "--accounts", "1200", "--items", "3600", "--schedulers", "2", "--output", "json"}
	if code := cli.Execute(t.Context(), newRoot(), args, &out, &progress); code != 0 {
		t.Fatalf("exit %d:\n%s", code, progress.String())
	}
	var r bench.PayoutReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	if r.Payouts != 1200 || r.Proof.Lines != 3600 || r.Proof.Paid == 0 || r.Proof.Paid != r.Proof.Attached || r.WALBytes == 0 || r.PostgresCPUSeconds == 0 {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(progress.String(), "Ledger verified") {
		t.Errorf("the ledger was not verified:\n%s", progress.String())
	}
}
