package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/payouts/rail"
)

// Folder is a pair of directories of this machine: files for the bank are dropped
// in Out, the bank's come in In. Somebody else carries them.
type Folder struct {
	Out string
	In  string // "" if the bank's files come another way
	// Keeps says that files stay in Out: one that is not there has not been dropped.
	Keeps bool
}

// Check reports whether the directories can be used; it changes nothing.
func (f Folder) Check(ctx context.Context) error {
	if err := outside(ctx); err != nil {
		return err
	}
	for _, dir := range []string{f.Out, f.In} {
		if dir == "" {
			continue
		}
		if info, err := os.Stat(dir); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
	}
	return nil
}

// Deliver writes beside, makes the bytes durable, and gives the file its name. What
// fails before that has left nothing.
func (f Folder) Deliver(ctx context.Context, name string, write func(io.Writer) error) rail.Receipt {
	if err := errors.Join(outside(ctx), plain(name)); err != nil {
		return failed(err)
	}
	beside := filepath.Join(f.Out, temporary(name))
	defer func() { _ = os.Remove(beside) }()
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640) // whoever carries it is in our group
	if err != nil {
		return failed(err)
	}
	bytes := measure(file)
	err = write(bytes)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return failed(err)
	}
	whole := filepath.Join(f.Out, name)
	switch err := give(beside, whole); {
	case errors.Is(err, fs.ErrExist):
		return sameFile(whole, bytes)
	case err != nil:
		return failed(err)
	}
	if err := syncDir(f.Out); err != nil {
		return unknown(err) // it may be gone after a power cut
	}
	return rail.Receipt{State: rail.Accepted, Note: whole}
}

// give names a file by a hard link, which fails if the name is taken: a rename would
// replace. Where the file system knows no links, only we give such names, so
// looking first is enough.
func give(beside, whole string) error {
	err := os.Link(beside, whole)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, taken := os.Lstat(whole); !errors.Is(taken, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, taken)
	}
	return os.Rename(beside, whole)
}

// sameFile is what it means that the name is taken.
func sameFile(whole string, bytes *measured) rail.Receipt {
	file, err := os.Open(whole)
	if err != nil {
		return unknown(err) // it may have been carried away this moment
	}
	defer file.Close()
	same, err := bytes.equals(file)
	switch {
	case err != nil:
		return unknown(err)
	case !same:
		return failed(errOther)
	}
	if err := syncDir(filepath.Dir(whole)); err != nil {
		return unknown(err)
	}
	return rail.Receipt{State: rail.Accepted, Note: whole}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Find looks for a file that was dropped.
func (f Folder) Find(ctx context.Context, name string) rail.Receipt {
	if err := errors.Join(outside(ctx), plain(name)); err != nil {
		return unknown(err)
	}
	whole := filepath.Join(f.Out, name)
	switch _, err := os.Stat(whole); {
	case err == nil:
		return rail.Receipt{State: rail.Accepted, Note: whole}
	case errors.Is(err, fs.ErrNotExist) && f.Keeps:
		return rail.Receipt{State: rail.Absent}
	default:
		return unknown(err)
	}
}

// Collect lists the files in In, oldest first. One that is taken moves to a
// directory beside.
func (f Folder) Collect(ctx context.Context) ([]rail.Answer, error) {
	if err := outside(ctx); err != nil || f.In == "" {
		return nil, err
	}
	entries, err := os.ReadDir(f.In)
	if err != nil {
		return nil, err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if !e.Type().IsRegular() || !offered(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // taken this moment by another process
		}
		if err != nil {
			return nil, err
		}
		files = append(files, info)
	}
	slices.SortFunc(files, older)
	answers := make([]rail.Answer, len(files))
	for i, info := range files {
		answers[i] = f.answer(info.Name())
	}
	return answers, nil
}

func older(a, b fs.FileInfo) int {
	if c := a.ModTime().Compare(b.ModTime()); c != 0 {
		return c
	}
	return strings.Compare(a.Name(), b.Name())
}

func (f Folder) answer(name string) rail.Answer {
	return rail.Answer{
		Name: name,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			if err := outside(ctx); err != nil {
				return nil, err
			}
			return os.Open(filepath.Join(f.In, name))
		},
		Taken: func(ctx context.Context) error {
			if err := outside(ctx); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Join(f.In, taken), 0o700); err != nil {
				return err
			}
			err := os.Rename(filepath.Join(f.In, name), filepath.Join(f.In, taken, name))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // taken before
			}
			return err
		},
	}
}
