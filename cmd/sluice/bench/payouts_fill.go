package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/balance"
	"github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// filled is how many rows of a kind go into one transaction.
const filled = 1000

// fill makes accounts, charges on them that have matured, and dues. The charges go
// through the ledger's own Post, as many to a call as it takes: what is paid out is
// what the product would have booked. Accounts are copies of one that was made as
// the API makes them.
func (b Books) fill(ctx context.Context, progress io.Writer, accounts, items int) error {
	began := time.Now()
	step := func(format string, args ...any) {
		fmt.Fprintf(progress, "  ✓ %-66s %5.1f s\n", fmt.Sprintf(format, args...), time.Since(began).Seconds())
		began = time.Now()
	}
	ids, err := b.fillAccounts(ctx, accounts, "daily", func(int) {})
	if err != nil {
		return err
	}
	step("%d accounts", len(ids))
	if err := b.fillCharges(ctx, ids, items); err != nil {
		return err
	}
	step("%d charges", items)
	if err := b.mature(ctx); err != nil {
		return err
	}
	step("matured")
	if err := b.note(ctx, ids); err != nil {
		return err
	}
	step("noted as due")
	// A database in service has been looked at by its vacuum; one just filled has not.
	for _, tidy := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if err := b.tidy(ctx, tidy); err != nil {
			return err
		}
	}
	step("statistics and checkpoint")
	return nil
}

func (b Books) scope() tenant.Scope { return tenant.Scope{Platform: b.Platform, Account: b.Platform} }

// fillAccounts makes accounts that are paid out at an interval.
func (b Books) fillAccounts(ctx context.Context, n int, interval string, told func(done int)) (ids []string, err error) {
	var like connect.Account
	err = db.InTx(ctx, b.Pool, func(ctx context.Context, tx bun.Tx) (err error) {
		like, err = b.Accounts.Create(ctx, tx, b.Clock.Now(), b.scope(), connect.CreateParams{
			Type: "custom", Country: "HK", UpdateParams: connect.UpdateParams{
				Capabilities: connect.CapabilityRequests{connect.TransfersCapability: true},
				Settings:     &connect.SettingsParams{Payouts: &connect.PayoutSettingsParams{Schedule: &connect.ScheduleParams{Interval: &interval}}},
				ExternalAccount: connect.ExternalAccountParam{Bank: &connect.BankParams{
					Country: "HK", Currency: "hkd", RoutingNumber: "110000", AccountNumber: secret.New("000123456"),
					AccountHolderName: "Bench", AccountHolderType: "individual",
				}},
			},
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the account: %w", err)
	}
	if !like.Standing().PayoutsEnabled {
		return nil, errors.New("the account may not be paid out")
	}
	for len(ids) < n {
		err := db.InTx(ctx, b.Pool, func(ctx context.Context, tx bun.Tx) error {
			more, err := b.Accounts.Copies(ctx, tx, b.Clock.Now(), b.scope(), like.ID, min(filled, n-len(ids)))
			if err == nil {
				ids = append(ids, more...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		told(len(ids))
	}
	return ids, nil
}

// fillCharges books direct charges of yesterday, due today: the lines of an account
// lie as far apart as those of a real one.
func (b Books) fillCharges(ctx context.Context, ids []string, n int) error {
	at := b.Clock.Now().Add(-time.Hour)
	for first := 0; first < n; first += filled {
		var entries []ledger.Entry
		for i := first; i < min(n, first+filled); i++ {
			entries = append(entries, journal.ChargeSucceeded(journal.Charge{
				ID: "ch_bench" + strconv.Itoa(i), Owner: ids[i%len(ids)], Platform: b.Platform, Amount: money.New(int64(60_000+i%977), "hkd"),
				ProcessingFee: 2_340, Description: "Mathematics, form 4", At: at, MaturesOn: b.Clock.Now(), Direct: &journal.Direct{},
			}, func() string { return id.New("txn") }))
		}
		err := db.InTx(ctx, b.Pool, func(ctx context.Context, tx bun.Tx) error {
			results, err := b.Book.Post(ctx, tx, entries...)
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("book charges: %w", err)
		}
	}
	return nil
}

func (b Books) mature(ctx context.Context) error {
	for more := true; more; {
		err := db.InTx(ctx, b.Pool, func(ctx context.Context, tx bun.Tx) error {
			matured, err := balance.Mature(ctx, tx, b.Book, false, b.Clock.Now(), filled)
			more = len(matured) > 0
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b Books) note(ctx context.Context, ids []string) error {
	now := b.Clock.Now()
	for len(ids) > 0 {
		n := min(filled, len(ids))
		dues := make([]payouts.Due, n)
		for i, account := range ids[:n] {
			dues[i] = payouts.Due{Platform: b.Platform, Account: account, Currency: "hkd"}
		}
		err := db.InTx(ctx, b.Pool, func(ctx context.Context, tx bun.Tx) error { return b.Payouts.Note(ctx, tx, now, dues...) })
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// tidy runs a statement that may take long, with room to sort in.
func (b Books) tidy(ctx context.Context, statement string) (err error) {
	cfg, err := pgx.ParseConfig(b.DatabaseURL.Reveal())
	if err != nil {
		return errors.New("the URL of the database is none")
	}
	cfg.RuntimeParams["maintenance_work_mem"] = "512MB"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
