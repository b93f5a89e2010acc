package ui_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/ui/uitest"
)

func newKit(t testing.TB) *ui.Kit {
	t.Helper()
	k, err := ui.New(ui.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var storyPages = []string{"", "signin", "consent", "wizard", "account", "error"}

// shots is where pictures of the pages go, to be looked at; "" for none.
var shots = os.Getenv("SLUICE_TEST_SCREENSHOTS")

func TestStorybookIsSoundInABrowser(t *testing.T) {
	url := uitest.Server(t, newKit(t), nil)
	for _, language := range []string{"en", "zh-Hant-HK"} {
		for _, page := range storyPages {
			t.Run(language+"/"+page, func(t *testing.T) {
				tab := uitest.Browser(t).Tab(t, uitest.Language(language))
				tab.Open(url + "/_dev/ui?page=" + page)
				uitest.Audit(t, tab)
				if shots == "" {
					return
				}
				for _, width := range []int{390, 1440} {
					for theme, dark := range map[string]bool{"light": false, "dark": true} {
						tab.SetWidth(width)
						tab.SetDark(dark)
						tab.Screenshot(filepath.Join(shots, "story-"+page+"-"+language+"-"+theme+"-"+map[int]string{390: "phone", 1440: "desktop"}[width]+".png"))
					}
				}
			})
		}
	}
}
