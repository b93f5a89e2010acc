package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
)

// readShape asks for what people and programs look at, on an account with a long
// history and on those with a short one, from the newest and from anywhere.
var readShape = shape{
	name: "reads", made: "connect.charges", unit: "requests", reads: true,
	short: "Measure lists, balances and statements, and the time of each kind",
	long: "Reads what the database holds: a fresh one gets a few hundred charges before, one of `bench fill` (--dir) has its\n" +
		"history, and there payouts are asked for by hand as well: what they consist of has to be found. \"From anywhere\" are\n" +
		"pages that begin at an object in the middle of that history.",
	calls: func(s stage) []share {
		anywhere := func(path string, value int) string { return path + "&starting_after=" + mark(value) }
		calls := []call{
			s.get("charge", "/v1/charges/"+mark(3), "", `"object": "charge"`),
			s.list("charges", "/v1/charges?limit=10"),
			s.list("charges from anywhere", anywhere("/v1/charges?limit=10", 3)),
			s.balance("balance", ""),
			s.balance("balance of an account", mark(1)),
			s.list("balance transactions", "/v1/balance_transactions?limit=50"),
			s.list("balance transactions from anywhere", anywhere("/v1/balance_transactions?limit=50", 4)),
			s.get("balance transactions of an account", "/v1/balance_transactions?limit=50", mark(1), `"object": "list"`),
			s.get("the same from anywhere", anywhere("/v1/balance_transactions?limit=50", 2), mark(1), `"object": "list"`),
			s.get("balance transaction", "/v1/balance_transactions/"+mark(4), "", `"object": "balance_transaction"`),
			s.list("balance transactions of a charge", "/v1/balance_transactions?source="+mark(3)),
			s.list("ledger entries", "/v1/ledger/entries?limit=10"),
			s.list("ledger entries of a charge", "/v1/ledger/entries?source="+mark(3)),
			s.list("transfers to an account", "/v1/transfers?limit=10&destination="+mark(1)),
			s.get("payouts of an account", "/v1/payouts?limit=10", mark(1), `"object": "list"`),
			s.list("events", "/v1/events?limit=10"),
		}
		if s.past.payable {
			paid := s.post("payout by hand", "/v1/payouts", `"object": "payout"`, [2]string{"amount", "100"}, [2]string{"currency", "hkd"})
			paid.account = mark(1)
			calls = append(calls, paid)
		}
		shares := make([]share, len(calls))
		for i, c := range calls {
			c.rows = nil
			for _, row := range s.past.rows {
				c.rows = append(c.rows, append([]string{s.parties[0].key}, row...))
			}
			shares[i] = share{c, 1}
		}
		return shares
	},
}

// past is what stands in the database.
type past struct {
	rows    [][]string // an account, a line of its statement, a charge, a line of the platform's statement
	payable bool       // the accounts have money that can be paid out
}

// recalled is how many places in the past are asked for, in turn.
const recalled = 500

// remember looks for the past of the first platform, and makes one where there is none.
func (b *bench) remember(ctx context.Context, sh shape) (p past, err error) {
	if !sh.reads {
		return p, nil
	}
	if b.pool == nil {
		return p, errors.New("reads have to know what stands in the database: give --database-url")
	}
	c := client.New("http://"+b.served.Addresses[0], b.served.Keys[0], makers)
	defer c.Close()
	var self struct{ ID string }
	if err := c.Get(ctx, "/v1/account", nil, &self); err != nil {
		return p, err
	}
	if p, err = b.recall(ctx, self.ID); err != nil || len(p.rows) > 0 {
		return p, err
	}
	if err := b.some(ctx, c); err != nil {
		return p, err
	}
	p, err = b.recall(ctx, self.ID)
	if err == nil && len(p.rows) == 0 {
		err = errors.New("there is nothing to read")
	}
	return p, err
}

// recall draws accounts and charges from all over the tables. Their sizes are not
// known to the thousand and need not be: it draws a share of pages and takes the first of them.
//
// It does so over connections of its own: PostgreSQL counts what a session has read
// when that ends, so that this is not taken for what the server reads.
func (b *bench) recall(ctx context.Context, platform string) (p past, err error) {
	pool, err := db.Open(ctx, db.Config{URL: b.served.DatabaseURL.Reveal(), Name: "sluice bench", MaxConns: 2, StatementTimeout: -1})
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	draw := func(columns, table, where string) (rows [][]string, err error) {
		for _, percent := range []string{"0.01", "1", "100"} {
			found, err := pool.QueryContext(ctx, "SELECT "+columns+" FROM "+table+" TABLESAMPLE SYSTEM ("+percent+") WHERE "+where+" ORDER BY random() LIMIT ?1", platform, recalled)
			if err != nil {
				return nil, fmt.Errorf("draw from %s: %w", table, err)
			}
			rows = rows[:0]
			for found.Next() {
				row := make([]string, 2)
				if err := found.Scan(&row[0], &row[1]); err != nil {
					return nil, errors.Join(err, found.Close())
				}
				rows = append(rows, row)
			}
			if err := errors.Join(found.Err(), found.Close()); err != nil {
				return nil, err
			}
			if len(rows) == recalled {
				break
			}
		}
		return rows, nil
	}
	of := func(account string) string {
		return "account " + account + " AND NOT livemode"
	}
	// Where a history was filled its accounts have bank accounts and can be paid; those that this bench has made cannot.
	lines, err := draw("account, id", "ledger.balance_transactions", of(`IN (SELECT id FROM connect.accounts WHERE platform = ?0 AND id <> ?0
		AND (id IN (SELECT account FROM connect.external_accounts) OR NOT EXISTS (SELECT FROM connect.external_accounts)))`))
	if err != nil {
		return p, err
	}
	charges, err := draw("id, balance_transaction", "connect.charges", of("= ?0")+" AND status = 'succeeded'")
	if err != nil || len(charges) == 0 {
		return p, err
	}
	var accounts []string
	for i, line := range lines {
		accounts = append(accounts, line[0])
		charge := charges[i%len(charges)]
		p.rows = append(p.rows, append(line, charge...))
	}
	err = pool.NewRaw(`SELECT coalesce(bool_and(paid.credits - paid.debits >= ?), false) FROM unnest(?::text[]) AS a (owner)
		LEFT JOIN ledger.accounts paid ON paid.owner = a.owner AND NOT paid.livemode AND paid.kind = 'available' AND paid.currency = 'hkd'`,
		payable, pgdialect.Array(accounts)).Scan(ctx, &p.payable)
	return p, err
}

// payable is what an account must have so that a bench does not pay it dry, in minor units.
const payable = 10_000

// some makes a few charges to be read.
func (b *bench) some(ctx context.Context, c *client.Client) error {
	form := make(map[string][]string)
	for key, value := range map[string]string{"amount": "60000", "currency": "hkd", "source": "tok_visa", "application_fee_amount": "9000"} {
		form[key] = []string{value}
	}
	for n := range 300 {
		form["transfer_data[destination]"] = []string{b.parties[0].accounts[n%len(b.parties[0].accounts)]}
		if err := c.Post(ctx, "/v1/charges", form, nil); err != nil {
			return fmt.Errorf("make something to read: %w", err)
		}
	}
	return nil
}
