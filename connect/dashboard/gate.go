package dashboard

import (
	"context"
	"net/http"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Seat is one account in one mode, at whose desk a person sits.
type Seat struct {
	Account  string
	Livemode bool
}

// Gate knows who is signed in and what they may do.
type Gate interface {
	// Visitor is the person of this request, false for nobody.
	Visitor(ctx context.Context, r *http.Request) (Person, bool)
	// Seats are the places of the person, at desks of platforms and of connected accounts.
	Seats(ctx context.Context, user string) ([]Chair, error)
	// Open gives a credential for the public API that is good until close is called:
	// what the person's role allows at that desk, and nothing more.
	Open(ctx context.Context, p Person, c Chair) (key secret.Text, close func(), err error)
}

// Person is somebody who is signed in.
type Person struct {
	ID    string // usr_…
	Name  string
	Email string
}

// Chair is a person's place at a desk.
type Chair struct {
	Seat
	Role        string   // owner, developer, finance, support or viewer
	Permissions []string // of the public API, "charges:read"; nil is everything
	Platform    string   // platform account behind a connected account; "" at a platform's own desk
	Name        string   // of the account
	Look        Look
	Zone        *time.Location // all times are shown in it
	Currency    money.Currency // the account's default
}

// Look is how the account presents itself.
type Look struct {
	LogoURL, Primary, Secondary string
}

// Side is whose desk it is.
type Side int

// The sides.
const (
	ForPlatform Side = iota // /dashboard
	ForAccount              // /earnings, of a connected account
)

// root is where the addresses of a side begin.
func (s Side) root() string {
	if s == ForAccount {
		return "/earnings"
	}
	return "/dashboard"
}

// Side is the side of the desk that the chair stands at.
func (c Chair) Side() Side {
	if c.Platform != "" {
		return ForAccount
	}
	return ForPlatform
}

// mode is the mode as addresses say it.
func (s Seat) mode() string {
	if s.Livemode {
		return "live"
	}
	return "test"
}

// path is where the desk's pages begin.
func (c Chair) path() string { return c.Side().root() + "/" + c.Account + "/" + c.mode() }

// May reports whether the chair's role has a permission; write includes read.
func (c Chair) May(permission string) bool { return allows(c.Permissions, permission) }
