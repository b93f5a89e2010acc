package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// storm is two processes of one group to which everything happens: they come and
// go, are taken for dead, meet duplicates and poison, and operators ask for
// retries meanwhile.
type storm struct {
	*workbench
	dice  *rand.Rand
	keys  []string
	sent  map[string][]bus.Message
	buses [2]*bus.Bus
	stops [2]func()

	mu     sync.Mutex
	poison map[string]bool
}

func newStorm(t *testing.T, keys int) *storm {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &storm{workbench: newWorkbench(t, 3), dice: rand.New(rand.NewPCG(seed, 0)), sent: map[string][]bus.Message{}, poison: map[string]bool{}}
	for k := range keys {
		s.keys = append(s.keys, fmt.Sprintf("acct_%d", k))
	}
	for i := range s.buses {
		s.buses[i] = bustest.Open(t, []string{s.broker.Addr()}, s.pool)
		s.turn(i)
	}
	return s
}

// turn starts a process or stops it.
func (s *storm) turn(i int) {
	if stop := s.stops[i]; stop != nil {
		s.stops[i] = nil
		stop()
		return
	}
	s.stops[i] = bustest.Subscribe(s, s.buses[i], s.subscription(func(_ context.Context, _ bun.Tx, batch []bus.Message) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range batch {
			if s.poison[m.Key] {
				return errors.New("poison")
			}
		}
		return nil
	}))
}

func (s *storm) flip(key string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison[key] = on
}

func (s *storm) key() string { return s.keys[s.dice.IntN(len(s.keys))] }

// publish sends a few new events of each key, and old ones among them.
func (s *storm) publish() {
	var out []bus.Message
	for _, key := range s.keys {
		for range s.dice.IntN(4) {
			m := message(key, len(s.sent[key])+1)
			s.sent[key] = append(s.sent[key], m)
			out = append(out, m)
			if s.dice.IntN(3) == 0 {
				out = append(out, s.sent[key][s.dice.IntN(len(s.sent[key]))])
			}
		}
	}
	publish(s.T, s.bus, s.topic, out...)
}

func (s *storm) happen() {
	switch s.dice.IntN(6) {
	case 0:
		s.turn(s.dice.IntN(2))
	case 1, 2:
		s.flip(s.key(), s.dice.IntN(3) > 0)
	case 3:
		s.sql(`UPDATE platform.consumer_offsets SET owner = 'somebody' WHERE partition = ?`, s.dice.IntN(3))
	default:
		s.retry()
	}
}

func (s *storm) retry() {
	if _, err := s.parking.RequestRetry(s.Context(), s.group, "", "ada@desk"); err != nil {
		s.Fatal(err)
	}
}

func TestInAStormEveryEventHasItsEffectOnceAndInTheOrderOfItsKey(t *testing.T) {
	s := newStorm(t, 12)
	beat := time.NewTicker(100 * time.Millisecond) // so that there is something to disturb
	defer beat.Stop()
	for range 60 {
		s.publish()
		s.happen()
		<-beat.C
	}
	for _, key := range s.keys {
		s.flip(key, false)
	}
	for i, stop := range s.stops {
		if stop == nil {
			s.turn(i)
		}
	}
	total := 0
	for _, sent := range s.sent {
		total += len(sent)
	}
	bustest.Eventually(t, "everything has had its effect", func() bool {
		s.retry()
		return s.effects() >= total && s.number(`SELECT count(*) FROM platform.parked_events`) == 0
	})
	for _, key := range s.keys {
		if diff := cmp.Diff(upTo(len(s.sent[key])), s.of(key)); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	t.Logf("%d events, parked and freed %d times", total, s.number(`SELECT count(*) FROM platform.parking_log WHERE action = 'freed'`))
}
