// Package postgres starts a private PostgreSQL server from installed (or, as
// the last resort, visibly downloaded) binaries: for `sluice dev`, the bench
// and the tests. Production brings its own server.
//
// What it promises:
//
//   - It never deletes or overwrites data. Data of another major version, a
//     directory with something else in it, or a server that already runs there
//     is an error with the mend in it.
//   - The server dies with us, however we die (Linux: parent-death signal), but
//     not of a Ctrl-C in the terminal before we stop it ourselves: it has its own process group.
//   - PostgreSQL refuses to run as root, so for root the child runs as the
//     user postgres or nobody, or as nobody in a user namespace when that user
//     could not reach the directories.
//   - It listens on a unix socket in a directory of mode 0700 and, if asked to,
//     on a loopback port with a password made for it.
//   - Its log holds no statement text and no values: they may be secrets.
//
// Windows is not supported.
package postgres
