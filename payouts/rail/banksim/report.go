package banksim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// report is what the bank says about a file.
type report struct {
	message string
	format  string
	refused string // the reason, if all of it is
	all     int    // how many instructions it has
	items   []status
	later   bool // more about a file that was answered before
	number  int  // of the reports of one moment
}

// status is what the bank says about one instruction.
type status struct {
	reference string
	trace     string
	state     string
	reason    string // of failed
}

func (i *instruction) status() status {
	s := status{reference: i.Reference, trace: i.Trace, state: i.State}
	if i.State == failed {
		s.reason = reasons[i.Failure].iso
	}
	return s
}

// reasons are the codes of a failure in the files of banks.
var reasons = map[string]struct{ iso, ach string }{
	"account_closed":                   {"AC04", "R02"},
	"account_frozen":                   {"AC06", "R16"},
	"bank_account_restricted":          {"AG01", "R20"},
	"bank_ownership_changed":           {"RC07", "R12"},
	"could_not_process":                {"MS03", "R17"},
	"debit_not_authorized":             {"AG03", "R29"},
	"declined":                         {"MS02", "R23"},
	"insufficient_funds":               {"AM04", "R01"},
	"invalid_account_number":           {"AC01", "R04"},
	"incorrect_account_holder_name":    {"BE01", "R17"},
	"incorrect_account_holder_address": {"BE04", "R17"},
	"incorrect_account_holder_tax_id":  {"BE16", "R17"},
	"invalid_currency":                 {"AM03", "R17"},
	"no_account":                       {"AC03", "R03"},
	"unsupported_card":                 {"AG02", "R17"},
}

// pain002 writes a pain.002.001.10: of a file that has arrived, or of what became
// of it later.
func (d *Desk) pain002(r report, at time.Time) []byte {
	var b bytes.Buffer
	group := ""
	switch {
	case r.refused != "":
		group = "RJCT"
	case r.later:
	case len(r.items) == r.all:
		group = "RJCT"
	case len(r.items) > 0:
		group = "PART"
	default:
		group = "ACCP"
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>`)
	fmt.Fprintf(&b, "<GrpHdr><MsgId>SIM%d-%d</MsgId><CreDtTm>%s</CreDtTm></GrpHdr>", at.UnixMicro(), r.number, at.UTC().Format("2006-01-02T15:04:05Z"))
	fmt.Fprintf(&b, "<OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId>", escape(r.message))
	if group != "" {
		fmt.Fprintf(&b, "<GrpSts>%s</GrpSts>", group)
	}
	if r.refused != "" {
		fmt.Fprintf(&b, "<StsRsnInf><Rsn><Cd>%s</Cd></Rsn></StsRsnInf>", r.refused)
	}
	b.WriteString("</OrgnlGrpInfAndSts>")
	if len(r.items) > 0 {
		fmt.Fprintf(&b, "<OrgnlPmtInfAndSts><OrgnlPmtInfId>%s</OrgnlPmtInfId>", escape(r.message))
		for _, s := range r.items {
			s.write(&b)
		}
		b.WriteString("</OrgnlPmtInfAndSts>")
	}
	b.WriteString("</CstmrPmtStsRpt></Document>\n")
	return b.Bytes()
}

func (s status) write(b *bytes.Buffer) {
	b.WriteString("<TxInfAndSts>")
	if s.trace != "" {
		fmt.Fprintf(b, "<OrgnlInstrId>%s</OrgnlInstrId>", escape(s.trace))
	}
	fmt.Fprintf(b, "<OrgnlEndToEndId>%s</OrgnlEndToEndId>", escape(s.reference))
	switch s.state {
	case settled:
		b.WriteString("<TxSts>ACSC</TxSts>")
	case failed:
		fmt.Fprintf(b, "<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>%s</Cd></Rsn></StsRsnInf>", s.reason)
	}
	b.WriteString("</TxInfAndSts>")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

// achReturns writes a file of returns. The original entries are shown with what
// the bank still knows: the account number only in its last digits.
func achReturns(all []*instruction, at time.Time) []byte {
	return achFile("PPD", all, at, func(i *instruction) (int64, string) {
		return i.Amount, fmt.Sprintf("799%s%s      %s%-44s", reasons[i.Failure].ach, i.Trace, i.Routing[:8], "")
	})
}

// achChanges writes a file of notifications of change: the account has another number.
func achChanges(all []*instruction, at time.Time) []byte {
	return achFile("COR", all, at, func(i *instruction) (int64, string) {
		return 0, fmt.Sprintf("798C01%s      %s%-29s%15s", i.Trace, i.Routing[:8], "000123456789", "")
	})
}

// achFile writes entries that answer others: about is the amount and the addenda,
// without its trace number.
func achFile(class string, all []*instruction, at time.Time, about func(*instruction) (int64, string)) []byte {
	date, odfi := at.UTC().Format("060102"), simRouting[:8]
	lines := []string{
		fmt.Sprintf("101 %s %s%s%sA094101%-23s%-23s%8s", simRouting, simRouting, date, at.UTC().Format("1504"), "SLUICE", "SANDBOX BANK", ""),
		fmt.Sprintf("5200%-16s%-20s%-10s%s%-10s%6s%s   1%s%07d", "SANDBOX BANK", "", "1234567890", class, "RETURNS", "", date, odfi, 1),
	}
	var hash, debits, credits int64
	for n, i := range all {
		amount, addenda := about(i)
		trace := fmt.Sprintf("%s%07d", odfi, n+1)
		code := "21"
		if i.Debit {
			code = "26"
			debits += amount
		} else {
			credits += amount
		}
		hash += number(i.Routing[:8])
		lines = append(lines,
			fmt.Sprintf("6%s%-9s%-17s%010d%-15s%-22s  1%s", code, i.Routing, "XXXXX"+i.Last4, amount, i.Trace, i.Creditor, trace), addenda+trace)
	}
	sums := fmt.Sprintf("%010d%012d%012d", hash%10_000_000_000, debits, credits)
	lines = append(lines, fmt.Sprintf("8200%06d%s%-10s%25s%s%07d", 2*len(all), sums, "1234567890", "", odfi, 1))
	blocks := (len(lines) + 1 + 9) / 10
	lines = append(lines, fmt.Sprintf("9%06d%06d%08d%s%39s", 1, blocks, 2*len(all), sums, ""))
	for len(lines)%10 != 0 {
		lines = append(lines, strings.Repeat("9", 94))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// simRouting is the sandbox bank's own number.
const simRouting = "110000000"
