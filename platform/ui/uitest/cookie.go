package uitest

import (
	"context"
	"net/http"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Cookies gives the tab cookies of a server, such as those of a person who has signed
// in without the pages.
func (tab *Tab) Cookies(url string, cookies []*http.Cookie) {
	tab.t.Helper()
	tab.run(chromedp.ActionFunc(func(ctx context.Context) error {
		for _, c := range cookies {
			if err := network.SetCookie(c.Name, c.Value).WithURL(url).WithHTTPOnly(true).Do(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
}
