package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/connect/checkout"
	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/connect/file"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/connect/webhook"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/oauth"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/oauth/oauthhttp"
	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/oauth/throttle"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/payouts/report"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/relay"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/rest/auditlog"
	"github.com/sluicepay/sluice/platform/rest/requestlog"
	"github.com/sluicepay/sluice/platform/run"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/telemetry"
	"github.com/sluicepay/sluice/platform/ui"
)

// App is one process of Sluice: every room, built in reading order.
type App struct {
	cfg     Config
	log     *slog.Logger
	pool    *bun.DB
	simPool *bun.DB // the sandbox processor's own way to its own books
	bus     *bus.Bus
	metrics *telemetry.Metrics
	clocks  clock.Modes
	world   *run.WorldClock

	book      *ledger.Book
	idem      *idempotency.Store
	auth      *credential.Authenticator
	keys      *credential.Service
	throttle  *throttle.Throttle
	audit     *auditlog.Log
	auditSeal auditlog.Seal
	requests  *requestlog.Log
	mails     post
	people    *session.People
	provider  *oauth.Provider
	links     *onboarding.Links
	kit       *ui.Kit
	pages     []rest.Route // those of people in browsers
	desks     *credential.Desks
	desk      *dashboard.Desk
	files     *file.Files
	accounts  *connect.Accounts
	verify    *connect.Verification
	methods   *payment.Methods
	sandbox   *cardsim.Sim
	payments  *payment.Service
	checkout  *checkout.Service
	sweeper   *payment.Sweeper
	moves     *connect.TransferService
	fees      *connect.ApplicationFees
	hooks     *webhook.Endpoints
	replays   *webhook.Replays
	dispatch  *webhook.Dispatcher
	notify    *webhook.Subscriber
	listen    *webhook.Listeners
	payouts   *payouts.Service
	intake    *payouts.Intake
	books     *reconcile.Books
	reports   *report.Service
	relay     *relay.Relay
	inbox     *webhook.DevInbox
	index     http.Handler      // in development only,
	doors     *doors            // so are these,
	shop      *marketplace.Shop // and this
	server    *rest.Server

	holdersNoted [2]atomic.Int64 // the last UTC day of noteHolders, test and live
	kafkaTrouble atomic.Value    // what was last said of Kafka, a string
}

// newApp opens the pools and builds the rooms. It starts nothing. Migrations must be applied.
func newApp(ctx context.Context, cfg Config, log *slog.Logger) (*App, error) {
	pool, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL.Reveal(), Name: "sluice", MaxConns: cfg.DatabaseConns})
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log, pool: pool, metrics: telemetry.NewMetrics()}
	if err := a.build(ctx); err != nil {
		_ = a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) build(ctx context.Context) (err error) {
	if err := mustBeMigrated(ctx, a.pool); err != nil {
		return err
	}
	world := &clock.World{}
	a.clocks = clock.Modes{Live: clock.System{}, Test: world}
	a.world = run.NewWorldClock(a.pool, world)
	if err := a.world.Load(ctx); err != nil {
		return err
	}
	ring, err := a.cfg.Keyring()
	if err != nil {
		return err
	}
	a.book = ledger.NewBook()
	a.idem = idempotency.NewStore()
	for _, build := range []func(context.Context, *secret.Keyring) error{
		a.buildAccess, a.buildMarketplace, a.buildConnections, a.buildPages, a.buildDashboard, a.buildDevPages, a.buildPayouts, a.buildEvents,
	} {
		if err := build(ctx, ring); err != nil {
			return err
		}
	}
	fingerprints, err := a.cfg.Pepper("requests")
	if err != nil {
		return err
	}
	cfg := rest.Config{
		Pool: a.pool, Store: a.idem, Pepper: fingerprints, Accounts: a.accounts,
		Authenticator: oauthhttp.Authenticator{Keys: a.auth, Tokens: a.provider.Tokens(), Desks: a.desks},
		Loaders:       a.loaders(), Log: a.log, Observe: a.metrics.Served, Proxies: a.cfg.Proxies, ErrorPage: a.errorPage,
		Limits: a.cfg.Limits, Audit: a.audit,
	}
	if a.cfg.RequestRetention > 0 {
		dropped := a.metrics.Counter("platform", "request_logs_dropped", "Requests that the log of requests had no room for.").WithLabelValues()
		a.requests = requestlog.New(a.pool, requestlog.Config{Dropped: func(n int) { dropped.Add(float64(n)) }, Log: a.log})
		cfg.Requests = a.requests
	}
	a.server = rest.New(cfg)
	a.server.Mount(a.routes()...)
	return nil
}

// buildMarketplace is who is paid by whom, and how.
func (a *App) buildMarketplace(ctx context.Context, ring *secret.Keyring) error {
	pepper, err := a.cfg.Pepper("fingerprints")
	if err != nil {
		return err
	}
	a.methods = payment.NewMethods(a.pool, payment.MethodConfig{Clocks: a.clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper})
	a.files = file.New(a.pool, file.Config{Clocks: a.clocks, Keyring: ring})
	verifiers, err := a.cfg.verifiers()
	if err != nil {
		return err
	}
	a.accounts = connect.NewAccounts(a.pool, connect.Config{
		Clocks: a.clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper, Tokens: payment.NewTokens(a.methods), Balances: settledBalances{},
		Files: a.files, Verifiers: verifiers,
	})
	a.verify = connect.NewVerification(a.accounts, a.log)
	a.simPool, err = db.Open(ctx, db.Config{URL: a.cfg.DatabaseURL.Reveal(), Name: "sluice cardsim", MaxConns: simConns})
	if err != nil {
		return err
	}
	a.sandbox = cardsim.New(a.simPool, a.clocks.Test, cardsim.Config{ActionURL: a.cfg.BaseURL + actionPath, Batches: a.cfg.Batches})
	a.moves = &connect.TransferService{Book: a.book, Clocks: a.clocks, Accounts: a.accounts, Sources: payment.Sources{}, Freed: a.freed}
	a.fees = &connect.ApplicationFees{Book: a.book, Clocks: a.clocks}
	addresses := checkout.Addresses{BaseURL: a.cfg.origin()}
	if addresses.Pepper, err = a.cfg.Pepper("checkout"); err != nil {
		return err
	}
	a.payments = payment.New(payment.Config{
		Pool: a.pool, Book: a.book, Keys: a.idem, Clocks: a.clocks, Accounts: a.accounts, Methods: a.methods,
		Transfers: a.moves, Sandbox: a.sandbox, Receipt: addresses.Receipt, SendReceipt: a.mailReceipt, Log: a.log, Step: a.cfg.Step, Batches: a.cfg.Batches,
	})
	a.checkout = checkout.New(checkout.Config{
		Pool: a.pool, Clocks: a.clocks, Payments: a.payments, Tokens: payment.NewTokens(a.methods), Addresses: addresses, Log: a.log,
	})
	a.sweeper = &payment.Sweeper{Service: a.payments, Answer: answerOrphan}

	if a.cfg.Dev {
		a.inbox = webhook.NewInbox()
	}
	webhookKeys, err := a.cfg.Pepper("webhook_keys")
	if err != nil {
		return err
	}
	signer, policy := webhook.NewSigner(webhookKeys), a.cfg.egress()
	a.hooks = webhook.NewEndpoints(ring, signer, policy)
	a.replays = webhook.NewReplays(a.pool, clock.System{})
	a.dispatch = webhook.NewDispatcher(a.pool, ring, webhook.NewSender(policy, signer, nil), a.accounts, clock.System{},
		webhook.DispatcherConfig{Notifier: endpointAlarms{a.accounts, a.mails, a.log}, Observe: a.observeWebhooks()})
	a.listen = webhook.NewListeners(webhook.ListenersConfig{
		Pool: a.pool, Ring: ring, Accounts: a.accounts, Keys: liveKeys{a.pool, a.keys}, Clock: clock.System{},
	})
	a.notify = webhook.NewSubscriber(a.accounts, clock.System{}, a.dispatch)
	return nil
}

// simConns bounds the sandbox processor's own connections.
const simConns = 4

// buildPayouts is how money leaves.
func (a *App) buildPayouts(_ context.Context, ring *secret.Keyring) error {
	a.payouts = payouts.New(a.pool, payouts.Config{
		Book: a.book, Clocks: a.clocks, Accounts: payees{a.accounts}, Claims: a.moves, PlatformOf: owners{a.accounts}.PlatformOf,
		Keyring: ring, Log: a.log, CheckText: cardnumber.Refuse,
		Rails:  rail.Modes{Live: set(a.cfg.Rails.Live), Test: a.sandboxRails()},
		Reader: a.readBank,
	})
	a.intake = payouts.NewIntake(a.payouts)
	pepper, err := a.cfg.Pepper("bank_statements")
	if err != nil {
		return err
	}
	a.reports = report.New(a.pool, owners{a.accounts})
	a.books = reconcile.New(a.pool, reconcile.Config{
		Clocks: a.clocks, Keyring: ring, Pepper: pepper, Payouts: a.payouts, Profiles: a.cfg.BankProfiles, Readers: bankReaders, Log: a.log,
	})
	return nil
}

// buildEvents is how the rooms hear of one another.
func (a *App) buildEvents(context.Context, *secret.Keyring) (err error) {
	cfg := a.cfg.Kafka
	cfg.Log, cfg.Pool = a.log, a.pool
	if a.bus, err = bus.Open(cfg); err != nil {
		return err
	}
	a.relay = relay.New(a.pool, a.bus, relay.Config{Log: a.log})
	return nil
}

// Handler is the whole API, for callers inside the process.
func (a *App) Handler() http.Handler { return a.server }

// Run serves and works until ctx ends, then lets what is under way finish.
func (a *App) Run(ctx context.Context) error {
	group := run.NewGroup(ctx)
	group.Go("world clock", a.world.Run)
	if err := a.observe(group); err != nil {
		group.Stop()
		return errors.Join(fmt.Errorf("listen on %s: %w", a.cfg.MetricsAddr, err), group.Wait())
	}
	if a.cfg.Roles.Has(RoleAPI) {
		listener, err := net.Listen("tcp", a.cfg.Addr)
		if err != nil {
			group.Stop()
			return errors.Join(fmt.Errorf("listen on %s: %w", a.cfg.Addr, err), group.Wait())
		}
		group.Go("api", func(ctx context.Context) error { return a.serve(ctx, listener) })
		group.Go("keys", a.auth.Run)
		if a.requests != nil {
			group.Go("request log", a.requests.Run)
		}
		group.Go("access tokens", a.provider.Tokens().Run)
		group.Go("listeners", a.listen.Run)
		group.Go("open pages", a.desk.Run)
	}
	if a.cfg.Roles.Has(RoleAPI) || a.cfg.Roles.Has(RoleWebhooks) {
		group.Go("mail", a.mails.run)
	}
	if a.cfg.Roles.Has(RoleRelay) {
		group.Go("relay", a.runRelay)
	}
	a.subscribe(group)
	if a.cfg.Roles.Has(RoleWebhooks) {
		group.Go("webhooks", a.dispatch.Run)
	}
	for _, worker := range a.jobs() {
		group.Go("job", worker.Run)
	}
	if a.cfg.OnReady != nil && !a.cfg.Roles.Has(RoleAPI) {
		a.cfg.OnReady("")
	}
	return group.Wait()
}

// drain is how long requests may take to finish once the process stops.
const drain = 1500 * time.Millisecond

func (a *App) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: a.server, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if a.cfg.OnReady != nil {
		base := a.cfg.BaseURL
		if base == "" {
			base = "http://" + listener.Addr().String()
		}
		a.cfg.OnReady(base)
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close()
	}
	return nil
}

// runRelay makes sure of the topics, then carries events to them. A broker that
// is down delays both: the log keeps everything.
func (a *App) runRelay(ctx context.Context) error {
	if !a.awaitTopics(ctx) {
		return nil
	}
	return a.relay.Run(ctx)
}

// Close finishes queued work and lets go of everything.
func (a *App) Close() error {
	if a.payments != nil {
		a.payments.Close()
	}
	if a.sandbox != nil {
		a.sandbox.Close()
	}
	if a.bus != nil {
		_ = a.bus.Close()
	}
	if a.simPool != nil {
		_ = a.simPool.Close()
	}
	if a.requests != nil { // those that were answered while the process stopped
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = a.requests.Flush(ctx)
	}
	return a.pool.Close()
}

// mustBeMigrated refuses a database whose schema is older than this program.
func mustBeMigrated(ctx context.Context, pool *bun.DB) error {
	migrations, err := db.MigrationStatus(ctx, pool)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		if m.AppliedAt.IsZero() {
			return fmt.Errorf("migration %s is not applied: run `sluice migrate` first", m.Name)
		}
	}
	return nil
}
