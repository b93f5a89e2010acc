package db

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Config says where PostgreSQL is and how long anything there may take. Only
// URL is required; a zero duration takes the default, a negative one means no limit.
type Config struct {
	URL      string // postgres://user:password@host:port/database
	Name     string // application_name, as seen in pg_stat_activity; default "sluice"
	MaxConns int    // connections of this process, default 16, at least 2

	StatementTimeout time.Duration // one statement, default 30 s
	LockTimeout      time.Duration // waiting for one lock, default 10 s
	IdleTimeout      time.Duration // a transaction doing nothing, default 30 s: it would hold back the event relay
	ConnectTimeout   time.Duration // default 5 s
}

// Open connects and checks the connection once.
//
// Statements go out in pgx's exec mode: bun renders arguments into the text,
// so every statement is unique and a cache of prepared statements would only
// grow the server's memory. Times come back in UTC.
func Open(ctx context.Context, cfg Config) (*bun.DB, error) {
	conn, err := connConfig(cfg)
	if err != nil {
		return nil, err
	}
	conns := max(2, orDefault(cfg.MaxConns, 16)) // Migrate holds one connection for its lock and works on another
	pool := stdlib.OpenDB(*conn, stdlib.OptionAfterConnect(ourTypes))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return wrap(pool), nil
}

func wrap(pool *sql.DB) *bun.DB {
	// A column added by a newer release must not break the older one during a rolling deploy.
	return bun.NewDB(pool, pgdialect.New(), bun.WithDiscardUnknownColumns())
}

func connConfig(cfg Config) (*pgx.ConnConfig, error) {
	conn, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx removes the password
	}
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.ConnectTimeout = orDefault(cfg.ConnectTimeout, 5*time.Second)
	for name, value := range map[string]string{
		"application_name":                    orDefault(cfg.Name, "sluice"),
		"timezone":                            "UTC",
		"statement_timeout":                   milliseconds(cfg.StatementTimeout, 30*time.Second),
		"lock_timeout":                        milliseconds(cfg.LockTimeout, 10*time.Second),
		"idle_in_transaction_session_timeout": milliseconds(cfg.IdleTimeout, 30*time.Second),
	} {
		if _, given := conn.RuntimeParams[name]; !given { // the URL has the last word
			conn.RuntimeParams[name] = value
		}
	}
	return conn, nil
}

// ourTypes makes timestamptz values come back in UTC instead of the machine's zone, and
// has text arrays go over as they are instead of quoted and escaped.
func ourTypes(_ context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	types.RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	text, _ := types.TypeForOID(pgtype.TextOID)
	types.RegisterType(&pgtype.Type{
		Name: "_text", OID: pgtype.TextArrayOID, Codec: plainTexts{&pgtype.ArrayCodec{ElementType: text}},
	})
	return nil
}

// plainTexts is text[] in the binary format.
type plainTexts struct{ *pgtype.ArrayCodec }

// PreferredFormat is what a parameter is sent in.
func (plainTexts) PreferredFormat() int16 { return pgtype.BinaryFormatCode }

// milliseconds is d as PostgreSQL reads a timeout: 0 means none there.
func milliseconds(d, fallback time.Duration) string {
	return strconv.FormatInt(max(0, orDefault(d, fallback)).Milliseconds(), 10)
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
