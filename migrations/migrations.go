// Package migrations is the database schema as SQL files, oldest first. It is
// the lowest folder of the house: it imports nothing of ours.
//
// Names are YYYYMMDDhhmmss_room_what.tx.up.sql. Each file runs in one
// transaction and is never edited once it has left the branch it was born on;
// the way is forward only.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

// Files holds every migration.
//
//go:embed *.sql
var Files embed.FS

// Hash tells one schema from another: it changes with any name or byte of fsys.
func Hash(fsys fs.FS) (string, error) {
	names, err := fs.Glob(fsys, "*.sql") // sorted
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return "", err
		}
		sum.Write([]byte(name + "\x00"))
		sum.Write(text)
		sum.Write([]byte{0})
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
