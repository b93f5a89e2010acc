package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/sluicepay/sluice/platform/dev/npm"
	"github.com/sluicepay/sluice/platform/dev/pypi"
)

// captured is a request as a receiver has it, and the keys it knows.
type captured struct {
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	Secret    string            `json:"secret"`
	PublicKey string            `json:"publicKey"`
	JWKS      json.RawMessage   `json:"jwks"`

	name  string
	fails []string // schemes that must refuse it; the others must not
}

// capture sends a message with two live secrets, and knows the second or first of them.
func capture(t *testing.T, body string) []captured {
	t.Helper()
	var got captured
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = captured{URL: "http://" + r.Host + r.RequestURI, Headers: map[string]string{}, Body: string(raw)}
		for name, values := range r.Header {
			got.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}))
	defer server.Close()
	s := devSender(t, nil)
	secrets := make([]Secret, 2)
	set := `{"keys":[`
	for i := range secrets {
		key, err := newSigningSecret()
		if err != nil {
			t.Fatal(err)
		}
		secrets[i] = Secret{ID: fmt.Sprintf("whs_%d", i+1), Key: key}
		set += strings.Repeat(",", min(i, 1)) + fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, secrets[i].ID,
			base64.RawURLEncoding.EncodeToString(s.signer.public("we_1", secrets[i].ID)))
	}
	m := Message{ID: "evt_1", Endpoint: "we_1", URL: server.URL + "/hooks?tenant=%E6%9D%8E&x=1", Secrets: secrets, Body: []byte(body)}
	if answer, err := s.Send(t.Context(), m, time.Now()); err != nil || !answer.Delivered() {
		t.Fatalf("%+v, %v", answer, err)
	}
	known := make([]captured, 2)
	for i, live := range secrets {
		known[i] = got
		known[i].name = "with " + live.ID
		known[i].Secret, known[i].PublicKey, known[i].JWKS = live.Key.Reveal(), s.signer.PublicKey("we_1", live.ID), json.RawMessage(set+"]}")
	}
	return known
}

// altered is a copy with one thing changed, which these schemes must notice.
func (c captured) altered(name string, change func(*captured), fails ...string) captured {
	c.Headers = maps.Clone(c.Headers)
	change(&c)
	c.name, c.fails = name, fails
	return c
}

func cases(t *testing.T) []captured {
	t.Helper()
	all := slices.Concat(
		capture(t, `{"id":"evt_1","object":"event","type":"charge.succeeded","data":{"object":{"id":"ch_1","object":"charge","description":"補習 📚 <b>&\u0041"}}}`),
		capture(t, `{"id":"evt_1","object":"event","data":{"object":{"text":"`+strings.Repeat("長", 20_000)+`"}}}`),
	)
	genuine := all[0]
	header := func(name string, change func(string) string) func(*captured) {
		return func(c *captured) { c.Headers[name] = change(c.Headers[name]) }
	}
	to := func(v string) func(string) string { return func(string) string { return v } }
	other := capture(t, genuine.Body)[0]
	return append(all,
		genuine.altered("another body", func(c *captured) { c.Body = strings.Replace(c.Body, "ch_1", "ch_2", 1) }, "v1", "v1a", "stripe", "rfc9421"),
		genuine.altered("another body and its digest", func(c *captured) {
			c.Body = strings.Replace(c.Body, "ch_1", "ch_2", 1)
			sum := sha256.Sum256([]byte(c.Body))
			c.Headers["content-digest"] = "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		}, "v1", "v1a", "stripe", "rfc9421"),
		genuine.altered("another id", header("webhook-id", to("evt_2")), "v1", "v1a", "rfc9421"), // Stripe signs the id in the body alone
		genuine.altered("another time", func(c *captured) {
			now := fmt.Sprint(time.Now().Unix() + 7)
			c.Headers["webhook-timestamp"] = now
			c.Headers["stripe-signature"] = regexp.MustCompile(`t=\d+`).ReplaceAllString(c.Headers["stripe-signature"], "t="+now)
			c.Headers["signature-input"] = regexp.MustCompile(`created=\d+`).ReplaceAllString(c.Headers["signature-input"], "created="+now)
		}, "v1", "v1a", "stripe", "rfc9421"),
		genuine.altered("another URL", func(c *captured) { c.URL += "0" }, "rfc9421"), // only this one covers it
		genuine.altered("another endpoint's keys", func(c *captured) {
			c.Secret, c.PublicKey, c.JWKS = other.Secret, other.PublicKey, other.JWKS
		}, "v1", "v1a", "stripe", "rfc9421"),
	)
}

// judge holds a library's verdicts against what must be.
func judge(t *testing.T, library string, c captured, verdicts map[string]string) {
	t.Helper()
	for scheme, why := range verdicts {
		if (why != "") != slices.Contains(c.fails, scheme) {
			t.Errorf("%s, %s, %s: %q", library, c.name, scheme, why)
		}
	}
}

func TestRequestsVerifyInGo(t *testing.T) {
	for _, c := range cases(t) {
		header := http.Header{}
		for name, value := range c.Headers {
			header.Set(name, value)
		}
		_, stripe := stripewebhook.ConstructEventWithOptions([]byte(c.Body), header.Get("Stripe-Signature"), c.Secret,
			stripewebhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		standard, err := standardwebhooks.NewWebhook(c.Secret)
		if err != nil {
			t.Fatal(err)
		}
		judge(t, "Go", c, map[string]string{
			"stripe": reason(stripe), "v1": reason(standard.Verify([]byte(c.Body), header)),
			"v1a": reason(verifyV1a(c)), "rfc9421": reason(verifyRFC9421(c)),
		})
	}
}

func TestRequestsVerifyInNode(t *testing.T) {
	modules, err := npm.Modules("../../cmd/sluice/e2e/node")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere(t, "Node", "NODE_PATH="+modules, "node", "testdata/verify.cjs")
}

func TestRequestsVerifyInPython(t *testing.T) {
	python, err := pypi.Python("testdata")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere(t, "Python", "PYTHONUTF8=1", python, "testdata/verify.py")
}

// elsewhere lets a program judge the cases.
func elsewhere(t *testing.T, library, env, program, script string) {
	t.Helper()
	list := cases(t)
	input, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, script)
	cmd.Env = append(os.Environ(), env)
	cmd.Stdin = bytes.NewReader(input)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &complaints)
	}
	var verdicts []map[string]string
	if err := json.Unmarshal(output, &verdicts); err != nil || len(verdicts) != len(list) {
		t.Fatalf("%s said %q: %v", script, output, err)
	}
	for i, c := range list {
		judge(t, library, c, verdicts[i])
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func verifyV1a(c captured) error {
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.PublicKey, "whpk_"))
	if err != nil || len(public) != ed25519.PublicKeySize {
		return errors.New("not a public key")
	}
	content := c.Headers["webhook-id"] + "." + c.Headers["webhook-timestamp"] + "." + c.Body
	for versioned := range strings.SplitSeq(c.Headers["webhook-signature"], " ") {
		version, text, _ := strings.Cut(versioned, ",")
		if signature, err := base64.StdEncoding.DecodeString(text); version == "v1a" && err == nil && ed25519.Verify(public, []byte(content), signature) {
			return nil
		}
	}
	return errors.New("no v1a verifies")
}

var (
	// inputMember is one member of Signature-Input: a label, components and parameters (RFC 9421, 4.1).
	inputMember = regexp.MustCompile(`([a-z*][a-z0-9_.*-]*)=(\(((?:"[^"]+"(?: |))*)\)((?:;[a-z]+=(?:"[^"]*"|\d+))*))(?:, |$)`)
	param       = regexp.MustCompile(`;([a-z]+)=(?:"([^"]*)"|(\d+))`)
)

// verifyRFC9421 is a verifier written from RFC 9421, section 3.2, and RFC 9530: every
// signature must be good, for keys of the JWKS, and cover what we promise.
func verifyRFC9421(c captured) error {
	sum := sha256.Sum256([]byte(c.Body))
	if c.Headers["content-digest"] != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
		return errors.New("the digest is of another body")
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X string }
	}
	if err := json.Unmarshal(c.JWKS, &set); err != nil {
		return err
	}
	inputs := inputMember.FindAllStringSubmatch(c.Headers["signature-input"], -1)
	if len(inputs) != 2 || len(inputs[0][0])+len(inputs[1][0]) != len(c.Headers["signature-input"]) {
		return fmt.Errorf("Signature-Input has %d members that can be read, want 2 and nothing else", len(inputs))
	}
	for _, in := range inputs {
		label, params, components := in[1], in[2], strings.Fields(in[3])
		if !slices.Equal(components, []string{`"content-digest"`, `"webhook-id"`, `"webhook-timestamp"`, `"@target-uri"`}) {
			return fmt.Errorf("%s covers %s", label, components)
		}
		said := map[string]string{}
		for _, p := range param.FindAllStringSubmatch(in[4], -1) {
			said[p[1]] = p[2] + p[3]
		}
		var base strings.Builder
		for _, component := range components {
			name := strings.Trim(component, `"`)
			value := strings.TrimSpace(c.Headers[name])
			if name == "@target-uri" {
				value = c.URL
			}
			fmt.Fprintf(&base, "%s: %s\n", component, value)
		}
		fmt.Fprintf(&base, "%q: %s", "@signature-params", params)
		_, after, found := strings.Cut(", "+c.Headers["signature"], ", "+label+"=:")
		text, _, closed := strings.Cut(after, ":")
		signature, err := base64.StdEncoding.DecodeString(text)
		if !found || !closed || err != nil || said["alg"] != "ed25519" || said["created"] != c.Headers["webhook-timestamp"] {
			return fmt.Errorf("%s has no signature that can be read", label)
		}
		at := slices.IndexFunc(set.Keys, func(k struct{ Kty, Crv, Kid, X string }) bool { return k.Kid == said["keyid"] })
		if at < 0 || set.Keys[at].Kty != "OKP" || set.Keys[at].Crv != "Ed25519" {
			return fmt.Errorf("%s is by an unknown key", label)
		}
		public, err := base64.RawURLEncoding.DecodeString(set.Keys[at].X)
		if err != nil || !ed25519.Verify(public, []byte(base.String()), signature) {
			return fmt.Errorf("%s does not verify", label)
		}
	}
	return nil
}
