package event

import "strings"

// TypeMatches reports whether an event type is meant by one of the patterns:
// its own name, "charge.*" for everything under charge, or "*". No pattern
// means every type.
func TypeMatches(patterns []string, typ string) bool {
	for _, p := range patterns {
		if p == typ || strings.HasSuffix(p, "*") && strings.HasPrefix(typ, strings.TrimSuffix(p, "*")) {
			return true
		}
	}
	return len(patterns) == 0
}

// likePatterns is the same rule for SQL's LIKE.
func likePatterns(patterns []string) []string {
	escape := strings.NewReplacer(`\`, `\\`, `_`, `\_`, `%`, `\%`)
	out := make([]string, 0, len(patterns))
	for _, p := range patterns {
		if open, wild := strings.CutSuffix(p, "*"); wild {
			out = append(out, escape.Replace(open)+"%")
			continue
		}
		out = append(out, escape.Replace(p))
	}
	return out
}
