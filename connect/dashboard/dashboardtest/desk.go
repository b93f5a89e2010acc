// Package dashboardtest sets a desk up for tests of its pages: one person who is
// signed in, and any handler as the API.
package dashboardtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// The person and the accounts of New.
const (
	Platform = "acct_platform"
	Tutor    = "acct_tutor"
	Person   = "usr_mei"
)

// Limit is over what an amount in Hong Kong dollars is typed twice.
const Limit = 1_000_000

// Gate is a dashboard.Gate with one person.
type Gate struct {
	Nobody bool // nobody is signed in
	Chairs []dashboard.Chair
	Opened int // credentials that are open
}

// Visitor is Mei Cheung, or nobody.
func (g *Gate) Visitor(context.Context, *http.Request) (dashboard.Person, bool) {
	return dashboard.Person{ID: Person, Name: "Mei Cheung", Email: "mei@tutorhub.test"}, !g.Nobody
}

// Seats are the chairs.
func (g *Gate) Seats(context.Context, string) ([]dashboard.Chair, error) { return g.Chairs, nil }

// Open counts.
func (g *Gate) Open(context.Context, dashboard.Person, dashboard.Chair) (secret.Text, func(), error) {
	g.Opened++
	return secret.New("dsk_test"), func() { g.Opened-- }, nil
}

// Chair is an owner's place at the desk of a platform in Hong Kong, in test mode.
func Chair() dashboard.Chair {
	zone, err := time.LoadLocation("Asia/Hong_Kong")
	if err != nil {
		panic(err)
	}
	return dashboard.Chair{Seat: dashboard.Seat{Account: Platform}, Role: "owner", Name: "TutorHub HK", Zone: zone, Currency: "hkd"}
}

// TutorChair is an owner's place at the desk of a connected account.
func TutorChair() dashboard.Chair {
	c := Chair()
	c.Account, c.Platform, c.Name = Tutor, Platform, "Chan Ka Yan"
	return c
}

// New is a desk whose pages call api, and the gate before it. Without chairs, the
// person has Chair and TutorChair.
func New(t testing.TB, kit *ui.Kit, api http.Handler, chairs ...dashboard.Chair) (*dashboard.Desk, *Gate) {
	t.Helper()
	if len(chairs) == 0 {
		chairs = []dashboard.Chair{Chair(), TutorChair()}
	}
	gate := &Gate{Chairs: chairs}
	desk, err := dashboard.New(dashboard.Config{Kit: kit, Gate: gate, API: func() http.Handler { return api }, BaseURL: "https://pay.example",
		ConfirmOver: map[money.Currency]int64{"hkd": Limit}})
	if err != nil {
		t.Fatal(err)
	}
	return desk, gate
}

// Handler serves all pages of a desk.
func Handler(desk *dashboard.Desk) http.Handler {
	server := rest.New(rest.Config{})
	server.Mount(desk.Routes()...)
	return server
}
