package credential

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestGeneratedKeysParseAndMatchThePublishedPattern(t *testing.T) {
	pattern := regexp.MustCompile("^" + Pattern + "$")
	seen := map[string]bool{}
	for _, kind := range []Kind{Secret, Publishable, Restricted} {
		for _, live := range []bool{false, true} {
			for range 50 {
				made, err := generate(kind, live)
				if err != nil {
					t.Fatal(err)
				}
				plain := made.Plain().Reveal()
				if seen[plain] || !pattern.MatchString(plain) {
					t.Fatalf("repeated or malformed key %s", made.Redacted())
				}
				seen[plain] = true
				got, err := Parse(plain)
				if err != nil || got.Kind != kind || got.Livemode != live {
					t.Fatalf("Parse: %+v, %v", got, err)
				}
			}
		}
	}
}

func TestParseRefusesWhatIsNotOurs(t *testing.T) {
	made, err := generate(Secret, false)
	if err != nil {
		t.Fatal(err)
	}
	plain := made.Plain().Reveal()
	flipped := []byte(plain)
	flipped[12] = flip(flipped[12])
	for name, text := range map[string]string{
		"empty":           "",
		"one digit wrong": string(flipped),
		"other mode":      strings.Replace(plain, "_test_", "_live_", 1),
		"other kind":      "pk" + plain[2:],
		"unknown kind":    "xk" + plain[2:],
		"unknown mode":    strings.Replace(plain, "_test_", "_demo_", 1),
		"no underscore":   "sk-test-" + plain[8:],
		"too short":       plain[:len(plain)-1],
		"too long":        plain + "0",
		"space":           " " + plain[1:],
	} {
		if _, err := Parse(text); !errors.Is(err, ErrNotAKey) {
			t.Errorf("%s: Parse = %v", name, err)
		}
	}
}

func flip(digit byte) byte {
	if digit == '0' {
		return '1'
	}
	return '0'
}

func TestRedactedKeyShowsOnlyPrefixAndLastFour(t *testing.T) {
	made, err := generate(Restricted, true)
	if err != nil {
		t.Fatal(err)
	}
	plain, shown := made.Plain().Reveal(), made.Redacted()
	if !strings.HasPrefix(shown, "rk_live_") || !strings.HasSuffix(shown, plain[len(plain)-4:]) || strings.Contains(shown, plain[8:12]) {
		t.Fatalf("redacted key is %q", shown)
	}
}

func FuzzParse(f *testing.F) {
	made, err := generate(Secret, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.Plain().Reveal())
	f.Add("sk_test_")
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := Parse(text); err == nil && token.Plain().Reveal() != text {
			t.Fatal("Parse changed the key")
		}
	})
}

func TestScopesAreCheckedSortedAndUnique(t *testing.T) {
	resources := []string{"charges", "refunds"}
	got, err := checkScopes([]string{"refunds:read", "charges:write", "refunds:read"}, resources)
	if err != nil || strings.Join(got, " ") != "charges:write refunds:read" {
		t.Fatalf("checkScopes = %v, %v", got, err)
	}
	for _, bad := range []string{"", "charges", "charges:", "charges:delete", "unknown:read", "charges:read ", "*:read"} {
		if _, err := checkScopes([]string{bad}, resources); err == nil {
			t.Errorf("scope %q accepted", bad)
		}
	}
	if _, err := checkScopes(nil, resources); err == nil {
		t.Error("a restricted key without scopes accepted")
	}
}
