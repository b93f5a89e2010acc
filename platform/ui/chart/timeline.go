package chart

import "html/template"

// Timeline is what happened to one thing, and what is still to come: across on a wide
// screen, downwards on a phone.
type Timeline struct {
	Label  string
	Events []Event
}

// Event is one moment.
type Event struct {
	Label string
	At    template.HTML // a <time>, or nothing for what is still to come
	Note  template.HTML // more about it
	State string        // done, now, failed, or "" for what is still to come
	Said  string        // the state in words
}

// HTML is the list.
func (t Timeline) HTML() template.HTML {
	var w writer
	w.f(`<ol class="timeline timeline-across" aria-label="%s">`, t.Label)
	for _, e := range t.Events {
		class := map[string]string{"done": "success", "now": "now", "failed": "danger"}[e.State]
		if class == "" {
			class = "wait"
		}
		w.f(`<li class="%s"><strong>%s</strong>`, class, e.Label)
		if e.Said != "" {
			w.f(`<span class="visually-hidden"> (%s)</span>`, e.Said)
		}
		if e.At != "" {
			w.f(` %s`, e.At)
		}
		if e.Note != "" {
			w.f(`<div class="small">%s</div>`, e.Note)
		}
		w.f(`</li>`)
	}
	w.f(`</ol>`)
	return w.html()
}
