package bus

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
)

// pair is a group with two partitions of its own, and what their effects were.
func pair(t *testing.T) (g *group, parts []*part, heard *[][]string) {
	t.Helper()
	pool := dbtest.New(t)
	heard = new([][]string)
	b := &Bus{pool: pool, parking: event.NewParking(pool, clock.System{}), log: slog.New(slog.DiscardHandler)}
	g = &group{bus: b, partitions: map[int]*partition{}, sub: Subscription{Group: "group", Topic: "topic",
		Effect: func(ctx context.Context, tx bun.Tx, batch []Message) (func(), error) {
			var waits string
			if err := tx.NewRaw(`SHOW synchronous_commit`).Scan(ctx, &waits); err != nil || waits != "on" {
				t.Errorf("synchronous_commit is %s: %v", waits, err)
			}
			var ids []string
			for _, m := range batch {
				if m.Type == "poison" {
					return nil, errors.New("poison")
				}
				ids = append(ids, m.EventID)
			}
			return func() { *heard = append(*heard, ids) }, nil
		},
	}.withDefaults()}
	for id, events := range map[int][]Message{
		0: {{Key: "acct_1", EventID: "evt_1"}, {Key: "acct_1", EventID: "evt_2"}},
		1: {{Key: "acct_2", EventID: "evt_3"}},
	} {
		p := &partition{group: g, id: id, owner: "us", held: map[string]bool{}, rouse: func() {}}
		if _, err := pool.ExecContext(t.Context(), `INSERT INTO platform.consumer_offsets
			(consumer_group, topic, partition, next_offset, owner, updated_at) VALUES ('group', 'topic', ?, 5, 'us', now())`, id); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, &part{partition: p, batch: events, next: 10 + int64(id), done: make(chan error, 1)})
	}
	return g, parts, heard
}

func offsets(t *testing.T, g *group) (next []int64) {
	t.Helper()
	if err := g.bus.pool.NewRaw(`SELECT next_offset FROM platform.consumer_offsets ORDER BY partition`).Scan(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	return next
}

func TestPartitionsCommitTogetherInOneEffect(t *testing.T) {
	t.Parallel()
	g, parts, heard := pair(t)
	if err := g.transact(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"evt_1", "evt_2", "evt_3"}}, *heard); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{10, 11}, offsets(t, g)); diff != "" {
		t.Error(diff)
	}
}

func TestAPartitionLostToAnotherProcessStopsTheCommonCommitAndNotItsNeighbours(t *testing.T) {
	t.Parallel()
	g, parts, heard := pair(t)
	for _, each := range parts {
		if each.id == 0 {
			each.owner = "us, before"
		}
	}
	if err := g.transact(t.Context(), parts); !errors.Is(err, errFenced) {
		t.Fatalf("%v, want errFenced", err)
	}
	for _, each := range parts {
		err := each.transact(t.Context(), each.batch, each.next)
		if lost := each.id == 0; errors.Is(err, errFenced) != lost {
			t.Errorf("partition %d: %v", each.id, err)
		}
	}
	if diff := cmp.Diff([][]string{{"evt_3"}}, *heard); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{5, 11}, offsets(t, g)); diff != "" {
		t.Error(diff)
	}
}

func TestAPoisonedEventFailsNothingOfAnotherPartition(t *testing.T) {
	t.Parallel()
	g, parts, heard := pair(t)
	for _, each := range parts {
		if each.id == 0 {
			each.batch[1].Type = "poison"
		}
	}
	came := make(chan error)
	for _, each := range parts {
		each.expect()
	}
	for _, each := range parts {
		go func() { came <- each.together(t.Context(), each.batch, each.next) }()
	}
	for range parts {
		if <-came == nil {
			t.Error("a poisoned batch was committed")
		}
	}
	if diff := cmp.Diff([]int64{5, 5}, offsets(t, g)); diff != "" || len(*heard) > 0 {
		t.Error(diff, *heard)
	}
	for _, each := range parts {
		if err := each.transact(t.Context(), each.batch, each.next); (err != nil) != (each.id == 0) {
			t.Errorf("partition %d: %v", each.id, err)
		}
	}
}

func TestWhoComesAloneIsNotKeptWaiting(t *testing.T) {
	t.Parallel()
	g := &group{}
	p := &partition{group: g}
	p.expect()
	if err := p.together(t.Context(), []Message{{EventID: "evt_1"}}, 1); !errors.Is(err, errApart) {
		t.Errorf("%v, want errApart", err)
	}
	p.expect() // and one that turns back holds nobody up for long
	p.dismiss()
	p.dismiss()
	if g.meeting.expected != 0 || g.meeting.ripe().After(time.Now()) {
		t.Errorf("%+v", &g.meeting)
	}
}
