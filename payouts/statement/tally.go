package statement

import (
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
)

// tally carries one file's statements to the sink and keeps the sums that decide
// whether they can be vouched for.
type tally struct {
	sink  Sink
	count int
	begun bool // Begin was called
	now   Statement
	sum   int64 // of the entries
}

// start begins another statement; the sink hears of it with begin.
func (t *tally) start(kind Kind) {
	t.count++
	t.begun, t.sum = false, 0
	t.now = Statement{Number: t.count, Kind: kind}
}

// begin tells the sink, once account and currency are known.
func (t *tally) begin() error {
	if t.begun {
		return nil
	}
	if !t.now.Currency.Known() {
		return t.problem("it does not say its currency")
	}
	t.begun = true
	return t.sink.Begin(t.now)
}

// line counts an entry and hands it on. Parts only pass through: their entry counts.
func (t *tally) line(l Line) error {
	if err := t.begin(); err != nil {
		return err
	}
	if l.Part == 0 {
		t.now.Lines++
		l.Number = t.now.Lines
		if l.Amount.Currency != t.now.Currency {
			return t.lineProblem("its currency is not the account's")
		}
		sum, err := add(t.sum, l.Amount.Minor)
		if err != nil {
			return t.lineProblem(err.Error())
		}
		t.sum = sum
	} else {
		l.Number = t.now.Lines
	}
	return t.sink.Line(l)
}

// end closes the statement. strict is a format in which a Booked statement has balances.
func (t *tally) end(strict bool) error {
	if err := t.begin(); err != nil {
		return err
	}
	s := &t.now
	if s.Kind == Booked {
		switch {
		case s.Opening != nil && s.Closing != nil:
			if err := t.adds(); err != nil {
				return err
			}
			s.Checked = true
		case strict:
			return t.problem("it does not say both its opening and its closing balance")
		}
	}
	if s.From.IsZero() && s.Opening != nil {
		s.From = s.Opening.On
	}
	if s.To.IsZero() && s.Closing != nil {
		s.To = s.Closing.On
	}
	return t.sink.End(*s)
}

func (t *tally) adds() error {
	s := &t.now
	total, err := add(s.Opening.Minor, t.sum)
	if err != nil {
		return t.problem(err.Error())
	}
	if total != s.Closing.Minor {
		show := func(minor int64) string { return money.New(minor, s.Currency).Decimal() }
		return t.problem("the balances do not add up: opening " + show(s.Opening.Minor) + " and entries of " + show(t.sum) +
			" come to " + show(total) + ", but closing is " + show(s.Closing.Minor) + " " + strings.ToUpper(string(s.Currency)))
	}
	return nil
}

// done refuses a file without statements: an empty answer to "what happened" is not "nothing".
func (t *tally) done() error {
	if t.count == 0 {
		return problemf("the file holds no statement")
	}
	return nil
}

func (t *tally) problem(text string) error { return &Error{Statement: t.count, Problem: text} }

// lineProblem is about the entry that is read.
func (t *tally) lineProblem(text string) error {
	return &Error{Statement: t.count, Line: max(1, t.now.Lines), Problem: text}
}

// nextProblem is about an entry that has not been counted yet.
func (t *tally) nextProblem(err error) error {
	return &Error{Statement: t.count, Line: t.now.Lines + 1, Problem: err.Error()}
}

// currency settles what the statement is kept in; every later word must agree.
func (t *tally) currency(code string) (money.Currency, error) {
	c, err := money.ParseCurrency(code)
	if err != nil {
		return "", t.problem("a currency is not of ISO 4217")
	}
	if t.now.Currency == "" {
		t.now.Currency = c
	}
	return c, nil
}

func day(year int, month time.Month, date int) time.Time {
	return time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
}
