package bus

import (
	"testing"
	"time"
)

// The bug: an end that was true when it was asked for was compared with a place
// reached since, and a busy partition was read again from its first message.
func TestABusyPartitionIsNotTakenForOneMadeAnew(t *testing.T) {
	p := &partition{group: &group{sub: Subscription{Stall: time.Minute}}, rouse: func() {}}
	for place := int64(100); place < 1000; place += 100 {
		p.next = place + 50 // handled while the brokers were asked
		p.judge(time.Now(), place, place, false)
	}
	if p.order != carryOn {
		t.Errorf("the watch wants %d", p.order)
	}
	for range 2 {
		p.judge(time.Now(), p.next, 10, false)
	}
	if p.order != startFromTop {
		t.Error("a partition that ends before our place is not read anew")
	}
}
