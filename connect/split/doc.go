// Package split decides who gets which part of a charge, and who gives how much
// back when the charge is refunded. It is pure: numbers in, numbers out.
//
// Terms is what the payment call asked for, in one of four forms:
//
//	application_fee_amount on a direct charge        fee to the platform, the rest to the charge's account
//	transfer_data[destination] + application_fee_amount   all to the destination, less the fee
//	transfer_data[destination] (+ transfer_data[amount])  that amount (or all) to the destination
//	splits[]                                         several receivers (our extension)
//
// A split leg is a fixed amount, a percentage of the charge, or the remainder
// (at most one). Compute turns Terms into a Plan of exact legs; Unwind turns a
// Plan and a refund into what each leg and the fee return.
//
// Invariants, each a property test: the legs and what remains sum to the
// charge; Compute's verdict does not depend on the processing fee, so terms
// accepted before a charge is authorized never fail after it; refunds that
// reach the whole charge return every leg and fee exactly, in any sequence;
// nothing ever returns more than it got.
package split
