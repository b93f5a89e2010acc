package connect

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Log records events in the transaction of the change.
type Log interface {
	Append(ctx context.Context, tx bun.Tx, events ...event.Event) error
}

// change is amend for a caller who may change the account.
func (s *Accounts) change(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, edit func(*Account) error) (Account, error) {
	return s.amend(ctx, tx, at, scope, account, func(a *Account) error {
		if err := s.mayChange(a); err != nil {
			return err
		}
		return edit(a)
	})
}

// amend locks an account, edits it in memory, writes what became different and
// records the events. An edit without visible effect writes nothing.
func (s *Accounts) amend(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account string, edit func(*Account) error) (Account, error) {
	a, err := s.load(ctx, tx, scope, account, true)
	if err != nil {
		return Account{}, err
	}
	a.at = later(a.standingAt, a.CreatedAt) // what the last event said
	before, err := picture(a)
	if err != nil {
		return Account{}, err
	}
	a.at = at
	if err := edit(&a); err != nil {
		return Account{}, err
	}
	s.cache.forget(a.ID)
	r := recorder{svc: s, ctx: ctx, tx: tx, at: at, account: &a}
	if err := r.save(before); err != nil {
		return Account{}, err
	}
	return a, s.cfg.Log.Append(ctx, tx, r.events...)
}

// insert writes a new account and the events of its birth, each object's version one.
func (s *Accounts) insert(ctx context.Context, tx bun.Tx, at time.Time, a *Account) error {
	a.Version = 1
	s.equip(a, at)
	if err := insertAccount(ctx, tx, a); err != nil {
		return err
	}
	r := recorder{svc: s, ctx: ctx, tx: tx, at: at, account: a}
	if err := r.reconcile(snapshot{}); err != nil {
		return err
	}
	a.note(s.hearing(a.Livemode), at)
	if err := saveBook(ctx, tx, a); err != nil {
		return err
	}
	if err := r.saveParts(snapshot{}); err != nil {
		return err
	}
	if err := r.event("account.updated", a.ID, 1, a.Wire(), nil); err != nil {
		return err
	}
	return s.cfg.Log.Append(ctx, tx, r.events...)
}

// snapshot is how an account and its parts looked in the API.
type snapshot struct {
	account      json.RawMessage
	balance      json.RawMessage // its balance settings
	closed       bool
	capabilities map[string]json.RawMessage
	externals    map[string]ExternalAccount
	shown        map[string]json.RawMessage // externals as the API shows them
	persons      map[string]*Person
	people       map[string]json.RawMessage // persons as the API shows them
	book         bookState
}

func picture(a Account) (snapshot, error) {
	s := snapshot{
		closed: !a.ClosedAt.IsZero(), capabilities: map[string]json.RawMessage{},
		externals: map[string]ExternalAccount{}, shown: map[string]json.RawMessage{},
		persons: map[string]*Person{}, people: map[string]json.RawMessage{},
	}
	var err error
	if s.book, err = a.bookState(); err != nil {
		return s, err
	}
	standing := a.Standing()
	for _, p := range a.Persons {
		s.persons[p.ID] = p
		if s.people[p.ID], err = json.Marshal(a.personWire(p, standing)); err != nil {
			return s, fmt.Errorf("encode person: %w", err)
		}
	}
	if s.account, err = json.Marshal(a.Wire()); err != nil {
		return s, fmt.Errorf("encode account: %w", err)
	}
	if s.balance, err = json.Marshal(a.balanceSettingsWire(standing)); err != nil {
		return s, fmt.Errorf("encode balance settings: %w", err)
	}
	for _, c := range a.Capabilities {
		if s.capabilities[c.Name], err = json.Marshal(a.capabilityWire(c, standing)); err != nil {
			return s, fmt.Errorf("encode capability: %w", err)
		}
	}
	for _, e := range a.ExternalAccounts {
		s.externals[e.ID] = e
		if s.shown[e.ID], err = json.Marshal(e.Wire()); err != nil {
			return s, fmt.Errorf("encode external account: %w", err)
		}
	}
	return s, nil
}

// recorder writes one account's changes and gathers their events.
type recorder struct {
	svc     *Accounts
	ctx     context.Context
	tx      bun.Tx
	at      time.Time
	account *Account
	events  []event.Event
}

func (r *recorder) save(before snapshot) error {
	if err := r.reconcile(before); err != nil {
		return err
	}
	if err := r.saveParts(before); err != nil {
		return err
	}
	r.account.note(r.svc.hearing(r.account.Livemode), r.at)
	previous, err := patch.Changed(before.account, r.account.Wire())
	if err != nil {
		return err
	}
	if previous == nil && before.closed == !r.account.ClosedAt.IsZero() {
		state, err := r.account.bookState()
		if err != nil || state == before.book {
			return err
		}
		return saveBook(r.ctx, r.tx, r.account)
	}
	if previous == nil { // closed: an update that replaced nothing one can see
		previous = json.RawMessage("{}")
	}
	r.account.Version++
	settings, wasSettings, err := r.balanceSettings(before)
	if err != nil {
		return err
	}
	if err := updateAccount(r.ctx, r.tx, r.account); err != nil {
		return err
	}
	if err := r.event("account.updated", r.account.ID, r.account.Version, r.account.Wire(), previous); err != nil || wasSettings == nil {
		return err
	}
	return r.event("balance_settings.updated", r.account.ID+".balance_settings", r.account.SettingsVersion, settings, wasSettings)
}

// balanceSettings is what became of the balance settings, and what they were if
// that is different: then they have a next version. They are part of the account
// as it is shown, so an account that looks the same has the same.
func (r *recorder) balanceSettings(before snapshot) (now wire.BalanceSettings, previous json.RawMessage, err error) {
	now = r.account.BalanceSettingsWire()
	if previous, err = patch.Changed(before.balance, now); previous != nil {
		r.account.SettingsVersion++
	}
	return now, previous, err
}

func (r *recorder) saveParts(before snapshot) error {
	if err := r.saveExternals(before); err != nil {
		return err
	}
	if err := r.savePersons(before); err != nil {
		return err
	}
	if err := saveNumbers(r.ctx, r.tx, r.account); err != nil {
		return err
	}
	for i := range r.account.Capabilities {
		if err := r.saveCapability(&r.account.Capabilities[i], before); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) saveCapability(c *Capability, before snapshot) error {
	w := r.account.CapabilityWire(*c)
	var previous json.RawMessage
	if was, existed := before.capabilities[c.Name]; existed {
		var err error
		if previous, err = patch.Changed(was, w); err != nil || previous == nil {
			return err
		}
	}
	c.Version++
	if err := saveCapability(r.ctx, r.tx, r.account.ID, *c); err != nil {
		return err
	}
	return r.event("capability.updated", r.account.ID+"."+c.Name, c.Version, w, previous)
}

// saveExternals removes, then changes, then adds: a currency's old default steps
// down before the new one is written, as the unique index demands.
func (r *recorder) saveExternals(before snapshot) error {
	for _, e := range before.externals {
		if _, err := r.account.external(e.ID); err == nil {
			continue
		}
		e.Version++
		if err := deleteExternal(r.ctx, r.tx, r.at, e); err != nil {
			return err
		}
		if err := r.event("account.external_account.deleted", e.ID, e.Version, e.Wire(), nil); err != nil {
			return err
		}
	}
	order := make([]int, len(r.account.ExternalAccounts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return rank(r.account.ExternalAccounts[i]) - rank(r.account.ExternalAccounts[j]) })
	for _, i := range order {
		if err := r.saveExternal(&r.account.ExternalAccounts[i], before); err != nil {
			return err
		}
	}
	return nil
}

// savePersons removes, then writes whoever looks different, be it only in what they owe.
func (r *recorder) savePersons(before snapshot) error {
	for _, gone := range before.persons {
		if _, err := r.account.Person(gone.ID); err == nil {
			continue
		}
		version := gone.Version + 1
		if err := deletePerson(r.ctx, r.tx, r.at, r.account, gone.ID, version); err != nil {
			return err
		}
		if err := r.event("person.deleted", gone.ID, version, gone.Person, nil); err != nil {
			return err
		}
	}
	standing := r.account.Standing()
	for _, p := range r.account.Persons {
		if err := r.savePerson(p, r.account.personWire(p, standing), before.people[p.ID]); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) savePerson(p *Person, shown wire.Person, was json.RawMessage) error {
	if was == nil {
		p.Version = 1
		if err := insertPerson(r.ctx, r.tx, r.account, p); err != nil {
			return err
		}
		return r.event("person.created", p.ID, 1, shown, nil)
	}
	previous, err := patch.Changed(was, shown)
	if err != nil || previous == nil && !p.recast {
		return err
	}
	if p.recast = false; previous == nil {
		return updatePerson(r.ctx, r.tx, r.account, p)
	}
	p.Version++
	if err := updatePerson(r.ctx, r.tx, r.account, p); err != nil {
		return err
	}
	return r.event("person.updated", p.ID, p.Version, shown, previous)
}

func rank(e ExternalAccount) int {
	if e.Default {
		return 1
	}
	return 0
}

func (r *recorder) saveExternal(e *ExternalAccount, before snapshot) error {
	was, existed := before.shown[e.ID]
	if !existed {
		if err := insertExternal(r.ctx, r.tx, *e); err != nil {
			return err
		}
		return r.event("account.external_account.created", e.ID, e.Version, e.Wire(), nil)
	}
	previous, err := patch.Changed(was, e.Wire())
	if err != nil || previous == nil {
		return err
	}
	e.Version++
	if err := updateExternal(r.ctx, r.tx, *e); err != nil {
		return err
	}
	return r.event("account.external_account.updated", e.ID, e.Version, e.Wire(), previous)
}

func (r *recorder) event(kind, object string, version int64, shown any, previous json.RawMessage) error {
	raw, err := json.Marshal(shown)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	origin := event.OriginOf(r.ctx)
	r.events = append(r.events, event.Event{
		ID: id.New("evt"), Type: kind, Account: r.account.ID, Platform: r.account.Platform, Livemode: r.account.Livemode,
		ObjectID: object, ObjectVersion: version, Object: raw, Previous: previous,
		RequestID: origin.RequestID, IdempotencyKey: origin.IdempotencyKey, CreatedAt: r.at,
	})
	return nil
}

// DeletedWire is what remains of a deleted account.
func DeletedWire(account string) wire.Deleted {
	return wire.Deleted{ID: account, Object: "account", Deleted: true}
}
