package accountpages

import (
	"net/http"
	"net/url"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// note is one as the page shows it.
type note struct {
	wire.AccountNote
	By any
}

// maxNotes are how many stand on the page; the API has all.
const maxNotes = 50

func (view *accountView) readNotes(r *http.Request, v *dashboard.Visit) error {
	view.Noted = v.May("account_notes:read")
	if !view.Noted {
		return nil
	}
	var found wire.List[wire.AccountNote]
	params := url.Values{"account": {view.Account.ID}, "limit": {"50"}}
	if err := v.API.Get(r.Context(), "/v1/account_notes", params, &found); err != nil {
		return err
	}
	for _, n := range found.Data[:min(len(found.Data), maxNotes)] {
		by := any(v.Link(n.Author))
		if n.Author == v.Person.ID {
			by = v.Text("note.you")
		}
		view.Notes = append(view.Notes, note{n, by})
	}
	return nil
}

func (s *section) addNote(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	params := url.Values{"account": {r.PathValue("id")}, "text": {form.Value("text")}}
	err := v.API.PostOnce(r.Context(), "/v1/account_notes", params, r.PostForm.Get("idempotency_key"), nil)
	if message, refused := refusal(err); refused {
		return s.showAccount(w, r, v, form, message)
	}
	if err != nil {
		return err
	}
	return v.Go(w, r, v.Path("accounts", r.PathValue("id")), "noted")
}

func (s *section) removeNote(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	if err := v.API.Delete(r.Context(), "/v1/account_notes/"+url.PathEscape(r.PathValue("note")), nil); err != nil {
		return err
	}
	return v.Go(w, r, v.Path("accounts", r.PathValue("id")), "unnoted")
}

// remindView is whom a reminder would go to.
type remindView struct {
	Rows    []reminded
	Sending int
	More    bool
	Problem string
}

type reminded struct {
	ID, Name, Email string
	Stage           string
	Due             int
	Reason          string // for which it is left out; "" if it is not
}

// remind shows who owes something, and e-mails those who are ticked (P-05).
func (s *section) remind(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	if r.Method == http.MethodPost {
		return s.sendReminders(w, r, v)
	}
	return s.renderRemind(w, r, v, "")
}

func (s *section) renderRemind(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, problem string) error {
	var owing struct {
		Data    []wire.Account
		HasMore bool `json:"has_more"`
	}
	if err := v.API.Get(r.Context(), "/v1/accounts", url.Values{"status": {"needs_action"}, "limit": {"100"}}, &owing); err != nil {
		return err
	}
	view, status := remindView{More: owing.HasMore, Problem: problem}, 0
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	asked, reasons := url.Values{"dry_run": {"true"}}, map[string]string{}
	for _, a := range owing.Data {
		asked.Add("accounts[]", a.ID)
	}
	if len(owing.Data) > 0 {
		var would wire.AccountReminder
		if err := v.API.Post(r.Context(), "/v1/account_reminders", asked, &would); err != nil {
			return err
		}
		view.Sending = len(would.Sent)
		for _, skipped := range would.Skipped {
			reasons[skipped.Account] = skipped.Reason
		}
	}
	for _, a := range owing.Data {
		view.Rows = append(view.Rows, reminded{a.ID, nameOf(a), value(a.Email), stage(a), len(a.Requirements.CurrentlyDue), reasons[a.ID]})
	}
	return s.pages.Render(w, r, v, "remind", ui.View{Title: "remind.title", Back: &ui.Link{Href: v.Path("accounts"), Key: "accounts.title"}, Data: view, Status: status})
}

func (s *section) sendReminders(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
	form := ui.PostedForm(r)
	chosen := form.Values("accounts")
	if len(chosen) == 0 {
		return s.renderRemind(w, r, v, string(v.Text("remind.nobody")))
	}
	var sent wire.AccountReminder
	err := v.API.PostOnce(r.Context(), "/v1/account_reminders", url.Values{"accounts[]": chosen}, r.PostForm.Get("idempotency_key"), &sent)
	if message, refused := refusal(err); refused {
		return s.renderRemind(w, r, v, message)
	}
	if err != nil {
		return err
	}
	return s.pages.Render(w, r, v, "reminded", ui.View{Title: "remind.done", Back: &ui.Link{Href: v.Path("accounts"), Key: "accounts.title"}, Data: sent})
}
