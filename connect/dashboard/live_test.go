package dashboard_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// paperEar hears what a test says.
type paperEar chan []dashboard.News

func (e paperEar) Hear(ctx context.Context) ([]dashboard.News, error) {
	select {
	case news := <-e:
		return news, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// livingDesk is a desk whose pages hear of what the test says, until the test ends.
func livingDesk(t *testing.T, k *ui.Kit, a http.Handler) (*dashboard.Desk, paperEar) {
	t.Helper()
	ear := make(paperEar)
	desk, err := dashboard.New(dashboard.Config{
		Kit: k, Gate: &dashboardtest.Gate{Chairs: []dashboard.Chair{dashboardtest.Chair(), dashboardtest.TutorChair()}},
		API: func() http.Handler { return a }, BaseURL: "https://pay.example", Ear: func(context.Context) (dashboard.Ear, error) { return ear, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := desk.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return desk, ear
}

func TestAnOpenPageHearsOfItsAccountInItsMode(t *testing.T) {
	desk, ear := livingDesk(t, kit(t), &api{answer: threeCharges})
	server := httptest.NewServer(dashboardtest.Handler(desk))
	t.Cleanup(server.Close)
	listen := func(path string) *bufio.Scanner {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Fatalf("%s is %s", path, got)
		}
		return bufio.NewScanner(answer.Body)
	}
	next := func(s *bufio.Scanner) string {
		for s.Scan() {
			if line, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				return line
			}
		}
		return ""
	}
	platform, tutor := listen("/dashboard/acct_platform/test/live"), listen("/earnings/acct_tutor/test/live")
	of := func(kind, account string, live bool) dashboard.News {
		return dashboard.News{Type: kind, Account: account, Platform: dashboardtest.Platform, Livemode: live}
	}
	ear <- []dashboard.News{
		of("live.mode", dashboardtest.Platform, true), {Type: "next.door", Account: "acct_other", Platform: "acct_other"},
		of("charge.succeeded", dashboardtest.Platform, false),
	}
	if got := next(platform); got != "charge.succeeded" {
		t.Errorf("the platform heard %q", got)
	}
	ear <- []dashboard.News{of("payout.paid", dashboardtest.Tutor, false)}
	if got := next(platform); got != "payout.paid" {
		t.Errorf("the platform heard %q of its tutor", got)
	}
	if got := next(tutor); got != "payout.paid" {
		t.Errorf("the tutor heard %q", got)
	}
}

func TestAListRefreshesItselfAndKeepsTheFocus(t *testing.T) {
	a, k := &api{answer: threeCharges}, kit(t)
	desk, ear := livingDesk(t, k, a)
	addPayments(t, desk, dashboard.ForPlatform, "")
	tab := uitest.Browser(t).Tab(t)
	tab.Open(uitest.Server(t, k, dashboardtest.Handler(desk)) + "/dashboard/acct_platform/test")
	uitest.Audit(t, tab)
	tab.Eval(`document.querySelector(".pager a").focus()`, nil)
	happened := func() {
		ear <- []dashboard.News{{Type: "charge.succeeded", Account: dashboardtest.Platform, Platform: dashboardtest.Platform}}
	}
	a.say(strings.Replace(threeCharges, "60000", "61000", 1))
	happened()
	tab.WaitText("HK$610.00")
	var focused bool
	tab.Eval(`document.activeElement.closest(".pager") !== null`, &focused)
	if !focused {
		t.Error("the focus is lost")
	}

	tab.Click("Live")
	a.say(strings.Replace(threeCharges, "60000", "62000", 1))
	tab.Wait(`document.querySelector("[data-live-switch]").getAttribute("aria-pressed") === "false"`)
	tab.Click("Live") // what was missed is fetched at once
	tab.WaitText("HK$620.00")
}
