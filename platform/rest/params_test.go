package rest

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/fault"
)

func parseForm(s string) (any, error) {
	p := &parser{root: &node{kind: object}}
	if err := p.form(s); err != nil {
		return nil, err
	}
	return p.root.plain(), nil
}

func parseJSON(s string) (any, error) {
	p := &parser{root: &node{kind: object}}
	if err := p.json([]byte(s)); err != nil {
		return nil, err
	}
	return p.root.plain(), nil
}

type tree = map[string]any

func TestFormIsReadAsRackReadsIt(t *testing.T) {
	for form, want := range map[string]any{
		"":                                 tree{},
		"a=1&&b=2&":                        tree{"a": "1", "b": "2"},
		"a":                                tree{"a": ""},
		"a=1&a=2":                          tree{"a": "2"},
		"a=x=y":                            tree{"a": "x=y"},
		"a=x+y%2Bz%20":                     tree{"a": "x y+z "},
		"a[b][c]=1&a[b][d]=2":              tree{"a": tree{"b": tree{"c": "1", "d": "2"}}},
		"a%5Bb%5D%5B%5D=1&a%5Bb%5D%5B%5D=": tree{"a": tree{"b": []any{"1", ""}}},
		"a[]=1&a[]=2":                      tree{"a": []any{"1", "2"}},
		"a[][x]=1&a[][y]=2&a[][x]=3":       tree{"a": []any{tree{"x": "1", "y": "2"}, tree{"x": "3"}}},
		"a[][x][p]=1&a[][x][q]=2":          tree{"a": []any{tree{"x": tree{"p": "1", "q": "2"}}}},
		"a[token]=t&a=t":                   tree{"a": "t"}, // stripe-go writes tokens twice
		"a=t&a[token]=t":                   tree{"a": "t"},
		"metadata[x[y]]=%C3%A9":            tree{"metadata": tree{"x[y]": "é"}},
		"a[0][b]=1&a[7][b]=2":              tree{"a": tree{"0": tree{"b": "1"}, "7": tree{"b": "2"}}},
	} {
		got, err := parseForm(form)
		if err != nil {
			t.Errorf("%s: %v", form, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
	}
}

func TestJSONKeepsNumbersExact(t *testing.T) {
	got, err := parseJSON(`{"amount":9007199254740993,"rate":15.75,"ok":true,"none":null,"list":[1,{"a":"b"}],"amount2":1e3,"dup":1,"dup":2}`)
	want := tree{
		"amount": "9007199254740993", "rate": "15.75", "ok": "true", "none": nil,
		"list": []any{"1", tree{"a": "b"}}, "amount2": "1e3", "dup": "2",
	}
	if diff := cmp.Diff(any(want), got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestHostileParametersAreRefusedByName(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	for _, c := range []struct{ form, json, param string }{
		{form: "a[b]=x%00y", json: `{"a":{"b":"x\u0000y"}}`, param: "a[b]"},
		{form: "a%00=1", json: `{"a\u0000":1}`, param: "a\uFFFD"},
		{form: "a=%ff", param: "a"},
		{form: "a=" + long, json: `{"a":"` + long + `"}`, param: "a"},
		{form: "a=1&a[b]=2", param: "a[b]"},
		{form: "a[b]=2&a=1", param: "a"},
		{form: "a[]=1&a[0]=2", param: "a[0]"},
		{form: "a[b=1", param: "a[b"},
		{form: "a]=1", param: "a]"},
		{form: "a[b]c=1", param: "a[b]c"},
		{form: "[a]=1", param: "[a]"},
		{form: "=1", param: ""},
		{form: "a[][]=1", param: "a[][]"},
		{form: "a=%zz", param: "a"},
		{form: "a%zz=1", param: "a%zz"},
		{form: "a" + strings.Repeat("[b]", maxDepth) + "=1", param: "a" + strings.Repeat("[b]", maxDepth)},
		{json: strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1), param: "a" + strings.Repeat("[a]", maxDepth-1)},
		{json: `{"a":[`[:5] + strings.Repeat("[", 100000), param: "a" + strings.Repeat("[0]", maxDepth-1)},
		{form: strings.Repeat("a[]=1&", maxElements+1), param: "a[]"},
		{json: `{"a":[` + strings.Repeat("1,", maxElements) + "1]}", param: "a"},
	} {
		if c.form != "" {
			_, err := parseForm(c.form)
			mustBeInvalid(t, printable(c.form), err, c.param)
		}
		if c.json != "" {
			_, err := parseJSON(c.json)
			mustBeInvalid(t, printable(c.json), err, c.param)
		}
	}
}

func mustBeInvalid(t *testing.T, what string, err error, param string) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Kind != fault.Invalid || f.Param != param {
		t.Errorf("%s: got %#v, want Invalid naming %q", what, err, param)
	}
}

func TestMalformedJSONIsInvalid(t *testing.T) {
	for _, s := range []string{"[]", "1", `"a"`, "{", `{"a"`, `{"a":}`, `{"a":1}{`, `{"a":1} x`, "null", "{'a':1}", "{\"a\":\"\xff\"}"} {
		_, err := parseJSON(s)
		mustBeInvalid(t, s, err, "")
	}
}

func TestTooManyParametersAreRefused(t *testing.T) {
	var form strings.Builder
	for i := range maxParams + 1 {
		form.WriteString("a" + strconv.Itoa(i/900) + "[k" + strconv.Itoa(i) + "]=1&")
	}
	if _, err := parseForm(form.String()); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestBodyKindsAndLimits(t *testing.T) {
	for _, c := range []struct {
		rule, method, target, media, body string
		want                              any
		kind                              fault.Kind
	}{
		{"GET with a form type and no body", "GET", "/x?a=1", "application/x-www-form-urlencoded", "", tree{"a": "1"}, 0},
		{"query and body together", "POST", "/x?a=1", "", "b=2", tree{"a": "1", "b": "2"}, 0},
		{"JSON with charset", "POST", "/x", "application/json; charset=utf-8", `{"a":1}`, tree{"a": "1"}, 0},
		{"empty JSON body", "GET", "/x", "application/json", "", tree{}, 0},
		{"other types", "POST", "/x", "text/plain", "a=1", nil, fault.Invalid},
		{"broken types", "POST", "/x", ";", "a=1", nil, fault.Invalid},
		{"too large", "POST", "/x", "", "a=" + strings.Repeat("x", maxBody), nil, fault.TooLarge},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		n, err := parseParams(r, 0)
		if c.want == nil {
			if !fault.Is(err, c.kind) {
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

func TestChunkedBodyOverTheLimitIsTooLarge(t *testing.T) {
	r := httptest.NewRequest("POST", "/x", strings.NewReader("a="+strings.Repeat("x", maxBody)))
	r.ContentLength = -1
	if _, err := parseParams(r, 0); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestFingerprintIgnoresOrderAndEncodingOnly(t *testing.T) {
	of := func(form string) string {
		p := &parser{root: &node{kind: object}}
		if err := p.form(form); err != nil {
			t.Fatal(err)
		}
		return string(p.root.canonical(nil))
	}
	p := &parser{root: &node{kind: object}}
	if err := p.json([]byte(`{"b":{"c":"x"},"a":1}`)); err != nil {
		t.Fatal(err)
	}
	same := of("a=1&b[c]=x")
	if of("b[c]=x&a=1") != same || string(p.root.canonical(nil)) != same {
		t.Error("order or encoding changes the fingerprint")
	}
	for _, other := range []string{"a=1", "a=1&b[c]=y", "a=1&b[d]=x", "a=1&b=x", "a=1&b[]=x", "a=1&b[c]=x&d="} {
		if of(other) == same {
			t.Errorf("%s has the same fingerprint", other)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"amount=1000&currency=usd&transfer_data[destination]=acct_1&metadata[x[y]]=%C3%A9&expand[0]=a.b",
		"a[]=1&a[]=2&a[][b]=3", "a[0][b]=1&a[9][b]=2", "a%5B%5D=1", "a[[b]]=1", "a=%00", "[]=1", "a[][][]=1", "a[b][]=&a[b][][c]=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &parser{root: &node{kind: object}}
		if err := p.form(s); err != nil {
			if fault.As(err) == nil {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		checkTree(t, p.root, 0)
		_ = decodeParams(p.root, &sample{})
	})
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"amount":1000,"metadata":{"a":null},"legs":[{"amount":1.5}]}`, `{"a":{"a":[[]]}}`, `{"a":"\ud800"}`, `{"":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &parser{root: &node{kind: object}}
		if err := p.json(b); err != nil {
			if fault.As(err) == nil {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		checkTree(t, p.root, 0)
		_ = decodeParams(p.root, &sample{})
	})
}

// checkTree checks what every accepted request keeps to.
func checkTree(t *testing.T, n *node, depth int) {
	if depth > maxDepth+1 || len(n.items) > maxElements || len(n.keys) > maxElements || len(n.keys) != len(n.vals) {
		t.Fatal("limits are not kept")
	}
	if strings.ContainsRune(n.text, 0) || n.kind != scalar && n.text != "" {
		t.Fatalf("text %q", n.text)
	}
	for i, child := range n.vals {
		if n.get(n.keys[i]) != child {
			t.Fatalf("key %q is not found again", n.keys[i])
		}
		checkTree(t, child, depth+1)
	}
	for _, child := range n.items {
		checkTree(t, child, depth+1)
	}
}
