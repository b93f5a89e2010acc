// Package marketplace is TutorHub HK's web site in miniature: the sample platform
// that `sluice dev` serves under /_dev/marketplace.
//
// It stands where a customer's own program would stand, and does what such a
// program does, with nothing but public means: golang.org/x/oauth2 for *Connect
// with Sluice*, and plain API calls with the platform's secret key after that. It
// imports no room, sees no database, and learns everything by HTTP. So it is also a
// test: what is awkward here is awkward for everybody.
//
// Who connected what is kept in memory, for the browser that did it; everything
// else is read from the API again for every page.
package marketplace
