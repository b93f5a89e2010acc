package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// Topic is a topic as we want it. Zero values: six partitions, seven days, 1 GiB a partition.
type Topic struct {
	Name           string
	Partitions     int
	Retention      time.Duration
	RetentionBytes int64 // for each partition
}

// LogTopics are the event log's topic and its dead letters.
func LogTopics(name string) []Topic {
	return []Topic{{Name: name}, {Name: name + DeadLetters, Partitions: 1, Retention: 30 * 24 * time.Hour}}
}

func (t Topic) config() kafka.TopicConfig {
	if t.Partitions == 0 {
		t.Partitions = 6
	}
	if t.Retention == 0 {
		t.Retention = 7 * 24 * time.Hour
	}
	if t.RetentionBytes == 0 {
		t.RetentionBytes = 1 << 30
	}
	// Always explicit: the embedded broker retains for ever what has no limits of its own.
	return kafka.TopicConfig{
		Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: -1,
		ConfigEntries: []kafka.ConfigEntry{
			{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(t.Retention.Milliseconds(), 10)},
			{ConfigName: "retention.bytes", ConfigValue: strconv.FormatInt(t.RetentionBytes, 10)},
			{ConfigName: "segment.bytes", ConfigValue: strconv.Itoa(64 << 20)},
		},
	}
}

// EnsureTopics creates the topics that are missing and waits until every
// partition has a leader; existing topics stay as their operator set them.
// A subscriber waits for its topic.
func (b *Bus) EnsureTopics(ctx context.Context, topics ...Topic) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := b.Check(ctx); err != nil { // CreateTopics would only say that time was up
		return err
	}
	req := &kafka.CreateTopicsRequest{}
	for _, t := range topics {
		req.Topics = append(req.Topics, t.config())
	}
	res, err := b.client.CreateTopics(ctx, req)
	if err != nil {
		return fmt.Errorf("create Kafka topics: %w", err)
	}
	for name, err := range res.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return fmt.Errorf("create Kafka topic %s: %w", name, err)
		}
	}
	for _, t := range topics {
		if err := b.awaitLeaders(ctx, t.Name); err != nil {
			return fmt.Errorf("wait for Kafka topic %s: %w", t.Name, err)
		}
	}
	return nil
}

func (b *Bus) awaitLeaders(ctx context.Context, topic string) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := b.leaders(ctx, topic)
		if err == nil {
			return nil
		}
		if !pause(ctx, wait) {
			return errors.Join(b.inWords(err), ctx.Err())
		}
	}
}

func (b *Bus) leaders(ctx context.Context, topic string) error {
	res, err := b.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	for _, t := range res.Topics {
		if t.Error != nil {
			return t.Error
		}
		for _, p := range t.Partitions {
			if p.Error != nil {
				return p.Error
			}
		}
		if len(t.Partitions) > 0 {
			return nil
		}
	}
	return errors.New("no partitions yet")
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
