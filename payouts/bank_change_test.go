package payouts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// judges lets somebody accept ("accept") or refuse a notice, as the door does: what a
// refusal wrote is kept. It returns the code of the refusal.
func (w *filedWorld) judges(actor, what, change string) string {
	w.Helper()
	var refusal error
	err := db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		if what == "accept" {
			_, err = w.service.AcceptBankChange(ctx, tx, scopeOf(hub), actor, change)
		} else {
			_, err = w.service.RefuseBankChange(ctx, tx, scopeOf(hub), actor, change)
		}
		if fault.As(err) != nil {
			refusal = err
			return nil
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	if refusal == nil {
		return ""
	}
	return fault.As(refusal).Code
}

// notices lists them, oldest first: "code status last4".
func (w *filedWorld) notices() (ids, rows []string) {
	w.Helper()
	found, err := w.service.BankChanges(w.Context(), w.pool, scopeOf(hub), payouts.BankChangeFilter{})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range found.Items {
		shown := c.Wire()
		last4 := "none"
		if shown.Corrected.Last4 != nil {
			last4 = *shown.Corrected.Last4
		}
		ids = append([]string{c.ID}, ids...)
		rows = append([]string{fmt.Sprintf("%s %s %s", c.Code, c.Status, last4)}, rows...)
	}
	return ids, rows
}

func noticeOf(p *payouts.Payout, code, number, trace string) rail.Report {
	return rail.Report{Reference: p.ID, Reason: code, BankTrace: trace, Change: &rail.Change{Code: code, Number: secret.New(number)}}
}

func TestABanksChangeTakesTwoDifferentPeople(t *testing.T) {
	t.Parallel()
	w := openFiled(t)
	w.tutor("acct_lok", "000123456", 5000)
	p := w.due("acct_lok", 5000)
	w.send()
	w.mustApply(noticeOf(p, "C01", "000777778888", "B1"), noticeOf(p, "C01", "000777778888", "B1"), noticeOf(p, "C03", "", "B2"))
	w.mustApply(noticeOf(p, "C01", "000777778888", "B1")) // the same file again
	ids, rows := w.notices()
	if diff := cmp.Diff([]string{"C01 pending 8888", "C03 pending none"}, slices.Sorted(slices.Values(rows))); diff != "" {
		t.Fatal(diff)
	}
	change, other := ids[0], ids[1]
	if strings.Contains(rows[0], "none") {
		change, other = other, change
	}
	first := w.people.accounts["acct_lok"].Destinations[0].ID
	for _, step := range []struct{ actor, what, code string }{
		{"key_ada", "accept", ""},
		{"key_ada", "accept", "four_eyes"},
		{"key_ada", "accept", "four_eyes"},
		{"key_bob", "accept", ""},
		{"key_cyd", "accept", "bank_change_decided"},
		{"key_cyd", "refuse", "bank_change_decided"},
	} {
		if got := w.judges(step.actor, step.what, change); got != step.code {
			t.Errorf("%s %ss: %q, want %q", step.actor, step.what, got, step.code)
		}
	}
	to := w.people.accounts["acct_lok"].Destinations[0]
	if to.ID == first || !to.ChangedAt.Equal(w.clock.Now()) || w.people.numbers[to.ID] != "000777778888" {
		t.Errorf("payouts go to %+v, %s", to, w.people.numbers[to.ID])
	}
	if got := w.judges("key_cyd", "accept", other); got != "bank_change_decided" {
		t.Errorf("another notice about the old bank account: %q", got)
	}
	c, said, err := w.service.BankChange(t.Context(), w.pool, scopeOf(hub), change)
	if err != nil {
		t.Fatal(err)
	}
	var record []string
	for _, o := range said {
		record = append(record, strings.TrimSpace(o.Actor+" "+o.Decision+" "+o.Refusal))
	}
	if diff := cmp.Diff(table(`
		key_ada approve
		key_ada approve four_eyes
		key_ada approve four_eyes
		key_bob approve
		key_cyd approve bank_change_decided
		key_cyd refuse bank_change_decided`), record); diff != "" {
		t.Errorf("the record differs:\n%s", diff)
	}
	shown, err := json.Marshal(c.Wire(said...))
	if err != nil {
		t.Fatal(err)
	}
	if c.Replacement != to.ID || c.FirstBy != "key_ada" || c.DecidedBy != "key_bob" {
		t.Errorf("%+v", c)
	}
	if strings.Contains(fmt.Sprintf("%+v %s", c, shown), "77778888") {
		t.Error("the number can be read")
	}
	w.expectEvents(&payouts.Payout{ID: change}, "1 payout_bank_change.created", "2 payout_bank_change.updated", "3 payout_bank_change.updated")
	w.expectEvents(&payouts.Payout{ID: other}, "1 payout_bank_change.created", "2 payout_bank_change.updated")
}

func TestOnePersonRefusesABanksChangeAndNothingIsChanged(t *testing.T) {
	t.Parallel()
	w := openFiled(t)
	w.tutor("acct_lok", "000123456", 5000)
	p := w.due("acct_lok", 5000)
	w.send()
	w.mustApply(noticeOf(p, "C01", "000777778888", "B1"), noticeOf(p, "C09", "", "B2"))
	ids, rows := w.notices()
	for i, row := range rows {
		if strings.HasPrefix(row, "C09") { // says nothing that can be taken over
			if a, b := w.judges("key_ada", "accept", ids[i]), w.judges("key_bob", "accept", ids[i]); a != "" || b != "bank_change_unusable" {
				t.Errorf("accepted with %q and %q", a, b)
			}
		} else if got := w.judges("key_ada", "accept", ids[i]) + w.judges("key_bob", "refuse", ids[i]); got != "" {
			t.Error(got)
		}
	}
	if _, rows := w.notices(); !cmp.Equal([]string{"C01 refused 8888", "C09 pending none"}, slices.Sorted(slices.Values(rows))) {
		t.Error(rows)
	}
	if to := w.people.accounts["acct_lok"].Destinations[0]; w.people.numbers[to.ID] != "000123456" {
		t.Error("the bank account was changed")
	}
	if got := w.judges("key_ada", "accept", "pbc_nothing"); got != "resource_missing" {
		t.Error(got)
	}
}
