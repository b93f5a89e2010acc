package connect

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Note is what somebody of a platform wrote about an account. It is the platform's: no
// answer to the account, and no page of its holder, has it.
type Note struct {
	bun.BaseModel `bun:"table:connect.account_notes,alias:n"`

	ID        string
	Platform  string
	Account   string
	Livemode  bool
	Author    string
	Text      string
	CreatedAt time.Time
}

// Wire is the note as the API shows it.
func (n Note) Wire() *wire.AccountNote {
	return &wire.AccountNote{
		ID: n.ID, Object: "account_note", Account: n.Account, Author: n.Author, Created: wire.Unix(n.CreatedAt), Livemode: n.Livemode, Text: n.Text,
	}
}

const maxNoteText = 2000 // characters

// AddNote writes a note of author's about an account that scope's platform reaches.
func (s *Accounts) AddNote(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, account, author, text string) (Note, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(text); {
	case scope.Connected():
		return Note{}, notesAreThePlatforms()
	case n == 0:
		return Note{}, fault.Missing("text")
	case n > maxNoteText:
		return Note{}, fault.Invalidf("parameter_invalid", "text", "Invalid text: must be at most %d characters.", maxNoteText)
	}
	if _, err := s.Get(ctx, tx, scope, account); err != nil {
		return Note{}, err
	}
	note := Note{ID: id.New("note"), Platform: scope.Platform, Account: account, Livemode: scope.Livemode, Author: author, Text: text, CreatedAt: at}
	if _, err := tx.NewInsert().Model(&note).Exec(ctx); err != nil {
		return Note{}, fmt.Errorf("write a note: %w", err)
	}
	return note, nil
}

// Notes is a page of what scope's platform wrote about an account, newest first.
func (s *Accounts) Notes(ctx context.Context, idb bun.IDB, scope tenant.Scope, account string, p page.Params) (page.Of[Note], error) {
	if scope.Connected() {
		return page.Of[Note]{}, notesAreThePlatforms()
	}
	found, err := page.Fetch[Note](ctx, idb, p, "account_note", notesOf(scope, account), nil)
	if err != nil {
		return found, fmt.Errorf("list notes: %w", err)
	}
	return found, nil
}

// RemoveNote takes back a note. Who wrote it, and that it was removed, is in the audit log.
func (s *Accounts) RemoveNote(ctx context.Context, tx bun.Tx, scope tenant.Scope, note string) error {
	if scope.Connected() {
		return notesAreThePlatforms()
	}
	done, err := tx.NewDelete().Model((*Note)(nil)).Where("platform = ? AND livemode = ? AND id = ?", scope.Platform, scope.Livemode, note).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove a note: %w", err)
	}
	if n, err := done.RowsAffected(); err == nil && n == 0 {
		return fault.NoSuch("account_note", note)
	}
	return nil
}

func notesOf(scope tenant.Scope, account string) page.Filter {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("n.platform = ? AND n.livemode = ? AND n.account = ?", scope.Platform, scope.Livemode, account)
	}
}

func notesAreThePlatforms() error {
	return &fault.Error{Kind: fault.Forbidden, Code: "account_invalid", Message: "Notes about accounts are the platform's own."}
}
