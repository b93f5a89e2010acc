// Package delivery brings files to banks and fetches theirs: over a folder that
// somebody else empties (Folder), or over SFTP (SFTP).
//
// Both put a file down under a temporary name beside its own, and rename it once it
// is whole, so that nobody on the other side ever sees a part of one. A file is
// never replaced by another: the same bytes under the same name are one file, other
// bytes under that name are refused. Both refuse to work inside a transaction.
//
// Find can only tell what is in the folder now. Banks take files away once they have
// read them, so a file that is not there is certainly absent only if nobody empties
// the folder: that is what Keeps says. Otherwise its arrival stays unknown, until a
// file of the bank or two people tell.
package delivery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
)

// partial marks files that are not whole yet, ours and the bank's.
const partial = ".part"

// taken is where a bank's file goes that has been kept, below the folder it was in.
const taken = "taken"

var errInside = errors.New("delivery: called inside a transaction")

// outside refuses calls that would hold a transaction open over a network.
func outside(ctx context.Context) error {
	if db.Inside(ctx) {
		return errInside
	}
	return ctx.Err()
}

// plain refuses names that would lead elsewhere.
func plain(name string) error {
	if name == "" || name != path.Base(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("delivery: %q is not a file's name", name)
	}
	return nil
}

// temporary is a name that no other attempt uses, so that two never write to one file.
func temporary(name string) string { return "." + name + "." + id.New("up") + partial }

// offered reports whether a file in the bank's folder is whole and meant for us.
func offered(name string) bool {
	return plain(name) == nil && !strings.HasSuffix(name, partial) && !strings.HasSuffix(name, ".tmp")
}

// failed is a file that certainly is not there.
func failed(err error) rail.Receipt { return rail.Receipt{State: rail.Failed, Err: err} }

// unknown is a file of which nobody knows whether it is there.
func unknown(err error) rail.Receipt { return rail.Receipt{State: rail.Unknown, Err: err} }

// measured counts and digests what is written.
type measured struct {
	to   io.Writer
	hash hash.Hash
	size int64
}

func measure(to io.Writer) *measured { return &measured{to: to, hash: sha256.New()} }

func (m *measured) Write(b []byte) (int, error) {
	n, err := m.to.Write(b)
	m.hash.Write(b[:n])
	m.size += int64(n)
	return n, err
}

// equals reports whether a file has the bytes that were measured.
func (m *measured) equals(file io.Reader) (bool, error) {
	other := measure(io.Discard)
	if _, err := io.Copy(other, file); err != nil {
		return false, err
	}
	return other.size == m.size && string(other.hash.Sum(nil)) == string(m.hash.Sum(nil)), nil
}

// errOther is a file of our name with other bytes. It is not ours to replace.
var errOther = errors.New("delivery: another file has that name already")
