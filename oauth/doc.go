// Package oauth is the OAuth 2 server that connects accounts to platforms: it
// registers clients, takes a person's consent, and gives codes and tokens. It is
// the only package that imports ory/fosite.
//
// # Contract
//
// New composes a Provider. Pages for people are elsewhere; they call
//
//	Begin     a visit to /oauth/authorize: checked, stored, bound to the browser
//	Pending   the stored request, for a page to show
//	Bind      the consent page is shown to this user now
//	Consent   the person's yes, with the account; opens a new one if asked
//	Complete  the code, as the URL to redirect to (Approve is Consent and Complete)
//	Deny      the person's no, as the URL to redirect to
//
// and Connections to show and end what is connected. Clients call Token, Revoke,
// Introspect, PushedRequest and Deauthorize through oauthhttp. The API asks Tokens
// whom an access token stands for.
//
// # States
//
//	request      pending → consented → issued          (expired after an hour)
//	             pending, consented → denied           (Bind to another user: back to pending)
//	code         unspent → spent: exchange | failure | revocation    (expired after 60 s)
//	connection   pending → active ⇄ ended
//	access token live → revoked | expired after an hour
//	refresh      live → rotated → (a minute later, used again) family revoked
//	             live → revoked | expired a year after its last use
//
// # Invariants
//
//   - At rest there are keyed hashes of codes, tokens, secrets, cookies and
//     request_uris; none of them in plain, no successor of a refresh token at all.
//   - A code gives tokens once. A refresh token has one successor, however often
//     and by however many it is presented.
//   - A family (all that came of one consent) belongs to one client, one account,
//     one platform and one mode.
//   - What an access token allows is the least of its own scope, its connection's,
//     and what the marketplace says; it is never more than a list of scopes.
//   - The marketplace's access for a platform and account is the widest of its
//     active connections of enabled clients.
//   - After Deauthorize returns nothing of the connection is active in the
//     database; caches follow within five seconds.
//   - Another client's attempt with a code or token changes nothing but the list
//     of incidents.
//   - An answer is given only after the commit of what it tells.
//   - A redirect goes to a registered URI, byte for byte, or nowhere.
//
// # Lock order
//
// Authorization request; client (FOR SHARE to approve, FOR UPDATE to change);
// all connections of one account in the order of their ids, accounts in order;
// code or refresh token; then the marketplace's rows, the event log, and last the
// advisory lock of a publishable key. Grants read the client after they hold the
// connections: whoever disables a client takes its row first and its connections
// second, so one of the two sees the other.
//
// # What is not good in fosite v0.49.0, and where it is caught
//
//	F1 F10  PKCE forgets a failed try; challenges of one character   pkce.go
//	F2 F3   one code, one refresh token, many winners                exchange.go refresh.go grant_store.go
//	F4      anybody may introspect anything                          introspect.go
//	F5      a stranger's replay revokes the owner's tokens           exchange.go refresh.go
//	F6      no iss                                                   authorize_error.go (answer)
//	F7      state is demanded, with an unregistered error            authorize_request.go (secondOpinion)
//	F8      loopback redirects and custom schemes                    redirect.go
//	F9      repeated parameters                                      form.go
//	F11     scope of a refresh is ignored                            refresh.go (narrowTo)
//	F12     two client authentications                               client_authentication.go
//	F13     revoking another's token says 200                        kept; revoke.go
//	F14     long lifetimes, no refresh token without a scope         provider.go fosite.go
//	#708    an answer although the commit failed                     unit.go
//	PAR     keeps the secret, never expires, anybody uses it up      pushed.go
package oauth
