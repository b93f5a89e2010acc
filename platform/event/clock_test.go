package event

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
)

// An event with an id of a month that is closed would never be read.
func TestAMachineWithAWrongClockCannotAppend(t *testing.T) {
	pool := dbtest.New(t)
	for _, version := range []int64{1, 2} { // with and without a look-up
		for off, taken := range map[time.Duration]bool{-13 * time.Hour: false, -time.Hour: true, 13 * time.Hour: false} {
			e := Event{
				Type: "charge.updated", Account: "acct_tutor", Platform: "acct_hub", ObjectID: id.New("ch"), ObjectVersion: 1,
				Object: json.RawMessage(`{}`), CreatedAt: time.Now(),
			}
			err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error {
				if version == 2 {
					if err := (Log{}).Append(ctx, tx, e); err != nil {
						return err
					}
					e.ObjectVersion = 2
				}
				cols, err := columnsOf([]Event{e}, Origin{})
				if err != nil {
					return err
				}
				cols.now = cols.now.Add(off)
				return cols.write(ctx, tx)
			})
			if taken && err != nil || !taken && !errors.Is(err, ErrClock) {
				t.Errorf("version %d, a clock off by %v: %v", version, off, err)
			}
		}
	}
	now := time.Now().Add(24 * time.Hour)
	if _, err := Archive(t.Context(), pool, t.TempDir(), now.Add(-MinRetention), now); !errors.Is(err, ErrClock) {
		t.Errorf("archiving a day ahead of the database: %v", err)
	}
}
