package payoutpages_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// pictured are the pages that are looked at as pictures.
var pictured = map[string]string{
	"payouts": "/payouts", "payout": "/payouts/po_paid", "payout-failed": "/payouts/po_failed", "payout-waits": "/payouts/po_waits", "payout-items": "/payouts/po_paid?tab=items",
	"payout-bank": "/payouts/po_paid?tab=bank", "payout-ledger": "/payouts/po_paid?tab=ledger", "payout-cancel": "/payouts/po_pending/cancel", "payout-new": "/payouts/new?account=acct_may",
	"runs": "/payout-runs", "preview": "/payout-runs/preview", "run": "/payout-runs/prun_1", "batch": "/payout-batches/bat_1", "batches": "/payout-batches",
	"ledger": "/ledger", "ledger-account": "/ledger/accounts/la_2", "entries": "/ledger/entries", "entry": "/ledger/entries/le_1024", "trial": "/trial-balance",
}

func TestBrowserPagesAreSoundInBothLanguages(t *testing.T) {
	k, h := desk(t, marketplace())
	url := uitest.Server(t, k, h) + root
	paths := make([]string, 0, len(addresses))
	for path := range addresses {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, language := range []string{"en", "zh-Hant-HK"} {
		tab := uitest.Browser(t).Tab(t, uitest.Language(language))
		for _, path := range paths {
			tab.Open(url + path)
			uitest.Audit(t, tab)
		}
	}
	dir := os.Getenv("SLUICE_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	for name, path := range pictured {
		for _, width := range []int{390, 1440} {
			for _, dark := range []bool{false, true} {
				for _, language := range []string{"en", "zh-Hant-HK"} {
					if dark && (language != "en" || width == 390) {
						continue
					}
					tab := uitest.Browser(t).Tab(t, uitest.Language(language))
					tab.SetWidth(width)
					tab.SetDark(dark)
					tab.Open(url + path)
					tab.Screenshot(filepath.Join(dir, strings.Join([]string{name, map[int]string{390: "390", 1440: "1440"}[width], language, map[bool]string{true: "dark", false: "light"}[dark]}, "-")+".png"))
				}
			}
		}
	}
}
