package session

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/sluicepay/sluice/platform/mail"
)

//go:embed mails/*.json
var mailFiles embed.FS

// texts are the mails of one language: "code.subject", "code.text", …
type texts map[string]string

// mailTexts reads both catalogues. They are part of the program: it does not start without them.
func mailTexts() map[string]texts {
	all := map[string]texts{}
	for _, locale := range []string{English, Chinese} {
		raw, err := mailFiles.ReadFile("mails/" + locale + ".json")
		if err != nil {
			panic(err)
		}
		var t texts
		if err := json.Unmarshal(raw, &t); err != nil {
			panic(fmt.Sprintf("session: mails/%s.json: %v", locale, err))
		}
		all[locale] = t
	}
	return all
}

// message fills a mail. Values come from people (a name, an account's name) and
// stay on their line: nobody writes a second sentence into our mails.
func (t texts) message(to, kind string, values map[string]string) mail.Message {
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", oneLine(value))
	}
	fill := strings.NewReplacer(pairs...)
	return mail.Message{To: to, Subject: fill.Replace(t[kind+".subject"]), Text: fill.Replace(t[kind+".text"]) + "\n"}
}

const maxValue = 120

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
	if r := []rune(s); len(r) > maxValue && !strings.HasPrefix(s, "http") {
		s = string(r[:maxValue]) + "…"
	}
	return s
}
