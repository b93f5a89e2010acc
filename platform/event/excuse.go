package event

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
)

// Excused reports whether an event is not to blame for err: the database is away,
// short of something, or about to be switched over. Such an event is tried again
// without end, and is never parked for it. An effect that returns a fault of kind
// Unavailable asks for the same.
func Excused(err error) bool {
	if errors.Is(err, db.ErrUnknown) || errors.Is(err, context.Canceled) || fault.Is(err, fault.Unavailable) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code == "57014" { // a statement that took too long may be the event's fault
		return false
	}
	for _, class := range []string{
		"08", "53", "57", "58", // connection, resources, operator, system
		"25006",          // read only: a standby that is being promoted
		"40001", "40P01", // serialization and deadlock, after db.InTx has tried
		"55P03", // a lock not to be had in time
	} {
		if strings.HasPrefix(pg.Code, class) {
			return true
		}
	}
	return false
}
