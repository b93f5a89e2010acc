package bus

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

// Publish writes messages with all acknowledgements and returns those that have
// none, in order. Their outcome is unknown, not failed: send them again before
// anything else, and expect duplicates.
//
// Messages go out in chunks that are at most one batch for each partition, and
// a failed chunk stops the rest: kafka-go would go on with a partition's later
// batches after a failed one. When ctx ends, Publish returns at once and what
// was in flight may still be written, so a ctx is for stopping, not for timing.
func (b *Bus) Publish(ctx context.Context, topic string, messages []Message) (unacked []Message, err error) {
	for len(messages) > 0 {
		n := chunk(messages)
		failed, err := b.write(ctx, topic, messages[:n])
		if err != nil {
			return append(failed, messages[n:]...), err
		}
		messages = messages[n:]
	}
	return nil, nil
}

// overhead bounds what headers and framing add to a message.
const overhead = 1 << 10

// chunk is how many leading messages fit into one batch; at least one.
func chunk(messages []Message) int {
	size := 0
	for i, m := range messages {
		size += len(m.Key) + len(m.Value) + overhead
		if i > 0 && (i == batchMessages || size > batchBytes) {
			return i
		}
	}
	return len(messages)
}

func (b *Bus) write(ctx context.Context, topic string, messages []Message) (unacked []Message, err error) {
	out := make([]kafka.Message, len(messages))
	for i, m := range messages {
		out[i] = m.kafka(topic)
	}
	err = b.writer.WriteMessages(ctx, out...)
	var each kafka.WriteErrors
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &each) && len(each) == len(messages):
		for i, e := range each {
			if e != nil {
				unacked = append(unacked, messages[i])
			}
		}
		return unacked, err
	}
	return append(unacked, messages...), err
}
