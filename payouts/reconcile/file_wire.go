package reconcile

import (
	"encoding/hex"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the file as the API shows it.
func (f File) Wire(d Details) wire.BankStatement {
	w := wire.BankStatement{
		ID: f.ID, Object: "bank_statement", Created: wire.Unix(f.CreatedAt), Filename: f.Name, Format: wire.Nullable(string(f.Format)),
		Lines: wire.BankStatementCounts{New: f.Lines, Known: f.Known, Matched: d.Matched, Open: d.Open}, Livemode: f.Livemode,
		QuarantineReason: wire.Nullable(f.Reason), Rail: wire.Nullable(f.Rail), Repeated: f.Repeated, SHA256: hex.EncodeToString(f.SHA256),
		Size: f.Size, Status: string(f.Status), Statements: []wire.BankStatementAccount{},
	}
	for _, s := range d.Statements {
		w.Statements = append(w.Statements, wire.BankStatementAccount{
			BalancesChecked: s.Checked, OpeningBalance: s.Opening, ClosingBalance: s.Closing, Currency: string(s.Currency),
			From: wire.NullableUnix(s.FirstDay), To: wire.NullableUnix(s.LastDay), Last4: s.Last4, Lines: s.Lines, Pending: s.Pending,
			Reference: s.Reference, Type: string(s.Kind),
		})
	}
	return w
}

// Wire is the line as the API shows it; text is "" unless it was asked for.
func (l Line) Wire(livemode bool, text string) wire.BankStatementLine {
	return wire.BankStatementLine{
		ID: l.ID, Object: "bank_statement_line", Amount: l.Amount, BankReference: wire.Nullable(l.Bank), BankStatement: l.File, Batch: wire.Nullable(l.Batch),
		Booked: wire.NullableUnix(l.Booked), Valued: wire.NullableUnix(l.Valued), Code: wire.Nullable(l.Code), Currency: string(l.Currency),
		EndToEnd: wire.Nullable(l.EndToEnd), Entry: l.Entry, Livemode: livemode, OpenReason: wire.Nullable(l.Reason), Part: wire.Nullable(l.Part),
		Payout: wire.Nullable(l.Payout), Returned: l.Returned, ReturnReason: wire.Nullable(l.BankCode), Status: l.Status, Text: wire.Nullable(text),
		Trace: wire.Nullable(l.Trace), StatementNumber: int64(l.Statement),
	}
}
