package file

import (
	"path"
	"strings"
	"unicode"

	"github.com/sluicepay/sluice/connect/cardnumber"
)

// maxName bounds a filename in characters, without its extension.
const maxName = 150

// extensions are the endings that fit a type; the first is given to names with another one.
var extensions = map[string][]string{
	"gif": {".gif"},
	"jpg": {".jpg", ".jpeg"},
	"pdf": {".pdf"},
	"png": {".png"},
}

// cleanName makes of what a client calls a file a name that is safe to show and to
// save under: no directories, nothing invisible or that turns the text around,
// nothing a file system or a shell takes for its own, and an ending that tells
// what is inside. A name that is a card number is not kept.
func cleanName(name, kind string) string {
	name = strings.ToValidUTF8(name, "")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // also all format characters, such as U+202E
			return -1
		case strings.ContainsRune("<>:\"'|?*$`;&%", r):
			return '_'
		}
		return r
	}, name)
	stem, ending := name, extensions[kind][0]
	for _, fits := range extensions[kind] {
		if given := path.Ext(name); strings.EqualFold(given, fits) {
			stem, ending = strings.TrimSuffix(name, given), given
		}
	}
	if runes := []rune(stem); len(runes) > maxName {
		stem = string(runes[:maxName])
	}
	stem = strings.Trim(stem, " .-") // hidden files, options, and what Windows cuts off
	if stem == "" || cardnumber.Valid(stem) {
		stem = "file"
	}
	return stem + ending
}
