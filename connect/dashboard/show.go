package dashboard

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// Amount shows minor units of a currency.
func (v *Visit) Amount(minor int64, currency string) template.HTML {
	shown, err := amount(minor, currency)
	if err != nil {
		return ""
	}
	return shown
}

// When shows an instant in seconds since 1970 as day and minute in the account's zone; 0 is nothing.
func (v *Visit) When(unix int64) template.HTML {
	shown, err := when(v.Chair.Zone, v.Locale, unix)
	if err != nil {
		return ""
	}
	return shown
}

// Day shows the day of an instant in the account's zone; 0 is nothing.
func (v *Visit) Day(unix int64) template.HTML {
	shown, err := whenDay(v.Chair.Zone, v.Locale, unix)
	if err != nil {
		return ""
	}
	return shown
}

// Status shows a status of the API as a badge; its text is "status.<status>".
func (v *Visit) Status(status string) template.HTML {
	shown, err := statusBadge(v.pages.ui.Words(v.Locale), status)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(status))
	}
	return shown
}

func amount(minor any, currency any) (template.HTML, error) {
	n, ok := integer(minor)
	if !ok {
		return "", fmt.Errorf("amount: %T is not an integer of minor units", minor)
	}
	c, err := money.ParseCurrency(textOf(currency))
	if err != nil {
		return "", err
	}
	a := money.Amount{Minor: n, Currency: c}
	return template.HTML(`<data class="amount" value="` + decimal(a) + `">` + template.HTMLEscapeString(ui.FormatMoney(a)) + `</data>`), nil
}

// decimal is an amount as spreadsheets read it: -1234.50.
func decimal(a money.Amount) string {
	sign, minor := "", uint64(a.Minor)
	if a.Minor < 0 {
		sign, minor = "-", -minor // exact even for the smallest int64
	}
	digits, exponent := strconv.FormatUint(minor, 10), a.Currency.Exponent()
	if exponent == 0 {
		return sign + digits
	}
	if pad := exponent + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	return sign + digits[:len(digits)-exponent] + "." + digits[len(digits)-exponent:]
}

// integer reads the sorts of integers that answers of the API are decoded into.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case *int64:
		if v == nil {
			return 0, true
		}
		return *v, true
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *string:
		if v == nil {
			return ""
		}
		return *v
	}
	return fmt.Sprint(v)
}

func texts(v []any) []string {
	out := make([]string, len(v))
	for i := range v {
		out[i] = textOf(v[i])
	}
	return out
}

func when(zone *time.Location, l ui.Locale, unix any) (template.HTML, error) {
	return instant(zone, l, unix, ui.FormatTime)
}

func whenDay(zone *time.Location, l ui.Locale, unix any) (template.HTML, error) {
	return instant(zone, l, unix, ui.FormatDate)
}

// instant shows a moment in the account's zone, and in UTC on hover.
func instant(zone *time.Location, l ui.Locale, unix any, format func(time.Time, *time.Location, ui.Locale) string) (template.HTML, error) {
	n, ok := integer(unix)
	if !ok {
		return "", fmt.Errorf("when: %T is not seconds since 1970", unix)
	}
	if n == 0 {
		return "", nil
	}
	at := time.Unix(n, 0).In(zone)
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `" title="` + at.UTC().Format("2006-01-02 15:04:05 UTC") + `">` +
		template.HTMLEscapeString(format(at, zone, l)) + `</time>`), nil
}

// statusKinds says how statuses of the API look; the others are neutral.
var statusKinds = map[string]string{
	"succeeded": "success", "paid": "success", "active": "success", "enabled": "success", "complete": "success", "delivered": "success",
	"available": "success", "verified": "success", "approved": "success", "balanced": "success", "won": "success", "matched": "success",
	"pending": "wait", "processing": "wait", "in_transit": "info", "in_review": "info", "requires_capture": "info", "uncaptured": "info",
	"requires_action": "warning", "requires_payment_method": "warning", "requires_confirmation": "warning", "restricted_soon": "warning",
	"past_due": "warning", "needs_response": "warning", "retrying": "warning", "partially_refunded": "neutral", "requires_approval": "warning",
	"failed": "danger", "restricted": "danger", "rejected": "danger", "returned": "danger", "lost": "danger", "disputed": "danger", "unmatched": "danger",
}

// statusBadge shows a status in words of the catalogue. One without a text stands as
// the API spells it: a new status must not break a page.
func statusBadge(words ui.Words, status string) (template.HTML, error) {
	if status == "" {
		return "", nil
	}
	label := any(strings.ReplaceAll(status, "_", " "))
	if key := "status." + status; words.Has(key) {
		var err error
		if label, err = words.Say(key); err != nil {
			return "", err
		}
	}
	kind := statusKinds[status]
	if kind == "" {
		kind = "neutral"
	}
	return template.HTML(`<span class="badge badge-` + kind + `">` + template.HTMLEscapeString(fmt.Sprint(label)) + `</span>`), nil
}

// once is the idempotency key of a form, made when it is shown.
func once() template.HTML {
	return template.HTML(`<input type="hidden" name="idempotency_key" value="` + rand.Text() + `">`)
}

// dict makes one dot of several for a {{template}}: pairs of name and value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: arguments come in pairs of name and value")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[textOf(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// JSON shows an answer of the API with sorted keys and exact numbers.
func JSON(raw json.RawMessage) (string, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("not JSON: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimRight(b.String(), "\n"), nil
}

// Curl is a command that asks the API for path; the reader puts in their key.
func (v *Visit) Curl(path string) string {
	return "curl -u \"$SLUICE_API_KEY:\" '" + v.desk.cfg.BaseURL + strings.ReplaceAll(path, "'", "%27") + "'"
}
