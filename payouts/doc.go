// Package payouts sends money from balances to bank accounts.
//
// A payout's money leaves the available balance when it is created, together
// with the statement lines it consists of: from then on it lists exactly those,
// and their sum is its amount (balance.Attach; the database refuses anything
// else). The bank hears of it later and outside any transaction.
//
//	          cancel                    bank refuses
//	pending ──────────► canceled   ┌──────────────────► failed
//	   │ sealed: the bank may have it          ▲           ▲
//	   └──────────► in_transit ────────────────┘           │
//	                     └──────────► paid ────────────────┘ came back
//
// A payout that is sealed (HandedOverAt set) is never canceled and never told
// to the bank a second time unless the bank, asked first, has not heard of it;
// its id is the end-to-end reference, and a retry after failure is a new payout.
//
// What a crash leaves behind, and who goes on:
//
//   - after creation: a pending payout; Send hands it over.
//   - after sealing, after submitting: a sealed pending payout; Send asks the bank.
//   - after the bank accepted or paid: the row lags behind; Send or Settle asks again.
//   - after a due was noted: the due; RunDue pays it, once per day.
//
// Lock order: due or payout row, then the account's row in connect, then the
// ledger accounts of the purse (balance.Lock), then those an entry adds.
package payouts
