package bench

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

func TestEveryTypeIsWantedByAsManyEndpointsAsAskedFor(t *testing.T) {
	for _, c := range []struct{ endpoints, fanout int }{{1, 1}, {4, 1}, {4, 3}, {5, 5}} {
		took := make([]int, c.endpoints)
		wanted := shares(c.endpoints, c.fanout)
		for typ, takers := range wanted {
			slices.Sort(takers)
			if len(slices.Compact(slices.Clone(takers))) != c.fanout {
				t.Errorf("%+v: %s goes to %v", c, typ, takers)
			}
			for _, i := range takers {
				took[i]++
			}
		}
		if len(wanted) != c.endpoints || slices.Min(took) != c.fanout || slices.Max(took) != c.fanout {
			t.Errorf("%+v: %v", c, wanted)
		}
	}
}

func TestTheScoreKnowsWhatIsLostAndWhatCameTwice(t *testing.T) {
	s := newScore()
	s.begin()
	now := time.Now()
	s.expect("evt_1", []int{0, 1})
	s.expect("evt_2", []int{0})
	s.arrive(1, "evt_1", now) // before its commit has returned
	s.committed("evt_1", now.Add(time.Millisecond))
	s.committed("evt_2", now)
	s.arrive(0, "evt_1", now.Add(3*time.Millisecond))
	s.arrive(0, "evt_1", now.Add(4*time.Millisecond)) // again
	s.arrive(1, "evt_2", now)                         // did not ask for it
	s.arrive(0, "evt_0", now)                         // of the profile before
	events, took, lost, twice, forged := s.end()
	slices.Sort(took)
	if events != 2 || lost != 1 || twice != 2 || forged != 0 || !slices.Equal(took, []time.Duration{0, 2 * time.Millisecond}) {
		t.Errorf("%d events, took %v, %d lost, %d twice, %d forged", events, took, lost, twice, forged)
	}
}

func TestASignatureHoldsOnlyForItsBodyAndKey(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("whsec_a"))
	mac.Write([]byte("123.body"))
	header := "t=123,v1=00,v1=" + hex.EncodeToString(mac.Sum(nil)) // one of a rolled secret stands beside it
	if !signed(header, "whsec_a", []byte("body")) {
		t.Error("a good signature was refused")
	}
	if signed(header, "whsec_b", []byte("body")) || signed(header, "whsec_a", []byte("other")) || signed("", "whsec_a", []byte("body")) {
		t.Error("a bad signature was taken")
	}
}

func TestNobodyConnectsToAFullSocket(t *testing.T) {
	h := &hall{}
	defer h.close()
	address, err := h.full()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.DialTimeout("tcp", address, 50*time.Millisecond); err == nil {
		_ = c.Close()
		t.Error("it took a connection")
	}
}

func TestWhatABenchOfWebhooksCannotDoIsAMistakeInTheCommandLine(t *testing.T) {
	good := hookOptions{endpoints: 4, fanout: 1, accounts: 20, rate: 500, duration: time.Second, output: "table", dead: 1000}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*hookOptions){
		"no endpoint":       func(o *hookOptions) { o.endpoints = 0 },
		"too many":          func(o *hookOptions) { o.endpoints = len(chargeTypes) + 1 },
		"fan-out over them": func(o *hookOptions) { o.fanout = 5 },
		"no rate":           func(o *hookOptions) { o.rate = 0 },
		"too many dead":     func(o *hookOptions) { o.dead = 20*deadEach + 1 },
		"unknown output":    func(o *hookOptions) { o.output = "xml" },
	} {
		o := good
		spoil(&o)
		if err := o.check(); cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
