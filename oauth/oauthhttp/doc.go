// Package oauthhttp is the door of the oauth room: it turns requests into calls
// of credential and answers with wire objects. It decides nothing, except that
// only an unrestricted secret key of the platform account manages keys.
package oauthhttp
