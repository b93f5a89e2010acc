package payoutpages_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	tab := uitest.Browser(t).Tab(t)
	for _, path := range slices.Sorted(maps.Values(pictured)) { // one of each kind
		tab.Open(url + path)
		uitest.Audit(t, tab)
	}
	for _, language := range []string{"en", "zh-Hant-HK"} {
		tab := uitest.Browser(t).Tab(t, uitest.Language(language))
		for _, path := range slices.Sorted(maps.Keys(addresses)) {
			tab.Open(url + path)
			uitest.Fits(t, tab)
		}
	}
}

// SLUICE_TEST_SCREENSHOTS=folder keeps pictures of the pages.
func TestBrowserPicturesOfThePages(t *testing.T) {
	dir := os.Getenv("SLUICE_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	k, h := desk(t, marketplace())
	url := uitest.Server(t, k, h) + root
	for _, look := range []struct {
		name, language string
		width          int
		dark           bool
	}{{"390-en", "en", 390, false}, {"1440-en", "en", 1440, false}, {"1440-en-dark", "en", 1440, true}, {"390-zh", "zh-Hant-HK", 390, false}, {"390-zh-dark", "zh-Hant-HK", 390, true}} {
		tab := uitest.Browser(t).Tab(t, uitest.Language(look.language))
		tab.SetWidth(look.width)
		tab.SetDark(look.dark)
		for name, path := range pictured {
			tab.Open(url + path)
			tab.Screenshot(filepath.Join(dir, name+"-"+look.name+".png"))
		}
	}
}
