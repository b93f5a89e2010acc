// Package credential owns API keys: what they look like, who holds them, and
// whether a request's key is good.
//
// A key is sk_ (secret), pk_ (publishable) or rk_ (restricted), then test_ or
// live_, then 30 random base-62 digits (178 bits) and a 6-digit CRC-32 of all
// before it. The checksum lets anybody tell offline whether a string is one of
// ours (Parse, Pattern), and stops guesses before they reach the database.
//
// States: active → expiring (rolled with an overlap, or made with an expiry) →
// expired; active or expiring → revoked. Nothing leads back.
//
// Invariants: the plain key exists once, in the answer to its creation; at rest
// there is only its HMAC under a server pepper. A revoked or expired key is
// refused on every node within five seconds: on the node that revoked it at
// once, elsewhere when its cache entry ends (cacheFor).
//
// A key may be limited to networks (Key.Networks). This package knows them, and who
// answers the request compares them with the address it came from: rest for the API,
// oauth for a key that stands in for a client. A limit that changed holds on every node
// within the same five seconds.
//
// Keys live in real time: the sandbox's world clock does not move their expiry.
package credential
