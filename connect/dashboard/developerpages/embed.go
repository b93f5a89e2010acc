package developerpages

import "io/fs"

// sub is a folder of the embedded files.
func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("developerpages: " + err.Error()) // only a malformed name does that
	}
	return f
}
