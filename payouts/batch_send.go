package payouts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

// bringAll brings the files of a mode to their banks, or asks about those of which
// nobody knows whether they arrived. It returns how many payouts moved on.
func (s *Service) bringAll(ctx context.Context, livemode bool, now time.Time) (moved int, err error) {
	waiting, err := toBring(ctx, s.pool, livemode, now)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, w := range waiting {
		b, due, err := dueBatch(ctx, s.pool, w.ID, now)
		if err == nil && !due {
			continue // put off meanwhile, with the others of its rail
		}
		n := 0
		if err == nil {
			n, err = s.bring(ctx, b, now)
		}
		moved += n
		if err != nil {
			errs = append(errs, fmt.Errorf("deliver %s: %w", w.ID, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return moved, errors.Join(errs...)
}

// bring carries one file over: it asks about an earlier attempt, writes down the new
// one, brings the file and notes what came of it. Then its payouts are in transit.
func (s *Service) bring(ctx context.Context, b Batch, now time.Time) (moved int, err error) {
	if b.Status == BatchSealed || b.Status == BatchUnknown {
		way, ok := s.filed(b.Livemode, b.Rail)
		if !ok {
			return 0, errors.Join(fmt.Errorf("the rail %q does not take files any more", b.Rail), s.putOff(ctx, b, now))
		}
		arrived, err := s.arrived(ctx, way, b, now)
		if err != nil || !arrived {
			return 0, err
		}
	}
	return s.transmitAll(ctx, b, now)
}

// filed is the rail of that name, if it takes files.
func (s *Service) filed(livemode bool, name string) (rail.Filed, bool) {
	way, _ := s.cfg.Rails.For(livemode).Named(name)
	filed, ok := way.(rail.Filed)
	return filed, ok
}

// arrived sees to it that a file is at the bank and reports whether it is. No file
// is brought again unless the place, asked first, has certainly not got it.
func (s *Service) arrived(ctx context.Context, way rail.Filed, b Batch, now time.Time) (bool, error) {
	last, err := lastUpload(ctx, s.pool, b.ID)
	if err != nil {
		return false, err
	}
	if last != nil && last.open() {
		found := way.Find(ctx, b.File)
		switch found.State {
		case rail.Accepted, rail.Absent:
			if err := s.noteUpload(ctx, b.ID, last.ID, found, foundByLookup, now); err != nil || found.State == rail.Accepted {
				return err == nil, err
			}
		case rail.Unknown, rail.Paid, rail.Failed:
			found.State = rail.Unknown
			return false, s.noteUpload(ctx, b.ID, last.ID, found, "", now)
		}
	}
	if err := ctx.Err(); err != nil {
		return false, err // told to stop: do not begin what we would not hear the end of
	}
	upload, err := s.beginUpload(ctx, b.ID, now)
	if err != nil || upload == "" {
		return false, err
	}
	s.cfg.After(Begun)
	reached := false
	receipt := way.Deliver(ctx, b.File, func(w io.Writer) error {
		reached = true
		return s.write(ctx, w, way, b)
	})
	s.cfg.After(Submitted)
	if err := s.noteUpload(ctx, b.ID, upload, receipt, "", now); err != nil {
		return false, err
	}
	s.cfg.After(Accepted)
	if receipt.State != rail.Failed {
		return receipt.State == rail.Accepted, nil
	}
	if !reached {
		return false, errors.Join(receipt.Err, s.putOff(ctx, b, now))
	}
	return false, receipt.Err
}

// putOff lets the files of a rail wait whose bank cannot be reached, or is not
// configured: one attempt after the other would hold up the other banks.
func (s *Service) putOff(ctx context.Context, b Batch, now time.Time) error {
	_, err := s.pool.NewRaw(`UPDATE payouts.batches SET try_at = ? WHERE livemode = ? AND rail = ? AND try_at <= ? AND status IN ('sealed', 'unknown')`,
		now.Add(askUnknown), b.Livemode, b.Rail, now).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put off the files of %s: %w", b.Rail, err)
	}
	return nil
}

// beginUpload writes down that the file is about to be brought to the bank; the id
// is "" if that is not wanted any more.
func (s *Service) beginUpload(ctx context.Context, batch string, now time.Time) (upload string, err error) {
	err = db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		upload = ""
		b, err := lockBatch(ctx, tx, batch)
		if err != nil || b.Status != BatchSealed && b.Status != BatchUnknown {
			return err
		}
		last, err := lastUpload(ctx, tx, batch)
		if err != nil || last != nil && last.open() {
			return err // somebody decided otherwise meanwhile
		}
		row := &uploadRow{Upload: Upload{ID: id.New("upl"), Batch: batch, Outcome: UploadBegun, BegunAt: now}}
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return fmt.Errorf("begin an upload: %w", err)
		}
		upload = row.ID
		return nil
	})
	return upload, err
}

// uploadOutcomes is what a receipt means for the attempt.
var uploadOutcomes = map[rail.State]UploadOutcome{
	rail.Accepted: UploadAccepted, rail.Failed: UploadFailed, rail.Absent: UploadAbsent, rail.Unknown: UploadUnknown, rail.Paid: UploadUnknown,
}

// longestNote bounds what is kept of others' words.
const longestNote = 500

// noteUpload writes down what became of an attempt, unless that is known already,
// and what it means for the batch.
func (s *Service) noteUpload(ctx context.Context, batch, upload string, r rail.Receipt, foundBy string, now time.Time) error {
	outcome := uploadOutcomes[r.State]
	err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
		b, err := lockBatch(ctx, tx, batch)
		if err != nil {
			return err
		}
		last, err := lastUpload(ctx, tx, batch)
		if err != nil || last == nil || last.ID != upload {
			return err
		}
		if !last.open() && outcome != UploadAccepted {
			return nil // decided meanwhile; that the file is there, nobody can decide away
		}
		last.Outcome, last.Note, last.FoundBy = outcome, clip(r.Note), foundBy
		if last.Error = ""; r.Err != nil {
			last.Error = clip(r.Err.Error())
		}
		if err := endUpload(ctx, tx, last, now); err != nil {
			return err
		}
		b.learn(outcome, now)
		return saveBatch(ctx, tx, b)
	})
	if err == nil && outcome == UploadUnknown {
		s.cfg.Log.WarnContext(ctx, "nobody knows whether a file arrived; the bank will be asked", "batch", batch, "error", r.Err)
	}
	return err
}

func clip(text string) string {
	if runes := []rune(text); len(runes) > longestNote {
		return string(runes[:longestNote])
	}
	return text
}

// learn is what the outcome of the last attempt means for a batch that is on its way.
func (b *Batch) learn(outcome UploadOutcome, now time.Time) {
	if b.Status != BatchSealed && b.Status != BatchUnknown {
		return
	}
	switch outcome {
	case UploadAccepted:
		b.Status, b.DeliveredAt, b.TryAt = BatchDelivered, now, now
	case UploadAbsent:
		b.Status, b.TryAt = BatchSealed, now
	case UploadFailed:
		b.Status, b.TryAt = BatchSealed, now.Add(askUnknown)
	case UploadUnknown, UploadBegun:
		b.Status, b.TryAt = BatchUnknown, now.Add(askUnknown)
	}
}

// transmitAll notes that the payouts of a delivered batch are in transit, page by
// page; the batch stays on the sender's list until the last one.
func (s *Service) transmitAll(ctx context.Context, b Batch, now time.Time) (moved int, err error) {
	for after := ""; ; {
		n, last := 0, after
		err := db.InTx(ctx, s.pool, func(ctx context.Context, tx bun.Tx) error {
			found, err := lockBatchPayouts(ctx, tx, b.ID, after, Pending)
			n = len(found)
			if err != nil || n == 0 {
				return err
			}
			turns := make([]turn, n)
			for i, p := range found {
				turns[i], last = turn{p: p, to: transmit}, p.ID
			}
			return s.carry(ctx, tx, turns, now)
		})
		if err != nil {
			return moved, err
		}
		if moved += n; n < batch {
			return moved, s.finishBatches(ctx, []string{b.ID})
		}
		after = last
	}
}
