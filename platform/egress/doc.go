// Package egress is the one way out to URLs that others have given us. A URL from
// outside is a wish to make us connect somewhere; our own network, the cloud's
// metadata service and this machine must not be reachable through it.
//
// # What is refused
//
// Every address that is not public unicast: all blocks of the IANA special-purpose
// registries of IPv4 and IPv6 (also those marked globally reachable), multicast,
// broadcast, what is not yet given out, and every form in which an IPv4 address
// hides in an IPv6 one. Plain http is refused too. The operator may open networks
// (Policy.Allow): what is in them is reached whatever else is said here, and
// without TLS if the URL says so.
//
// The decision is made about addresses, after the name was resolved and before
// anything is sent. Each address that a name has must be allowed, or the name is
// refused; then exactly these addresses are connected to, and the socket is looked
// at once more before it connects. A name that changes its answer gains nothing.
// Hosts that some resolvers read as numbers (2130706433, 0x7f.1, 127.1, 0177.0.0.1)
// are refused without asking any. Redirects are never followed: a 3xx is an answer
// like others. The environment's HTTP_PROXY and its like are not read.
//
// # Ports
//
// The ports that browsers refuse (the Fetch standard's list) are refused here: it
// is the list that keeps mail, IRC and the like from being spoken to by web
// clients, and no receiver that a browser can call is lost by it. Privileged ports
// are otherwise free, as they are at the other senders of webhooks.
//
// # The proxy
//
// With Policy.Proxy everything goes through an HTTP proxy by CONNECT, to an address
// that was checked here, never to a name: the proxy does not resolve and cannot be
// made to resolve differently. TLS is spoken through the tunnel under the name in
// the URL. A proxy that refuses (403) is a refusal; one that fails us is ErrProxy.
//
// # What it cannot know
//
// Addresses that are public and yet ours: a NAT64 prefix of our own, the public side
// of our load balancer, a router that believes source addresses. These are for the
// firewall around the process, or for the proxy.
//
// # Who calls through it
//
//   - connect/webhook: deliveries to endpoints that accounts registered.
//   - connect/verification: the verifier. The operator named it, so its host is
//     trusted by name (Policy.Trusting): it may stand in a private network. TLS, no
//     redirects, no environment and the proxy hold for it as well.
//
// Other URLs that people give us are never fetched: redirect URIs, return and refresh
// URLs of onboarding and the terms are for browsers; logos are uploaded; clients of
// OAuth have no jwks_uri, and request_uri is only what we issued ourselves. The mail
// server and the brokers are the operator's and do not speak HTTP. The arch test of
// cmd/sluice fails on an HTTP client made elsewhere.
package egress
