package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/secret"
)

const plain = "the-plain-text"

type holder struct {
	Shown  secret.Text
	hidden secret.Text
	Ptr    *secret.Text
}

func TestTextNeverPrintsItself(t *testing.T) {
	text := secret.New(plain)
	h := holder{Shown: text, hidden: text, Ptr: &text}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%T"} {
		fmt.Fprintf(&out, verb+"\n", text)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
		fmt.Fprintf(&out, verb+"\n", map[string]holder{"a": h})
	}
	encoded, err := json.Marshal(map[string]any{"h": h, "t": text, "p": &text})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("x", "text", text, "holder", h, "error", fmt.Errorf("bad %v", text))
	}
	if printed := out.String(); strings.Contains(printed, plain) || strings.Contains(printed, fmt.Sprintf("%x", plain)) {
		t.Fatalf("plain text printed:\n%s", printed)
	}
	if text.Reveal() != plain || text.IsZero() || !(secret.Text{}).IsZero() {
		t.Fatal("Reveal or IsZero lost the text")
	}
}

func master(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func ring(t *testing.T, masters ...secret.Master) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(masters...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedTextOpensOnlyInItsRow(t *testing.T) {
	k := ring(t, secret.Master{ID: "a", Key: master(1)})
	sealed, err := k.Seal(secret.New(plain), "connect.webhook_endpoints", "we_1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(sealed, "v1:a:") || strings.Contains(sealed, plain) {
		t.Fatalf("sealed text is %q", sealed)
	}
	again, _ := k.Seal(secret.New(plain), "connect.webhook_endpoints", "we_1")
	if again == sealed {
		t.Fatal("two seals are equal: the nonce repeats")
	}
	got, err := k.Open(sealed, "connect.webhook_endpoints", "we_1")
	if err != nil || got.Reveal() != plain {
		t.Fatalf("open: %q, %v", got.Reveal(), err)
	}
	for _, where := range [][2]string{{"connect.webhook_endpoints", "we_2"}, {"oauth.clients", "we_1"}} {
		if _, err := k.Open(sealed, where[0], where[1]); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("opened in %v: %v", where, err)
		}
	}
}

func TestDamagedSealedTextStaysShut(t *testing.T) {
	k := ring(t, secret.Master{ID: "a", Key: master(1)})
	sealed, _ := k.Seal(secret.New(plain), "t", "r")
	parts := strings.Split(sealed, ":")
	for _, bad := range []string{
		"", "v1", "v2" + sealed[2:], sealed + ":", sealed[:len(sealed)-4] + "AAAA",
		strings.Join([]string{parts[0], "b", parts[2], parts[3]}, ":"),
		strings.Join([]string{parts[0], parts[1], "AAAA", parts[3]}, ":"),
		strings.Join([]string{parts[0], parts[1], parts[2], "!"}, ":"),
	} {
		if _, err := k.Open(bad, "t", "r"); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
}

func TestRotatedKeyringOpensOldSeals(t *testing.T) {
	old := ring(t, secret.Master{ID: "a", Key: master(1)})
	sealed, _ := old.Seal(secret.New(plain), "t", "r")
	both := ring(t, secret.Master{ID: "b", Key: master(2)}, secret.Master{ID: "a", Key: master(1)})
	if got, err := both.Open(sealed, "t", "r"); err != nil || got.Reveal() != plain {
		t.Fatalf("open: %v", err)
	}
	fresh, _ := both.Seal(secret.New(plain), "t", "r")
	if _, err := old.Open(fresh, "t", "r"); !errors.Is(err, secret.ErrSealed) {
		t.Fatalf("a seal of the new master opened with the old one: %v", err)
	}
}

func TestKeyringRefusesWeakOrAmbiguousMasters(t *testing.T) {
	for name, masters := range map[string][]secret.Master{
		"none":  nil,
		"short": {{ID: "a", Key: make([]byte, 31)}},
		"colon": {{ID: "a:b", Key: master(1)}},
		"empty": {{ID: "", Key: master(1)}},
		"twice": {{ID: "a", Key: master(1)}, {ID: "a", Key: master(2)}},
	} {
		if _, err := secret.NewKeyring(masters...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPepperSeparatesPurposesAndMasters(t *testing.T) {
	sum := func(m []byte, purpose string) [32]byte {
		p, err := secret.NewPepper(m, purpose)
		if err != nil {
			t.Fatal(err)
		}
		return p.Sum(secret.New(plain))
	}
	base := sum(master(1), "api_keys")
	if base != sum(master(1), "api_keys") {
		t.Fatal("not deterministic")
	}
	if base == sum(master(2), "api_keys") || base == sum(master(1), "tokens") {
		t.Fatal("pepper does not depend on master and purpose")
	}
	if _, err := secret.NewPepper(nil, "x"); err == nil {
		t.Fatal("an empty master was accepted")
	}
}

func TestSealedBytesOpenOnlyWholeAndInTheirRow(t *testing.T) {
	k := ring(t, secret.Master{ID: "a", Key: master(1)})
	sealed, err := k.SealBytes([]byte(plain), "t", "r")
	if err != nil || !bytes.HasPrefix(sealed, []byte("v1:a:")) || bytes.Contains(sealed, []byte(plain)) {
		t.Fatalf("sealed is %q, %v", sealed, err)
	}
	if again, _ := k.SealBytes([]byte(plain), "t", "r"); bytes.Equal(again, sealed) {
		t.Fatal("two seals are equal: the nonce repeats")
	}
	both := ring(t, secret.Master{ID: "b", Key: master(2)}, secret.Master{ID: "a", Key: master(1)})
	if got, err := both.OpenBytes(sealed, "t", "r"); err != nil || got.Reveal() != plain {
		t.Fatalf("open: %q, %v", got.Reveal(), err)
	}
	if _, err := k.OpenBytes(sealed, "t", "s"); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("opened in another row: %v", err)
	}
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-1] ^= 1
	for _, bad := range [][]byte{nil, []byte("v1:a:"), []byte("v1:b:" + strings.Repeat("x", 40)), []byte("v2" + string(sealed[2:])), sealed[:len(sealed)-1], damaged} {
		if _, err := k.OpenBytes(bad, "t", "r"); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("OpenBytes(%q) = %v", bad, err)
		}
	}
}
