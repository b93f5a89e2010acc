package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
)

// types a command line at the house, with Ada's key.
func (h *house) types(t *testing.T, args ...string) (code int, out, errout string) {
	t.Helper()
	root := &cobra.Command{Use: "sluice"}
	root.AddCommand(cli.Commands()...)
	var said, complained bytes.Buffer
	code = cli.Execute(t.Context(), root, args, &said, &complained)
	return code, said.String(), complained.String()
}

// newConsole is a house that the command line finds.
func newConsole(t *testing.T, changes ...func(*Config)) *house {
	h := newHouse(t, changes...)
	t.Setenv("SLUICE_BASE_URL", h.url)
	t.Setenv("SLUICE_API_KEY", h.key)
	return h
}

// triggered is the event that `sluice trigger -o json` prints.
func (h *house) triggered(t *testing.T, args ...string) wire.Event {
	t.Helper()
	code, out, errout := h.types(t, append([]string{"trigger", "-o", "json"}, args...)...)
	if code != 0 {
		t.Fatalf("sluice trigger %s: exit %d\n%s", strings.Join(args, " "), code, errout)
	}
	var e wire.Event
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return e
}

// automatic are the events that happen when time passes; keyless are those whose
// request takes no idempotency key: deletions as our client sends them, OAuth, and pages.
var (
	automatic = []string{"balance.available", "payout.paid", "payout.failed", "pending_reversal.updated", "pending_reversal.recovered", "refund.failed",
		"reporting.report_run.succeeded", "webhook_endpoint.disabled"}
	keyless = []string{
		"checkout.session.completed", // caused by a buyer on a page
		"account.application.authorized", "account.application.deauthorized", "account.application.grant_revoked",
		"account.external_account.deleted", "customer.deleted", "person.deleted",
	}
)

// untriggered are the types that cannot be, and what is said of them.
var untriggered = map[string]string{
	"webhook_endpoint.failing": "real time", "reporting.report_run.failed": "the database fails",
	"payout_bank_change.created": "a bank says so", "payout_bank_change.updated": "a bank has to have said something",
}

func TestEveryEventCanBeTriggered(t *testing.T) {
	h := newConsole(t)
	for _, typ := range catalogue.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			if why := untriggered[typ.Name]; why != "" {
				if code, _, errout := h.types(t, "trigger", typ.Name); code != 2 || !strings.Contains(errout, why) {
					t.Errorf("exit %d: %s", code, errout)
				}
				return
			}
			e := h.triggered(t, typ.Name)
			if e.Type != typ.Name {
				t.Fatalf("%s happened", e.Type)
			}
			if byRequest := !slices.Contains(automatic, typ.Name); byRequest != (e.Request.ID != nil) {
				t.Errorf("caused by a request: %v, but it tells %+v", byRequest, e.Request)
			} else if byRequest && e.Request.IdempotencyKey == nil && !slices.Contains(keyless, typ.Name) {
				t.Errorf("request %s had an idempotency key, and the event does not tell it", *e.Request.ID)
			}
			account := e.Account
			if account == "" {
				account = h.platform
			}
			kept := h.send(http.StatusOK, letter{method: "GET", path: "/v1/events/" + e.ID, header: map[string]string{"Stripe-Account": account}})
			if kept.at("type") != typ.Name {
				t.Errorf("the API knows %s as %v", e.ID, kept.at("type"))
			}
			keepSample(t, typ.Name, kept.raw)
		})
	}
}

// keepSample stores the first sample of a type, with SLUICE_GOLDEN=write. What is
// stored stays as it is: later readers must understand it for ever.
func keepSample(t *testing.T, typ string, raw []byte) {
	t.Helper()
	file := filepath.Join("..", "..", "platform", "event", "catalogue", "samples", typ+".json")
	if _, err := os.Stat(file); err == nil || t.Failed() || os.Getenv("SLUICE_GOLDEN") != "write" {
		return
	}
	var indented bytes.Buffer
	err := json.Indent(&indented, raw, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(bytes.TrimSpace(indented.Bytes()), '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestATriggerTakesParametersAndAnAccount(t *testing.T) {
	h := newConsole(t)
	e := h.triggered(t, "charge.refunded", "--override", "charge:amount=4200", "--add", "charge:metadata[lesson]=12", "--override", "refund:amount=1200")
	var charge wire.Charge
	if err := json.Unmarshal(e.Data.Object, &charge); err != nil {
		t.Fatal(err)
	}
	if charge.Amount != 4200 || charge.AmountRefunded != 1200 || charge.Metadata["lesson"] != "12" {
		t.Errorf("refunded %+v", charge)
	}
	tutor := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts",
		form: "type=custom&country=HK&capabilities[transfers][requested]=true&capabilities[card_payments][requested]=true"}).at("id").(string)
	for _, name := range []string{"charge.succeeded", "customer.created", "person.created", "payout.paid"} {
		if e := h.triggered(t, name, "--account", tutor); e.Account != tutor {
			t.Errorf("%s happened to %q", name, e.Account)
		}
	}
	for _, c := range []struct {
		line  string
		code  int
		words string
	}{
		{"chrage.refunded", 2, "charge.refunded"},
		{"charge.flew", 2, "charge.failed"},
		{"nothing.at.all.like.it", 2, "--list"},
		{"", 2, "--list"},
		{"charge.refunded charge.failed", 2, "name one event"},
		{"transfer.created --account " + tutor, 2, "leave out --account"},
		{"charge.refunded --override amount=1", 2, "charge:amount=500"},
		{"charge.refunded --remove charge:amount=1", 2, "RESOURCE:PARAM"},
		{"charge.refunded --override transfer:amount=1", 2, "charge, refund"},
		{"charge.refunded --remove charge:amount", 2, "amount"},
		{"charge.refunded --account acct_nobody", 4, "acct_nobody"},
	} {
		code, _, errout := h.types(t, append([]string{"trigger"}, strings.Fields(c.line)...)...)
		if code != c.code || !strings.Contains(errout, c.words) {
			t.Errorf("sluice trigger %s: exit %d, want %d and %q:\n%s", c.line, code, c.code, c.words, errout)
		}
	}
}

func TestATriggerTellsItsStepsAndTheEvent(t *testing.T) {
	h := newConsole(t)
	code, out, errout := h.types(t, "trigger", "transfer.reversed")
	if code != 0 {
		t.Fatal(errout)
	}
	for _, step := range []string{"POST /v1/accounts  acct_", "POST /v1/charges  ch_", "POST /v1/transfers  tr_", "/reversals  trr_", "evt_", "  transfer.reversed\n"} {
		if !strings.Contains(out, step) {
			t.Errorf("%q is not told:\n%s", step, out)
		}
	}
	if code, out, _ = h.types(t, "trigger", "--list"); code != 0 {
		t.Fatal(code)
	}
	for _, typ := range catalogue.Types() {
		if !strings.Contains(out, typ.Name+" ") || !strings.Contains(out, typ.Description) {
			t.Errorf("%s is not in the list", typ.Name)
		}
	}
}

func TestNothingIsTriggeredWithALiveKey(t *testing.T) {
	h := newConsole(t)
	t.Setenv("SLUICE_API_KEY", h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret}))
	before := len(h.eventsOf(h.platform))
	code, out, errout := h.types(t, "trigger", "charge.succeeded")
	if code != cli.ExitAuth || out != "" || !strings.Contains(errout, "live key") {
		t.Errorf("exit %d, %s%s", code, out, errout)
	}
	if now := len(h.eventsOf(h.platform)); now != before {
		t.Errorf("%d events happened", now-before)
	}
}

// TestTheLifeOfAChargeIsSixVersions lives through what the documented consumer is
// tried with: the stored life (SLUICE_GOLDEN=write stores it once) is one like this.
func TestTheLifeOfAChargeIsSixVersions(t *testing.T) {
	h := newHouse(t)
	post := func(path, form string) string {
		return h.send(http.StatusOK, letter{method: "POST", path: path, form: form}).at("id").(string)
	}
	charge := post("/v1/charges", "amount=60000&currency=hkd&source=tok_refundFail&capture=false")
	post("/v1/charges/"+charge+"/capture", "")
	post("/v1/charges/"+charge, "description=DSE+Mathematics")
	post("/v1/refunds", "amount=10000&charge="+charge)
	h.days("1h") // the payer's bank sends it back; the sweeper hears of it
	h.charged(5)
	post("/v1/refunds", "amount=20000&charge="+charge)
	life := h.charged(6)
	var told []string
	for i, e := range life {
		told = append(told, e.Type)
		if e.ObjectVersion != int64(i+1) {
			t.Errorf("%s is version %d, in place %d", e.Type, e.ObjectVersion, i+1)
		}
	}
	want := "charge.succeeded charge.captured charge.updated charge.refunded charge.updated charge.refunded"
	if got := strings.Join(told, " "); got != want {
		t.Fatalf("told %s", got)
	}
	now := h.send(http.StatusOK, letter{method: "GET", path: "/v1/charges/" + charge}).raw
	if last := life[5].Data.Object; compact(t, now) != compact(t, last) {
		t.Errorf("the charge is\n%s\nand its last event said\n%s", compact(t, now), compact(t, last))
	}
	file := filepath.Join("..", "..", "platform", "event", "catalogue", "testdata", "life.json")
	if _, err := os.Stat(file); err == nil || t.Failed() || os.Getenv("SLUICE_GOLDEN") != "write" {
		return
	}
	raw, err := json.MarshalIndent(life, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// charged waits until n events of charges are there: all of them, oldest first.
func (h *house) charged(n int) (events []wire.Event) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	for len(events) < n && ctx.Err() == nil {
		var page struct{ Data []wire.Event }
		if err := json.Unmarshal(h.send(http.StatusOK, letter{method: "GET", path: "/v1/events?limit=100&type=charge.*"}).raw, &page); err != nil {
			h.t.Fatal(err)
		}
		events = page.Data
	}
	if len(events) != n {
		h.t.Fatalf("%d events of charges, want %d", len(events), n)
	}
	slices.Reverse(events)
	return events
}

func compact(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The code without a person opens no account: not one that has left, not a
// stranger's, not the platform's own, and nothing in live mode.
func TestACodeWithoutAPersonWidensNothing(t *testing.T) {
	h := newHouse(t)
	post := func(want int, path, form string) reply {
		return h.send(want, letter{method: "POST", path: path, form: form})
	}
	tutor := post(http.StatusOK, "/v1/accounts", "type=custom&country=HK&capabilities[transfers][requested]=true").at("id").(string)
	client := post(http.StatusOK, "/v1/oauth_clients", "name=TutorHub&redirect_uris[]=https://example.com/cb").at("id").(string)
	code := post(http.StatusOK, "/v1/test_helpers/oauth_codes", "client="+client+"&account="+tutor).at("code").(string)
	post(http.StatusOK, "/oauth/token", "grant_type=authorization_code&code="+code+"&client_secret="+h.key)
	post(http.StatusOK, "/oauth/deauthorize", "client_id="+client+"&client_secret="+h.key+"&stripe_user_id="+tutor)
	_, strangers := h.moveInNextDoor()
	other := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts", form: "type=custom&country=HK",
		header: map[string]string{"Authorization": "Bearer " + strangers}}).at("id").(string)
	for why, account := range map[string]string{"it has left": tutor, "a stranger's": other, "the platform itself": h.platform, "nobody": "acct_nobody"} {
		if r := h.exchange(letter{method: "POST", path: "/v1/test_helpers/oauth_codes", form: "client=" + client + "&account=" + account}); r.status != http.StatusNotFound {
			t.Errorf("%s: status %d\n%s", why, r.status, r.raw)
		}
	}
	live := h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret})
	r := h.exchange(letter{method: "POST", path: "/v1/test_helpers/oauth_codes", form: "client=" + client + "&account=" + tutor,
		header: map[string]string{"Authorization": "Bearer " + live}})
	if r.status != http.StatusBadRequest || r.at("error", "code") != "testmode_only" {
		t.Errorf("live: status %d\n%s", r.status, r.raw)
	}
}
