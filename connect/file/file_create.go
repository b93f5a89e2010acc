package file

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/tenant"
)

// Params are a new file, as it came.
type Params struct {
	Purpose  string
	Filename string // as the client named it
	Content  []byte
}

// Draft is a file that has been checked and, if it must be, sealed: ready to be written.
type Draft struct {
	file    File
	sealed  bool
	content []byte
}

// Prepare checks a file and makes of it what is kept. It decodes and encrypts, so
// call it outside transactions. Faults name the parameters file and purpose.
func (s *Files) Prepare(scope tenant.Scope, p Params) (Draft, error) {
	r, err := ruleOf(p.Purpose)
	if err != nil {
		return Draft{}, err
	}
	if len(p.Content) == 0 {
		return Draft{}, fault.Invalidf("parameter_invalid_empty", "file", "The file is empty.")
	}
	if len(p.Content) > r.size {
		return Draft{}, &fault.Error{Kind: fault.TooLarge, Param: "file",
			Message: fmt.Sprintf("A file with purpose %s can be at most %d KiB large.", p.Purpose, r.size>>10)}
	}
	kept, kind, err := r.check(p.Content)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{sealed: r.sealed, content: kept, file: File{
		ID: id.New("file"), Account: scope.Account, Livemode: scope.Livemode, Purpose: p.Purpose, Filename: cleanName(p.Filename, kind),
		Type: kind, Size: int64(len(p.Content)), CreatedAt: s.cfg.Clocks.For(scope.Livemode).Now(),
	}}
	if r.document {
		d.file.ExpiresAt = d.file.CreatedAt.Add(s.cfg.Retention)
	}
	if r.sealed {
		if d.content, err = s.cfg.Keyring.SealBytes(kept, sealedTable, d.file.ID); err != nil {
			return Draft{}, fmt.Errorf("seal file: %w", err)
		}
	}
	return d, nil
}

// sealedTable names the place of sealed contents; one sealed for a file opens only for it.
const sealedTable = "connect.file_contents"

// Store writes a prepared file.
func (s *Files) Store(ctx context.Context, tx bun.Tx, d Draft) (File, error) {
	return d.file, insertFile(ctx, tx, d)
}

// Create is Prepare and Store, for callers who are inside a transaction already.
func (s *Files) Create(ctx context.Context, tx bun.Tx, scope tenant.Scope, p Params) (File, error) {
	d, err := s.Prepare(scope, p)
	if err != nil {
		return File{}, err
	}
	return s.Store(ctx, tx, d)
}
