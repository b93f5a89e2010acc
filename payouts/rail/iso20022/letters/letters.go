// Package letters writes names and texts in the characters that a bank's files may carry.
//
// Latin is the set every SEPA bank must take (EPC217-08), which is also
// SWIFT's: a–z, A–Z, 0–9, space and / - ? : ( ) . , ' +. What is not in it is
// written by these rules, in this order:
//
//   - accents, ligatures and full-width forms fall away: é is e, ﬁ is fi, Ａ is A, ä is a;
//   - letters of their own have one or two others: ß ss, æ ae, ø o, ł l, þ th, đ d, ı i…;
//   - Greek is written after ELOT 743, Cyrillic after the Bulgarian transliteration act;
//   - signs have the nearest sign: & is +, _ and ~ are -, quotes are ', brackets are
//     ( ), @ and ! are ., \ is /; € is EUR;
//   - the rest, Chinese first of all, is a space.
//
// Unicode keeps every letter, in composed form.
//
// In both sets runs of white space are one space, control and invisible characters are
// gone, and nothing stands at the beginning or the end that a bank may take for a sign
// of its own: spaces, and in Latin slashes, which are never doubled there either.
package letters

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Set is a set of characters.
type Set string

// The sets.
const (
	Latin   Set = "latin"
	Unicode Set = "unicode"
)

// Known reports whether the set is one of ours.
func (s Set) Known() bool { return s == Latin || s == Unicode }

// Text is the text in the set, at most that many characters of it. It is "" if
// nothing of the text is in the set.
func (s Set) Text(text string, most int) string {
	if s == Latin {
		return cut(latin(text), most, " /")
	}
	return cut(plain(text), most, " ")
}

// Name reports whether a text of the set still names somebody: whether it has a letter.
func Name(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// plain keeps letters, marks, numbers, signs and single spaces.
func plain(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	gap := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			gap = b.Len() > 0
			continue
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String()) // last: what went may have stood between a letter and its mark
}

func latin(text string) string {
	if clean(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	gap, last := false, byte(0)
	add := func(s string) {
		for i := range len(s) {
			if s[i] == '/' && (last == '/' && !gap || b.Len() == 0) {
				continue
			}
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap, last = false, s[i]
			b.WriteByte(s[i])
		}
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case r < utf8.RuneSelf && inLatin[r] && r != ' ':
			add(string(r))
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
		default:
			if written, ok := other(r); ok {
				add(written)
			} else {
				gap = true
			}
		}
	}
	return b.String()
}

// clean reports whether the text stands as it is; almost every one does.
func clean(text string) bool {
	last := byte('/')
	for i := range len(text) {
		c := text[i]
		if c >= utf8.RuneSelf || !inLatin[c] || (c == '/' || c == ' ') && (last == c || i == 0) {
			return false
		}
		last = c
	}
	return true
}

// cut is the first most characters, without what may not stand at the ends. A mark
// is never parted from its letter.
func cut(text string, most int, ends string) string {
	at, n := len(text), 0
	for i := range text {
		if n == most {
			at = i
			break
		}
		n++
	}
	for at > 0 && at < len(text) {
		next, _ := utf8.DecodeRuneInString(text[at:])
		if !unicode.Is(unicode.M, next) {
			break
		}
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return strings.Trim(text[:at], ends)
}

var inLatin = func() (set [utf8.RuneSelf]bool) {
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ " {
		set[r] = true
	}
	return set
}()

// other is how a character outside the set is written.
func other(r rune) (string, bool) {
	if written, ok := others[r]; ok {
		return written, true
	}
	small := unicode.ToLower(r)
	written, ok := others[small]
	if !ok || small == r || written == "" {
		return written, ok
	}
	return strings.ToUpper(written[:1]) + written[1:], true
}

// others has capitals only where they are not those of the small letter.
var others = pairs(`
	ß ss ẞ SS æ ae œ oe ø o đ d ð d þ th ł l ħ h ı i ĸ k ŋ n ŧ t ə e ƒ f ɓ b ɗ d ɖ d ɣ g ɛ e ɔ o ƙ k ƴ y ʼ '
	α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o
	а a б b в v г g д d е e ж zh з z и i к k л l м m н n о o п p р r с s т t у u ф f х h ц ts ч ch ш sh щ sht ъ a ь y ю yu я ya
	ы y э e і i є ie ґ g ђ dj ј j љ lj њ nj ћ c џ dz ѕ dz
	& + _ - ~ - ‐ - ‑ - ‒ - – - — - ― - − - ⁃ - @ . ! . # . $ . % . * . ^ . ¡ . ¿ ? • . · . ; , = -
	" ' ´ ' ‘ ' ’ ' ‚ ' “ ' ” ' „ ' « ' » ' ‹ ' › ' ′ ' ″ '
	< ( > ) [ ( ] ) { ( } ) \ / | / ⁄ / ∕ / × x € EUR £ GBP 、 , 。 . · . ・ . 【 ( 】 ) 《 ( 》 ) 「 ' 」 '
`)

func pairs(list string) map[rune]string {
	fields := strings.Fields(list)
	table := make(map[rune]string, len(fields)/2)
	for i := 0; i < len(fields); i += 2 {
		r, _ := utf8.DecodeRuneInString(fields[i])
		table[r] = fields[i+1]
	}
	table['`'] = "'" // which no raw string can hold
	return table
}
