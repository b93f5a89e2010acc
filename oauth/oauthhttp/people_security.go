package oauthhttp

import (
	"net/http"
	"strings"
	"time"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/ui"
)

// shownActivity is how many lines the security page shows.
const shownActivity = 20

type securityData struct {
	Done     string
	Zone     *time.Location
	User     session.User
	Steps    session.Steps
	Passkeys []session.Passkey
	CanAdd   bool
	Sessions []sessionLine
	Others   bool
	Activity []activityLine
}

type sessionLine struct {
	session.Session
	Device string // "" for one we cannot name
	Here   bool
}

type activityLine struct {
	session.Activity
	Key    string
	Device string
}

func (d *peopleDoor) showSecurity(w http.ResponseWriter, r *http.Request, v session.Visit) {
	data := securityData{
		Done: doneOf(r, "password", "totp_off", "passkey", "passkey_removed", "ended", "recovery"), Zone: d.Zone, User: v.User, CanAdd: d.People.CanPasskey(),
	}
	var err error
	if data.Steps, err = d.People.Steps(r.Context(), v.User); err == nil {
		data.Passkeys, err = d.People.Passkeys(r.Context(), v.User)
	}
	if err != nil {
		d.broken(w, r, err)
		return
	}
	sessions, err := d.People.Sessions(r.Context(), v.User)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	for _, s := range sessions {
		data.Sessions = append(data.Sessions, sessionLine{Session: s, Device: deviceOf(s.UserAgent), Here: s.ID == v.Session.ID})
	}
	data.Others = len(sessions) > 1
	activity, err := d.People.Activity(r.Context(), v.User, shownActivity)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	for _, a := range activity {
		data.Activity = append(data.Activity, activityLine{Activity: a, Key: "security.activity." + a.Kind, Device: deviceOf(a.UserAgent)})
	}
	d.pages.Render(w, r, "people-security", d.personal(v, "security.title", "security", data))
}

// deviceOf names a browser and its system from the user agent; "" if it tells neither.
// It is a help to recognise one's own devices, not evidence.
func deviceOf(agent string) string {
	find := func(marks [][2]string) string {
		for _, m := range marks {
			if strings.Contains(agent, m[0]) {
				return m[1]
			}
		}
		return ""
	}
	// The order matters: every browser claims to be others, too.
	browser := find([][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}})
	if browser != "" && system != "" {
		return browser + " · " + system
	}
	return browser + system
}

func (d *peopleDoor) endSession(w http.ResponseWriter, r *http.Request, v session.Visit) {
	var err error
	if r.PostForm.Get("session") == "others" {
		err = d.People.EndOthers(r.Context(), v, d.from(r))
	} else {
		err = d.People.EndSession(r.Context(), v, d.from(r), r.PostForm.Get("session"))
	}
	if err != nil {
		d.broken(w, r, err)
		return
	}
	d.goTo(w, r, "/security?done=ended")
}

type confirmData struct {
	Post    string
	Email   string
	TOTP    bool
	Passkey *passkeyForm
	UseTOTP bool
	Other   string // the same page with the other question
}

func (d *peopleDoor) confirmPage(w http.ResponseWriter, r *http.Request, v session.Visit, form *ui.Form) {
	steps, err := d.People.Steps(r.Context(), v.User)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	next := nextOf(r)
	data := confirmData{Post: withNext("/security/confirm", next), Email: v.User.Email, TOTP: steps.TOTP, UseTOTP: steps.TOTP && form.Value("use") == "totp", Other: withNext("/security/confirm", next)}
	if !data.UseTOTP {
		data.Other = and(data.Other, "use=totp")
	}
	if steps.Passkeys > 0 && d.People.CanPasskey() {
		data.Passkey = &passkeyForm{withNext("/security/confirm/passkey", next), "/security/confirm/passkey/options", "get", "people.passkey.use", "secondary"}
	}
	view := d.narrow(v, "security.confirm.title", "/security", data)
	view.Form, view.Status = form, shownStatus(w)
	d.pages.Render(w, r, "people-confirm", view)
}

func (d *peopleDoor) showConfirm(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.confirmPage(w, r, v, ui.NewForm(map[string][]string{"use": {r.URL.Query().Get("use")}}))
}

func (d *peopleDoor) confirm(w http.ResponseWriter, r *http.Request, v session.Visit) {
	form := ui.PostedForm(r)
	var err error
	if form.Value("use") == "totp" {
		err = d.People.StepUpTOTP(r.Context(), d.from(r), v, form.Value("code"))
	} else {
		err = d.People.StepUpPassword(r.Context(), d.from(r), v, password(r, "password"))
	}
	if err != nil {
		if d.fail(w, r, form, err) {
			d.confirmPage(w, r, v, form)
		}
		return
	}
	d.goTo(w, r, d.orSecurity(nextOf(r)))
}

func (d *peopleDoor) orSecurity(next string) string {
	if next == "" {
		return "/security"
	}
	return next
}

// stale reports an error that asks for a proof first, and asks for it.
func (d *peopleDoor) stale(w http.ResponseWriter, r *http.Request, err error, back string) bool {
	if f := fault.As(err); f == nil || f.Code != "step_up_required" {
		return false
	}
	d.goTo(w, r, withNext("/security/confirm", back))
	return true
}

// sureData asks once more before something is gone.
type sureData struct {
	Question, Lead ui.Text
	Warning        ui.Text // "" for none
	Action         string
	Fields         []ui.Option // hidden ones: Value is the name, Text the value
	Button         string
	Cancel         string
}

func (d *peopleDoor) sure(w http.ResponseWriter, r *http.Request, v session.Visit, data sureData) {
	view := d.narrow(v, "people.sure", data.Cancel, data)
	d.pages.Render(w, r, "people-sure", view)
}

func (d *peopleDoor) say(r *http.Request, key string, args ...any) ui.Text {
	return ui.Text(d.pages.Text(ui.LocaleOf(r), key, args...))
}

type totpData struct {
	Key     session.TOTPKey
	Picture any
	Secret  string
	Pending bool
}

func (d *peopleDoor) totpPage(w http.ResponseWriter, r *http.Request, v session.Visit, form *ui.Form) {
	if v.User.TOTP {
		d.goTo(w, r, "/security")
		return
	}
	if !d.fresh(w, r, v, "/security/totp") {
		return
	}
	key, pending, err := d.People.PendingTOTP(r.Context(), v)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	data := totpData{Pending: pending}
	if pending {
		if data.Picture, err = qrPicture(key.URI, d.pages.Text(ui.LocaleOf(r), "security.totp.picture")); err != nil {
			d.broken(w, r, err)
			return
		}
		data.Secret = inFours(key.Secret.Reveal())
	}
	view := d.narrow(v, "security.totp.title", "/security", data)
	view.Form, view.Status = form, shownStatus(w)
	d.pages.Render(w, r, "people-totp", view)
}

// inFours is easier to type off.
func inFours(s string) string {
	var parts []string
	for len(s) > 4 {
		parts, s = append(parts, s[:4]), s[4:]
	}
	return strings.Join(append(parts, s), " ")
}

func (d *peopleDoor) showTOTP(w http.ResponseWriter, r *http.Request, v session.Visit) {
	d.totpPage(w, r, v, ui.NewForm(nil))
}

func (d *peopleDoor) startTOTP(w http.ResponseWriter, r *http.Request, v session.Visit) {
	err := d.People.StartTOTP(r.Context(), v)
	if err != nil && fault.As(err) == nil {
		d.broken(w, r, err)
		return
	}
	d.goTo(w, r, "/security/totp") // which asks for a proof, or shows that the app is there already
}

func (d *peopleDoor) confirmTOTP(w http.ResponseWriter, r *http.Request, v session.Visit) {
	form := ui.PostedForm(r)
	err := d.People.ConfirmTOTP(r.Context(), d.from(r), v, form.Value("code"))
	switch {
	case err == nil:
		d.goTo(w, r, "/security/recovery-codes")
	case d.stale(w, r, err, "/security/totp"):
	case d.fail(w, r, form, err):
		d.totpPage(w, r, v, form)
	}
}

func (d *peopleDoor) showRemoveTOTP(w http.ResponseWriter, r *http.Request, v session.Visit) {
	if !v.User.TOTP {
		d.goTo(w, r, "/security")
		return
	}
	if d.fresh(w, r, v, "/security/totp/remove") {
		d.sure(w, r, v, sureData{
			Question: d.say(r, "security.totp_remove.title"), Lead: d.say(r, "security.totp_remove.lead"), Action: "/security/totp/remove",
			Button: "security.totp_remove.button", Cancel: "/security",
		})
	}
}

func (d *peopleDoor) removeTOTP(w http.ResponseWriter, r *http.Request, v session.Visit) {
	err := d.People.StopTOTP(r.Context(), d.from(r), v)
	switch {
	case err == nil:
		d.goTo(w, r, "/security?done=totp_off")
	case d.stale(w, r, err, "/security/totp/remove"):
	default:
		d.broken(w, r, err)
	}
}

type recoveryData struct {
	Codes []string
	Left  int
}

// showRecovery shows the codes that have just been made; later it tells only how
// many are left and offers new ones.
func (d *peopleDoor) showRecovery(w http.ResponseWriter, r *http.Request, v session.Visit) {
	if !d.fresh(w, r, v, "/security/recovery-codes") {
		return
	}
	steps, err := d.People.Steps(r.Context(), v.User)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	if !steps.Any() {
		d.goTo(w, r, "/security")
		return
	}
	codes, err := d.People.Shown(r.Context(), v)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	d.pages.Render(w, r, "people-recovery", d.narrow(v, "security.recovery.title", "/security", recoveryData{Codes: codes, Left: steps.Recovery}))
}

func (d *peopleDoor) renewRecovery(w http.ResponseWriter, r *http.Request, v session.Visit) {
	err := d.People.RenewRecovery(r.Context(), d.from(r), v)
	switch {
	case err == nil:
		d.goTo(w, r, "/security/recovery-codes")
	case d.stale(w, r, err, "/security/recovery-codes"):
	default:
		d.broken(w, r, err)
	}
}

func (d *peopleDoor) forgetRecovery(w http.ResponseWriter, r *http.Request, v session.Visit) {
	if err := d.People.ForgetShown(r.Context(), v); err != nil {
		d.broken(w, r, err)
		return
	}
	d.goTo(w, r, "/security?done=recovery")
}
