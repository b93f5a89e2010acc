package payouts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Payouts come into a file in two steps. First their bank details are read and
// checked, and gather as items of an open batch, in many small transactions: this
// takes a while for a large file, and nothing waits for it. Then one transaction
// of a constant number of statements takes the payouts that may still go, and
// seals. What a crash leaves open is dropped by the next sender.

// kin are due payouts that may share a file.
type kin struct {
	Platform  string
	Currency  money.Currency
	Debit     bool
	Instant   bool
	ExecuteOn time.Time
	Count     int64
	Oldest    time.Time // since when the first of them could have gone
	first     time.Time // the first day on which the bank still can
}

// resting is a rail whose payouts could not be sealed. Gathering them anew every
// second would open every bank account each time.
type resting struct {
	livemode bool
	rail     string
}

// sendFiles seals what is due for the rails that take files, and brings the files
// to their banks. It runs alone.
func (s *Service) sendFiles(ctx context.Context, filed []rail.Filed, livemode bool, now time.Time) (moved int, err error) {
	if s.cfg.Keyring == nil {
		return 0, errors.New("payouts: rails that take files need a keyring")
	}
	if err := dropOpen(ctx, s.pool, livemode); err != nil {
		return 0, err
	}
	var errs []error
	for _, way := range filed {
		place := resting{livemode, way.Capabilities().Name}
		if until, ok := s.rests.Load(place); ok && now.Before(until.(time.Time)) {
			continue
		}
		if err := s.gather(ctx, way, livemode, now); err != nil {
			errs = append(errs, fmt.Errorf("seal payouts for %s: %w", place.rail, err))
			s.rests.Store(place, now.Add(askUnknown))
		}
		if ctx.Err() != nil {
			return 0, errors.Join(errs...)
		}
	}
	moved, err = s.bringAll(ctx, livemode, now)
	return moved, errors.Join(append(errs, err)...)
}

// gather seals every file of a rail that should not wait for more payouts.
func (s *Service) gather(ctx context.Context, way rail.Filed, livemode bool, now time.Time) error {
	kins, err := kinsOf(ctx, s.pool, way.Capabilities(), livemode, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, k := range kins {
		if !ripe(k, way, now) {
			continue
		}
		for last := ""; ; {
			next, err := s.sealOne(ctx, way, livemode, k, last, now)
			if err != nil {
				errs = append(errs, err)
			}
			if err != nil || next == "" || ctx.Err() != nil {
				break
			}
			last = next
		}
	}
	return errors.Join(errs...)
}

// ripe reports whether payouts have waited long enough for others: the file is
// full, their time is over, or waiting on would miss the bank's cut-off.
func ripe(k kin, way rail.Filed, now time.Time) bool {
	terms, caps := way.Terms(), way.Capabilities()
	return k.Instant || k.Count >= int64(most(terms)) || now.Sub(k.Oldest) >= terms.Gather ||
		executes(caps, now.Add(terms.Gather)).After(executes(caps, now))
}

func most(t rail.Terms) int {
	if t.Most > 0 {
		return t.Most
	}
	return rail.DefaultMost
}

// sealOne makes one file of payouts after an id; last is where the next one goes
// on, or "" if there is nothing left.
func (s *Service) sealOne(ctx context.Context, way rail.Filed, livemode bool, k kin, after string, now time.Time) (last string, err error) {
	b := Batch{
		ID: id.New("bat"), Platform: k.Platform, Livemode: livemode, Rail: way.Capabilities().Name, Currency: k.Currency,
		Debit: k.Debit, Instant: k.Instant, ExecuteOn: k.ExecuteOn, Status: BatchOpen, CreatedAt: now,
	}
	if _, err := s.pool.NewInsert().Model(&batchRow{Batch: b}).Exec(ctx); err != nil {
		return "", fmt.Errorf("open a batch: %w", err)
	}
	last, err = s.fill(ctx, way, b, k, after, now)
	if err != nil {
		return "", err
	}
	s.cfg.After(Gathered)
	sealed, err := s.sealBatch(ctx, way, b, now)
	if err != nil {
		return "", err
	}
	if sealed {
		s.cfg.After(Sealed)
	}
	return last, nil
}

// itemsPerCommit bounds one transaction of fill, and one page of a file.
const itemsPerCommit = 500

// fill gathers items in an open batch until it is full or no payout is left.
func (s *Service) fill(ctx context.Context, way rail.Filed, b Batch, k kin, after string, now time.Time) (last string, err error) {
	room := most(way.Terms())
	for n := 0; n < room; {
		limit := min(itemsPerCommit, room-n)
		found, err := toSeal(ctx, s.pool, b, k, after, now, limit)
		if err != nil {
			return "", err
		}
		items, err := s.items(ctx, way, b, found)
		if err != nil {
			return "", err
		}
		for i := range items {
			items[i].N = int64(n)
			n++
		}
		if len(found) > 0 {
			after = found[len(found)-1].ID
		}
		if len(items) > 0 {
			if _, err := s.pool.NewInsert().Model(&items).Exec(ctx); err != nil {
				return "", fmt.Errorf("gather items: %w", err)
			}
		}
		if len(found) < limit {
			return "", nil
		}
	}
	return after, nil
}

// gatherers bounds how many bank accounts are opened at a time.
const gatherers = 4

// items are payouts as their file will say them, in their order, without those that
// it cannot carry.
func (s *Service) items(ctx context.Context, way rail.Filed, b Batch, of []*Payout) ([]itemRow, error) {
	found, fits := make([]itemRow, len(of)), make([]bool, len(of))
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(gatherers)
	for i, p := range of {
		group.Go(func() (err error) {
			found[i], fits[i], err = s.item(each, way, b, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	items := make([]itemRow, 0, len(of))
	for i, item := range found {
		if fits[i] {
			items = append(items, item)
		}
	}
	return items, nil
}

// item is a payout as its file will say it. One that the file cannot carry, or whose
// bank account is gone, fails here: its money is back at once, and whoever mends
// the bank account reads why.
func (s *Service) item(ctx context.Context, way rail.Filed, b Batch, p *Payout) (item itemRow, fits bool, err error) {
	creditor, err := s.cfg.Accounts.Creditor(ctx, s.pool, p.Scope(), p.Destination)
	if gone(err) {
		return itemRow{}, false, s.unfit(ctx, p.ID, "no_account", rail.Codes["no_account"], b.CreatedAt)
	}
	if err != nil {
		return itemRow{}, false, fmt.Errorf("open the destination of %s: %w", p.ID, err)
	}
	i := p.instruction(creditor, b.CreatedAt)
	i.ExecuteOn = b.ExecuteOn
	if err := way.Check(i); err != nil {
		code := "could_not_process"
		if misfit := (*rail.Misfit)(nil); errors.As(err, &misfit) && misfit.Code != "" {
			code = misfit.Code
		}
		return itemRow{}, false, s.unfit(ctx, p.ID, code, err.Error(), b.CreatedAt)
	}
	sealed, err := s.sealCreditor(creditor, p.ID)
	if err != nil {
		return itemRow{}, false, err
	}
	return itemRow{Batch: b.ID, Payout: p.ID, Amount: i.Amount.Minor, Creditor: sealed, Statement: i.Statement}, true, nil
}

// unfit fails a payout that no bank has heard of, and stops its destination until
// it is changed: the next payout would meet the same.
func (s *Service) unfit(ctx context.Context, payout, code, message string, now time.Time) error {
	return db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		p, err := lock(ctx, tx, payout)
		if err != nil || !p.Cancelable() {
			return err
		}
		return s.carry(ctx, tx, []turn{{p: p, to: giveBack, code: code, message: message, blame: true}}, now)
	})
}

// sealedCreditor and sealedDebtor are what is encrypted: their numbers in plain,
// which the types themselves never show.
type sealedCreditor struct {
	rail.Creditor
	Number string
}

type sealedDebtor struct {
	rail.Debtor
	Number string
}

const (
	itemsTable   = "payouts.batch_items"
	batchesTable = "payouts.batches"
)

func (s *Service) sealCreditor(c rail.Creditor, payout string) ([]byte, error) {
	plain, err := json.Marshal(sealedCreditor{c, c.Number.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("seal item: %w", err)
	}
	return s.cfg.Keyring.SealBytes(plain, itemsTable, payout)
}

func (s *Service) openCreditor(sealed []byte, payout string) (rail.Creditor, error) {
	var c sealedCreditor
	plain, err := s.cfg.Keyring.OpenBytes(sealed, itemsTable, payout)
	if err == nil {
		err = json.Unmarshal([]byte(plain.Reveal()), &c)
	}
	if err != nil {
		return rail.Creditor{}, fmt.Errorf("open the item of %s: %w", payout, err)
	}
	c.Creditor.Number = secret.New(c.Number)
	return c.Creditor, nil
}

func (s *Service) sealDebtor(d rail.Debtor, batch string) (string, error) {
	plain, err := json.Marshal(sealedDebtor{d, d.Number.Reveal()})
	if err != nil {
		return "", fmt.Errorf("seal debtor: %w", err)
	}
	return s.cfg.Keyring.Seal(secret.New(string(plain)), batchesTable, batch)
}

func (s *Service) openDebtor(sealed, batch string) (rail.Debtor, error) {
	var d sealedDebtor
	plain, err := s.cfg.Keyring.Open(sealed, batchesTable, batch)
	if err == nil {
		err = json.Unmarshal([]byte(plain.Reveal()), &d)
	}
	if err != nil {
		return rail.Debtor{}, fmt.Errorf("open the debtor of %s: %w", batch, err)
	}
	d.Debtor.Number = secret.New(d.Number)
	return d.Debtor, nil
}
