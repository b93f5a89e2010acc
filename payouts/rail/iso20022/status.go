package iso20022

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// ErrStatus is in every error about a file that is no pain.002, or a broken one.
var ErrStatus = errors.New("not a payment status report (pain.002.001.03 or later)")

// states are what the statuses of ExternalPaymentTransactionStatus1Code mean here: with
// the first ones the bank has it, and it is on its way. Others say neither yes nor no.
var states = map[string]rail.State{
	"RCVD": rail.Accepted, "PDNG": rail.Accepted, "ACTC": rail.Accepted, "ACCP": rail.Accepted, "ACFC": rail.Accepted,
	"ACSP": rail.Accepted, "ACWC": rail.Accepted, "ACWP": rail.Accepted,
	"ACSC": rail.Paid, "ACCC": rail.Paid,
	"RJCT": rail.Failed, "CANC": rail.Failed,
}

// someOf are statuses of a batch that say nothing of all of it: its items speak.
var someOf = []string{"PART", "PATC"}

var statusForm = regexp.MustCompile(`^[A-Z0-9]{1,4}$`)

// verdict is what the bank says of an instruction or of a batch.
type verdict struct {
	status  string // "" if it says nothing
	reasons []string
}

// statusReport is pain.002, "customer payment status report". Its versions from 3 on have
// the same shape in what is read here.
var statusReport = regexp.MustCompile(`^urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.(0[3-9]|1[0-5])$`)

// ReadStatus reads a pain.002, the bank's answer to a file of ours. The reports on items
// come first, in the order of the file; then those on batches, each about all of the batch
// that the file does not report by itself. A status that says neither yes nor no is Unknown.
//
// Any doubt about the file is an error about the whole of it, and no report: a file that is
// cut off, of another kind, or that contradicts itself. The error shows no bank details.
func ReadStatus(file io.Reader) ([]rail.Report, error) {
	s := statusFile{batches: map[string]verdict{}}
	err := read(file, statusReport, "CstmrPmtStsRpt", s.part)
	if err == nil {
		err = s.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatus, err)
	}
	return s.reports, nil
}

type statusFile struct {
	at      time.Time // of the file
	heard   bool      // about the original group
	group   verdict
	message string             // the batch the file answers
	batches map[string]verdict // by the batch's id as written
	order   []string
	reports []rail.Report
}

// part reads one part of the message. They come in this order and no other.
func (s *statusFile) part(e *element) error {
	switch e.name {
	case "GrpHdr":
		return e.each(func(e *element) (err error) {
			if e.name == "CreDtTm" {
				s.at, err = dateTime(e)
				return err
			}
			return e.skip()
		})
	case "OrgnlGrpInfAndSts":
		if s.heard || s.at.IsZero() {
			return fmt.Errorf("%s: twice, or before the header", e.name)
		}
		s.heard = true
		return s.original(e)
	case "OrgnlPmtInfAndSts":
		if !s.heard {
			return fmt.Errorf("%s: before OrgnlGrpInfAndSts", e.name)
		}
		return s.payment(e)
	}
	return e.skip()
}

// original reads what is said of the message as a whole.
func (s *statusFile) original(e *element) error {
	about := ""
	err := e.each(func(e *element) (err error) {
		switch e.name {
		case "OrgnlMsgId":
			s.message, err = e.text()
		case "OrgnlMsgNmId":
			about, err = e.text()
		case "GrpSts":
			s.group.status, err = e.text()
		case "StsRsnInf":
			err = s.group.because(e)
		default:
			err = e.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case s.message == "":
		return fmt.Errorf("OrgnlMsgId is missing")
	case about != "" && !strings.HasPrefix(about, "pain.001"):
		return fmt.Errorf("it answers no credit transfers but another kind of message")
	}
	return s.group.valid("GrpSts")
}

// payment reads one payment information block and its items.
func (s *statusFile) payment(e *element) error {
	var v verdict
	batch := ""
	err := e.each(func(e *element) (err error) {
		switch e.name {
		case "OrgnlPmtInfId":
			batch, err = e.text()
		case "PmtInfSts":
			v.status, err = e.text()
		case "StsRsnInf":
			err = v.because(e)
		case "TxInfAndSts":
			err = s.item(e, v)
		default:
			err = e.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case batch == "":
		return fmt.Errorf("OrgnlPmtInfId is missing")
	}
	if err := v.valid("PmtInfSts"); err != nil {
		return err
	}
	if _, twice := s.batches[batch]; twice {
		return fmt.Errorf("OrgnlPmtInfId: one stands twice")
	}
	s.batches[batch] = v
	s.order = append(s.order, batch)
	return nil
}

// item reads one instruction's status. Where it has none, its batch's is meant.
func (s *statusFile) item(e *element, batch verdict) error {
	var v verdict
	r := rail.Report{At: s.at}
	servicer, cleared := "", ""
	err := e.each(func(e *element) (err error) {
		var text string
		switch e.name {
		case "OrgnlInstrId":
			if text, err = e.text(); provided(text) {
				r.Trace = text
			}
		case "OrgnlEndToEndId":
			if text, err = e.text(); provided(text) {
				r.Reference = Original(text)
			}
		case "TxSts":
			v.status, err = e.text()
		case "StsRsnInf":
			err = v.because(e)
		case "AccptncDtTm":
			r.At, err = dateTime(e)
		case "AcctSvcrRef":
			servicer, err = e.text()
		case "ClrSysRef":
			cleared, err = e.text()
		case "OrgnlTxRef":
			r.Amount, err = original(e)
		default:
			err = e.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	r.BankTrace = servicer
	if servicer == "" {
		r.BankTrace = cleared
	}
	for _, above := range []verdict{batch, s.group} {
		if v.status == "" {
			v.status = above.status
		}
		if len(v.reasons) == 0 && v.status == above.status {
			v.reasons = above.reasons
		}
	}
	switch {
	case r.Reference == "" && r.Trace == "":
		return fmt.Errorf("an item has neither OrgnlEndToEndId nor OrgnlInstrId")
	case v.status == "" || slices.Contains(someOf, v.status):
		return fmt.Errorf("an item has no status")
	}
	if err := v.valid("TxSts"); err != nil {
		return err
	}
	if against(batch, v) || against(s.group, v) {
		return fmt.Errorf("an item is accepted whose batch is rejected")
	}
	v.fill(&r)
	s.reports = append(s.reports, r)
	return nil
}

// finish adds the reports on batches. The message's status is that of the batch, which
// has its id (our files have one each); the payment block's own goes before it.
func (s *statusFile) finish() error {
	if !s.heard {
		return fmt.Errorf("OrgnlGrpInfAndSts is missing")
	}
	if _, ok := s.batches[s.message]; !ok && provided(s.message) {
		s.order = append(s.order, s.message)
	}
	for _, batch := range s.order {
		v := s.batches[batch]
		if against(s.group, v) {
			return fmt.Errorf("a batch is accepted whose message is rejected")
		}
		if v.status == "" {
			v = s.group
		}
		if v.status == "" || slices.Contains(someOf, v.status) {
			continue
		}
		r := rail.Report{Batch: Original(batch), At: s.at}
		v.fill(&r)
		s.reports = append(s.reports, r)
	}
	if len(s.reports) == 0 {
		return fmt.Errorf("it says nothing of any instruction")
	}
	return nil
}

// fill writes the verdict into a report. Of several reasons the one that says most
// stands: that the bank had it before, for then no money may go back; then the first
// that we have a code for.
func (v verdict) fill(r *rail.Report) {
	r.State = states[v.status] // or Unknown
	weight := -1
	for _, reason := range v.reasons {
		w := 0
		switch {
		case rail.Duplicate(reason):
			w = 2
		case rail.CodeOf(reason) != rail.CodeOf(""):
			w = 1
		}
		if w > weight {
			r.Reason, weight = reason, w
		}
	}
	if r.State == rail.Failed {
		r.Code = rail.CodeOf(r.Reason)
	}
}

// because reads one status reason.
func (v *verdict) because(e *element) error {
	return e.each(func(e *element) error {
		if e.name != "Rsn" {
			return e.skip()
		}
		return e.each(func(e *element) error {
			reason, err := e.text()
			if err == nil && len(reason) > 35 {
				err = fmt.Errorf("%s: a reason has more than 35 characters", e.name)
			}
			v.reasons = append(v.reasons, reason)
			return err
		})
	})
}

// valid fails on what is no status.
func (v verdict) valid(field string) error {
	if v.status == "" || statusForm.MatchString(v.status) {
		return nil
	}
	return fmt.Errorf("%s: not a status", field)
}

// against reports whether a part is taken though the whole is rejected.
func against(whole, part verdict) bool {
	return states[whole.status] == rail.Failed && part.status != "" && states[part.status] != rail.Failed
}

// provided reports whether an id is one: banks fill in a word where they have none.
func provided(id string) bool { return id != "" && id != "NOTPROVIDED" && id != "NONREF" }

// original reads the instructed amount of an original transaction.
func original(e *element) (amount money.Amount, err error) {
	err = e.each(func(e *element) error {
		if e.name != "Amt" {
			return e.skip()
		}
		return e.each(func(e *element) error {
			if e.name != "InstdAmt" {
				return e.skip()
			}
			amount, err = e.amount()
			return err
		})
	})
	return amount, err
}
