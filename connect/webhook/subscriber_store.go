package webhook

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/db"
)

// addressBook is the endpoints by what events they may get.
type addressBook map[addressKey][]Endpoint

type addressKey struct {
	account  string
	livemode bool
	connect  bool
}

const anyEndpointSQL = `SELECT FROM connect.webhook_endpoints WHERE account = ANY ($1::text[]) AND deleted_at IS NULL LIMIT 1`

// matchEndpoints are those endpoints of all accounts in the batch, and of their
// platforms, that want an event of a type in it. It takes a share lock, see
// lockEndpoint; endpoints that hear of nothing here, however many an account has, are
// neither read nor locked.
func matchEndpoints(ctx context.Context, tx bun.Tx, batch []Incoming) (addressBook, error) {
	accounts := make([]string, 0, len(batch))
	var patterns []string
	seen, types := make(map[string]bool, len(batch)), map[string]bool{}
	for _, e := range batch {
		if !types[e.Type] {
			types[e.Type] = true
			patterns = append(patterns, patternsOf(e.Type)...)
		}
		for _, account := range []string{e.Account, e.Platform} {
			if !seen[account] {
				seen[account] = true
				accounts = append(accounts, account)
			}
		}
	}
	// Most batches concern nobody, which a prepared question finds out for less.
	asked, err := db.Query(ctx, tx, anyEndpointSQL, accounts)
	if err != nil {
		return nil, fmt.Errorf("match webhook endpoints: %w", err)
	}
	some := asked.Next()
	if err := errors.Join(asked.Err(), asked.Close()); err != nil || !some {
		return nil, err
	}
	var rows []endpointRow
	err = tx.NewSelect().Model(&rows).
		Where("account = ANY (?::text[]) AND deleted_at IS NULL", pgdialect.Array(accounts)).
		Where("enabled_events && ?::text[]", pgdialect.Array(patterns)).
		OrderExpr("id").For("SHARE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("match webhook endpoints: %w", err)
	}
	book := make(addressBook, len(rows))
	for _, row := range rows {
		key := addressKey{account: row.Account, livemode: row.Livemode, connect: row.Connect}
		book[key] = append(book[key], row.endpoint())
	}
	return book, nil
}
