// Package oauthhttp is the door of the oauth room: it turns requests into calls
// of the rooms' services and answers with wire objects or pages. It decides
// nothing, except that only an unrestricted secret key of the platform account
// manages keys.
//
// Pages of people who sign in (people_*.go) stand behind ui.Guard: same origin,
// one value to a name, bounded bodies. A form that succeeds answers with 303; one
// that fails shows its page again with 422, or 429 when it came too soon, under the
// form's own address. Where a page goes on after signing in is a path of ours in a
// known shape (SafeNext), kept in the page's address.
package oauthhttp
