// Package processor is the port to whoever moves cardholders' money.
//
// The contract every adapter keeps (processortest proves it):
//
//   - Our reference is the idempotency key. The same call with the same
//     reference gives the same result and never a second effect.
//   - A Result is a fact or Unknown. Whenever it is not certain what the
//     processor did — a timeout, a 5xx, a broken connection — it is Unknown, and
//     Lookup by our reference resolves it. Unknown is never "failed".
//   - A returned error means that this call has done nothing and never will: a
//     *fault.Error if the request is not allowed (beyond Capabilities, a reference
//     used again with other values, a capture of a captured payment) or the
//     adapter is too busy to take it; ErrInsideTransaction for callers' mistakes.
//   - Nothing is called inside a database transaction (Outside says so).
//
// What an adapter can do is data (Capabilities), checked before any call.
package processor
