package oauth

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Marketplace is what the OAuth server asks of the room that keeps accounts.
type Marketplace interface {
	// Platform is the platform account behind a client. Fails with NotFound when
	// there is none or it is closed.
	Platform(ctx context.Context, idb bun.IDB, platform string, livemode bool) (Party, error)
	// Accounts are those of ids that the platform has and that are open.
	Accounts(ctx context.Context, idb bun.IDB, platform string, livemode bool, ids []string) ([]Party, error)
	// Open makes a new connected account which the platform has no access to yet.
	Open(ctx context.Context, tx bun.Tx, p OpenParams) (account string, err error)
	// SetAccess says what the platform may do with the account from now on through
	// its connections. An account that the platform opened itself keeps more, if it
	// has more without them.
	SetAccess(ctx context.Context, tx bun.Tx, platform, account string, livemode bool, access tenant.Access) error
	// Reach is what the platform may do with the account, and whether the account
	// is open, as the database has it at this moment.
	Reach(ctx context.Context, idb bun.IDB, platform, account string, livemode bool) (access tenant.Access, open bool, err error)
	// Onboarding is where the account's holder goes for what is due, if anything is.
	Onboarding(ctx context.Context, tx bun.Tx, account string, livemode bool, platform, returnURL string) (url string, due bool, err error)
}

// Party is an account as consent pages show it.
type Party struct {
	ID, Name, Country, Email              string
	LogoURL, PrimaryColor, SecondaryColor string
	DetailsSubmitted                      bool
	Live                                  bool
}

// OpenParams say what account to open.
type OpenParams struct {
	Platform     string
	Livemode     bool
	Express      bool
	Email        string
	Prefill      map[string]string // the names inside stripe_user[…]
	Capabilities []string
}

// Keys knows API keys; credential.Authenticator does.
type Keys interface {
	Authenticate(ctx context.Context, plain string) (credential.Key, error)
}

// PublishableKeys finds or makes the publishable key that the token answer shows.
type PublishableKeys interface {
	PublishableKey(ctx context.Context, tx bun.Tx, at time.Time, platform, account string, livemode bool) (string, error)
}

// Members knows people's roles on accounts.
type Members interface {
	// MayConnect reports whether the user may connect this account to platforms.
	MayConnect(ctx context.Context, idb bun.IDB, user, account string, livemode bool) (bool, error)
	// Own makes the user the owner of an account that was just opened for them.
	Own(ctx context.Context, tx bun.Tx, at time.Time, user, account string, livemode bool) error
}

// Throttle slows down those who fail to authenticate. Subjects are network
// addresses. Success does not clear an address: whoever has one good secret could
// go on guessing others.
type Throttle interface {
	// Wait is how long the subject must wait before it may try again; 0 is now.
	Wait(ctx context.Context, subject string) (time.Duration, error)
	Fail(ctx context.Context, subject string) error
}
