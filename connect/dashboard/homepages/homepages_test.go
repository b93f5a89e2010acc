package homepages_test

import (
	"os"
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestTheCataloguesAreWhole(t *testing.T) {
	uitest.CataloguesOf(t, os.DirFS("."), os.DirFS("catalogues"), dashboard.Options(), "done.", "status.", "entry.", "place.", "story.", "flow.", "refund.reason.", "payment.", "home.")
}
