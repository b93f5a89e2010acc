package onboarding_test

import (
	"testing"

	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/ui"
)

func TestPagesParseInEveryLanguage(t *testing.T) {
	kit, err := ui.New(ui.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onboarding.Pages(kit); err != nil {
		t.Fatal(err)
	}
}
