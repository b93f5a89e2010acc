package connecthttp

import (
	"context"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/file"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// uploadSize is the largest body of an upload: a file and what a form needs around it.
const uploadSize = file.MaxSize + 64<<10

// FileRoutes are files. Nothing here hands out what is in them.
func FileRoutes(s *rest.Server, pool *bun.DB, files *file.Files) []rest.Route {
	d := fileDoor{pool: pool, files: files}
	return []rest.Route{
		{Method: "POST", Path: "/v1/files", Resource: "files", Handler: s.Prepared(d.create), Returns: wire.File{}, Upload: uploadSize},
		{Method: "GET", Path: "/v1/files", Resource: "files", Handler: s.Read(d.list), Returns: wire.List[wire.File]{}},
		{Method: "GET", Path: "/v1/files/{id}", Resource: "files", Handler: s.Read(d.get), Returns: wire.File{}},
	}
}

type fileDoor struct {
	pool  *bun.DB
	files *file.Files
}

func (d fileDoor) create(_ context.Context, r *rest.Request) (rest.WriteHandler, error) {
	var p struct {
		File         rest.Upload  `form:"file,required"`
		Purpose      string       `form:"purpose,required"`
		FileLinkData rest.Ignored `form:"file_link_data"` // files are not shared by link
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	draft, err := d.files.Prepare(r.Scope, file.Params{Purpose: p.Purpose, Filename: p.File.Filename, Content: p.File.Content})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx bun.Tx, _ *rest.Request) (any, error) {
		f, err := d.files.Store(ctx, tx, draft)
		if err != nil {
			return nil, err
		}
		return f.Wire(), nil
	}, nil
}

func (d fileDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var filter file.Filter
	if err := r.Decode(&filter); err != nil {
		return nil, err
	}
	found, err := d.files.List(ctx, d.pool, r.Scope, filter)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/files", file.File.Wire), nil
}

func (d fileDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	f, err := d.files.Get(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return f.Wire(), nil
}

// BrandRoutes are the pictures of a platform account, for the pages of people
// who have no key.
func BrandRoutes(pool *bun.DB, accounts *connect.Accounts, files *file.Files) []rest.Route {
	d := brandDoor{pool: pool, accounts: accounts, files: files}
	return []rest.Route{
		{Method: "GET", Path: "/brand/{account}/logo", Public: true, Handler: http.HandlerFunc(d.picture)},
		{Method: "GET", Path: "/brand/{account}/icon", Public: true, Handler: http.HandlerFunc(d.picture)},
	}
}

type brandDoor struct {
	pool     *bun.DB
	accounts *connect.Accounts
	files    *file.Files
}

// picture serves /brand/{account}/logo and …/icon. A picture stays the same as long
// as its file id does, so the id is its ETag.
func (d brandDoor) picture(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	id, err := d.pictureID(r.Context(), path.Base(path.Dir(r.URL.Path)), path.Base(r.URL.Path))
	if err != nil {
		sendNoPicture(w, err)
		return
	}
	tag := strconv.Quote(id)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		cachePicture(h, tag)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	mediaType, content, err := d.files.Image(r.Context(), id)
	if err != nil {
		sendNoPicture(w, err)
		return
	}
	cachePicture(h, tag)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // a client that went away is no error of ours
}

func (d brandDoor) pictureID(ctx context.Context, account, which string) (string, error) {
	look, ok, err := d.accounts.PlatformBranding(ctx, d.pool, account)
	if err != nil {
		return "", err
	}
	id := look.Logo
	if which == "icon" {
		id = look.Icon
	}
	if !ok || id == nil {
		return "", fault.NoSuch(which, account)
	}
	return *id, nil
}

func cachePicture(h http.Header, tag string) {
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", tag)
}

func sendNoPicture(w http.ResponseWriter, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if fault.Is(err, fault.NotFound) {
		http.Error(w, "There is no such picture.", http.StatusNotFound)
		return
	}
	http.Error(w, "The picture cannot be shown right now.", http.StatusInternalServerError)
}
