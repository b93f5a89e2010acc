package ui

import (
	"fmt"
	"net/http"
)

// errorSheet is a page of every room: its frame may hold the room's own words.
const errorSheet = "ui-error"

// problemView is what error.html shows: what happened, why, what next.
type problemView struct {
	What, Why any
	Next      *Link
	Kind      string
	RequestID string
}

// ErrorPage answers with what happened, why, what to do, and the request's id for
// support. key names three texts: key.title, key.body, and key.action for the
// button, which leads to next (see Pages.ErrorPage). requestID "" is taken from the
// answer's Request-Id header.
func (k *Kit) ErrorPage(w http.ResponseWriter, r *http.Request, status int, key string, requestID string) {
	k.errorPage(w, r, status, key, requestID, View{}, "", k.own)
}

// ErrorPage is the kit's, with this room's texts, the brand and mode of v, and a
// button to next if that is not "".
func (p *Pages) ErrorPage(w http.ResponseWriter, r *http.Request, status int, key string, next string, v View) {
	p.kit.errorPage(w, r, status, key, "", v, next, p)
}

func (k *Kit) errorPage(w http.ResponseWriter, r *http.Request, status int, key, requestID string, v View, next string, p *Pages) {
	s := p.speech[LocaleOf(r)]
	what, err := s.say(key + ".title")
	why, err2 := s.say(key + ".body")
	if err != nil || err2 != nil {
		k.cfg.Log.ErrorContext(r.Context(), "error page without text", "key", key)
		what, _ = s.say("ui.error.internal.title")
		why, _ = s.say("ui.error.internal.body")
	}
	if requestID == "" {
		requestID = w.Header().Get("Request-Id")
	}
	data := problemView{What: what, Why: why, Kind: "danger", RequestID: requestID}
	if next != "" {
		data.Next = &Link{Href: next, Key: "ui.error.back"}
		if action, err := s.say(key + ".action"); err == nil {
			data.Next.Key, data.Next.Text = "", fmt.Sprint(action)
		}
	}
	if status < http.StatusInternalServerError {
		data.Kind = "warning"
	}
	v.Data, v.Status, v.Form, v.Title = data, status, nil, "ui.error.page_title"
	body, err := p.execute(r, requestID, errorSheet, s.locale, v)
	if err != nil { // nothing in it can fail but a mistake in the kit
		k.cfg.Log.ErrorContext(r.Context(), "render error page", "error", err.Error())
		http.Error(w, http.StatusText(status), status)
		return
	}
	k.pageHeaders(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(s.locale))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
