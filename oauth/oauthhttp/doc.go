// Package oauthhttp is the door of the oauth room: it turns requests into calls
// of oauth and credential and answers with wire objects, or, on the endpoints of
// the protocol (oauth_protocol.go), in the shapes of RFC 6749. It decides nothing,
// except that only an unrestricted secret key of the platform account manages
// keys and clients: whoever makes a key or registers a redirect URI can give
// itself every right.
package oauthhttp
