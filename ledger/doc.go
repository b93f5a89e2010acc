// Package ledger is the truth about money: append-only, balanced, chained.
package ledger
