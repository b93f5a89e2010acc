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
// A rail takes payouts one by one (rail.Direct), or many in a file (rail.Filed).
// Files are batches: items gather in an open one, and one transaction seals it.
// See BatchStatus for its states.
//
// A payout that is sealed (HandedOverAt set) is never canceled and never told
// to the bank a second time unless the bank, asked first, has not heard of it;
// its id is the end-to-end reference, and a retry after failure is a new payout.
// A payout with a negative amount is a debit: money on its way from the bank
// account. What a reversal takes back is pending until the bank can no longer refuse.
//
// What a crash leaves behind, and who goes on:
//
//   - after creation: a pending payout; Send hands it over.
//   - after sealing, after submitting: a sealed pending payout; Send asks the bank.
//   - after the bank accepted or paid: the row lags behind; Send or Settle asks again.
//   - after items were gathered: an open batch; Send drops it and begins anew.
//   - after a batch was sealed: its file; Send brings it.
//   - after an upload was begun: an attempt without outcome; Send asks the place,
//     and where it does not know, a file of the bank or two people do.
//   - after a file arrived: payouts that lag behind; Send moves them on.
//   - after a bank's file was kept: it is offered again, and applying it again
//     changes nothing.
//   - after a due was noted: the due; RunDue pays it, once per day.
//
// Lock order: due or payout rows in order of id, then the accounts' rows in
// connect, then the ledger accounts of the purses (balance.Lock), then those an
// entry adds. A batch's row is locked by itself, in transactions of its own.
package payouts
