package iso20022_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022"
	"github.com/sluicepay/sluice/platform/money"
)

const statusSpace = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"

func status(group, payments string) string {
	return `<?xml version="1.0"?><Document xmlns="` + statusSpace + `"><CstmrPmtStsRpt><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-25T10:00:00+08:00</CreDtTm></GrpHdr>` +
		`<OrgnlGrpInfAndSts><OrgnlMsgId>bat-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>` + group + `</OrgnlGrpInfAndSts>` + payments + `</CstmrPmtStsRpt></Document>`
}

func payments(inside string) string {
	return `<OrgnlPmtInfAndSts><OrgnlPmtInfId>bat-1</OrgnlPmtInfId>` + inside + `</OrgnlPmtInfAndSts>`
}

var said = time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)

func item(id, inside string) string {
	return `<TxInfAndSts><OrgnlInstrId>1-` + id + `</OrgnlInstrId><OrgnlEndToEndId>po-` + id + `</OrgnlEndToEndId>` + inside + `</TxInfAndSts>`
}

func because(codes ...string) (xml string) {
	for _, code := range codes {
		xml += `<StsRsnInf><Rsn><Cd>` + code + `</Cd></Rsn></StsRsnInf>`
	}
	return xml
}

// judged is a report on item 1 of the sample.
func judged(r rail.Report) rail.Report {
	r.Reference, r.Trace, r.At = "po_1", "1-1", said
	return r
}

// statuses are answers of a bank, and what they mean.
var statuses = map[string]struct {
	file string
	want []rail.Report
}{
	"all accepted": {status(`<GrpSts>ACTC</GrpSts>`, ""), []rail.Report{{Batch: "bat_1", State: rail.Accepted, At: said}}},
	"all refused": {
		status(`<GrpSts>RJCT</GrpSts>`+because("FF01"), ""),
		[]rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "could_not_process", Reason: "FF01", At: said}},
	},
	"the bank has it": {status(`<GrpSts>RCVD</GrpSts>`, ""), []rail.Report{{Batch: "bat_1", State: rail.Accepted, At: said}}},
	"a duplicate file, whatever else is wrong with it": {
		status(`<GrpSts>RJCT</GrpSts>`+because("NARR", "AC04", "DU01"), ""),
		[]rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "could_not_process", Reason: "DU01", At: said}},
	},
	"in part: only the items speak": {
		status(`<GrpSts>PART</GrpSts>`, payments(`<PmtInfSts>PART</PmtInfSts>`+item("1", `<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Prtry>X9</Prtry></Rsn></StsRsnInf>`))),
		[]rail.Report{judged(rail.Report{State: rail.Failed, Code: "could_not_process", Reason: "X9"})},
	},
	"the group accepted, its payments in part": {
		status(`<GrpSts>ACCP</GrpSts>`, payments(`<PmtInfSts>PART</PmtInfSts>`+item("1", `<TxSts>PDNG</TxSts>`))),
		[]rail.Report{judged(rail.Report{State: rail.Accepted})},
	},
	"an instruction and the rest": {
		status("", payments(`<PmtInfSts>ACCP</PmtInfSts>`+item("1", `<TxSts>ACSC</TxSts><AcctSvcrRef>B7</AcctSvcrRef><OrgnlTxRef><Amt><InstdAmt Ccy="HKD">12.5</InstdAmt></Amt></OrgnlTxRef>`))),
		[]rail.Report{judged(rail.Report{State: rail.Paid, BankTrace: "B7", Amount: money.New(1250, "hkd")}), {Batch: "bat_1", State: rail.Accepted, At: said}},
	},
	"payments refused whose group was accepted": {
		status(`<GrpSts>ACTC</GrpSts>`, payments(`<PmtInfSts>RJCT</PmtInfSts>`+because("AM04"))),
		[]rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "insufficient_funds", Reason: "AM04", At: said}},
	},
	"an item without a status is as its batch, with a reason of its own": {
		status(`<GrpSts>RJCT</GrpSts>`+because("NARR"), payments(item("1", because("MS03", "AC04"))+item("2", ""))),
		[]rail.Report{
			judged(rail.Report{State: rail.Failed, Code: "declined", Reason: "MS03"}),
			{Reference: "po_2", Trace: "1-2", State: rail.Failed, Code: "could_not_process", Reason: "NARR", At: said},
			{Batch: "bat_1", State: rail.Failed, Code: "could_not_process", Reason: "NARR", At: said},
		},
	},
	"only the instruction id": {
		status(`<GrpSts>PART</GrpSts>`, payments(`<TxInfAndSts><OrgnlInstrId>1-1</OrgnlInstrId><OrgnlEndToEndId>NOTPROVIDED</OrgnlEndToEndId><TxSts>RJCT</TxSts>`+
			because("AC06")+`<AccptncDtTm>2026-11-26T09:30:00.5</AccptncDtTm></TxInfAndSts>`)),
		[]rail.Report{{Trace: "1-1", State: rail.Failed, Code: "account_frozen", Reason: "AC06", At: time.Date(2026, 11, 26, 9, 30, 0, 500_000_000, time.UTC)}},
	},
}

func TestStatusReportsSayWhatBecameOfInstructions(t *testing.T) {
	for name, c := range statuses {
		got, err := iso20022.ReadStatus(strings.NewReader(c.file))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// The samples that the reader is tested with are what banks may send: valid by ISO's own
// schemas. That of version 10 is in no package; 12 has the same shape in what is read.
func TestStatusSamplesAreValid(t *testing.T) {
	for name, c := range statuses {
		for _, version := range []string{"03", "12"} {
			file := strings.ReplaceAll(c.file, "pain.002.001.10", "pain.002.001."+version)
			if _, err := iso20022.ReadStatus(strings.NewReader(file)); err != nil {
				t.Errorf("%s, version %s: %v", name, version, err)
			}
			valid(t, schema(t, "pain002/schemas/pain.002.001."+version), func(w io.Writer) error {
				_, err := io.WriteString(w, file)
				return err
			})
		}
	}
}

func TestStatusesOfWhichNobodyKnowsAreLookedAt(t *testing.T) {
	for _, given := range []string{"BLCK", "XXXX", "RVMC"} {
		got, err := iso20022.ReadStatus(strings.NewReader(status(`<GrpSts>PATC</GrpSts>`, payments(item("1", `<TxSts>`+given+`</TxSts>`)))))
		if want := []rail.Report{judged(rail.Report{})}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", given, got, err)
		}
	}
}

func TestEncodingsOfBanksAreRead(t *testing.T) {
	file := strings.Replace(statuses["all refused"].file, `<?xml version="1.0"?>`, `<?xml version="1.0" encoding="ISO-8859-1"?>`, 1)
	file = strings.Replace(file, `</Rsn>`, "</Rsn><AddtlInf>Stra\xdfe</AddtlInf>", 1)
	if got, err := iso20022.ReadStatus(strings.NewReader(file)); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestErrorsOfStatusReportsShowNothingOfThem(t *testing.T) {
	for _, file := range []string{
		status(`<GrpSts>SECRET PLACE</GrpSts>`, ""),
		status(`<GrpSts>RJCT</GrpSts>`, payments(item("1", `<TxSts>RJCT</TxSts><OrgnlTxRef><Amt><InstdAmt Ccy="HKD">SECRET</InstdAmt></Amt></OrgnlTxRef>`))),
		status(`<GrpSts>RJCT</GrpSts>`, `<SECRET SECRET="SECRET</SECRET>`),
		status(`<GrpSts>RJCT</GrpSts>`, `<OrgnlPmtInfAndSts>SECRET</OrgnlPmtInfAndSts>`),
	} {
		if _, err := iso20022.ReadStatus(strings.NewReader(file)); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v", err)
		}
	}
}

func TestBrokenStatusReportSaysNothing(t *testing.T) {
	good := status(`<GrpSts>PART</GrpSts>`, payments(`<TxInfAndSts><OrgnlEndToEndId>po-1</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>`))
	for name, file := range map[string]string{
		"empty":                      "",
		"cut":                        good[:len(good)-30],
		"other message":              strings.ReplaceAll(good, "pain.002.001.10", "pain.002.001.99"),
		"no namespace":               strings.ReplaceAll(good, ` xmlns="`+statusSpace+`"`, ""),
		"two documents":              good + good,
		"a tail":                     good + "x",
		"no references":              strings.ReplaceAll(good, "po-1", "NOTPROVIDED"),
		"no original":                strings.ReplaceAll(good, "bat-1", ""),
		"no time":                    strings.ReplaceAll(good, "2026-11-25T10", "now"),
		"document type":              strings.Replace(good, "<Document", "<!DOCTYPE x><Document", 1),
		"unknown entity":             strings.Replace(good, "po-1", "&x;", 1),
		"another message answered":   strings.Replace(good, "pain.001.001.09", "pain.008.001.08", 1),
		"another namespace inside":   strings.Replace(good, "<TxSts>", `<TxSts xmlns="urn:x">`, 1),
		"text between elements":      strings.Replace(good, "<TxInfAndSts>", "x<TxInfAndSts>", 1),
		"an element in a text":       strings.Replace(good, "RJCT", "<b>RJCT</b>", 1),
		"no status at all":           strings.Replace(strings.Replace(good, "<TxSts>RJCT</TxSts>", "", 1), "<GrpSts>PART</GrpSts>", "", 1),
		"says nothing":               status("<GrpSts>PART</GrpSts>", ""),
		"twice the group":            status("</OrgnlGrpInfAndSts><OrgnlGrpInfAndSts><OrgnlMsgId>bat-2</OrgnlMsgId>", ""),
		"twice the payments":         status("<GrpSts>RJCT</GrpSts>", payments("")+payments("")),
		"half a cent":                status("<GrpSts>PART</GrpSts>", payments(item("1", `<TxSts>ACSC</TxSts><OrgnlTxRef><Amt><InstdAmt Ccy="HKD">1.005</InstdAmt></Amt></OrgnlTxRef>`))),
		"more than there is":         status("<GrpSts>PART</GrpSts>", payments(item("1", `<TxSts>ACSC</TxSts><OrgnlTxRef><Amt><InstdAmt Ccy="HKD">9999999999999999</InstdAmt></Amt></OrgnlTxRef>`))),
		"refused, an item paid":      status("<GrpSts>RJCT</GrpSts>", payments(item("1", `<TxSts>ACSC</TxSts>`))),
		"refused, taken in part":     status("<GrpSts>RJCT</GrpSts>", payments(`<PmtInfSts>PART</PmtInfSts>`+item("1", `<TxSts>RJCT</TxSts>`))),
		"payments refused, one paid": status("", payments(`<PmtInfSts>RJCT</PmtInfSts>`+item("1", `<TxSts>ACCP</TxSts>`))),
		"very deep":                  strings.Replace(good, "<TxInfAndSts>", "<X>"+strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)+"</X><TxInfAndSts>", 1),
	} {
		if reports, err := iso20022.ReadStatus(strings.NewReader(file)); !errors.Is(err, iso20022.ErrStatus) || reports != nil {
			t.Errorf("%s: %v, %v", name, reports, err)
		}
	}
}

func FuzzStatusReport(f *testing.F) {
	f.Add([]byte(status(`<GrpSts>RJCT</GrpSts>`, "")))
	f.Add([]byte(status("", payments(`<PmtInfSts>PART</PmtInfSts><TxInfAndSts><OrgnlEndToEndId>po-1</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>`))))
	f.Add([]byte(`<Document xmlns="` + statusSpace + `">`))
	f.Add([]byte("\xff<a"))
	f.Fuzz(func(t *testing.T, file []byte) {
		reports, err := iso20022.ReadStatus(bytes.NewReader(file))
		if err != nil && reports != nil {
			t.Fatal("a broken file says something")
		}
		for _, r := range reports {
			if r.Reference == "" && r.Trace == "" && r.Batch == "" {
				t.Fatal("a report of nothing")
			}
			if (r.State == rail.Failed) != (r.Code != "") {
				t.Fatalf("%v with code %q", r.State, r.Code)
			}
			if _, known := rail.Codes[r.Code]; r.Code != "" && !known {
				t.Fatalf("no such code: %q", r.Code)
			}
		}
	})
}
