package requestlog

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/telemetry"
)

// Redacted stands where something is not shown.
const Redacted = "[redacted]"

// harmless are the parameters whose values are shown if they look like an id, a
// number or a word (see word). A name that is not here hides its value.
var harmless = set(`
	account account_holder_type account_type advance allow_redirects allow_redisplay amount amount_to_capture api_version
	application_fee application_fee_amount approval_over arrival_date automatic_payment_methods bank_days bucket business_type
	cancellation_reason capabilities capture capture_method card_payments charge collect columns confirm confirmation_method connect
	connected_account controller cooling_off_hours country created currency customer daily_limit dashboard date debit_negative_balances
	default_currency default_for_currency delay_days delay_days_override delivery_success destination disabled dry_run duration enabled
	enabled_events ending_before error_on_requires_action event event_payload expand expires_at expires_in external_account failure fee_bearer fees
	fields file format from gt gte include_text instant interval interval_end interval_start key legs limit livemode losses lt lte
	max_concurrency mcc method minimum_balance_by_currency minimum_payout mode monthly_anchor monthly_payout_days month object off_session
	on_behalf_of on_hold on_hold_until ordered outcome overlap_seconds parameters paused payer payment_intent payment_method
	payment_method_types payments payout payout_run payouts payouts_action percent person purpose rail rate_limit reason refund
	refund_application_fee remainder replay_missed reporting_category report_type requested require_pushed_authorization_requests
	requirement_collection requirements retry_schedule reverse_transfer role route schedule scopes seconds settlement_timing setup_future_usage
	since since_seconds source source_transaction source_type splits starting_after status statuses stripe_dashboard subject
	time timezone to transfer transfer_data transfer_group transfers type types webhook_endpoint weekly_anchor weekly_payout_days
	when_insufficient year`)

// personal are the parameters that hold nothing but what is about people, cards and
// bank accounts: of what they contain only the names are shown.
var personal = set(`
	additional_tos_acceptances address address_kana address_kanji administrative_address bank_account billing_details business_profile card
	company declaration dob documents fraud_details individual mandate_data metadata owner person_token principal_place_of_business
	radar_options registered_address relationship settings shipping tos_acceptance verification`)

// addresses are parameters whose site is shown, without path and query: people put tokens there.
var addresses = set(`url return_url refresh_url redirect_uris support_url`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(words) {
		out[word] = true
	}
	return out
}

var (
	dates    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	versions = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]{1,20})?$`)
	quoted   = regexp.MustCompile(`'[^']*'`)
	firstID  = regexp.MustCompile(`^\s*\{\s*"id":\s*"([a-z]{2,8}_[0-9A-Za-z]{22})"`)
)

// Every parameter of every request is looked at, so the shapes of words are read by
// hand; a test compares them with the expressions beside them.

func lower(c byte) bool  { return 'a' <= c && c <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return lower(c | ' ') }

// all reports whether s is between min and max long and made of such bytes.
func all(s string, least, most int, is func(byte) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// idShaped is ^[a-z]{2,8}_[0-9A-Za-z]{22}$.
func idShaped(s string) bool {
	at := strings.IndexByte(s, '_')
	return at >= 0 && all(s[:at], 2, 8, lower) && all(s[at+1:], 22, 22, func(c byte) bool { return digit(c) || letter(c) })
}

// nameShaped is ^([a-z][a-z0-9_]{0,59}|[0-9]{1,4})$.
func nameShaped(s string) bool {
	return all(s, 1, 4, digit) ||
		all(s, 1, 60, func(c byte) bool { return lower(c) || digit(c) || c == '_' }) && lower(s[0])
}

// wordShaped is ^-?[A-Za-z0-9*][A-Za-z0-9*._:/+-]{0,59}$.
func wordShaped(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return all(s, 1, 60, func(c byte) bool { return digit(c) || letter(c) || strings.IndexByte("*._:/+-", c) >= 0 }) &&
		(digit(s[0]) || letter(s[0]) || s[0] == '*')
}

// amountShaped is ^-?[0-9]{1,9}$.
func amountShaped(s string) bool { return all(strings.TrimPrefix(s, "-"), 1, 9, digit) }

// harmlessRuns reports whether s has no more than seven digits, and no sixteen letters
// and digits mixed.
func harmlessRuns(s string) bool {
	digits, run, mixed := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case digit(c):
			digits++
			run, mixed = run+1, true
		case letter(c):
			run++
		default:
			run, mixed = 0, false
		}
		if digits > 7 || run >= 16 && mixed {
			return false
		}
	}
	return true
}

// credentials are the prefixes of ours that begin secrets, not ids.
var credentials = set(`sk rk pk whsec rt at ac csec`)

// isID reports whether s is an id that we made: what it names opens nothing without a key.
func isID(s string) bool {
	if !idShaped(s) || credentials[id.Prefix(s)] {
		return false
	}
	_, made := id.Time(s)
	return made
}

// isWord reports whether s is an id, a date, or short and without anything that could
// be a number of a card or bank account, or a secret: no more than seven digits in a
// row, and no sixteen letters and digits mixed.
func isWord(s string) bool {
	if isID(s) || len(s) == len("2026-01-02") && dates.MatchString(s) {
		return true
	}
	// So few digits make no card: only keys and passwords are left to look for.
	return wordShaped(s) && harmlessRuns(s) && (!strings.ContainsAny(s, "_:") || telemetry.Redact(s) == s)
}

// redaction is one request on its way into the log. It remembers what it hid, to
// hide it in the error message too.
type redaction struct{ hidden []string }

func (r *redaction) hide(s string) string {
	if len(s) >= 3 && !slices.Contains(r.hidden, s) {
		r.hidden = append(r.hidden, s)
	}
	return Redacted
}

// word is s if it can be shown.
func (r *redaction) word(s string) string {
	if s == "" || isWord(s) {
		return s
	}
	return r.hide(s)
}

// value is what is shown of v, which was given under name.
func (r *redaction) value(name string, v any, private bool) any {
	switch v := v.(type) {
	case string:
		return r.text(name, v, private)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = r.value(name, item, private)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			inner := key
			if _, err := strconv.Atoi(key); err == nil && len(key) <= 4 {
				inner = name // a[0]=…
			}
			out[r.key(key)] = r.value(inner, item, private || personal[key])
		}
		return out
	case rest.Upload:
		return "[file of " + strconv.FormatInt(v.Size(), 10) + " bytes]"
	}
	return nil
}

// key is the name of a parameter: callers may put anything there too.
func (r *redaction) key(s string) string {
	if nameShaped(s) && isWord(s) {
		return s
	}
	return r.hide(s)
}

func (r *redaction) text(name, v string, private bool) string {
	switch {
	case v == "" || v == "true" || v == "false":
		return v
	case private:
		return r.hide(v)
	case harmless[name] && amountShaped(v) && (strings.Contains(name, "amount") || isTime(v)):
		return v
	case harmless[name] && isWord(v):
		return v
	case name == "allowed_ips" && isNetwork(v):
		return v
	case addresses[name]:
		if u, err := url.Parse(v); err == nil && u.Host != "" && u.User == nil && telemetry.Redact(u.Host) == u.Host {
			if u.Path == "" || u.Path == "/" {
				r.hide(v)
				return u.Scheme + "://" + u.Host + "/"
			}
			r.hide(v)
			return u.Scheme + "://" + u.Host + "/" + Redacted
		}
	}
	return r.hide(v)
}

// isNetwork reports whether s is an address or network, as keys are limited to: who
// reads of a limit wants to know which.
func isNetwork(s string) bool {
	_, errAddr := netip.ParseAddr(s)
	_, errPrefix := netip.ParsePrefix(s)
	return (errAddr == nil || errPrefix == nil) && telemetry.Redact(s) == s
}

// isTime reports whether digits are seconds of the years 2001 to 2286.
func isTime(digits string) bool { return len(digits) == 10 && digits[0] != '0' }

// message is an error message without what was hidden, and without what it quotes
// unless that is a word.
func (r *redaction) message(s string) string {
	for _, hidden := range r.hidden {
		s = strings.ReplaceAll(s, hidden, Redacted)
	}
	s = quoted.ReplaceAllStringFunc(s, func(q string) string {
		if inner := q[1 : len(q)-1]; isWord(inner) || inner == Redacted || strings.HasPrefix(inner, "Authorization: Bearer ") {
			return q
		}
		return "'" + Redacted + "'"
	})
	s = telemetry.Redact(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), ""))
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// param is a parameter's name as an error gives it, "transfer_data[destination]".
func (r *redaction) param(s string) string {
	for _, part := range strings.FieldsFunc(s, func(c rune) bool { return c == '[' || c == ']' }) {
		if !isWord(part) || part == Redacted {
			return Redacted
		}
	}
	if len(s) > 200 {
		return Redacted
	}
	return s
}

// variable is what may stand in a path: an id, a token of the sandbox, a name of ours.
var variable = regexp.MustCompile(`^[a-z][A-Za-z_]{0,40}(\.[a-z_]+)*(\.[0-9])?$`)

// path is the path with its template's words, and ids and names in place of variables.
func (r *redaction) path(path, route string) string {
	parts, names := strings.Split(path, "/"), strings.Split(route, "/")
	if len(parts) != len(names) {
		return route
	}
	for i, name := range names {
		if !strings.HasPrefix(name, "{") || isID(parts[i]) || variable.MatchString(parts[i]) || name == "{date}" && dates.MatchString(parts[i]) {
			continue
		}
		parts[i] = r.hide(parts[i])
	}
	return strings.Join(parts, "/")
}

const (
	maxMessage = 2000
	maxParams  = 16 << 10 // of a request, that they are kept
)

// Params are a request's parameters as they may be kept, as JSON; nil without any.
func Params(p rest.Params, size int) json.RawMessage {
	return new(redaction).params(p, size)
}

func (r *redaction) params(p rest.Params, size int) json.RawMessage {
	if size > maxParams {
		return json.RawMessage(`{"[omitted]":"more than ` + strconv.Itoa(maxParams>>10) + ` KiB"}`)
	}
	tree, ok := p.Tree().(map[string]any)
	if !ok || len(tree) == 0 {
		return nil
	}
	shown, err := json.Marshal(r.value("", tree, false))
	if err != nil {
		return nil
	}
	return shown
}

// Path is a request's path as it may be kept.
func Path(path, route string) string { return new(redaction).path(path, route) }

// Word is a short text of the caller's as it may be kept.
func Word(s string) string { return new(redaction).word(s) }
