package iso20022_test

import (
	"bytes"
	"errors"
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

func TestStatusReportsSayWhatBecameOfInstructions(t *testing.T) {
	rejected := `<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>`
	item := func(status, more string) string {
		return `<TxInfAndSts><OrgnlInstrId>1-1</OrgnlInstrId><OrgnlEndToEndId>po-1</OrgnlEndToEndId><TxSts>` + status + `</TxSts>` + more + `</TxInfAndSts>`
	}
	one := func(r rail.Report) rail.Report { r.Reference, r.Trace, r.At = "po_1", "1-1", said; return r }
	for name, c := range map[string]struct {
		file string
		want []rail.Report
	}{
		"all accepted":   {status(`<GrpSts>ACTC</GrpSts>`, ""), []rail.Report{{Batch: "bat_1", State: rail.Accepted, At: said}}},
		"all refused":    {status(`<GrpSts>RJCT</GrpSts>`+rejected, ""), []rail.Report{{Batch: "bat_1", State: rail.Failed, Code: "account_closed", Reason: "AC04", At: said}}},
		"nothing is yes": {status(`<GrpSts>RCVD</GrpSts>`, ""), []rail.Report{{Batch: "bat_1", State: rail.Unknown, At: said}}},
		"in part": {
			status(`<GrpSts>PART</GrpSts>`, payments(`<PmtInfSts>PART</PmtInfSts>`+item("RJCT", `<StsRsnInf><Rsn><Prtry>X9</Prtry></Rsn></StsRsnInf>`))),
			[]rail.Report{one(rail.Report{State: rail.Failed, Code: "could_not_process", Reason: "X9"})},
		},
		"an instruction and the rest": {
			status("", payments(`<PmtInfSts>ACCP</PmtInfSts>`+item("ACSC", `<AcctSvcrRef>B7</AcctSvcrRef><OrgnlTxRef><Amt><InstdAmt Ccy="HKD">12.5</InstdAmt></Amt></OrgnlTxRef>`))),
			[]rail.Report{one(rail.Report{State: rail.Paid, BankTrace: "B7", Amount: money.New(1250, "hkd")}), {Batch: "bat_1", State: rail.Accepted, At: said}},
		},
	} {
		got, err := iso20022.ReadStatus(strings.NewReader(c.file))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestBrokenStatusReportSaysNothing(t *testing.T) {
	good := status(`<GrpSts>PART</GrpSts>`, payments(`<TxInfAndSts><OrgnlEndToEndId>po-1</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>`))
	for name, file := range map[string]string{
		"empty":          "",
		"cut":            good[:len(good)-30],
		"other message":  strings.ReplaceAll(good, "pain.002.001.10", "pain.002.001.99"),
		"no namespace":   strings.ReplaceAll(good, ` xmlns="`+statusSpace+`"`, ""),
		"two documents":  good + good,
		"a tail":         good + "x",
		"no references":  strings.ReplaceAll(good, "po-1", "NOTPROVIDED"),
		"no original":    strings.ReplaceAll(good, "bat-1", ""),
		"no time":        strings.ReplaceAll(good, "2026-11-25T10", "now"),
		"document type":  strings.Replace(good, "<Document", "<!DOCTYPE x><Document", 1),
		"unknown entity": strings.Replace(good, "po-1", "&x;", 1),
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
