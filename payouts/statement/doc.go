// Package statement reads what banks say of their customers' accounts: ISO 20022
// camt.052, 053 and 054, SWIFT MT940 and MT942, BAI2, and CSV by a profile that
// says which column is what. All of them become the same Statement and Lines.
//
// Every reader streams: however long a file is, the memory it takes is that of
// one entry. What a Sink was given counts only once Read returns without an
// error: the file says at its end whether it was whole.
//
// A reader refuses what it cannot vouch for. Amounts are read digit by digit into
// minor units and never pass through a float; a statement whose opening balance
// and entries do not come to its closing balance is an error, and so is a file
// that holds no statement at all, or is something else than it is called. Where a
// format has no balances, Statement.Checked says so. Errors tell where and what,
// and never show what stands in the file: it is people's payments.
package statement
