package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/db"
)

// errFenced means that another process owns the partition now.
var errFenced = errors.New("another process owns the partition")

// takeOver writes our word into the offset's row. The row's lock is all it waits
// for: a batch that the owner before is committing at this moment.
const takeOver = `
INSERT INTO platform.consumer_offsets AS o (consumer_group, topic, partition, next_offset, owner, updated_at)
VALUES (?0, ?1, ?2, ?3, ?4, ?5)
ON CONFLICT ON CONSTRAINT consumer_offsets_pkey DO UPDATE SET
	owner = EXCLUDED.owner, updated_at = EXCLUDED.updated_at,
	next_offset = CASE WHEN ?6 THEN EXCLUDED.next_offset ELSE o.next_offset END
RETURNING next_offset`

// take makes the partition ours and finds where to start: where the last effect
// ended, or at the first message if Kafka has no commit of the group or the
// partition ends before our place, for then it is not the topic we knew.
func (p *partition) take(ctx context.Context) error {
	first, end, err := p.bus.bounds(ctx, p.sub.Topic, p.id)
	if err != nil {
		return fmt.Errorf("ask where the partition begins: %w", err)
	}
	begin, unknown := p.started, p.started < 0
	if unknown {
		begin = first
	}
	owner := rand.Text()
	next, err := p.word(ctx, owner, begin, unknown)
	if err == nil && next > end {
		p.bus.log.Warn("the partition ends before our place: it was made anew, reading it from its first message",
			"group", p.sub.Group, "partition", p.id, "offset", next, "end", end)
		next, err = p.word(ctx, owner, first, true)
	}
	if err != nil {
		return err
	}
	p.owner = owner
	p.moved(next)
	p.mu.Lock()
	p.end = end
	p.mu.Unlock()
	if unknown {
		_ = p.hint(ctx) // from now on the group is known; if this fails, it begins here again
	}
	return nil
}

func (p *partition) word(ctx context.Context, owner string, begin int64, move bool) (next int64, err error) {
	err = db.InTx(ctx, p.bus.pool, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw(takeOver, p.sub.Group, p.sub.Topic, p.id, begin, owner, time.Now(), move).Scan(ctx, &next)
	})
	if err != nil {
		return 0, fmt.Errorf("take over the offset: %w", err)
	}
	return next, nil
}

const moveOn = `
UPDATE platform.consumer_offsets AS o SET next_offset = m.next, updated_at = $1::timestamptz
  FROM unnest($4::integer[], $5::bigint[], $6::text[]) AS m (partition, next, owner)
 WHERE o.consumer_group = $2 AND o.topic = $3 AND o.partition = m.partition AND o.owner = m.owner`

// move moves the offsets if we still own the partitions. It comes first in a
// transaction: from here to the commit nobody else can take them.
func (g *group) move(ctx context.Context, tx bun.Tx, parts []*part) error {
	ids, nexts, owners := make([]int32, len(parts)), make([]int64, len(parts)), make([]string, len(parts))
	for i, each := range parts {
		ids[i], nexts[i], owners[i] = int32(each.id), each.next, each.owner
	}
	moved, err := db.Exec(ctx, tx, moveOn, time.Now(), g.sub.Group, g.sub.Topic, ids, nexts, owners)
	if err != nil {
		return fmt.Errorf("move the offset: %w", err)
	}
	if moved == len(parts) {
		return nil
	}
	return errFenced
}

// bounds asks the brokers where a partition begins and ends.
func (b *Bus) bounds(ctx context.Context, topic string, partition int) (first, end int64, err error) {
	all, err := b.offsets(ctx, topic, kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition))
	if err != nil {
		return 0, 0, err
	}
	return all[partition].FirstOffset, all[partition].LastOffset, nil
}

func (b *Bus) offsets(ctx context.Context, topic string, asked ...kafka.OffsetRequest) (map[int]kafka.PartitionOffsets, error) {
	res, err := b.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
	if err != nil {
		return nil, err
	}
	all := map[int]kafka.PartitionOffsets{}
	for _, o := range res.Topics[topic] {
		if o.Error != nil {
			return nil, o.Error
		}
		all[o.Partition] = o
	}
	for _, a := range asked {
		if _, found := all[a.Partition]; !found {
			return nil, fmt.Errorf("the brokers say nothing of partition %d", a.Partition)
		}
	}
	return all, nil
}

// committed is what Kafka has for the group, by partition; negative where it has nothing.
func (b *Bus) committed(ctx context.Context, group, topic string, partitions []int) (map[int]int64, error) {
	res, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
	if err != nil {
		return nil, err
	}
	if res.Error != nil {
		return nil, res.Error
	}
	all := map[int]int64{}
	for _, o := range res.Topics[topic] {
		if o.Error == nil {
			all[o.Partition] = o.CommittedOffset
		}
	}
	return all, nil
}
