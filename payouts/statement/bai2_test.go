package statement_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// public is the folder of a module that has sample files, at a version and with the
// hash it must have; the Go command keeps it after the first time.
func public(t *testing.T, version, sum string) string {
	t.Helper()
	get := exec.Command("go", "mod", "download", "-json", version)
	get.Dir = t.TempDir() // outside of our own module, which does not need it
	out, err := get.Output()
	if err != nil {
		t.Fatalf("download %s (needs, once, the Go module proxy): %v\n%s", version, err, out)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil || module.Sum != sum {
		t.Fatalf("%s is %s, want %s (%v)", version, module.Sum, sum, err)
	}
	return module.Dir
}

var detail = regexp.MustCompile(`(?m)(^|/ +)16,`)

// The public samples (moov-io/bai2, Apache-2.0) read whole: as many entries as a plain
// count of the text finds. Two were made unrecognizable by hand, totals and all.
func TestThePublicBAI2SamplesRead(t *testing.T) {
	dir := filepath.Join(public(t, "github.com/moov-io/bai2@v0.4.0", "h1:cWkMAZNoDevO0z060+6lhgn5xChlIK7VQ34GaRJxtXk="), "test", "testdata")
	for _, c := range []struct {
		file       string
		statements int
		says       string
		first      string
	}{
		{"sample1.txt", 2, "", "1 -25.00 CAD 060317 060316 409 text=RETURNED CHEQUE"},
		{"sample2.txt", 5, "", "1 4500.00 USD 040620 040620 115"},
		{"sample3.txt", 15, "", "1 25.00 USD 220919 220919 142 text=TRANSFER   PAYPAL             PPD"},
		{"sample4-continuations-newline-delimited.txt", 2, "statement 2: the control total", ""},
		{"sample5-issue113.txt", 2, "statement 2: the control total", ""},
		{"errors/sample-parseError.txt", 0, "format of the file is not known", ""},
	} {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(c.file)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := read(string(raw))
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", c.file, err, c.says)
			}
			continue
		}
		lines := len(rows) - 2*c.statements
		if want := len(detail.FindAllString(string(raw), -1)); err != nil || lines != want || rows[1] != c.first {
			t.Errorf("%s: %d entries, want %d; the first is %q (%v)", c.file, lines, want, rows[1], err)
		}
	}
}

// baiSample has one entry of every funds type; the totals are right.
const baiSample = "01,BANK,US,261124,0200,F7,,,2/\n02,US,BANK,1,261124,2359,HKD,2/\n03,123456789,,010,+100000,,,015,90100,,,100,900,2,,400,10800,3,/\n" +
	"88,045,90100,,/\n" +
	"16,475,5000,Z,B1,po_1,PAYOUT, AND A COMMA/ AND A SLASH\n16,451,5000,V,261125,,B2,,/\n88,EREF: po_2\n88,a second line\n" +
	"16,165,500,S,100,200,200,B3,,x/\n16,257,400,D,2,0,100,1,300,,,Reason: R03 no account\n88,EREF: po_3\n16,699,800,,,,/\n16,890,,,,,INFORMATION ONLY/\n" +
	"49,303600,12/\n98,303600,1,14/\n99,303600,1,16/\n"

func TestABAI2FileReads(t *testing.T) {
	expect(t, baiSample, `
		statement F7 of 123456789
		1 -50.00 HKD 261124 261124 475 end=po_1 bank=B1 text=PAYOUT, AND A COMMA/ AND A SLASH
		2 -50.00 HKD 261124 261125 451 end=po_2 bank=B2 text=EREF: po_2|a second line
		3 5.00 HKD 261124 261124 165 bank=B3 text=x
		4 4.00 HKD 261124 261124 257 end=po_3 reason=R03 text=Reason: R03 no account|EREF: po_3 return
		5 -8.00 HKD 261124 261124 699
		end hkd lines=5 100000→90100`)
}

func TestABAI2FileThatCannotBeVouchedForIsRefused(t *testing.T) {
	for _, c := range []struct{ rule, old, by, says string }{
		{"an amount changed", "16,475,5000,", "16,475,5001,", "control total"},
		{"an entry lost", "16,699,800,,,,/\n", "", "control total"},
		{"a record lost", "88,a second line\n", "", "as many records"},
		{"the balances do not add up", "015,90100", "015,90000", "control total"},
		{"no trailer", "99,303600,1,16/\n", "", "ends before its trailer"},
		{"a group lost its end", "98,303600,1,14/\n", "", "ends at the wrong place"},
		{"an account lost its end", "49,303600,12/\n", "", "ends at the wrong place"},
		{"an account outside of a group", "02,US,BANK,1,261124,2359,HKD,2/\n", "", "begins at the wrong place"},
		{"an unknown currency", "HKD", "XXQ", "ISO 4217"},
		{"neither credit nor debit", "16,699,", "16,700,", "statement 1, entry 5: its type code"},
		{"an amount with a point", "16,475,5000,", "16,475,50.5,", "more decimals"},
		{"a day that is none", "V,261125", "V,261325", "a date is not a date"},
		{"something after the end", "99,303600,1,16/\n", "99,303600,1,16/\n16,475,1,,,,/\n", "follows the trailer"},
		{"a record without end", "a second line", strings.Repeat(canary+"\n", 20_000), "longer than any bank writes"},
	} {
		t.Run(c.rule, func(t *testing.T) { expectRefused(t, strings.Replace(baiSample, c.old, c.by, 1), c.says) })
	}
	// The totals hold what was changed too: then the balances tell.
	wrong := strings.NewReplacer("015,90100", "015,90000", "303600", "303500").Replace(baiSample)
	expectRefused(t, wrong, "opening 1000.00 and entries of -99.00 come to 901.00, but closing is 900.00 HKD")
}
