// Package requestlog keeps what was asked of the API, for the people who ask: which
// method, path and parameters, by which key, how it ended and how long it took.
//
// Nothing of it is on the request's way but taking note: Note puts references into a
// bounded queue, in well under a microsecond. Run redacts and writes what waits there,
// 500 rows a statement, at least three times a second, so that a request can be looked
// at before its sender has turned to the dashboard. When the database is slow or away
// and the queue is full, what matters least goes first: successful reads, then
// successful writes, then errors, the oldest first; each is counted.
//
// Redaction is by what is known to be harmless, not by what is known to be secret (see
// redact.go): a value is shown only under a parameter name on the list, and only if it
// looks like what belongs there: an id, a number, a word of the API. Free text, names,
// addresses, dates of birth, card and bank numbers are never shown. What an error
// message quotes of a hidden value is hidden there too. Paths show their template's
// words and ids.
//
// Days are partitions of platform.request_logs; Maintain makes them ahead and drops
// those past retention. There is one row a request and no index but the key and one
// for errors.
package requestlog
