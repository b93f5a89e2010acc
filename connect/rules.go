package connect

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The rules are pages that a compliance person reads and writes.
//
//go:embed requirements/*.txt
var rulePages embed.FS

// Rules is what accounts must tell: every version there was, is and will be.
type Rules struct {
	Versions []RuleVersion // oldest first
	Terms    []Terms       // oldest first
}

// RuleVersion is the rule between one date and the next.
type RuleVersion struct {
	Name      string
	Announced time.Time     // from here on it shows among the future requirements
	Effective time.Time     // from here on it is the rule
	Grace     time.Duration // until what is new in it disables accounts that are older
	areas     map[string]string
	sections  []section
}

// Terms is one version of the terms of service.
type Terms struct {
	Version   string
	Published time.Time
	Required  time.Time
	Grace     time.Duration
}

type section struct {
	areas, kinds, capabilities []string // nil: any
	items                      []item
	verify                     []string
}

// item is one requirement: its name, then the names that do instead.
type item struct {
	names  []string
	within time.Duration // 0: due at once
}

// The kinds of business.
var businessTypes = []string{"individual", "company", "non_profit", "government_entity"}

// otherArea holds the countries that no area names.
const otherArea = "other"

// noticeBefore is how long before its deadline an eventual requirement becomes currently due.
const noticeBefore = 30 * 24 * time.Hour

// DefaultRules are the rules we ship. A page that cannot be read is a mistake of ours: it panics.
var DefaultRules = sync.OnceValue(func() *Rules {
	pages, err := fs.Sub(rulePages, "requirements")
	if err == nil {
		var rules *Rules
		if rules, err = ReadRules(pages); err == nil {
			return rules
		}
	}
	panic("connect: " + err.Error())
})

// ReadRules reads every page of a folder: terms.txt, and one page for each version.
func ReadRules(pages fs.FS) (*Rules, error) {
	names, err := fs.Glob(pages, "*.txt")
	if err != nil {
		return nil, err
	}
	rules := &Rules{}
	for _, name := range names {
		text, err := fs.ReadFile(pages, name)
		if err != nil {
			return nil, err
		}
		if name == "terms.txt" {
			if rules.Terms, err = readTerms(string(text)); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		v, err := readVersion(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rules.Versions = append(rules.Versions, v)
	}
	if len(rules.Versions) == 0 || len(rules.Terms) == 0 {
		return nil, fmt.Errorf("no requirements or no terms among %v", names)
	}
	sort.Slice(rules.Versions, func(i, j int) bool { return rules.Versions[i].Effective.Before(rules.Versions[j].Effective) })
	sort.Slice(rules.Terms, func(i, j int) bool { return rules.Terms[i].Published.Before(rules.Terms[j].Published) })
	return rules, nil
}

// Name tells one set of rules from another; newer ones have greater names.
func (r *Rules) Name() string {
	return r.Versions[len(r.Versions)-1].Name + " " + r.Terms[len(r.Terms)-1].Version
}

// in is the place of the version in force at a time. Before the first one the first counts.
func (r *Rules) in(at time.Time) int {
	i := sort.Search(len(r.Versions), func(i int) bool { return r.Versions[i].Effective.After(at) })
	return max(0, i-1)
}

// coming is the next version, if it is announced.
func (r *Rules) coming(at time.Time) (RuleVersion, bool) {
	i := r.in(at) + 1
	if i == len(r.Versions) || r.Versions[i].Announced.After(at) {
		return RuleVersion{}, false
	}
	return r.Versions[i], true
}

// TermsAt is the version of the terms that whoever accepts at a time accepts.
func (r *Rules) TermsAt(at time.Time) Terms {
	i := sort.Search(len(r.Terms), func(i int) bool { return r.Terms[i].Published.After(at) })
	return r.Terms[max(0, i-1)]
}

// after are the terms published later than version.
func (r *Rules) after(version string) []Terms {
	i := slices.IndexFunc(r.Terms, func(t Terms) bool { return t.Version == version })
	return r.Terms[i+1:]
}

// Areas lists the areas of the table, and a country of each.
func (v RuleVersion) Areas() map[string]string {
	areas := map[string]string{}
	for country := range currencies {
		area := v.area(country)
		if known := areas[area]; known == "" || country < known {
			areas[area] = country
		}
	}
	return areas
}

func (v RuleVersion) area(country string) string {
	if area, ok := v.areas[country]; ok {
		return area
	}
	return otherArea
}

// pick is what applies to a capability of an account.
func (v RuleVersion) pick(country, business, capability string) (items []item, verify []string) {
	if capability != TransfersCapability && capability != LegacyPaymentsCapability {
		capability = CardPaymentsCapability
	}
	area := v.area(country)
	for _, s := range v.sections {
		if fits(s.areas, area) && fits(s.kinds, business) && fits(s.capabilities, capability) {
			items, verify = append(items, s.items...), append(verify, s.verify...)
		}
	}
	return items, verify
}

func fits(list []string, word string) bool { return list == nil || slices.Contains(list, word) }

// readVersion reads a page of requirements.
func readVersion(text string) (RuleVersion, error) {
	v := RuleVersion{areas: map[string]string{}}
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := v.read(words[0], strings.TrimSpace(strings.TrimSpace(line)[len(words[0]):])); err != nil {
			return v, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if v.Name == "" || v.Announced.IsZero() || len(v.sections) == 0 {
		return v, fmt.Errorf("version, announced and at least one rule are required")
	}
	return v, nil
}

func (v *RuleVersion) read(word, rest string) (err error) {
	switch word {
	case "version":
		v.Name = rest
		v.Effective, err = time.Parse(time.DateOnly, rest)
		return err
	case "announced":
		v.Announced, err = time.Parse(time.DateOnly, rest)
		return err
	case "grace":
		v.Grace, err = days(strings.Fields(rest))
		return err
	case "area":
		area, countries, _ := strings.Cut(rest, "=")
		for _, country := range strings.Fields(countries) {
			if currencies[country] == "" {
				return fmt.Errorf("unknown country %s", country)
			}
			v.areas[country] = strings.TrimSpace(area)
		}
		return nil
	case "for":
		return v.open(strings.Split(rest, "/"))
	}
	if len(v.sections) == 0 {
		return fmt.Errorf("%q before the first \"for\"", word)
	}
	s := &v.sections[len(v.sections)-1]
	switch word {
	case "now":
		s.add(0, rest)
	case "within":
		words := strings.Fields(rest)
		within, err := days(words)
		if err != nil {
			return err
		}
		s.add(within, strings.Join(words[2:], " "))
	case "verify":
		if !slices.Contains(append(slices.Clone(roles), "individual", "company"), rest) {
			return fmt.Errorf("verify whom? %q", rest)
		}
		s.verify = append(s.verify, rest)
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

func (v *RuleVersion) open(parts []string) error {
	if len(parts) != 3 {
		return fmt.Errorf("for AREAS / KINDS / CAPABILITIES")
	}
	known := []string{otherArea}
	for _, area := range v.areas {
		known = append(known, area)
	}
	s := section{}
	for i, into := range []*[]string{&s.areas, &s.kinds, &s.capabilities} {
		words := strings.Fields(parts[i])
		if slices.Equal(words, []string{"any"}) {
			continue
		}
		for _, word := range words {
			if !slices.Contains([][]string{known, businessTypes, known3}[i], word) {
				return fmt.Errorf("unknown %q", word)
			}
		}
		*into = words
	}
	v.sections = append(v.sections, s)
	return nil
}

// known3 are the capabilities with rules of their own.
var known3 = []string{TransfersCapability, CardPaymentsCapability, LegacyPaymentsCapability}

func (s *section) add(within time.Duration, list string) {
	for _, one := range strings.Split(list, ",") {
		names := strings.Split(one, " or ")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
		s.items = append(s.items, item{names: names, within: within})
	}
}

func days(words []string) (time.Duration, error) {
	if len(words) < 2 || words[1] != "days" {
		return 0, fmt.Errorf("want a number of days, not %v", words)
	}
	n, err := strconv.Atoi(words[0])
	return time.Duration(n) * 24 * time.Hour, err
}

// readTerms reads the page of terms.
func readTerms(text string) ([]Terms, error) {
	var terms []Terms
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 5 {
			return nil, fmt.Errorf("line %d: want version, published, required and grace", n+1)
		}
		t := Terms{Version: words[0]}
		var err error
		if t.Published, err = time.Parse(time.DateOnly, words[1]); err == nil {
			if t.Required, err = time.Parse(time.DateOnly, words[2]); err == nil {
				t.Grace, err = days(words[3:])
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		terms = append(terms, t)
	}
	return terms, nil
}
