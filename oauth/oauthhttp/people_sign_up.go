package oauthhttp

import (
	"net/http"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ui"
)

type signUpData struct {
	Post   string
	SignIn string
}

func (d *peopleDoor) signUpPage(w http.ResponseWriter, r *http.Request, form *ui.Form) {
	next := nextOf(r)
	asked := d.asked(r, next)
	for field, known := range map[string]string{"email": asked.Email, "name": asked.Name} {
		if !form.Has(field) && known != "" {
			form.Set(field, known)
		}
	}
	d.pages.Render(w, r, "people-sign-up", ui.View{
		Title: "people.sign_up.title", Brand: asked.Brand, Testmode: asked.Testmode, Form: form, Status: shownStatus(w),
		Data: signUpData{Post: withNext("/sign-up", next), SignIn: withNext("/sign-in", next)},
	})
}

func (d *peopleDoor) showSignUp(w http.ResponseWriter, r *http.Request) {
	d.signUpPage(w, r, ui.NewForm(nil))
}

func (d *peopleDoor) signUp(w http.ResponseWriter, r *http.Request) {
	form := ui.PostedForm(r)
	pending, err := d.People.SignUp(r.Context(), d.from(r), session.SignUpParams{
		Email: form.Value("email"), Name: form.Value("name"), Password: password(r, "password"), Next: nextOf(r),
	})
	if err != nil {
		if d.fail(w, r, form, err) {
			d.signUpPage(w, r, form)
		}
		return
	}
	d.People.SetPendingCookie(w, pending)
	d.goTo(w, r, withNext("/verify-email", nextOf(r)))
}

type verifyData struct {
	Email string
	Post  string
	Again string
	Inbox bool
	Done  string
	Over  string // back to the beginning, with another address
}

// waiter is who waits for a code: a sign-up of this browser, or somebody signed in
// whose address is not proven. done is true when the answer is already sent.
func (d *peopleDoor) waiter(w http.ResponseWriter, r *http.Request) (p session.Pending, v session.Visit, done bool) {
	if p, ok := d.People.Pending(r.Context(), r); ok {
		return p, session.Visit{}, false
	}
	v, ok := d.People.Visit(r.Context(), r)
	switch {
	case !ok:
		d.goTo(w, r, withNext("/sign-up", nextOf(r)))
	case v.User.Verified():
		d.goTo(w, r, orAccounts(nextOf(r)))
	default:
		return session.Pending{}, v, false
	}
	return session.Pending{}, session.Visit{}, true
}

func (d *peopleDoor) verifyPage(w http.ResponseWriter, r *http.Request, p session.Pending, v session.Visit, form *ui.Form) {
	next := nextOf(r)
	data := verifyData{
		Email: p.Email, Post: withNext("/verify-email", next), Again: withNext("/verify-email/again", next), Over: withNext("/sign-up", next),
		Inbox: d.Inbox, Done: doneOf(r, "again"),
	}
	if p.ID == "" {
		data.Email, data.Over = v.User.Email, ""
	}
	asked := d.asked(r, next)
	d.pages.Render(w, r, "people-verify", ui.View{
		Title: "people.verify.title", Brand: asked.Brand, Testmode: asked.Testmode, Form: form, Data: data, Status: shownStatus(w), Person: v.User.Email,
	})
}

func (d *peopleDoor) showVerify(w http.ResponseWriter, r *http.Request) {
	if p, v, done := d.waiter(w, r); !done {
		d.verifyPage(w, r, p, v, ui.NewForm(nil))
	}
}

func (d *peopleDoor) verify(w http.ResponseWriter, r *http.Request) {
	p, v, done := d.waiter(w, r)
	if done {
		return
	}
	form := ui.PostedForm(r)
	var entry session.Entry
	var err error
	if p.ID != "" {
		entry, err = d.People.Verify(r.Context(), d.from(r), r, form.Value("code"))
	} else {
		err = d.People.VerifyUser(r.Context(), d.from(r), v, form.Value("code"))
	}
	if f := fault.As(err); f != nil && f.Code == "email_taken" {
		// The person reads mail there, so this tells nothing to anybody else.
		d.People.ClearPendingCookie(w)
		d.goTo(w, r, and(withNext("/sign-in", nextOf(r)), "done=taken"))
		return
	}
	if err != nil {
		if d.fail(w, r, form, err) {
			d.verifyPage(w, r, p, v, form)
		}
		return
	}
	if p.ID == "" {
		d.goTo(w, r, orAccounts(nextOf(r)))
		return
	}
	d.People.ClearPendingCookie(w)
	d.welcome(w, r, entry, SafeNext(entry.Next))
}

func (d *peopleDoor) sendAgain(w http.ResponseWriter, r *http.Request) {
	p, v, done := d.waiter(w, r)
	if done {
		return
	}
	var err error
	if p.ID != "" {
		err = d.People.SendAgain(r.Context(), d.from(r), r)
	} else {
		err = d.People.SendVerification(r.Context(), d.from(r), v)
	}
	if err != nil {
		form := ui.NewForm(nil)
		if d.fail(w, r, form, err) {
			d.verifyPage(w, r, p, v, form)
		}
		return
	}
	d.goTo(w, r, and(withNext("/verify-email", nextOf(r)), "done=again"))
}
