package catalogue_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sluicepay/sluice/platform/wire"
)

func lifeOfACharge(t *testing.T) []wire.Event {
	t.Helper()
	raw, err := os.ReadFile("testdata/life.json")
	if err != nil {
		t.Fatal(err)
	}
	var life []wire.Event
	if err := json.Unmarshal(raw, &life); err != nil {
		t.Fatal(err)
	}
	for i, e := range life {
		if e.ObjectVersion != int64(i+1) {
			t.Fatalf("%s is version %d, in place %d", e.Type, e.ObjectVersion, i+1)
		}
	}
	if len(life) != 6 {
		t.Fatalf("a life of %d events", len(life))
	}
	return life
}

// ends tells how the consumer leaves the one object it heard of.
func ends(t *testing.T, events []wire.Event) (version int64, state string) {
	t.Helper()
	c := consumer{map[string]int64{}, map[string]json.RawMessage{}}
	for _, e := range events {
		c.take(e)
	}
	if len(c.state) != 1 {
		t.Fatalf("%d objects", len(c.state))
	}
	for key, raw := range c.state {
		version, state = c.seen[key], string(raw)
	}
	return version, state
}

func TestTheDocumentedConsumerEndsRightInEveryOrder(t *testing.T) {
	life := lifeOfACharge(t)
	want := string(life[5].Data.Object)
	orders := permutations(life)
	if len(orders) != 720 {
		t.Fatalf("%d orders", len(orders))
	}
	for _, order := range orders {
		if version, state := ends(t, order); version != 6 || state != want {
			t.Fatalf("ends with version %d in the order %v", version, versions(order))
		}
	}
}

func TestTheDocumentedConsumerTakesEveryEventHoweverOften(t *testing.T) {
	life := lifeOfACharge(t)
	want := string(life[5].Data.Object)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for range 720 {
		order := slices.Concat(life, life, life)
		chance.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if version, state := ends(t, order); version != 6 || state != want {
			t.Fatalf("ends with version %d in the order %v", version, versions(order))
		}
	}
}

func permutations(events []wire.Event) [][]wire.Event {
	if len(events) < 2 {
		return [][]wire.Event{events}
	}
	var out [][]wire.Event
	for i, first := range events {
		others := slices.Concat(events[:i], events[i+1:])
		for _, rest := range permutations(others) {
			out = append(out, append([]wire.Event{first}, rest...))
		}
	}
	return out
}

func versions(events []wire.Event) []int64 {
	out := make([]int64, len(events))
	for i, e := range events {
		out[i] = e.ObjectVersion
	}
	return out
}
