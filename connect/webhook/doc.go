// Package webhook posts events to the URLs that accounts have registered.
//
// The Subscriber takes events from the bus and writes one Delivery per matching
// Endpoint, in the transaction that marks the event as taken. The Dispatcher
// leases due deliveries and hands them to the Sender; each try is an Attempt.
//
// A delivery is pending until it is delivered (the endpoint answered 2xx),
// failed (the retry schedule of more than three days is used up) or undelivered
// (the endpoint was disabled or deleted: kept for a replay, never lost).
//
// Guarantees: at least once, in no promised order; the same webhook-id on every
// try; the signatures of Stripe, Standard Webhooks and RFC 9421 on every request, under
// each live secret (signature.go). Where requests may go is decided in platform/egress.
//
// A platform hears of a connected account only while it is connected to it. That is
// asked when a delivery is written and again before every try: retries go on for
// days. The event that tells of the end itself goes out. What was kept back is undelivered.
//
// A crash between lease and answer leaves the delivery pending with its next
// attempt at the end of the lease: it is sent again then. The attempt number is
// the fence: an answer that comes after its lease was taken over is logged as an
// attempt but does not change the delivery.
//
// Whatever came of a delivery, it can be made pending again: by itself (Resend, Retry),
// with all that its endpoint missed, or by a Replay. Its schedule begins anew, it waits
// for earlier ones of its object, and its attempts go on counting. A Replay is done in
// steps by one process at a time; how far it is commits with what it did. After
// Retention what is no longer pending is deleted.
//
// Lock order: endpoint, replay, payload, deliveries. Who makes something pending has
// locked the endpoint: nothing becomes due while it is being disabled.
//
// Deliveries run on real time, not on the sandbox's world clock: receivers
// compare the signed timestamp with their own clock.
package webhook
