package oauthhttp

import (
	"net/http"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

type forgotData struct {
	Post   string
	SignIn string
	Sent   bool
	Inbox  bool
}

func (d *peopleDoor) forgotPage(w http.ResponseWriter, r *http.Request, form *ui.Form) {
	next := nextOf(r)
	asked := d.asked(r, next)
	d.pages.Render(w, r, "people-forgot", ui.View{
		Title: "people.forgot.title", Brand: asked.Brand, Testmode: asked.Testmode, Form: form, Status: shownStatus(w),
		Data: forgotData{Post: withNext("/forgot-password", next), SignIn: withNext("/sign-in", next), Sent: doneOf(r, "sent") != "", Inbox: d.Inbox},
	})
}

func (d *peopleDoor) showForgot(w http.ResponseWriter, r *http.Request) {
	d.forgotPage(w, r, ui.NewForm(nil))
}

// forgot says the same to everybody: a link is on its way if there is an account.
func (d *peopleDoor) forgot(w http.ResponseWriter, r *http.Request) {
	form := ui.PostedForm(r)
	if err := d.People.ForgotPassword(r.Context(), d.from(r), form.Value("email")); err != nil {
		if d.fail(w, r, form, err) {
			d.forgotPage(w, r, form)
		}
		return
	}
	d.goTo(w, r, and(withNext("/forgot-password", nextOf(r)), "done=sent"))
}

type resetData struct{ Email string }

func (d *peopleDoor) resetPage(w http.ResponseWriter, r *http.Request, form *ui.Form) {
	user, found, err := d.People.Reset(r.Context(), secret.New(segment(r, 2)))
	if err != nil {
		d.broken(w, r, err)
		return
	}
	if !found {
		d.pages.ErrorPage(w, r, http.StatusGone, "people.reset.expired", "/forgot-password", ui.View{})
		return
	}
	d.pages.Render(w, r, "people-reset", ui.View{Title: "people.reset.title", Form: form, Data: resetData{Email: user.Email}, Status: shownStatus(w)})
}

func (d *peopleDoor) showReset(w http.ResponseWriter, r *http.Request) {
	d.resetPage(w, r, ui.NewForm(nil))
}

func (d *peopleDoor) reset(w http.ResponseWriter, r *http.Request) {
	form := ui.PostedForm(r)
	if err := d.People.ResetPassword(r.Context(), d.from(r), secret.New(segment(r, 2)), password(r, "password")); err != nil {
		if d.fail(w, r, form, err) {
			d.resetPage(w, r, form)
		}
		return
	}
	d.People.ClearCookie(w) // every session has ended, this browser's too
	d.goTo(w, r, "/sign-in?done=reset")
}

type passwordData struct{ Email string }

func (d *peopleDoor) passwordPage(w http.ResponseWriter, r *http.Request, v session.Visit, form *ui.Form) {
	view := d.narrow(v, "security.password.title", "/security", passwordData{v.User.Email})
	view.Form, view.Status = form, shownStatus(w)
	d.pages.Render(w, r, "people-password", view)
}

func (d *peopleDoor) showPassword(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.passwordPage(w, r, v, ui.NewForm(nil))
}

func (d *peopleDoor) changePassword(w http.ResponseWriter, r *http.Request, v session.Visit) {
	form := ui.PostedForm(r)
	err := d.People.ChangePassword(r.Context(), d.from(r), v, password(r, "current_password"), password(r, "password"))
	if err != nil {
		if d.fail(w, r, form, err) {
			d.passwordPage(w, r, v, form)
		}
		return
	}
	d.goTo(w, r, "/security?done=password")
}
