// Package cardsim is the sandbox processor: a card network in a box, with
// durable books of its own in the PostgreSQL schema cardsim.
//
// It is an outside world. Nothing there refers to our tables, it commits in
// transactions of its own, and the only way in is the processor port (and
// CompleteAction, the payer's side of an authentication). So everything that can go
// wrong between us and a real processor can go wrong here, on demand:
//
//	handle                                  the first request                      Lookup says
//	pm_card_timeoutBeforeCommit             is lost: Unknown                       absent; a second request succeeds
//	pm_card_serverError                     ends in a 5xx: Unknown                 absent; a second request succeeds
//	pm_card_timeoutAfterCommit              is booked, the answer lost: Unknown    succeeded
//	pm_card_unknownThenSucceeds             Unknown                                processing, after Delay succeeded
//	pm_card_unknownThenFails                Unknown                                processing, after Delay failed
//	pm_card_processing                      Processing                             processing, after Delay succeeded
//	pm_card_processingThenFails             Processing                             processing, after Delay failed
//	pm_card_captureTimeoutAfterCommit       succeeds; the capture is Unknown       succeeded, captured
//	pm_card_refundTimeoutAfterCommit        succeeds; the refund is RefundUnknown  refund succeeded
//	pm_card_pendingRefund                   succeeds; the refund is pending        refund succeeded after Delay
//	pm_card_refundFail                      succeeds; so does the refund           refund failed after Delay
//
// The other cards are those of Stripe's testing page (cards_table.go). What a
// card does depends on the card, the request and the clock alone, so a run can
// be repeated. Card numbers enter through ByNumber and are never stored: the
// books hold handles.
//
// The pool given to New may use synchronous_commit=off (in the database URL):
// after a power failure the sandbox may then have forgotten its last payments,
// which our own books would show as Absent.
package cardsim
