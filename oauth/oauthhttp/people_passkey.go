package oauthhttp

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ui"
)

// Passkeys need the browser's script: people-passkey.js fetches the question (ask),
// gives it to the authenticator, and posts the answer in the field "credential" of
// an ordinary form. Where that cannot be, the button does not show.

// passkeyForm is the form of a passkey's button.
type passkeyForm struct {
	Action  string // where the answer is posted
	Options string // where the question comes from
	Do      string // "get" or "create"
	Label   string // key of the button
	Kind    string // of the button
}

// ask answers with the question as JSON and ties it to the browser by a cookie.
func (d *peopleDoor) ask(purpose session.Purpose) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v session.Visit
		known := true
		switch purpose {
		case session.ToSignIn:
		case session.ToFinish:
			v, known = d.People.Half(r.Context(), r)
		case session.ToStepUp, session.ToAdd:
			v, known = d.People.Visit(r.Context(), r)
		}
		w.Header().Set("Content-Type", "application/json")
		if !known {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte("{}"))
			return
		}
		ceremony, err := d.People.BeginPasskey(r.Context(), d.from(r), purpose, v)
		if err != nil {
			d.noQuestion(w, r, err)
			return
		}
		d.People.SetCeremonyCookie(w, ceremony)
		_, _ = w.Write(ceremony.Options)
	}
}

// noQuestion tells the script why: it shows the page's own sentence.
func (d *peopleDoor) noQuestion(w http.ResponseWriter, r *http.Request, err error) {
	status, code := http.StatusInternalServerError, ""
	if f := fault.As(err); f != nil && f.Kind != fault.Internal {
		status, code = http.StatusBadRequest, f.Code
	} else {
		d.Log.ErrorContext(r.Context(), "passkey question failed", "error", err)
	}
	if _, soon := throttle.WaitOf(err); soon {
		status = http.StatusTooManyRequests
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

func answerOf(r *http.Request) []byte { return []byte(r.PostForm.Get("credential")) }

func (d *peopleDoor) signInPasskey(w http.ResponseWriter, r *http.Request) {
	entry, err := d.People.SignInPasskey(r.Context(), d.from(r), d.People.Cookie(r), d.People.CeremonyCookie(r), answerOf(r))
	if err != nil {
		form := ui.NewForm(nil)
		if d.fail(w, r, form, err) {
			d.signInPage(w, r, form)
		}
		return
	}
	d.welcome(w, r, entry, nextOf(r))
}

func (d *peopleDoor) secondStepPasskey(w http.ResponseWriter, r *http.Request) {
	half, ok := d.half(w, r)
	if !ok {
		return
	}
	entry, err := d.People.SecondStepPasskey(r.Context(), d.from(r), half, d.People.Cookie(r), d.People.CeremonyCookie(r), answerOf(r))
	if err != nil {
		form := ui.NewForm(nil)
		if d.fail(w, r, form, err) {
			d.secondStepPage(w, r, half, form)
		}
		return
	}
	d.welcome(w, r, entry, nextOf(r))
}

func (d *peopleDoor) confirmPasskey(w http.ResponseWriter, r *http.Request, v session.Visit) {
	if err := d.People.StepUpPasskey(r.Context(), d.from(r), v, d.People.CeremonyCookie(r), answerOf(r)); err != nil {
		form := ui.NewForm(nil)
		if d.fail(w, r, form, err) {
			d.confirmPage(w, r, v, form)
		}
		return
	}
	d.goTo(w, r, d.orSecurity(nextOf(r)))
}

func (d *peopleDoor) addPasskeyPage(w http.ResponseWriter, r *http.Request, v session.Visit, form *ui.Form) {
	if !d.People.CanPasskey() {
		d.goTo(w, r, "/security")
		return
	}
	if !d.fresh(w, r, v, "/security/passkeys") {
		return
	}
	if !form.Has("name") {
		form.Set("name", deviceOf(r.UserAgent()))
	}
	view := d.narrow(v, "security.passkey.title", "/security", nil)
	view.Form, view.Status = form, shownStatus(w)
	d.pages.Render(w, r, "people-passkey", view)
}

func (d *peopleDoor) showAddPasskey(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.addPasskeyPage(w, r, v, ui.NewForm(nil))
}

func (d *peopleDoor) addPasskey(w http.ResponseWriter, r *http.Request, v session.Visit) {
	form := ui.PostedForm(r)
	err := d.People.AddPasskey(r.Context(), d.from(r), v, d.People.CeremonyCookie(r), answerOf(r), form.Value("name"))
	switch {
	case err == nil:
		d.afterAdding(w, r, v)
	case d.stale(w, r, err, "/security/passkeys"):
	case d.fail(w, r, form, err):
		d.addPasskeyPage(w, r, v, form)
	}
}

// afterAdding leads to the recovery codes if this was the person's first second step.
func (d *peopleDoor) afterAdding(w http.ResponseWriter, r *http.Request, v session.Visit) {
	codes, err := d.People.Shown(r.Context(), v)
	switch {
	case err != nil:
		d.broken(w, r, err)
	case len(codes) > 0:
		d.goTo(w, r, "/security/recovery-codes")
	default:
		d.goTo(w, r, "/security?done=passkey")
	}
}

func (d *peopleDoor) showRemovePasskey(w http.ResponseWriter, r *http.Request, v session.Visit) {
	id := r.URL.Query().Get("passkey")
	passkeys, err := d.People.Passkeys(r.Context(), v.User)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	at := slices.IndexFunc(passkeys, func(p session.Passkey) bool { return p.ID == id })
	if at < 0 {
		d.goTo(w, r, "/security")
		return
	}
	if !d.fresh(w, r, v, "/security/passkeys/remove?passkey="+id) {
		return
	}
	data := sureData{
		Question: d.say(r, "people.sure.passkey.title"), Lead: d.say(r, "people.sure.passkey.lead", "name", passkeys[at].Name),
		Action: "/security/passkeys/remove", Fields: []ui.Option{{Value: "passkey", Text: id}}, Button: "security.remove", Cancel: "/security",
	}
	if len(passkeys) == 1 && !v.User.TOTP {
		data.Warning = d.say(r, "people.sure.passkey.last")
	}
	d.sure(w, r, v, data)
}

func (d *peopleDoor) removePasskey(w http.ResponseWriter, r *http.Request, v session.Visit) {
	err := d.People.RemovePasskey(r.Context(), d.from(r), v, r.PostForm.Get("passkey"))
	switch {
	case err == nil:
		d.goTo(w, r, "/security?done=passkey_removed")
	case d.stale(w, r, err, "/security"):
	default:
		d.broken(w, r, err)
	}
}
