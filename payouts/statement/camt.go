package statement

import (
	"io"
	"regexp"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// camtSpace is the namespace of the messages that are read: the tags are the same
// from the second version to the eighth.
var camtSpace = regexp.MustCompile(`^urn:iso:std:iso:20022:tech:xsd:camt\.05([234])\.001\.0[2-8]$`)

// camtMessage is what holds the statements of each message, and what they are.
type camtMessage struct {
	root, statement string
	kind            Kind
}

var camtMessages = map[string]camtMessage{
	"2": {"BkToCstmrAcctRpt", "Rpt", Intraday},
	"3": {"BkToCstmrStmt", "Stmt", Booked},
	"4": {"BkToCstmrDbtCdtNtfctn", "Ntfctn", Notification},
}

// camt reads one message.
type camt struct {
	*elements
	tally
	message camtMessage

	balances camtBalances
	entry    Line
	pending  bool
	info     string // what the bank adds to the entry
	detail   Line   // the first payment of the entry, as long as it is the only one
	details  int
	batch    string // the group the entry's payments were sent with
}

// ReadCamt reads camt.052, 053 and 054.
func ReadCamt(r io.Reader, sink Sink) error {
	c := &camt{elements: newElements(r), tally: tally{sink: sink}}
	name, ok, err := c.child()
	switch {
	case err != nil:
		return err
	case !ok || name != "Document":
		return problemf("the file is no ISO 20022 document")
	}
	space := c.namespace()
	match := camtSpace.FindStringSubmatch(space)
	if match == nil {
		return problemf("the file is no camt.052, camt.053 or camt.054 of a known version")
	}
	c.message = camtMessages[match[1]]
	err = c.children(func(name string) error {
		if name != c.message.root {
			return problemf("the file is not the message its namespace promises")
		}
		return c.children(func(name string) error {
			if name == c.message.statement {
				return c.statement()
			}
			return c.skip()
		})
	})
	if err != nil {
		return err
	}
	if err := c.finish(); err != nil {
		return err
	}
	return c.done()
}

// namespace is that of the element that was opened last, by its own prefix.
func (c *camt) namespace() string {
	prefix := c.open[len(c.open)-1].Space
	for _, a := range c.attrs {
		if prefix == "" && a.Name.Space == "" && a.Name.Local == "xmlns" || prefix != "" && a.Name.Space == "xmlns" && a.Name.Local == prefix {
			return a.Value
		}
	}
	return ""
}

func (c *camt) statement() error {
	c.start(c.message.kind)
	c.balances = camtBalances{}
	err := c.children(func(name string) error {
		switch name {
		case "Id":
			return c.into(&c.now.ID)
		case "FrToDt":
			return c.period()
		case "Acct":
			return c.account()
		case "Bal":
			return c.balance()
		case "Ntry":
			return c.readEntry()
		}
		return c.skip()
	})
	if err != nil {
		return err
	}
	c.now.Opening, c.now.Closing = c.balances.ends()
	return c.end(true)
}

func (c *camt) period() error {
	return c.children(func(name string) error {
		switch name {
		case "FrDtTm", "FrDt":
			return c.date(&c.now.From)
		case "ToDtTm", "ToDt":
			return c.date(&c.now.To)
		}
		return c.skip()
	})
}

// date reads a date or the date of a time, in the bank's own zone.
func (c *camt) date(place *time.Time) error {
	text, err := c.value()
	if err != nil {
		return err
	}
	if len(text) > len(time.DateOnly) {
		text = text[:len(time.DateOnly)]
	}
	if *place, err = time.Parse(time.DateOnly, text); err != nil {
		return c.problem("a date is not a date")
	}
	return nil
}

func (c *camt) account() error {
	return c.children(func(name string) error {
		switch name {
		case "Id": // IBAN, or Othr with an Id and the scheme it is of
			return c.children(func(name string) error {
				if name == "IBAN" {
					return c.number()
				}
				return c.children(func(name string) error {
					if name == "Id" {
						return c.number()
					}
					return c.skip()
				})
			})
		case "Ccy":
			text, err := c.value()
			if err != nil {
				return err
			}
			_, err = c.currency(text)
			return err
		}
		return c.skip()
	})
}

func (c *camt) number() error {
	text, err := c.value()
	c.now.Account = secret.New(text)
	return err
}

// camtBalances finds the two ends among the balances of a statement. A page of a
// long statement ends, and the next one begins, with an interim balance.
type camtBalances struct {
	opening, previous, closing *Balance
	interim                    []*Balance
}

func (b *camtBalances) ends() (opening, closing *Balance) {
	if opening = b.opening; opening == nil {
		opening = b.previous
	}
	closing = b.closing
	switch {
	case opening == nil && closing == nil && len(b.interim) == 2:
		return b.interim[0], b.interim[1]
	case opening == nil && closing != nil && len(b.interim) == 1:
		return b.interim[0], closing
	case opening != nil && closing == nil && len(b.interim) == 1:
		return opening, b.interim[0]
	}
	return opening, closing
}

func (c *camt) balance() error {
	var kind, mark, text, code string
	b := &Balance{}
	err := c.children(func(name string) error {
		switch name {
		case "Tp":
			return c.children(func(name string) error {
				if name == "CdOrPrtry" {
					return c.into(&kind)
				}
				return c.skip()
			})
		case "Amt":
			code = c.attr("Ccy")
			return c.into(&text)
		case "CdtDbtInd":
			return c.into(&mark)
		case "Dt":
			return c.dateInside(&b.On)
		}
		return c.skip()
	})
	if err != nil {
		return err
	}
	var place **Balance
	switch kind {
	case "OPBD":
		place = &c.balances.opening
	case "PRCD":
		place = &c.balances.previous
	case "CLBD":
		place = &c.balances.closing
	case "ITBD":
		if len(c.balances.interim) == 2 {
			return c.problem("it has more interim balances than two")
		}
		c.balances.interim = append(c.balances.interim, nil)
		place = &c.balances.interim[len(c.balances.interim)-1]
	default:
		return nil // of what is available, forward or for information
	}
	if *place != nil {
		return c.problem("it has two balances of one kind")
	}
	currency, err := c.currency(code)
	if err != nil {
		return err
	}
	if currency != c.now.Currency {
		return c.problem("a balance is in another currency than the account")
	}
	if b.Minor, err = Minor(text, '.', currency); err != nil {
		return c.problem(err.Error())
	}
	if b.Minor, err = c.signed(b.Minor, mark); err != nil {
		return err
	}
	*place = b
	return nil
}

// dateInside reads <X><Dt> or <X><DtTm>.
func (c *camt) dateInside(place *time.Time) error {
	return c.children(func(string) error { return c.date(place) })
}

func (c *camt) signed(minor int64, mark string) (int64, error) {
	switch mark {
	case "CRDT":
		return minor, nil
	case "DBIT":
		return -minor, nil
	}
	return 0, c.problem("an amount is neither credit nor debit")
}

// readEntry reads one Ntry. An entry of one payment is one line; one of many is a
// line with its parts after it, handed on one by one as they are read.
func (c *camt) readEntry() error {
	c.entry, c.detail, c.details, c.batch, c.info, c.pending = Line{}, Line{}, 0, "", "", false
	var mark, text, code string
	settle := func() (err error) { // once what stands before the details is read
		if c.entry.Amount.Currency != "" {
			return nil
		}
		if c.entry.Amount.Currency, err = c.currency(code); err != nil {
			return err
		}
		minor, err := Minor(text, '.', c.entry.Amount.Currency)
		if err != nil {
			return c.nextProblem(err)
		}
		c.entry.Amount.Minor, err = c.signed(minor, mark)
		return err
	}
	err := c.children(func(name string) error {
		switch name {
		case "NtryRef":
			return c.into(&c.entry.ExternalID)
		case "Amt":
			code = c.attr("Ccy")
			return c.into(&text)
		case "CdtDbtInd":
			return c.into(&mark)
		case "RvslInd":
			flag, err := c.value()
			c.entry.Return = flag == "true" || flag == "1"
			return err
		case "Sts":
			status, err := c.value()
			c.pending = status != "BOOK"
			return err
		case "BookgDt":
			return c.dateInside(&c.entry.Booked)
		case "ValDt":
			return c.dateInside(&c.entry.Valued)
		case "AcctSvcrRef":
			return c.into(&c.entry.References.Bank)
		case "BkTxCd":
			return c.code(&c.entry.Code)
		case "NtryDtls":
			if err := settle(); err != nil {
				return err
			}
			return c.readDetails()
		case "AddtlNtryInf":
			return c.into(&c.info)
		}
		return c.skip()
	})
	if err != nil {
		return err
	}
	if err := settle(); err != nil {
		return err
	}
	if c.pending {
		c.now.Pending++
		return nil
	}
	if c.details > 1 {
		return nil // handed on before its parts
	}
	c.merge()
	return c.line(c.entry)
}

// merge makes one line of an entry and its only payment.
func (c *camt) merge() {
	e, d := &c.entry, &c.detail
	e.References.EndToEnd, e.References.Trace = d.References.EndToEnd, d.References.Trace
	e.References.Batch = either(d.References.Batch, c.batch)
	e.References.Bank = either(e.References.Bank, d.References.Bank)
	e.Code = either(e.Code, d.Code)
	e.Return, e.Reason = e.Return || d.Return, d.Reason
	e.Remittance = secret.New(joined(d.Remittance.Reveal(), c.info))
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// code reads a bank transaction code as domain/family/sub-family, or the bank's own.
func (c *camt) code(place *string) error {
	var domain, family, sub, own string
	err := c.children(func(name string) error {
		return c.children(func(inner string) error {
			switch {
			case name == "Prtry" && inner == "Cd":
				return c.into(&own)
			case name == "Domn" && inner == "Cd":
				return c.into(&domain)
			case name == "Domn" && inner == "Fmly":
				return c.children(func(leaf string) error {
					if leaf == "Cd" {
						return c.into(&family)
					}
					return c.into(&sub)
				})
			}
			return c.skip()
		})
	})
	*place = own
	if domain != "" {
		*place = domain + "/" + family + "/" + sub
	}
	return err
}

func (c *camt) readDetails() error {
	return c.children(func(name string) error {
		switch name {
		case "Btch":
			var message, group string
			err := c.children(func(name string) error {
				switch name {
				case "MsgId":
					return c.into(&message)
				case "PmtInfId":
					return c.into(&group)
				}
				return c.skip()
			})
			c.batch = either(message, group)
			return err
		case "TxDtls":
			return c.readDetail()
		}
		return c.skip()
	})
}

// readDetail reads one payment of the entry. The first waits for a second: with it
// the entry is one for many, which the sink hears of before them.
func (c *camt) readDetail() error {
	part, err := c.payment()
	if err != nil || c.pending {
		return err
	}
	c.details++
	part.Part = c.details
	switch c.details {
	case 1:
		c.detail = part
		return nil
	case 2:
		c.entry.Parts, c.entry.References.Batch = true, either(c.batch, c.detail.References.Batch)
		if err := c.line(c.entry); err != nil {
			return err
		}
		if err := c.line(c.detail); err != nil {
			return err
		}
	}
	return c.line(part)
}

func (c *camt) payment() (Line, error) {
	p := Line{Booked: c.entry.Booked, Valued: c.entry.Valued, Code: c.entry.Code, Return: c.entry.Return}
	var amounts camtAmounts
	var mark, remittance string
	err := c.children(func(name string) error {
		switch name {
		case "Refs":
			return c.references(&p)
		case "Amt":
			return c.amount(&amounts.own)
		case "CdtDbtInd":
			return c.into(&mark)
		case "AmtDtls":
			return c.amountDetails(&amounts)
		case "BkTxCd":
			return c.code(&p.Code)
		case "RtrInf":
			p.Return = true
			return c.reason(&p)
		case "RmtInf":
			return c.remittance(&remittance)
		case "AddtlTxInf":
			text, err := c.value()
			remittance = joined(remittance, text)
			return err
		}
		return c.skip()
	})
	if err != nil {
		return p, err
	}
	p.Code = either(p.Code, c.entry.Code)
	p.References.Batch = either(p.References.Batch, c.batch)
	p.Remittance = secret.New(remittance)
	if err := c.partAmount(&p, amounts, mark); err != nil {
		return p, err
	}
	return p, nil
}

// camtAmounts are the places where a payment's amount may stand, the better first.
type camtAmounts struct{ own, transaction, instructed camtAmount }

type camtAmount struct{ text, code string }

func (c *camt) amount(place *camtAmount) error {
	place.code = c.attr("Ccy")
	return c.into(&place.text)
}

func (c *camt) amountDetails(amounts *camtAmounts) error {
	return c.children(func(name string) error {
		var place *camtAmount
		switch name {
		case "TxAmt":
			place = &amounts.transaction
		case "InstdAmt":
			place = &amounts.instructed
		default:
			return c.skip()
		}
		return c.children(func(name string) error {
			if name == "Amt" {
				return c.amount(place)
			}
			return c.skip()
		})
	})
}

// partAmount is what one payment moved. The bank may say it in the payee's currency.
func (c *camt) partAmount(p *Line, amounts camtAmounts, mark string) error {
	p.Amount = money.Zero(c.entry.Amount.Currency)
	given := amounts.own
	for _, other := range []camtAmount{amounts.transaction, amounts.instructed} {
		if given.text == "" {
			given = other
		}
	}
	if given.text == "" {
		return nil
	}
	currency, err := money.ParseCurrency(given.code)
	if err != nil {
		return c.problem("a currency is not of ISO 4217")
	}
	minor, err := Minor(given.text, '.', currency)
	if err != nil {
		return c.nextProblem(err)
	}
	switch {
	case mark != "":
		minor, err = c.signed(minor, mark)
	case c.entry.Amount.Minor < 0:
		minor = -minor
	}
	p.Amount = money.New(minor, currency)
	return err
}

func (c *camt) references(p *Line) error {
	var message, group, transaction, clearing string
	err := c.children(func(name string) error {
		switch name {
		case "MsgId":
			return c.into(&message)
		case "PmtInfId":
			return c.into(&group)
		case "EndToEndId":
			return c.into(&p.References.EndToEnd)
		case "AcctSvcrRef":
			return c.into(&p.References.Bank)
		case "TxId":
			return c.into(&transaction)
		case "ClrSysRef", "UETR":
			return c.into(&clearing)
		}
		return c.skip()
	})
	if p.References.EndToEnd == "NOTPROVIDED" {
		p.References.EndToEnd = ""
	}
	p.References.Batch = either(message, group)
	p.References.Trace = either(clearing, transaction)
	return err
}

func (c *camt) reason(p *Line) error {
	return c.children(func(name string) error {
		if name == "Rsn" { // Cd or Prtry
			return c.into(&p.Reason)
		}
		return c.skip()
	})
}

// remittance collects the free text and the structured references.
func (c *camt) remittance(place *string) error {
	return c.children(func(name string) error {
		if name == "Ustrd" {
			text, err := c.value()
			*place = joined(*place, text)
			return err
		}
		return c.children(func(name string) error {
			if name == "CdtrRefInf" || name == "AddtlRmtInf" {
				return c.leaves(name, place)
			}
			return c.skip()
		})
	})
}

// leaves adds an additional text, or the reference of a structured one.
func (c *camt) leaves(name string, place *string) error {
	if name == "AddtlRmtInf" {
		text, err := c.value()
		*place = joined(*place, text)
		return err
	}
	return c.children(func(name string) error {
		if name != "Ref" {
			return c.skip()
		}
		text, err := c.value()
		*place = joined(*place, text)
		return err
	})
}
