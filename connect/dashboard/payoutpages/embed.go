package payoutpages

import "io/fs"

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("payoutpages: " + err.Error()) // only a malformed name does that
	}
	return f
}
