package nacha

import (
	"strings"
	"unicode"

	"github.com/moov-io/ach"
	"golang.org/x/text/unicode/norm"

	"github.com/sluicepay/sluice/payouts/rail"
)

// Check refuses what an entry could not say.
func (f *Format) Check(i rail.Instruction) error {
	number := i.Creditor.Number.Reveal()
	switch {
	case i.Amount.Currency != "usd":
		return &rail.Misfit{Code: "invalid_currency", Reason: "ACH pays US dollars only."}
	case i.Amount.Minor <= 0 || i.Amount.Minor > MostAmount:
		return &rail.Misfit{Reason: "An ACH payment is more than nothing and at most $99,999,999.99."}
	case i.Creditor.Country != "US":
		return &rail.Misfit{Code: "could_not_process", Reason: "ACH reaches bank accounts in the United States only."}
	case i.Creditor.Proxy != rail.NoProxy:
		return &rail.Misfit{Code: "invalid_account_number", Reason: "ACH needs an account number."}
	case i.Instant:
		return &rail.Misfit{Reason: "ACH has no instant payments."}
	case !validRouting(i.Creditor.Routing):
		return &rail.Misfit{Code: "no_account", Reason: "The routing number is not one that banks have: check its nine digits."}
	case number == "" || len(number) > 17 || strings.Trim(number, accountCharacters) != "":
		return &rail.Misfit{Code: "invalid_account_number", Reason: "The account number must have 1 to 17 letters, digits and hyphens."}
	case plain(i.Creditor.Name, 22) == "":
		return &rail.Misfit{Code: "incorrect_account_holder_name", Reason: "The account holder's name must be given in Latin letters."}
	case i.Reference == "" || plain(i.Reference, 80) != i.Reference:
		return &rail.Misfit{Reason: "The payout's reference has characters that an ACH file cannot carry."}
	}
	return nil
}

const accountCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"

// class is the batch an instruction belongs to: rules about returns and disputes
// differ for people and companies, and a person is better protected.
func class(c rail.Creditor) string {
	if c.HolderType == "company" {
		return ach.CCD
	}
	return ach.PPD
}

// transaction is the code for what is done to which kind of account.
func transaction(i rail.Instruction) int {
	switch savings := i.Creditor.AccountType == "savings"; {
	case savings && i.Debit:
		return ach.SavingsDebit
	case savings:
		return ach.SavingsCredit
	case i.Debit:
		return ach.CheckingDebit
	}
	return ach.CheckingCredit
}

// entry is the record of an instruction.
func (f *Format) entry(i rail.Instruction, trace string) *ach.EntryDetail {
	e := ach.NewEntryDetail()
	e.TransactionCode = transaction(i)
	e.SetRDFI(i.Creditor.Routing)
	e.DFIAccountNumber = i.Creditor.Number.Reveal()
	e.Amount = int(i.Amount.Minor)
	e.IdentificationNumber = ShortID(i.Reference)
	e.IndividualName = plain(i.Creditor.Name, 22)
	e.TraceNumber = trace
	if !f.cfg.NoAddenda {
		e.AddendaRecordIndicator = 1
	}
	return e
}

// addenda carries the whole reference.
func addenda(reference string, sequence int) *ach.Addenda05 {
	a := ach.NewAddenda05()
	a.PaymentRelatedInformation = reference
	a.SequenceNumber = 1
	a.EntryDetailSequenceNumber = sequence
	return a
}

// letters are those that decomposition leaves as they are.
var letters = strings.NewReplacer("ß", "ss", "Æ", "AE", "æ", "ae", "Ø", "O", "ø", "o", "Œ", "OE", "œ", "oe",
	"Ł", "L", "ł", "l", "Đ", "D", "đ", "d", "Ð", "D", "ð", "d", "Þ", "Th", "þ", "th", "ı", "i", "’", "'", "–", "-")

// plain writes s in the characters of a file, cut to most: accents fall off,
// what has no Latin form is left out.
func plain(s string, most int) string {
	if len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 && strings.TrimSpace(s) == s && !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(letters.Replace(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		}
	}
	short := strings.Join(strings.Fields(b.String()), " ")
	if len(short) > most {
		short = strings.TrimSpace(short[:most])
	}
	return short
}
