package onboarding_test

import (
	"testing"

	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func TestPagesSayTheSameInEveryLanguage(t *testing.T) {
	templates, catalogues := onboarding.Files()
	uitest.Catalogues(t, templates, catalogues, "····")
}
