package railtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Clerk is a bank of tests: it takes Paper out of a directory, pays on the day, and
// puts answers into another one. It knows what it has taken, so that it refuses a
// file that comes twice.
type Clerk struct {
	Counter string // where files are dropped
	Tray    string // where answers are put
	// Fates tells by the last four digits of an account number what becomes of an
	// instruction: a failure code, or "returned" for paid and back two days later.
	Fates map[string]string
	// Refuses, if set, gives the code with which a whole batch is refused.
	Refuses func(batch string) string
	// Keeps leaves files on the counter.
	Keeps bool

	mu      sync.Mutex
	batches map[string]bool
	orders  []*order
	answers int
	seen    map[string]bool // files, of a counter that keeps them
}

type order struct {
	name     string // reference or trace
	amount   int64
	currency string
	fate     string
	day      time.Time
	debits   int
	returned bool
	told     string // the last state that was answered
}

// Work lets the bank live until at: it takes what was dropped, and carries out what
// is due. It fails only when its directories are gone.
func (c *Clerk) Work(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.batches == nil {
		c.batches, c.seen = map[string]bool{}, map[string]bool{}
	}
	var said []string
	entries, err := os.ReadDir(c.Counter)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || c.seen[e.Name()] {
			continue
		}
		lines, err := c.take(e.Name())
		if err != nil {
			return err
		}
		said = append(said, lines...)
	}
	for _, o := range c.orders {
		said = append(said, o.live(at)...)
	}
	return c.answer(said)
}

// take reads one file.
func (c *Clerk) take(name string) (said []string, err error) {
	file, err := os.Open(filepath.Join(c.Counter, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var day time.Time
	var batch, currency, refused string
	duplicate := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "|")
		switch {
		case cells[0] == "batch":
			batch, currency = cells[1], cells[4]
			if day, err = time.Parse(time.DateOnly, cells[3]); err != nil {
				return nil, err
			}
			duplicate = c.batches[batch]
			c.batches[batch] = true
			if c.Refuses != nil {
				refused = c.Refuses(batch)
			}
		case duplicate || refused != "":
		default:
			o, err := c.order(cells, currency, day)
			if err != nil {
				return nil, err
			}
			c.orders = append(c.orders, o)
		}
	}
	switch {
	case duplicate:
		said = append(said, answerLine("batch", batch, "failed", "", "DU01", "", ""))
	case refused != "":
		said = append(said, answerLine("batch", batch, "failed", refused, "", "", ""))
	default:
		said = append(said, answerLine("batch", batch, "accepted", "", "", "", ""))
	}
	if c.seen[name] = true; c.Keeps {
		return said, lines.Err()
	}
	delete(c.seen, name)
	return said, os.Remove(filepath.Join(c.Counter, name))
}

func (c *Clerk) order(cells []string, currency string, day time.Time) (*order, error) {
	amount, err := strconv.ParseInt(cells[2], 10, 64)
	number := cells[4]
	return &order{name: cells[1], amount: amount, currency: currency, day: day, fate: c.Fates[number[max(0, len(number)-4):]]}, err
}

// live is what an order's bank says of it by a time.
func (o *order) live(at time.Time) (said []string) {
	if at.Before(o.day) {
		return nil
	}
	if o.fate != "" && o.fate != "returned" {
		return o.tell("failed", o.fate)
	}
	if o.debits == 0 {
		o.debits++
	}
	said = o.tell("paid", "")
	if o.fate == "returned" && !at.Before(o.day.Add(48*time.Hour)) {
		o.returned = true
		said = append(said, o.tell("failed", "account_closed")...)
	}
	return said
}

// tell says each state once, in their order.
func (o *order) tell(state, code string) []string {
	if o.told == state || o.told == "failed" {
		return nil
	}
	o.told = state
	kind := "reference"
	if !strings.HasPrefix(o.name, "po_") {
		kind = "trace"
	}
	return []string{answerLine(kind, o.name, state, code, "", strconv.FormatInt(o.amount, 10), o.currency)}
}

func answerLine(cells ...string) string { return strings.Join(cells, "|") }

// answer puts a file into the tray.
func (c *Clerk) answer(said []string) error {
	if len(said) == 0 {
		return nil
	}
	c.answers++
	name := filepath.Join(c.Tray, fmt.Sprintf("%06d.answer", c.answers))
	if err := os.WriteFile(name+".tmp", []byte(strings.Join(said, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// Debits is how often the bank paid for a reference, or a trace, and how often the
// money came back.
func (c *Clerk) Debits(name string) (debits, returns int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.orders {
		if o.name != name {
			continue
		}
		if debits += o.debits; o.returned {
			returns++
		}
	}
	return debits, returns
}

// Orders lists the references, or traces, of what the bank was told, in order; one
// that it was told twice stands there twice.
func (c *Clerk) Orders() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make([]string, len(c.orders))
	for i, o := range c.orders {
		names[i] = o.name
	}
	slices.Sort(names)
	return names
}

// Has reports whether the bank has had a batch.
func (c *Clerk) Has(batch string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.batches[batch]
}
