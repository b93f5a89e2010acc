package idempotency

import (
	"bytes"
	"fmt"

	"github.com/sluicepay/sluice/platform/jsonpack"
	"github.com/sluicepay/sluice/platform/wire"
)

// What a kept body begins with says how it is kept. No JSON text begins so; a body
// that begins otherwise is kept as it was sent.
const (
	compacted = 1 // written by earlier versions: without the white space that the API sends
	packed    = 2 // the same, packed by jsonpack
)

// keep is the body as it is kept: JSON as the API sends it is half white space, which
// sent puts back, and the rest is mostly names. What was not rendered as all answers
// are is kept as it was sent.
func (r Response) keep() []byte {
	text, rendered := r.text, true
	if text == nil {
		if text, rendered = gather(r.Body); !rendered {
			return r.Body
		}
	}
	return append([]byte{packed}, jsonpack.Pack(text)...)
}

// sent is a kept body as it was sent.
func sent(kept []byte) ([]byte, error) {
	switch {
	case len(kept) > 0 && kept[0] == compacted:
		return spread(kept[1:]), nil
	case len(kept) > 0 && kept[0] == packed:
		text, err := jsonpack.Unpack(kept[1:])
		if err != nil {
			return nil, fmt.Errorf("read a kept answer: %w", err)
		}
		return spread(text), nil
	}
	return kept, nil
}

// spread is compact JSON as the API sends it.
func spread(text []byte) []byte { return append(wire.Indent(nil, text), '\n') }

// gather is the text that spread makes body of; false if there is none. It reads
// body once, and so takes no white space but that which spread would write there.
func gather(body []byte) (text []byte, rendered bool) {
	rest, found := bytes.CutSuffix(body, []byte{'\n'})
	if !found {
		return nil, false
	}
	text = make([]byte, 0, len(rest))
	depth := 0
	for i := 0; i < len(rest); {
		c := rest[i]
		switch c {
		case '"':
			end := afterString(rest, i)
			text = append(text, rest[i:end]...)
			i = end
			continue
		case '{', '[':
			text = append(text, c)
			if i++; i < len(rest) && rest[i] == closing(c) {
				text = append(text, rest[i])
				i++
				continue
			}
			depth++
			if i += indent(rest[i:], depth); i >= len(rest) || rest[i-1] == c || rest[i] == '\n' || rest[i] == closing(c) {
				return nil, false
			}
			continue
		case '\n':
			depth--
			n := indent(rest[i:], depth)
			if i += n; n == 0 || i >= len(rest) || rest[i] != '}' && rest[i] != ']' {
				return nil, false
			}
			text = append(text, rest[i])
		case ',':
			text = append(text, c)
			n := indent(rest[i+1:], depth)
			if i += n; n == 0 {
				return nil, false
			}
		case ':':
			text = append(text, c)
			if i++; i >= len(rest) || rest[i] != ' ' {
				return nil, false
			}
		case ' ', '\t', '\r', '}', ']':
			return nil, false
		default:
			text = append(text, c)
		}
		i++
	}
	return text, depth == 0
}

// afterString is where the string that begins at i ends.
func afterString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func closing(opening byte) byte { return opening + 2 } // so are they in ASCII

// indent is the length of a line's end and the blanks of a level where text begins
// with just these, or 0.
func indent(text []byte, depth int) int {
	n := 1 + 2*depth
	if depth < 0 || len(text) < n || text[0] != '\n' {
		return 0
	}
	for _, c := range text[1:n] {
		if c != ' ' {
			return 0
		}
	}
	return n
}
