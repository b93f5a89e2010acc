// Package dbtest gives tests the true database.
//
// New is for almost every test: a database of its own, migrated, cloned from a
// template in some tens of milliseconds and dropped at the end. Postgres is for
// the few that stop, kill or restart their server.
//
// `go test ./...` runs one process per package; they share one server. The
// first process starts a keeper (its own executable again, see keeper.go),
// which runs PostgreSQL in memory-backed storage and ends it shortly after the
// last test process is gone, however that one ended: leases are file locks,
// which the kernel lets go. A server of one's own can be given by
// SLUICE_TEST_DATABASE_URL (a superuser's URL; templates stay there).
package dbtest
