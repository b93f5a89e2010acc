package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event/relay"
)

// ordersEnv makes this test program a worker of the fault run instead: a process
// that can be killed, stopped and started without a word.
const ordersEnv = "SLUICE_FAULT_WORKER"

func TestMain(m *testing.M) {
	if text, worker := os.LookupEnv(ordersEnv); worker {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// orders are what a worker does.
type orders struct {
	Relay     bool  // carry the log to Kafka,
	Consumers []int // and have the effects of these consumers
	Database  string
	Brokers   []string
	Topic     string
}

// work follows the orders until nobody holds the other end of stdin.
func work(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	pool, err := db.Open(ctx, db.Config{URL: o.Database, Name: "fault worker", MaxConns: 8})
	if err != nil {
		return err
	}
	defer pool.Close()
	b, err := bus.Open(bus.Config{Brokers: o.Brokers, Pool: pool})
	if err != nil {
		return err
	}
	defer b.Close()
	var all sync.WaitGroup
	if o.Relay {
		// A short lease: what the killed one held waits for its end.
		r := relay.New(pool, b, relay.Config{Topic: o.Topic, Poll: 10 * time.Millisecond, Lease: 600 * time.Millisecond})
		all.Go(func() { _ = r.Run(ctx) })
	}
	for _, n := range o.Consumers {
		all.Go(func() {
			if err := b.Subscribe(ctx, tallying(o.Topic, n)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	fmt.Println("ready")
	all.Wait()
	return nil
}

// tallying is consumer n: it hears of its own type of events and counts them.
// This is where the run meets the bus: how a consumer has an effect once.
func tallying(topic string, n int) bus.Subscription {
	return bus.Subscription{
		Group: consumer(topic, n), Topic: topic, Types: []string{kind(n)}, Session: time.Second,
		Effect: func(ctx context.Context, tx bun.Tx, batch []bus.Message) (committed func(), err error) {
			for _, m := range batch {
				if err := tally(ctx, tx, consumer(topic, n), m); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	}
}

func consumer(topic string, n int) string { return fmt.Sprintf("%s.%02d", topic, n) }

func kind(n int) string { return fmt.Sprintf("fault.consumer_%02d", n) }

// tally is an effect that is wrong when it happens twice, never, or in another order.
func tally(ctx context.Context, tx bun.Tx, consumer string, m bus.Message) error {
	_, err := tx.NewRaw(`
WITH seen AS (
	INSERT INTO seen AS s (consumer, object, version, disorder) VALUES (?0, ?1, ?2, (?2 <> 1)::int)
	ON CONFLICT (consumer, object) DO UPDATE
		SET version = EXCLUDED.version, disorder = s.disorder + (EXCLUDED.version <> s.version + 1)::int
)
INSERT INTO tally AS t (consumer, account, n) VALUES (?0, ?3, 1) ON CONFLICT (consumer, account) DO UPDATE SET n = t.n + 1`,
		consumer, m.Subject, m.ObjectVersion, m.Key).Exec(ctx)
	return err
}

const tallies = `
CREATE TABLE tally (consumer text, account text, n bigint NOT NULL, PRIMARY KEY (consumer, account));
CREATE TABLE seen (consumer text, object text, version bigint NOT NULL, disorder bigint NOT NULL, PRIMARY KEY (consumer, object))`

// worker is a running process.
type worker struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   *tail
}

// hire starts a worker and returns when it has begun to work.
func hire(o orders) (*worker, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	w := &worker{cmd: exec.Command(os.Args[0]), log: &tail{}}
	w.cmd.Env = append(os.Environ(), ordersEnv+"="+string(text))
	w.cmd.Stderr = w.log
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.stdin = stdin
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		w.kill()
		return nil, fmt.Errorf("a worker did not start: %w\n%s", err, w.log)
	}
	return w, nil
}

// kill ends it as a power cut would.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait() // it was killed: that is the error
	_ = w.stdin.Close()
}

// freeze takes its processor away, and thaw gives it back: it has not noticed, and goes on with what it was at.
func (w *worker) freeze() { _ = w.cmd.Process.Signal(syscall.SIGSTOP) }
func (w *worker) thaw()   { _ = w.cmd.Process.Signal(syscall.SIGCONT) }

// tail keeps the end of what a worker complains.
type tail struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept.Len() > 16<<10 {
		l.kept.Next(8 << 10)
	}
	return l.kept.Write(p)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.String()
}
