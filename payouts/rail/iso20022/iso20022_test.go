package iso20022_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

func format(t testing.TB, base string) *iso20022.Format {
	t.Helper()
	f, err := iso20022.New(iso20022.Profiles()[base])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// payer and payee fit each profile.
var payers = map[string]rail.Debtor{
	"HK": {Name: "TutorHub 補習", ID: "TH01", Routing: "004", Number: secret.New("004123456789"), Address: rail.Address{Town: "Hong Kong", Country: "HK"}},
	"EU": {Name: "TutorHub", ID: "TH01", Routing: "COBADEFFXXX", Number: secret.New("DE89370400440532013000"), Address: rail.Address{Town: "Berlin", Country: "DE"}},
	"GB": {Name: "TutorHub", ID: "TH01", Routing: "108800", Number: secret.New("00012345"), Address: rail.Address{Town: "London", Country: "GB"}},
	"US": {Name: "TutorHub", ID: "TH01", Routing: "110000000", Number: secret.New("000123456789"), Address: rail.Address{Town: "Austin", Country: "US"}},
}

var payees = map[string]rail.Creditor{
	"HK": {Name: "陳大文", Country: "HK", Routing: "004-001", Number: secret.New("123456789"), Address: rail.Address{Line1: "1 Nathan Road", Town: "Kowloon", Country: "HK"}},
	"EU": {Name: "Jürgen Groß", Country: "DE", Number: secret.New("DE89370400440532013000"), Address: rail.Address{Line1: "Unter den Linden 1", Line2: "Hof", Town: "Berlin", Postcode: "10117", Country: "DE"}},
	"GB": {Name: "May Wong", Country: "GB", Routing: "108800", Number: secret.New("00012345"), Address: rail.Address{Town: "London", Country: "GB"}},
	"US": {Name: "May Wong", Country: "US", Routing: "110000000", Number: secret.New("000123456789"), AccountType: "savings", HolderType: "individual", Address: rail.Address{Line1: "1 Main St", Town: "Austin", State: "TX", Postcode: "78701", Country: "US"}},
}

var cases = []struct {
	profile, region string
	currency        money.Currency
	instant         bool
}{
	{"sepa-sct", "EU", "eur", false}, {"sepa-inst", "EU", "eur", true}, {"hk-fps", "HK", "hkd", false}, {"hk-ach", "HK", "hkd", false},
	{"hk-chats", "HK", "usd", false}, {"gb-fps", "GB", "gbp", false}, {"us-ach", "US", "usd", false}, {"generic", "EU", "jpy", false}, {"generic", "US", "kwd", false},
}

func batch(region string, currency money.Currency, instant bool, n int, pay func(i int) rail.Creditor) rail.Batch {
	const each = 12_345
	return rail.Batch{
		ID: "bat_0353nWQ2cKp7VxTnR9tLmE", Number: 7, CreatedAt: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), ExecuteOn: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC),
		Currency: currency, Instant: instant, Debtor: payers[region], Count: n, Total: each * int64(n),
		Instructions: func(yield func(rail.Instruction, error) bool) {
			for i := range n {
				if !yield(rail.Instruction{Reference: fmt.Sprintf("po_%022d", i), Amount: money.New(each, currency), Creditor: pay(i), Instant: instant, Statement: "LESSONS & more <1>"}, nil) {
					return
				}
			}
		},
	}
}

func TestAFileSaysWhatItsBatchSays(t *testing.T) {
	for _, c := range cases {
		t.Run(c.profile+" "+string(c.currency), func(t *testing.T) {
			f := format(t, c.profile)
			b := batch(c.region, c.currency, c.instant, 3, func(int) rail.Creditor { return payees[c.region] })
			for i, err := range b.Instructions {
				if err := errors.Join(err, f.Check(i)); err != nil {
					t.Fatal(err)
				}
			}
			var once, again bytes.Buffer
			if err := errors.Join(f.Write(&once, b), f.Write(&again, b)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(once.Bytes(), again.Bytes()) {
				t.Error("the same batch gives other bytes")
			}
			var doc struct {
				XMLName xml.Name
				Group   struct {
					Message string `xml:"MsgId"`
					Count   int    `xml:"NbOfTxs"`
					Sum     string `xml:"CtrlSum"`
				} `xml:"CstmrCdtTrfInitn>GrpHdr"`
				Credits []struct {
					EndToEnd string `xml:"PmtId>EndToEndId"`
					Amount   struct {
						Currency string `xml:"Ccy,attr"`
						Text     string `xml:",chardata"`
					} `xml:"Amt>InstdAmt"`
					Country string `xml:"Cdtr>PstlAdr>Ctry"`
					Town    string `xml:"Cdtr>PstlAdr>TwnNm"`
				} `xml:"CstmrCdtTrfInitn>PmtInf>CdtTrfTxInf"`
			}
			if err := xml.Unmarshal(once.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			want := money.New(3*12_345, c.currency).Decimal()
			if doc.Group.Count != 3 || doc.Group.Sum != want || len(doc.Credits) != 3 || iso20022.Original(doc.Group.Message) != b.ID {
				t.Errorf("the header says %+v of %d payments, want a sum of %s", doc.Group, len(doc.Credits), want)
			}
			for n, credit := range doc.Credits {
				if iso20022.Original(credit.EndToEnd) != fmt.Sprintf("po_%022d", n) || credit.Amount.Text != money.New(12_345, c.currency).Decimal() ||
					credit.Amount.Currency != strings.ToUpper(string(c.currency)) || credit.Country == "" || credit.Town == "" {
					t.Errorf("payment %d is %+v", n, credit)
				}
			}
		})
	}
}

func TestWhatAFileCannotCarryIsRefusedWithWhatIsMissing(t *testing.T) {
	without := func(region string, change func(*rail.Creditor)) rail.Creditor {
		c := payees[region]
		change(&c)
		return c
	}
	for _, c := range []struct {
		name, profile string
		currency      money.Currency
		to            rail.Creditor
		code, says    string
	}{
		{"a town", "sepa-sct", "eur", without("EU", func(c *rail.Creditor) { c.Address.Town = "" }), "incorrect_account_holder_address", "town"},
		{"a country", "sepa-sct", "eur", without("EU", func(c *rail.Creditor) { c.Address.Country = "" }), "incorrect_account_holder_address", "country"},
		{"a name", "hk-fps", "hkd", without("HK", func(c *rail.Creditor) { c.Name = "  " }), "incorrect_account_holder_name", "name"},
		{"a name in Latin", "sepa-sct", "eur", without("EU", func(c *rail.Creditor) { c.Name = "陳大文" }), "incorrect_account_holder_name", "Latin"},
		{"an IBAN", "sepa-sct", "eur", without("EU", func(c *rail.Creditor) { c.Number = secret.New("DE00370400440532013000") }), "invalid_account_number", "IBAN"},
		{"a bank", "hk-ach", "hkd", without("HK", func(c *rail.Creditor) { c.Routing = "" }), "", "routing number"},
		{"a number", "gb-fps", "gbp", without("GB", func(c *rail.Creditor) { c.Number = secret.New("123") }), "invalid_account_number", "number"},
	} {
		err := format(t, c.profile).Check(rail.Instruction{Reference: "po_1", Amount: money.New(100, c.currency), Creditor: c.to})
		var misfit *rail.Misfit
		if !errors.As(err, &misfit) || misfit.Code != c.code || !strings.Contains(misfit.Reason, c.says) {
			t.Errorf("without %s: %v", c.name, err)
		}
		if number := c.to.Number.Reveal(); err != nil && strings.Contains(err.Error(), number) {
			t.Errorf("without %s: the error shows the account number", c.name)
		}
	}
}

func TestAPayeeOfFPSNeedsNoAccountNumber(t *testing.T) {
	f := format(t, "hk-fps")
	for kind, number := range map[rail.ProxyKind]string{rail.Mobile: "+852-61234567", rail.Email: "may@tutor.example", rail.FPSID: "1234567"} {
		to := rail.Creditor{Name: "May Wong", Country: "HK", Proxy: kind, Number: secret.New(number)}
		var out bytes.Buffer
		if err := f.Write(&out, batch("HK", "hkd", false, 1, func(int) rail.Creditor { return to })); err != nil {
			t.Fatal(err)
		}
		if file := out.String(); !strings.Contains(file, "<Id>"+number+"</Id></Prxy>") || !strings.Contains(file, "<Othr><Id>NOTPROVIDED</Id></Othr></Id>") {
			t.Errorf("%s: %s", kind, file)
		}
	}
}

func TestAFileThatIsNotItsBatchIsNoFile(t *testing.T) {
	f := format(t, "hk-fps")
	pay := func(int) rail.Creditor { return payees["HK"] }
	short, long, poor := batch("HK", "hkd", false, 3, pay), batch("HK", "hkd", false, 3, pay), batch("HK", "hkd", false, 3, pay)
	short.Count, long.Count, poor.Total = 4, 2, poor.Total-1
	for name, b := range map[string]rail.Batch{"too few": short, "too many": long, "another sum": poor} {
		if err := f.Write(io.Discard, b); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

const statusFile = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.%s"><CstmrPmtStsRpt>
<GrpHdr><MsgId>B1</MsgId><CreDtTm>2026-11-25T10:00:00+08:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>bat-1</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId>%s</OrgnlGrpInfAndSts>%s
</CstmrPmtStsRpt></Document>`

func TestAStatusReportSaysWhatBecameOfWhat(t *testing.T) {
	at := time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, group, items string
		want               []rail.Report
	}{
		{"all accepted", `<GrpSts>ACCP</GrpSts>`, ``, []rail.Report{{Batch: "bat_1", State: rail.Accepted, At: at}}},
		{"all refused", `<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>DU01</Cd></Rsn></StsRsnInf>`, ``,
			[]rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "could_not_process", Reason: "DU01", At: at}}},
		{"some refused", `<GrpSts>PART</GrpSts>`, `<OrgnlPmtInfAndSts><OrgnlPmtInfId>bat-1</OrgnlPmtInfId>
			<TxInfAndSts><OrgnlInstrId>x-1</OrgnlInstrId><OrgnlEndToEndId>po-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>
				<OrgnlTxRef><Amt><InstdAmt Ccy="HKD">123.45</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>
			<TxInfAndSts><OrgnlEndToEndId>po-2</OrgnlEndToEndId><TxSts>ACSC</TxSts><AcctSvcrRef>REF2</AcctSvcrRef></TxInfAndSts>
			<TxInfAndSts><OrgnlInstrId>x-3</OrgnlInstrId><OrgnlEndToEndId>NOTPROVIDED</OrgnlEndToEndId><TxSts>PDNG</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>`,
			[]rail.Report{
				{Reference: "po_1", State: rail.Failed, Code: "account_closed", Reason: "AC04", Amount: money.New(12345, "hkd"), At: at},
				{Reference: "po_2", State: rail.Paid, BankTrace: "REF2", At: at},
				{Trace: "x-3", State: rail.Accepted, At: at},
			}},
		{"a payment information refused", ``, `<OrgnlPmtInfAndSts><OrgnlPmtInfId>bat-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Prtry>no money</Prtry></Rsn></StsRsnInf></OrgnlPmtInfAndSts>`,
			[]rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "could_not_process", Reason: "no money", At: at}}},
	} {
		for _, version := range []string{"03", "10"} {
			got, err := iso20022.ReadStatus(strings.NewReader(fmt.Sprintf(statusFile, version, c.group, c.items)))
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s (.%s): %v\n%s", c.name, version, err, diff)
			}
		}
	}
}

func TestWhatIsNoStatusReportCountsForNothing(t *testing.T) {
	good := fmt.Sprintf(statusFile, "10", "<GrpSts>ACCP</GrpSts>", "")
	for name, file := range map[string]string{
		"nothing": "", "half a file": good[:len(good)-40], "another message": strings.Replace(good, "pain.002.001.10", "camt.053.001.08", 1), "no XML": "R01,R02",
		"no report": `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"/>`, "no message id": strings.Replace(good, "bat-1", "", 1),
	} {
		if got, err := iso20022.ReadStatus(strings.NewReader(file)); err == nil || len(got) > 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzReadStatus(f *testing.F) {
	f.Add(fmt.Sprintf(statusFile, "10", "<GrpSts>ACCP</GrpSts>", ""))
	f.Add(fmt.Sprintf(statusFile, "03", "", "<OrgnlPmtInfAndSts><OrgnlPmtInfId>bat-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>"))
	f.Fuzz(func(t *testing.T, file string) {
		reports, err := iso20022.ReadStatus(strings.NewReader(file))
		if err != nil && len(reports) > 0 {
			t.Error("half a file counts")
		}
		for _, r := range reports {
			if r.State == rail.Failed && rail.Codes[r.Code] == "" {
				t.Errorf("code %q", r.Code)
			}
		}
	})
}

// BenchmarkWrite writes 100,000 credits; peak-MB is the heap above what was there before.
func BenchmarkWrite(b *testing.B) {
	f := format(b, "hk-fps")
	many := batch("HK", "hkd", false, 100_000, func(int) rail.Creditor { return payees["HK"] })
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	watched := many
	watched.Instructions = func(yield func(rail.Instruction, error) bool) { watch(many.Instructions, &now, &peak)(yield) }
	var size int64
	for b.Loop() {
		digest := sha256.New()
		counted := &counter{w: digest}
		if err := f.Write(counted, watched); err != nil {
			b.Fatal(err)
		}
		size = counted.n
	}
	b.SetBytes(size)
	b.ReportMetric(float64(peak-min(peak, before.HeapInuse))/(1<<20), "peak-MB")
}

func watch(all iter.Seq2[rail.Instruction, error], now *runtime.MemStats, peak *uint64) iter.Seq2[rail.Instruction, error] {
	return func(yield func(rail.Instruction, error) bool) {
		n := 0
		for i, err := range all {
			if n++; n%20_000 == 0 {
				runtime.ReadMemStats(now)
				*peak = max(*peak, now.HeapInuse)
			}
			if !yield(i, err) {
				return
			}
		}
	}
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}
