package iso20022

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/letters"
	"github.com/sluicepay/sluice/payouts/rail/iso20022/terms"
	"github.com/sluicepay/sluice/platform/money"
)

// Format writes and reads the files of one profile. It is a rail.Format, and
// Capabilities with it make the half of a rail.Filed that is not delivery.
type Format struct {
	profile Profile
	zone    *time.Location
}

// New is the format of a profile.
func New(p Profile) (*Format, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Format{profile: p, zone: p.Location()}, nil
}

// Capabilities is the profile's terms.
func (f *Format) Capabilities() rail.Capabilities { return f.profile.Capabilities(f.profile.Name) }

// FileName has the rail, the number and the id of the batch.
func (f *Format) FileName(b rail.Batch) string {
	return fmt.Sprintf("%s-%06d-%s.xml", f.profile.Name, b.Number, b.ID)
}

// Trace is the instruction id, InstrId.
func (f *Format) Trace(b rail.Batch, n int) string { return terms.Trace(b, n) }

// Written is how a file writes an id of ours: bank files know no underscore.
func Written(id string) string { return strings.ReplaceAll(id, "_", "-") }

// Original is the id that a bank's file means: what Written was given.
func Original(written string) string { return strings.ReplaceAll(strings.TrimSpace(written), "-", "_") }

// CheckDebtor fails if no file could name the debtor; a configuration is checked with it.
func (f *Format) CheckDebtor(d rail.Debtor) error {
	_, err := f.debtor(d)
	return err
}

// debtor is the payer. Errors are for the operator and show no bank details.
func (f *Format) debtor(d rail.Debtor) (party, error) {
	number, routing := compact(d.Number.Reveal()), compact(d.Routing)
	p := party{name: f.text(d.Name, 70)}
	var err error
	if p.address, err = f.address(d.Address); err != nil {
		return party{}, fmt.Errorf("debtor of %s: the address needs a town and a country", f.profile.Name)
	}
	switch {
	case !letters.Name(p.name):
		return party{}, fmt.Errorf("debtor of %s: no name", f.profile.Name)
	case len(Written(d.ID)) > 35 || !ownCode.MatchString(d.ID) && d.ID != "":
		return party{}, fmt.Errorf("debtor of %s: the id has more than 35 characters or odd ones", f.profile.Name)
	case isIBAN(number):
		p.account.iban = number
	case len(f.profile.Clearings) == 0 && len(f.profile.Proxies) == 0:
		return party{}, fmt.Errorf("debtor of %s: the account number is not an IBAN", f.profile.Name)
	case otherNumber.MatchString(number):
		p.account.other = number
	default:
		return party{}, fmt.Errorf("debtor of %s: no account number", f.profile.Name)
	}
	if routing == "" && p.account.iban != "" {
		return p, nil // the bank knows itself by the IBAN
	}
	if bic.MatchString(routing) {
		p.bank.bic = routing
		return p, nil
	}
	for country, name := range f.profile.Clearings {
		if system := clearings[name]; system.routing.MatchString(routing) && (country == d.Address.Country || len(f.profile.Clearings) == 1) {
			p.bank = bank{system: name, member: routing}
			if system.member != nil {
				p.bank.member = system.member(routing)
			}
			return p, nil
		}
	}
	return party{}, fmt.Errorf("debtor of %s: the routing is neither a BIC nor of a clearing system of the profile", f.profile.Name)
}

// Write streams the file of a batch: memory does not grow with it. It fails, and what was
// written is no file, if the instructions are not those that the batch counts.
func (f *Format) Write(w io.Writer, b rail.Batch) error {
	debtor, err := f.debtor(b.Debtor)
	if err != nil {
		return err
	}
	tally, err := terms.Begin(b)
	if err != nil {
		return err
	}
	x := &document{w: bufio.NewWriterSize(w, 1<<16), version: f.profile.Version}
	x.raw(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:` + string(f.profile.Version) + `">` + "\n")
	x.open("CstmrCdtTrfInitn")
	f.header(x, b, debtor)
	f.begin(x, b, debtor)
	n := 0
	for i, err := range b.Instructions {
		if err != nil {
			return fmt.Errorf("read instruction %d of batch %s: %w", n+1, b.ID, err)
		}
		if err := tally.Add(i); err != nil {
			return err
		}
		payee, err := f.payee(i)
		if err != nil {
			return fmt.Errorf("write %s: %w", i.Reference, err)
		}
		f.credit(x, i, payee, terms.Trace(b, n))
		if x.err != nil {
			return x.err
		}
		n++
	}
	if err := tally.End(); err != nil {
		return err
	}
	x.close("PmtInf", "CstmrCdtTrfInitn")
	x.raw("</Document>\n")
	return x.flush()
}

func (f *Format) header(x *document, b rail.Batch, debtor party) {
	x.open("GrpHdr")
	x.text("MsgId", Written(b.ID))
	x.text("CreDtTm", b.CreatedAt.UTC().Format("2006-01-02T15:04:05Z"))
	x.totals(b)
	x.open("InitgPty")
	x.text("Nm", debtor.name)
	if b.Debtor.ID != "" {
		x.open("Id", "OrgId", "Othr")
		x.text("Id", f.text(b.Debtor.ID, 35))
		x.code("SchmeNm", f.profile.DebtorScheme)
		x.close("Othr", "OrgId", "Id")
	}
	x.close("InitgPty", "GrpHdr")
	x.raw("\n")
}

// begin writes what all instructions share.
func (f *Format) begin(x *document, b rail.Batch, debtor party) {
	x.open("PmtInf")
	x.text("PmtInfId", Written(b.ID))
	x.text("PmtMtd", "TRF")
	x.text("BtchBookg", strconv.FormatBool(f.profile.BatchBooking))
	x.totals(b)
	x.kind(f.profile.ServiceLevel, f.profile.LocalInstrument, f.profile.CategoryPurpose)
	x.open("ReqdExctnDt")
	if f.profile.Version == V03 {
		x.raw(b.ExecuteOn.UTC().Format(time.DateOnly))
	} else {
		x.text("Dt", b.ExecuteOn.UTC().Format(time.DateOnly))
	}
	x.close("ReqdExctnDt")
	x.party("Dbtr", debtor)
	x.open("DbtrAcct")
	x.account(debtor.account, f.profile.AccountScheme)
	x.text("Ccy", strings.ToUpper(string(b.Currency)))
	x.close("DbtrAcct")
	x.agent("DbtrAgt", debtor.bank, true)
	x.text("ChrgBr", f.profile.ChargeBearer)
	x.raw("\n")
}

func (f *Format) credit(x *document, i rail.Instruction, payee party, trace string) {
	x.open("CdtTrfTxInf", "PmtId")
	x.text("InstrId", trace)
	x.text("EndToEndId", Written(i.Reference))
	x.close("PmtId")
	x.kind(Code{}, payee.instrument, Code{})
	x.raw(`<Amt><InstdAmt Ccy="`)
	x.raw(strings.ToUpper(string(i.Amount.Currency)))
	x.raw(`">`)
	x.raw(i.Amount.Decimal())
	x.raw(`</InstdAmt></Amt>`)
	x.agent("CdtrAgt", payee.bank, false)
	x.party("Cdtr", payee)
	x.open("CdtrAcct")
	x.account(payee.account, f.profile.AccountScheme)
	x.close("CdtrAcct")
	if text := f.text(i.Statement, f.profile.RemittanceMost); text != "" {
		x.open("RmtInf")
		x.text("Ustrd", text)
		x.close("RmtInf")
	}
	x.close("CdtTrfTxInf")
	x.raw("\n")
}

// totals are the count and the sum of the batch.
func (x *document) totals(b rail.Batch) {
	x.text("NbOfTxs", strconv.Itoa(b.Count))
	x.text("CtrlSum", money.New(b.Total, b.Currency).Decimal())
}
