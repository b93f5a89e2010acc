// Package payment takes money: intents, charges, captures, refunds, and the
// instruments they use.
//
// A payment is three named steps:
//
//	begin      one commit: the key is claimed, the charge stands as pending
//	authorize  no transaction: the processor is asked, idempotent by our charge id
//	settle     one commit: split, ledger, transfers, fees, events and the saved answer
//
// begin and settle go through a db.Committer: many payments share a commit.
// A crash after begin leaves a pending charge, a crash after authorize one whose
// money the processor has; the Sweeper finds both, asks the processor by the
// same reference and settles what it hears. It never guesses: an unknown
// outcome stays pending.
//
// Lock order: intent, charge, transfers, application fees, then the ledger's
// accounts. Captures and refunds follow the same three steps.
package payment
