package requestlog

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/telemetry"
)

// TestShapesAreThoseOfTheirExpressions compares what is read by hand with the regular
// expressions that say what is meant.
func TestShapesAreThoseOfTheirExpressions(t *testing.T) {
	t.Parallel()
	runs, digitRuns := regexp.MustCompile(`[A-Za-z0-9]+`), regexp.MustCompile(`[0-9]+`)
	shape := func(expression string) func(string) bool { return regexp.MustCompile(expression).MatchString }
	word := shape(`^-?[A-Za-z0-9*][A-Za-z0-9*._:/+-]{0,59}$`)
	compared := []struct {
		name      string
		got, want func(string) bool
	}{
		{"id", idShaped, shape(`^[a-z]{2,8}_[0-9A-Za-z]{22}$`)},
		{"name", nameShaped, shape(`^([a-z][a-z0-9_]{0,59}|[0-9]{1,4})$`)},
		{"word", wordShaped, word},
		{"amount", amountShaped, shape(`^-?[0-9]{1,9}$`)},
		{"shown", isWord, func(s string) bool {
			if isID(s) || dates.MatchString(s) {
				return true
			}
			if !word(s) || telemetry.Redact(s) != s {
				return false
			}
			digits := 0
			for _, run := range digitRuns.FindAllString(s, -1) {
				digits += len(run)
			}
			for _, run := range runs.FindAllString(s, -1) {
				if len(run) >= 16 && strings.ContainsAny(run, "0123456789") {
					return false
				}
			}
			return digits <= 7
		}},
	}
	texts := rapid.OneOf(
		rapid.String(), rapid.StringMatching(`-?[a-z0-9_*.:/+-]{0,62}`), rapid.StringMatching(`[a-z]{1,9}_[0-9A-Za-z]{20,23}`),
		rapid.StringMatching(`-?[0-9]{0,20}`), rapid.StringMatching(`(sk|rk|whsec)_(test|live)_[a-zA-Z]{4,40}`),
		rapid.StringMatching(`[a-z]+://[a-z]+:[a-z]+@[a-z]+`), rapid.StringMatching(`[0-9]{4}-[0-9]{2}-[0-9]{2}`), rapid.StringMatching(`[A-Za-z0-9]{14,18}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := texts.Draw(t, "text")
		for _, c := range compared {
			if c.got(s) != c.want(s) {
				t.Fatalf("%q as %s: %t", s, c.name, c.got(s))
			}
		}
	})
}
