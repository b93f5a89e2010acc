package file

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Magic ids of test mode, which are Stripe's: they stand for a document wherever
// one is asked for, and say what verification shall make of it.
const (
	DocumentSuccess = "file_identity_document_success"
	DocumentFailed  = "file_identity_document_failed"
)

// IsMagic reports whether an id stands for a document in test mode.
func IsMagic(file string) bool { return file == DocumentSuccess || file == DocumentFailed }

// Exists reports whether an account may use a file for one of the purposes
// (separated by spaces): its own or its platform's, of its mode, uploaded for
// that and not erased. In test mode magic ids stand for documents.
func (s *Files) Exists(ctx context.Context, idb bun.IDB, scope tenant.Scope, file, purpose string) (bool, error) {
	purposes := strings.Fields(purpose)
	if !scope.Livemode && IsMagic(file) {
		return slices.ContainsFunc(purposes, func(p string) bool { return rules[p].document }), nil
	}
	f, found, err := findFile(ctx, idb.NewSelect(), file)
	if err != nil || !found {
		return false, err
	}
	ours := f.Livemode == scope.Livemode && (f.Account == scope.Account || f.Account == scope.Platform)
	return ours && slices.Contains(purposes, f.Purpose) && !s.gone(f), nil
}

// gone reports whether a file is erased, or due to be.
func (s *Files) gone(f File) bool {
	return !f.ErasedAt.IsZero() || !f.ExpiresAt.IsZero() && !s.cfg.Clocks.For(f.Livemode).Now().Before(f.ExpiresAt)
}

// Document is a file with its content, which does not print itself.
type Document struct {
	File
	Content secret.Text
}

// Open is for the verifier alone: it asks nobody's scope, and what it returns may be
// handed to whoever checks documents and to nobody else. It fails with NotFound
// when the file is erased, and for magic ids, which have no content.
func (s *Files) Open(ctx context.Context, file string) (Document, error) {
	f, found, err := findFile(ctx, s.pool.NewSelect(), file)
	if err != nil {
		return Document{}, err
	}
	if !found || s.gone(f) {
		return Document{}, fault.NoSuch("file", file)
	}
	content, sealed, err := readContent(ctx, s.pool, file)
	if err != nil {
		return Document{}, err
	}
	d := Document{File: f}
	if !sealed {
		d.Content = secret.New(string(content))
		return d, nil
	}
	if d.Content, err = s.cfg.Keyring.OpenBytes(content, sealedTable, file); err != nil {
		return Document{}, fmt.Errorf("open file %s: %w", file, err)
	}
	return d, nil
}

// Image is the picture of a logo or icon, as we drew it. The purpose is asked for
// again, here at the door to the public: a document never leaves by it. Fails with
// NotFound for everything that is no such picture.
func (s *Files) Image(ctx context.Context, file string) (mediaType string, content []byte, err error) {
	f, found, err := findFile(ctx, s.pool.NewSelect(), file)
	if err != nil {
		return "", nil, err
	}
	if !found || !rules[f.Purpose].image {
		return "", nil, fault.NoSuch("file", file)
	}
	content, sealed, err := readContent(ctx, s.pool, file)
	if err != nil {
		return "", nil, err
	}
	if sealed {
		return "", nil, fault.NoSuch("file", file)
	}
	if f.Type == "jpg" {
		return "image/jpeg", content, nil
	}
	return "image/png", content, nil
}
