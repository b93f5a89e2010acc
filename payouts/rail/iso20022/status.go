package iso20022

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// statusReports are the versions of pain.002 that are read.
var statusReports = map[string]bool{
	"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03": true,
	"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10": true,
}

// ErrStatus is in every error about a file that is no pain.002, or a broken one.
var ErrStatus = errors.New("not a payment status report (pain.002.001.03 or .10)")

type statusReason struct {
	Code string `xml:"Rsn>Cd"`
	Own  string `xml:"Rsn>Prtry"`
}

type statusItem struct {
	Trace     string         `xml:"OrgnlInstrId"`
	Reference string         `xml:"OrgnlEndToEndId"`
	Status    string         `xml:"TxSts"`
	Reasons   []statusReason `xml:"StsRsnInf"`
	At        string         `xml:"AccptncDtTm"`
	BankTrace string         `xml:"AcctSvcrRef"`
	Amount    struct {
		Currency string `xml:"Ccy,attr"`
		Value    string `xml:",chardata"`
	} `xml:"OrgnlTxRef>Amt>InstdAmt"`
}

// statusReader remembers what stands around an item.
type statusReader struct {
	decoder *xml.Decoder
	space   string
	at      time.Time
	items   []rail.Report
	group   rail.Report // of the message
	parts   []rail.Report
}

// ReadStatus reads a bank's answer to a file, a pain.002. Instructions come first, in the
// order of the file, then what is said of the batch as a whole. A batch of which a part is
// refused (PART) has reports of its instructions only. A status that says neither yes nor
// no is Unknown. A file that is broken anywhere is an error and says nothing; errors do
// not repeat what stands in it.
func ReadStatus(r io.Reader) ([]rail.Report, error) {
	s := &statusReader{decoder: xml.NewDecoder(r)}
	if err := s.document(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrStatus, line(s.decoder), err)
	}
	reports := s.items
	if len(s.parts) == 0 && s.group.State != rail.Absent {
		s.parts = []rail.Report{s.group}
	}
	for _, report := range s.parts {
		report.At = s.at
		reports = append(reports, report)
	}
	for i := range reports {
		if reports[i].At.IsZero() {
			reports[i].At = s.at
		}
	}
	return reports, nil
}

func line(d *xml.Decoder) int {
	n, _ := d.InputPos()
	return n
}

// errForm is an error about the form of an element.
func errForm(name string) error { return fmt.Errorf("%s is missing or of a wrong form", name) }

func (s *statusReader) document() error {
	s.group.State = rail.Absent // nothing is said of it
	root, err := s.next()
	if err != nil {
		return err
	}
	if root == nil || root.Name.Local != "Document" || !statusReports[root.Name.Space] {
		return errors.New("the namespace is another")
	}
	s.space = root.Name.Space
	seen := map[string]int{}
	if err := s.each(func(e xml.StartElement) error {
		if e.Name.Local != "CstmrPmtStsRpt" {
			return errForm("CstmrPmtStsRpt")
		}
		seen[e.Name.Local]++
		return s.each(func(e xml.StartElement) error {
			seen[e.Name.Local]++
			switch e.Name.Local {
			case "GrpHdr":
				return s.header(e)
			case "OrgnlGrpInfAndSts":
				return s.original(e)
			case "OrgnlPmtInfAndSts":
				return s.payment()
			}
			return s.decoder.Skip()
		})
	}); err != nil {
		return err
	}
	for _, name := range []string{"CstmrPmtStsRpt", "GrpHdr", "OrgnlGrpInfAndSts"} {
		if seen[name] != 1 {
			return errForm(name)
		}
	}
	for { // nothing may stand after the document
		token, err := s.decoder.Token()
		switch token := token.(type) {
		case xml.StartElement, xml.Directive:
			return errors.New("something follows the document")
		case xml.CharData:
			if strings.TrimSpace(string(token)) != "" {
				return errors.New("something follows the document")
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return syntax(err)
		}
	}
}

// syntax is an error of the decoder without what it quotes of the file.
func syntax(err error) error {
	var broken *xml.SyntaxError
	if err == io.EOF || errors.As(err, &broken) || errors.Is(err, strconv.ErrSyntax) {
		return errors.New("the XML is broken")
	}
	return err
}

// next is the next element inside the present one, nil at its end.
func (s *statusReader) next() (*xml.StartElement, error) {
	for {
		token, err := s.decoder.Token()
		if err != nil {
			return nil, syntax(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if s.space != "" && token.Name.Space != s.space {
				return nil, errors.New("an element is of another namespace")
			}
			return &token, nil
		case xml.EndElement:
			return nil, nil
		case xml.Directive:
			return nil, errors.New("it has a document type")
		}
	}
}

// each hands the elements inside the present one to a reader that takes each to its end.
func (s *statusReader) each(read func(xml.StartElement) error) error {
	for {
		e, err := s.next()
		if err != nil || e == nil {
			return err
		}
		if err := read(*e); err != nil {
			return syntax(err)
		}
	}
}

func (s *statusReader) header(e xml.StartElement) error {
	var h struct {
		At string `xml:"CreDtTm"`
	}
	if err := s.decoder.DecodeElement(&h, &e); err != nil {
		return err
	}
	var ok bool
	if s.at, ok = dateTime(h.At); !ok {
		return errForm("CreDtTm")
	}
	return nil
}

func (s *statusReader) original(e xml.StartElement) error {
	var o struct {
		Message string         `xml:"OrgnlMsgId"`
		Status  string         `xml:"GrpSts"`
		Reasons []statusReason `xml:"StsRsnInf"`
	}
	if err := s.decoder.DecodeElement(&o, &e); err != nil {
		return err
	}
	batch := Original(o.Message)
	if batch == "" {
		return errForm("OrgnlMsgId")
	}
	if said(o.Status) {
		s.group = judge(rail.Report{Batch: batch}, o.Status, o.Reasons)
	}
	return nil
}

// said reports whether a status of many instructions says something of all of them.
func said(status string) bool {
	status = strings.TrimSpace(status)
	return status != "" && status != "PART"
}

func (s *statusReader) payment() error {
	var batch, status string
	var reasons []statusReason
	if err := s.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "OrgnlPmtInfId":
			return s.decoder.DecodeElement(&batch, &e)
		case "PmtInfSts":
			return s.decoder.DecodeElement(&status, &e)
		case "StsRsnInf":
			var r statusReason
			err := s.decoder.DecodeElement(&r, &e)
			reasons = append(reasons, r)
			return err
		case "TxInfAndSts":
			return s.item(e)
		}
		return s.decoder.Skip()
	}); err != nil {
		return err
	}
	if batch = Original(batch); batch == "" {
		return errForm("OrgnlPmtInfId")
	}
	if said(status) {
		s.parts = append(s.parts, judge(rail.Report{Batch: batch}, status, reasons))
	}
	return nil
}

func (s *statusReader) item(e xml.StartElement) error {
	var i statusItem
	if err := s.decoder.DecodeElement(&i, &e); err != nil {
		return err
	}
	report := rail.Report{Reference: reported(i.Reference), Trace: strings.TrimSpace(i.Trace), BankTrace: strings.TrimSpace(i.BankTrace)}
	if report.Trace == "NOTPROVIDED" {
		report.Trace = ""
	}
	if report.Reference == "" && report.Trace == "" {
		return errForm("OrgnlEndToEndId")
	}
	var ok bool
	if i.At != "" {
		if report.At, ok = dateTime(i.At); !ok {
			return errForm("AccptncDtTm")
		}
	}
	if i.Amount.Value != "" {
		if report.Amount, ok = amount(i.Amount.Currency, i.Amount.Value); !ok {
			return errForm("InstdAmt")
		}
	}
	if strings.TrimSpace(i.Status) == "" {
		return nil // what is said of the batch holds
	}
	s.items = append(s.items, judge(report, i.Status, i.Reasons))
	return nil
}

func reported(written string) string {
	if written = strings.TrimSpace(written); written == "NOTPROVIDED" {
		return ""
	}
	return Original(written)
}

// judge puts what a status means into a report.
func judge(r rail.Report, status string, reasons []statusReason) rail.Report {
	for _, reason := range reasons {
		if r.Reason = strings.TrimSpace(reason.Code + reason.Own); r.Reason != "" {
			break
		}
	}
	switch strings.TrimSpace(status) {
	case "ACCP", "ACSP", "ACTC", "ACWC", "PDNG", "ACFC", "ACWP":
		r.State = rail.Accepted
	case "ACSC", "ACCC":
		r.State = rail.Paid
	case "RJCT":
		r.State, r.Code = rail.Failed, failure(r.Reason)
	default: // such as RCVD: it says neither yes nor no
		r.State = rail.Unknown
	}
	return r
}

// failures are our codes for ISO's (ExternalStatusReason1Code).
var failures = map[string]string{
	"AC01": "invalid_account_number", "AC03": "invalid_account_number", "AC14": "invalid_account_number",
	"AC04": "account_closed", "AC07": "account_closed", "AC05": "account_closed",
	"AC06": "account_frozen", "AC13": "bank_account_restricted", "AG01": "bank_account_restricted", "AG03": "bank_account_restricted",
	"AM03": "invalid_currency", "AM11": "invalid_currency", "AC09": "invalid_currency", "AM04": "insufficient_funds",
	"BE01": "incorrect_account_holder_name", "BE22": "incorrect_account_holder_name", "RR03": "incorrect_account_holder_name",
	"BE04": "incorrect_account_holder_address", "BE06": "no_account", "BE16": "incorrect_account_holder_tax_id",
	"RC01": "no_account", "RC03": "no_account", "RC04": "no_account", "AB08": "declined",
	"MD01": "debit_not_authorized", "MS02": "declined", "MS03": "declined", "RR04": "declined", "DS04": "declined",
}

func failure(reason string) string {
	if code, ok := failures[reason]; ok {
		return code
	}
	return "could_not_process"
}

// dateTime reads an ISODateTime; without an offset it is UTC.
func dateTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// amount reads a decimal exactly; more digits than the currency has must be zeros.
func amount(currency, value string) (money.Amount, bool) {
	c := money.Currency(strings.ToLower(currency))
	if !c.Known() {
		return money.Amount{}, false
	}
	whole, part, _ := strings.Cut(strings.TrimSpace(value), ".")
	if most := c.Exponent(); len(part) > most {
		if strings.Trim(part[most:], "0") != "" {
			return money.Amount{}, false
		}
		part = part[:most]
	}
	digits := whole + part + strings.Repeat("0", c.Exponent()-len(part))
	minor, err := strconv.ParseUint(digits, 10, 63)
	a := money.New(int64(minor), c)
	return a, err == nil && a.Check() == nil
}
