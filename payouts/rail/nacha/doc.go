// Package nacha writes the files that a bank in the United States takes to the
// ACH network, and reads what comes back: returns and notifications of change.
//
// A file holds one batch for people (PPD) and one for companies (CCD). Each
// entry carries the payout three times, because each place is read by somebody
// else:
//
//	trace number    the bank's own 8 digits and 7 of ours (Format.Trace): what a return names
//	individual id   the last 15 characters of the payout's id (ShortID): what a bank's report shows
//	addenda 05      the whole id: what the creditor's bank may show
//
// Trace numbers of a rail repeat after 99 files: a return is due within two
// bank days, or sixty calendar days where a consumer disputes a debit.
//
// What a bank sends back is read whole or not at all: a file with one fault in it
// is an error, and nothing of it is reported.
//
// The words of records and the rules about their fields come from moov-io/ach;
// entries are written out as they come, so that a file of 100,000 takes its own
// size of memory and no more. An error never shows a bank account: the library's
// errors quote the field at fault, so none of them leaves this package.
package nacha
