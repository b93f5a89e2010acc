// Package uitest looks at hosted pages in a real browser, for the tests of rooms.
//
//	tab := uitest.Browser(t).Tab(t, uitest.Phone, uitest.Language("zh-Hant-HK"))
//	tab.Open(server.URL + "/sign-in")
//	tab.Fill("電郵地址", "ada@example.com")
//	tab.ClickThrough("繼續")
//	tab.WaitText("驗證碼")
//	uitest.Audit(t, tab)
//
// Chromium is started once per test process and ends with it. A tab has cookies of its
// own. Nothing outside this machine can be reached from it. When a tab is closed, every
// violation of the content policy and every script error it has seen fails the test.
//
// Debian: apt-get install chromium fonts-noto-cjk. Any other Chromium by
// SLUICE_TEST_CHROMIUM=/path/to/chrome. The accessibility checker, axe-core, comes from
// npm as cmd/sluice/e2e/node/package-lock.json names it.
package uitest
