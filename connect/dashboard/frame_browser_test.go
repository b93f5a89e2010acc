package dashboard_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/dashboard/dashboardtest"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// shots is where pictures of the pages go, to be looked at; "" for none.
var shots = os.Getenv("SLUICE_TEST_SCREENSHOTS")

func TestTheFrameIsSoundInABrowser(t *testing.T) {
	a := &api{answer: threeCharges}
	k := kit(t)
	desk, _ := dashboardtest.New(t, k, a)
	addPayments(t, desk, dashboard.ForPlatform, "")
	addPayments(t, desk, dashboard.ForAccount, "")
	url := uitest.Server(t, k, dashboardtest.Handler(desk))
	for _, language := range []string{"en", "zh-Hant-HK"} {
		for name, path := range map[string]string{
			"list":   "/dashboard/acct_platform/test?done=saved",
			"tutor":  "/earnings/acct_tutor/test?columns=amount,status",
			"search": "/dashboard/acct_platform/test?from=2026-01-01",
		} {
			t.Run(language+"/"+name, func(t *testing.T) {
				tab := uitest.Browser(t).Tab(t, uitest.Language(language))
				tab.Open(url + path)
				uitest.Audit(t, tab)
				picture(tab, "frame-"+name+"-"+language)
			})
		}
	}
}

func picture(tab *uitest.Tab, name string) {
	if shots == "" {
		return
	}
	for _, width := range []int{390, 1440} {
		for theme, dark := range map[string]bool{"light": false, "dark": true} {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(shots, name+"-"+theme+"-"+map[int]string{390: "phone", 1440: "desktop"}[width]+".png"))
		}
	}
}
