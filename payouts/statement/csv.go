package statement

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// Profile says how a bank writes its CSV. It is data: an operator adds a bank
// without a new release. Names of columns are those of the header, as they stand there.
type Profile struct {
	Name      string   `json:"name"`
	Delimiter string   `json:"delimiter"` // one character; default ","
	Latin1    bool     `json:"latin1"`    // else UTF-8
	Skip      int      `json:"skip"`      // lines before the header
	Header    []string `json:"header"`    // all columns, in order

	Booked     string `json:"booked"`      // column of the booking date
	Valued     string `json:"valued"`      // column of the value date, or ""
	DateLayout string `json:"date_layout"` // such as DD/MM/YYYY

	// Either one column, with a sign or beside a column that says which; or one of
	// money out and one of money in.
	Amount     string `json:"amount"`
	Mark       string `json:"mark"`
	MarkDebit  string `json:"mark_debit"` // what Mark says of a debit; anything but this and MarkCredit is an error
	MarkCredit string `json:"mark_credit"`
	Debit      string `json:"debit"`
	Credit     string `json:"credit"`
	Decimal    string `json:"decimal"`   // "." or ","; default "."
	Thousands  string `json:"thousands"` // "," "." "'" " " or ""
	Balance    string `json:"balance"`   // column of the balance after the line, or ""
	Newest     bool   `json:"newest"`    // the newest line stands first

	Currency      string `json:"currency"`       // column; or else
	FixedCurrency string `json:"fixed_currency"` // all lines are in it
	Account       string `json:"account"`        // column; or else
	FixedAccount  string `json:"fixed_account"`  // a name for the account

	ExternalID    string   `json:"external_id"`
	EndToEnd      string   `json:"end_to_end"`
	Batch         string   `json:"batch"`
	Trace         string   `json:"trace"`
	BankReference string   `json:"bank_reference"`
	Code          string   `json:"code"`
	Reason        string   `json:"reason"` // of a return; a line that has one is a return
	Remittance    []string `json:"remittance"`
}

// ParseProfiles reads a JSON array of profiles and checks every one.
func ParseProfiles(r io.Reader) ([]Profile, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var profiles []Profile
	if err := dec.Decode(&profiles); err != nil {
		return nil, fmt.Errorf("CSV profiles: %w", err)
	}
	var names []string
	for i := range profiles {
		if err := profiles[i].Check(); err != nil {
			return nil, fmt.Errorf("CSV profile %q: %w", profiles[i].Name, err)
		}
		if slices.Contains(names, profiles[i].Name) {
			return nil, fmt.Errorf("CSV profile %q stands there twice", profiles[i].Name)
		}
		names = append(names, profiles[i].Name)
	}
	return profiles, nil
}

// Check refuses a profile that could not read a line.
func (p *Profile) Check() error {
	if p.Delimiter == "" {
		p.Delimiter = ","
	}
	if p.Decimal == "" {
		p.Decimal = "."
	}
	switch {
	case p.Name == "" || strings.ContainsAny(p.Name, " :"):
		return errors.New("name: must be a word")
	case len(p.Delimiter) != 1 || strings.Contains("\"\r\n", p.Delimiter):
		return errors.New("delimiter: must be one character")
	case p.Skip < 0 || p.Skip > 100:
		return errors.New("skip: must be 0 to 100")
	case p.Decimal != "." && p.Decimal != ",":
		return errors.New("decimal: must be . or ,")
	case p.Thousands == p.Decimal || len(p.Thousands) > 1 || !strings.Contains(",.' ", p.Thousands):
		return errors.New("thousands: must be , . ' or a space, and not the decimal mark")
	case p.Booked == "":
		return errors.New("booked: is missing")
	case (p.Amount == "") == (p.Debit == "" || p.Credit == ""):
		return errors.New("amount: give one column, or debit and credit")
	case (p.Mark == "") != (p.MarkDebit == "" || p.MarkCredit == "") || p.Mark != "" && p.Amount == "":
		return errors.New("mark: give amount, mark, mark_debit and mark_credit together")
	case (p.Currency == "") == (p.FixedCurrency == ""):
		return errors.New("currency: give a column or fixed_currency")
	case (p.Account == "") == (p.FixedAccount == ""):
		return errors.New("account: give a column or fixed_account")
	}
	if p.FixedCurrency != "" {
		if _, err := money.ParseCurrency(p.FixedCurrency); err != nil {
			return errors.New("fixed_currency: must be a currency of ISO 4217")
		}
	}
	if _, err := p.layout(); err != nil {
		return err
	}
	for i, name := range p.Header {
		if slices.Contains(p.Header[:i], name) && p.uses(name) {
			return fmt.Errorf("header: has %q twice", name)
		}
	}
	for _, name := range p.columns() {
		if name != "" && !slices.Contains(p.Header, name) {
			return fmt.Errorf("header: has no column %q", name)
		}
	}
	return nil
}

func (p *Profile) columns() []string {
	return append([]string{
		p.Booked, p.Valued, p.Amount, p.Mark, p.Debit, p.Credit, p.Balance, p.Currency, p.Account,
		p.ExternalID, p.EndToEnd, p.Batch, p.Trace, p.BankReference, p.Code, p.Reason,
	}, p.Remittance...)
}

func (p *Profile) uses(name string) bool { return slices.Contains(p.columns(), name) }

// layout is the date layout as package time wants it.
func (p *Profile) layout() (string, error) {
	layout := strings.NewReplacer("YYYY", "2006", "YY", "06", "MMM", "Jan", "MM", "01", "DD", "02").Replace(p.DateLayout)
	sample := time.Date(2031, 12, 28, 0, 0, 0, 0, time.UTC)
	if back, err := time.Parse(layout, sample.Format(layout)); err != nil || !back.Equal(sample) {
		return "", errors.New("date_layout: must hold DD, MM or MMM, and YYYY or YY")
	}
	return layout, nil
}

// table reads one CSV.
type table struct {
	tally
	p       *Profile
	layout  string
	column  map[string]int
	row     []string
	account string
	balance *int64 // after the line before
	first   *int64 // before the first line, or after it where the newest stands first
}

// ReadCSV reads a CSV by its profile. Lines of one account and currency that follow
// one another are one statement.
func ReadCSV(r io.Reader, p Profile, sink Sink) error {
	if err := p.Check(); err != nil {
		return err
	}
	t := &table{tally: tally{sink: sink}, p: &p, column: map[string]int{}}
	t.layout, _ = p.layout()
	for i, name := range p.Header {
		t.column[name] = i
	}
	if p.Latin1 {
		r = &latin{r: r}
	}
	source := newBounded(r)
	for range p.Skip {
		for c := byte(0); c != '\n'; {
			var err error
			if c, err = source.ReadByte(); err != nil {
				return problemf("the file ends before its header")
			}
		}
	}
	in := csv.NewReader(source)
	in.Comma, in.ReuseRecord, in.FieldsPerRecord = rune(p.Delimiter[0]), true, len(p.Header)
	header := true
	for {
		source.pause()
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t.broken(err)
		}
		if header {
			header = false
			row[0] = strings.TrimPrefix(row[0], "\uFEFF")
			if !slices.EqualFunc(row, p.Header, func(a, b string) bool { return strings.TrimSpace(a) == b }) {
				return problemf("the header is not that of the profile %s", p.Name)
			}
			continue
		}
		t.row = row
		if err := t.read(); err != nil {
			return err
		}
	}
	if t.count > 0 {
		if err := t.finish(); err != nil {
			return err
		}
	}
	return t.done()
}

func (t *table) broken(err error) error {
	var at *csv.ParseError
	switch {
	case errors.As(err, &at):
		return problemf("line %d of the CSV cannot be read", t.p.Skip+at.Line)
	case errors.Is(err, errTooLong):
		return problemf("%s", errTooLong.Error())
	}
	return err
}

// cell is what stands in a column of the line; "" if there is no such column.
func (t *table) cell(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToValidUTF8(strings.TrimSpace(t.row[t.column[name]]), "\uFFFD")
}

func (t *table) read() (err error) {
	account := either(t.p.FixedAccount, t.cell(t.p.Account))
	currency, err := money.ParseCurrency(either(t.p.FixedCurrency, t.cell(t.p.Currency)))
	if err != nil {
		return t.nextProblem(errors.New("its currency is not of ISO 4217"))
	}
	if t.count == 0 || account != t.account || currency != t.now.Currency {
		if t.count > 0 {
			if err := t.finish(); err != nil {
				return err
			}
		}
		t.start(Booked)
		t.account, t.balance, t.first = account, nil, nil
		t.now.Account, t.now.Currency = secret.New(account), currency
	}
	l := Line{
		ExternalID: t.cell(t.p.ExternalID), Code: t.cell(t.p.Code), Reason: t.cell(t.p.Reason), Return: t.cell(t.p.Reason) != "",
		References: References{
			EndToEnd: t.cell(t.p.EndToEnd), Batch: t.cell(t.p.Batch), Trace: t.cell(t.p.Trace), Bank: t.cell(t.p.BankReference),
		},
	}
	if l.Booked, err = t.date(t.p.Booked); err != nil {
		return err
	}
	l.Valued = l.Booked
	if t.p.Valued != "" {
		if l.Valued, err = t.date(t.p.Valued); err != nil {
			return err
		}
	}
	minor, err := t.amount()
	if err != nil {
		return t.nextProblem(err)
	}
	l.Amount = money.New(minor, currency)
	if err := t.follow(minor); err != nil {
		return err
	}
	var remittance []string
	for _, name := range t.p.Remittance {
		if text := t.cell(name); text != "" {
			remittance = append(remittance, text)
		}
	}
	l.Remittance = secret.New(clip(strings.Join(remittance, "\n")))
	t.span(l.Booked)
	return t.line(l)
}

func (t *table) date(name string) (time.Time, error) {
	d, err := time.Parse(t.layout, t.cell(name))
	if err != nil {
		return d, t.nextProblem(errors.New("a date is not a date"))
	}
	return d, nil
}

func (t *table) span(booked time.Time) {
	if t.now.From.IsZero() || booked.Before(t.now.From) {
		t.now.From = booked
	}
	if booked.After(t.now.To) {
		t.now.To = booked
	}
}

func (t *table) amount() (int64, error) {
	if t.p.Amount != "" {
		minor, err := t.number(t.cell(t.p.Amount))
		if err != nil || t.p.Mark == "" {
			return minor, err
		}
		switch t.cell(t.p.Mark) {
		case t.p.MarkDebit:
			return -minor, nil
		case t.p.MarkCredit:
			return minor, nil
		}
		return 0, errors.New("its mark says neither debit nor credit")
	}
	out, in := t.cell(t.p.Debit), t.cell(t.p.Credit)
	if (out == "") == (in == "") {
		return 0, errors.New("it has not exactly one of debit and credit")
	}
	if in != "" {
		return t.number(in)
	}
	minor, err := t.number(out)
	if minor > 0 { // some write debits with their sign
		minor = -minor
	}
	return minor, err
}

// number reads a number with an optional sign before or behind, or in parentheses.
func (t *table) number(text string) (int64, error) {
	if t.p.Thousands != "" {
		text = strings.ReplaceAll(text, t.p.Thousands, "")
	}
	negative := false
	switch {
	case strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")"):
		negative, text = true, text[1:len(text)-1]
	case strings.HasPrefix(text, "-"):
		negative, text = true, text[1:]
	case strings.HasSuffix(text, "-"):
		negative, text = true, text[:len(text)-1]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	minor, err := Minor(text, t.p.Decimal[0], t.now.Currency)
	if negative {
		minor = -minor
	}
	return minor, err
}

// follow holds the balance after a line against the one of the line before.
func (t *table) follow(minor int64) error {
	if t.p.Balance == "" {
		return nil
	}
	after, err := t.number(t.cell(t.p.Balance))
	if err != nil {
		return t.nextProblem(err)
	}
	before := after - minor
	switch {
	case t.balance == nil && t.p.Newest:
		t.first = &after
	case t.balance == nil:
		t.first = &before
	case t.p.Newest && *t.balance != after, !t.p.Newest && *t.balance != before:
		return t.nextProblem(errors.New("its balance does not follow from the line before"))
	}
	t.balance = &after
	if t.p.Newest {
		t.balance = &before
	}
	return nil
}

func (t *table) finish() error {
	if t.balance != nil {
		opening, closing := *t.first, *t.balance
		if t.p.Newest {
			opening, closing = closing, opening
		}
		t.now.Opening, t.now.Closing = &Balance{Minor: opening, On: t.now.From}, &Balance{Minor: closing, On: t.now.To}
	}
	return t.end(false)
}
