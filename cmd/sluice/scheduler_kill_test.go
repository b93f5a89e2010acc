package main

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	bookings "github.com/sluicepay/sluice/ledger/journal"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
)

// scheduler is a process of `sluice serve --roles=payouts`.
type scheduler struct {
	cmd   *exec.Cmd
	out   bytes.Buffer // whole once ended
	ended chan struct{}
}

// startScheduler runs the program on the App's database and broker.
func startScheduler(t *testing.T, app *App) *scheduler {
	t.Helper()
	s := &scheduler{cmd: exec.Command(os.Args[0], "serve"), ended: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), asProgram+"=1", "SLUICE_ROLES=payouts", "SLUICE_LOG_LEVEL=error", "SLUICE_DATABASE_CONNS=6",
		"SLUICE_DATABASE_URL="+app.cfg.DatabaseURL.Reveal(), "SLUICE_KAFKA_BROKERS="+app.cfg.Kafka.Brokers[0],
		"SLUICE_KEY_MASTER="+app.cfg.KeyMaster.Reveal(), "SLUICE_SEAL_MASTERS="+app.cfg.SealMasters[0].Reveal())
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return s
}

// kill ends it as a power cut would, and waits until it is gone.
func (s *scheduler) kill(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
		t.Errorf("a scheduler ended by itself:\n%s", &s.out)
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.ended
}

// Schedulers of the program itself, each a process, are fed by Kafka and the calendar
// and killed at random until everybody is paid. They hold a lease, so that one of them
// works at a time; here it is taken away from them at random too, as a machine that
// stands still loses it, and several believe that it is theirs.
//
// SLUICE_SCHEDULER_ACCOUNTS and SLUICE_SCHEDULERS say how many there are; with 10000 and
// 10 it is the whole test. SLUICE_SCHEDULER_SEED repeats a run's dice.
func TestSchedulersOfManyProcessesKilledAtRandomPayEachAccountOnce(t *testing.T) {
	t.Parallel()
	n, processes := number(t, "SLUICE_SCHEDULER_ACCOUNTS", 200), number(t, "SLUICE_SCHEDULERS", 3)
	seed := number(t, "SLUICE_SCHEDULER_SEED", uint64(time.Now().UnixNano()))
	t.Logf("SLUICE_SCHEDULER_SEED=%d SLUICE_SCHEDULER_ACCOUNTS=%d SLUICE_SCHEDULERS=%d", seed, n, processes)
	dice := rand.New(rand.NewPCG(seed, 1))

	app := newApplication(t, Roles{RoleRelay}, slog.LevelWarn)
	running, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- app.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	b := bulk{t: t, app: app}
	b.in(func(ctx context.Context, tx bun.Tx) error {
		a, err := app.accounts.CreatePlatform(ctx, tx, time.Now(), connect.PlatformParams{Country: "HK", Name: "TutorHub HK"})
		b.platform = a.ID
		return err
	})
	owed := b.lessons(dice, b.accounts(n, "daily", "000123456", false))
	if _, err := app.world.Advance(t.Context(), 2*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if purses, err := app.mature(t.Context(), false); err != nil || purses != n {
		t.Fatalf("%d purses are available: %v", purses, err)
	}

	fleet := make([]*scheduler, processes)
	for i := range fleet {
		fleet[i] = startScheduler(t, app)
	}
	t.Cleanup(func() {
		for _, s := range fleet {
			s.kill(t)
		}
	})
	began, progress, kills, taken, idle, life := time.Now(), 0, 0, 0, time.Now(), 100*time.Millisecond
	for b.progress().Paid < n {
		<-time.After(time.Duration(dice.Int64N(int64(life))))
		if dice.IntN(3) == 0 {
			i := dice.IntN(processes)
			fleet[i].kill(t)
			fleet[i] = startScheduler(t, app)
			kills++
		} else {
			taken += b.takeLease()
		}
		// Where nothing moves on, nobody lives long enough, or the bank's day has come to its end.
		switch now := b.progress().Steps; {
		case now > progress:
			progress, idle, life = now, time.Now(), max(100*time.Millisecond, life*3/4)
		case time.Since(idle) > 2*time.Second+2*life:
			if _, err := app.world.Advance(t.Context(), 12*time.Hour); err != nil {
				t.Fatal(err)
			}
			idle, life = time.Now(), min(10*time.Second, 2*life)
		}
		if time.Since(began) > 14*time.Minute || t.Failed() {
			t.Fatalf("after %s: %+v", time.Since(began).Round(time.Second), b.progress())
		}
	}
	t.Logf("%d processes paid %d accounts in %s; %d were killed, and %d times the lease was taken from its holder",
		processes, n, time.Since(began).Round(time.Second/10), kills, taken)
	b.expectPaidOnce(n, owed)
}

// lessons books one or more lessons for each account, due tomorrow, and says what they net.
func (b bulk) lessons(dice *rand.Rand, accounts []string) (net int64) {
	b.t.Helper()
	var entries []ledger.Entry
	for _, account := range accounts {
		for range 1 + dice.IntN(3) {
			amount, fee := 10_000+dice.Int64N(90_000), 200+dice.Int64N(2000)
			net += amount - fee
			entries = append(entries, bookings.ChargeSucceeded(bookings.Charge{
				ID: id.New("ch"), Owner: account, Platform: b.platform, Amount: money.New(amount, "hkd"), ProcessingFee: fee,
				At: b.now(), MaturesOn: b.now().AddDate(0, 0, 1), Direct: &bookings.Direct{},
			}, func() string { return id.New("txn") }))
		}
	}
	b.post(entries)
	return net
}

// takeLease makes the payouts job look abandoned, and due. It returns 1 if somebody held it.
func (b bulk) takeLease() int {
	b.t.Helper()
	res, err := b.app.pool.ExecContext(b.t.Context(), `WITH held AS (SELECT name FROM platform.leases WHERE name = 'payouts' AND expires_at > clock_timestamp())
		UPDATE platform.leases l SET expires_at = clock_timestamp(), due_at = clock_timestamp() FROM held WHERE l.name = held.name`)
	if err != nil {
		b.t.Fatal(err)
	}
	held, err := res.RowsAffected()
	if err != nil {
		b.t.Fatal(err)
	}
	return int(held)
}

// progress is how far payouts are: those that are paid, and all steps that all have made.
func (b bulk) progress() (p struct{ Made, Sent, Paid, Steps int }) {
	b.t.Helper()
	err := b.app.pool.NewRaw(`SELECT count(*) AS made, count(handed_over_at) AS sent, count(*) FILTER (WHERE status = 'paid') AS paid,
		count(*) + count(handed_over_at) + count(*) FILTER (WHERE status = 'paid') AS steps FROM payouts.payouts`).Scan(b.t.Context(), &p)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// expectPaidOnce holds payouts, lines, the bank's own book and the ledger against one another.
func (b bulk) expectPaidOnce(accounts int, owed int64) {
	b.t.Helper()
	ask := func(question string) (answer int64) {
		b.t.Helper()
		if err := b.app.pool.NewRaw(question).Scan(b.t.Context(), &answer); err != nil {
			b.t.Fatal(err)
		}
		return answer
	}
	for fact, c := range map[string]struct {
		want int64
		ask  string
	}{
		"payouts":              {int64(accounts), `SELECT count(*) FROM payouts.payouts`},
		"accounts with one":    {int64(accounts), `SELECT count(*) FROM (SELECT FROM payouts.payouts GROUP BY account HAVING count(*) = 1) AS once`},
		"sum of payouts":       {owed, `SELECT sum(amount)::bigint FROM payouts.payouts WHERE status = 'paid' AND automatic`},
		"sum of lines in them": {owed, `SELECT sum(net)::bigint FROM ledger.payout_lines WHERE type <> 'payout'`},
		"lines in none":        {0, `SELECT count(*) FROM ledger.statement_lines WHERE payout IS NULL`},
		"payouts that are not their lines": {0, `SELECT count(*) FROM (SELECT FROM payouts.payouts p
			JOIN ledger.payout_lines t ON t.payout = p.id AND t.type <> 'payout' GROUP BY p.id, p.amount HAVING sum(t.net) <> p.amount) AS uneven`},
		"debits at the bank": {int64(accounts), `SELECT count(*) FROM banksim.movements`},
		"payouts the bank has debited once and whole": {int64(accounts), `SELECT count(*) FROM payouts.payouts p
			JOIN banksim.movements m ON m.reference = p.id AND m.kind = 'debit' AND m.amount = p.amount`},
		"sum of the books": {0, `SELECT sum(credits - debits)::bigint FROM ledger.accounts`},
	} {
		if got := ask(c.ask); got != c.want {
			b.t.Errorf("%s: %d, want %d", fact, got, c.want)
		}
	}
	// That lines stay in their payout is the database's own rule: one line cannot go.
	_, err := b.app.pool.ExecContext(b.t.Context(), `UPDATE ledger.balance_transactions SET payout = ''
		WHERE id = (SELECT id FROM ledger.payout_lines WHERE type <> 'payout' LIMIT 1)`)
	if db.Constraint(err) != "balance_transactions_in_one_payout" {
		b.t.Errorf("a line was taken out of its payout: %v", err)
	}
	report, err := audit.Verify(b.t.Context(), b.app.pool, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, finding := range report.Findings {
		b.t.Error(finding)
	}
}
