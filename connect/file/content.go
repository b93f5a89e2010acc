package file

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// Measures of images in pixels. An image is decoded only after its header has
// said how large it will become: a few hundred bytes can ask for gigabytes.
const (
	minBrandSide    = 128
	maxBrandPixels  = 1 << 22 // 2048 × 2048, at most 32 MiB decoded
	maxDocumentSide = 8000    // only measured, never decoded by us: for those who look at it
)

// format is a type of file, how it begins and, of an image, how it is read.
type format struct {
	kind   string
	magic  []string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// SVG is missing on purpose: it is a program.
var formats = []format{
	{"png", []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
	{"jpg", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode},
	{"gif", []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gif.Decode}, // Decode reads the first frame
	{"pdf", []string{"%PDF-"}, nil, nil},
}

// formatOf goes by the very first bytes: a reader that looks further would see
// another file in there than we do.
func formatOf(content []byte) format {
	for _, f := range formats {
		for _, magic := range f.magic {
			if bytes.HasPrefix(content, []byte(magic)) {
				return f
			}
		}
	}
	return format{}
}

// check is the ladder that every file climbs. It returns what is to be kept and its type.
func (r rule) check(content []byte) (kept []byte, kind string, err error) {
	f := formatOf(content)
	if !r.accepts(f.kind) {
		return nil, "", fault.Invalidf("", "file", "Invalid file: its content must be of one of the types %s.", strings.ReplaceAll(r.kinds, " ", ", "))
	}
	if f.config == nil {
		return content, f.kind, nil
	}
	cfg, err := f.config(bytes.NewReader(content))
	if err != nil {
		return nil, "", unreadable(f)
	}
	if err := r.measure(cfg); err != nil {
		return nil, "", err
	}
	if !r.image {
		return content, f.kind, nil
	}
	kept, err = redrawn(f, cfg, content)
	return kept, f.kind, err
}

func (r rule) measure(cfg image.Config) error {
	switch {
	case !r.image && (cfg.Width > maxDocumentSide || cfg.Height > maxDocumentSide):
		return fault.Invalidf("", "file", "The image can be at most %d by %d pixels large.", maxDocumentSide, maxDocumentSide)
	case !r.image:
		return nil
	case int64(cfg.Width)*int64(cfg.Height) > maxBrandPixels:
		return fault.Invalidf("", "file", "The image can have at most %d pixels, as 2048 by 2048 has.", maxBrandPixels)
	case cfg.Width < minBrandSide || cfg.Height < minBrandSide:
		return fault.Invalidf("", "file", "The image must be at least %d by %d pixels large.", minBrandSide, minBrandSide)
	case r.square && cfg.Width != cfg.Height:
		return fault.Invalidf("", "file", "An icon must be square; this image is %d by %d pixels.", cfg.Width, cfg.Height)
	}
	return nil
}

// redrawn is the picture and nothing but the picture: jpg as jpg, all else as png.
func redrawn(f format, cfg image.Config, content []byte) ([]byte, error) {
	picture, err := f.decode(bytes.NewReader(content))
	if err != nil || picture.Bounds().Size() != (image.Point{X: cfg.Width, Y: cfg.Height}) {
		return nil, unreadable(f) // a first frame smaller than its gif is no logo either
	}
	var out bytes.Buffer
	if f.kind == "jpg" {
		err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 92})
	} else {
		err = png.Encode(&out, picture)
	}
	if err != nil {
		return nil, unreadable(f)
	}
	return out.Bytes(), nil
}

func unreadable(f format) error {
	return fault.Invalidf("", "file", "Invalid file: it begins like a %s but cannot be read as one.", f.kind)
}
