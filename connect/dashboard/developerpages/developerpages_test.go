package developerpages

import (
	"testing"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	uitest.CataloguesOf(t, sub("templates"), sub("catalogues"), dashboard.Options(), "ms")
}

func TestEveryTestCardIsOneOfTheSandbox(t *testing.T) {
	for _, c := range testCards {
		if _, known := cardsim.ByHandle(c.Token); !known {
			t.Errorf("the sandbox knows no card %s", c.Token)
		}
	}
}
