// Package webhook posts events to the URLs that accounts have registered.
//
// The Subscriber takes batches of events from the bus and writes one Delivery per
// matching Endpoint, in the transaction that marks the events as taken. What the
// Dispatcher of this process has places for is born leased to it and sent after
// the commit, without asking the table; the rest is found by the lease. Each try
// is an Attempt.
//
// A delivery is pending until it is delivered (the endpoint answered 2xx), failed
// (the retry schedule of more than three days is used up) or undelivered (the
// endpoint was disabled or deleted: kept for a replay, never lost). After Retention
// what is no longer pending is deleted.
//
// # What holds
//
// At least once; in order per object where the delivery is ordered (it waits while
// an earlier one of its endpoint and object is pending); the same webhook-id on
// every try; the signatures of Stripe, Standard Webhooks and RFC 9421 on every
// request, under each live secret (signature.go). Where requests may go is decided
// in platform/egress.
//
// A platform hears of a connected account only while it is connected to it. That
// is asked when a delivery is written and again before every try: retries go on
// for days. The event that tells of the end itself goes out. What was kept back is
// undelivered.
//
// A crash between lease and answer leaves the delivery pending with its next
// attempt at the end of the lease: it is sent again then. The attempt number is
// the fence: an answer that comes after its lease was taken over is logged as an
// attempt but does not change the delivery.
//
// Deliveries run on real time, not on the sandbox's world clock: receivers compare
// the signed timestamp with their own clock.
//
// # How endpoints do
//
// An endpoint is on probation, with one place, until it has answered well in this
// process and again while it does not; all on probation share half of the room,
// those known to fail a quarter. What is done for those on probation shares no query,
// no queue and no transaction with what is done for the proven, and comes in small
// portions: looks at the table for 16 of them every 50 ms, outcomes and what is given
// back 32 to a transaction. For while a transaction writes, the relay publishes nothing
// that was committed behind it: any long one is everybody's. Nothing waits in memory for
// an endpoint on probation; a batch of events claims places for at most 16, the rest
// of its deliveries wait in the table. What is still shared is the transaction in which
// a batch of events becomes deliveries: an event for a hundred dead endpoints writes a
// hundred rows there. Ten failures in a row open its breaker
// (webhook_health, one for all processes): nothing is sent and no attempt used up
// for 30 s, growing to 15 minutes; then one probe over all processes. 429, 502, 503
// and 504 also let it rest. rate_limit and max_concurrency hold over all processes:
// who leases from a limited endpoint holds the lock of its health row. 410 disables
// at once, five days of nothing but failures after two warnings (Judge).
//
// # Sent again
//
// Whatever came of a delivery, it can be made pending again: by itself (Resend,
// Retry), with all that its endpoint missed when that is enabled, or by a Replay.
// Its schedule begins anew, it waits for earlier ones of its object, and its
// attempts go on counting. A Replay is done in steps by one process at a time; how
// far it is commits with what it did.
//
// # Listeners
//
// A listener is a developer's device that pulls its deliveries through a WebSocket
// instead of having them posted: `sluice listen`, or Stripe's own CLI. It is two
// endpoints, of the account's own and of connected accounts' events, under one
// secret, always ordered; forgotten after a week of silence. One connection (Pull)
// serves a device at a time; the newest one takes over at once, in whatever
// process: listened_at is its fence. A delivery is done when the device says so,
// whatever the application behind it answered, and only then the next of its object
// goes out. What a connection has in its hands when it ends is given back at once;
// after a crash it waits for the next connection of the device, not for the lease.
//
// # Lock order
//
// Endpoint, replay, payload, deliveries, health. A lease holds health before
// deliveries, which it never waits for (SKIP LOCKED). Who makes something pending
// has locked the endpoint: nothing becomes due while it is being disabled.
package webhook
