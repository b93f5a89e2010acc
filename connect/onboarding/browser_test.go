package onboarding_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/ui/uitest"
)

// shots is where pictures of every page go, for looking at them; none without it.
var shots = os.Getenv("SLUICE_TEST_SHOTS")

// look audits the page that a tab shows and takes its pictures.
func look(t *testing.T, tab *uitest.Tab, name string) {
	t.Helper()
	if strings.HasPrefix(name, "en-") {
		uitest.Audit(t, tab)
	} else {
		uitest.Fits(t, tab) // an audit takes seconds, and languages share their markup
	}
	if shots == "" {
		return
	}
	for _, width := range []int{390, 1440} {
		for _, dark := range []bool{false, true} {
			tab.SetWidth(width)
			tab.SetDark(dark)
			tab.Screenshot(filepath.Join(shots, fmt.Sprintf("%s-%d-%s.png", name, width, map[bool]string{false: "light", true: "dark"}[dark])))
		}
	}
	tab.SetWidth(1440)
	tab.SetDark(false)
}

// fill presses "fill in for me", looks, and goes on.
func fill(tab *uitest.Tab, step, filled, next string) {
	tab.WaitURL("/onboarding/" + step)
	tab.ClickThrough(filled)
	tab.ClickThrough(next)
}

func TestEveryPageIsReadableInEveryTheme(t *testing.T) {
	for _, c := range []struct{ tag, filled, next, choose, company, add, save, everybody, terms, submit string }{
		{"en", "Fill in for me (test data)", "Continue", "Individual or sole trader", "Company", "Add a person", "Save this person", "That is everybody", "I accept", "Agree and submit"},
		{"zh-Hant-HK", "代我填寫（測試資料）", "繼續", "個人或自僱人士", "公司", "加入人士", "儲存此人", "已包括所有人士", "我接受", "同意並提交"},
	} {
		t.Run(c.tag, func(t *testing.T) {
			w := newTown(t)
			w.api("POST", "/v1/accounts/"+w.platform, 200, "settings[branding][primary_color]=#5b3df5", "settings[branding][secondary_color]=#ffb020")
			tab := uitest.Browser(t).Tab(t, uitest.Language(c.tag))
			short := strings.ToLower(c.tag[:2])

			id := w.tutor(map[string]string{"first_name": "May"})
			tab.Open(w.mint(id))
			look(t, tab, short+"-01-type")
			tab.ClickThrough(c.next)
			look(t, tab, short+"-02-type-error")
			tab.Check(c.choose)
			tab.ClickThrough(c.next)
			look(t, tab, short+"-03-personal")
			tab.ClickThrough(c.next)
			look(t, tab, short+"-04-personal-errors")
			tab.ClickThrough(c.filled)
			tab.ClickThrough(c.next)
			look(t, tab, short+"-05-address")
			fill(tab, "address", c.filled, c.next)
			look(t, tab, short+"-06-identity")
			fill(tab, "identity", c.filled, c.next)
			look(t, tab, short+"-07-business")
			fill(tab, "business", c.filled, c.next)
			look(t, tab, short+"-08-bank")
			tab.ClickThrough(c.filled)
			look(t, tab, short+"-09-bank-filled")
			tab.ClickThrough(c.next)
			look(t, tab, short+"-10-review")

			other := w.tutor(map[string]string{"business_type": "corporation", "business_name": "Harbour Tutors Limited"})
			tab.Open(w.mint(other))
			look(t, tab, short+"-11-company")
			fill(tab, "company", c.filled, c.next)
			look(t, tab, short+"-12-representative")
			fill(tab, "representative", c.filled, c.next)
			fill(tab, "identity", c.filled, c.next)
			look(t, tab, short+"-13-people")
			tab.ClickThrough(c.add)
			look(t, tab, short+"-14-person")
			tab.ClickThrough(c.filled)
			tab.ClickThrough(c.save)
			look(t, tab, short+"-15-people-two")
			tab.ClickThrough(c.everybody)
			fill(tab, "business", c.filled, c.next)
			fill(tab, "bank", c.filled, c.next)
			look(t, tab, short+"-16-review-company")

			german := w.tutor(map[string]string{"country": "DE", "business_type": "sole_prop"})
			tab.Open(w.mint(german))
			for _, step := range []string{"personal", "address", "business"} {
				fill(tab, step, c.filled, c.next)
			}
			look(t, tab, short+"-17-bank-iban")

			login := w.express("business_type=individual", "individual[first_name]=May", "individual[last_name]=Wong", "external_account=btok_hk")
			link := w.api("POST", "/v1/account_links", 200, "account="+login, "type=account_update", "refresh_url="+refresh, "return_url="+back)["url"].(string)
			tab.Open(link)
			look(t, tab, short+"-18-overview")
			tab.Open(w.url + "/onboarding/bank")
			look(t, tab, short+"-19-bank-replace")

			thief := uitest.Browser(t).Tab(t, uitest.Language(c.tag))
			thief.Open(link)
			look(t, thief, short+"-20-expired")
			thief.Open(w.url + "/onboarding/personal")
			look(t, thief, short+"-21-over")
		})
	}
}
