// Package telemetry sets up logs and metrics.
//
// A log line answers one question an operator may have, under shared keys
// (request, account, charge, payout, event, attempt). Things to be counted are
// metrics named sluice_<room>_<noun>_<unit>.
//
// Nobody logs a secret, a card number, an account number or statement text.
// Redaction here is the second net for the day somebody does: it looks at every
// message and value that leaves the process and blanks what looks like one.
package telemetry
