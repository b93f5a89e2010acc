package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/bench"
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/run"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/telemetry"
	"github.com/sluicepay/sluice/platform/wire"
)

// startServed is startPrivate for a bench that tells the CPU of server, broker and
// load apart: `sluice serve` runs as processes of its own, the broker in this one.
func startServed(ctx context.Context, progress io.Writer, setup bench.Setup) (served bench.Served, err error) {
	p, tidy, err := foundation(ctx, progress, setup)
	if err != nil {
		return served, err
	}
	s := &servers{private: p, progress: progress}
	served = bench.Served{DatabaseURL: p.cfg.DatabaseURL, Broker: os.Getpid(), Echo: s.echo, Halt: s.halt, Stop: func() { s.halt(); p.stop(); tidy() }}
	defer func() {
		if err != nil {
			served.Stop()
		}
	}()
	if served.Keys, err = p.platforms(ctx, setup.Platforms); err != nil {
		return served, err
	}
	done := p.steps.begin()
	for range setup.Processes {
		one, err := s.start(ctx, setup, "serve")
		if err != nil {
			return served, err
		}
		served.Addresses, served.Metrics = append(served.Addresses, one.addr), append(served.Metrics, one.metrics)
		served.Processes = append(served.Processes, one.cmd.Process.Pid)
	}
	done("%d server processes", setup.Processes)
	return served, nil
}

// foundation is everything below the server: PostgreSQL, broker, schema, keys.
func foundation(ctx context.Context, progress io.Writer, setup bench.Setup) (p *private, tidy func(), err error) {
	dir, tidy := setup.Dir, func() {}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
			return nil, nil, err
		}
		tidy = func() { _ = os.RemoveAll(dir) }
		if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may have to run as another user
			return nil, nil, err
		}
	} else if tidy, err = claim(dir); err != nil {
		return nil, nil, err
	}
	p = &private{dir: dir, steps: newSteps(progress), ran: make(chan error, 1)}
	defer func() {
		if err != nil {
			p.stop()
			tidy()
		}
	}()
	if p.state, err = loadState(dir); err != nil {
		return p, tidy, err
	}
	p.cfg = Config{
		DatabaseConns: connections, KeyMaster: secret.New(p.state.KeyMaster), SealMasters: []secret.Text{secret.New(p.state.SealMaster)},
	}
	if err := p.startPostgres(ctx, setup.DatabaseURL.Reveal()); err != nil {
		return p, tidy, err
	}
	if setup.Statements && p.pg != nil {
		if err := p.countStatements(ctx); err != nil {
			return p, tidy, err
		}
	}
	if err := p.startBroker(); err != nil {
		return p, tidy, err
	}
	return p, tidy, p.prepareDatabase(ctx)
}

// platforms are the keys of n platforms, the first of them the one of the directory.
func (p *private) platforms(ctx context.Context, n int) ([]secret.Text, error) {
	keys := []secret.Text{secret.New(p.state.SecretKey)}
	pool, err := openPool(ctx, p.cfg)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	for len(keys) < n {
		made, err := bootstrap(ctx, p.cfg, pool, connect.PlatformParams{Name: "Bench " + strconv.Itoa(len(keys)), Country: "HK"}, false)
		if err != nil {
			return nil, err
		}
		keys = append(keys, made.Secret)
	}
	return keys, nil
}

// servers are `sluice serve` as often as somebody wants it.
type servers struct {
	*private
	progress io.Writer
	running  []*server
}

type server struct {
	addr, metrics string
	cmd           *exec.Cmd
	ended         chan struct{}
}

// echo starts a server that has nothing behind its middleware.
func (s *servers) echo(ctx context.Context) (address string, process int, stop func(), err error) {
	one, err := s.start(ctx, bench.Setup{Processes: 1}, "bench", "echo")
	if err != nil {
		return "", 0, nil, err
	}
	return one.addr, one.cmd.Process.Pid, s.halt, nil
}

// serveEcho is what that process does: the App as it stands, with one more route
// that reads a charge's parameters and answers with a charge.
func serveEcho(cmd *cobra.Command) error {
	cfg, err := configOf(cmd)
	if err != nil {
		return err
	}
	if err := cfg.complete(); err != nil {
		return err
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), telemetry.LogConfig{Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	app, err := newApp(cmd.Context(), cfg, log)
	if err != nil {
		return err
	}
	app.server.Mount(rest.Route{Method: http.MethodPost, Path: bench.EchoPath, Resource: "charges", Returns: wire.Charge{}, Handler: app.server.Read(echoed)})
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return errors.Join(inWords(cfg.Addr, err), app.Close())
	}
	group := run.NewGroup(cmd.Context())
	group.Go("keys", app.auth.Run)
	group.Go("api", func(ctx context.Context) error { return app.serve(ctx, listener) })
	return errors.Join(group.Wait(), app.Close())
}

func echoed(_ context.Context, r *rest.Request) (any, error) {
	var p payment.ChargeParams
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	now := time.Now()
	return payment.ChargeWire(&payment.Charge{
		ID: id.New("ch"), Platform: r.Scope.Platform, Account: r.Scope.Account, Amount: *p.Amount, Currency: money.Currency(p.Currency),
		Status: payment.ChargeSucceeded, Capture: true, Captured: true, AmountCaptured: *p.Amount,
		Method:             payment.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: now.Year() + 3, Country: "US", Funding: "credit", SourceID: id.New("card")},
		Terms:              split.Terms{ApplicationFee: p.ApplicationFeeAmount, TransferData: &split.TransferData{Destination: p.TransferData.Destination}},
		BalanceTransaction: id.New("txn"), Transfer: id.New("tr"), ApplicationFee: id.New("fee"), CreatedAt: now,
	}), nil
}

// start starts one and returns when it answers. Settings of the environment hold,
// such as SLUICE_LOG_LEVEL, except those that say where it lives.
func (s *servers) start(ctx context.Context, setup bench.Setup, command ...string) (one *server, err error) {
	one = &server{ended: make(chan struct{})}
	for _, addr := range []*string{&one.addr, &one.metrics} {
		if *addr, err = freeAddr(ctx, "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// PostgreSQL takes a hundred connections, and a process opens some beside its pool.
	conns := min(connections, 80/setup.Processes-simConns)
	one.cmd = exec.Command(self, command...)
	one.cmd.Env = append(kept(os.Environ()), "SLUICE_ADDR="+one.addr, "SLUICE_METRICS_ADDR="+one.metrics, "SLUICE_LOG_FORMAT=text",
		"SLUICE_DATABASE_URL="+s.cfg.DatabaseURL.Reveal(), "SLUICE_KAFKA_BROKERS="+strings.Join(s.cfg.Kafka.Brokers, ","),
		"SLUICE_KEY_MASTER="+s.state.KeyMaster, "SLUICE_SEAL_MASTERS="+s.state.SealMaster)
	if setup.Profile != "" && len(s.running) == 0 {
		one.cmd.Env = append(one.cmd.Env, profileEnv+"="+setup.Profile)
	}
	if setup.OneByOne {
		one.cmd.Env = append(one.cmd.Env, oneByOneEnv+"=1")
	}
	for name, value := range map[string]string{"SLUICE_DATABASE_CONNS": strconv.Itoa(conns), "SLUICE_LOG_LEVEL": "warn"} {
		if os.Getenv(name) == "" {
			one.cmd.Env = append(one.cmd.Env, name+"="+value)
		}
	}
	one.cmd.Stdout, one.cmd.Stderr = s.progress, s.progress
	if err := one.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s.running = append(s.running, one)
	go func() {
		_ = one.cmd.Wait() // it says itself what was wrong
		close(one.ended)
	}()
	return one, one.ready(ctx, secret.New(s.state.SecretKey))
}

// ready returns when the server answers a request with the key.
func (one *server) ready(ctx context.Context, key secret.Text) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := client.New(baseURL(one.addr), key, 1)
	defer c.Close()
	for {
		var self struct{ ID string }
		err := c.Get(ctx, "/v1/account", url.Values{}, &self)
		if err == nil {
			return nil
		}
		if !errors.Is(err, client.ErrUnreachable) {
			return fmt.Errorf("ask the server who we are: %w", err)
		}
		select {
		case <-one.ended:
			return errors.New("the server ended by itself; it has said why")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// halt ends the servers as an operator would.
func (s *servers) halt() {
	for _, one := range s.running {
		_ = one.cmd.Process.Signal(syscall.SIGTERM) // or it has gone
	}
	for _, one := range s.running {
		select {
		case <-one.ended:
		case <-time.After(15 * time.Second):
			_ = one.cmd.Process.Kill()
			<-one.ended
		}
	}
	s.running = nil
}

// kept is the environment without what would lead a private server elsewhere.
func kept(environ []string) (env []string) {
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "SLUICE_CONFIG", "SLUICE_LOG_FORMAT", "SLUICE_ADDR", "SLUICE_METRICS_ADDR", "SLUICE_BASE_URL", "SLUICE_API_KEY", "SLUICE_DATABASE_URL", "SLUICE_KAFKA_BROKERS",
			"SLUICE_KEY_MASTER", "SLUICE_SEAL_MASTERS":
		default:
			env = append(env, pair)
		}
	}
	return env
}

// oneByOneEnv is a hook of the bench, as crashEnv is one of tests: a server with it
// commits every payment in transactions of its own.
const oneByOneEnv = "SLUICE_ONE_BY_ONE"

// oneByOne commits each step of each payment in a transaction of its own, as many at
// a time as are under way in a program that opens one for each request.
var oneByOne = db.CommitterConfig{Writers: 16, MaxItems: 1}

// profileEnv is another: where a server writes a CPU profile of its whole life.
const profileEnv = "SLUICE_CPU_PROFILE"

// profiled starts the profile that the environment asks for, if it does.
func profiled() (stop func() error, err error) {
	path := os.Getenv(profileEnv)
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
