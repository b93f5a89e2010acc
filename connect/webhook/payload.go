package webhook

import (
	"bytes"
	"strconv"
)

// render is what an endpoint gets of an event. body is the event as it stands in
// the log, pending how many endpoints it was meant for.
func render(body []byte, _ Endpoint, pending int) []byte {
	const none = `"pending_webhooks":0`
	return bytes.Replace(body, []byte(none), []byte(`"pending_webhooks":`+strconv.Itoa(pending)), 1)
}
