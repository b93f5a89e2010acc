package accountpages

import (
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	uitest.CataloguesOf(t, files, files, dashboard.Options())
}
