package requestlog_test

import (
	"slices"
	"testing"

	"github.com/sluicepay/sluice/platform/rest/requestlog"
)

func TestATailTellsWhoseLogHasGrown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var tail requestlog.Tail
	hub, other := requestlog.Watched{Account: "acct_hub"}, requestlog.Watched{Account: "acct_other"}
	grown := func(watched ...requestlog.Watched) []requestlog.Watched {
		t.Helper()
		if err := h.log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := tail.Grown(t.Context(), h.pool, watched)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	h.ask("hub", "GET", "/v1/charges?limit=1", "")
	if got := grown(hub, other); got != nil {
		t.Errorf("what was there before is news: %v", got)
	}
	h.ask("hub", "GET", "/v1/charges?limit=1", "")
	h.ask("person", "GET", "/v1/charges?limit=1", "") // looking at a page is no news, or the page would look again
	if got := grown(hub, other, requestlog.Watched{Account: "acct_hub", Livemode: true}); !slices.Equal(got, []requestlog.Watched{hub}) {
		t.Errorf("grown %v", got)
	}
	h.ask("person", "GET", "/v1/charges?limit=1", "")
	if got := grown(hub, other); got != nil {
		t.Errorf("a page that looks is told to look again: %v", got)
	}
	h.ask("next door", "GET", "/v1/charges?limit=1", "")
	if got := grown(hub); got != nil {
		t.Errorf("a neighbour's requests are told: %v", got)
	}
	if got := grown(hub, other); got != nil {
		t.Errorf("who was not watched before has news: %v", got)
	}
}
