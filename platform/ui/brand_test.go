package ui

import (
	"io/fs"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyColour(t *rapid.T, label string) colour {
	return colour{rapid.Byte().Draw(t, label+" red"), rapid.Byte().Draw(t, label+" green"), rapid.Byte().Draw(t, label+" blue")}
}

func TestTextInAnyBrandColoursHasAAContrast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		holdsContrast(t, anyColour(t, "primary"), anyColour(t, "secondary"))
	})
}

func TestTextInGreysAndCornersHasAAContrast(t *testing.T) {
	for v := range 256 { // greys pass the point where neither white nor black is comfortable
		grey := colour{uint8(v), uint8(v), uint8(v)}
		holdsContrast(t, grey, grey)
	}
	for corner := range 8 {
		c := colour{uint8(corner & 1 * 255), uint8(corner >> 1 & 1 * 255), uint8(corner >> 2 & 1 * 255)}
		holdsContrast(t, c, c)
	}
	holdsContrast(t, defaultColour, defaultColour)
}

func holdsContrast(t rapid.TB, primary, secondary colour) {
	t.Helper()
	p := paletteOf(primary, secondary)
	for theme, s := range map[string]struct {
		shade
		surfaces []colour
	}{"light": {p.light, lightSurfaces}, "dark": {p.dark, darkSurfaces}} {
		atLeast := func(what string, a, b colour, want int) {
			if got := ratio(a, b); got < want {
				t.Errorf("%s of %s and %s: %s on %s has contrast %d.%02d, want %d.%02d",
					theme, primary.css(), secondary.css(), what, b.css(), got/100, got%100, want/100, want%100)
			}
		}
		atLeast("button text", s.on, s.fill, textContrast)
		atLeast("hovered button text", s.on, s.hover, textContrast)
		atLeast("initials", s.onTile, s.tile, textContrast)
		atLeast("button edge", s.edge, s.surfaces[0], partContrast)
		for _, surface := range s.surfaces {
			atLeast("link", s.ink, surface, textContrast)
		}
		atLeast("link on tint", s.ink, s.tint, textContrast)
		ink, soft := token(t, "ink", theme), token(t, "ink-soft", theme)
		atLeast("text on tint", ink, s.tint, textContrast)
		atLeast("hint on tint", soft, s.tint, textContrast)
	}
}

func TestReadableColoursStayAsTheyAre(t *testing.T) {
	for _, chosen := range []string{"5b3df5", "0b6b5d", "1f4fb0", "000000", "b4232a"} {
		c, _ := parseColour(chosen)
		if p := paletteOf(c, c); p.light.fill != c || p.light.ink != c {
			t.Errorf("%s became %s with links in %s", chosen, p.light.fill.css(), p.light.ink.css())
		}
	}
}

func TestYellowGetsBlackText(t *testing.T) {
	yellow, _ := parseColour("#ffd500")
	if p := paletteOf(yellow, yellow); p.light.fill != yellow || p.light.on != black {
		t.Errorf("yellow became %s with %s", p.light.fill.css(), p.light.on.css())
	}
}

// The surfaces in Go and in the stylesheet are one fact in two places.
func TestSurfacesAreThoseOfTheStylesheet(t *testing.T) {
	for i, name := range []string{"surface", "page"} {
		if got := token(t, name, "light"); got != lightSurfaces[i] {
			t.Errorf("light %s is %s in tokens.css and %s in brand.go", name, got.css(), lightSurfaces[i].css())
		}
		if got := token(t, name, "dark"); got != darkSurfaces[i] {
			t.Errorf("dark %s is %s in tokens.css and %s in brand.go", name, got.css(), darkSurfaces[i].css())
		}
	}
}

func TestTokensHaveAAContrast(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, text := range []string{"ink", "ink-soft", "ink-faint", "success", "warning", "danger", "info"} {
			for _, on := range []string{"surface", "page", "sunken", "raised"} {
				if got := ratio(token(t, text, theme), token(t, on, theme)); got < textContrast {
					t.Errorf("%s: %s on %s has contrast %d", theme, text, on, got)
				}
			}
		}
		for _, kind := range []string{"success", "warning", "danger", "info"} {
			for _, text := range []string{kind, "ink"} {
				if got := ratio(token(t, text, theme), token(t, kind+"-tint", theme)); got < textContrast {
					t.Errorf("%s: %s on %s-tint has contrast %d", theme, text, kind, got)
				}
			}
		}
		if got := ratio(token(t, "line-strong", theme), token(t, "surface", theme)); got < partContrast {
			t.Errorf("%s: field borders have contrast %d", theme, got)
		}
		if got := ratio(white, token(t, "danger-fill", theme)); got < textContrast {
			t.Errorf("%s: danger buttons have contrast %d", theme, got)
		}
	}
}

var tokenLine = regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`)

func token(t rapid.TB, name, theme string) colour {
	t.Helper()
	css, err := fs.ReadFile(files, "static/css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tokenLine.FindAllStringSubmatch(string(css), -1) {
		if m[1] == name {
			c, _ := parseColour(map[string]string{"light": m[2], "dark": m[3]}[theme])
			return c
		}
	}
	t.Fatalf("no token %s in tokens.css", name)
	return colour{}
}

// The table is held against WCAG's formula in exact arithmetic: with x the linear light
// in millionths, (x/10⁶)⁵ = ((c/255 + 0.055)/1.055)¹².
func TestLinearLightFollowsTheFormula(t *testing.T) {
	power := func(n int64, e int64) *big.Int { return new(big.Int).Exp(big.NewInt(n), big.NewInt(e), nil) }
	for c, x := range linear {
		if c <= 10 { // c/255 ≤ 0.04045: c/255/12.92
			if low, high := int64(2*x-1)*255*1292, int64(2*x+1)*255*1292; int64(c)*100*2_000_000 < low || int64(c)*100*2_000_000 > high {
				t.Errorf("linear[%d] = %d", c, x)
			}
			continue
		}
		// (2x∓1)⁵ · (255·1055)¹² ≤ (2·10⁶)⁵ · (1000c + 14025)¹²  (14025 = 0.055·255·1000)
		middle := new(big.Int).Mul(power(2_000_000, 5), power(int64(1000*c+14025), 12))
		low := new(big.Int).Mul(power(int64(2*x-1), 5), power(255*1055, 12))
		high := new(big.Int).Mul(power(int64(2*x+1), 5), power(255*1055, 12))
		if middle.Cmp(low) < 0 || middle.Cmp(high) > 0 {
			t.Errorf("linear[%d] = %d", c, x)
		}
	}
}

func TestBrandStylesheetTakesOnlyColours(t *testing.T) {
	k := newKit(t)
	for _, query := range []string{
		"", "?p=", "?p=fff", "?p=5b3df5ff", "?p=5b3df5&s=red", "?p=%235b3df5%7D", "?p=zzzzzz", "?p=5b3df5;}", "?p=url(//x)",
	} {
		if w := get(t, k.Handler(), "/_assets/brand.css"+query); w.Code != 404 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	w := get(t, k.Handler(), Brand{Primary: "#5B3DF5", Secondary: "#ffb020"}.stylesheet())
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(w.Body.String(), "--accent: light-dark(#5b3df5") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestBrandShowsOnlyItsOwnLogoAndReadableInitials(t *testing.T) {
	for url, want := range map[string]string{
		"/brand/acct_1/logo": "/brand/acct_1/logo", "https://evil.example/x.png": "", "//evil.example/x.png": "", `/\evil.example`: "", "": "",
	} {
		if got := (Brand{LogoURL: url}).Logo(); got != want {
			t.Errorf("logo %q is %q", url, got)
		}
	}
	for name, want := range map[string]string{"TutorHub Hong Kong": "TH", "mathly": "M", "香港補習社": "香", "  ": "", "& Sons Ltd": "SL", "42 Lessons": "4L"} {
		if got := (Brand{Name: name}).Initials(); got != want {
			t.Errorf("initials of %q are %q, want %q", name, got, want)
		}
	}
	if (Brand{Primary: "red"}).stylesheet() != "" {
		t.Error("a colour that is none has a stylesheet")
	}
}
