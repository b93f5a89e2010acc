package oauthhttp_test

import (
	"testing"

	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/platform/ui"
)

func TestFlowPagesReadWell(t *testing.T) {
	kit, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oauthhttp.NewFlow(oauthhttp.FlowConfig{Kit: kit}); err != nil {
		t.Fatal(err)
	}
}
