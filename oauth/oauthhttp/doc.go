// Package oauthhttp is the door of the oauth room: it turns requests into calls
// of the room's services and answers with wire objects, with pages or, on the
// endpoints of the protocol (oauth_protocol.go), in the shapes of RFC 6749. It
// decides nothing, except that only an unrestricted secret key of the platform
// account manages keys and clients: whoever makes a key or registers a redirect
// URI can give itself every right.
//
// Pages of people who sign in (people_*.go) and of people who connect an account
// (flow_*.go) stand behind ui.Guard: same origin, one value to a name, bounded
// bodies. A form that succeeds answers with 303; one that fails shows its page
// again with 422, or 429 when it came too soon, under the form's own address.
// Where a page goes on after signing in is a path of ours in a known shape
// (SafeNext), kept in the page's address.
package oauthhttp
