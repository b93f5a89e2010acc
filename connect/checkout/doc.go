// Package checkout is the hosted page where a buyer pays, and the receipt after it.
//
// A platform makes a Session by API and sends its buyer to the session's address.
// The page takes the card, the payment goes the way of every payment (package
// payment: one intent, confirmed), and the buyer goes on to success_url.
//
//	open ──▶ complete   its intent has the money, or has reserved it
//	  └────▶ expired    its time is over, or the platform said so
//
// What holds:
//
//   - One session, one intent, one payment. The intent is made when the buyer first
//     pays, under an idempotency key that only the session has, so that two clicks
//     make one; and an intent succeeds at most once.
//   - The buyer pays what the page shows: an intent whose amount was changed since
//     is not confirmed.
//   - A session ends once, under its row's lock, with its event. Whoever sees first
//     that the intent has ended tells so: the page, the bank's page on the way back,
//     or the Sweeper, when nobody came back.
//   - A session that expires has its intent canceled first; while an outcome is not
//     known it stays open, and the sweeper comes again.
//   - Card numbers pass through to payment.Tokens and are kept nowhere, not even on
//     the page that shows a mistake.
//
// Addresses carry the id and a keyed hash of it: who knows an id, from success_url
// or an event, cannot open the page or the receipt with it.
//
// Lock order: the session's row, and nothing after it. Intents are locked by package
// payment, in transactions of their own.
package checkout
