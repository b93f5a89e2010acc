// Package file keeps what accounts upload: the logo and icon of a brand, and
// documents about who somebody is.
//
// What a file is, its bytes say, never its name nor the Content-Type it came
// with. Images of a brand are decoded and encoded again before they are kept, so
// that nothing hidden in them (scripts behind the picture, where a photo was
// taken) is ever served. Documents are sealed with the keyring, are opened for
// the verifier alone, and are erased when their retention ends, or before by
// Erase, which no door offers yet; what stays of them is that there was one, of
// which kind and when.
//
// A file never changes. It belongs to one account in one mode; an account may
// use its own files and those of its platform.
//
// Lock order: a file's row, then its content. Nothing else is locked with them.
package file
