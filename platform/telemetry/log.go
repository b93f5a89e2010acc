package telemetry

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// LogConfig says how to log; the zero value logs from info up, as text on a
// terminal and as JSON elsewhere.
type LogConfig struct {
	Level  string // debug, info, warn or error
	Format string // text, json, or "" to choose by the writer
}

// NewLogger writes redacted lines to w. It fails on an unknown level or format.
func NewLogger(w io.Writer, cfg LogConfig) (*slog.Logger, error) {
	var level slog.Level
	if cfg.Level != "" {
		if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: want debug, info, warn or error", cfg.Level)
		}
	}
	format := cfg.Format
	if format == "" {
		format = formatFor(w)
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("log format %q: want text or json", cfg.Format)
}

func formatFor(w io.Writer) string {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return "text"
		}
	}
	return "json"
}

// redactAttr sees every attribute, the message included, after LogValue has been asked.
func redactAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Redact(a.Value.String()))
	case slog.KindInt64, slog.KindUint64:
		if s := a.Value.String(); Redact(s) != s {
			a.Value = slog.StringValue(Redact(s))
		}
	case slog.KindAny:
		a.Value = redactAny(a.Value)
	}
	return a
}

// redactAny keeps the value's own rendering unless something in it must go.
func redactAny(v slog.Value) slog.Value {
	var renderings []string // both handlers' ways to print it
	switch x := v.Any().(type) {
	case nil, slog.Level, *slog.Source:
		return v
	case error:
		return slog.StringValue(Redact(x.Error()))
	case []byte:
		renderings = []string{string(x)}
	default:
		raw, _ := json.Marshal(x) // what cannot be marshalled is not printed as JSON either
		renderings = []string{fmt.Sprintf("%+v", x), string(raw)}
	}
	for _, s := range renderings {
		if clean := Redact(s); clean != s {
			return slog.StringValue(clean)
		}
	}
	return v
}
