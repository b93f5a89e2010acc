// Package reconcile keeps what banks say line by line, and moves payouts by it.
//
//	receive ──► kept ──► stage ──► imported ──► apply ──► done
//	                        └────► quarantined ──► Retry
//
// A file is kept, encrypted, before anybody reads it. Then it is read by streaming
// into rows that nobody sees yet; one short transaction makes all of them count. A
// file that cannot be vouched for is quarantined whole, with a reason that shows
// nothing of its content, and can be read again once the cause is mended.
//
// The same content counts once. Of a file that overlaps an earlier one only what is
// new counts: lines that nothing tells apart are counted, so that of two equal
// payments in both files two survive. Statements that follow one another by their
// balances do not overlap, whatever their lines look like.
//
// What is left after a crash:
//
//   - receiving: an upload that never ended; Sweep forgets it after a day.
//   - kept: Sweep reads it, from the beginning.
//   - imported and not done: Sweep goes on where payouts have heard of it; hearing of
//     a line twice changes nothing.
//
// Lock order: the file's advisory lock (session), then in the transaction that makes
// a file count that of the platform's mode, then rows. Payouts are locked by Applier
// in transactions of its own, with no other lock held.
package reconcile
