package ui

import (
	"net/http"
	"strings"
	"unicode"
)

// Brand is the platform account on whose behalf a page asks. The zero value is Sluice's own.
//
// Colours are what the platform chose, "#rrggbb". Pages never use them as they
// are: a stylesheet made from them (paletteOf) keeps all text on and in them readable.
type Brand struct {
	Name      string
	LogoURL   string // a path on this server, "/brand/…"; anything else is not shown
	Primary   string // buttons, links, focus
	Secondary string // the initials' tile; "" is Primary
}

// Logo is LogoURL if a page may show it.
func (b Brand) Logo() string {
	if localPath(b.LogoURL) {
		return b.LogoURL
	}
	return ""
}

// Initials stand in for a logo: of two words the first letters, of one its first one.
func (b Brand) Initials() string {
	var initials []rune
	for _, word := range strings.Fields(b.Name) {
		first := []rune(word)[0]
		if !unicode.IsLetter(first) && !unicode.IsDigit(first) {
			continue
		}
		initials = append(initials, unicode.ToUpper(first))
		if len(initials) == 2 || first > unicode.MaxLatin1 { // one 漢字 fills the tile
			break
		}
	}
	return string(initials)
}

const brandFile = "brand.css"

// brandEdition is raised when paletteOf changes: browsers keep its stylesheets for ever.
const brandEdition = "1"

// stylesheet is the address of the brand's colours, "" for Sluice's own.
func (b Brand) stylesheet() string {
	primary, ok := parseColour(b.Primary)
	if !ok {
		return ""
	}
	address := "/_assets/" + brandFile + "?v=" + brandEdition + "&p=" + primary.hex()
	if secondary, ok := parseColour(b.Secondary); ok {
		address += "&s=" + secondary.hex()
	}
	return address
}

func (k *Kit) serveBrand(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	primary, ok := parseColour(q.Get("p"))
	secondary, ok2 := parseColour(q.Get("s"))
	if !ok2 {
		secondary, ok2 = primary, q.Get("s") == ""
	}
	if !ok || !ok2 {
		http.NotFound(w, r)
		return
	}
	serveAsset(w, r, &asset{contentType: contentTypes[".css"], body: []byte(paletteOf(primary, secondary).css("brand"))})
}

var defaultColour = colour{0x0b, 0x6b, 0x5d}

// surfaces are what coloured text stands on, besides the tint: card and page. The
// same values stand in tokens.css; a test holds them together.
var (
	lightSurfaces = []colour{white, {0xf6, 0xf7, 0xf8}}
	darkSurfaces  = []colour{{0x16, 0x19, 0x1f}, {0x0d, 0x0f, 0x13}}
)

// shade is one brand in one theme.
type shade struct {
	fill   colour // buttons, selected marks
	hover  colour
	on     colour // text on fill and hover
	edge   colour // border that tells a pale fill from the surface
	ink    colour // links, focus rings: coloured text
	tint   colour // background of a selected row
	tile   colour // behind initials
	onTile colour
}

// palette is a brand in both themes.
type palette struct{ light, dark shade }

// WCAG 2.2 AA: text 4.5:1 (1.4.3), parts of controls 3:1 (1.4.11).
const (
	textContrast = 450
	partContrast = 300
)

// paletteOf corrects two colours until everything written with them can be read.
func paletteOf(primary, secondary colour) palette {
	return palette{
		light: shadeOf(primary, secondary, lightSurfaces, black, 7),
		dark:  shadeOf(primary, secondary, darkSurfaces, white, 14),
	}
}

// shadeOf works towards one end: black on light surfaces, white on dark ones.
func shadeOf(primary, secondary colour, surfaces []colour, end colour, tint int) shade {
	var s shade
	s.fill, s.on = readable(primary)
	s.hover = s.fill.mix(end, 12)
	if ratio(s.hover, s.on) < textContrast { // away from the text instead
		s.hover = s.fill.mix(opposite(s.on), 12)
	}
	s.edge = s.fill.until(end, func(c colour) bool { return ratio(c, surfaces[0]) >= partContrast })
	s.tint = surfaces[0].mix(primary, tint)
	s.ink = primary.until(end, func(c colour) bool {
		for _, surface := range append([]colour{s.tint}, surfaces...) {
			if ratio(c, surface) < textContrast {
				return false
			}
		}
		return true
	})
	s.tile, s.onTile = readable(secondary)
	return s
}

// readable is a fill near c and the text on it. White text is kept as long as a
// somewhat darker fill carries it; yellow and its like get black.
func readable(c colour) (fill, on colour) {
	if ratio(c, white) >= partContrast {
		return c.until(black, func(d colour) bool { return ratio(d, white) >= textContrast }), white
	}
	return c, black // what is too light for white at 3:1 carries black at 7:1
}

func opposite(c colour) colour {
	if c == white {
		return black
	}
	return white
}

func (p palette) css(layer string) string {
	var b strings.Builder
	b.WriteString("@layer " + layer + " {\n:root {\n")
	for _, v := range []struct {
		name        string
		light, dark colour
	}{
		{"accent", p.light.fill, p.dark.fill},
		{"accent-hover", p.light.hover, p.dark.hover},
		{"accent-edge", p.light.edge, p.dark.edge},
		{"on-accent", p.light.on, p.dark.on},
		{"accent-ink", p.light.ink, p.dark.ink},
		{"accent-tint", p.light.tint, p.dark.tint},
		{"tile", p.light.tile, p.dark.tile},
		{"on-tile", p.light.onTile, p.dark.onTile},
	} {
		b.WriteString("  --" + v.name + ": light-dark(" + v.light.css() + ", " + v.dark.css() + ");\n")
	}
	b.WriteString("}\n}\n")
	return b.String()
}
