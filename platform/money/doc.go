// Package money is amounts in minor units with their currency, never apart,
// every operation checked for overflow, and no floats.
//
// Division happens in three ways only, each exact in the end:
//
//   - Allocate cuts a whole into parts by weight; the parts sum to the whole.
//   - Portion takes a percentage, rounded once, half to even.
//   - Cumulative says how much of a fee or transfer comes back with one of many
//     partial refunds, so that all of them together return exactly all of it.
//
// Intermediate products have 128 bits. Percentages are integer parts per
// million (Rate). The currency table is ISO 4217's own (see TableDate); what a
// processor or a bank makes of a currency is data of its adapter.
package money
