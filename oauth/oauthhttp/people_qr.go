package oauthhttp

import (
	"fmt"
	"html/template"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/sluicepay/sluice/platform/secret"
)

// quiet is the white border that a QR code needs, in modules.
const quiet = 2 // the frame of the picture is white, too

// qrPicture draws text as a QR code: an SVG element of the page itself, so that the
// secret in it has no address and the content policy needs no exception.
func qrPicture(text secret.Text, label string) (template.HTML, error) {
	code, err := qr.Encode(text.Reveal(), qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0
			for x+run < size && code.At(x+run, y) == color.Black {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	side := size + 2*quiet
	// Black on white in both themes: many apps cannot read it the other way round.
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges">`+
		`<path fill="#000" d="%s"></path></svg>`, side, side, template.HTMLEscapeString(label), path.String())), nil
}
