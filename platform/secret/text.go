package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every printer sees.
const redacted = "[secret]"

// Text is a secret in plain. No printer, encoder or logger shows it; the only
// way to the plain text is Reveal, so that a search for that word finds every
// place where a secret leaves.
//
// The text sits behind a pointer because fmt prints unexported fields of an
// enclosing struct without asking their methods: it then shows an address.
type Text struct{ plain *string }

// New wraps plain.
func New(plain string) Text { return Text{plain: &plain} }

// Reveal is the plain text; "" for the zero Text.
func (t Text) Reveal() string {
	if t.plain == nil {
		return ""
	}
	return *t.plain
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Format serves every verb of fmt.
func (t Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String is for printers that do not use fmt.
func (t Text) String() string { return redacted }

// MarshalText serves JSON (keys and values), XML and slog's text handler.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue serves slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }
