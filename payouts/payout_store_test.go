package payouts

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// Every field is filled, so that one which the table's columns leave out is missed.
func TestAPayoutIsReadAsItWasInserted(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	at, text := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), "Lessons"
	p := &Payout{
		Amount: 7, Currency: "hkd", Status: Failed, Description: &text, StatementDescriptor: &text, Metadata: map[string]string{"a": "b"},
		ArrivalDate: at, SendAfter: at, HandedOverAt: at, AskAt: at, CreatedAt: at, Version: 3, Method: Instant, Approval: Approved,
		Share: 250_000, Siblings: []string{"po_2", "po_3"},
	}
	fields := reflect.ValueOf(p).Elem()
	for i := range fields.NumField() {
		switch field := fields.Field(i); {
		case !field.IsZero():
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		case field.Kind() == reflect.String:
			field.SetString("x" + fields.Type().Field(i).Name)
		default:
			t.Fatalf("fill in %s", fields.Type().Field(i).Name)
		}
	}
	p.Recall = RecallRequested
	err := db.InTx(t.Context(), pool, func(ctx context.Context, tx bun.Tx) error { return insert(ctx, tx, p) })
	if err != nil {
		t.Fatal(err)
	}
	var row payoutRow
	if err := pool.NewSelect().Model(&row).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*p, row.Payout); diff != "" {
		t.Error(diff)
	}
}
