package rest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/fault"
)

// body is a multipart body with CRLF where the text has newlines.
func body(lines string) string { return strings.ReplaceAll(lines, "\n", "\r\n") }

const (
	textPart = "--b\nContent-Disposition: form-data; name=\"purpose\"\n\nbusiness_logo\n"
	filePart = "--b\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\nContent-Type: image/png\n\n\x89PNG\x00\xff\n"
)

func parseUpload(t testing.TB, text, media string, limit int64) (*node, error) {
	t.Helper()
	r := httptest.NewRequest("POST", "/x", strings.NewReader(text))
	r.Header.Set("Content-Type", media)
	return parseParams(r, limit)
}

func TestMultipartBodiesAreReadInOneWayOrRefused(t *testing.T) {
	const media = "multipart/form-data; boundary=b"
	file := Upload{Filename: "a.png", Content: []byte("\x89PNG\x00\xff")}
	named := func(disposition string) string {
		return "--b\nContent-Disposition: form-data; " + disposition + "\n\nx\n--b--\n"
	}
	for _, c := range []struct {
		rule, media, body string
		want              any
		says              string
	}{
		{"a text and a file", media, textPart + filePart + "--b--\n", tree{"purpose": "business_logo", "file": file}, ""},
		{"nested texts", media, strings.Replace(textPart, "purpose", "file_link_data[create]", 1) + "--b--\n", tree{"file_link_data": tree{"create": "business_logo"}}, ""},
		{"a quoted boundary, other case", `Multipart/Form-Data; boundary="b"`, textPart + "--b--\n", tree{"purpose": "business_logo"}, ""},
		{"of equal names the last file wins", media, strings.Replace(filePart, "PNG", "GIF", 1) + filePart + "--b--\n", tree{"file": file}, ""},
		{"an empty filename is a file", media, named(`name="f"; filename=""`), tree{"f": Upload{Content: []byte("x")}}, ""},
		{"directories of any system are cut off", media, named(`name="f"; filename="C:\\x\\../a/b.png"`), tree{"f": Upload{Filename: "b.png", Content: []byte("x")}}, ""},
		{"names in other scripts", media, named(`name="f"; filename*=UTF-8''%E9%99%B3.png`), tree{"f": Upload{Filename: "陳.png", Content: []byte("x")}}, ""},
		{"transfer encodings are not followed", media, strings.Replace(named(`name="f"; filename="a"`), "\n\nx", "\nContent-Transfer-Encoding: quoted-printable\n\n=41", 1), tree{"f": Upload{Filename: "a", Content: []byte("=41")}}, ""},
		{"something after the last boundary", media, textPart + "--b--\nmore", nil, "could not be parsed"},
		{"no boundary", "multipart/form-data", textPart + "--b--\n", nil, "boundary"},
		{"a boundary without end", "multipart/form-data; boundary=" + strings.Repeat("b", 71), textPart, nil, "boundary"},
		{"another boundary", "multipart/form-data; boundary=c", textPart + "--b--\n", nil, "could not be parsed"},
		{"nothing", media, "", nil, "could not be parsed"},
		{"cut off after a part", media, textPart, nil, "could not be parsed"},
		{"cut off in a header", media, textPart + filePart[:60], nil, "could not be parsed"},
		{"cut off in a part", media, textPart + filePart[:len(filePart)-3], nil, "could not be parsed"},
		{"a part without a name", media, named(`filename="a.png"`), nil, "with a name"},
		{"a part that is no form data", media, "--b\nContent-Type: text/plain\n\nx\n--b--\n", nil, "with a name"},
		{"a file inside a hash", media, named(`name="f[a]"; filename="a.png"`), nil, "f[a]"},
		{"a file where a text stands", media, textPart + strings.Replace(filePart, `"file"`, `"purpose"`, 1) + "--b--\n", nil, "purpose is given both"},
		{"a text where a file stands", media, filePart + strings.Replace(textPart, `"purpose"`, `"file"`, 1) + "--b--\n", nil, "file is given both"},
		{"texts that are too long", media, strings.Replace(textPart, "business_logo", strings.Repeat("é", maxText+1), 1) + "--b--\n", nil, "at most 5000"},
		{"texts that cannot be stored", media, strings.Replace(textPart, "business_logo", "a\x00", 1) + "--b--\n", nil, "NUL"},
		{"too many parts", media, strings.Repeat(textPart, maxParts+1) + "--b--\n", nil, "more than 100 parts"},
	} {
		n, err := parseUpload(t, body(c.body), c.media, 1<<20)
		if c.want == nil {
			if f := fault.As(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Message, c.says) {
				t.Errorf("%s: got %v", c.rule, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
		} else if diff := cmp.Diff(c.want, n.plain()); diff != "" {
			t.Errorf("%s: %s", c.rule, diff)
		}
	}
}

func TestMultipartIsRefusedWhereNoFileIsTaken(t *testing.T) {
	if _, err := parseUpload(t, body(textPart+"--b--\n"), "multipart/form-data; boundary=b", 0); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestMultipartOverItsLimitIsTooLargeAnnouncedOrNot(t *testing.T) {
	text := body(filePart + "--b--\n")
	for name, length := range map[string]int64{"announced": int64(len(text)), "chunked": -1} {
		for limit, fits := range map[int64]bool{int64(len(text)): true, int64(len(text)) - 3: false, 40: false} {
			r := httptest.NewRequest("POST", "/x", strings.NewReader(text))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			r.ContentLength = length
			if _, err := parseParams(r, limit); fits != (err == nil) || !fits && !fault.Is(err, fault.TooLarge) {
				t.Errorf("%s, limit %d of %d: %v", name, limit, len(text), err)
			}
		}
	}
}

func TestFingerprintCoversTheFile(t *testing.T) {
	of := func(u Upload) string {
		p := &parser{root: &node{kind: object}}
		if err := p.file("file", u); err != nil {
			t.Fatal(err)
		}
		return string(p.root.canonical(nil))
	}
	big := bytes.Repeat([]byte("x"), 1<<20)
	if of(Upload{Filename: "a", Content: big}) != of(Upload{Filename: "a", Content: bytes.Clone(big)}) || len(of(Upload{Content: big})) > 100 {
		t.Error("the fingerprint is not of a hash of the content")
	}
	other := bytes.Clone(big)
	other[len(other)-1]++
	if of(Upload{Filename: "a", Content: big}) == of(Upload{Filename: "a", Content: other}) || of(Upload{Filename: "a"}) == of(Upload{Filename: "b"}) {
		t.Error("different files have one fingerprint")
	}
}

func TestFilesAndTextsDoNotStandForEachOther(t *testing.T) {
	n, err := parseUpload(t, body(textPart+filePart+"--b--\n"), "multipart/form-data; boundary=b", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var good struct {
		Purpose string `form:"purpose"`
		File    Upload `form:"file,required"`
	}
	if err := decodeParams(n, &good); err != nil || good.File.Size() != 6 || good.Purpose != "business_logo" {
		t.Errorf("got %+v, %v", good, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", good, good, good, good.File); strings.Contains(printed, "PNG") {
		t.Errorf("content in print: %s", printed)
	}
	for param, into := range map[string]any{
		"file": &struct {
			Purpose string `form:"purpose"`
			File    string `form:"file"`
		}{},
		"purpose": &struct {
			Purpose Upload  `form:"purpose"`
			File    Ignored `form:"file"`
		}{},
	} {
		if f := fault.As(decodeParams(n, into)); f == nil || f.Param != param || f.Kind != fault.Invalid {
			t.Errorf("%s: %v", param, f)
		}
	}
}

func TestUploadsBeyondThePlacesAreSentAwayUnread(t *testing.T) {
	s := New(Config{Authenticator: nobody{}, Log: slog.New(slog.DiscardHandler)})
	s.Mount(Route{Method: "POST", Path: "/x", Resource: "x", Upload: 1 << 20, Handler: s.Read(func(context.Context, *Request) (any, error) { return nil, nil })})
	post := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/x", nil))
		return w
	}
	var leave []func()
	for range maxUploads {
		out, err := s.enterUpload()
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, out)
	}
	if w := post(); w.Code != 503 || w.Header().Get("Stripe-Should-Retry") != "true" {
		t.Errorf("no place left: %d %v", w.Code, w.Header())
	}
	leave[0]()
	for range maxUploads {
		if w := post(); w.Code != 401 { // each of them gives its place back
			t.Errorf("a place is free: %d", w.Code)
		}
	}
}

type nobody struct{}

func (nobody) Authenticate(context.Context, string) (Principal, error) {
	return Principal{}, &fault.Error{Kind: fault.Unauthenticated}
}

func TestUploadsAreNotMountedForEverybody(t *testing.T) {
	for name, route := range map[string]Route{"public": {Public: true}, "publishable": {Publishable: true, Resource: "x"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a %s route takes uploads", name)
				}
			}()
			route.Method, route.Path, route.Upload = "POST", "/x", 1
			New(Config{}).Mount(route)
		}()
	}
}

// FuzzMultipart holds the parser to its promises: no panic, a fault for what is
// wrong, and what is right reads the same when it is written again.
func FuzzMultipart(f *testing.F) {
	f.Add(body(textPart+filePart+"--b--\n"), "b")
	f.Add(body(textPart), "b")
	f.Add(body("--b\nContent-Disposition: form-data; name=\"a[b][]\"\n\n\n--b--"), "b")
	f.Add(body("--b\nContent-Disposition: form-data; name=f; filename*=utf-8''%ff%00\n\n--b\n--b--"), "b")
	f.Add("--\r\n----", "")
	f.Add("\n--b\nContent-Disposition: form-data; name=f\n\nx\n--b--", "b")
	f.Fuzz(func(t *testing.T, text, boundary string) {
		const limit = 1 << 16
		r := httptest.NewRequest("POST", "/x", strings.NewReader(text))
		r.Header.Set("Content-Type", `multipart/form-data; boundary="`+boundary+`"`)
		n, err := parseParams(r, limit)
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		var again bytes.Buffer
		w := multipart.NewWriter(&again)
		total := 0
		for i, key := range n.keys {
			child := n.vals[i]
			if strings.ContainsAny(key, "\r\n") {
				return // cannot be written
			}
			switch child.kind {
			case upload:
				if total += len(child.file.Content); total > limit {
					t.Fatal("more content than fits")
				}
				part, err := w.CreateFormFile(key, "x")
				if err != nil {
					t.Fatal(err)
				}
				_, _ = part.Write(child.file.Content)
				child.file.Filename = "x"
			case scalar:
				_ = w.WriteField(key, child.text)
			default:
				return
			}
		}
		_ = w.Close()
		r = httptest.NewRequest("POST", "/x", &again)
		r.Header.Set("Content-Type", w.FormDataContentType())
		back, err := parseParams(r, 1<<20)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v\n%q", err, text)
		}
		if diff := cmp.Diff(n.plain(), back.plain()); diff != "" {
			t.Fatal(diff)
		}
	})
}
