package nacha_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moov-io/ach"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

var noon = time.Date(2026, 11, 25, 17, 0, 0, 0, time.UTC)

func format(t testing.TB, cfg nacha.Config) *nacha.Format {
	t.Helper()
	cfg.Destination, cfg.DestinationName, cfg.Origin, cfg.OriginName = "121042882", "WELLS FARGO", "1234567890", "SLUICE"
	f, err := nacha.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func to(name, holder, account string) rail.Creditor {
	return rail.Creditor{Name: name, Country: "US", Routing: "110000000", Number: secret.New("000123456789"), HolderType: holder, AccountType: account}
}

func pays(cents int64, c rail.Creditor) rail.Instruction {
	return rail.Instruction{Reference: id.New("po"), Amount: money.New(cents, "usd"), Creditor: c, ExecuteOn: noon, At: noon}
}

func takes(cents int64, c rail.Creditor) rail.Instruction {
	i := pays(cents, c)
	i.Debit = true
	return i
}

func batch(all ...rail.Instruction) rail.Batch {
	b := rail.Batch{
		ID: "bat_1", Number: 7, CreatedAt: noon, ExecuteOn: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Currency: "usd",
		Debtor: rail.Debtor{Name: "May's Tutors (Hong Kong) Ltd", ID: "1234567890", Routing: "121042882"}, Count: len(all),
		Instructions: func(yield func(rail.Instruction, error) bool) {
			for _, i := range all {
				if !yield(i, nil) {
					return
				}
			}
		},
	}
	for _, i := range all {
		b.Total += i.Amount.Minor
	}
	return b
}

func write(t testing.TB, f *nacha.Format, b rail.Batch) string {
	t.Helper()
	var file bytes.Buffer
	if err := f.Write(&file, b); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

// check is an independent reading of the rules: widths, blocking, counts,
// hashes and totals, of each batch and of the file.
func check(t testing.TB, file string) (records []string) {
	t.Helper()
	records = strings.Split(strings.TrimSuffix(file, "\n"), "\n")
	if len(records)%10 != 0 {
		t.Errorf("%d records do not fill blocks of ten", len(records))
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Errorf("%q is no number", s)
		}
		return n
	}
	type sum struct{ count, hash, debit, credit int }
	var batch, whole sum
	batches, last, filled := 0, "", false
	for n, r := range records {
		if len(r) != 94 {
			t.Fatalf("record %d has %d characters", n+1, len(r))
		}
		if (n == 0) != (r[0] == '1') || filled && r != strings.Repeat("9", 94) {
			t.Errorf("record %d is not in its place: %q", n+1, r[:3])
		}
		switch {
		case filled:
		case r[0] == '5':
			batch, last = sum{}, ""
			batches++
		case r[0] == '6':
			batch.count++
			batch.hash += number(r[3:11])
			if code := r[1:3]; code == "22" || code == "32" {
				batch.credit += number(r[29:39])
			} else {
				batch.debit += number(r[29:39])
			}
			if r[79:94] <= last {
				t.Errorf("the trace numbers do not grow at record %d", n+1)
			}
			last = r[79:94]
		case r[0] == '7':
			batch.count++
			if r[87:94] != last[8:] {
				t.Errorf("the addenda at record %d belongs to another entry", n+1)
			}
		case r[0] == '8':
			if got := (sum{number(r[4:10]), number(r[10:20]), number(r[20:32]), number(r[32:44])}); got != (sum{batch.count, batch.hash % 10_000_000_000, batch.debit, batch.credit}) {
				t.Errorf("the batch says %+v, its entries %+v", got, batch)
			}
			whole = sum{whole.count + batch.count, whole.hash + batch.hash, whole.debit + batch.debit, whole.credit + batch.credit}
		case r[0] == '9':
			filled = true
			got := sum{number(r[13:21]), number(r[21:31]), number(r[31:43]), number(r[43:55])}
			if got != (sum{whole.count, whole.hash % 10_000_000_000, whole.debit, whole.credit}) || number(r[1:7]) != batches || number(r[7:13]) != len(records)/10 {
				t.Errorf("the file says %+v, its batches %+v", got, whole)
			}
		}
	}
	return records
}

func TestFileKeepsTheRules(t *testing.T) {
	person, company := to("Zoë Müller-Łuczak", "individual", "savings"), to("Tutors & Co", "company", "")
	for name, c := range map[string]struct {
		all     []rail.Instruction
		classes []string // service and entry class of the batches
	}{
		"people":       {[]rail.Instruction{pays(7000, person), pays(1, person)}, []string{"220PPD"}},
		"companies":    {[]rail.Instruction{pays(9_999_999_999, company)}, []string{"220CCD"}},
		"both":         {[]rail.Instruction{pays(5, company), pays(7000, person), pays(6, company)}, []string{"220PPD", "220CCD"}},
		"debits":       {[]rail.Instruction{takes(7000, person), takes(8000, company)}, []string{"225PPD", "225CCD"}},
		"mixed":        {[]rail.Instruction{takes(7000, person), pays(8000, person)}, []string{"200PPD"}},
		"a whole file": {slices.Repeat([]rail.Instruction{pays(7000, person)}, 250), []string{"220PPD"}},
	} {
		for _, cfg := range []nacha.Config{{}, {NoAddenda: true}} {
			t.Run(fmt.Sprintf("%s, no addenda %v", name, cfg.NoAddenda), func(t *testing.T) {
				f, b := format(t, cfg), batch(c.all...)
				file := write(t, f, b)
				if again := write(t, f, b); again != file {
					t.Error("the same batch gives another file")
				}
				var classes []string
				for _, r := range check(t, file) {
					if r[0] == '5' {
						classes = append(classes, r[1:4]+r[50:53])
						if r[69:75] != "261127" {
							t.Errorf("the effective date is %s", r[69:75])
						}
					}
				}
				if !slices.Equal(classes, c.classes) {
					t.Errorf("the batches are %v, want %v", classes, c.classes)
				}
				read := ach.NewReader(strings.NewReader(file))
				read.SetValidation(&ach.ValidateOpts{BypassOriginValidation: true})
				parsed, err := read.Read()
				if err := errors.Join(err, parsed.Validate()); err != nil {
					t.Errorf("the library does not read it: %v", err)
				}
			})
		}
	}
}

// The library takes a hash of ten zeros for a missing one.
func TestHashMayEndInZeros(t *testing.T) {
	same := pays(1, to("May", "", ""))
	if records := check(t, write(t, format(t, nacha.Config{NoAddenda: true}), batch(slices.Repeat([]rail.Instruction{same}, 10_000)...))); records[10_002][10:20] != "0000000000" {
		t.Errorf("the hash is %s", records[10_002][10:20])
	}
}

func TestEntryCarriesThePayoutThreeTimes(t *testing.T) {
	f, i := format(t, nacha.Config{}), pays(7000, to("José Ñandú", "", ""))
	b := batch(pays(1, to("A", "", "")), i)
	records := check(t, write(t, f, b))
	entry, addenda := records[4], records[5]
	if got := entry[79:94]; got != f.Trace(b, 1) || got != "121042880700001" {
		t.Errorf("the trace number is %s, want %s", got, f.Trace(b, 1))
	}
	if got := entry[39:54]; got != nacha.ShortID(i.Reference) || !strings.HasSuffix(i.Reference, got) {
		t.Errorf("the individual id is %s of %s", got, i.Reference)
	}
	if !strings.HasPrefix(addenda, "705"+i.Reference+" ") {
		t.Errorf("the addenda is %q", addenda)
	}
	if name := strings.TrimSpace(entry[54:76]); name != "Jose Nandu" {
		t.Errorf("the name is %q", name)
	}
}

func TestFilesOfOneDayAreToldApart(t *testing.T) {
	f := format(t, nacha.Config{})
	modifiers, names, traces := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for n := range int64(36) {
		b := batch(pays(1, to("A", "", "")))
		b.ID, b.Number = fmt.Sprintf("bat_%d", n), n+1
		modifiers[write(t, f, b)[33:34]], names[f.FileName(b)], traces[f.Trace(b, 0)] = true, true, true
	}
	if len(modifiers) != 36 || len(names) != 36 || len(traces) != 36 {
		t.Errorf("of 36 files there are %d modifiers, %d names, %d traces", len(modifiers), len(names), len(traces))
	}
}

func TestWhatTheNetworkRefusesIsRefusedBefore(t *testing.T) {
	f := format(t, nacha.Config{})
	for name, c := range map[string]struct {
		code   string
		change func(*rail.Instruction)
	}{
		"currency":       {"invalid_currency", func(i *rail.Instruction) { i.Amount.Currency = "hkd" }},
		"too much":       {"", func(i *rail.Instruction) { i.Amount.Minor = 10_000_000_000 }},
		"nothing":        {"", func(i *rail.Instruction) { i.Amount.Minor = 0 }},
		"country":        {"could_not_process", func(i *rail.Instruction) { i.Creditor.Country = "HK" }},
		"check digit":    {"no_account", func(i *rail.Instruction) { i.Creditor.Routing = "110000001" }},
		"short routing":  {"no_account", func(i *rail.Instruction) { i.Creditor.Routing = "11000000" }},
		"zero routing":   {"no_account", func(i *rail.Instruction) { i.Creditor.Routing = "000000000" }},
		"long number":    {"invalid_account_number", func(i *rail.Instruction) { i.Creditor.Number = secret.New("987654321987654321") }},
		"no number":      {"invalid_account_number", func(i *rail.Instruction) { i.Creditor.Number = secret.Text{} }},
		"spaced number":  {"invalid_account_number", func(i *rail.Instruction) { i.Creditor.Number = secret.New("98 76") }},
		"proxy":          {"invalid_account_number", func(i *rail.Instruction) { i.Creditor.Proxy = rail.Mobile }},
		"foreign script": {"incorrect_account_holder_name", func(i *rail.Instruction) { i.Creditor.Name = "陳大文" }},
		"instant":        {"", func(i *rail.Instruction) { i.Instant = true }},
		"reference":      {"", func(i *rail.Instruction) { i.Reference = "pö" }},
	} {
		i := pays(7000, to("May", "", ""))
		c.change(&i)
		var misfit *rail.Misfit
		err := f.Check(i)
		if !errors.As(err, &misfit) || misfit.Code != c.code {
			t.Errorf("%s: Check = %v", name, err)
			continue
		}
		if number := i.Creditor.Number.Reveal(); number != "" && strings.Contains(err.Error(), number) {
			t.Errorf("%s: the refusal shows the account number", name)
		}
		if err := f.Write(io.Discard, batch(i)); err == nil {
			t.Errorf("%s: it is written", name)
		}
	}
	wrong := batch(pays(7000, to("May", "", "")))
	wrong.Total++
	if err := f.Write(io.Discard, wrong); err == nil {
		t.Error("a batch that does not add up is written")
	}
}

func TestProfileIsChecked(t *testing.T) {
	good := `{"destination": "121042882", "origin": "1234567890", "no_addenda": true}`
	if f, err := nacha.Parse([]byte(good)); f == nil || err != nil {
		t.Errorf("Parse = %v", err)
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `{"destination": "121042883", "origin": "1234567890"}`, `{"destination": "121042882", "origin": "12"}`,
		`{"destination": "121042882", "origin": "1234567890", "zone": "Nowhere"}`, `{"destination": "121042882", "origin": "1234567890", "orign_name": "x"}`,
		`{"destination": "121042882", "origin": "1234567890", "description": "LESSONS PAID"}`, `{"destination": "121042882", "origin": "1234567890", "origin_name": "陳"}`,
	} {
		if _, err := nacha.Parse([]byte(bad)); err == nil {
			t.Errorf("%s is a profile", bad)
		}
	}
}
