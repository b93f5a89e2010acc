package checkout_test

import (
	"testing"

	"github.com/sluicepay/sluice/connect/checkout"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestEveryTextOfTheCheckoutIsInBothLanguages(t *testing.T) {
	templates, catalogues := checkout.Files()
	uitest.Catalogues(t, templates, catalogues)
}
