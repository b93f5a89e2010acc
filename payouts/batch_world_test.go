package payouts_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
)

// fates are what the clerk does, by the last digits of an account number.
var fates = map[string]string{"1113": "account_closed", "2227": "insufficient_funds", "5558": "returned"}

// courier is a folder on whose way things go wrong.
type courier struct {
	delivery.Folder
	mu    sync.Mutex
	fault string // of the next delivery: "lost", "silent", "refused" or "twice"
	blind bool   // look-ups say unknown
	told  map[string]int
}

func (c *courier) Deliver(ctx context.Context, name string, write func(io.Writer) error) rail.Receipt {
	c.mu.Lock()
	fault := c.fault
	c.fault = ""
	c.told[name]++
	c.mu.Unlock()
	switch fault {
	case "lost":
		return rail.Receipt{State: rail.Unknown, Err: errors.New("no answer")}
	case "refused":
		return rail.Receipt{State: rail.Failed, Err: errors.New("the disk is full")}
	case "twice":
		if got := c.Folder.Deliver(ctx, "copy-of-"+name, write); got.State != rail.Accepted {
			return got
		}
	}
	got := c.Folder.Deliver(ctx, name, write)
	if fault == "silent" {
		return rail.Receipt{State: rail.Unknown, Err: errors.New("no answer")}
	}
	return got
}

func (c *courier) Find(ctx context.Context, name string) rail.Receipt {
	if c.blind {
		return rail.Receipt{State: rail.Unknown, Err: errors.New("no answer")}
	}
	return c.Folder.Find(ctx, name)
}

// filedWorld is a world whose bank takes files.
type filedWorld struct {
	*world
	clerk   *railtest.Clerk
	courier *courier
	way     rail.File
	extra   rail.Set // rails before that one
	ring    *secret.Keyring
	on      map[string]func() // what happens after a step
	odd     []payouts.Unmatched
}

func openFiled(t *testing.T, change ...func(*filedWorld)) *filedWorld {
	out, in := t.TempDir(), t.TempDir()
	ring, err := secret.NewKeyring(secret.Master{ID: "m1", Key: []byte("a master key of thirty-two bytes")})
	if err != nil {
		t.Fatal(err)
	}
	w := &filedWorld{
		world: open(t), ring: ring, on: map[string]func(){},
		clerk:   &railtest.Clerk{Counter: out, Tray: in, Keeps: true, Fates: fates},
		courier: &courier{Folder: delivery.Folder{Out: out, In: in, Keeps: true}, told: map[string]int{}},
	}
	w.way = rail.File{
		Way:       rail.Capabilities{Name: "paper"},
		Agreement: rail.Terms{Debtor: rail.Debtor{Name: "TutorHub HK", Number: secret.New("024388001234")}},
		Format:    railtest.Paper{}, Delivery: w.courier,
	}
	for _, c := range change {
		c(w)
	}
	w.restart()
	return w
}

// restart is a new process on the same database.
func (w *filedWorld) restart() {
	w.service = payouts.New(w.pool, payouts.Config{
		Book: w.book, Clocks: clock.Modes{Live: w.clock, Test: w.clock}, Accounts: w.people, Keyring: w.ring, Reader: w.read,
		Rails: rail.Modes{Test: append(append(rail.Set{}, w.extra...), w.way)},
		After: func(step string) {
			if do := w.on[step]; do != nil {
				delete(w.on, step)
				do()
			}
			if step == w.crash {
				w.crash = ""
				panic("crashed after " + step)
			}
		},
	})
	w.intake = payouts.NewIntake(w.service)
}

// read applies a file of the bank, as the importer of statements does.
func (w *filedWorld) read(ctx context.Context, livemode bool, name, _ string, file io.Reader) error {
	reports, err := railtest.ReadAnswer(file)
	if err != nil {
		return err
	}
	applied, err := w.service.Apply(ctx, livemode, name, reports, w.clock.Now())
	w.odd = append(w.odd, applied.Unmatched...)
	return err
}

func (w *filedWorld) collect() {
	w.Helper()
	defer func() {
		if died := recover(); died != nil {
			w.Log(died)
		}
	}()
	if _, err := w.service.Collect(w.Context(), false); err != nil {
		w.Error(err)
	}
}

// work lets the bank live until now and brings its answers home.
func (w *filedWorld) work() {
	w.Helper()
	if err := w.clerk.Work(w.clock.Now()); err != nil {
		w.Fatal(err)
	}
	w.collect()
}

// send runs the sender once.
func (w *filedWorld) send() {
	w.Helper()
	w.job(w.service.Send)
}

// due makes a payout of an account that can go at once.
func (w *filedWorld) due(account string, amount int64) *payouts.Payout {
	w.Helper()
	p := w.mustCreate(account, amount)
	w.in(func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw("UPDATE payouts.payouts SET send_after = ? WHERE id = ?", w.clock.Now(), p.ID).Exec(ctx)
		return err
	})
	return p
}

// tutor is an account with money and a bank account.
func (w *filedWorld) tutor(account, number string, amount int64) {
	w.Helper()
	w.pays(account, payouts.Manual, "hkd", number)
	w.earn(account, amount, "hkd", 0)
}

// batches lists the platform's files, oldest first.
func (w *filedWorld) batches() []*payouts.Batch {
	w.Helper()
	limit := int64(100)
	found, err := w.service.Batches(w.Context(), scopeOf(hub), payouts.BatchListParams{Params: page.Params{Limit: &limit}})
	if err != nil {
		w.Fatal(err)
	}
	var oldest []*payouts.Batch
	for _, b := range found.Items {
		oldest = append([]*payouts.Batch{b}, oldest...)
	}
	return oldest
}

func (w *filedWorld) onlyBatch() *payouts.Batch {
	w.Helper()
	all := w.batches()
	if len(all) != 1 {
		w.Fatalf("%d batches, want one", len(all))
	}
	return all[0]
}

func (w *filedWorld) expectBatch(want payouts.BatchStatus) {
	w.Helper()
	if got := w.onlyBatch(); got.Status != want {
		w.Errorf("the batch is %s, want %s", got.Status, want)
	}
}

// expectUploads compares the attempts of the only batch, oldest first.
func (w *filedWorld) expectUploads(want ...string) {
	w.Helper()
	_, uploads, err := w.service.Batch(w.Context(), w.pool, scopeOf(hub), w.onlyBatch().ID)
	if err != nil {
		w.Fatal(err)
	}
	var got []string
	for _, u := range uploads {
		got = append([]string{strings.TrimSpace(string(u.Outcome) + " " + u.FoundBy)}, got...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("the uploads differ (-want +got):\n%s", diff)
	}
}

func (w *filedWorld) resolve(actor, outcome string) error {
	return db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := w.service.Resolve(ctx, tx, scopeOf(hub), w.onlyBatch().ID, actor, payouts.ResolveParams{Outcome: outcome})
		return err
	})
}

func (w *filedWorld) mustApply(reports ...rail.Report) payouts.Applied {
	w.Helper()
	applied, err := w.service.Apply(w.Context(), false, "paper", reports, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return applied
}

// dropped are the names of the files on the counter.
func (w *filedWorld) dropped() (names []string) {
	w.Helper()
	entries, err := os.ReadDir(w.courier.Out)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (w *filedWorld) file(name string) string {
	w.Helper()
	raw, err := os.ReadFile(filepath.Join(w.courier.Out, name))
	if err != nil {
		w.Fatal(err)
	}
	return string(raw)
}

// act runs a use case of the service in a transaction.
func act[T any](w *world, do func(ctx context.Context, tx bun.Tx) (T, error)) (made T, err error) {
	err = db.InTx(w.Context(), w.pool, func(ctx context.Context, tx bun.Tx) error {
		made, err = do(ctx, tx)
		return err
	})
	return made, err
}

func hkd(minor int64) money.Amount { return money.New(minor, "hkd") }

func (w *filedWorld) resolveOne(batch, actor, outcome string) {
	_, _ = act(w.world, func(ctx context.Context, tx bun.Tx) (*payouts.Batch, error) {
		return w.service.Resolve(ctx, tx, scopeOf(hub), batch, actor, payouts.ResolveParams{Outcome: outcome})
	})
}
