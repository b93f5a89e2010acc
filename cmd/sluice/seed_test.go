package main

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/sluicepay/sluice/connect/processor/cardsim"
)

func drawn() []lesson {
	ids := make([]string, len(tutors))
	for i := range ids {
		ids[i] = "acct_" + strconv.Itoa(i)
	}
	chance := rand.New(rand.NewPCG(seedNumber, seedNumber))
	lessons := make([]lesson, 250)
	for i := range lessons {
		lessons[i] = newLesson(chance, ids, strconv.Itoa(i))
	}
	return lessons
}

func TestTheSeedIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(drawn(), drawn()) {
		t.Error("two marketplaces of one seed differ")
	}
}

func TestTheSeedHasSomethingOfEverything(t *testing.T) {
	t.Parallel()
	var splits, refunds, declines int
	for _, l := range drawn() {
		if l.split {
			splits++
		}
		if l.refund > 0 {
			refunds++
		}
		if l.expectDecline {
			declines++
		}
		if l.amount%500 != 0 || l.amount < 30000 || l.amount > 200000 {
			t.Errorf("a lesson for %d cents", l.amount)
		}
		if _, known := cardsim.ByHandle(l.params.Get("payment_method")); !known {
			t.Errorf("no card %s", l.params.Get("payment_method"))
		}
	}
	if splits < 10 || refunds < 10 || declines < 5 || len(tutors) < 8 {
		t.Errorf("%d splits, %d refunds, %d declines, %d tutors", splits, refunds, declines, len(tutors))
	}
}
