package banksim_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// list is a format for the tests: as much of pain.001 or CSV as a bank reads.
type list struct{ version string } // "09", "03" or "csv"

func (l list) Check(rail.Instruction) error { return nil }
func (l list) FileName(b rail.Batch) string { return b.ID + ".txt" }
func (l list) Trace(rail.Batch, int) string { return "" }
func (l list) Write(w io.Writer, b rail.Batch) error {
	var all strings.Builder
	for i, err := range b.Instructions {
		if err != nil {
			return err
		}
		if l.version == "csv" {
			fmt.Fprintf(&all, "%s,%s,%s,%s,%s,%s\n", i.Reference, i.Amount.Decimal(), b.Currency, i.Creditor.Name, i.Creditor.Number.Reveal(), b.ExecuteOn.Format(time.DateOnly))
			continue
		}
		fmt.Fprintf(&all, `<CdtTrfTxInf><PmtId><EndToEndId>%s</EndToEndId></PmtId><Amt><InstdAmt Ccy="%s">%s</InstdAmt></Amt><Cdtr><Nm>%s</Nm></Cdtr><CdtrAcct><Id><Othr><Id>%s</Id></Othr></Id></CdtrAcct></CdtTrfTxInf>`,
			i.Reference, strings.ToUpper(string(b.Currency)), i.Amount.Decimal(), i.Creditor.Name, i.Creditor.Number.Reveal())
	}
	if l.version == "csv" {
		_, err := io.WriteString(w, "reference,amount,currency,name,account,date\n"+all.String())
		return err
	}
	on := b.ExecuteOn.Format(time.DateOnly)
	if l.version == "09" {
		on = "<Dt>" + on + "</Dt>"
	}
	_, err := fmt.Fprintf(w, `<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.%s"><CstmrCdtTrfInitn><GrpHdr><MsgId>%s</MsgId><NbOfTxs>%d</NbOfTxs><CtrlSum>%s</CtrlSum></GrpHdr><PmtInf><ReqdExctnDt>%s</ReqdExctnDt>%s</PmtInf></CstmrCdtTrfInitn></Document>`,
		l.version, b.ID, b.Count, money.New(b.Total, b.Currency).Decimal(), on, all.String())
	return err
}

// pain002 is as much of a status report as the tests need.
type pain002 struct {
	Message string `xml:"CstmrPmtStsRpt>OrgnlGrpInfAndSts>OrgnlMsgId"`
	Group   string `xml:"CstmrPmtStsRpt>OrgnlGrpInfAndSts>GrpSts"`
	Reason  string `xml:"CstmrPmtStsRpt>OrgnlGrpInfAndSts>StsRsnInf>Rsn>Cd"`
	Items   []struct {
		Trace     string `xml:"OrgnlInstrId"`
		Reference string `xml:"OrgnlEndToEndId"`
		State     string `xml:"TxSts"`
		Reason    string `xml:"StsRsnInf>Rsn>Cd"`
	} `xml:"CstmrPmtStsRpt>OrgnlPmtInfAndSts>TxInfAndSts"`
}

var isoStates = map[string]rail.State{"ACCP": rail.Accepted, "PART": rail.Accepted, "ACSC": rail.Paid, "RJCT": rail.Failed}

var isoCodes = map[string]string{"AC04": "account_closed", "AC03": "no_account", "AM04": "insufficient_funds", "AM03": "invalid_currency", "AG03": "debit_not_authorized"}

func answers(name string, r io.Reader) ([]rail.Report, error) {
	switch {
	case strings.HasSuffix(name, ".ach"):
		n, err := nacha.Read(r)
		return n.Reports, err
	case !strings.Contains(name, "pain002"):
		return nil, nil
	}
	var doc pain002
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, err
	}
	var all []rail.Report
	if doc.Group != "" {
		all = append(all, rail.Report{Batch: doc.Message, State: isoStates[doc.Group], Reason: doc.Reason})
	}
	for _, it := range doc.Items {
		all = append(all, rail.Report{Reference: it.Reference, Trace: it.Trace, State: isoStates[it.State], Reason: it.Reason, Code: isoCodes[it.Reason]})
	}
	return all, nil
}

func TestFileRailsConformOverTheSandboxBank(t *testing.T) {
	ach, err := nacha.New(nacha.Config{Destination: "110000000", Origin: "110000000"})
	if err != nil {
		t.Fatal(err)
	}
	us := func(number string) rail.Creditor {
		return rail.Creditor{Name: "May Wong", Country: "US", Routing: "110000000", Number: secret.New(number)}
	}
	wrong := us("000123456789")
	wrong.Routing = "110000001"
	for name, c := range map[string]struct {
		format   rail.Format
		currency money.Currency
		misfit   *rail.Creditor
	}{
		"pain.001.001.09": {list{"09"}, "eur", nil},
		"csv":             {list{"csv"}, "jpy", nil},
		"ach":             {ach, "usd", &wrong},
	} {
		t.Run(name, func(t *testing.T) {
			railtest.RunFiled(t, func(t *testing.T) railtest.FiledSubject {
				pool, now := dbtest.New(t), clock.NewFixed(noon)
				bank := banksim.New(pool)
				desk := bank.Desk(banksim.DeskConfig{Name: "test", Clock: now, Account: banksim.Account{Number: secret.New("012345678")}})
				way := nacha.Way()
				return railtest.FiledSubject{
					Rail: rail.File{Way: way, Agreement: rail.Terms{Debtor: rail.Debtor{Name: "Tutors", ID: "1234567890", Routing: "110000000", Number: secret.New("012345678")}}, Format: c.format, Delivery: desk},
					Pool: pool, Now: noon, Currency: c.currency, Good: us("000123456789"), Misfit: c.misfit,
					Bad: map[string]rail.Creditor{
						"account_closed": us("000111111113"), "no_account": us("000111111116"), "insufficient_funds": us("000222222227"),
					},
					Work: func(at time.Time) {
						now.Set(at)
						if err := desk.Work(t.Context(), at); err != nil {
							t.Fatal(err)
						}
					},
					Read: answers,
					Debits: func(reference, trace string) int {
						n, err := bank.Paid(t.Context(), reference)
						if err != nil {
							t.Fatal(err)
						}
						return n
					},
					Lose: desk.Lose,
					Copies: func(name string, file []byte) {
						desk.Deliver(t.Context(), name, func(w io.Writer) error { _, err := w.Write(file); return err })
					},
				}
			})
		})
	}
}

// branch is a bank with one desk that a test tells things.
type branch struct {
	*testing.T
	pool  *bun.DB
	bank  *banksim.Bank
	desk  *banksim.Desk
	clock *clock.Fixed
	n     int64
}

func openBranch(t *testing.T, cfg banksim.DeskConfig) *branch {
	b := &branch{T: t, pool: dbtest.New(t), clock: clock.NewFixed(noon)}
	b.bank = banksim.New(b.pool)
	cfg.Name, cfg.Clock, cfg.Account = "test", b.clock, banksim.Account{Number: secret.New("012345678")}
	b.desk = b.bank.Desk(cfg)
	return b
}

// send delivers a file of 70.00 to each of the accounts, under given references.
func (b *branch) send(message string, references []string, numbers ...string) {
	b.Helper()
	var all []rail.Instruction
	for n, number := range numbers {
		all = append(all, rail.Instruction{Reference: references[n], Amount: money.New(7000+int64(n), "hkd"), Creditor: creditor(number)})
	}
	batch := rail.Batch{ID: message, ExecuteOn: noon.Truncate(day).Add(day), Currency: "hkd", Count: len(all), Instructions: func(yield func(rail.Instruction, error) bool) {
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}}
	for _, i := range all {
		batch.Total += i.Amount.Minor
	}
	b.n++
	got := b.desk.Deliver(b.Context(), fmt.Sprintf("%d.xml", b.n), func(w io.Writer) error { return list{"09"}.Write(w, batch) })
	if got.State != rail.Accepted {
		b.Fatalf("the receipt says %s (%v)", got.State, got.Err)
	}
}

// collect takes all answers there are at a time.
func (b *branch) collect(at time.Time) map[string][]byte {
	b.Helper()
	b.clock.Set(at)
	list, err := b.desk.Collect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	all := map[string][]byte{}
	for _, a := range list {
		r, err := a.Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			b.Fatal(err)
		}
		all[a.Name] = body
		if err := a.Taken(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return all
}

func (b *branch) reports(at time.Time) (all []rail.Report) {
	b.Helper()
	files := b.collect(at)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		reports, err := answers(name, bytes.NewReader(files[name]))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, reports...)
	}
	return all
}

func ids(n int) (all []string) {
	for range n {
		all = append(all, id.New("po"))
	}
	return all
}

func TestAReferenceThatCameBeforeIsRefusedAlone(t *testing.T) {
	b, po := openBranch(t, banksim.DeskConfig{}), ids(2)
	b.send("bat_1", po[:1], "000123456")
	b.send("bat_2", po, "000123456", "000123456")
	reports := b.reports(noon.Add(2 * day))
	if !slices.ContainsFunc(reports, func(r rail.Report) bool { return r.Reference == po[0] && r.Reason == "AM05" }) {
		t.Errorf("the bank does not refuse it: %+v", reports)
	}
	for n, want := range []int{2, 1} { // how often told; paid once each
		told, err := b.bank.Told(t.Context(), po[n])
		paid, err2 := b.bank.Paid(t.Context(), po[n])
		if told != want || paid != 1 || err != nil || err2 != nil {
			t.Errorf("%d was told %d times and paid %d times", n, told, paid)
		}
	}
}

func TestAFileIsRefusedWhole(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		send   func(b *branch, po []string)
	}{
		"one account poisons it": {"AG01", func(b *branch, po []string) { b.send("bat_1", po, "000123456", "00012348302") }},
		"its message came before": {"DU01", func(b *branch, po []string) {
			b.send("bat_1", ids(1), "000123456")
			b.send("bat_1", po, "000123456", "000123456")
		}},
		"it is nothing the bank reads": {"FF01", func(b *branch, _ []string) {
			b.desk.Deliver(b.Context(), "letter.txt", func(w io.Writer) error { _, err := io.WriteString(w, "Dear bank,"); return err })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, po := openBranch(t, banksim.DeskConfig{}), ids(2)
			c.send(b, po)
			reports := b.reports(noon.Add(3 * day))
			if !slices.ContainsFunc(reports, func(r rail.Report) bool { return r.State == rail.Failed && r.Reference == "" && r.Reason == c.reason }) {
				t.Errorf("the bank says %+v, want %s", reports, c.reason)
			}
			for _, reference := range po {
				if n, err := b.bank.Paid(t.Context(), reference); n != 0 || err != nil {
					t.Errorf("the bank paid %d times, %v", n, err)
				}
			}
		})
	}
}

// shown is what a statement says, read by the product's own reader.
type shown struct {
	opening, closing []int64
	lines            []string
	checked          bool
}

func (s *shown) Begin(statement.Statement) error { return nil }

func (s *shown) Line(l statement.Line) error {
	if l.Part > 0 || !l.Parts {
		s.lines = append(s.lines, fmt.Sprintf("%s %s %v", l.References.EndToEnd, l.Amount.Decimal(), l.Return))
	}
	return nil
}

func (s *shown) End(st statement.Statement) error {
	s.checked = st.Checked
	if st.Opening != nil {
		s.opening, s.closing = append(s.opening, st.Opening.Minor), append(s.closing, st.Closing.Minor)
	}
	return nil
}

func (b *branch) statement(file []byte) *shown {
	b.Helper()
	s := &shown{}
	format, r := statement.Sniff(bytes.NewReader(file), nil)
	if err := statement.Read(format, r, nil, s); err != nil {
		b.Errorf("the statement cannot be read: %v\n%s", err, file)
	}
	return s
}

func TestStatementsFollowTheBanksBooks(t *testing.T) {
	b, po := openBranch(t, banksim.DeskConfig{
		Opening:    map[money.Currency]int64{"hkd": 100_000},
		Statements: []banksim.StatementFormat{banksim.Camt053, banksim.Camt054, banksim.MT940, banksim.BAI2},
	}), ids(3)
	b.send("bat_1", po, "000123456", "000555555558", "000111111113")
	files := map[string][][]byte{}
	all := b.collect(noon.Add(10 * day))
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		kind := strings.Split(strings.TrimSuffix(name, name[strings.LastIndexByte(name, '.'):]), "-")[2]
		files[kind] = append(files[kind], all[name])
	}
	paid := []string{po[0] + " -70.00 false", po[1] + " -70.01 false"}
	for _, format := range []string{"camt053", "camt054", "mt940", "bai2"} {
		if len(files[format]) != 2 {
			t.Fatalf("%d files of %s, want one a day with entries", len(files[format]), format)
		}
		first, second := b.statement(files[format][0]), b.statement(files[format][1])
		slices.Sort(first.lines)
		if !slices.Equal(first.lines, paid) || !slices.Equal(second.lines, []string{po[1] + " 70.01 true"}) {
			t.Errorf("%s: %q, then %q", format, first.lines, second.lines)
		}
		if format == "camt054" {
			continue
		}
		if !first.checked || !slices.Equal(first.opening, []int64{100_000}) || !slices.Equal(first.closing, []int64{100_000 - 14_001}) ||
			!slices.Equal(second.opening, first.closing) || !slices.Equal(second.closing, []int64{93_000}) {
			t.Errorf("%s: from %v to %v, then from %v to %v", format, first.opening, first.closing, second.opening, second.closing)
		}
	}
	if more := b.collect(noon.Add(11 * day)); len(more) > 0 {
		t.Errorf("the bank tells %d things again", len(more))
	}
}

func TestPlantedFaultsStandInTheKey(t *testing.T) {
	po := ids(5)
	faults := map[string]banksim.Fault{po[1]: banksim.Missing, po[2]: banksim.Twice, po[3]: banksim.OffByOne, po[4]: banksim.Late}
	b := openBranch(t, banksim.DeskConfig{Fault: func(reference, _ string) banksim.Fault { return faults[reference] }})
	b.send("bat_1", po, "000123456", "000123456", "000123456", "000123456", "000123456")
	var got []string
	var last int64
	files := b.collect(noon.Add(5 * day))
	var names []string
	for name := range files {
		if strings.Contains(name, "camt053") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for n, name := range names {
		s := b.statement(files[name])
		if !s.checked || s.opening[0] != last {
			t.Errorf("the statement opens with %v, the one before closed with %d", s.opening, last)
		}
		last = s.closing[0]
		for _, line := range s.lines {
			got = append(got, fmt.Sprintf("day %d %s", n+1, line))
		}
	}
	want := []string{
		"day 1 " + po[0] + " -70.00 false", "day 1 " + po[2] + " -70.02 false", "day 1 " + po[2] + " -70.02 false",
		"day 1 " + po[3] + " -70.04 false", "day 2 " + po[4] + " -70.04 false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the statements show %q, want %q", got, want)
	}
	key, err := b.desk.Key(t.Context(), noon.Add(5*day))
	if err != nil || len(key) != len(faults) {
		t.Fatalf("the key is %+v, %v", key, err)
	}
	for _, p := range key {
		if faults[p.Reference] != p.Fault || p.Kind != "debit" {
			t.Errorf("the key says %+v", p)
		}
	}
}

func TestDesksWithoutNewsSayNothing(t *testing.T) {
	b := openBranch(t, banksim.DeskConfig{})
	if got := b.collect(noon.AddDate(1, 0, 0)); len(got) > 0 {
		t.Errorf("the bank says %d things", len(got))
	}
	if _, err := b.desk.Collect(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestWhatCameOneByOneStandsOnTheNamelessDesksStatement(t *testing.T) {
	bank, now := banksim.New(dbtest.New(t)), clock.NewFixed(noon)
	b := &branch{T: t, bank: bank, clock: now, desk: bank.Desk(banksim.DeskConfig{Clock: now, Account: banksim.Account{Number: secret.New("012345678")}})}
	var want []string
	for n, reference := range ids(3) {
		i := rail.Instruction{Reference: reference, Amount: money.New(7000, "hkd"), Creditor: creditor("000123456"), Debit: n == 1, ExecuteOn: noon.Add(time.Duration(n) * day), At: noon}
		bank.Submit(t.Context(), i)
		want = append(want, reference+map[bool]string{false: " -70.00 false", true: " 70.00 false"}[i.Debit])
	}
	var got []string
	for _, at := range []time.Time{noon.Add(day), noon.Add(2 * day), noon.Add(5 * day)} {
		files := b.collect(at)
		if len(files) != 1 {
			t.Errorf("%d statements by %s, want one", len(files), at)
		}
		for _, file := range files {
			got = append(got, b.statement(file).lines...)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the statements show %q, want %q", got, want)
	}
	if receipt := b.desk.Deliver(t.Context(), "file", func(io.Writer) error { return nil }); receipt.State != rail.Failed {
		t.Errorf("the desk takes a file: %s", receipt.State)
	}
}

func TestBothVersionsOfPain001AreRead(t *testing.T) {
	b := openBranch(t, banksim.DeskConfig{})
	for n, version := range []string{"09", "03"} {
		i := rail.Instruction{Reference: id.New("po"), Amount: money.New(12345, "kwd"), Creditor: creditor("000123456")}
		batch := rail.Batch{ID: id.New("bat"), ExecuteOn: noon.Add(day), Currency: "kwd", Count: 1, Total: 12345, Instructions: func(yield func(rail.Instruction, error) bool) { yield(i, nil) }}
		b.desk.Deliver(t.Context(), version, func(w io.Writer) error { return list{version}.Write(w, batch) })
		b.collect(noon.Add(time.Duration(3+n) * day))
		if paid, err := b.bank.Paid(t.Context(), i.Reference); paid != 1 || err != nil {
			t.Errorf("%s: the bank paid %d times, %v", version, paid, err)
		}
	}
}

func TestACHTellsOfReturnsAndChanges(t *testing.T) {
	b := openBranch(t, banksim.DeskConfig{})
	ach, err := nacha.New(nacha.Config{Destination: "110000000", Origin: "110000000"})
	if err != nil {
		t.Fatal(err)
	}
	var all []rail.Instruction
	for _, number := range []string{"00012348401", "000555555558", "000123456789"} {
		c := rail.Creditor{Name: "May", Country: "US", Routing: "110000000", Number: secret.New(number)}
		all = append(all, rail.Instruction{Reference: id.New("po"), Amount: money.New(7000, "usd"), Creditor: c})
	}
	batch := rail.Batch{
		ID: "bat_1", Number: 1, CreatedAt: noon, ExecuteOn: noon.Truncate(day).Add(day), Currency: "usd", Count: 3, Total: 21000,
		Debtor: rail.Debtor{Name: "Tutors", ID: "1234567890", Routing: "110000000"},
		Instructions: func(yield func(rail.Instruction, error) bool) {
			for _, i := range all {
				if !yield(i, nil) {
					return
				}
			}
		},
	}
	b.desk.Deliver(t.Context(), ach.FileName(batch), func(w io.Writer) error { return ach.Write(w, batch) })
	var notices nacha.Notices
	for _, at := range []time.Time{noon.Add(day), noon.Add(9 * day), noon.Add(10 * day)} {
		for name, file := range b.collect(at) {
			if !strings.HasSuffix(name, ".ach") {
				continue
			}
			n, err := nacha.Read(bytes.NewReader(file))
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, file)
			}
			notices.Reports, notices.Changes = append(notices.Reports, n.Reports...), append(notices.Changes, n.Changes...)
		}
	}
	if len(notices.Changes) != 1 || notices.Changes[0].Trace != ach.Trace(batch, 0) || notices.Changes[0].Reason != "C01" || notices.Changes[0].Change.Number.Reveal() != "000123456789" {
		t.Errorf("changes: %+v", notices.Changes)
	}
	if len(notices.Reports) != 1 || notices.Reports[0].Trace != ach.Trace(batch, 1) || notices.Reports[0].Reason != "R02" || notices.Reports[0].Amount.Minor != 7000 {
		t.Errorf("returns: %+v", notices.Reports)
	}
}
