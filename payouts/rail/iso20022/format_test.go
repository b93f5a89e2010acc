package iso20022_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/iso20022"
	"github.com/sluicepay/sluice/platform/dev/pypi"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// schema is the file of an ISO schema in the package that carries them. They are ISO's,
// and no part of this repository.
func schema(t *testing.T, name string) string {
	t.Helper()
	python, err := pypi.Python("testdata")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(string(out), "pain001", filepath.FromSlash(name)+".xsd")
}

func message(t *testing.T, version iso20022.Version) string {
	return schema(t, fmt.Sprintf("templates/%s/%s", version, version))
}

// valid fails unless what write writes is valid by the schema. It is judged as it streams.
func valid(t *testing.T, schema string, write func(io.Writer) error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "xmllint", "--noout", "--stream", "--schema", schema, "-")
	var complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	file, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("xmllint (Debian's libxml2-utils): %v", err)
	}
	written := errors.Join(write(file), file.Close())
	if err := errors.Join(cmd.Wait(), written); err != nil {
		t.Fatalf("%v\n%.2000s", err, &complaints)
	}
}

var home = rail.Address{Line1: "1 Queen's Road <C>", Line2: "Flat 2 & 3", Town: "Central", Postcode: "1000", Country: "HK"}

// creditors are payees that a profile takes, each with its currency.
var creditors = map[string]rail.Creditor{
	"sepa-sct":  {Name: "Zoë Müller", Country: "DE", Number: secret.New("DE89 3704 0044 0532 0130 00"), Routing: "COBADEFFXXX"},
	"sepa-inst": {Name: "Zoë Müller", Country: "DE", Number: secret.New("DE89370400440532013000")},
	"hk-fps":    {Name: "陳大文", Country: "HK", Number: secret.New("+852-61234567"), Proxy: rail.Mobile},
	"hk-ach":    {Name: "陳大文", Country: "HK", Routing: "004-001", Number: secret.New("123456789")},
	"hk-chats":  {Name: "陳大文", Country: "HK", Routing: "004-001", Number: secret.New("123456789")},
	"gb-fps":    {Name: "May Wong", Country: "GB", Routing: "20-00-00", Number: secret.New("55779911")},
	"us-ach":    {Name: "May Wong", Country: "US", Routing: "021000021", Number: secret.New("123456789"), HolderType: "company", AccountType: "savings"},
	"generic":   {Name: "May Wong", Country: "JP", Routing: "0001001", Number: secret.New("1234567")},
}

var currencies = map[string]money.Currency{
	"sepa-sct": "eur", "sepa-inst": "eur", "hk-fps": "hkd", "hk-ach": "hkd", "hk-chats": "hkd", "gb-fps": "gbp", "us-ach": "usd", "generic": "jpy",
}

func batch(profile string, count int) rail.Batch {
	c := creditors[profile]
	c.Address = home
	i := rail.Instruction{Amount: money.New(12345, currencies[profile]), Creditor: c, Statement: "Lessons <May> & more"}
	debtor := rail.Debtor{Name: "Tutors & Co", ID: "CUST1", Routing: "HSBCHKHHXXX", Number: secret.New("004123456789"), Address: home}
	if strings.HasPrefix(profile, "sepa") {
		debtor.Routing, debtor.Number = "", secret.New("DE89370400440532013000")
	}
	return rail.Batch{
		ID: "bat_0123456789abcdefghij", Number: 7, CreatedAt: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC),
		ExecuteOn: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), Currency: i.Amount.Currency,
		Debtor: debtor, Count: count, Total: int64(count) * i.Amount.Minor,
		Instructions: iter.Seq2[rail.Instruction, error](func(yield func(rail.Instruction, error) bool) {
			for n := range count {
				i := i
				i.Reference = fmt.Sprintf("po_%020d", n)
				if !yield(i, nil) {
					return
				}
			}
		}),
	}
}

func format(t testing.TB, p iso20022.Profile) *iso20022.Format {
	t.Helper()
	f, err := iso20022.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFilesOfEveryProfileAreValid(t *testing.T) {
	profiles := iso20022.Profiles()
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		for _, version := range []iso20022.Version{iso20022.V09, iso20022.V03} {
			p := profiles[name]
			if p.Version = version; version == iso20022.V03 && len(p.Proxies) > 0 {
				continue // the older version has no element for them
			}
			t.Run(name+" "+string(version), func(t *testing.T) {
				b := batch(name, 3)
				for i := range b.Instructions {
					if err := format(t, p).Check(i); err != nil {
						t.Fatal(err)
					}
				}
				valid(t, message(t, version), func(w io.Writer) error { return format(t, p).Write(w, b) })
			})
		}
	}
}

func TestLargeFileIsValid(t *testing.T) {
	valid(t, message(t, iso20022.V09), func(w io.Writer) error {
		return format(t, iso20022.Profiles()["sepa-sct"]).Write(w, batch("sepa-sct", 100_000))
	})
}

func TestAccountsAreNamedAsTheirBanksNameThem(t *testing.T) {
	for _, c := range []struct {
		profile  string
		creditor rail.Creditor
		want     string // agent and account, in the file
	}{
		{
			"hk-fps", rail.Creditor{Country: "HK", Routing: "004-001", Number: secret.New("123456-789")},
			"<CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>HKNCC</Cd></ClrSysId><MmbId>004</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>" +
				"|<CdtrAcct><Id><Othr><Id>001123456789</Id><SchmeNm><Cd>BBAN</Cd></SchmeNm></Othr></Id></CdtrAcct>",
		},
		{ // a number of twelve digits has its branch
			"hk-ach", rail.Creditor{Country: "HK", Routing: "004001", Number: secret.New("001123456789")},
			"<MmbId>004</MmbId>|<Id>001123456789</Id>",
		},
		{
			"hk-fps", rail.Creditor{Country: "HK", Proxy: rail.FPSID, Number: secret.New("1234567")},
			"<CdtrAcct><Id><Othr><Id>NOTPROVIDED</Id></Othr></Id><Prxy><Tp><Prtry>SVID</Prtry></Tp><Id>1234567</Id></Prxy></CdtrAcct>",
		},
		{
			"hk-fps", rail.Creditor{Country: "HK", Proxy: rail.Email, Routing: "387", Number: secret.New("may@tutors.example")},
			"<MmbId>387</MmbId>|<Prxy><Tp><Prtry>EMAL</Prtry></Tp><Id>may@tutors.example</Id></Prxy>",
		},
		{
			"gb-fps", rail.Creditor{Country: "GB", Number: secret.New("GB29 NWBK 6016 1331 9268 19")},
			"<CdtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></CdtrAcct>",
		},
		{ // the mark of the clearing system, institution, transit
			"generic", rail.Creditor{Country: "CA", Routing: "11000-003", Number: secret.New("000123456789")},
			"<Cd>CACPA</Cd>|<MmbId>000311000</MmbId>|<Id>000123456789</Id>",
		},
		{
			"generic", rail.Creditor{Country: "IN", Routing: "HDFCINBB", Number: secret.New("50100000000000")},
			"<BICFI>HDFCINBB</BICFI>|<Id>50100000000000</Id>",
		},
		{
			"us-ach", rail.Creditor{Country: "US", Routing: "021000021", Number: secret.New("123"), HolderType: "individual"},
			"<LclInstrm><Cd>PPD</Cd></LclInstrm>|<MmbId>021000021</MmbId>|<Tp><Cd>CACC</Cd></Tp>",
		},
	} {
		c.creditor.Name = "May Wong"
		b := batch(c.profile, 1)
		all := b.Instructions
		b.Instructions = func(yield func(rail.Instruction, error) bool) {
			for i, err := range all {
				i.Creditor = c.creditor
				yield(i, err)
			}
		}
		var file bytes.Buffer
		valid(t, message(t, iso20022.V09), func(w io.Writer) error {
			return format(t, iso20022.Profiles()[c.profile]).Write(io.MultiWriter(w, &file), b)
		})
		for _, want := range strings.Split(c.want, "|") {
			if !strings.Contains(file.String(), want) {
				t.Errorf("%s: %s is not in\n%s", c.profile, want, &file)
			}
		}
	}
}

func TestPayeesOfOtherRailsAreRefused(t *testing.T) {
	for _, c := range []struct {
		profile  string
		creditor rail.Creditor
		want     string
	}{
		{"sepa-sct", rail.Creditor{Country: "DE", Number: secret.New("DE89370400440532013001")}, "needs an IBAN"},
		{"sepa-sct", rail.Creditor{Country: "FR", Number: secret.New("DE89370400440532013000")}, "not of the country FR"},
		{"sepa-inst", rail.Creditor{Country: "GB", Number: secret.New("GB29NWBK60161331926819")}, "does not pay eur to GB"},
		{"hk-fps", rail.Creditor{Country: "HK", Proxy: rail.Mobile, Number: secret.New("51230000")}, "+852-61234567"},
		{"hk-fps", rail.Creditor{Country: "HK", Proxy: rail.FPSID, Number: secret.New("12345678")}, "seven or nine"},
		{"hk-fps", rail.Creditor{Country: "HK", Proxy: rail.Email, Number: secret.New("may@")}, "e-mail"},
		{"gb-fps", rail.Creditor{Country: "GB", Routing: "20-00-00", Number: secret.New("1234567")}, "GBDSC"},
		{"us-ach", rail.Creditor{Country: "US", Routing: "02100002", Number: secret.New("123456789")}, "USABA"},
		{"generic", rail.Creditor{Country: "IN", Number: secret.New("50100000000000")}, "routing number of its bank is missing"},
	} {
		for i := range batch(c.profile, 1).Instructions {
			c.creditor.Name = "May Wong"
			i.Creditor = c.creditor
			err := format(t, iso20022.Profiles()[c.profile]).Check(i)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v does not say: %s", c.profile, err, c.want)
			} else if strings.Contains(err.Error(), c.creditor.Number.Reveal()) {
				t.Errorf("%s: the error shows the number", c.profile)
			}
		}
	}
}

func TestAddressesInLinesAreForTheOldVersionOnly(t *testing.T) {
	p := iso20022.Profiles()["sepa-sct"]
	p.Address = iso20022.Lines
	if _, err := iso20022.New(p); err == nil {
		t.Error("the new version takes addresses in lines")
	}
	p.Version = iso20022.V03
	var file bytes.Buffer
	valid(t, message(t, iso20022.V03), func(w io.Writer) error {
		return format(t, p).Write(io.MultiWriter(w, &file), batch("sepa-sct", 1))
	})
	if want := "<PstlAdr><Ctry>HK</Ctry><AdrLine>1 Queen's Road (C)</AdrLine><AdrLine>Flat 2 + 3</AdrLine><AdrLine>1000 Central</AdrLine></PstlAdr>"; !strings.Contains(file.String(), want) {
		t.Errorf("%s is not in\n%s", want, &file)
	}
}

func TestFileSaysWhatItsBatchSays(t *testing.T) {
	f := format(t, iso20022.Profiles()["hk-fps"])
	var once, again bytes.Buffer
	if err := errors.Join(f.Write(&once, batch("hk-fps", 3)), f.Write(&again, batch("hk-fps", 3))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once.Bytes(), again.Bytes()) {
		t.Error("the same batch gave other bytes")
	}
	for _, want := range []string{
		"<NbOfTxs>3</NbOfTxs><CtrlSum>370.35</CtrlSum>", "<EndToEndId>po-00000000000000000002</EndToEndId>", `<InstdAmt Ccy="HKD">123.45</InstdAmt>`,
		"<CdtrAcct><Id><Othr><Id>NOTPROVIDED</Id></Othr></Id><Prxy><Tp><Prtry>MOBN</Prtry></Tp><Id>+852-61234567</Id></Prxy></CdtrAcct>",
		"<TwnNm>Central</TwnNm>", "陳大文",
	} {
		if !strings.Contains(once.String(), want) {
			t.Errorf("%s is not in\n%s", want, &once)
		}
	}
	short := batch("hk-fps", 3)
	short.Total++
	if err := f.Write(io.Discard, short); err == nil {
		t.Error("a file was written whose sum is not its batch's")
	}
}

func TestTotalsHaveTheDigitsOfTheirCurrency(t *testing.T) {
	for currency, want := range map[money.Currency]string{"jpy": "24690", "hkd": "246.90", "kwd": "24.690"} {
		b := batch("generic", 2)
		b.Currency = currency
		all := b.Instructions
		b.Instructions = func(yield func(rail.Instruction, error) bool) {
			for i, err := range all {
				i.Amount.Currency = currency
				if !yield(i, err) {
					return
				}
			}
		}
		var file bytes.Buffer
		if err := format(t, iso20022.Profiles()["generic"]).Write(&file, b); err != nil || strings.Count(file.String(), "<CtrlSum>"+want+"</CtrlSum>") != 2 {
			t.Errorf("%s: no sum %s: %v", currency, want, err)
		}
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	f := format(t, iso20022.Profiles()["hk-ach"])
	for want, spoil := range map[string]func(*rail.Creditor){
		"has no town":              func(c *rail.Creditor) { c.Address.Town = "" },
		"has no country":           func(c *rail.Creditor) { c.Address.Country = "" },
		"name of its holder":       func(c *rail.Creditor) { c.Name = " " },
		"its number is missing":    func(c *rail.Creditor) { c.Number = secret.Text{} },
		"routing number":           func(c *rail.Creditor) { c.Routing = "" },
		"the number of an account": func(c *rail.Creditor) { c.Proxy = rail.Mobile },
	} {
		for i := range batch("hk-ach", 1).Instructions {
			spoil(&i.Creditor)
			var misfit *rail.Misfit
			if err := f.Check(i); !errors.As(err, &misfit) || !strings.Contains(misfit.Reason, want) || rail.Codes[misfit.Code] == "" && misfit.Code != "" {
				t.Errorf("%v does not say: %s", err, want)
			}
		}
	}
}

func TestDebtorsThatNoFileCanNameAreRefused(t *testing.T) {
	sepa := format(t, iso20022.Profiles()["sepa-sct"])
	good := batch("sepa-sct", 1).Debtor
	if err := sepa.CheckDebtor(good); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*rail.Debtor){
		"no name":            func(d *rail.Debtor) { d.Name = "陳" },
		"not an IBAN":        func(d *rail.Debtor) { d.Number = secret.New("004123456789") },
		"town and a country": func(d *rail.Debtor) { d.Address.Town = "" },
		"35 characters":      func(d *rail.Debtor) { d.ID = strings.Repeat("1", 36) },
		"neither a BIC":      func(d *rail.Debtor) { d.Routing = "12" },
	} {
		d := good
		spoil(&d)
		if err := sepa.CheckDebtor(d); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "004123456789") {
			t.Errorf("%v does not say: %s", err, want)
		}
	}
}

func TestProfilesAreMadeOfJSON(t *testing.T) {
	if _, err := iso20022.Make([]byte(`{"base": "sepa-sct", "version": "pain.001.001.03", "charge_bearer": "SHAR"}`)); err != nil {
		t.Error(err)
	}
	for want, given := range map[string]string{
		"no profile": `{"base": "x"}`, "unknown field": `{"colour": 1}`, "charge_bearer": `{"charge_bearer": "ME"}`, "JSON object": `[]`,
	} {
		if _, err := iso20022.Make([]byte(given)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say: %s", given, err, want)
		}
	}
}
