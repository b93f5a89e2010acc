package payoutshttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/payoutshttp"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/wire"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

const oneDay = ":20:T\n:25:004123456789\n:28C:1/1\n:60F:C261122HKD100,00\n:61:2611221122D30,00NTRFNONREF//B1\n:86:RENT\n:61:2611221122C5,00NTRFNONREF//B2\n:62F:C261122HKD75,00\n-\n"

// counter is a running API on the statements of a platform.
type counter struct {
	*testing.T
	url string
}

func openCounter(t *testing.T) counter {
	pool, now := dbtest.New(t), clock.NewFixed(noon)
	clocks := clock.Modes{Live: now, Test: now}
	ring, err := secret.NewKeyring(secret.Master{ID: "m1", Key: []byte("a master key of thirty-two bytes")})
	if err != nil {
		t.Fatal(err)
	}
	books := reconcile.New(pool, reconcile.Config{
		Clocks: clocks, Keyring: ring, Pepper: secret.RandomPepper(), Payouts: payouts.New(pool, payouts.Config{Clocks: clocks, Accounts: people{}}),
	})
	api := rest.New(rest.Config{Pool: pool, Authenticator: keys{}, Accounts: people{}})
	api.Mount(payoutshttp.StatementRoutes(api, books)...)
	server := httptest.NewServer(openapi.Wrap(t, api))
	t.Cleanup(server.Close)
	return counter{t, server.URL}
}

// ask sends a request; content, if there is any, is its file.
func (c counter) ask(key, account, method, path, content string, into any) int {
	c.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if content != "" {
		part, err := form.CreateFormFile("file", "/tmp/day.sta")
		if err == nil {
			_, err = io.WriteString(part, content)
		}
		if err != nil {
			c.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		c.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.Context(), method, c.url+path, &body)
	if err != nil {
		c.Fatal(err)
	}
	if content != "" {
		r.Header.Set("Content-Type", form.FormDataContentType())
	} else {
		r.Body, r.ContentLength = nil, 0
	}
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	r.SetBasicAuth(key, "")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatal(err)
	}
	if into != nil && json.Unmarshal(raw, into) != nil {
		c.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	return res.StatusCode
}

func TestAStatementOverTheAPI(t *testing.T) {
	c := openCounter(t)
	var made, again, one wire.BankStatement
	if status := c.ask("ada", "", "POST", "/v1/bank_statements", oneDay, &made); status != 200 {
		t.Fatalf("status %d: %+v", status, made)
	}
	if made.Status != "imported" || made.Lines != (wire.BankStatementCounts{New: 2, Open: 2}) || made.Filename != "day.sta" || *made.Format != "mt940" || made.Repeated {
		t.Errorf("made %+v", made)
	}
	if a := made.Statements[0]; len(made.Statements) != 1 || a.Last4 != "6789" || *a.OpeningBalance != 10000 || *a.ClosingBalance != 7500 || !a.BalancesChecked || a.Currency != "hkd" {
		t.Errorf("its statements are %+v", made.Statements)
	}
	c.ask("ada", "", "POST", "/v1/bank_statements", oneDay, &again)
	c.ask("ada", "", "GET", "/v1/bank_statements/"+made.ID, "", &one)
	if again.ID != made.ID || !again.Repeated || one.ID != made.ID || one.Repeated {
		t.Errorf("again it is %+v, alone %+v", again, one)
	}
	var files wire.List[wire.BankStatement]
	if c.ask("ada", "", "GET", "/v1/bank_statements?status=imported", "", &files); len(files.Data) != 1 || files.Data[0].Lines.Open != 2 {
		t.Errorf("listed %+v", files)
	}
	lines := "/v1/bank_statements/" + made.ID + "/lines"
	for _, l := range []struct {
		query string
		want  string
	}{
		{"", "500 -3000"}, {"?limit=1", "500"}, {"?status=open&amount=-3000", "-3000"}, {"?status=matched", ""}, {"?payout=po_1", ""},
		{"?booked[gte]=1795305600&booked[lt]=1795392000", "500 -3000"}, {"?booked[gt]=1795392000", ""},
	} {
		var found wire.List[wire.BankStatementLine]
		c.ask("ada", "", "GET", lines+l.query, "", &found)
		var got []string
		for _, line := range found.Data {
			got = append(got, strconv.FormatInt(line.Amount, 10))
			if line.Text != nil || line.OpenReason == nil {
				t.Errorf("%s shows %+v", l.query, line)
			}
		}
		if strings.Join(got, " ") != l.want {
			t.Errorf("%q lists %v, want %s", l.query, got, l.want)
		}
	}
	var told wire.List[wire.BankStatementLine]
	if c.ask("ada", "", "GET", lines+"?amount=-3000&include_text=true", "", &told); len(told.Data) != 1 || told.Data[0].Text == nil || *told.Data[0].Text != "RENT" {
		t.Errorf("the text was asked for, but %+v", told.Data)
	}
	if status := c.ask("ada", "", "GET", lines+"?status=lost", "", nil); status != 400 {
		t.Errorf("a status that no line has: %d", status)
	}
}

func TestAQuarantinedStatementSaysWhyAndCanBeTriedAgain(t *testing.T) {
	c := openCounter(t)
	var made, again wire.BankStatement
	if status := c.ask("ada", "", "POST", "/v1/bank_statements", strings.Replace(oneDay, "75,00", "75,01", 1), &made); status != 200 || made.Status != "quarantined" ||
		!strings.Contains(*made.QuarantineReason, "do not add up") {
		t.Fatalf("%d %+v", status, made)
	}
	if status := c.ask("ada", "", "POST", "/v1/bank_statements/"+made.ID+"/retry", "", &again); status != 200 || again.Status != "quarantined" {
		t.Errorf("%d %+v", status, again)
	}
}

func TestStatementsAreThePlatformsAlone(t *testing.T) {
	c := openCounter(t)
	var made wire.BankStatement
	c.ask("ada", "", "POST", "/v1/bank_statements", oneDay, &made)
	one := "/v1/bank_statements/" + made.ID
	for _, path := range []string{one, one + "/lines"} {
		if status := c.ask("stranger", "", "GET", path, "", nil); status != 404 {
			t.Errorf("a stranger gets %d from %s", status, path)
		}
		if status := c.ask("ada", "acct_may", "GET", path, "", nil); status != 403 {
			t.Errorf("acting for a tutor gets %d from %s", status, path)
		}
		if status := c.ask("restricted", "", "GET", path, "", nil); status != 403 {
			t.Errorf("a key for something else gets %d from %s", status, path)
		}
	}
	if status := c.ask("ada", "", "POST", "/v1/bank_statements", "", nil); status != 400 {
		t.Errorf("no file: %d", status)
	}
}
