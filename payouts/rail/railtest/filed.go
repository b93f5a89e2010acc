package railtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// FiledSubject is a rail that takes files, with the bank behind it.
type FiledSubject struct {
	Rail     rail.Filed
	Pool     *bun.DB // any database, to stand inside a transaction
	Now      time.Time
	Currency money.Currency // of the instructions
	Good     rail.Creditor
	// Bad are creditors that fail with the code.
	Bad map[string]rail.Creditor
	// Misfit is a creditor whom the file cannot carry; nil if the format carries all.
	Misfit *rail.Creditor
	// Work lets the bank live until a time: it takes what was delivered, carries out
	// what is due, and puts its answers down.
	Work func(at time.Time)
	// Read reads an answer.
	Read func(name string, file io.Reader) ([]rail.Report, error)
	// Debits is how often the bank paid for an instruction.
	Debits func(reference, trace string) int
	// Lose makes the next delivery lose its answer, with or without the file; nil if
	// that cannot be arranged.
	Lose func(arrives bool)
	// Copies delivers a file under another name, as a person would who uploads it by
	// hand; nil if that cannot be arranged.
	Copies func(name string, file []byte)
}

// RunFiled tests the rail that open makes, anew for each test.
func RunFiled(t *testing.T, open func(t *testing.T) FiledSubject) {
	for _, c := range []struct {
		name string
		test func(*filedTest)
	}{
		{"an instruction is paid on its day, not before", (*filedTest).paidOnItsDay},
		{"a batch gives the same bytes and the same name each time", (*filedTest).sameBytes},
		{"a file is paid once, however often it is delivered", (*filedTest).paidOnce},
		{"a file is paid once, delivered at the same moment", (*filedTest).paidOnceConcurrently},
		{"a file that comes again under another name is refused", (*filedTest).duplicate},
		{"other bytes under one name are refused", (*filedTest).otherBytes},
		{"a file that fails half-way is not there", (*filedTest).halfWay},
		{"what was never delivered is not found", (*filedTest).absent},
		{"failures carry codes a payout can show", (*filedTest).failures},
		{"what fails does not touch its neighbours", (*filedTest).partial},
		{"what the file cannot carry is refused before", (*filedTest).misfit},
		{"a lost answer is unknown and a look-up finds the truth", (*filedTest).silence},
		{"an answer is offered until it is taken", (*filedTest).offered},
		{"no call inside a transaction", (*filedTest).notInside},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&filedTest{T: t, FiledSubject: open(t)}) })
	}
}

// filedTest is a subject under test, with the bank's answers so far.
type filedTest struct {
	*testing.T
	FiledSubject
	number  int64
	reports []rail.Report
}

// batch is a sealed batch that pays each of them 70.00, from 1.00 upwards apart.
func (f *filedTest) batch(to ...rail.Creditor) (rail.Batch, []rail.Instruction) {
	f.number++
	b := rail.Batch{
		ID: id.New("bat"), Number: f.number, CreatedAt: f.Now, ExecuteOn: f.Now.Add(day).Truncate(day), Currency: f.Currency,
		Debtor: f.Rail.Terms().Debtor, Count: len(to),
	}
	if b.Debtor.Number.IsZero() {
		b.Debtor.Number = secret.New("012345678")
	}
	var all []rail.Instruction
	for n, creditor := range to {
		i := rail.Instruction{
			Reference: id.New("po"), Amount: money.New(int64(7000+100*n), f.Currency), Creditor: creditor, Statement: "LESSONS",
			ExecuteOn: b.ExecuteOn, At: f.Now,
		}
		if err := f.Rail.Check(i); err != nil {
			f.Fatalf("the file cannot carry %+v: %v", creditor, err)
		}
		all = append(all, i)
		b.Total += i.Amount.Minor
	}
	b.Instructions = seq(all)
	return b, all
}

func seq(all []rail.Instruction) iter.Seq2[rail.Instruction, error] {
	return func(yield func(rail.Instruction, error) bool) {
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (f *filedTest) bytes(b rail.Batch) []byte {
	f.Helper()
	var file bytes.Buffer
	if err := f.Rail.Write(&file, b); err != nil {
		f.Fatal(err)
	}
	return file.Bytes()
}

func (f *filedTest) deliver(b rail.Batch) rail.Receipt {
	return f.Rail.Deliver(f.Context(), f.Rail.FileName(b), func(w io.Writer) error { return f.Rail.Write(w, b) })
}

func (f *filedTest) mustBe(want rail.State, got rail.Receipt) {
	f.Helper()
	if got.State != want {
		f.Fatalf("the receipt says %s (%v), want %s", got.State, got.Err, want)
	}
}

// work lets the bank live and reads what it answers.
func (f *filedTest) work(at time.Time) {
	f.Helper()
	f.Work(at)
	answers, err := f.Rail.Collect(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range answers {
		f.read(a)
		if err := a.Taken(f.Context()); err != nil {
			f.Fatal(err)
		}
	}
}

func (f *filedTest) read(a rail.Answer) {
	f.Helper()
	file, err := a.Open(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	reports, err := f.Read(a.Name, file)
	if err = errors.Join(err, file.Close()); err != nil {
		f.Fatalf("read %s: %v", a.Name, err)
	}
	f.reports = append(f.reports, reports...)
}

// of is the last that the bank has said about the n-th instruction of a batch.
func (f *filedTest) of(b rail.Batch, n int, i rail.Instruction) (last rail.Report) {
	trace := f.Rail.Trace(b, n)
	for _, r := range f.reports {
		if r.Reference == i.Reference || r.Reference == "" && r.Trace != "" && r.Trace == trace {
			last = r
		}
	}
	if last.State == rail.Unknown { // nothing by itself: what holds for the whole batch
		for _, r := range f.reports {
			if r.Batch == b.ID && !rail.Duplicate(r.Reason) {
				last = r
			}
		}
	}
	return last
}

func (f *filedTest) mustSay(want rail.State, b rail.Batch, n int, i rail.Instruction) {
	f.Helper()
	if got := f.of(b, n, i); got.State != want {
		f.Errorf("the bank says %s %s %s, want %s", got.State, got.Code, got.Reason, want)
	}
}

func (f *filedTest) mustDebit(want int, b rail.Batch, n int, i rail.Instruction) {
	f.Helper()
	if got := f.Debits(i.Reference, f.Rail.Trace(b, n)); got != want {
		f.Errorf("the bank paid %d times, want %d", got, want)
	}
}

func (f *filedTest) mustBePaidOnce(b rail.Batch, all []rail.Instruction) {
	f.Helper()
	f.work(b.ExecuteOn.Add(day))
	f.work(b.ExecuteOn.Add(day + time.Hour))
	for n, i := range all {
		f.mustSay(rail.Paid, b, n, i)
		f.mustDebit(1, b, n, i)
	}
}

func (f *filedTest) paidOnItsDay() {
	b, all := f.batch(f.Good)
	f.mustBe(rail.Accepted, f.deliver(b))
	f.work(b.ExecuteOn.Add(-time.Second))
	f.mustDebit(0, b, 0, all[0])
	f.mustBePaidOnce(b, all)
	if got := f.of(b, 0, all[0]); !got.Amount.IsZero() && got.Amount != all[0].Amount {
		f.Errorf("the bank paid %s, want %s", got.Amount, all[0].Amount)
	}
}

func (f *filedTest) sameBytes() {
	b, _ := f.batch(f.Good, f.Good)
	first, name := f.bytes(b), f.Rail.FileName(b)
	if again := f.bytes(b); !bytes.Equal(first, again) || f.Rail.FileName(b) != name {
		f.Error("the same batch gives another file")
	}
	other, _ := f.batch(f.Good)
	if f.Rail.FileName(other) == name {
		f.Errorf("two batches have the name %s", name)
	}
	if bytes.Contains([]byte(name), []byte("/")) {
		f.Errorf("%s is a path", name)
	}
}

func (f *filedTest) paidOnce() {
	b, all := f.batch(f.Good, f.Good)
	f.mustBe(rail.Accepted, f.deliver(b))
	f.mustBe(rail.Accepted, f.deliver(b))
	f.work(f.Now)
	f.deliver(b) // if the bank has taken the first one away, this is a second file
	f.mustBePaidOnce(b, all)
}

func (f *filedTest) paidOnceConcurrently() {
	b, all := f.batch(f.Good)
	var told sync.WaitGroup
	for range 4 {
		told.Go(func() { f.deliver(b) })
	}
	told.Wait()
	f.mustBePaidOnce(b, all)
}

func (f *filedTest) duplicate() {
	if f.Copies == nil {
		return
	}
	b, all := f.batch(f.Good)
	f.mustBe(rail.Accepted, f.deliver(b))
	f.work(f.Now)
	f.Copies("again-"+f.Rail.FileName(b), f.bytes(b))
	f.mustBePaidOnce(b, all)
	if !slices.ContainsFunc(f.reports, func(r rail.Report) bool { return r.State == rail.Failed && rail.Duplicate(r.Reason) }) {
		f.Errorf("the bank does not say that it has had the file: %+v", f.reports)
	}
}

func (f *filedTest) otherBytes() {
	b, all := f.batch(f.Good)
	f.mustBe(rail.Accepted, f.deliver(b))
	got := f.Rail.Deliver(f.Context(), f.Rail.FileName(b), func(w io.Writer) error {
		_, err := io.WriteString(w, "something else")
		return err
	})
	if got.State == rail.Accepted {
		f.Error("a file was replaced by another")
	}
	f.mustBePaidOnce(b, all)
}

func (f *filedTest) halfWay() {
	b, all := f.batch(f.Good)
	broken := errors.New("broken")
	got := f.Rail.Deliver(f.Context(), f.Rail.FileName(b), func(w io.Writer) error {
		_, _ = w.Write(f.bytes(b)[:1])
		return broken
	})
	f.mustBe(rail.Failed, got)
	if !errors.Is(got.Err, broken) {
		f.Errorf("the receipt hides why: %v", got.Err)
	}
	f.work(b.ExecuteOn.Add(day))
	f.mustDebit(0, b, 0, all[0])
}

func (f *filedTest) absent() {
	b, _ := f.batch(f.Good)
	if got := f.Rail.Find(f.Context(), f.Rail.FileName(b)); got.State != rail.Absent && got.State != rail.Unknown {
		f.Errorf("a file that never was is %s", got.State)
	}
}

func (f *filedTest) failures() {
	for code, creditor := range f.Bad {
		b, all := f.batch(creditor)
		f.mustBe(rail.Accepted, f.deliver(b))
		f.work(b.ExecuteOn.Add(day))
		if got := f.of(b, 0, all[0]); got.State != rail.Failed || got.Code != code {
			f.Errorf("%s: the bank says %s %s", code, got.State, got.Code)
		}
		if rail.Codes[code] == "" {
			f.Errorf("%q is not a code of rail.Codes", code)
		}
		f.mustDebit(0, b, 0, all[0])
	}
}

func (f *filedTest) partial() {
	for code, creditor := range f.Bad {
		b, all := f.batch(f.Good, creditor, f.Good)
		f.mustBe(rail.Accepted, f.deliver(b))
		f.work(b.ExecuteOn.Add(day))
		f.mustSay(rail.Paid, b, 0, all[0])
		f.mustSay(rail.Failed, b, 1, all[1])
		f.mustSay(rail.Paid, b, 2, all[2])
		if got := f.of(b, 1, all[1]); got.Code != code {
			f.Errorf("the bank says %s, want %s", got.Code, code)
		}
		return
	}
}

func (f *filedTest) misfit() {
	if f.Misfit == nil {
		return
	}
	err := f.Rail.Check(rail.Instruction{
		Reference: id.New("po"), Amount: money.New(7000, f.Currency), Creditor: *f.Misfit, Statement: "LESSONS", ExecuteOn: f.Now.Add(day), At: f.Now,
	})
	if err == nil {
		f.Fatal("the file carries it")
	}
	if number := f.Misfit.Number.Reveal(); number != "" && bytes.Contains([]byte(err.Error()), []byte(number)) {
		f.Error("the refusal shows the account number")
	}
	if misfit := (*rail.Misfit)(nil); errors.As(err, &misfit) && misfit.Code != "" && rail.Codes[misfit.Code] == "" {
		f.Errorf("%q is not a code of rail.Codes", misfit.Code)
	}
}

func (f *filedTest) silence() {
	if f.Lose == nil {
		return
	}
	for _, arrives := range []bool{true, false} {
		b, all := f.batch(f.Good)
		f.Lose(arrives)
		f.mustBe(rail.Unknown, f.deliver(b))
		switch got := f.Rail.Find(f.Context(), f.Rail.FileName(b)); got.State {
		case rail.Accepted:
			if !arrives {
				f.Error("a file that was lost is there")
			}
		case rail.Absent:
			if arrives {
				f.Error("a file that is there is absent")
			}
			f.mustBe(rail.Accepted, f.deliver(b))
		default:
			f.Errorf("after a lost answer the file is %s", got.State)
		}
		f.mustBePaidOnce(b, all)
	}
}

func (f *filedTest) offered() {
	b, _ := f.batch(f.Good)
	f.mustBe(rail.Accepted, f.deliver(b))
	f.Work(b.ExecuteOn.Add(day))
	first, err := f.Rail.Collect(f.Context())
	if err != nil || len(first) == 0 {
		f.Fatalf("the bank offers %d answers, %v", len(first), err)
	}
	again, err := f.Rail.Collect(f.Context())
	if err != nil || len(again) != len(first) || again[0].Name != first[0].Name {
		f.Errorf("then it offers %d answers, %v", len(again), err)
	}
	for _, a := range again {
		if err := errors.Join(a.Taken(f.Context()), a.Taken(f.Context())); err != nil {
			f.Error(err)
		}
	}
	if left, err := f.Rail.Collect(f.Context()); err != nil || len(left) != 0 {
		f.Errorf("of those taken %d are offered again, %v", len(left), err)
	}
}

func (f *filedTest) notInside() {
	b, all := f.batch(f.Good)
	err := db.InTx(f.Context(), f.Pool, func(ctx context.Context, _ bun.Tx) error {
		if got := f.Rail.Deliver(ctx, f.Rail.FileName(b), func(w io.Writer) error { return f.Rail.Write(w, b) }); got.State == rail.Accepted {
			f.Error("a file was delivered")
		}
		if got := f.Rail.Find(ctx, f.Rail.FileName(b)); got.State != rail.Unknown {
			f.Errorf("a look-up says %s", got.State)
		}
		if _, err := f.Rail.Collect(ctx); err == nil {
			f.Error("answers were collected")
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	f.work(b.ExecuteOn.Add(day))
	f.mustDebit(0, b, 0, all[0])
}
