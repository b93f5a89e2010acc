// Package connect is the marketplace: platform accounts and the connected
// accounts they route money to, the persons behind them, what those may do
// (capabilities), what they still owe (requirements), who has looked at them
// (verification, reviews) and where they are paid (external accounts).
//
// Whether an account may charge or be paid out is never stored: Derive computes
// it from the facts that are, the rules in force (requirements/*.txt) and the
// time. Every change locks the account's row first, then its capabilities,
// external accounts, persons, checks and reviews, so that event versions have no
// gaps.
//
//	capability  unrequested ──requested──▶ inactive ◀─────────────┐
//	                                          │ all that is past   │ a deadline passes, a verifier or
//	                                          │ due was given      │ a reviewer says no, rejected
//	                                          ▼                    │
//	                                       pending ────────────────┤
//	                                          │ verified, approved │
//	                                          ▼                    │
//	                                       active ─────────────────┘
//
//	requirement future ──in force──▶ eventually due ──30 days before──▶ currently due ──deadline──▶ past due
//
// What holds:
//
//   - Supplying exactly what is currently due makes a capability active or
//     pending. A generated test walks the whole table (requirement_walk_test.go).
//   - Only past dues make a capability inactive. A missing external account, and
//     one under review, touch payouts alone.
//   - An event of an account tells all that changed since the one before, also
//     what only time has changed: the job Verification.Run records that, once.
//   - A verifier is asked outside of transactions, under an id that makes a
//     repeated question the same question. One that cannot be asked has not said no.
//   - The highest revision of an answer counts; every answer stays as evidence.
//   - An identity number is readable by a verifier only, and by nobody once it was verified.
package connect
