package webhook

import (
	"context"
	"encoding/json"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// A listener is a device of a developer that pulls events through a socket it
// opened, because nobody can post to it. It is kept as two endpoints, one for the
// account's own events and one for those of connected accounts, so that what comes
// while nobody listens is pending like that of any endpoint.

const (
	// maxDevice bounds a device's name, in characters.
	maxDevice = 200
	// maxDevices bounds an account's listeners of one mode, because every event is
	// matched with all of them. One more, and the one that was silent longest goes.
	maxDevices = 20
	// forgetAfter is how long a listener may be silent before it is forgotten.
	forgetAfter = 7 * 24 * time.Hour
	// sessionFor is how long a session lets its device connect, and stay.
	sessionFor = 12 * time.Hour
	// maxPast bounds how many events of the past a device gets at once.
	maxPast = 5000
	// sessionIn is the table name that sessions are sealed for. They are nowhere
	// stored: a session is its own sealed text in the hands of the device.
	sessionIn = "connect.webhook_listeners"
)

// NewListener says who wants to listen, and to what.
type NewListener struct {
	Device        string   // the same name again resumes where it stopped
	EnabledEvents []string // nil is all
	// Forwards and ForwardsConnect tell whether the device hands events on to an
	// application, so that an answer follows its acknowledgement.
	Forwards, ForwardsConnect bool
	// Since is where to begin; zero is where the device stopped.
	Since Since
	Key   string // id of the API key that asks
}

// Since is where a device begins: after an event or a time of the past, or now,
// without what waits for it.
type Since struct {
	Event string // evt_…
	At    time.Time
	Now   bool
}

// Opened is a new session.
type Opened struct {
	Session secret.Text // proves to Connect who it is
	Secret  secret.Text // signs both endpoints' events
}

// session is what a sealed session says.
type session struct {
	Account         string    `json:"account"`
	Livemode        bool      `json:"livemode"`
	Device          string    `json:"device"`
	Key             string    `json:"key"`
	Own             string    `json:"own"`     // we_…
	Connect         string    `json:"connect"` // we_…
	Forwards        bool      `json:"forwards,omitempty"`
	ForwardsConnect bool      `json:"forwards_connect,omitempty"`
	Until           time.Time `json:"until"`
}

func (s session) endpoints() []string { return []string{s.Own, s.Connect} }

// Open starts a session of a device of scope.Account. A device not known yet hears
// what happens from now on; a known one gets what came since it stopped, under the
// signing secret it had. A filter other than the last one's holds what it leaves out.
func (l *Listeners) Open(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, want NewListener) (Opened, error) {
	if err := want.check(scope); err != nil {
		return Opened{}, err
	}
	if err := lockListeners(ctx, tx, scope); err != nil {
		return Opened{}, err
	}
	pair, err := findListener(ctx, tx, scope, want.Device)
	if err != nil {
		return Opened{}, err
	}
	if len(pair) == 0 {
		pair, err = l.register(ctx, tx, at, scope, want)
	} else {
		err = refilter(ctx, tx, pair, want.EnabledEvents)
	}
	if err != nil {
		return Opened{}, err
	}
	opened := session{
		Account: scope.Account, Livemode: scope.Livemode, Device: want.Device, Key: want.Key,
		Forwards: want.Forwards, ForwardsConnect: want.ForwardsConnect, Until: at.Add(sessionFor),
	}
	for _, e := range pair {
		if e.Connect {
			opened.Connect = e.ID
		} else {
			opened.Own = e.ID
		}
	}
	if err := l.begin(ctx, tx, at, opened, want.EnabledEvents, want.Since); err != nil {
		return Opened{}, err
	}
	return l.seal(ctx, tx, opened)
}

func (l *Listeners) seal(ctx context.Context, tx bun.Tx, s session) (Opened, error) {
	key, err := l.signingSecret(ctx, tx, s.Own)
	if err != nil {
		return Opened{}, err
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return Opened{}, err
	}
	sealed, err := l.cfg.Ring.Seal(secret.New(string(plain)), sessionIn, "session")
	return Opened{Session: secret.New(sealed), Secret: key}, err
}

// unseal reads what seal made; anything else, and an ended session, is errSession.
func (l *Listeners) unseal(text string) (session, error) {
	var s session
	plain, err := l.cfg.Ring.Open(text, sessionIn, "session")
	if err != nil || json.Unmarshal([]byte(plain.Reveal()), &s) != nil || !l.cfg.Clock.Now().Before(s.Until) {
		return session{}, errSession
	}
	return s, nil
}

func (w *NewListener) check(scope tenant.Scope) error {
	if scope.Connected() {
		return fault.Invalidf("parameter_invalid", "", "Listen with a key of the platform itself: events of its connected accounts come to it, marked with their account.")
	}
	if w.Device == "" {
		return fault.Missing("device_name")
	}
	if utf8.RuneCountInString(w.Device) > maxDevice || !printableName(w.Device) {
		return fault.Invalidf("parameter_invalid", "device_name", "Invalid device_name: must be at most %d printable characters.", maxDevice)
	}
	if w.EnabledEvents == nil {
		w.EnabledEvents = []string{"*"}
	}
	return checkPatterns(w.EnabledEvents)
}

func printableName(name string) bool {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// register makes both endpoints of a device, under one secret: the device has one
// to check all its events with.
func (l *Listeners) register(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, want NewListener) ([]Endpoint, error) {
	if err := makeRoom(ctx, tx, at, scope); err != nil {
		return nil, err
	}
	key, err := newSigningSecret()
	if err != nil {
		return nil, err
	}
	pair := make([]Endpoint, 0, 2)
	for _, connect := range []bool{false, true} {
		e := Endpoint{
			ID: id.New("we"), Account: scope.Account, Livemode: scope.Livemode, Connect: connect, EnabledEvents: want.EnabledEvents,
			CreatedAt: at, Payload: Snapshot, Ordered: true, Listener: want.Device,
		}
		sealed, err := l.cfg.Ring.Seal(key, sealedIn, e.ID)
		if err != nil {
			return nil, err
		}
		if err := insertEndpoint(ctx, tx, e); err != nil {
			return nil, err
		}
		if err := insertSecret(ctx, tx, secretRow{ID: id.New("whs"), Endpoint: e.ID, SealedSecret: sealed, CreatedAt: at}); err != nil {
			return nil, err
		}
		pair = append(pair, e)
	}
	return pair, touchListener(ctx, tx, pair, at)
}

// refilter gives a device another filter. What is pending and left out by it is
// held: it would come as a surprise later.
func refilter(ctx context.Context, tx bun.Tx, pair []Endpoint, patterns []string) error {
	for _, e := range pair {
		if slices.Equal(e.EnabledEvents, patterns) {
			continue
		}
		if err := updateListener(ctx, tx, e.ID, patterns); err != nil {
			return err
		}
		if err := holdUnwanted(ctx, tx, e.ID, patterns); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom forgets the devices that were silent longest while there are too many.
func makeRoom(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope) error {
	devices, err := listDevices(ctx, tx, scope)
	if err != nil {
		return err
	}
	for len(devices) >= maxDevices {
		pair, err := findListener(ctx, tx, scope, devices[0])
		if err != nil {
			return err
		}
		if err := forgetListener(ctx, tx, pair, at); err != nil {
			return err
		}
		devices = devices[1:]
	}
	return nil
}

// begin puts a device where it wants to go on from.
func (l *Listeners) begin(ctx context.Context, tx bun.Tx, at time.Time, s session, patterns []string, since Since) error {
	switch {
	case since.Now:
		for _, endpointID := range s.endpoints() {
			if err := holdDeliveries(ctx, tx, endpointID); err != nil {
				return err
			}
		}
	case since.Event != "":
		return fromLog(ctx, tx, at, s, patterns, since.Event)
	case !since.At.IsZero():
		return fromLog(ctx, tx, at, s, patterns, id.First("evt", since.At))
	}
	return nil
}

// fromLog sends a device the events after one that it wants, whether it had them
// or not. Those the subscriber has yet to handle come the usual way.
func fromLog(ctx context.Context, tx bun.Tx, at time.Time, s session, patterns []string, after string) error {
	events, err := event.Handled(ctx, tx, Consumer, s.Account, s.Livemode, after, maxPast+1)
	if err != nil {
		return err
	}
	if len(events) > maxPast {
		return fault.Invalidf("parameter_invalid", "since", "More than %d events came since then: begin with a later one.", maxPast)
	}
	wanted := make([]older, 0, len(events))
	for _, e := range events {
		to := older{endpoint: s.Own, Incoming: Incoming{ID: e.ID, Type: e.Type, Account: e.Account, ObjectID: e.ObjectID}}
		if e.Account != s.Account {
			to.endpoint = s.Connect
		}
		if !(Endpoint{EnabledEvents: patterns}).Wants(e.Type) {
			continue
		}
		if to.Envelope, err = e.Envelope(); err != nil {
			return err
		}
		wanted = append(wanted, to)
	}
	return insertFromLog(ctx, tx, at, wanted)
}

func forgetListener(ctx context.Context, tx bun.Tx, pair []Endpoint, at time.Time) error {
	for _, e := range pair {
		if err := deleteEndpoint(ctx, tx, e.ID, at); err != nil {
			return err
		}
		if err := holdDeliveries(ctx, tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}
