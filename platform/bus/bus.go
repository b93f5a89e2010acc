// Package bus carries events over Kafka: at least once, in order per key, with
// effects that happen exactly once.
//
// It is the only package that knows kafka-go, and what it knows is hard won.
// kafka-go has neither idempotent producing nor transactions, so a message may
// arrive twice. Subscribers use ConsumerGroup generations, never Reader with a
// GroupID, which duplicates on every rebalance and can hang for ever on
// shutdown. One Transport serves the whole process, because a Writer's own is
// never freed.
//
// # Effects and offsets
//
// A subscriber's effects live in PostgreSQL, and so does how far it has come.
// Of each batch, one transaction
//
//  1. moves the partition's offset, if this process still owns the partition,
//  2. lines events up behind parked ones of their key,
//  3. claims the rest in the inbox, so that duplicates fall out,
//  4. has the effect of those that are new.
//
// It is committed or it is not; there is nothing in between to be lost or
// doubled. The commit waits for the disk: a reader that outlives a
// crash of the database goes on from its place, and must not have left behind it what the database has forgotten.
//
// What Kafka is told afterwards is a hint: consumer lag in Kafka's own
// tools, and the sign that a topic is the one we know. A group and partition
// without a commit in Kafka is a new topic or one made anew, and is read from
// its first message; the inbox skips what was handled.
//
// Ownership is a word in the offset's row that a new owner writes at the start
// of its generation. It waits for nothing but the row, that is for the batch
// that a process taken for dead may be committing at that moment; that
// process's next batch finds another word and stops.
//
// # Poison
//
// A batch that fails is tried again one event at a time. An event that fails
// Subscription.Attempts times is parked, in the transaction that moves the
// offset past it, and its key is held: later events of the key line up behind
// it while other keys flow. `sluice events park retry` marks the line; a
// process of the group has the effects of its events, one transaction each, and
// the key is free when the line is empty. That needs only the database.
//
// # Stalls
//
// Kafka clients have been seen to sit silent while messages wait for them,
// after a broker's restart above all. Every second each subscription asks the
// brokers over another connection where its partitions end: one that has
// messages and has got none for Subscription.Stall gets a new reader, then a
// new generation. The same look notices a topic that was made anew.
package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
)

// Events is the topic of the event log; what could not be handled is noted in Events + DeadLetters.
const (
	Events      = "sluice.events"
	DeadLetters = ".dlq"
)

// Config says where the brokers are and how to log in.
type Config struct {
	Brokers []string    // host:port
	TLS     *tls.Config // nil = plain text
	SASL    SASL
	// Pool is where subscribers keep their offsets, inbox and parked events, next
	// to their effects. A process that only publishes needs none.
	Pool *bun.DB
	Log  *slog.Logger // default slog.Default()
}

// SASL is a login at the brokers; the zero value is none.
type SASL struct {
	Mechanism string // "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512"
	User      string
	Password  string
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.User, s.Password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, s.User, s.Password)
	}
	return nil, fmt.Errorf("bus: SASL mechanism %q is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
}

// Bus is one process's way to the brokers.
type Bus struct {
	brokers   []string
	tls       *tls.Config
	sasl      sasl.Mechanism
	login     SASL // without its password
	pool      *bun.DB
	parking   *event.Parking
	log       *slog.Logger
	transport *kafka.Transport
	client    *kafka.Client
	writer    *kafka.Writer
	end       context.CancelFunc // ends the transport's goroutines

	mu     sync.Mutex
	groups map[*group]struct{} // the subscriptions that run, for Lags
}

// batchMessages and batchBytes bound one produce request.
const (
	batchMessages = 500
	batchBytes    = 900 << 10
)

// Open makes a Bus. It does not talk to the brokers yet: a process that only
// serves the API must start while they are down. Check does.
func Open(cfg Config) (*Bus, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("bus: no Kafka brokers given")
	}
	mechanism, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	ctx, end := context.WithCancel(context.Background())
	transport := &kafka.Transport{
		TLS: cfg.TLS, SASL: mechanism, ClientID: "sluice", DialTimeout: 3 * time.Second, Context: ctx,
	}
	addr := kafka.TCP(cfg.Brokers...)
	return &Bus{
		brokers: cfg.Brokers, tls: cfg.TLS, sasl: mechanism, login: SASL{Mechanism: cfg.SASL.Mechanism, User: cfg.SASL.User}, log: cfg.Log,
		pool: cfg.Pool, parking: event.NewParking(cfg.Pool, clock.System{}), groups: map[*group]struct{}{},
		transport: transport,
		client:    &kafka.Client{Addr: addr, Transport: transport, Timeout: 5 * time.Second},
		writer: &kafka.Writer{
			Addr: addr, Transport: transport,
			RequiredAcks: kafka.RequireAll, // the zero value asks for no acknowledgement at all
			Balancer:     kafka.Murmur2Balancer{Consistent: true},
			BatchTimeout: 5 * time.Millisecond, // the default of 1 s is what a lone message would wait
			BatchSize:    batchMessages, BatchBytes: batchBytes,
			MaxAttempts: 3, WriteTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
			Compression: kafka.Snappy,
		},
		end: end,
	}, nil
}

// Close frees the connections. Subscribers and publishers must have stopped.
func (b *Bus) Close() error {
	b.end()
	err := b.writer.Close()
	b.transport.CloseIdleConnections()
	return err
}
