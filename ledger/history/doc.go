// Package history answers questions about the past of the ledger: what an account had
// at an instant, and its statement line by line with the balance after each.
//
// Postings of one account are committed in order of their numbers, since the row lock
// of the account is held while a batch draws its number. So the totals after a posting
// never change any more, and Note may write them down: every stride postings a
// checkpoint. What is asked later costs one checkpoint and fewer than two strides of
// postings, however long the history is.
//
// As of an instant counts what occurred until then, entry by entry, so that sides
// still agree over all accounts. Entries are booked within late of their time.
package history
