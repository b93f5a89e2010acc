// Package cli is the command line's view of a running Sluice: client commands
// of the public API, ledger checks on the database, and the habits all commands
// share (exit codes, tables, one-sentence errors).
//
// Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failure,
// 2 usage, 3 not found, 4 authentication, 5 conflict or declined, 6 server
// unreachable, 7 verification failed.
package cli
