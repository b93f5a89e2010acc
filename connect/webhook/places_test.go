package webhook

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// ward is a thousand endpoints that failed their last try here, and five that answered it well;
// the table has something for each.
func ward(t *testing.T) (p *places, well []string) {
	t.Helper()
	p = newPlaces(DispatcherConfig{}.withDefaults())
	p.start()
	try := func(endpointID string, v verdict) {
		start, _ := p.admit([]leased{{Endpoint: endpointID}})
		for _, l := range start {
			p.leave(l, v, time.Now())
			p.recorded()
		}
		p.expect([]string{endpointID})
	}
	for i := range 1000 {
		try(fmt.Sprintf("we_sick_%d", i), bad)
	}
	for i := range 5 {
		well = append(well, fmt.Sprintf("we_well_%d", i))
		try(well[i], good)
	}
	return p, well
}

func TestAHealthyDeliveryIsClaimedBesideHoweverManySickOnes(t *testing.T) {
	t.Parallel()
	p, well := ward(t)
	rounds := newRounds()
	// One look finds all that are well, and none of the sick: they have looks of their own, of a few at a time.
	got := p.expected(proven, rounds[proven].most, time.Now())
	if slices.Sort(got); !slices.Equal(got, well) {
		t.Errorf("a look for the proven names %v", got)
	}
	if n := len(p.expected(probation, rounds[probation].most, time.Now())); n != rounds[probation].most || n > atOnce {
		t.Errorf("a look for those on probation names %d", n)
	}
	// Whatever a batch of events brings to the unknown, it claims places for all that is for the well.
	c := claims{dispatcher: &Dispatcher{places: p}, places: map[string]int{}}
	claimed := 0
	for i := range 1000 {
		endpointID := fmt.Sprintf("we_new_%d", i)
		if of, offered := p.offers(endpointID, &c, time.Now()); offered {
			if c.note(endpointID, of, 1); of != probation {
				t.Fatal("an unknown endpoint is proven")
			}
			claimed++
		}
	}
	if claimed != probationBirths {
		t.Errorf("a batch claimed %d places for the unknown", claimed)
	}
	known := receiver{proven: true}
	p.expected(proven, len(well), time.Now())
	for range p.ahead(&known) {
		of, offered := p.offers(well[0], &c, time.Now())
		if !offered || of != proven {
			t.Fatalf("no place for one that answers, behind %d claims", c.all)
		}
		c.note(well[0], of, 1)
	}
}

func TestNothingWaitsHereForAnEndpointOnProbation(t *testing.T) {
	t.Parallel()
	p := newPlaces(DispatcherConfig{}.withDefaults())
	p.start()
	c := claims{places: map[string]int{}}
	of, offered := p.offers("we_new", &c, time.Now())
	if c.note("we_new", of, 1); !offered {
		t.Fatal("no place for the first delivery of an unknown endpoint")
	}
	if _, offered := p.offers("we_new", &c, time.Now()); offered {
		t.Error("a second one is leased for it while the first may hang")
	}
	if start, _ := p.admit([]leased{{Endpoint: "we_new"}}); len(start) != 1 || p.held != 0 {
		t.Errorf("%d started, %d held", len(start), p.held)
	}
	if n := p.room(due{ID: "we_new"}, time.Now()); n != 0 {
		t.Errorf("room for %d beside the one under way", n)
	}
}

func TestThoseKnownToFailAreLookedUpBehindThoseNobodyKnows(t *testing.T) {
	t.Parallel()
	p, _ := ward(t)
	p.expect([]string{"we_new"})
	if got := p.expected(probation, 32, time.Now()); !slices.Contains(got, "we_new") {
		t.Error("a new endpoint waits behind those that fail")
	}
}

func TestWhatWentWellIsRecordedApartFromWhatDidNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		ailing bool
		want   footing
	}{{200, false, proven}, {200, true, probation}, {500, false, probation}, {0, false, probation}} {
		s := &settled{Attempt: Attempt{Answer: Answer{Status: c.status}}, ailing: c.ailing}
		if got := s.footing(); got != c.want {
			t.Errorf("%d, ailing %t: %d", c.status, c.ailing, got)
		}
	}
}

func TestATypeIsMatchedByItsPatternsAlone(t *testing.T) {
	t.Parallel()
	const typ = "charge.dispute.created"
	patterns := patternsOf(typ)
	if want := []string{"*", typ, "charge.*", "charge.dispute.*"}; !slices.Equal(patterns, want) {
		t.Errorf("patterns %v", patterns)
	}
	for _, p := range patterns {
		if !matches(p, typ) {
			t.Errorf("%s does not match", p)
		}
	}
}
