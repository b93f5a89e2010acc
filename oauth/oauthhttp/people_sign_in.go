package oauthhttp

import (
	"net/http"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/ui"
)

type signInData struct {
	Post    string       // keeps next in the address, so that the language buttons keep it, too
	Passkey *passkeyForm // nil: not at this address
	Done    string
	SignUp  string
	Forgot  string
}

func (d *peopleDoor) signInPage(w http.ResponseWriter, r *http.Request, form *ui.Form) {
	next := nextOf(r)
	asked := d.asked(r, next)
	if !form.Has("email") && asked.Email != "" {
		form.Set("email", asked.Email)
	}
	data := signInData{
		Post: withNext("/sign-in", next), Done: doneOf(r, "reset", "signed_out", "taken"), SignUp: withNext("/sign-up", next), Forgot: withNext("/forgot-password", next),
	}
	if d.People.CanPasskey() {
		data.Passkey = &passkeyForm{withNext("/sign-in/passkey", next), "/sign-in/passkey/options", "get", "people.passkey.sign_in", "secondary"}
	}
	d.pages.Render(w, r, "people-sign-in", ui.View{
		Title: "people.sign_in.title", Brand: asked.Brand, Testmode: asked.Testmode, Form: form, Status: shownStatus(w), Data: data,
	})
}

// showSignIn is also where somebody signed in changes person: a link here means it.
func (d *peopleDoor) showSignIn(w http.ResponseWriter, r *http.Request) {
	d.signInPage(w, r, ui.NewForm(nil))
}

func (d *peopleDoor) signIn(w http.ResponseWriter, r *http.Request) {
	form := ui.PostedForm(r)
	entry, err := d.People.SignIn(r.Context(), d.from(r), d.People.Cookie(r), form.Value("email"), password(r, "password"))
	if err != nil {
		if d.fail(w, r, form, err) {
			d.signInPage(w, r, form)
		}
		return
	}
	d.welcome(w, r, entry, nextOf(r))
}

// welcome gives the browser its session and sends it on.
func (d *peopleDoor) welcome(w http.ResponseWriter, r *http.Request, entry session.Entry, next string) {
	d.People.SetCookie(w, entry)
	switch {
	case entry.Session.Half:
		d.goTo(w, r, withNext("/sign-in/second-step", next))
	case !entry.User.Verified():
		// Made by an operator: the address is still to be proven. A mail that cannot be
		// sent now is sent from the page.
		if err := d.People.SendVerification(r.Context(), d.from(r), entry.Visit); err != nil {
			d.Log.WarnContext(r.Context(), "verification not sent at sign-in", "user", entry.User.ID)
		}
		d.goTo(w, r, withNext("/verify-email", next))
	default:
		d.goTo(w, r, orAccounts(next))
	}
}

type secondStepData struct {
	Post     string
	Steps    session.Steps
	Recovery bool // the page asks for a recovery code
	Passkey  *passkeyForm
	Other    string // the same page with the other question
}

func (d *peopleDoor) secondStepPage(w http.ResponseWriter, r *http.Request, half session.Visit, form *ui.Form) {
	steps, err := d.People.Steps(r.Context(), half.User)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	next := nextOf(r)
	data := secondStepData{
		Post: withNext("/sign-in/second-step", next), Steps: steps,
		Recovery: r.URL.Query().Get("use") == "recovery" || form.Value("use") == "recovery" || !steps.TOTP && steps.Passkeys == 0,
		Other:    withNext("/sign-in/second-step", next),
	}
	if !data.Recovery {
		data.Other = and(data.Other, "use=recovery")
	}
	if steps.Passkeys > 0 && d.People.CanPasskey() {
		data.Passkey = &passkeyForm{withNext("/sign-in/second-step/passkey", next), "/sign-in/second-step/passkey/options", "get", "people.passkey.use", "secondary"}
		if !steps.TOTP {
			data.Passkey.Kind = "primary"
		}
	}
	asked := d.asked(r, next)
	d.pages.Render(w, r, "people-second-step", ui.View{
		Title: "people.second_step.title", Brand: asked.Brand, Testmode: asked.Testmode, Form: form, Data: data, Status: shownStatus(w),
		Back: &ui.Link{Href: withNext("/sign-in", next), Key: "people.second_step.back"},
	})
}

// half finds who owes a second step; others start at the beginning.
func (d *peopleDoor) half(w http.ResponseWriter, r *http.Request) (session.Visit, bool) {
	half, ok := d.People.Half(r.Context(), r)
	if !ok {
		d.goTo(w, r, withNext("/sign-in", nextOf(r)))
	}
	return half, ok
}

func (d *peopleDoor) showSecondStep(w http.ResponseWriter, r *http.Request) {
	if half, ok := d.half(w, r); ok {
		d.secondStepPage(w, r, half, ui.NewForm(nil))
	}
}

func (d *peopleDoor) secondStep(w http.ResponseWriter, r *http.Request) {
	half, ok := d.half(w, r)
	if !ok {
		return
	}
	form := ui.PostedForm(r)
	finish := d.People.SecondStepTOTP
	if form.Value("use") == "recovery" {
		finish = d.People.SecondStepRecovery
	}
	entry, err := finish(r.Context(), d.from(r), half, d.People.Cookie(r), form.Value("code"))
	if err != nil {
		if d.fail(w, r, form, err) {
			d.secondStepPage(w, r, half, form)
		}
		return
	}
	d.welcome(w, r, entry, nextOf(r))
}

// signOut ends this browser's session; doing it twice is no error.
func (d *peopleDoor) signOut(w http.ResponseWriter, r *http.Request) {
	if v, ok := d.People.Visit(r.Context(), r); ok {
		if err := d.People.SignOut(r.Context(), v, d.from(r)); err != nil {
			d.broken(w, r, err)
			return
		}
	}
	d.People.ClearCookie(w)
	d.goTo(w, r, "/sign-in?done=signed_out")
}
