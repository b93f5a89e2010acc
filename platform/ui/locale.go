package ui

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// Locale is a language that every page is written in.
type Locale string

const (
	English Locale = "en"
	Chinese Locale = "zh-Hant-HK" // 繁體中文, as written in Hong Kong
)

// Locales lists them in the order of the language switch.
var Locales = []Locale{English, Chinese}

// Endonym is what the language calls itself: who looks for it may read no other.
func (l Locale) Endonym() string {
	if l == Chinese {
		return "繁體中文"
	}
	return "English"
}

const (
	langCookie  = "sluice_lang"
	themeCookie = "sluice_theme"
	langParam   = "lang"
)

// LocaleOf is the language of an answer: what the link asks for (?lang=), else what
// the person chose before, else what the browser prefers, else English.
func LocaleOf(r *http.Request) Locale {
	if l, ok := localeAsked(r); ok {
		return l
	}
	if c, err := r.Cookie(langCookie); err == nil {
		if l, ok := ParseLocale(c.Value); ok {
			return l
		}
	}
	preferred, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return English
	}
	for _, tag := range preferred {
		if l, ok := localeOfTag(tag); ok {
			return l
		}
	}
	return English
}

func localeAsked(r *http.Request) (Locale, bool) {
	if !strings.Contains(r.URL.RawQuery, langParam+"=") {
		return "", false
	}
	return ParseLocale(r.URL.Query().Get(langParam))
}

// ParseLocale reads a BCP 47 tag such as "zh-HK", "zh_TW" or "en-GB"; false when no
// page is written in that language.
func ParseLocale(s string) (Locale, bool) {
	if s == "" || len(s) > 35 {
		return "", false
	}
	tag, err := language.Parse(s)
	if err != nil {
		return "", false
	}
	return localeOfTag(tag)
}

// localeOfTag serves 繁體中文 to every reader of Chinese: to most it is closer than English.
func localeOfTag(tag language.Tag) (Locale, bool) {
	switch base, _ := tag.Base(); base.String() {
	case "en":
		return English, true
	case "zh", "yue":
		return Chinese, true
	}
	return "", false
}

// themeOf is "light", "dark" or "" for what the system prefers.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}
