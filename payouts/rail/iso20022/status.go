package iso20022

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/money"
)

// statusSpace begins the namespace of every version of pain.002, from .03 on.
const statusSpace = "urn:iso:std:iso:20022:tech:xsd:pain.002.001."

// states are what the codes of ExternalPaymentTransactionStatus1Code mean to us. PART
// says that the items tell; what is not here tells nothing that moves a payout.
var states = map[string]rail.State{
	"RCVD": rail.Accepted, "PDNG": rail.Accepted, "ACTC": rail.Accepted, "ACCP": rail.Accepted, "ACSP": rail.Accepted, "ACWC": rail.Accepted,
	"ACSC": rail.Paid, "ACCC": rail.Paid,
	"RJCT": rail.Failed,
}

// ReadStatus reads a payment status report, pain.002.001.03 or later, by streaming:
// first what it says of the whole file, then of single payments. Its ids are ours
// again (Original). A file that is none, or cannot be read to its end, is an error, and
// nothing of it counts.
func ReadStatus(r io.Reader) ([]rail.Report, error) {
	s := &statusReader{decoder: xml.NewDecoder(r)}
	if err := s.read(); err != nil {
		return nil, err
	}
	return s.reports, nil
}

var errStatus = errors.New("this is no readable pain.002")

type statusReader struct {
	decoder *xml.Decoder
	reports []rail.Report
	at      time.Time
	message bool // CstmrPmtStsRpt was there
}

// reason is StsRsnInf.
type reason struct {
	Code string `xml:"Rsn>Cd"`
	Own  string `xml:"Rsn>Prtry"`
}

// group is OrgnlGrpInfAndSts.
type group struct {
	Message string   `xml:"OrgnlMsgId"`
	Status  string   `xml:"GrpSts"`
	Reasons []reason `xml:"StsRsnInf"`
}

// payment is TxInfAndSts.
type payment struct {
	Instruction string   `xml:"OrgnlInstrId"`
	EndToEnd    string   `xml:"OrgnlEndToEndId"`
	Status      string   `xml:"TxSts"`
	Reasons     []reason `xml:"StsRsnInf"`
	Bank        string   `xml:"AcctSvcrRef"`
	Amount      struct {
		Currency string `xml:"Ccy,attr"`
		Decimal  string `xml:",chardata"`
	} `xml:"OrgnlTxRef>Amt>InstdAmt"`
}

func (s *statusReader) read() error {
	depth := 0
	var batch, status string // of the payment information that is open
	var reasons []reason
	for {
		token, err := s.decoder.Token()
		if errors.Is(err, io.EOF) && depth == 0 && s.message {
			return nil
		}
		if err != nil {
			return errStatus // the decoder's words may quote the file
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth == 0 && (e.Name.Local != "Document" || !strings.HasPrefix(e.Name.Space, statusSpace)) {
				return errStatus
			}
			whole, err := s.element(e, batch)
			if err != nil {
				return err
			}
			if whole {
				continue
			}
			switch e.Name.Local {
			case "OrgnlPmtInfAndSts":
				batch, status, reasons = "", "", nil
			case "OrgnlPmtInfId":
				err = s.decoder.DecodeElement(&batch, &e)
			case "PmtInfSts":
				err = s.decoder.DecodeElement(&status, &e)
			case "StsRsnInf":
				var why reason
				err = s.decoder.DecodeElement(&why, &e)
				reasons = append(reasons, why)
			}
			if err != nil {
				return errStatus
			}
			switch e.Name.Local {
			case "OrgnlPmtInfId", "PmtInfSts", "StsRsnInf":
				continue
			}
			depth++
		case xml.EndElement:
			if depth--; e.Name.Local == "OrgnlPmtInfAndSts" && status != "" {
				s.add(rail.Report{Batch: Original(batch)}, status, reasons)
				status = ""
			}
		}
	}
}

// element reads the elements that are taken as a whole.
func (s *statusReader) element(e xml.StartElement, batch string) (bool, error) {
	switch e.Name.Local {
	case "CstmrPmtStsRpt":
		s.message = true
		return false, nil
	case "GrpHdr":
		var header struct {
			Created string `xml:"CreDtTm"`
		}
		if err := s.decoder.DecodeElement(&header, &e); err != nil {
			return true, errStatus
		}
		s.at = moment(header.Created)
		return true, nil
	case "OrgnlGrpInfAndSts":
		var g group
		if err := s.decoder.DecodeElement(&g, &e); err != nil || strings.TrimSpace(g.Message) == "" {
			return true, errStatus
		}
		s.add(rail.Report{Batch: Original(g.Message)}, g.Status, g.Reasons)
		return true, nil
	case "TxInfAndSts":
		var p payment
		if err := s.decoder.DecodeElement(&p, &e); err != nil {
			return true, errStatus
		}
		return true, s.payment(p)
	}
	return false, nil
}

func (s *statusReader) payment(p payment) error {
	r := rail.Report{BankTrace: strings.TrimSpace(p.Bank)}
	switch endToEnd := strings.TrimSpace(p.EndToEnd); {
	case endToEnd != "" && endToEnd != "NOTPROVIDED":
		r.Reference = Original(endToEnd)
	case strings.TrimSpace(p.Instruction) != "":
		r.Trace = strings.TrimSpace(p.Instruction)
	default:
		return fmt.Errorf("%w: a payment has neither reference nor trace", errStatus)
	}
	if p.Amount.Decimal != "" {
		currency := money.Currency(strings.ToLower(p.Amount.Currency))
		minor, err := statement.Minor(strings.TrimSpace(p.Amount.Decimal), '.', currency)
		if err != nil {
			return fmt.Errorf("%w: an amount cannot be read", errStatus)
		}
		r.Amount = money.New(minor, currency)
	}
	s.add(r, p.Status, p.Reasons)
	return nil
}

// add keeps a report that moves something. Where the bank gives several reasons the first
// that we know names the failure.
func (s *statusReader) add(r rail.Report, status string, reasons []reason) {
	state, known := states[strings.TrimSpace(status)]
	if !known {
		return
	}
	r.State, r.At = state, s.at
	if state == rail.Failed {
		r.Code = rail.CodeOf("")
		for i, why := range reasons {
			given := strings.TrimSpace(why.Code + why.Own)
			if code := rail.CodeOf(given); i == 0 || r.Code == rail.CodeOf("") && code != r.Code {
				r.Reason, r.Code = given, code
			}
		}
	}
	s.reports = append(s.reports, r)
}

// moment reads an ISO date and time, with or without a zone; zero if it is none.
func moment(text string) time.Time {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
