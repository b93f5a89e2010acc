package statement_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/payouts/statement"
)

// told is what a sink was given, as text.
type told struct{ rows []string }

func (s *told) Begin(b statement.Statement) error {
	s.rows = append(s.rows, fmt.Sprintf("%s %s of %s", b.Kind, b.ID, b.Account.Reveal()))
	return nil
}

func (s *told) Line(l statement.Line) error {
	row := fmt.Sprintf("%d", l.Number)
	if l.Part > 0 {
		row += fmt.Sprintf(".%d", l.Part)
	}
	row += fmt.Sprintf(" %s %s %s %s", l.Amount, l.Booked.Format("060102"), l.Valued.Format("060102"), l.Code)
	for _, field := range []struct{ name, text string }{
		{"id", l.ExternalID}, {"end", l.References.EndToEnd}, {"batch", l.References.Batch}, {"trace", l.References.Trace}, {"bank", l.References.Bank},
		{"reason", l.Reason}, {"text", strings.ReplaceAll(l.Remittance.Reveal(), "\n", "|")},
	} {
		if field.text != "" {
			row += " " + field.name + "=" + field.text
		}
	}
	if l.Return {
		row += " return"
	}
	if l.Parts {
		row += " parts"
	}
	s.rows = append(s.rows, strings.TrimSpace(row))
	return nil
}

func (s *told) End(e statement.Statement) error {
	row := fmt.Sprintf("end %s lines=%d", e.Currency, e.Lines)
	if e.Opening != nil && e.Closing != nil {
		row += fmt.Sprintf(" %d→%d", e.Opening.Minor, e.Closing.Minor)
	}
	if !e.Checked {
		row += " unchecked"
	}
	if e.Pending > 0 {
		row += fmt.Sprintf(" pending=%d", e.Pending)
	}
	s.rows = append(s.rows, row)
	return nil
}

// read reads a file as it would be imported.
func read(content string, profiles ...statement.Profile) ([]string, error) {
	format, r := statement.Sniff(strings.NewReader(content), profiles)
	s := &told{}
	err := statement.Read(format, r, profiles, s)
	return s.rows, err
}

func expect(t *testing.T, content, want string, profiles ...statement.Profile) {
	t.Helper()
	got, err := read(content, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for row := range strings.SplitSeq(strings.TrimSpace(want), "\n") {
		rows = append(rows, strings.TrimSpace(row))
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("it reads differently (-want +got):\n%s", diff)
	}
}

// expectRefused reads a file that cannot be vouched for; canary is not to be shown.
func expectRefused(t *testing.T, content, says string, profiles ...statement.Profile) {
	t.Helper()
	_, err := read(content, profiles...)
	var unsound *statement.Error
	if !errors.As(err, &unsound) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %q", err, says)
		return
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("the error shows what stands in the file: %v", err)
	}
}

const canary = "CANARY"
