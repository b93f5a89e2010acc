// Package ledgerhttp is the ledger's door: balance, balance transactions, and
// Sluice's own look at the entries behind them.
package ledgerhttp
