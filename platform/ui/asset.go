package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

// asset is a file whose name changes with its content, so browsers keep it for ever.
type asset struct {
	url         string
	contentType string
	body        []byte
	gzipped     []byte // nil when that makes it no smaller
}

// assets are all files under /_assets/. Rooms add their scripts while starting.
type assets struct {
	mu     sync.RWMutex
	byFile map[string]*asset // "app-1f2e….css"
	byName map[string]*asset // "app.css"
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// stylesheets in the order of their layers.
var stylesheets = []string{"tokens.css", "base.css", "components.css", "pages.css", "desk.css"}

func newAssets(files fs.FS) (*assets, error) {
	a := &assets{byFile: map[string]*asset{}, byName: map[string]*asset{}}
	for _, name := range []string{
		"inter/inter.woff2", "lucide/icons.svg", "htmx/htmx.min.js", "app.js", "favicon.svg", "favicon-test.svg",
	} {
		body, err := fs.ReadFile(files, "static/"+name)
		if err != nil {
			return nil, err
		}
		if _, err := a.add(path.Base(name), body); err != nil {
			return nil, err
		}
	}
	var css bytes.Buffer
	css.WriteString("@layer tokens, brand, base, components, pages;\n" + paletteOf(defaultColour, defaultColour).css("tokens"))
	for _, name := range stylesheets {
		body, err := fs.ReadFile(files, "static/css/"+name)
		if err != nil {
			return nil, err
		}
		css.Write(body)
	}
	_, err := a.add("app.css", a.linked(css.Bytes()))
	return a, err
}

var cssURL = regexp.MustCompile(`url\("([a-z0-9.-]+)"\)`)

// linked turns file names in a stylesheet into the addresses of these files.
func (a *assets) linked(css []byte) []byte {
	return cssURL.ReplaceAllFunc(css, func(m []byte) []byte {
		return []byte(`url("` + a.url(string(cssURL.FindSubmatch(m)[1])) + `")`)
	})
}

// add serves body under its name and a digest of it.
func (a *assets) add(name string, body []byte) (string, error) {
	ext := path.Ext(name)
	contentType, ok := contentTypes[ext]
	if !ok {
		return "", fmt.Errorf("asset %s: unknown kind", name)
	}
	digest := sha256.Sum256(body)
	file := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(digest[:6]) + ext
	it := &asset{url: "/_assets/" + file, contentType: contentType, body: body, gzipped: gzipped(body)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byFile[file], a.byName[name] = it, it
	return it.url, nil
}

// url is "" for a name that is not there; the template functions make an error of it.
func (a *assets) url(name string) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if it := a.byName[name]; it != nil {
		return it.url
	}
	return ""
}

func (a *assets) file(file string) *asset {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.byFile[file]
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil || w.Close() != nil {
		return nil
	}
	if b.Len() > len(body)*9/10 { // woff2 is compressed already
		return nil
	}
	return b.Bytes()
}

// Assets serves GET /_assets/{file}: the embedded files, and a brand's stylesheet.
func (k *Kit) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.baseHeaders(w)
		file := strings.TrimPrefix(r.URL.Path, "/_assets/")
		if file == brandFile {
			k.serveBrand(w, r)
			return
		}
		it := k.assets.file(file)
		if it == nil {
			http.NotFound(w, r) // also an older build's file: pages are never cached, so none asks for it for long
			return
		}
		serveAsset(w, r, it)
	})
}

func serveAsset(w http.ResponseWriter, r *http.Request, it *asset) {
	h := w.Header()
	h.Set("Content-Type", it.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := it.body
	if it.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = it.gzipped
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body)
}

func acceptsGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.Trim(strings.ReplaceAll(quality, " ", ""), "q=0.") != "" || quality == ""
		}
	}
	return false
}
