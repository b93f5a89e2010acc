package file

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/fault"
)

// picture is an image of a colour that compresses well.
func picture(t testing.TB, kind string, width, height int) []byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.RGBA{0x1b, 0x6a, 0xc9, 0xff}})
	for i := range m.Pix {
		m.Pix[i] = uint8(i % 2)
	}
	var out bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&out, m)
	case "jpg":
		err = jpeg.Encode(&out, m, nil)
	case "gif":
		err = gif.Encode(&out, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// claiming is a small PNG whose header claims other measures: a pixel bomb, if they are large.
func claiming(t testing.TB, width, height uint32) []byte {
	t.Helper()
	b := picture(t, "png", 128, 128)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestEachPurposeTakesWhatItMustBe(t *testing.T) {
	const svg, html = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "<!doctype html><script>alert(1)</script>"
	pdf := []byte("%PDF-1.7\n%%EOF\n")
	for _, c := range []struct {
		rule, purpose string
		content       []byte
		kind, says    string
	}{
		{"a png", BusinessLogo, picture(t, "png", 300, 128), "png", ""},
		{"a jpeg", BusinessLogo, picture(t, "jpg", 128, 300), "jpg", ""},
		{"a gif", BusinessIcon, picture(t, "gif", 128, 128), "gif", ""},
		{"the largest picture", BusinessIcon, picture(t, "png", 2048, 2048), "png", ""},
		{"a logo that is too small", BusinessLogo, picture(t, "png", 300, 127), "", "at least 128"},
		{"an icon that is not square", BusinessIcon, picture(t, "png", 300, 128), "", "must be square"},
		{"too many pixels", BusinessLogo, picture(t, "png", 2049, 2048), "", "2048 by 2048"},
		{"a pixel bomb", BusinessLogo, claiming(t, 1<<30, 1<<30), "", "Invalid file"}, // the reader's own guard
		{"a smaller pixel bomb", BusinessLogo, claiming(t, 60_000, 60_000), "", "2048 by 2048"},
		{"measures that overflow 32 bits", BusinessLogo, claiming(t, 65_536, 65_536), "", "2048 by 2048"},
		{"a header that lies", BusinessLogo, claiming(t, 200, 200), "", "cannot be read"},
		{"a png that is cut off", BusinessLogo, picture(t, "png", 300, 300)[:60], "", "cannot be read"},
		{"a renamed pdf", BusinessLogo, pdf, "", "one of the types gif, jpg, png"},
		{"svg", BusinessLogo, []byte(svg), "", "one of the types"},
		{"html", BusinessIcon, []byte(html), "", "one of the types"},
		{"a picture after something else", BusinessLogo, append([]byte(html), picture(t, "png", 128, 128)...), "", "one of the types"},
		{"a pdf", IdentityDocument, pdf, "pdf", ""},
		{"a photo", IdentityDocument, picture(t, "jpg", 50, 50), "jpg", ""},
		{"a photo as evidence", DisputeEvidence, picture(t, "png", 50, 50), "png", ""},
		{"an animation as document", IdentityDocument, picture(t, "gif", 50, 50), "", "one of the types jpg, pdf, png"},
		{"a photo of any size", AdditionalVerification, claiming(t, 8001, 50), "", "8000 by 8000"},
		{"renamed html as document", AccountRequirement, []byte(html), "", "one of the types"},
		{"a pdf after something else", AccountRequirement, append([]byte(html), pdf...), "", "one of the types"},
		{"a program", IdentityDocument, []byte("\x7fELF\x02\x01"), "", "one of the types"},
		{"only how a jpeg begins", IdentityDocument, []byte("\xff\xd8\xff\xe0"), "", "cannot be read"},
	} {
		kept, kind, err := rules[c.purpose].check(c.content)
		if c.says == "" {
			if err != nil || kind != c.kind || len(kept) == 0 {
				t.Errorf("%s: %s, %v", c.rule, kind, err)
			}
			continue
		}
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Param != "file" || !strings.Contains(f.Message, c.says) {
			t.Errorf("%s: got %v, want %q", c.rule, err, c.says)
		}
	}
}

func TestNothingHiddenInAPictureIsKept(t *testing.T) {
	const canary = "<script>canary</script>"
	comment := append([]byte("\xff\xfe\x00"), byte(len(canary)+2)) // a JPEG comment, as EXIF stands in its own segment
	jpg := picture(t, "jpg", 128, 128)
	for name, content := range map[string][]byte{
		"behind a png":  append(picture(t, "png", 128, 128), canary...),
		"behind a jpeg": append(bytes.Clone(jpg), canary...),
		"inside a jpeg": append(append(append(bytes.Clone(jpg[:2]), comment...), canary...), jpg[2:]...),
		"behind a gif":  append(picture(t, "gif", 128, 128), canary...),
	} {
		kept, kind, err := rules[BusinessLogo].check(content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Contains(kept, []byte("canary")) {
			t.Errorf("%s: kept", name)
		}
		if f := formatOf(kept); kind == "jpg" && f.kind != "jpg" || kind != "jpg" && f.kind != "png" {
			t.Errorf("%s: a %s became a %s", name, kind, f.kind)
		}
	}
}

func TestNamesOfFilesKeepNothingThatMisleads(t *testing.T) {
	for _, c := range []struct{ given, kind, want string }{
		{"logo.png", "png", "logo.png"},
		{"Photo 1.JPEG", "jpg", "Photo 1.JPEG"},
		{"陳大文.jpg", "jpg", "陳大文.jpg"},
		{"", "pdf", "file.pdf"},
		{".png", "png", "file.png"},
		{"..", "png", "file.png"},
		{"passport", "pdf", "passport.pdf"},
		{"evil.html", "png", "evil.html.png"},
		{"invoice.pdf", "png", "invoice.pdf.png"},
		{"../../etc/passwd", "png", "passwd.png"},
		{`C:\Users\x\a.png`, "png", "a.png"},
		{"a\r\nSet-Cookie: x.png", "png", "a  Set-Cookie_ x.png"},
		{"a\x00\x1b[31m.png", "png", "a[31m.png"},
		{"gnp.\u202etxt.png", "png", "gnp.txt.png"},
		{"\xff\xfea.png", "png", "a.png"},
		{"$(rm -rf);`x`.png", "png", "_(rm -rf)__x_.png"},
		{"-rf.png", "png", "rf.png"},
		{"4242424242424242.png", "png", "file.png"},
		{strings.Repeat("é", 400) + ".png", "png", strings.Repeat("é", maxName) + ".png"},
	} {
		if got := cleanName(c.given, c.kind); got != c.want {
			t.Errorf("%q became %q, want %q", c.given, got, c.want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("a.png")
	f.Add("\x00/..\\.\u202e.JPG")
	f.Fuzz(func(t *testing.T, name string) {
		got := cleanName(name, "jpg")
		if strings.ContainsAny(got, "/\\\x00\r\n\"<>") || strings.HasPrefix(got, ".") || len([]rune(got)) > maxName+5 ||
			!strings.HasSuffix(strings.ToLower(got), ".jpg") && !strings.HasSuffix(strings.ToLower(got), ".jpeg") {
			t.Errorf("%q became %q", name, got)
		}
		if again := cleanName(got, "jpg"); again != got {
			t.Errorf("%q is cleaned to %q", got, again)
		}
	})
}

// FuzzContent: whatever comes, the checks end without panic, and what is kept of a picture is one of our pictures.
func FuzzContent(f *testing.F) {
	for _, kind := range []string{"png", "jpg", "gif"} {
		f.Add(picture(f, kind, 128, 128))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		kept, _, err := rules[BusinessLogo].check(content)
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		if _, _, err := image.Decode(bytes.NewReader(kept)); err != nil {
			t.Fatalf("what is kept cannot be read: %v", err)
		}
	})
}
