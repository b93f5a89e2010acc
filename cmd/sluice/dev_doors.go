package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/ui"
)

// Sign-in links for the developer's own machine. They are in memory only, and good
// for a few minutes and a few browsers.
const (
	doorsPath = "/go/{token}"
	doorLife  = 10 * time.Minute
	doorUses  = 5
)

// doors lets in whoever holds a link that was printed on the developer's terminal.
type doors struct {
	people *session.People
	kit    *ui.Kit
	clock  clock.Clock

	mu   sync.Mutex
	open map[string]*door // by token
}

type door struct {
	user, next string
	until      time.Time
	left       int
}

func newDoors(people *session.People, kit *ui.Kit) *doors {
	return &doors{people: people, kit: kit, clock: clock.System{}, open: map[string]*door{}}
}

// link is the path of a new link that signs user in and leads to next.
func (d *doors) link(user, next string) string {
	token := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[token] = &door{user: user, next: next, until: d.clock.Now().Add(doorLife), left: doorUses}
	return strings.Replace(doorsPath, "{token}", token, 1)
}

// take is what a token opens, once less.
func (d *doors) take(token string) (user, next string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it := d.open[token]
	if it == nil || it.left == 0 || !d.clock.Now().Before(it.until) {
		delete(d.open, token)
		return "", "", false
	}
	it.left--
	return it.user, it.next, true
}

func (d *doors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, next, ok := d.take(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	if !ok {
		d.kit.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "")
		return
	}
	entry, err := d.people.Admit(r.Context(), d.people.From(r), d.people.Cookie(r), user)
	if err != nil {
		d.kit.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "")
		return
	}
	d.people.SetCookie(w, entry)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// someone finds or makes a person and gives them a place on an account's team, in test mode.
func (p *private) someone(ctx context.Context, email, name, account string, role session.Role) (string, error) {
	people := p.app.people
	user, found, err := people.Find(ctx, p.app.pool, email)
	if err != nil {
		return "", err
	}
	err = db.InTx(ctx, p.app.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		now := time.Now()
		if !found {
			if user, err = people.Create(ctx, tx, now, session.NewUser{Email: email, Name: name, Verified: true}); err != nil {
				return err
			}
		}
		return people.Join(ctx, tx, now, user.ID, account, false, role)
	})
	return user.ID, err
}

// openDoors makes sign-in links to the platform's desk and, if there is one, to a tutor's.
func (p *private) openDoors(ctx context.Context, tutors []payee) (platform, tutor string, err error) {
	owner, err := p.someone(ctx, "owner@tutorhub.test", "Mei Cheung", p.state.PlatformAccount, session.Owner)
	if err != nil {
		return "", "", err
	}
	platform = p.base + p.app.doors.link(owner, "/dashboard/"+p.state.PlatformAccount+"/test")
	at := slices.IndexFunc(tutors, func(t payee) bool { return t.ID != "" })
	if at < 0 {
		return platform, "", nil
	}
	first := tutors[at]
	user, err := p.someone(ctx, first.signIn(), name(first), first.ID, session.Owner)
	if err != nil {
		return "", "", errors.Join(errors.New("sign-in of a tutor"), err)
	}
	return platform, p.base + p.app.doors.link(user, "/earnings/"+first.ID+"/test"), nil
}

// signIn is the address with which the tutor signs in.
func (t payee) signIn() string {
	if t.Email != nil && *t.Email != "" {
		return *t.Email
	}
	return strings.ToLower(t.ID) + "@tutorhub.test"
}
