package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Appender renders itself: the same bytes as encoding/json makes of it without HTML
// escapes, for a tenth of the work. The objects of a payment are rendered once for
// the event and once for the answer, so theirs are written by hand; a test compares
// them with encoding/json for any values. Events escape HTML, see Marshal.
type Appender interface {
	AppendJSON(b []byte) ([]byte, error)
}

// Compact is v as JSON without white space and without HTML escapes, after what b holds.
func Compact(b []byte, v any) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(b)
	}
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Marshal is json.Marshal, which escapes HTML.
func Marshal(v any) ([]byte, error) {
	a, ok := v.(Appender)
	if !ok {
		return json.Marshal(v)
	}
	b, err := a.AppendJSON(make([]byte, 0, 2048))
	if err != nil || !bytes.ContainsAny(b, "<>&") {
		return b, err
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, b)
	return escaped.Bytes(), nil
}

// Indent adds compact JSON with the white space that the API sends it with: two spaces
// for each level, as json.Indent has it. What is not compact comes out as it may.
func Indent(b, compact []byte) []byte {
	b = slices.Grow(b, 2*len(compact))
	depth := 0
	for i := 0; i < len(compact); i++ {
		switch c := compact[i]; c {
		case '"':
			end := stringEnd(compact, i)
			b = append(b, compact[i:end]...)
			i = end - 1
		case '{', '[':
			b = append(b, c)
			if i+1 < len(compact) && compact[i+1] == c+2 { // } and ] stand two places behind
				b = append(b, c+2)
				i++
				continue
			}
			depth++
			b = newline(b, depth)
		case '}', ']':
			depth--
			b = append(newline(b, depth), c)
		case ',':
			b = newline(append(b, c), depth)
		case ':':
			b = append(b, ": "...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// stringEnd is the place after a string that begins at i.
func stringEnd(s []byte, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func newline(b []byte, depth int) []byte {
	b = append(b, '\n')
	for range depth {
		b = append(b, "  "...)
	}
	return b
}

// AppendString adds a JSON string without HTML escapes.
func AppendString(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	quoted, _ := marshal(s) // a string always can be
	return append(b, quoted...)
}

// plain reports whether s stands in JSON as it is.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '"' || c == '\\':
			return false
		case c >= utf8.RuneSelf:
			// U+2028 and U+2029 begin with this byte, and are escaped always.
			if c == 0xE2 {
				return false
			}
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s)
}

// An object is written member by member: name is the member's name with its
// punctuation, `{"id":` of the first and `,"amount":` of the others.

func text(b []byte, name, s string) []byte { return AppendString(append(b, name...), s) }

func number(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func truth(b []byte, name string, v bool) []byte { return strconv.AppendBool(append(b, name...), v) }

func textOrNull(b []byte, name string, s *string) []byte {
	if s == nil {
		return null(b, name)
	}
	return text(b, name, *s)
}

func numberOrNull(b []byte, name string, n *int64) []byte {
	if n == nil {
		return null(b, name)
	}
	return number(b, name, *n)
}

func null(b []byte, name string) []byte { return append(append(b, name...), "null"...) }

func words(b []byte, name string, m map[string]string) []byte {
	if m == nil {
		return null(b, name)
	}
	var few [8]string
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(append(b, name...), '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, key), ':')
		b = AppendString(b, m[key])
	}
	return append(b, '}')
}

func (r Ref) member(b []byte, name string) ([]byte, error) {
	b = append(b, name...)
	switch {
	case r.Object != nil:
		return Compact(b, r.Object)
	case r.ID == "":
		return append(b, "null"...), nil
	case isIDText(r.ID):
		return append(append(append(b, '"'), r.ID...), '"'), nil
	}
	shown, err := r.MarshalJSON()
	return append(b, shown...), err
}

// isIDText reports whether s is made of what ids are made of, and so reads the same everywhere.
func isIDText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		default:
			return false
		}
	}
	return true
}

// raw is JSON that somebody else has made.
func raw(b []byte, name string, m json.RawMessage) ([]byte, error) {
	if m == nil {
		return null(b, name), nil
	}
	buf := bytes.NewBuffer(append(b, name...))
	err := json.Compact(buf, m)
	return buf.Bytes(), err
}

// members gathers the first error of an object's members.
type members struct {
	b   []byte
	err error
}

func (m *members) ref(name string, r Ref) {
	if m.err == nil {
		m.b, m.err = r.member(m.b, name)
	}
}

func (m *members) raw(name string, r json.RawMessage) {
	if m.err == nil {
		m.b, m.err = raw(m.b, name, r)
	}
}

func (m *members) any(name string, v any) {
	if m.err == nil {
		m.b, m.err = Compact(append(m.b, name...), v)
	}
}

func (m *members) text(name, s string)                    { m.b = text(m.b, name, s) }
func (m *members) number(name string, n int64)            { m.b = number(m.b, name, n) }
func (m *members) truth(name string, v bool)              { m.b = truth(m.b, name, v) }
func (m *members) textOrNull(name string, s *string)      { m.b = textOrNull(m.b, name, s) }
func (m *members) numberOrNull(name string, n *int64)     { m.b = numberOrNull(m.b, name, n) }
func (m *members) null(name string)                       { m.b = null(m.b, name) }
func (m *members) words(name string, w map[string]string) { m.b = words(m.b, name, w) }
func (m *members) constant(s string)                      { m.b = append(m.b, s...) }

// end closes the object.
func (m *members) end() ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	return append(m.b, '}'), nil
}
