package connect

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/wire"
)

// book is what an account keeps beside what the API shows: how its verification
// stands, what its last event said, and what Derive needs of the surroundings.
type book struct {
	at       time.Time // the moment that Standing speaks of
	rules    *Rules
	verified bool // somebody verifies identities in this mode

	checks  map[string]*check // by subject: a person's id, "company" or "external_account"
	numbers []identityNumber
	touched map[string]bool // what this change gave anew, by subject and name

	standingAt time.Time // as of when the last event told the standing
	dueAt      time.Time // when the standing changes by itself; zero if it does not
	known      string    // the rules known then

	stageNow Stage  // the standing in one word, for lists
	owes     bool   // something is currently due
	knownAs  string // the name, in small letters
}

type bookRow struct {
	Checks        json.RawMessage `bun:"type:jsonb"`
	StandingAt    bun.NullTime
	StandingDueAt bun.NullTime
	Rules         string
	Stage         Stage
	Owes          bool
	KnownAs       string
}

func (b book) bookRow() bookRow {
	return bookRow{StandingAt: bun.NullTime{Time: b.standingAt}, StandingDueAt: bun.NullTime{Time: b.dueAt}, Rules: b.known,
		Stage: b.stageNow, Owes: b.owes, KnownAs: b.knownAs}
}

func (r bookRow) book() book {
	return book{standingAt: r.StandingAt.Time, dueAt: r.StandingDueAt.Time, known: r.Rules,
		stageNow: r.Stage, owes: r.Owes, knownAs: r.KnownAs}
}

// equip gives an account the surroundings of its standing.
func (s *Accounts) equip(a *Account, at time.Time) {
	a.at, a.rules, a.verified = at, s.rules(), s.cfg.Verifiers.For(a.Livemode) != nil
	if a.checks == nil {
		a.checks = map[string]*check{}
	}
}

func (s *Accounts) rules() *Rules {
	if s.cfg.Rules != nil {
		return s.cfg.Rules
	}
	return DefaultRules()
}

// hearing is what an account has heard of once its rules column says so.
func (s *Accounts) hearing(livemode bool) string {
	if s.cfg.Verifiers.For(livemode) == nil {
		return s.rules().Name()
	}
	return s.rules().Name() + " verified"
}

// Terms are the terms of service that whoever accepts now accepts.
func (s *Accounts) Terms(livemode bool) Terms { return s.rules().TermsAt(s.Clock(livemode).Now()) }

type personRow struct {
	bun.BaseModel `bun:"table:connect.persons,alias:p"`

	ID         string `bun:",pk"`
	Account    string
	Livemode   bool
	Individual bool
	Person     json.RawMessage `bun:"type:jsonb"`
	CreatedAt  time.Time
	DeletedAt  bun.NullTime
	Version    int64
}

type numberRow struct {
	bun.BaseModel `bun:"table:connect.identity_numbers,alias:n"`

	Account  string `bun:",pk"`
	Subject  string `bun:",pk"`
	Kind     string `bun:",pk"`
	Platform string
	Livemode bool
	Mark     string
	Sealed   string
}

// completeBooks adds persons and numbers to accounts, two queries for all, and the surroundings.
func (s *Accounts) completeBooks(ctx context.Context, idb bun.IDB, accounts []Account, ids []string, at map[string]int) error {
	var persons []personRow
	if err := idb.NewSelect().Model(&persons).Where("p.account = ANY(?) AND p.deleted_at IS NULL", pgdialect.Array(ids)).
		OrderExpr("p.account, p.id DESC").Scan(ctx); err != nil {
		return fmt.Errorf("load persons: %w", err)
	}
	for _, row := range persons {
		a := &accounts[at[row.Account]]
		p, err := row.person()
		if err != nil {
			return err
		}
		a.Persons = append(a.Persons, p)
	}
	var numbers []numberRow
	if err := idb.NewSelect().Model(&numbers).Where("n.account = ANY(?)", pgdialect.Array(ids)).
		OrderExpr("n.account, n.subject, n.kind").Scan(ctx); err != nil {
		return fmt.Errorf("load identity numbers: %w", err)
	}
	for _, n := range numbers {
		a := &accounts[at[n.Account]]
		a.numbers = append(a.numbers, identityNumber{Subject: n.Subject, Kind: n.Kind, Mark: n.Mark, sealed: n.Sealed})
	}
	for i := range accounts {
		s.equip(&accounts[i], s.Clock(accounts[i].Livemode).Now())
	}
	return nil
}

func (r personRow) person() (*Person, error) {
	p := &Person{Individual: r.Individual, Version: r.Version}
	if err := json.Unmarshal(r.Person, &p.Person); err != nil {
		return nil, fmt.Errorf("decode person %s: %w", r.ID, err)
	}
	if p.Verification.Status == "" {
		p.Verification.Status = "unverified" // stored before there was one
	}
	return p, nil
}

func insertPerson(ctx context.Context, tx bun.Tx, a *Account, p *Person) error {
	row, err := personRowOf(a, p)
	if err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("insert person: %w", err)
	}
	return nil
}

func updatePerson(ctx context.Context, tx bun.Tx, a *Account, p *Person) error {
	row, err := personRowOf(a, p)
	if err != nil {
		return err
	}
	if _, err := tx.NewUpdate().Model(row).WherePK().Column("individual", "person", "version").Exec(ctx); err != nil {
		return fmt.Errorf("update person: %w", err)
	}
	return nil
}

// deletePerson keeps that there was somebody, and nothing about them.
func deletePerson(ctx context.Context, tx bun.Tx, at time.Time, a *Account, person string, version int64) error {
	_, err := tx.NewUpdate().Model((*personRow)(nil)).Set("deleted_at = ?, version = ?, person = jsonb_build_object('id', id)", at, version).
		Where("id = ?", person).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete person: %w", err)
	}
	if _, err := tx.NewDelete().Model((*numberRow)(nil)).Where("account = ? AND subject = ?", a.ID, person).Exec(ctx); err != nil {
		return fmt.Errorf("forget numbers: %w", err)
	}
	return nil
}

func personRowOf(a *Account, p *Person) (*personRow, error) {
	raw, err := json.Marshal(p.Person)
	if err != nil {
		return nil, fmt.Errorf("encode person: %w", err)
	}
	return &personRow{
		ID: p.ID, Account: a.ID, Livemode: a.Livemode, Individual: p.Individual, Person: raw,
		CreatedAt: time.Unix(p.Created, 0).UTC(), Version: p.Version,
	}, nil
}

// saveNumbers writes the numbers that were given or taken away.
func saveNumbers(ctx context.Context, tx bun.Tx, a *Account) error {
	for i := range a.numbers {
		n := &a.numbers[i]
		if !n.changed {
			continue
		}
		n.changed = false
		row := numberRow{Account: a.ID, Subject: n.Subject, Kind: n.Kind, Platform: a.Platform, Livemode: a.Livemode, Mark: n.Mark, Sealed: n.sealed}
		if n.Mark == "" {
			if _, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("forget number: %w", err)
			}
			continue
		}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT ON CONSTRAINT identity_numbers_pkey DO UPDATE").
			Set("mark = EXCLUDED.mark, sealed = EXCLUDED.sealed").Exec(ctx)
		if err != nil {
			return fmt.Errorf("keep number: %w", err)
		}
	}
	return nil
}

// saveBook writes what changed without anybody being able to see it: no event, no version.
func saveBook(ctx context.Context, tx bun.Tx, a *Account) error {
	row, err := rowOf(a)
	if err != nil {
		return err
	}
	if _, err := tx.NewUpdate().Model(row).WherePK().Column("checks", "standing_at", "standing_due_at", "rules", "stage", "owes", "known_as").Exec(ctx); err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	return nil
}

// DeletedPersonWire is what remains of a deleted person.
func DeletedPersonWire(person string) wire.Deleted {
	return wire.Deleted{ID: person, Object: "person", Deleted: true}
}

// note remembers what is told about the account now.
func (a *Account) note(hearing string, at time.Time) {
	standing := a.Standing()
	a.standingAt, a.dueAt, a.known = at, standing.ChangesAt, hearing
	a.stageNow, a.owes, a.knownAs = a.stage(standing), len(standing.CurrentlyDue) > 0, strings.ToLower(a.Name())
}

// bookState is enough to see whether the book has to be written.
type bookState struct {
	checks, known string
	dueAt         time.Time
	stage         Stage
	owes          bool
	knownAs       string
}

func (a Account) bookState() (bookState, error) {
	checks, err := json.Marshal(a.checks)
	if err != nil {
		return bookState{}, fmt.Errorf("encode checks: %w", err)
	}
	return bookState{checks: string(checks), known: a.known, dueAt: a.dueAt, stage: a.stageNow, owes: a.owes, knownAs: a.knownAs}, nil
}
