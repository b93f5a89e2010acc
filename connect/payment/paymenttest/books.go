// Package paymenttest checks, for tests, that payments tell one story wherever
// they are told: our rows, the ledger, the event log and the sandbox processor's books.
package paymenttest

import (
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/audit"
)

// rule is a query that returns a line for every place where it does not hold.
type rule struct{ says, query string }

// always are the rules that hold at any commit, whatever is under way.
var always = []rule{
	{"the trial balance is zero", `
		SELECT currency || ' of livemode ' || livemode || ' sums to ' || sum(credits - debits)
		  FROM ledger.accounts GROUP BY livemode, currency HAVING sum(credits - debits) <> 0`},
	{"every captured charge is booked once, and nothing else is", `
		SELECT coalesce(c.id, e.source) || ' captured ' || coalesce(c.captured::text, 'never') || ', booked ' || count(e.id)
		  FROM connect.charges c FULL JOIN ledger.entries e ON e.kind = 'charge_succeeded' AND e.source = c.id
		 WHERE e.id IS NULL OR e.kind = 'charge_succeeded'
		 GROUP BY c.id, e.source, c.captured HAVING count(e.id) <> CASE WHEN c.captured THEN 1 ELSE 0 END`},
	{"every booked refund is booked once, and nothing else is", `
		SELECT coalesce(r.id, e.source) || ' booked ' || coalesce(r.booked::text, 'never') || ' and ' || count(e.id) || ' entries'
		  FROM connect.refunds r FULL JOIN ledger.entries e ON e.kind = 'refunded' AND e.source = r.id
		 WHERE e.id IS NULL OR e.kind = 'refunded'
		 GROUP BY r.id, e.source, r.booked HAVING count(e.id) <> CASE WHEN r.booked THEN 1 ELSE 0 END`},
	{"a charge's refunds are what it says", `
		SELECT c.id || ' refunded ' || c.amount_refunded || ' refunding ' || c.amount_refunding || ', its refunds say '
		       || coalesce(sum(r.amount) FILTER (WHERE r.booked AND r.status <> 'failed'), 0) || ' and '
		       || coalesce(sum(r.amount) FILTER (WHERE NOT r.booked AND r.status = 'pending'), 0)
		  FROM connect.charges c LEFT JOIN connect.refunds r ON r.charge = c.id GROUP BY c.id
		HAVING c.amount_refunded <> coalesce(sum(r.amount) FILTER (WHERE r.booked AND r.status <> 'failed'), 0)
		    OR c.amount_refunding <> coalesce(sum(r.amount) FILTER (WHERE NOT r.booked AND r.status = 'pending'), 0)`},
	{"versions of an object are 1 to n", `
		SELECT object_id || ' has ' || count(*) || ' events up to version ' || max(object_version)
		  FROM platform.events GROUP BY object_id HAVING count(*) <> max(object_version) OR min(object_version) <> 1`},
	{"every committed change has exactly one event", `
		SELECT o.id || ' is at version ' || o.version || ', its events at ' || coalesce(e.last, 0)
		  FROM (SELECT id, version FROM connect.charges UNION ALL SELECT id, version FROM connect.payment_intents
		        UNION ALL SELECT id, version FROM connect.refunds UNION ALL SELECT id, version FROM connect.transfers
		        UNION ALL SELECT id, version FROM connect.application_fees) o
		  LEFT JOIN (SELECT object_id, max(object_version) AS last FROM platform.events GROUP BY object_id) e ON e.object_id = o.id
		 WHERE o.version <> coalesce(e.last, 0)`},
	{"an end is told once", `
		SELECT object_id || ' ' || type || ' × ' || count(*) FROM platform.events
		 WHERE type IN ('charge.succeeded', 'charge.failed', 'charge.captured', 'refund.created', 'payment_intent.succeeded', 'payment_intent.created')
		 GROUP BY object_id, type HAVING count(*) > 1`},
	{"an ended charge has told its end", `
		SELECT c.id || ' is ' || c.status FROM connect.charges c WHERE c.status IN ('succeeded', 'failed')
		   AND NOT EXISTS (SELECT FROM platform.events e WHERE e.object_id = c.id AND e.type = 'charge.' || c.status)`},
	{"an intent is paid by one charge", `
		SELECT payment_intent || ' has ' || count(*) || ' successful charges' FROM connect.charges
		 WHERE payment_intent <> '' AND status = 'succeeded' GROUP BY payment_intent HAVING count(*) > 1`},
	{"an intent and its charge agree", `
		SELECT i.id || ' is ' || i.status || ', ' || c.id || ' is ' || c.status FROM connect.payment_intents i
		  JOIN connect.charges c ON c.id = i.latest_charge
		 WHERE (i.status = 'succeeded') <> (c.status = 'succeeded' AND c.captured)
		    OR (i.status = 'requires_capture') <> (c.status = 'succeeded' AND NOT c.captured AND NOT c.canceled)
		    OR i.status = 'processing' AND c.status <> 'pending' OR c.status = 'pending' AND i.status <> 'processing'`},
}

// settled are the rules that hold once nothing is under way.
var settled = []rule{
	{"no charge, capture or refund is open", `
		SELECT id || ' is pending' FROM connect.charges WHERE status = 'pending'
		UNION ALL SELECT kind || ' of ' || charge || ' is pending' FROM connect.captures WHERE status = 'pending'
		UNION ALL SELECT id || ' is pending' FROM connect.refunds WHERE NOT booked AND status = 'pending'`},
	{"no key waits for an answer", `
		SELECT object || ' of ' || request_id FROM platform.idempotency_keys WHERE status IS NULL`},
	{"the processor took and kept what our charges say", `
		SELECT coalesce(c.id, p.reference) || ' here ' || coalesce(c.status || ' ' || c.amount_captured || '-' || c.amount_refunded || ' fee ' || c.processing_fee, 'unknown')
		       || ', there ' || coalesce(p.status || ' ' || p.captured || '-' || p.refunded || ' fee ' || p.fee, 'unknown')
		  FROM connect.charges c FULL JOIN cardsim.payments p ON p.reference = c.id
		 WHERE coalesce(c.livemode, false) = false AND (c.id IS NULL
		    OR coalesce(p.captured, 0) <> c.amount_captured OR coalesce(p.refunded, 0) <> c.amount_refunded OR coalesce(p.fee, 0) <> c.processing_fee
		    OR c.amount_captured > 0 AND p.currency <> c.currency
		    OR (c.status = 'succeeded' AND NOT c.canceled) <> coalesce(p.status = 'succeeded', false)
		    OR c.status = 'succeeded' AND c.canceled AND p.status <> 'voided')`},
	{"the processor gave back what our refunds say", `
		SELECT coalesce(r.id, p.reference) || ' here ' || coalesce(r.status || ' ' || r.amount, 'unknown') || ', there ' || coalesce(p.status || ' ' || p.amount, 'unknown')
		  FROM connect.refunds r FULL JOIN cardsim.refunds p ON p.reference = r.id
		 WHERE r.id IS NULL OR coalesce(p.status IN ('succeeded', 'pending'), false) <> (r.status IN ('succeeded', 'pending'))
		    OR p.amount <> r.amount OR p.payment <> r.charge`},
	{"the ledger's claim on the processor is what the processor keeps for us", `
		SELECT t.currency || ' ledger ' || t.owed || ', processor ' || coalesce(p.kept, 0)
		  FROM (SELECT currency, sum(debits - credits) AS owed FROM ledger.accounts
		         WHERE NOT livemode AND kind IN ('processor_clearing', 'processor_fees') GROUP BY currency) t
		  LEFT JOIN (SELECT currency, sum(captured - refunded - fee) AS kept FROM cardsim.payments GROUP BY currency) p ON p.currency = t.currency
		 WHERE t.owed <> coalesce(p.kept, 0)`},
}

// Sound fails the test unless the books are in order at this moment, whatever is under way.
func Sound(t testing.TB, pool *bun.DB) {
	t.Helper()
	hold(t, pool, always)
	report, err := audit.Verify(t.Context(), pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range report.Findings {
		t.Errorf("ledger verify: %s", finding)
	}
}

// Settled is Sound where nothing may be under way: all four tell the same story.
func Settled(t testing.TB, pool *bun.DB) {
	t.Helper()
	Sound(t, pool)
	hold(t, pool, settled)
}

func hold(t testing.TB, pool *bun.DB, rules []rule) {
	t.Helper()
	for _, r := range rules {
		var broken []string
		if err := pool.NewRaw(r.query+" LIMIT 10").Scan(t.Context(), &broken); err != nil {
			t.Fatalf("%s: %v", r.says, err)
		}
		for _, place := range broken {
			t.Errorf("broken: %s: %s", r.says, place)
		}
	}
}
