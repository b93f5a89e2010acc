// Package ledger is the truth about money: append-only, balanced, chained.
//
// Contract. Book.Post books many entries in one transaction: it locks the
// accounts, decides entry by entry in the order given, and writes what it
// accepted with one statement. An entry that breaks a floor is refused by
// itself and leaves no trace; anything else that is wrong (an unbalanced
// entry, an event booked twice, a database failure) is an error of the whole
// call, and the caller rolls back.
//
// Lock order. Business object row first, then ledger accounts by number, all
// of a transaction's accounts at once: call Post once per transaction, or Lock
// everything first. Accounts that do not exist yet are created before the
// first lock, in the order of their names. Two batches therefore never wait
// for each other in a circle. One case breaks the order knowingly: money whose
// day matured (the sandbox clock jumped) between the caller's look at the
// clock and the lock needs the Available account late; PostgreSQL resolves the
// rare circle and db.InTx repeats the transaction.
//
// Invariants. Those with a star are enforced by the database itself.
//
//  1. * The postings of an entry sum to zero per currency.
//  2. * Entries, postings and statement lines are never updated or deleted,
//     apart from the payout a line names.
//  3. An account's debits, credits and version are the sums and the number of
//     its postings; * they never shrink.
//  4. * One event (kind, source) is booked at most once.
//  5. An account posted to with NoOverdraft does not owe afterwards.
//  6. Pending + available of an owner = sum of the nets of its lines.
//  7. Available = sum of the nets of its available lines that are in no payout;
//     held = what its reserve_hold lines took less what reserve_release gave back.
//  8. * The lines of a payout, its own line among them, sum to zero; no line is
//     in two. A payout names its lines, or spans a stretch of its purse.
//  9. Every batch has a digest over all it wrote; the digests are chained.
//
// The audit package proves all of them from the rows alone.
package ledger
