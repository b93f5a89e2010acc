// Package tenant names on whose behalf a call acts. Every store query carries
// a Scope, so that accounts and modes can never see each other's objects.
package tenant

// Scope is one account's view in one mode.
type Scope struct {
	Platform string // the platform account whose key was used, acct_…
	Account  string // the account acted for: Platform itself, or one of its connected accounts
	Livemode bool
}

// Connected reports whether the call acts for a connected account.
func (s Scope) Connected() bool { return s.Account != s.Platform }

// For is the same platform and mode, seen as another of its accounts.
func (s Scope) For(account string) Scope {
	s.Account = account
	return s
}

// Mode is "live" or "test", as used in ledger account names and metrics.
func (s Scope) Mode() string {
	if s.Livemode {
		return "live"
	}
	return "test"
}
