package bench

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Plan is what the process that makes the load is told. Requests are rendered
// before anything is measured: while the clock runs only a few bytes of each change.
type Plan struct {
	Addresses   []string      `json:"addresses"` // host:port; connections are shared out among them
	Requests    []Request     `json:"requests"`
	Turns       []int         `json:"turns"` // which request is next, by its place in Requests; round and round
	Connections int           `json:"connections"`
	Rate        int           `json:"rate"` // requests per second of the open loop; 0 is the closed loop
	WarmUp      time.Duration `json:"warm_up"`
	Duration    time.Duration `json:"duration"`
}

// Request is one HTTP request with holes.
type Request struct {
	Name  string     `json:"name"`
	Text  []byte     `json:"text"`
	Key   int        `json:"key"`   // where the counter of the idempotency key stands in Text; 0: there is none
	Holes []int      `json:"holes"` // where values go
	Rows  [][]string `json:"rows"`  // the values of the holes, a row for each request in turn
	Want  string     `json:"want"`  // what the body of a good answer says; "" takes any with status 200
}

// counted is how many digits the counter of an idempotency key has.
const counted = 12

// call is a request before it is rendered. Values in the path and in the form that
// begin with hole are numbers of the row's values: hole+"0" is its first.
type call struct {
	name   string
	method string
	path   string
	form   [][2]string
	// account is whose request it is, as the platform speaks for a connected account; "" is the platform's own.
	account string
	rows    [][]string // the first value of each is the key of the API
	run     string     // makes the idempotency keys of this bench its own
	want    string
}

// hole stands for a value that changes; it is no character of a URL.
const hole = "\x00"

// render makes the text of a request. All values of a hole have one length: the
// text is written once and never moved.
func (c call) render(host string) (Request, error) {
	r := Request{Name: c.name, Rows: c.rows, Want: c.want}
	if len(c.rows) == 0 {
		return r, fmt.Errorf("%s: nobody to send it for", c.name)
	}
	for _, row := range c.rows {
		for i, value := range row {
			if len(row) != len(c.rows[0]) || len(value) != len(c.rows[0][i]) {
				return r, fmt.Errorf("%s: value %d differs in length from the others", c.name, i+1)
			}
		}
	}
	var body strings.Builder
	for i, pair := range c.form {
		if i > 0 {
			body.WriteByte('&')
		}
		body.WriteString(url.QueryEscape(pair[0]) + "=")
		if strings.HasPrefix(pair[1], hole) {
			body.WriteString(pair[1])
		} else {
			body.WriteString(url.QueryEscape(pair[1]))
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s0\r\n", c.method, c.path, host, hole)
	if c.account != "" {
		fmt.Fprintf(&text, "Stripe-Account: %s\r\n", c.account)
	}
	if c.method == "POST" {
		length := body.Len()
		for i, value := range c.rows[0] {
			length += strings.Count(body.String(), mark(i)) * (len(value) - len(mark(i)))
		}
		fmt.Fprintf(&text, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nIdempotency-Key: %s-", length, c.run)
		// The counter has no hole in front of it whose value comes later, so its place is found like theirs.
		text.WriteString(hole + "k")
		text.WriteString("\r\n")
	}
	text.WriteString("\r\n" + body.String())
	r.fill(text.String(), c.rows[0])
	return r, nil
}

func mark(i int) string { return hole + string(rune('0'+i)) }

// fill puts the first row in and notes where the holes are.
func (r *Request) fill(text string, row []string) {
	var places []int
	for {
		at := strings.Index(text, hole)
		if at < 0 {
			break
		}
		value := strings.Repeat("0", counted)
		if text[at+1] == 'k' {
			r.Key = at
		} else {
			i := int(text[at+1] - '0')
			value = row[i]
			places = append(places, at)
			r.Holes = append(r.Holes, i)
		}
		text = text[:at] + value + text[at+len(mark(0)):]
	}
	r.Text = []byte(text)
	// Rows hold a value for each hole, in order of place, so that whoever sends them need not think.
	rows := make([][]string, len(r.Rows))
	for n, values := range r.Rows {
		for _, i := range r.Holes {
			rows[n] = append(rows[n], values[i])
		}
	}
	r.Rows, r.Holes = rows, places
}

// shuffle spreads the turns of requests by their shares: {7, 1, 2} gives ten turns
// in which no request waits for all of another to be through.
func shuffle(shares []int) []int {
	var turns []int
	credit := make([]int, len(shares))
	all := 0
	for _, s := range shares {
		all += s
	}
	for range all {
		for i, s := range shares {
			credit[i] += s
		}
		next := slices.Index(credit, slices.Max(credit))
		credit[next] -= all
		turns = append(turns, next)
	}
	return turns
}
