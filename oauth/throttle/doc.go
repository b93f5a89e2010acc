// Package throttle slows down guessing. It counts failures per subject (an
// address, an IP, a client) in PostgreSQL, so that all nodes count together, and
// makes the next attempt wait: not at all for the first few, then twice as long
// after each failure, up to a limit.
//
// A caller who checks and counts in two calls is raced: a hundred guesses sent at
// once all see an open door. Take does both in one statement under the row's
// lock: it counts the attempt as a failure before it is made. Who succeeds calls
// Forgive (the subject proved itself) or Return (only this attempt is taken back,
// as for an IP address that others share).
//
// At rest a subject is a keyed hash under a pepper: the table tells nobody who
// tried to sign in. Rows are forgotten a while after the last failure (Sweep).
package throttle
