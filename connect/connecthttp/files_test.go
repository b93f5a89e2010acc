package connecthttp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/connecthttp"
	"github.com/sluicepay/sluice/connect/file"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire/openapi"
)

// archive is a server with files, accounts and brands over a true database, and
// what it wrote to its log.
type archive struct {
	t        *testing.T
	pool     *bun.DB
	now      *clock.Fixed
	files    *file.Files
	accounts *connect.Accounts
	url      string
	log      *syncBuffer

	tutorHub, rival, tutor string // two platforms, and a tutor of the first
}

// archiveKeys are credentials "<mode>_<account>" and, for restricted keys, "<mode>|<resource>|<read or write>_<account>".
type archiveKeys struct{}

func (archiveKeys) Authenticate(_ context.Context, key string) (rest.Principal, error) {
	mode, account, ok := strings.Cut(key, "_")
	if !ok {
		return rest.Principal{}, &fault.Error{Kind: fault.Unauthenticated}
	}
	p := rest.Principal{KeyID: "key_1", Account: account, Livemode: strings.HasPrefix(mode, "live"), Kind: rest.Secret}
	if parts := strings.Split(mode, "|"); len(parts) == 3 {
		p.Kind, p.Scopes = rest.Restricted, []string{parts[1] + ":" + parts[2]}
	}
	return p, nil
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openArchive(t *testing.T) *archive {
	t.Helper()
	pool := dbtest.New(t)
	master := []byte(strings.Repeat("m", 32))
	ring, err := secret.NewKeyring(secret.Master{ID: "a", Key: master})
	if err != nil {
		t.Fatal(err)
	}
	pepper, err := secret.NewPepper(master, "fingerprints")
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFixed(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC))
	clocks := clock.Modes{Live: now, Test: now}
	a := &archive{t: t, pool: pool, now: now, log: &syncBuffer{}, files: file.New(pool, file.Config{Clocks: clocks, Keyring: ring})}
	a.accounts = connect.NewAccounts(pool, connect.Config{Clocks: clocks, Log: event.Log{}, Keyring: ring, Pepper: pepper, Files: a.files})
	a.tutorHub, a.rival = a.platform("TutorHub HK"), a.platform("Rival")
	s := rest.New(rest.Config{Pool: pool, Authenticator: archiveKeys{}, Accounts: a.accounts, Log: slog.New(slog.NewTextHandler(a.log, nil))})
	s.Mount(connecthttp.AccountRoutes(s, a.accounts)...)
	s.Mount(connecthttp.FileRoutes(s, pool, a.files)...)
	s.Mount(connecthttp.BrandRoutes(pool, a.accounts, a.files)...)
	server := httptest.NewServer(openapi.Wrap(t, s))
	t.Cleanup(server.Close)
	a.url = server.URL
	a.tutor = a.form("test_"+a.tutorHub, "POST", "/v1/accounts", 200, "type", "custom", "country", "HK")["id"].(string)
	return a
}

func (a *archive) platform(name string) string {
	a.t.Helper()
	var made connect.Account
	a.inTx(func(ctx context.Context, tx bun.Tx) (err error) {
		made, err = a.accounts.CreatePlatform(ctx, tx, a.now.Now(), connect.PlatformParams{Country: "HK", Name: name})
		return err
	})
	return made.ID
}

func (a *archive) inTx(do func(context.Context, bun.Tx) error) {
	a.t.Helper()
	if err := db.InTx(a.t.Context(), a.pool, do); err != nil {
		a.t.Fatal(err)
	}
}

// parcel is an upload as it is sent.
type parcel struct {
	key, purpose, filename string
	content                []byte
	header                 map[string]string
	fields                 []string // more texts, name and value in turn
}

// upload sends a file and wants the status.
func (a *archive) upload(want int, p parcel) object {
	a.t.Helper()
	body, kind := p.body(a.t)
	r := a.request(p.key, "POST", "/v1/files", body)
	r.Header.Set("Content-Type", kind)
	for name, value := range p.header {
		r.Header.Set(name, value)
	}
	return a.answer(want, r)
}

func (p parcel) body(t testing.TB) (*bytes.Buffer, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	fields := p.fields
	if p.purpose != "" {
		fields = append([]string{"purpose", p.purpose}, fields...)
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if p.content != nil {
		part, err := w.CreateFormFile("file", p.filename)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(p.content)
	}
	_ = w.Close()
	return &body, w.FormDataContentType()
}

func (a *archive) form(key, method, path string, want int, pairs ...string) object {
	a.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	if method == "GET" {
		return a.answer(want, a.request(key, method, path+"?"+values.Encode(), nil))
	}
	r := a.request(key, method, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.answer(want, r)
}

func (a *archive) request(key, method, path string, body io.Reader) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if key != "" {
		r.SetBasicAuth(key, "")
	}
	return r
}

func (a *archive) answer(want int, r *http.Request) object {
	a.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if response.StatusCode != want {
		a.t.Fatalf("%s %s: status %d, want %d\n%s", r.Method, r.URL.Path, response.StatusCode, want, raw)
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		a.t.Fatal(err)
	}
	if response.Header.Get("Idempotent-Replayed") == "true" {
		o["replayed"] = true
	}
	return o
}

func logo(t testing.TB, kind string, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = uint8(i / width)
	}
	m.Set(1, 1, color.RGBA{0x1b, 0x6a, 0xc9, 0xff})
	var out bytes.Buffer
	var err error
	if kind == "jpg" {
		err = jpeg.Encode(&out, m, nil)
	} else {
		err = png.Encode(&out, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// passport is a document with a word in it that must not be found anywhere.
func passport(canary string) []byte { return []byte("%PDF-1.7\n" + canary + "\n%%EOF\n") }

func TestAFileIsShownWithoutItsContent(t *testing.T) {
	a := openArchive(t)
	content := logo(t, "png", 300, 200)
	f := a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: "business_logo", filename: "Logo 1.png", content: content,
		fields: []string{"file_link_data[create]", "true", "file_link_data[metadata][a]", "b"}})
	if f["object"] != "file" || f["purpose"] != "business_logo" || f["filename"] != "Logo 1.png" || f["type"] != "png" || f["size"] != float64(len(content)) ||
		f["created"] != float64(a.now.Now().Unix()) || f["expires_at"] != nil || f["url"] != nil || !strings.HasPrefix(f["id"].(string), "file_") {
		t.Errorf("got %v", f)
	}
	got := a.form("test_"+a.tutorHub, "GET", "/v1/files/"+f["id"].(string), 200)
	if fmt.Sprint(got) != fmt.Sprint(f) {
		t.Errorf("got %v, want %v", got, f)
	}
	doc := a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "p.pdf", content: passport("x")})
	if doc["expires_at"] != float64(a.now.Now().AddDate(1, 0, 0).Unix()) || doc["url"] != nil {
		t.Errorf("got %v", doc)
	}
}

func TestFilesAreListedByPurposeAndTime(t *testing.T) {
	a := openArchive(t)
	key := "test_" + a.tutorHub
	var ids []string
	for i := range 3 {
		purpose := "identity_document"
		if i == 1 {
			purpose = "dispute_evidence"
		}
		ids = append(ids, a.upload(200, parcel{key: key, purpose: purpose, filename: "p.pdf", content: passport("x")})["id"].(string))
		a.now.Advance(time.Hour)
	}
	listed := func(pairs ...string) (out []string) {
		t.Helper()
		for _, f := range a.form(key, "GET", "/v1/files", 200, pairs...)["data"].([]any) {
			out = append(out, f.(map[string]any)["id"].(string))
		}
		return out
	}
	if got := listed(); fmt.Sprint(got) != fmt.Sprint([]string{ids[2], ids[1], ids[0]}) {
		t.Errorf("all: %v", got)
	}
	if got := listed("purpose", "dispute_evidence"); fmt.Sprint(got) != fmt.Sprint(ids[1:2]) {
		t.Errorf("by purpose: %v", got)
	}
	if got := listed("limit", "1", "starting_after", ids[2]); fmt.Sprint(got) != fmt.Sprint(ids[1:2]) {
		t.Errorf("by page: %v", got)
	}
	if got := listed("created[gte]", fmt.Sprint(a.now.Now().Add(-time.Hour).Unix())); fmt.Sprint(got) != fmt.Sprint(ids[2:]) {
		t.Errorf("by time: %v", got)
	}
	if e := a.form(key, "GET", "/v1/files", 400, "purpose", "selfie"); e.at("error")["param"] != "purpose" {
		t.Errorf("got %v", e)
	}
}

func TestAFileIsOfOneAccountInOneMode(t *testing.T) {
	a := openArchive(t)
	own := a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "p.pdf", content: passport("x")})["id"].(string)
	theirs := a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "p.pdf", content: passport("x"),
		header: map[string]string{"Stripe-Account": a.tutor}})["id"].(string)
	for _, c := range []struct {
		key, file string
		want      int
	}{
		{"test_" + a.tutorHub, own, 200}, {"live_" + a.tutorHub, own, 404}, {"test_" + a.rival, own, 404}, {"test_" + a.tutor, own, 404},
		{"test_" + a.tutorHub, theirs, 404}, {"test_" + a.rival, theirs, 404}, {"test_" + a.tutorHub, "file_none", 404},
	} {
		got := a.form(c.key, "GET", "/v1/files/"+c.file, c.want)
		if c.want == 404 && got.at("error")["message"] != "No such file: '"+c.file+"'" {
			t.Errorf("got %v", got)
		}
		if list := a.form(c.key, "GET", "/v1/files", 200); strings.Contains(fmt.Sprint(list), c.file) != (c.want == 200) {
			t.Errorf("%s lists %v", c.key, list)
		}
	}
	r := a.request("test_"+a.tutorHub, "GET", "/v1/files/"+theirs, nil)
	r.Header.Set("Stripe-Account", a.tutor)
	a.answer(200, r)
}

func TestRestrictedKeysNeedTheFilesScope(t *testing.T) {
	a := openArchive(t)
	p := parcel{purpose: "identity_document", filename: "p.pdf", content: passport("x")}
	for scope, want := range map[string][2]int{"files|write": {200, 200}, "files|read": {403, 200}, "accounts|write": {403, 403}} {
		p.key = "test|" + scope + "_" + a.tutorHub
		a.upload(want[0], p)
		a.form(p.key, "GET", "/v1/files", want[1])
	}
}

func TestUploadsThatAreRefusedNameTheParameter(t *testing.T) {
	a := openArchive(t)
	key := "test_" + a.tutorHub
	page := []byte("<!doctype html><script>alert(1)</script>")
	for _, c := range []struct {
		rule  string
		p     parcel
		want  int
		param any
	}{
		{"no file", parcel{purpose: "business_logo"}, 400, "file"},
		{"no purpose", parcel{content: page, filename: "a"}, 400, "purpose"},
		{"an unknown purpose", parcel{purpose: "sigma_scheduled_query", content: page, filename: "a"}, 400, "purpose"},
		{"an unknown parameter", parcel{purpose: "business_logo", content: page, filename: "a", fields: []string{"title", "x"}}, 400, "title"},
		{"a text as file", parcel{purpose: "business_logo", fields: []string{"file", "x"}}, 400, "file"},
		{"nothing in it", parcel{purpose: "business_logo", content: []byte{}, filename: "a.png"}, 400, "file"},
		{"html called png", parcel{purpose: "business_logo", content: page, filename: "a.png"}, 400, "file"},
		{"html called pdf", parcel{purpose: "identity_document", content: page, filename: "a.pdf"}, 400, "file"},
		{"a logo that is too large", parcel{purpose: "business_logo", content: append(logo(t, "png", 128, 128), make([]byte, 512<<10)...), filename: "a.png"}, 413, "file"},
		{"evidence that is too large", parcel{purpose: "dispute_evidence", content: passport(strings.Repeat("x", 5<<20)), filename: "a.pdf"}, 413, "file"},
		{"a document that is too large", parcel{purpose: "identity_document", content: passport(strings.Repeat("x", 10<<20)), filename: "a.pdf"}, 413, "file"},
	} {
		c.p.key = key
		if e := a.upload(c.want, c.p); e.at("error")["param"] != c.param {
			t.Errorf("%s: got %v", c.rule, e)
		}
	}
	if e := a.form(key, "POST", "/v1/files", 400, "purpose", "business_logo", "file", "x"); e.at("error")["param"] != "file" {
		t.Errorf("got %v", e)
	}
	if n := a.count("connect.files"); n != 0 {
		t.Errorf("%d files were kept", n)
	}
}

func (a *archive) count(table string) (n int) {
	a.t.Helper()
	if err := a.pool.NewRaw("SELECT count(*) FROM "+table).Scan(a.t.Context(), &n); err != nil {
		a.t.Fatal(err)
	}
	return n
}

// TestABodyOverTheLimitIsRefusedUnread asks with a body whose length is announced but
// that never comes: the answer does not wait for it.
func TestABodyOverTheLimitIsRefusedUnread(t *testing.T) {
	a := openArchive(t)
	r := a.request("test_"+a.tutorHub, "POST", "/v1/files", io.MultiReader(strings.NewReader("--b\r\n"), neverRead{t}))
	r.ContentLength = 1 << 40
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	r.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}

type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was read")
	return 0, io.ErrUnexpectedEOF
}

func TestARepeatedUploadIsTheSameFile(t *testing.T) {
	a := openArchive(t)
	p := parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "p.pdf", content: passport("x"),
		header: map[string]string{"Idempotency-Key": "once"}}
	first := a.upload(200, p)
	if again := a.upload(200, p); again["id"] != first["id"] || again["replayed"] != true {
		t.Errorf("got %v, want %v", again, first)
	}
	p.content = passport("y")
	if e := a.upload(400, p); e.at("error")["type"] != "idempotency_error" {
		t.Errorf("another file under the same key: %v", e)
	}
	refused := parcel{key: p.key, purpose: "business_logo", filename: "p.png", content: passport("x"), header: map[string]string{"Idempotency-Key": "mended"}}
	a.upload(400, refused)
	refused.content = logo(t, "png", 128, 128)
	a.upload(200, refused) // nothing was executed: the key was free
	if n := a.count("connect.files"); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
}

func TestNoDocumentStandsInPlainInTheDatabaseOrTheLog(t *testing.T) {
	a := openArchive(t)
	const canary = "CANARY-passport-K1234567"
	for i, purpose := range []string{"identity_document", "additional_verification", "account_requirement", "dispute_evidence"} {
		a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: purpose, filename: "p.pdf", content: passport(canary),
			header: map[string]string{"Idempotency-Key": fmt.Sprint(i)}})
		a.upload(400, parcel{key: "test_" + a.tutorHub, purpose: purpose, filename: "p.pdf", content: []byte(canary)})
	}
	var tables []string
	err := a.pool.NewRaw(`SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`).Scan(t.Context(), &tables)
	if err != nil || len(tables) < 10 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, needle := range []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))[:28]} {
		for _, table := range tables {
			var n int
			if err := a.pool.NewRaw("SELECT count(*) FROM "+table+" AS t WHERE position(? IN t::text) > 0", needle).Scan(t.Context(), &n); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				t.Errorf("%d rows of %s hold the document", n, table)
			}
		}
	}
	if n := a.count("connect.files AS t WHERE position('dispute_evidence' IN t::text) > 0"); n != 1 {
		t.Errorf("the search finds %d rows, want 1: it does not work", n)
	}
	if log := a.log.String(); strings.Contains(log, canary) || !strings.Contains(log, "/v1/files") {
		t.Errorf("the log: %s", log)
	}
	if n := a.count("connect.file_contents WHERE sealed"); n != 4 {
		t.Errorf("%d sealed contents, want 4", n)
	}
}

func TestTheVerifierReadsWhatWasUploadedUntilItIsErased(t *testing.T) {
	a := openArchive(t)
	scope := tenant.Scope{Platform: a.tutorHub, Account: a.tutorHub}
	ctx := t.Context()
	p := parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "Chan Tai Man.pdf", content: passport("canary")}
	asked, due := a.upload(200, p)["id"].(string), a.upload(200, p)["id"].(string)
	kept := a.upload(200, parcel{key: p.key, purpose: "dispute_evidence", filename: "e.pdf", content: passport("evidence")})["id"].(string)
	d, err := a.files.Open(ctx, asked)
	if err != nil || d.Content.Reveal() != string(p.content) || d.Type != "pdf" || strings.Contains(fmt.Sprintf("%v%+v", d, d), "canary") {
		t.Fatalf("open: %v, %v", d, err)
	}
	if known, err := a.files.Exists(ctx, a.pool, scope, asked, file.IdentityDocument); !known || err != nil {
		t.Errorf("exists: %v, %v", known, err)
	}
	for range 2 {
		a.inTx(func(ctx context.Context, tx bun.Tx) error { return a.files.Erase(ctx, tx, a.now.Now(), scope, asked) })
	}
	a.gone(asked, scope)
	if shown := a.form(p.key, "GET", "/v1/files/"+asked, 200); shown["filename"] != nil || shown["expires_at"] != float64(a.now.Now().Unix()) {
		t.Errorf("after erasure: %v", shown)
	}
	err = db.InTx(ctx, a.pool, func(ctx context.Context, tx bun.Tx) error {
		return a.files.Erase(ctx, tx, a.now.Now(), tenant.Scope{Platform: a.rival, Account: a.rival}, due)
	})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("a rival erases: %v", err)
	}

	a.now.Advance(365*24*time.Hour - time.Second)
	if n, err := a.files.Sweep(ctx, false); n != 0 || err != nil {
		t.Errorf("a second too early: %d, %v", n, err)
	}
	a.now.Advance(time.Second)
	if known, err := a.files.Exists(ctx, a.pool, scope, due, file.IdentityDocument); known || err != nil {
		t.Errorf("due, not swept yet: %v, %v", known, err)
	}
	if n, err := a.files.Sweep(ctx, true); n != 0 || err != nil {
		t.Errorf("the other mode: %d, %v", n, err)
	}
	if n, err := a.files.Sweep(ctx, false); n != 1 || err != nil {
		t.Errorf("at the end of retention: %d, %v", n, err)
	}
	a.gone(due, scope)
	if _, err := a.files.Open(ctx, kept); err != nil {
		t.Errorf("evidence has no retention: %v", err)
	}
	if n := a.count("connect.file_contents"); n != 1 {
		t.Errorf("%d contents are left, want 1", n)
	}
}

func (a *archive) gone(id string, scope tenant.Scope) {
	a.t.Helper()
	if _, err := a.files.Open(a.t.Context(), id); !fault.Is(err, fault.NotFound) {
		a.t.Errorf("open after erasure: %v", err)
	}
	if known, err := a.files.Exists(a.t.Context(), a.pool, scope, id, file.IdentityDocument); known || err != nil {
		a.t.Errorf("exists after erasure: %v, %v", known, err)
	}
}

func TestWhoMayUseAFileForWhat(t *testing.T) {
	a := openArchive(t)
	hub := tenant.Scope{Platform: a.tutorHub, Account: a.tutorHub}
	live, tutor, rival := hub, hub.For(a.tutor), tenant.Scope{Platform: a.rival, Account: a.rival}
	live.Livemode = true
	own := a.upload(200, parcel{key: "test_" + a.tutorHub, purpose: "identity_document", filename: "p.pdf", content: passport("x")})["id"].(string)
	theirs := a.upload(200, parcel{key: "test_" + a.tutor, purpose: "additional_verification", filename: "p.pdf", content: passport("x")})["id"].(string)
	for _, c := range []struct {
		rule, id, purpose string
		scope             tenant.Scope
		fits              bool
	}{
		{"one's own", own, file.IdentityDocument, hub, true},
		{"one's platform's", own, file.IdentityDocument, tutor, true},
		{"one of several purposes", own, file.AdditionalVerification + " " + file.IdentityDocument, tutor, true},
		{"no purpose at all", own, "", hub, false},
		{"a part of a purpose", own, "identity", hub, false},
		{"another purpose", own, file.BusinessLogo, hub, false},
		{"additional as identity", theirs, file.IdentityDocument, tutor, false},
		{"a tutor's own", theirs, file.AdditionalVerification, tutor, true},
		{"a tutor's, by the platform", theirs, file.AdditionalVerification, hub, false},
		{"a rival's", own, file.IdentityDocument, rival, false},
		{"the other mode's", own, file.IdentityDocument, live, false},
		{"nobody's", "file_none", file.IdentityDocument, hub, false},
		{"magic", file.DocumentSuccess, file.IdentityDocument, tutor, true},
		{"magic", file.DocumentFailed, file.AccountRequirement, tutor, true},
		{"magic in live mode", file.DocumentSuccess, file.IdentityDocument, live, false},
		{"magic as logo", file.DocumentSuccess, file.BusinessLogo, hub, false},
	} {
		if known, err := a.files.Exists(t.Context(), a.pool, c.scope, c.id, c.purpose); known != c.fits || err != nil {
			t.Errorf("%s: %v, %v", c.rule, known, err)
		}
	}
}

func TestBrandingTakesOnlyPicturesThatAreThereAndColours(t *testing.T) {
	a := openArchive(t)
	key := "test_" + a.tutorHub
	pictures := map[string]string{}
	for _, purpose := range []string{"business_logo", "business_icon"} {
		pictures[purpose] = a.upload(200, parcel{key: key, purpose: purpose, filename: "a.png", content: logo(t, "png", 128, 128)})["id"].(string)
	}
	rivals := a.upload(200, parcel{key: "test_" + a.rival, purpose: "business_logo", filename: "a.png", content: logo(t, "png", 128, 128)})["id"].(string)
	for _, account := range []string{a.tutorHub, a.tutor} {
		got := a.form(key, "POST", "/v1/accounts/"+account, 200, "settings[branding][logo]", pictures["business_logo"],
			"settings[branding][icon]", pictures["business_icon"], "settings[branding][primary_color]", "#1B6ac9", "settings[branding][secondary_color]", "#ffffff")
		if look := got.at("settings", "branding"); look["logo"] != pictures["business_logo"] || look["icon"] != pictures["business_icon"] || look["primary_color"] != "#1B6ac9" {
			t.Errorf("got %v", look)
		}
	}
	for _, c := range []struct{ param, value string }{
		{"logo", pictures["business_icon"]}, {"icon", pictures["business_logo"]}, {"logo", rivals}, {"logo", "file_none"}, {"logo", file.DocumentSuccess},
		{"primary_color", "red"}, {"primary_color", "#12345"}, {"secondary_color", "#1234567"}, {"primary_color", "#12345g"},
		{"secondary_color", "#123456;}"}, {"primary_color", "url(//x)"}, {"primary_color", "#123456\n"},
	} {
		param := "settings[branding][" + c.param + "]"
		if e := a.form(key, "POST", "/v1/accounts/"+a.tutor, 400, param, c.value); e.at("error")["param"] != param {
			t.Errorf("%s=%s: got %v", c.param, c.value, e)
		}
	}
	got := a.form(key, "POST", "/v1/accounts/"+a.tutor, 200, "settings[branding][logo]", "", "settings[branding][primary_color]", "")
	if look := got.at("settings", "branding"); look["logo"] != nil || look["primary_color"] != nil || look["icon"] == nil {
		t.Errorf("unset: %v", look)
	}
}

func TestABrandIsServedAsAPictureAndNothingElse(t *testing.T) {
	a := openArchive(t)
	key := "test_" + a.tutorHub
	const canary = "<script>alert('canary')</script>"
	jpg := append(logo(t, "jpg", 300, 200), canary...)
	wide := a.upload(200, parcel{key: key, purpose: "business_logo", filename: "a.html", content: jpg})["id"].(string)
	icon := a.upload(200, parcel{key: key, purpose: "business_icon", filename: "a.png", content: append(logo(t, "png", 128, 128), canary...)})["id"].(string)
	get := func(want int, method, path, tag string) (*http.Response, []byte) {
		t.Helper()
		r := a.request("", method, path, nil)
		r.Header.Set("If-None-Match", tag)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		h := response.Header
		if response.StatusCode != want || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Fatalf("%s %s: status %d, want %d, %v", method, path, response.StatusCode, want, h)
		}
		return response, body
	}
	get(404, "GET", "/brand/"+a.tutorHub+"/logo", "")
	a.form(key, "POST", "/v1/accounts/"+a.tutorHub, 200, "settings[branding][logo]", wide, "settings[branding][icon]", icon)
	a.form(key, "POST", "/v1/accounts/"+a.tutor, 200, "settings[branding][logo]", wide)

	for path, mediaType := range map[string]string{"/logo": "image/jpeg", "/icon": "image/png"} {
		response, body := get(200, "GET", "/brand/"+a.tutorHub+path, "")
		if response.Header.Get("Content-Type") != mediaType || response.Header.Get("Cache-Control") != "public, max-age=300" || bytes.Contains(body, []byte("canary")) {
			t.Errorf("%s: %v", path, response.Header)
		}
		if _, _, err := image.DecodeConfig(bytes.NewReader(body)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		tag := response.Header.Get("ETag")
		if response, body := get(304, "GET", "/brand/"+a.tutorHub+path, tag); response.Header.Get("ETag") != tag || len(body) > 0 {
			t.Errorf("%s: %v", path, response.Header)
		}
		get(200, "GET", "/brand/"+a.tutorHub+path, `"file_other"`)
		if response, _ := get(200, "HEAD", "/brand/"+a.tutorHub+path, ""); response.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD says %d bytes", path, response.ContentLength)
		}
	}
	for _, other := range []string{a.tutor, a.rival, "acct_none", wide} {
		get(404, "GET", "/brand/"+other+"/logo", "")
	}
	// Even if a document's id got into the settings, its content stays inside.
	doc := a.upload(200, parcel{key: key, purpose: "identity_document", filename: "a.png", content: logo(t, "png", 128, 128)})["id"].(string)
	a.inTx(func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw("UPDATE connect.accounts SET settings = jsonb_set(settings, '{branding,logo}', to_jsonb(?::text)) WHERE id = ?", doc, a.tutorHub).Exec(ctx)
		return err
	})
	get(404, "GET", "/brand/"+a.tutorHub+"/logo", "")
}

func TestUploadsNeedAKeyBeforeTheyAreRead(t *testing.T) {
	a := openArchive(t)
	r := a.request("", "POST", "/v1/files", neverRead{t})
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	r.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
}
