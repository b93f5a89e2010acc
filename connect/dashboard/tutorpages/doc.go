// Package tutorpages is the desk of a connected account's people: what they will
// receive and when, what each payment left them, what their balance did, which payout
// contains what, and what refunds cost them.
//
// All of it comes from the public API with the rights of the account itself: nothing
// here can show what belongs to the platform.
package tutorpages
