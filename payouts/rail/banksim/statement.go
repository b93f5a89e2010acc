package banksim

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/money"
)

// StatementFormat is how the bank writes its statements.
type StatementFormat string

// The formats. Camt054 lists a day's entries without balances.
const (
	Camt053 StatementFormat = "camt053"
	Camt054 StatementFormat = "camt054"
	MT940   StatementFormat = "mt940"
	BAI2    StatementFormat = "bai2"
)

// Fault is what a statement gets wrong about one movement. What the bank shows
// still adds up: it is the wrong entries that its balances follow.
type Fault string

// The faults.
const (
	Faithful Fault = ""
	Missing  Fault = "missing"    // is never shown
	Twice    Fault = "duplicate"  // is shown two times
	OffByOne Fault = "off_by_one" // is shown with one minor unit more
	Late     Fault = "late"       // is shown a day later
)

// Planted is one fault: the key to what a reconciliation must find.
type Planted struct {
	Reference string
	Kind      string // of the movement: debit, return, credit, reversal
	Fault     Fault
	Amount    money.Amount // the true one
	BookedOn  time.Time    // the true day, midnight UTC
}

// entry is a line of a statement.
type entry struct {
	movement
	Message string
	Trace   string
	Failure string
}

// signed is what the entry adds to the account.
func (e entry) signed() int64 {
	if e.Kind == out || e.Kind == takeBack {
		return -e.Amount
	}
	return e.Amount
}

func (e entry) undoes() bool { return e.Kind == back || e.Kind == takeBack }

// page is one statement: opening, entries and closing add up.
type page struct {
	currency money.Currency
	day      time.Time
	number   int64
	opening  int64
	closing  int64
	entries  []entry
}

// state writes the statements of days that are over by at.
func (d *Desk) state(ctx context.Context, tx bun.Tx, at time.Time) error {
	today := at.UTC().Truncate(day)
	entries, err := d.shown(ctx, tx, today)
	if err != nil {
		return err
	}
	for len(entries) > 0 {
		first := entries[0]
		p := page{currency: first.Currency, day: dayOf(first.BookedAt)}
		n := 0
		for n < len(entries) && entries[n].Currency == p.currency && dayOf(entries[n].BookedAt).Equal(p.day) {
			n++
		}
		p.entries, entries = entries[:n], entries[n:]
		if err := d.put(ctx, tx, p, at); err != nil {
			return err
		}
	}
	return nil
}

// shown is the entries of days before today that are on no statement yet, by
// currency and day, with the faults that are planted.
func (d *Desk) shown(ctx context.Context, tx bun.Tx, today time.Time) ([]entry, error) {
	// Days before the last statement are settled, but for what is shown a day late.
	var since time.Time
	err := tx.NewRaw(`SELECT (max(day) - 1)::timestamp AT TIME ZONE 'UTC' FROM banksim.statements WHERE desk = ? HAVING max(day) IS NOT NULL`,
		d.cfg.Name).Scan(ctx, &since)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	all, err := d.movements(ctx, tx, since, today)
	if err != nil {
		return nil, err
	}
	stated := map[string]bool{}
	var keys []string
	if err := tx.NewRaw(`SELECT currency || to_char(day, 'YYYY-MM-DD') FROM banksim.statements WHERE desk = ?`, d.cfg.Name).Scan(ctx, &keys); err != nil {
		return nil, err
	}
	for _, key := range keys {
		stated[key] = true
	}
	var open []entry
	for _, e := range all {
		copies := 1
		switch d.cfg.Fault(e.Reference, e.Kind) {
		case Missing:
			copies = 0
		case Twice:
			copies = 2
		case OffByOne:
			e.Amount++
		case Late:
			e.BookedAt = e.BookedAt.Add(day)
		case Faithful:
		}
		if stated[string(e.Currency)+e.BookedAt.UTC().Format(time.DateOnly)] || !e.BookedAt.Before(today) {
			continue
		}
		for range copies {
			open = append(open, e)
		}
	}
	sortEntries(open)
	return open, nil
}

func (d *Desk) movements(ctx context.Context, idb bun.IDB, since, before time.Time) ([]entry, error) {
	var all []entry
	err := idb.NewRaw(`SELECT m.*, i.message, i.trace, i.failure FROM banksim.movements m JOIN banksim.instructions i USING (reference)
		WHERE m.desk = ? AND m.booked_at >= ? AND m.booked_at < ?`, d.cfg.Name, since, before).Scan(ctx, &all)
	return all, err
}

// put writes one statement in all formats.
func (d *Desk) put(ctx context.Context, tx bun.Tx, p page, at time.Time) error {
	p.opening, p.number = d.cfg.Opening[p.currency], 1
	var last []struct{ Closing, Number int64 }
	err := tx.NewRaw(`SELECT closing, number FROM banksim.statements WHERE desk = ? AND currency = ? ORDER BY day DESC LIMIT 1`,
		d.cfg.Name, string(p.currency)).Scan(ctx, &last)
	if err != nil {
		return err
	}
	if len(last) > 0 {
		p.opening, p.number = last[0].Closing, last[0].Number+1
	}
	p.closing = p.opening
	for _, e := range p.entries {
		p.closing += e.signed()
	}
	_, err = tx.NewRaw(`INSERT INTO banksim.statements (desk, currency, day, number, opening, closing) VALUES (?, ?, ?, ?, ?, ?)`,
		d.cfg.Name, string(p.currency), p.day, p.number, p.opening, p.closing).Exec(ctx)
	if err != nil {
		return err
	}
	for _, format := range d.cfg.Statements {
		body, extension := d.page(format, p)
		if err := d.answer(ctx, tx, string(format), extension, at, body); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) page(format StatementFormat, p page) (body []byte, extension string) {
	switch format {
	case MT940:
		return d.mt940(p), ".sta"
	case BAI2:
		return d.bai2(p), ".bai"
	case Camt054:
		return d.camt(p, false), ".xml"
	case Camt053:
	}
	return d.camt(p, true), ".xml"
}

// Key lists the faults among what was booked before a time.
func (d *Desk) Key(ctx context.Context, before time.Time) ([]Planted, error) {
	all, err := d.movements(ctx, d.bank.pool, time.Time{}, before)
	if err != nil {
		return nil, fmt.Errorf("sandbox bank: key: %w", err)
	}
	sortEntries(all)
	var key []Planted
	for _, e := range all {
		if fault := d.cfg.Fault(e.Reference, e.Kind); fault != Faithful {
			key = append(key, Planted{
				Reference: e.Reference, Kind: e.Kind, Fault: fault, Amount: money.New(e.Amount, e.Currency), BookedOn: dayOf(e.BookedAt),
			})
		}
	}
	return key, nil
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(day) }

// side is an amount as ISO 20022 writes it: without a sign, and beside it whether
// it is a credit or a debit.
func side(minor int64, c money.Currency) (amount, indicator string) {
	if minor < 0 {
		return money.New(-minor, c).Decimal(), "DBIT"
	}
	return money.New(minor, c).Decimal(), "CRDT"
}

// camt writes a camt.053.001.08 with balances, or a camt.054.001.08 without.
func (d *Desk) camt(p page, balances bool) []byte {
	var b bytes.Buffer
	kind, body, part := "camt.054.001.08", "BkToCstmrDbtCdtNtfctn", "Ntfctn"
	if balances {
		kind, body, part = "camt.053.001.08", "BkToCstmrStmt", "Stmt"
	}
	made := p.day.Add(day).Format("2006-01-02T15:04:05Z")
	currency := strings.ToUpper(string(p.currency))
	id := fmt.Sprintf("SIM-%s-%s-%d", kind[5:8], currency, p.number)
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%s"><%s>`, kind, body)
	fmt.Fprintf(&b, "<GrpHdr><MsgId>%s</MsgId><CreDtTm>%s</CreDtTm></GrpHdr><%s><Id>%s</Id><ElctrncSeqNb>%d</ElctrncSeqNb><CreDtTm>%s</CreDtTm>", id, made, part, id, p.number, made)
	on := p.day.Format(time.DateOnly)
	fmt.Fprintf(&b, "<FrToDt><FrDtTm>%sT00:00:00Z</FrDtTm><ToDtTm>%sT23:59:59Z</ToDtTm></FrToDt>", on, on)
	number := d.cfg.Account.Number.Reveal()
	tag := "Othr><Id>%s</Id></Othr"
	if len(number) > 14 && number[0] >= 'A' && number[1] >= 'A' {
		tag = "IBAN>%s</IBAN"
	}
	fmt.Fprintf(&b, "<Acct><Id><"+tag+"></Id><Ccy>%s</Ccy></Acct>", escape(number), currency)
	if balances {
		for _, bal := range []struct {
			code  string
			minor int64
		}{{"OPBD", p.opening}, {"CLBD", p.closing}} {
			amount, indicator := side(bal.minor, p.currency)
			fmt.Fprintf(&b, `<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`, bal.code, currency, amount, indicator, on)
		}
	}
	for n, e := range p.entries {
		e.camt(&b, fmt.Sprintf("%s-%d", id, n+1))
	}
	fmt.Fprintf(&b, "</%s></%s></Document>\n", part, body)
	return b.Bytes()
}

func (e entry) camt(b *bytes.Buffer, id string) {
	amount, indicator := side(e.signed(), e.Currency)
	on, currency := e.BookedAt.UTC().Format(time.DateOnly), strings.ToUpper(string(e.Currency))
	family, sub := "ICDT", "ESCT"
	if e.Kind == in || e.Kind == takeBack {
		family, sub = "IDDT", "ESDD"
	}
	if e.undoes() {
		family, sub = "RCDT", "RRTN"
	}
	fmt.Fprintf(b, `<Ntry><NtryRef>%s</NtryRef><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>`, id, currency, amount, indicator)
	fmt.Fprintf(b, "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>%s</Dt></BookgDt><ValDt><Dt>%s</Dt></ValDt><AcctSvcrRef>%s</AcctSvcrRef>", on, on, id)
	fmt.Fprintf(b, "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>%s</Cd><SubFmlyCd>%s</SubFmlyCd></Fmly></Domn></BkTxCd>", family, sub)
	fmt.Fprintf(b, "<NtryDtls><TxDtls><Refs>")
	if e.Message != "" {
		fmt.Fprintf(b, "<MsgId>%s</MsgId>", escape(e.Message))
	}
	if e.Trace != "" {
		fmt.Fprintf(b, "<InstrId>%s</InstrId>", escape(e.Trace))
	}
	fmt.Fprintf(b, `<EndToEndId>%s</EndToEndId></Refs><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>`, escape(e.Reference), currency, amount, indicator)
	if e.undoes() {
		fmt.Fprintf(b, "<RtrInf><Rsn><Cd>%s</Cd></Rsn></RtrInf>", reasons[e.Failure].iso)
	}
	b.WriteString("</TxDtls></NtryDtls></Ntry>")
}

// mt940 writes a SWIFT statement. The reference does not fit into the sixteen
// characters of field 61, so field 86 carries it.
func (d *Desk) mt940(p page) []byte {
	var b bytes.Buffer
	amount := func(minor int64) string {
		return strings.ReplaceAll(money.New(max(minor, -minor), p.currency).Decimal(), ".", ",") + map[bool]string{true: ",", false: ""}[p.currency.Exponent() == 0]
	}
	mark := func(minor int64) string {
		if minor < 0 {
			return "D"
		}
		return "C"
	}
	balance := func(tag string, minor int64) {
		fmt.Fprintf(&b, ":%s:%s%s%s%s\r\n", tag, mark(minor), p.day.Format("060102"), strings.ToUpper(string(p.currency)), amount(minor))
	}
	fmt.Fprintf(&b, ":20:SIM%s%d\r\n:25:%s\r\n:28C:%d/1\r\n", strings.ToUpper(string(p.currency)), p.number, d.cfg.Account.Number.Reveal(), p.number%100_000)
	balance("60F", p.opening)
	for n, e := range p.entries {
		sign := mark(e.signed())
		if e.undoes() { // a debit undone is a credit, and the other way round
			sign = "R" + map[string]string{"C": "D", "D": "C"}[sign]
		}
		fmt.Fprintf(&b, ":61:%s%s%s%sNTRFNONREF//SIM%d-%d\r\n", p.day.Format("060102"), p.day.Format("0102"), sign, amount(e.signed()), p.number, n+1)
		fmt.Fprintf(&b, ":86:/EREF/%s", e.Reference)
		if e.undoes() {
			fmt.Fprintf(&b, "/RTRN/%s", reasons[e.Failure].iso)
		}
		b.WriteString("\r\n")
	}
	balance("62F", p.closing)
	b.WriteString("-\r\n")
	return b.Bytes()
}

// bai2 writes a cash management file: one group, one account, one line for each
// entry.
func (d *Desk) bai2(p page) []byte {
	var b bytes.Buffer
	date, currency := p.day.Format("060102"), strings.ToUpper(string(p.currency))
	fmt.Fprintf(&b, "01,%s,SLUICE,%s,0000,%d,80,,2/\n", simRouting, p.day.Add(day).Format("060102"), p.number)
	fmt.Fprintf(&b, "02,SLUICE,%s,1,%s,,%s,2/\n", simRouting, date, currency)
	fmt.Fprintf(&b, "03,%s,%s,010,%s,,,015,%s,,/\n", d.cfg.Account.Number.Reveal(), currency, plus(p.opening), plus(p.closing))
	sum, records := p.opening+p.closing, 2
	for n, e := range p.entries {
		code := "142" // ACH credit received
		switch e.Kind {
		case out:
			code = "451"
		case back:
			code = "257" // individual ACH return
		case takeBack:
			code = "557"
		}
		sum += e.Amount
		reference := e.Reference
		if e.Trace != "" {
			reference = e.Trace
		}
		fmt.Fprintf(&b, "16,%s,%d,,SIM%d-%d,%s,/\n88,EREF: %s\n", code, e.Amount, p.number, n+1, reference, e.Reference)
		records += 2
		if e.undoes() {
			fmt.Fprintf(&b, "88,Reason: %s\n", reasons[e.Failure].ach)
			records++
		}
	}
	fmt.Fprintf(&b, "49,%s,%d/\n98,%s,1,%d/\n99,%s,1,%d/\n", plus(sum), records, plus(sum), records+2, plus(sum), records+4)
	return b.Bytes()
}

func plus(n int64) string { return fmt.Sprintf("%+d", n) }

// sortEntries puts entries in the order of statements: by currency, day, time and reference.
func sortEntries(all []entry) {
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), a.BookedAt.Compare(b.BookedAt), cmp.Compare(a.Reference, b.Reference), cmp.Compare(a.Kind, b.Kind))
	})
}
