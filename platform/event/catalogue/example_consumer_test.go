package catalogue_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/sluicepay/sluice/platform/wire"
)

// consumer keeps the last state of every object, whatever the order in which the
// events come and however often each of them comes.
type consumer struct {
	seen  map[string]int64           // the highest version of each object
	state map[string]json.RawMessage // what it said
}

// take is the whole rule: apply what is newer, drop the rest.
func (c consumer) take(e wire.Event) {
	var object struct{ ID string }
	_ = json.Unmarshal(e.Data.Object, &object)
	key := e.Account + "/" + object.ID
	if e.ObjectVersion > c.seen[key] {
		c.seen[key], c.state[key] = e.ObjectVersion, e.Data.Object
	}
}

// The life of a charge, told backwards and twice: authorized, captured, described,
// refunded, the refund sent back by the payer's bank, refunded again.
func Example_consumer() {
	raw, err := os.ReadFile("testdata/life.json")
	if err != nil {
		panic(err)
	}
	var life []wire.Event
	if err := json.Unmarshal(raw, &life); err != nil {
		panic(err)
	}
	c := consumer{map[string]int64{}, map[string]json.RawMessage{}}
	for _, e := range slices.Backward(append(life, life...)) {
		c.take(e)
	}
	for _, state := range c.state {
		var charge wire.Charge
		if err := json.Unmarshal(state, &charge); err != nil {
			panic(err)
		}
		fmt.Println(charge.Status, charge.AmountCaptured, charge.AmountRefunded, *charge.Description)
	}
	// Output: succeeded 60000 20000 DSE Mathematics
}
