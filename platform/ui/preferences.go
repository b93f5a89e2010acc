package ui

import (
	"net/http"
	"net/url"
	"strings"
)

// Preferences serves POST /_ui/preferences: language and theme, from the buttons of
// the layout. Both live in cookies, so the server renders the right page at once and
// nothing flashes; both work without JavaScript.
func (k *Kit) Preferences() http.Handler {
	return k.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l, ok := ParseLocale(r.PostForm.Get("lang")); ok {
			k.Remember(w, langCookie, string(l))
		}
		switch theme := r.PostForm.Get("theme"); theme {
		case "light", "dark", "system":
			k.Remember(w, themeCookie, theme)
		}
		back := r.PostForm.Get("return")
		if !localPath(back) {
			back = "/"
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
	}))
}

const yearInSeconds = 365 * 24 * 60 * 60

// Remember keeps a choice of this browser for a year.
func (k *Kit) Remember(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: yearInSeconds,
		HttpOnly: true, Secure: !k.cfg.Dev, SameSite: http.SameSiteLaxMode,
	})
}

// localPath reports whether a browser that is sent there stays on this server.
// "//host" and "/\host" leave it, and browsers drop tabs and line ends before they look.
func localPath(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || len(p) > 2048 {
		return false
	}
	if strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c == '\\' || c == 0x7f }) {
		return false
	}
	u, err := url.Parse(p)
	return err == nil && u.Host == "" && u.Scheme == ""
}

// returnPath is where the preference buttons lead back to: this page, without the
// language that its link asked for, which would win over the choice.
func returnPath(r *http.Request) string {
	back := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if q := back.Query(); q.Has(langParam) {
		q.Del(langParam)
		back.RawQuery = q.Encode()
	}
	if p := back.String(); localPath(p) {
		return p
	}
	return "/"
}
