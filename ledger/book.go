package ledger

import (
	"context"

	"github.com/uptrace/bun"
)

// Book is where entries are posted. It keeps nothing but the numbers of
// ledger accounts it has met, so one Book serves the whole process.
type Book struct{}

// NewBook is an empty-handed Book.
func NewBook() *Book { return &Book{} }

// Post books the entries in order and moves the balances they touch.
func (b *Book) Post(ctx context.Context, tx bun.Tx, entries ...Entry) ([]Result, error) {
	panic("ledger: not built yet")
}

// LineID is the id of the entry's statement line of that type and source, or "".
func (e Entry) LineID(lineType, source string) string {
	for _, p := range e.Postings {
		if p.Line != nil && p.Line.Type == lineType && p.Line.Source == source {
			return p.Line.ID
		}
	}
	return ""
}
