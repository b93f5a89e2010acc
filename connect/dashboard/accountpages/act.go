package accountpages

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// act is something that is done to an object on a page of its own: GET says in words
// and numbers what will happen, POST does it.
type act struct {
	permission    string
	title, button string // catalogue keys
	done          string // "done.<done>"
	danger        bool
	fields        []field
	says          func(r *http.Request, v *dashboard.Visit) ([]any, error)
	do            func(r *http.Request, v *dashboard.Visit, form *ui.Form) (*revealed, error)
	at            string // the list the object is of: "accounts" or "oauth-apps"
}

// field is one of a form. Its name is the API's parameter.
type field struct {
	Name, Label, Hint string
	Type              string // of the input; "" is text
	Options           []ui.Option
	Optional          bool
	Money             bool // is written in units of the desk's currency, sent in minor ones
	Rows              int
	Prefix            string
}

// revealed is a secret or a link that is shown once.
type revealed struct {
	Title, Note, Label string
	Value              string // "" when it was shown before
	Until              int64
}

type actView struct {
	Title, Button string
	Name          string
	Says          []any
	Fields        []field
	Danger        bool
	Problem       string
}

func (s *section) act(a act) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		id := r.PathValue("id")
		back := &ui.Link{Href: v.Path(a.at, id), Key: "act.back"}
		view := actView{Title: a.title, Button: a.button, Name: id, Fields: a.fields, Danger: a.danger}
		if a.says != nil {
			says, err := a.says(r, v)
			if err != nil {
				return err
			}
			view.Says = says
		}
		if r.Method != http.MethodPost {
			return s.renderAct(w, r, v, back, view, ui.NewForm(nil))
		}
		form := ui.PostedForm(r)
		shown, err := a.do(r, v, form)
		switch {
		case err != nil:
			return s.refused(w, r, v, back, view, form, err)
		case shown != nil:
			return s.reveal(w, r, v, back, shown)
		}
		return v.Go(w, r, v.Path(a.at, id), a.done)
	}
}

func (s *section) renderAct(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, back *ui.Link, view actView, form *ui.Form) error {
	status := 0
	if view.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	return s.pages.Render(w, r, v, "act", ui.View{Title: view.Title, Back: back, Data: view, Form: form, Status: status})
}

// refused shows the form again with what the API said; what is no fault of the form becomes a page.
func (s *section) refused(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, back *ui.Link, view actView, form *ui.Form, err error) error {
	message, refused := refusal(err)
	if !refused {
		return err
	}
	view.Problem = message
	return s.renderAct(w, r, v, back, view, form)
}

// refusal is what the API said to a form that it did not take.
func refusal(err error) (message string, refused bool) {
	var said *client.Error
	if !errors.As(err, &said) || said.Status != http.StatusBadRequest {
		return "", false
	}
	return said.Message, true
}

func (s *section) reveal(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, back *ui.Link, shown *revealed) error {
	w.Header().Set("Cache-Control", "no-store")
	return s.pages.Render(w, r, v, "reveal", ui.View{Title: shown.Title, Back: back, Data: shown})
}

// accountActs are what a platform does to a connected account.
var accountActs = map[string]act{
	"link": {
		at: "accounts", permission: "accounts:write", title: "link.title", button: "link.do",
		says: func(_ *http.Request, v *dashboard.Visit) ([]any, error) { return []any{v.Text("link.says")}, nil },
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			return onboardingLink(r, v, r.PathValue("id"), r.PostForm.Get("idempotency_key"))
		},
	},
	"hold": {
		at: "accounts", permission: "payout_holds:write", title: "hold.title", button: "hold.do", done: "held", danger: true,
		fields: []field{{Name: "reason", Label: "act.reason", Hint: "hold.reason"}},
		says: func(r *http.Request, v *dashboard.Visit) ([]any, error) {
			return stays(r, v, "hold.stays", "hold.pending")
		},
		do: func(r *http.Request, v *dashboard.Visit, form *ui.Form) (*revealed, error) {
			return nil, v.API.PostOnce(r.Context(), "/v1/payout_holds", url.Values{"account": {r.PathValue("id")}, "reason": {form.Value("reason")}},
				r.PostForm.Get("idempotency_key"), nil)
		},
	},
	"release": {
		at: "accounts", permission: "payout_holds:write", title: "release.title", button: "release.do", done: "released",
		says: func(r *http.Request, v *dashboard.Visit) ([]any, error) {
			return stays(r, v, "release.goes", "release.pending")
		},
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			all, err := holds(r, v, r.PathValue("id"))
			if err != nil {
				return nil, err
			}
			for _, h := range all {
				if err := v.API.PostOnce(r.Context(), "/v1/payout_holds/"+h.ID+"/release", nil, r.PostForm.Get("idempotency_key")+h.ID, nil); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	},
	"reject": {
		at: "accounts", permission: "accounts:write", title: "reject.title", button: "reject.do", done: "rejected", danger: true,
		fields: []field{{Name: "reason", Label: "act.reason", Options: []ui.Option{
			{Value: "fraud", Key: "reject.fraud"}, {Value: "terms_of_service", Key: "reject.terms"}, {Value: "other", Key: "reject.other"},
		}}},
		says: func(r *http.Request, v *dashboard.Visit) ([]any, error) {
			says, err := stays(r, v, "hold.stays", "hold.pending")
			return append([]any{v.Text("reject.says")}, says...), err
		},
		do: func(r *http.Request, v *dashboard.Visit, form *ui.Form) (*revealed, error) {
			return nil, v.API.PostOnce(r.Context(), "/v1/accounts/"+r.PathValue("id")+"/reject", url.Values{"reason": {form.Value("reason")}},
				r.PostForm.Get("idempotency_key"), nil)
		},
	},
	"unreject": {
		at: "accounts", permission: "accounts:write", title: "unreject.title", button: "unreject.do", done: "unrejected",
		says: func(_ *http.Request, v *dashboard.Visit) ([]any, error) { return []any{v.Text("unreject.says")}, nil },
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			return nil, v.API.PostOnce(r.Context(), "/v1/accounts/"+r.PathValue("id")+"/unreject", nil, r.PostForm.Get("idempotency_key"), nil)
		},
	},
	"disconnect": {
		at: "accounts", permission: "accounts:write", title: "disconnect.title", button: "disconnect.do", done: "disconnected", danger: true,
		says: func(r *http.Request, v *dashboard.Visit) ([]any, error) {
			found, err := connections(r, v, url.Values{"account": {r.PathValue("id")}})
			says := []any{v.Text("disconnect.says")}
			for _, c := range found {
				if c.Status == "active" {
					says = append(says, said(v, "disconnect.app", "app", c.ClientName))
				}
			}
			return says, err
		},
		do: func(r *http.Request, v *dashboard.Visit, _ *ui.Form) (*revealed, error) {
			found, err := connections(r, v, url.Values{"account": {r.PathValue("id")}})
			if err != nil {
				return nil, err
			}
			return nil, endAll(r, v, found)
		},
	},
}

// endAll ends connections; to end one twice changes nothing.
func endAll(r *http.Request, v *dashboard.Visit, found []wire.OAuthConnection) error {
	for _, c := range found {
		if c.Status != "active" {
			continue
		}
		if err := v.API.Post(r.Context(), "/v1/oauth_connections/"+c.ID+"/end", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// stays says how much money, and how many payouts, a hold is about.
func stays(r *http.Request, v *dashboard.Visit, amountKey, countKey string) (says []any, err error) {
	id := r.PathValue("id")
	for _, b := range balances(r, v, id) {
		says = append(says, v.Sentence(amountKey, "amount", v.Amount(b.Available, b.Currency)))
	}
	if !v.May("payouts:read") {
		return says, nil
	}
	var waiting wire.List[line]
	if err := v.For(id).Get(r.Context(), "/v1/payouts", url.Values{"status": {"pending"}, "limit": {"100"}}, &waiting); err != nil {
		return nil, err
	}
	n := strconv.Itoa(len(waiting.Data))
	if waiting.HasMore {
		n += "+"
	}
	return append(says, said(v, countKey, "n", n)), nil
}

// said is a text with values.
func said(v *dashboard.Visit, key string, args ...any) ui.Text { return v.Text(key, args...) }
