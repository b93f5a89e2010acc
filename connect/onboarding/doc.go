// Package onboarding is the hosted pages where an account's holder says who they
// are, what they sell and where they are paid.
//
// A platform mints a Link by API, or the OAuth flow does. Whoever opens it within
// five minutes, the first time and never again, gets a Visit: a cookie that is good
// for two hours and for that account alone. The wizard of a visit shows what the
// requirements of the account name, one step after the other, and nothing else.
//
// Links and cookies are random and are kept as keyed hashes. They live in real time,
// not on the world clock: they are about a person at a browser.
//
// Steps come from the names of requirements ("individual.dob.day"), never from
// countries or types of business: a change of the requirement table changes what is
// asked without a change here. A name that no step knows is still shown, with its
// own name as its label, on the last step before the review.
//
// Every step is saved when it is sent. What is left is what the account still owes,
// so a visit that breaks off is taken up by the next link.
package onboarding
