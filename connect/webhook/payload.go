package webhook

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/wire"
)

// render is what an endpoint gets of an event. body is the event as it stands in
// the log, pending how many endpoints it was meant for.
//
// A snapshot keeps the log's bytes: only api_version, where the endpoint has one of
// its own, and pending_webhooks are put in. A body that is no event goes out as it is.
func render(body []byte, e Endpoint, pending int) []byte {
	if e.Payload == Thin {
		return thin(body)
	}
	body = replaced(body, "pending_webhooks", strconv.Itoa(pending))
	if e.APIVersion != "" {
		body = replaced(body, "api_version", strconv.Quote(e.APIVersion))
	}
	return body
}

func thin(body []byte) []byte {
	var w wire.Event
	if json.Unmarshal(body, &w) != nil || w.ID == "" {
		return body
	}
	out, err := event.RenderNotification(&w)
	if err != nil {
		return body
	}
	return out
}

// replaced is the object with another value for one of its own members, or the object
// itself if it has none of that name. The bytes given stay as they are: other endpoints share them.
func replaced(body []byte, name, value string) []byte {
	at, ok := member(body, name)
	if !ok || string(body[at.from:at.to]) == value {
		return body
	}
	return slices.Concat(body[:at.from], []byte(value), body[at.to:])
}

// span is where a value stands in a text.
type span struct{ from, to int }

// member finds the value of one of a JSON object's own members without reading what
// is inside the others: a body is looked at for every send.
func member(body []byte, wanted string) (span, bool) {
	i := blank(body, 0)
	if i >= len(body) || body[i] != '{' {
		return span{}, false
	}
	for i++; ; i++ {
		from := blank(body, i)
		if from >= len(body) || body[from] != '"' {
			return span{}, false
		}
		to := text(body, from)
		name := body[from:to]
		if i = blank(body, to); i >= len(body) || body[i] != ':' {
			return span{}, false
		}
		value := span{from: blank(body, i+1)}
		value.to = past(body, value.from)
		if string(name) == `"`+wanted+`"` {
			return value, true
		}
		if i = blank(body, value.to); i >= len(body) || body[i] != ',' {
			return span{}, false
		}
	}
}

// blank is the place of what follows the white space at i.
func blank(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\n' || body[i] == '\t' || body[i] == '\r') {
		i++
	}
	return i
}

// text is the end of the string that begins at i.
func text(body []byte, i int) int {
	for i++; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(body)
}

// past is the end of the value that begins at i.
func past(body []byte, i int) int {
	for depth := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = text(body, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return trimmed(body, i)
			}
			depth--
		case ',':
			if depth == 0 {
				return trimmed(body, i)
			}
		}
	}
	return len(body)
}

// trimmed leaves out the white space before i.
func trimmed(body []byte, i int) int {
	for i > 0 && (body[i-1] == ' ' || body[i-1] == '\n' || body[i-1] == '\t' || body[i-1] == '\r') {
		i--
	}
	return i
}
