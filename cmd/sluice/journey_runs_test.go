package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

// The commands against a server that runs, with nobody between them.
func TestAnOperatorForeseesStartsAndApprovesARunAndClosesADay(t *testing.T) {
	h := newHouse(t)
	t.Setenv("SLUICE_BASE_URL", h.url)
	t.Setenv("SLUICE_API_KEY", h.key)
	t.Chdir(t.TempDir())
	say := func(line, want string) string {
		t.Helper()
		var out, errout bytes.Buffer
		code := cli.Execute(t.Context(), newRoot(), strings.Fields(line), &out, &errout)
		if code != 0 || !strings.Contains(out.String()+errout.String(), want) {
			t.Errorf("sluice %s: exit %d, want %q in\n%s%s", line, code, want, out.String(), errout.String())
		}
		return out.String()
	}
	say("payouts run --dry-run", "looked at 0 balances")
	made := strings.Fields(say("payouts run", "added 0 payouts"))
	run := ""
	for _, word := range made {
		if strings.HasPrefix(word, "prun_") {
			run = word
		}
	}
	say("payouts run --approve "+run, "waiting for another person")
	say("payouts runs", run)
	say("payouts calendar list", "hong_kong")
	say("payouts calendar close hong_kong 2027-03-02 --reason storm", "2027-03-02  closed  storm")
	say("payouts calendar show hong_kong --year 2027", "2027-03-02  closed  storm")
	say("payouts calendar open hong_kong 2027-03-02 --reason over", "2027-03-02  open  over")
	say("payouts calendar open hong_kong 2027-03-02 --take-back", "the calendar hong_kong speaks again")
	if out := say("payouts calendar show hong_kong --year 2027", "closed"); strings.Contains(out, "2027-03-02") {
		t.Errorf("what was taken back is shown:\n%s", out)
	}
}
