package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dev/broker"
	"github.com/sluicepay/sluice/platform/dev/postgres"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/secret"
)

// private is a whole Sluice of one's own: PostgreSQL, broker and all roles in
// this process, kept in one directory. `sluice dev` and the bench run on it.
type private struct {
	dir   string
	cfg   Config
	state state
	steps *steps

	pg     *postgres.Server // nil when the database was given
	broker *broker.Broker
	app    *App
	base   string

	stopRun context.CancelFunc
	ran     chan error // what Run returned, once
}

// privateConfig says how to start one.
type privateConfig struct {
	Dir         string
	Addr        string // port 0 takes a free one
	PostgresURL string // instead of a private PostgreSQL
	Log         *slog.Logger
	Steps       *steps
}

// connections is what a private server may open to its PostgreSQL.
const connections = 24

// launch starts everything and returns when the API answers. Whatever has been
// started is stopped again if something fails.
func launch(ctx context.Context, cfg privateConfig) (p *private, err error) {
	addr, err := freeAddr(ctx, cfg.Addr)
	if err != nil {
		return nil, err
	}
	p = &private{dir: cfg.Dir, steps: cfg.Steps, ran: make(chan error, 1)}
	defer func() {
		if err != nil {
			p.stop()
			p = nil
		}
	}()
	if p.state, err = loadState(cfg.Dir); err != nil {
		return p, err
	}
	p.cfg = Config{
		Addr: addr, BaseURL: baseURL(addr), DatabaseConns: connections, Roles: allRoles, Dev: true, RequestRetention: requestlog.Retention,
		KeyMaster: secret.New(p.state.KeyMaster), SealMasters: []secret.Text{secret.New(p.state.SealMaster)},
	}
	if err := putConfirmOver(&p.cfg, confirmOver); err != nil {
		return p, err
	}
	if err := p.startPostgres(ctx, cfg.PostgresURL); err != nil {
		return p, err
	}
	if err := p.startBroker(); err != nil {
		return p, err
	}
	if err := p.prepareDatabase(ctx); err != nil {
		return p, err
	}
	return p, p.startApp(ctx, cfg.Log)
}

func (p *private) startPostgres(ctx context.Context, given string) error {
	if given != "" {
		p.cfg.DatabaseURL = secret.New(given)
		return nil
	}
	done := p.steps.begin()
	var err error
	p.pg, err = postgres.Start(ctx, postgres.Config{Dir: filepath.Join(p.dir, "pg"), TCP: true, Progress: p.steps.out})
	if err != nil {
		return err
	}
	p.cfg.DatabaseURL = secret.New(p.pg.URL())
	done("PostgreSQL %s (private, %s)", p.pg.Binaries().Version, filepath.Join(p.dir, "pg"))
	return nil
}

func (p *private) startBroker() error {
	done := p.steps.begin()
	var err error
	p.broker, err = broker.Start(broker.Config{Dir: filepath.Join(p.dir, "kafka"), Port: p.state.KafkaPort})
	if err != nil {
		return err
	}
	p.cfg.Kafka = bus.Config{Brokers: []string{p.broker.Addr()}}
	p.state.KafkaPort = p.broker.Port()
	done("Kafka-compatible broker (in process, %s)", p.broker.Addr())
	return p.state.save(p.dir)
}

// prepareDatabase migrates and makes sure of the platform account and its keys.
func (p *private) prepareDatabase(ctx context.Context) error {
	done := p.steps.begin()
	pool, err := openPool(ctx, p.cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	applied, err := db.Migrate(ctx, pool)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		done("%d migrations", len(applied))
	} else {
		done("Schema is up to date")
	}
	return p.ownPlatform(ctx, pool)
}

// ownPlatform keeps the keys in the directory good: if the database does not
// know them (it is new, or another one was given), it makes a platform account.
func (p *private) ownPlatform(ctx context.Context, pool *bun.DB) error {
	auth, err := authenticator(p.cfg, pool)
	if err != nil {
		return err
	}
	if p.state.SecretKey != "" {
		if _, err := auth.Authenticate(ctx, p.state.SecretKey); err == nil {
			return nil
		}
	}
	made, err := bootstrap(ctx, p.cfg, pool, connect.PlatformParams{Name: "TutorHub HK", Country: "HK", Email: "owner@tutorhub.test"}, false)
	if err != nil {
		return err
	}
	p.state.PlatformAccount, p.state.Seeded = made.Account, false
	p.state.SecretKey, p.state.PublishableKey = made.Secret.Reveal(), made.Publishable.Reveal()
	return p.state.save(p.dir)
}

// startApp runs all roles. They stop with stop, not with ctx, so that what
// stands on them can end first.
func (p *private) startApp(ctx context.Context, log *slog.Logger) error {
	listening := make(chan string, 1)
	p.cfg.OnReady = func(base string) { listening <- base }
	app, err := newApp(ctx, p.cfg, log)
	if err != nil {
		return err
	}
	p.app = app
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.stopRun = cancel
	go func() { p.ran <- app.Run(runCtx) }()
	select {
	case p.base = <-listening:
		return nil
	case err := <-p.ran:
		p.ran <- err
		return inWords(p.cfg.Addr, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait returns when ctx ends or something under the server does.
func (p *private) wait(ctx context.Context) error {
	var pgGone <-chan struct{}
	if p.pg != nil {
		pgGone = p.pg.Exited()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-pgGone:
		return fmt.Errorf("PostgreSQL ended; why stands at the end of %s", filepath.Join(p.dir, "pg", "postgres.log"))
	case err := <-p.ran:
		p.ran <- err
		if err == nil {
			err = errors.New("the server ended by itself")
		}
		return err
	}
}

// stop ends everything, what stands on top first.
func (p *private) stop() {
	if p.app != nil {
		p.stopRun()
		<-p.ran
		_ = p.app.Close() // the process ends anyway; what is committed is kept
	}
	if p.broker != nil {
		p.broker.Close()
	}
	if p.pg != nil {
		p.pg.Stop()
	}
}

// freeAddr checks that nobody listens on addr and fills in a port of 0.
func freeAddr(ctx context.Context, addr string) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", inWords(addr, err)
	}
	host, _, _ := net.SplitHostPort(addr) // Listen has accepted it
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), l.Close()
}

// baseURL reaches a server on this machine that listens on addr.
func baseURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// startPrivate is a throwaway server for the bench; its directory goes with it.
func startPrivate(ctx context.Context, progress io.Writer) (bench.Server, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return bench.Server{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may have to run as another user
		return bench.Server{}, err
	}
	log := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p, err := launch(ctx, privateConfig{Dir: dir, Addr: "127.0.0.1:0", Log: log, Steps: newSteps(progress)})
	if err != nil {
		return bench.Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	return bench.Server{
		BaseURL: p.base, SecretKey: secret.New(p.state.SecretKey), DatabaseURL: p.cfg.DatabaseURL,
		Stop: func() {
			p.stop()
			_ = os.RemoveAll(dir)
		},
	}, nil
}

// steps tells a person what a start is doing.
type steps struct {
	out io.Writer
}

func newSteps(out io.Writer) *steps { return &steps{out: out} }

// begin starts a step; what it returns prints the step as done, with the time it took.
func (s *steps) begin() func(format string, args ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(s.out, "  ✓ %-66s %5.1f s\n", fmt.Sprintf(format, args...), time.Since(began).Seconds())
	}
}

// progress shows a bar on a terminal and nothing elsewhere.
func (s *steps) progress() func(done, all int) {
	if !isTerminal(s.out) {
		return func(int, int) {}
	}
	const width = 30
	var mu sync.Mutex
	return func(done, all int) {
		mu.Lock()
		defer mu.Unlock()
		full := done * width / all
		fmt.Fprintf(s.out, "\r  … TutorHub HK  %s%s %3d %%", strings.Repeat("█", full), strings.Repeat("░", width-full), done*100/all)
		if done == all {
			fmt.Fprint(s.out, "\r\x1b[K")
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
