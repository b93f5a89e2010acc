// Package ratelimit decides which requests a server takes, in four layers, so that it
// answers those it takes as fast as ever and says at once that it cannot take the others:
//
//  1. Rates: requests a second of one key, a token bucket.
//  2. Flights: requests of one key at a time.
//  3. Shedder, by worth: a share of what the server can have in hand is kept for what
//     moves money; reports give way first, then reads and writes.
//  4. Shedder, by mode: the sandbox gives way before live traffic does.
//
// Everything is in this process's memory: a limit holds for each node, nothing else
// can fail, and no request waits for a store. What is refused has had no effect: it is
// 429 (the caller is too fast) or 503 (the server is busy), with Retry-After.
package ratelimit
