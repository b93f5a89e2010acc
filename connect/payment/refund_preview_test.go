package payment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/wire"
)

// everything counts what a preview must leave alone.
const everything = `(SELECT count(*) FROM ledger.postings) || ' ' || (SELECT count(*) FROM connect.refunds) || ' ' ||
	(SELECT count(*) FROM platform.events) || ' ' || (SELECT sum(debits) FROM ledger.accounts) || ' ' ||
	(SELECT count(*) FROM connect.transfer_reversals) || ' ' || (SELECT last_value FROM ledger.batch_numbers)`

func (w *world) preview(parts ...string) (wire.RefundPreview, reply) {
	w.Helper()
	before := w.value("SELECT " + everything)
	r := w.call("/v1/refunds/preview", parts...)
	if after := w.value("SELECT " + everything); after != before {
		w.Fatalf("a preview wrote: %s, before %s", after, before)
	}
	var p wire.RefundPreview
	if r.status == 200 {
		w.must(json.Unmarshal(r.body, &p))
	}
	return p, r
}

// posted is the postings of the entries booked after an entry number, as previews show them.
func (w *world) posted(after int64) (entries []wire.RefundPreviewEntry) {
	w.Helper()
	var last int64
	w.must(w.pool.NewRaw("SELECT coalesce(max(id), 0) FROM ledger.entries").Scan(w.Context(), &last))
	records, err := ledger.Records(w.Context(), w.pool, after+1, last)
	w.must(err)
	for _, record := range records {
		entry := wire.RefundPreviewEntry{Kind: record.Kind}
		for _, p := range record.Postings {
			posting := wire.LedgerPosting{Account: string(p.Place.Account.Kind), Owner: p.Place.Account.Owner, Currency: string(p.Place.Currency), Debit: p.Amount}
			if p.Amount < 0 {
				posting.Debit, posting.Credit = 0, -p.Amount
			}
			entry.Postings = append(entry.Postings, posting)
		}
		entries = append(entries, entry)
	}
	return entries
}

func (w *world) balance(owner, kind string) int64 {
	w.Helper()
	var n int64
	w.must(w.pool.NewRaw("SELECT coalesce(sum(credits - debits), 0) FROM ledger.accounts WHERE owner = ? AND kind = ?", owner, kind).Scan(w.Context(), &n))
	return n
}

func TestAPreviewIsThePostingsMadeAfterConfirming(t *testing.T) {
	w := open(t)
	rapid.Check(t, func(r *rapid.T) {
		amount := rapid.Int64Range(1000, 90000).Draw(r, "amount")
		charge := []string{fmt.Sprint("amount=", amount), "currency=hkd", "source=" + rapid.SampledFrom([]string{"tok_visa", "tok_bypassPending"}).Draw(r, "card")}
		account := ""
		switch rapid.IntRange(0, 4).Draw(r, "form") {
		case 1:
			charge = append(charge, "transfer_data[destination]="+may, fmt.Sprint("application_fee_amount=", rapid.Int64Range(1, amount).Draw(r, "fee")))
		case 2:
			charge = append(charge, "transfer_data[destination]="+may, fmt.Sprint("transfer_data[amount]=", rapid.Int64Range(1, amount).Draw(r, "part")))
		case 3:
			charge = append(charge, "splits[0][destination]="+may, "splits[0][percent]=33.3", "splits[1][destination]="+lee, "splits[1][percent]=50")
		case 4:
			account = "Stripe-Account: " + may
			charge = append(charge, account, fmt.Sprint("application_fee_amount=", rapid.Int64Range(1, amount/2).Draw(r, "fee")))
		}
		made := w.want(200, "/v1/charges", charge...)
		if rapid.Bool().Draw(r, "on hold") {
			var legs []string
			w.must(w.pool.NewRaw("SELECT id FROM connect.transfers WHERE source_transaction = ? AND amount > application_fee_amount", made.field("id")).Scan(t.Context(), &legs))
			for _, leg := range legs {
				w.must(w.change(&connect.Transfer{ID: leg}, held(time.Time{})))
			}
		}
		for range rapid.IntRange(1, 3).Draw(r, "refunds") {
			refund := []string{"charge=" + made.field("id"), fmt.Sprint("amount=", rapid.Int64Range(1, amount).Draw(r, "refund")),
				fmt.Sprint("reverse_transfer=", rapid.Bool().Draw(r, "reverse")), fmt.Sprint("refund_application_fee=", rapid.Bool().Draw(r, "fee back"))}
			if account != "" {
				refund = append(refund, account)
			}
			var last int64
			w.must(w.pool.NewRaw("SELECT max(id) FROM ledger.entries").Scan(t.Context(), &last))
			p, previewed := w.preview(refund...)
			done := w.call("/v1/refunds", refund...)
			if previewed.status != done.status || previewed.status != 200 && previewed.field("error.message") != done.field("error.message") {
				t.Fatalf("%v: preview %s, refund %s", refund, previewed, done)
			}
			if done.status != 200 {
				continue
			}
			want := w.posted(last)
			if account != "" { // the account sees its own
				for i := range want {
					var own []wire.LedgerPosting
					for _, posting := range want[i].Postings {
						if posting.Owner == may {
							own = append(own, posting)
						}
					}
					want[i].Postings = own
				}
			}
			if diff := cmp.Diff(want, p.Entries); diff != "" {
				t.Fatalf("%v (-posted +previewed):\n%s", refund, diff)
			}
			paid := int64(0)
			for _, party := range p.Parties {
				paid += party.Amount
				if a := w.balance(party.Account, "available"); a != party.AvailableAfter && strings.Contains(fmt.Sprint(want), "available") {
					t.Fatalf("%s has %d available, previewed %d", party.Account, a, party.AvailableAfter)
				}
			}
			if account == "" && paid != p.Amount {
				t.Fatalf("parties pay %d of %d", paid, p.Amount)
			}
		}
	})
	w.settled()
}

func TestAPreviewSaysWhoWouldOwe(t *testing.T) {
	w := open(t)
	charge := w.want(200, "/v1/charges", "amount=10000", "currency=hkd", "source=tok_bypassPending",
		"transfer_data[destination]="+may, "application_fee_amount=1000")
	w.want(200, "/v1/transfers/"+charge.field("transfer")+"/reversals", "amount=5000")
	p, _ := w.preview("charge="+charge.field("id"), "amount=10000", "reverse_transfer=true")
	var got []string
	for _, party := range p.Parties {
		got = append(got, fmt.Sprintf("%s pays %d, has %d, owes %v", party.Account, party.Amount, party.AvailableAfter, party.GoesNegative))
	}
	want := []string{"acct_hub pays 5000, has 425, owes false", "acct_may pays 5000, has -1000, owes true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.AmountRefundable != 10000 || p.AmountRefundableAfter != 0 || len(p.Reversals) != 1 || p.Reversals[0].Amount != 5000 || p.Reversals[0].AmountLeft != 0 {
		t.Errorf("%+v", p)
	}
}
