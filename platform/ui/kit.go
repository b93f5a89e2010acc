package ui

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
)

//go:embed templates catalogues storybook static
var files embed.FS

// Where the kit is served. cmd mounts these beside the pages of the rooms.
const (
	AssetsPath      = "/_assets/{file}"  // GET: Kit.Assets
	PreferencesPath = "/_ui/preferences" // POST: Kit.Preferences
	StorybookPath   = "/_dev/ui"         // GET, POST: Kit.Storybook, in development only
)

// Config is what the kit stands on. The zero value is fit for production.
type Config struct {
	Dev bool         // served over plain http on the developer's machine: no HSTS, cookies without Secure
	Log *slog.Logger // nil: slog.Default()
}

// Kit is what all pages share: layout, components, assets, headers and languages.
type Kit struct {
	cfg        Config
	assets     *assets
	words      map[Locale]catalogue
	errorPages map[string]string // the kit's pages that every room has, by name
	own        *Pages
	storybook  func() (*Pages, error)
}

// New reads everything embedded; it fails only on a mistake in the kit itself.
func New(cfg Config) (*Kit, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	k := &Kit{cfg: cfg}
	var err error
	if k.assets, err = newAssets(files); err != nil {
		return nil, fmt.Errorf("ui assets: %w", err)
	}
	if k.words, err = readCatalogues(sub("catalogues"), nil); err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	shared, err := readPages(sub("templates/pages"))
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	k.errorPages = shared.pages
	if k.own, err = k.Pages(sub("templates/pages"), nil); err != nil {
		return nil, err
	}
	k.storybook = sync.OnceValues(func() (*Pages, error) { return k.Pages(sub("storybook"), sub("storybook")) })
	return k, nil
}

// Handler serves the kit's own addresses, and nothing else; for tests and small servers.
func (k *Kit) Handler() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET "+AssetsPath, k.Assets())
	m.Handle("POST "+PreferencesPath, k.Preferences())
	m.Handle(StorybookPath, k.Storybook())
	return m
}

// Layouts and components stand under every page, the kit's own ones included.
func baseTemplate(funcs template.FuncMap) (*template.Template, error) {
	return template.New("").Option("missingkey=error").Funcs(funcs).
		ParseFS(files, "templates/layout/*.html", "templates/components/*.html")
}

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("ui: " + err.Error()) // only a malformed name does that
	}
	return f
}
