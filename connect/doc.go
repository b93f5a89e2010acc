// Package connect is the marketplace: platform accounts and the connected
// accounts they route money to, what those may do (capabilities), what they
// still owe (requirements) and where they are paid (external accounts).
//
// Whether an account may charge or be paid out is never stored: Derive computes
// it from the facts that are. Every change locks the account's row first, then
// its capabilities and external accounts, so that event versions have no gaps.
package connect
