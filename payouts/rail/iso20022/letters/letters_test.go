package letters_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
)

func TestLatinIsWrittenByTheDocumentedRules(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"May Wong", "May Wong"},
		{"Zoë Müller-Lüdenscheidt", "Zoe Muller-Ludenscheidt"},
		{"Straße", "Strasse"},
		{"Łukasz Żółć", "Lukasz Zolc"},
		{"Þórður Ægisson", "Thordur Aegisson"},
		{"İbrahim Işık", "Ibrahim Isik"},
		{"Ελένη Παπαδοπούλου", "Eleni Papadopoyloy"},
		{"Ψυχή", "Psychi"},
		{"Юлия Щербакова", "Yuliya Shterbakova"},
		{"Ђорђе Његош", "Djordje Njegosh"},
		{"Ｃａｆｅ　№ 5", "Cafe No 5"},
		{"ﬁnance", "finance"},
		{"Smith & Sons [HK] \"Tutors\"", "Smith + Sons (HK) 'Tutors'"},
		{"a_b@c!", "a-b.c."},
		{"100 €", "100 EUR"},
		{"陳大文 CHAN Tai Man", "CHAN Tai Man"},
		{"CHAN 大文 Ltd", "CHAN Ltd"},
		{"陳大文", ""},
		{"  two   words\t\r\n", "two words"},
		{"/lessons//may/", "lessons/may"},
		{"/ /", ""},
		{"zero\u200bwidth\u202e", "zerowidth"},
		{"bad\xff\xfebytes", "bad bytes"},
		{"\x00nul\x00", "nul"},
		{"", ""},
	} {
		if got := letters.Latin.Text(c.given, 140); got != c.want {
			t.Errorf("%q is written %q, want %q", c.given, got, c.want)
		}
	}
}

func TestUnicodeKeepsLettersAndNothingElse(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"陳大文", "陳大文"},
		{"  陳 \t大文\n", "陳 大文"},
		{"e\u0301", "é"},
		{"a\u200b\u0301", "á"},
		{"a\u202eb\u200bc\x00d\ufffee", "abc de"},
		{"bad\xffbytes", "badbytes"},
		{"R&D <b> / x_y", "R&D <b> / x_y"},
	} {
		if got := letters.Unicode.Text(c.given, 140); got != c.want {
			t.Errorf("%q is written %q, want %q", c.given, got, c.want)
		}
	}
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		set   letters.Set
		given string
		most  int
		want  string
	}{
		{letters.Unicode, "陳大文老師", 3, "陳大文"},
		{letters.Unicode, "ab q\u0323\u0307 z", 4, "ab"},
		{letters.Unicode, "one two", 4, "one"},
		{letters.Latin, "œœœ", 5, "oeoeo"},
		{letters.Latin, "one/two", 4, "one"},
		{letters.Latin, "one", 0, ""},
		{letters.Latin, "one", 3, "one"},
	} {
		if got := c.set.Text(c.given, c.most); got != c.want {
			t.Errorf("%q in %d characters is %q, want %q", c.given, c.most, got, c.want)
		}
	}
}

func TestTextIsAlwaysInTheSet(t *testing.T) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("aé/ -ßœ陳&\u0301\u200b\x00")), 0, 40, -1)).Draw(t, "text")
		most := rapid.IntRange(0, 40).Draw(t, "most")
		latin := letters.Latin.Text(given, most)
		if strings.Trim(latin, allowed) != "" || len(latin) > most || latin != strings.Trim(latin, " /") ||
			strings.Contains(latin, "//") || strings.Contains(latin, "  ") {
			t.Fatalf("%q is written %q", given, latin)
		}
		if again := letters.Latin.Text(latin, most); again != latin {
			t.Fatalf("%q is written %q, and that %q", given, latin, again)
		}
		wide := letters.Unicode.Text(given, most)
		if !utf8.ValidString(wide) || utf8.RuneCountInString(wide) > most || !norm.NFC.IsNormalString(wide) || wide != strings.TrimSpace(wide) {
			t.Fatalf("%q is written %q", given, wide)
		}
	})
}
