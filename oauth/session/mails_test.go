package session

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var brace = regexp.MustCompile(`\{[a-z]+\}`)

func TestMailsSayTheSameInBothLanguages(t *testing.T) {
	all := mailTexts()
	english, chinese := all[English], all[Chinese]
	for key, text := range english {
		other, found := chinese[key]
		if !found {
			t.Errorf("no Chinese text for %s", key)
		}
		a, b := brace.FindAllString(text, -1), brace.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s has placeholders %v and %v", key, a, b)
		}
		if strings.HasSuffix(key, ".subject") {
			if m := english.message("a@example.com", strings.TrimSuffix(key, ".subject"), nil); m.Text == "\n" {
				t.Errorf("%s has no text", key)
			}
		}
	}
	if len(english) != len(chinese) {
		t.Errorf("keys differ: %v", slices.Sorted(maps.Keys(chinese)))
	}
}

func TestNobodyWritesIntoOurMails(t *testing.T) {
	m := mailTexts()[English].message("a@example.com", "invitation", map[string]string{
		"name": "Eve\r\nBcc: all@example.com\n\nYou have won. {link}", "account": strings.Repeat("x", 500), "link": "https://pay.example/invitations/abc",
	})
	if strings.ContainsAny(m.Subject, "\r\n") || len(m.Subject) > 400 || strings.Contains(m.Text, "\n\nYou have won") || strings.Contains(m.Text, "Bcc: all@example.com\n") {
		t.Fatalf("subject %q\ntext %q", m.Subject, m.Text)
	}
	if !strings.Contains(m.Text, "\nhttps://pay.example/invitations/abc\n") {
		t.Fatalf("text %q", m.Text)
	}
}
