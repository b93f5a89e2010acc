package banksim

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// order is what a file tells the bank to do.
type order struct {
	format  string
	message string // what the file calls itself, or ""
	items   []item
}

type item struct {
	rail.Instruction
	trace string // of an ACH entry
}

func references(items []item) []string {
	all := make([]string, len(items))
	for n, it := range items {
		all[n] = it.Reference
	}
	return all
}

// errUnreadable is a file that no bank would take; what is wrong in it, a
// customer must find out himself.
var errUnreadable = errors.New("banksim: the file cannot be read")

// read tells the formats apart by how files begin.
func read(body []byte, columns Columns) (order, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.HasPrefix(body, []byte("<")):
		return readPain001(body)
	case bytes.HasPrefix(body, []byte("101")):
		return readACH(body)
	}
	return readCSV(body, columns)
}

// pain001 has what versions .03 and .09 have in common; the date and the BIC
// moved between them.
type pain001 struct {
	XMLName xml.Name `xml:"Document"`
	Body    struct {
		Header struct {
			Message string `xml:"MsgId"`
			Count   int    `xml:"NbOfTxs"`
			Sum     string `xml:"CtrlSum"`
		} `xml:"GrpHdr"`
		Payments []struct {
			Date struct {
				Text string `xml:",chardata"` // .03
				Dt   string `xml:"Dt"`        // .09
			} `xml:"ReqdExctnDt"`
			Priority string `xml:"PmtTpInf>LclInstrm>Cd"`
			Transfer []struct {
				Reference string `xml:"PmtId>EndToEndId"`
				Amount    struct {
					Currency string `xml:"Ccy,attr"`
					Value    string `xml:",chardata"`
				} `xml:"Amt>InstdAmt"`
				Name    string `xml:"Cdtr>Nm"`
				IBAN    string `xml:"CdtrAcct>Id>IBAN"`
				Number  string `xml:"CdtrAcct>Id>Othr>Id"`
				Proxy   string `xml:"CdtrAcct>Prxy>Id"`
				BIC     string `xml:"CdtrAgt>FinInstnId>BICFI"`
				OldBIC  string `xml:"CdtrAgt>FinInstnId>BIC"`
				Bank    string `xml:"CdtrAgt>FinInstnId>ClrSysMmbId>MmbId"`
				Local   string `xml:"PmtTpInf>LclInstrm>Cd"`
				Country string `xml:"Cdtr>PstlAdr>Ctry"`
			} `xml:"CdtTrfTxInf"`
		} `xml:"PmtInf"`
	} `xml:"CstmrCdtTrfInitn"`
}

func readPain001(body []byte) (order, error) {
	var doc pain001
	if err := xml.Unmarshal(body, &doc); err != nil {
		return order{}, errUnreadable
	}
	if !strings.HasPrefix(doc.XMLName.Space, "urn:iso:std:iso:20022:tech:xsd:pain.001.001.") || doc.Body.Header.Message == "" {
		return order{}, errUnreadable
	}
	o := order{format: "pain.001", message: doc.Body.Header.Message}
	sums := map[int]int64{} // the control sum adds numbers of all currencies
	for _, p := range doc.Body.Payments {
		on, err := time.Parse(time.DateOnly, strings.TrimSpace(p.Date.Dt+strings.TrimSpace(p.Date.Text)))
		if err != nil {
			return order{}, errUnreadable
		}
		for _, t := range p.Transfer {
			amount, err := parseAmount(t.Amount.Value, t.Amount.Currency)
			if err != nil || t.Reference == "" || t.IBAN+t.Number == "" || t.Name == "" {
				return order{}, errUnreadable
			}
			number := t.IBAN + t.Number
			if t.Proxy != "" {
				number = t.Proxy
			}
			sums[amount.Currency.Exponent()] += amount.Minor
			o.items = append(o.items, item{Instruction: rail.Instruction{
				Reference: t.Reference, Amount: amount, ExecuteOn: on, Instant: p.Priority == "INST" || t.Local == "INST",
				Creditor: rail.Creditor{Name: t.Name, Country: t.Country, Routing: t.BIC + t.OldBIC + t.Bank, Number: secret.New(number)},
			}})
		}
	}
	if len(o.items) == 0 || len(o.items) != doc.Body.Header.Count || !sumIs(doc.Body.Header.Sum, sums) {
		return order{}, errUnreadable
	}
	return o, nil
}

// sumIs reports whether a control sum, if there is one, is right. Sums over
// several exponents are not checked.
func sumIs(text string, sums map[int]int64) bool {
	if text == "" || len(sums) != 1 {
		return true
	}
	for exponent, want := range sums {
		got, err := minor(text, exponent)
		return err == nil && got == want
	}
	return false
}

func parseAmount(text, currency string) (money.Amount, error) {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return money.Amount{}, err
	}
	n, err := minor(text, c.Exponent())
	if err == nil && n <= 0 {
		err = errUnreadable
	}
	return money.New(n, c), err
}

// minor reads a decimal number as minor units; zeros behind the last one are allowed.
func minor(text string, exponent int) (int64, error) {
	whole, part, _ := strings.Cut(strings.TrimSpace(text), ".")
	if rest := part[min(len(part), exponent):]; strings.Trim(rest, "0") != "" {
		return 0, errUnreadable
	}
	part = part[:min(len(part), exponent)]
	return strconv.ParseInt(whole+part+strings.Repeat("0", exponent-len(part)), 10, 64)
}

// readACH checks what a bank checks first: whole records, counts, hashes and totals.
func readACH(body []byte) (order, error) {
	records := strings.Split(strings.TrimRight(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n"), "\n")
	if len(records)%10 != 0 {
		return order{}, errUnreadable
	}
	o := order{format: "ach"}
	var on time.Time
	var count, hash, debits, credits int64
	ended := false
	for _, r := range records {
		if len(r) != 94 {
			return order{}, errUnreadable
		}
		var err error
		switch {
		case ended:
		case r[0] == '5':
			on, err = time.Parse("060102", r[69:75])
		case r[0] == '6':
			var it item
			if it, err = readEntry(r, on); err != nil {
				break
			}
			count++
			hash += number(r[3:11])
			if it.Debit {
				debits += it.Amount.Minor
			} else {
				credits += it.Amount.Minor
			}
			o.items = append(o.items, it)
		case r[0] == '7':
			count++
			if len(o.items) == 0 {
				return order{}, errUnreadable
			}
			o.items[len(o.items)-1].Reference = strings.TrimSpace(r[3:83])
		case r[0] == '9':
			ended = true
			if number(r[13:21]) != count || number(r[21:31]) != hash%10_000_000_000 || number(r[31:43]) != debits || number(r[43:55]) != credits {
				return order{}, errUnreadable
			}
		}
		if err != nil {
			return order{}, errUnreadable
		}
	}
	if !ended || len(o.items) == 0 {
		return order{}, errUnreadable
	}
	return o, nil
}

func readEntry(r string, on time.Time) (item, error) {
	it := item{trace: r[79:94], Instruction: rail.Instruction{
		Reference: r[79:94], Amount: money.New(number(r[29:39]), "usd"), ExecuteOn: on,
		Creditor: rail.Creditor{Name: strings.TrimSpace(r[54:76]), Country: "US", Routing: r[3:12], Number: secret.New(strings.TrimSpace(r[12:29]))},
	}}
	switch r[1:3] {
	case "22", "32":
	case "27", "37":
		it.Debit = true
	default:
		return item{}, errUnreadable
	}
	if on.IsZero() || it.Amount.Minor <= 0 {
		return item{}, errUnreadable
	}
	return it, nil
}

// number is what a field of digits says; anything else is -1, which no sum is.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Columns are the headings of a CSV file. Bank and Currency may be missing from it.
type Columns struct {
	Reference, Amount, Currency, Name, Account, Bank, Date string
	DateLayout                                             string
}

// DefaultColumns are the headings that the bank asks for.
var DefaultColumns = Columns{
	Reference: "reference", Amount: "amount", Currency: "currency", Name: "name", Account: "account", Bank: "bank", Date: "date", DateLayout: time.DateOnly,
}

func readCSV(body []byte, c Columns) (order, error) {
	rows := csv.NewReader(bytes.NewReader(body))
	head, err := rows.Read()
	if err != nil {
		return order{}, errUnreadable
	}
	at := map[string]int{}
	for n, name := range head {
		at[name] = n
	}
	for _, name := range []string{c.Reference, c.Amount, c.Currency, c.Name, c.Account, c.Date} {
		if _, ok := at[name]; !ok {
			return order{}, errUnreadable
		}
	}
	o := order{format: "csv"}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return order{}, errUnreadable
		}
		amount, err := parseAmount(row[at[c.Amount]], row[at[c.Currency]])
		if err != nil {
			return order{}, errUnreadable
		}
		on, err := time.Parse(c.DateLayout, row[at[c.Date]])
		if err != nil || row[at[c.Reference]] == "" {
			return order{}, errUnreadable
		}
		it := item{Instruction: rail.Instruction{
			Reference: row[at[c.Reference]], Amount: amount, ExecuteOn: on,
			Creditor: rail.Creditor{Name: row[at[c.Name]], Number: secret.New(row[at[c.Account]])},
		}}
		if n, ok := at[c.Bank]; ok {
			it.Creditor.Routing = row[n]
		}
		o.items = append(o.items, it)
	}
	if len(o.items) == 0 {
		return order{}, errUnreadable
	}
	return o, nil
}

// stem is a file's name without what follows the last point: a file that does not
// say what it is called is called so.
func stem(name string) string {
	if n := strings.LastIndexByte(name, '.'); n > 0 {
		return name[:n]
	}
	return name
}

func chunks[T any](all []T, size int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			n := min(size, len(all))
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}
