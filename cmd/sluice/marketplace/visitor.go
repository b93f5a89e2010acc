package marketplace

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	cookieName  = "tutorhub_visitor"
	maxVisitors = 200 // the longest unseen is forgotten
	maxAsks     = 8   // of one visitor under way; the oldest is forgotten
	maxTutors   = 12
	maxCalls    = 10
)

// visitors are the browsers that have been here.
type visitors struct{ known *lru.Cache[string, *visitor] }

func newVisitors() *visitors {
	known, err := lru.New[string, *visitor](maxVisitors)
	if err != nil {
		panic("marketplace: " + err.Error()) // only a size of zero does that
	}
	return &visitors{known}
}

// of is the visitor behind a request, a new one if there is none yet.
func (v *visitors) of(w http.ResponseWriter, r *http.Request) *visitor {
	if c, err := r.Cookie(cookieName); err == nil {
		if known, ok := v.known.Get(c.Value); ok {
			return known
		}
	}
	id, fresh := rand.Text(), &visitor{}
	v.known.Add(id, fresh)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: Path, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return fresh
}

// visitor is one browser and the tutors who were connected in it.
type visitor struct {
	mu     sync.Mutex
	asks   []ask
	tutors []tutor
	calls  []call
	notice *notice
}

// ask is a tutor who was sent to Sluice and has not come back yet.
type ask struct {
	state, verifier string
	tutor           tutor
}

// tutor is what TutorHub keeps of a connection: the account's id and its own notes.
// Tokens are not among them; the platform's key and Stripe-Account do all they could.
type tutor struct {
	Account string
	Name    string // as typed here; may be ""
	Subject string
	Express bool
}

// call is a line of "behind this page".
type call struct {
	Request string // POST /oauth/token
	Result  string // acct_…
	Why     string // catalogue key
	Failed  bool
}

// notice is told once, on the next page.
type notice struct {
	Kind, Key string
	Args      []any
}

func (v *visitor) asking(a ask) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asks = append(v.asks, a)
	if len(v.asks) > maxAsks {
		v.asks = v.asks[1:]
	}
}

// asked takes the ask with this state; an answer is good for one.
func (v *visitor) asked(state string) (ask, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.asks, func(a ask) bool { return a.state == state })
	if i < 0 {
		return ask{}, false
	}
	a := v.asks[i]
	v.asks = slices.Delete(v.asks, i, i+1)
	return a, true
}

// add puts a tutor first; one who connects again keeps one place.
func (v *visitor) add(t tutor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tutors = slices.DeleteFunc(v.tutors, func(other tutor) bool { return other.Account == t.Account })
	v.tutors = slices.Insert(v.tutors, 0, t)
	if len(v.tutors) > maxTutors {
		v.tutors = v.tutors[:maxTutors]
	}
}

func (v *visitor) remove(account string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tutors = slices.DeleteFunc(v.tutors, func(t tutor) bool { return t.Account == account })
}

// tutor is one of this visitor's: forms name accounts, and only the own ones count.
func (v *visitor) tutor(account string) (tutor, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.tutors, func(t tutor) bool { return t.Account == account })
	if i < 0 {
		return tutor{}, false
	}
	return v.tutors[i], true
}

func (v *visitor) made(c call) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, c)
	if len(v.calls) > maxCalls {
		v.calls = v.calls[1:]
	}
}

func (v *visitor) tell(kind, key string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notice = &notice{kind, key, args}
}

// take is all there is to show; the notice is told with it.
func (v *visitor) take() (tutors []tutor, calls []call, told *notice) {
	v.mu.Lock()
	defer v.mu.Unlock()
	told, v.notice = v.notice, nil
	return slices.Clone(v.tutors), slices.Clone(v.calls), told
}
