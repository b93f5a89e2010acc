package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
)

// chargeTypes are the types of the events: endpoints share them out.
var chargeTypes = []string{
	"charge.succeeded", "charge.updated", "charge.captured", "charge.refunded",
	"charge.failed", "charge.pending", "charge.expired", "charge.refund.updated",
}

// deadType is what dead endpoints want, and no other does.
const deadType = "charge.dispute.created"

const (
	writers        = 8    // transactions under way at a time
	ofOnePayment   = 4    // events of a transaction when payments come one by one
	ofManyPayments = 40   // and when they queue and commit together, as a burst does
	backlog        = 2000 // deliveries that a burst keeps waiting: enough to never run dry
)

// shares says which endpoints want the events of each type, so that fanout of them do.
func shares(endpoints, fanout int) map[string][]int {
	wanted := make(map[string][]int, endpoints)
	for i, typ := range chargeTypes[:endpoints] {
		for n := range fanout {
			wanted[typ] = append(wanted[typ], (i+n)%endpoints)
		}
	}
	return wanted
}

// feed appends events to the log, as charges would.
type feed struct {
	pool     *bun.DB
	platform string
	accounts []string
	wanted   map[string][]int // endpoints, by type
	score    *score
	turn     atomic.Int64
}

// steady appends at a rate for a while and waits until everything has arrived.
func (f *feed) steady(ctx context.Context, rate int, duration time.Duration) (HookResult, error) {
	began, cpu := time.Now(), ownCPU()
	f.score.begin()
	turns := make(chan struct{}) // a transaction is due
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(turns)
		for n := 0; ; n++ {
			due := began.Add(time.Duration(n*ofOnePayment) * time.Second / time.Duration(rate))
			if due.Sub(began) >= duration || !sleep(ctx, time.Until(due)) {
				return ctx.Err()
			}
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	for range writers {
		group.Go(func() error {
			for range turns {
				if err := f.append(ctx, ofOnePayment); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return f.finish(group, began, cpu)
}

// burst appends as fast as deliveries follow.
func (f *feed) burst(ctx context.Context, duration time.Duration) (HookResult, error) {
	began, cpu := time.Now(), ownCPU()
	f.score.begin()
	group, ctx := errgroup.WithContext(ctx)
	for range writers {
		group.Go(func() error {
			for time.Since(began) < duration {
				if f.score.waiting() >= backlog {
					if !sleep(ctx, time.Millisecond) {
						return ctx.Err()
					}
					continue
				}
				if err := f.append(ctx, ofManyPayments); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return f.finish(group, began, cpu)
}

// finish waits for the writers, then for what they have written, and counts.
// Per second counts what came while they wrote.
func (f *feed) finish(group *errgroup.Group, began time.Time, cpu time.Duration) (HookResult, error) {
	if err := group.Wait(); err != nil {
		return HookResult{}, err
	}
	wrote := time.Since(began)
	r := HookResult{CPUSeconds: (ownCPU() - cpu).Seconds(), PerSecond: int(float64(f.score.arrivals()) / wrote.Seconds())}
	f.score.settle()
	var took []time.Duration
	r.Events, took, r.Lost, r.Twice, r.Forged = f.score.end()
	slices.Sort(took)
	r.EventsPerSec, r.Deliveries = int(float64(r.Events)/wrote.Seconds()), len(took)
	r.P50Millis, r.P95Millis, r.P99Millis, r.MaxMillis = percentile(took, 50), percentile(took, 95), percentile(took, 99), percentile(took, 100)
	return r, nil
}

// append commits one transaction of n events.
func (f *feed) append(ctx context.Context, n int) error {
	events := make([]event.Event, n)
	for i := range events {
		turn := int(f.turn.Add(1))
		// The events of a payment are of one account; types go round.
		account := f.accounts[(turn/ofOnePayment)%len(f.accounts)]
		events[i] = f.charge(account, chargeTypes[turn%len(f.wanted)])
		f.score.expect(events[i].ID, f.wanted[events[i].Type])
	}
	err := f.commit(ctx, events)
	at := time.Now()
	for _, e := range events {
		f.score.committed(e.ID, at)
	}
	return err
}

func (f *feed) commit(ctx context.Context, events []event.Event) error {
	return db.InTx(ctx, f.pool, func(ctx context.Context, tx bun.Tx) error { return event.Log{}.Append(ctx, tx, events...) })
}

// haunt gives the dead something to hear: a backlog at once, and an event for a
// tenth of the accounts every second until rest.
func (f *feed) haunt(ctx context.Context) (rest func(), err error) {
	first := make([]event.Event, 0, 3*len(f.accounts))
	for range 3 {
		for _, account := range f.accounts {
			first = append(first, f.charge(account, deadType))
		}
	}
	if err := f.commit(ctx, first); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for n := 0; sleep(ctx, time.Second); n++ {
			var events []event.Event
			for i := n % 10; i < len(f.accounts); i += 10 {
				events = append(events, f.charge(f.accounts[i], deadType))
			}
			_ = f.commit(ctx, events) // what the dead do not hear of, nobody misses
		}
	})
	return func() {
		cancel()
		done.Wait()
	}, nil
}

// charge is an event of a fresh charge, of the size that charges have.
func (f *feed) charge(account, typ string) event.Event {
	charge := id.New("ch")
	return event.Event{
		ID: id.New("evt"), Type: typ, Account: account, Platform: f.platform, ObjectID: charge, ObjectVersion: 1,
		Object: json.RawMessage(strings.ReplaceAll(chargeJSON, "ch_id", charge)), CreatedAt: time.Now().UTC(),
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// chargeJSON is a charge as the API shows it.
var chargeJSON = compact(`{
	"id": "ch_id", "object": "charge", "amount": 60000, "amount_captured": 60000, "amount_refunded": 0, "application": null,
	"application_fee": "fee_0R3kXbVqzmT41oQhWfYd2c", "application_fee_amount": 9000, "balance_transaction": "txn_0R3kXbVr1mT41oQhWfYd2c",
	"billing_details": {"address": {"city": null, "country": "HK", "line1": null, "line2": null, "postal_code": null, "state": null},
		"email": null, "name": "Chan Tai Man", "phone": null, "tax_id": null},
	"calculated_statement_descriptor": "TUTORHUB HK", "captured": true, "created": 1795348800, "currency": "hkd", "customer": null,
	"description": "Mathematics, form 4, two lessons", "destination": "acct_0R3kXbVq0mT41oQhWfYd2c", "dispute": null, "disputed": false,
	"failure_balance_transaction": null, "failure_code": null, "failure_message": null, "fraud_details": {}, "livemode": false,
	"metadata": {"lesson": "2841", "term": "autumn"}, "on_behalf_of": null,
	"outcome": {"advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "approved_by_network",
		"reason": null, "risk_level": "normal", "seller_message": "Payment complete.", "type": "authorized"},
	"paid": true, "payment_intent": "pi_0R3kXbVp0mT41oQhWfYd2c", "payment_method": "pm_0R3kXbVo0mT41oQhWfYd2c",
	"payment_method_details": {"card": {"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": "q9XJxw3Yw0Zq1nTt",
		"funding": "credit", "last4": "4242", "network": "visa", "three_d_secure": null, "wallet": null}, "type": "card"},
	"receipt_email": null, "receipt_number": null, "receipt_url": null, "refunded": false, "review": null, "shipping": null, "source": null,
	"source_transfer": null, "statement_descriptor": null, "status": "succeeded", "transfer": "tr_0R3kXbVs0mT41oQhWfYd2c",
	"transfer_data": {"amount": null, "destination": "acct_0R3kXbVq0mT41oQhWfYd2c"}, "transfer_group": null
}`)

func compact(text string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		panic(fmt.Sprintf("bench: %v", err)) // the text above is wrong
	}
	out, _ := json.Marshal(fields) // just decoded
	return string(out)
}
