// Package id makes public object ids: a prefix that tells the type and a
// time-ordered rest, so that B-trees grow at their right edge and "newest
// first" is simply "ORDER BY id DESC".
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
	"time"
)

// Digits in ASCII order, so that text order (collation C) equals number order.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// width is what 128 bits need in base 62.
const width = 22

var (
	mu   sync.Mutex
	last uint64 // milliseconds << 16 | counter, strictly growing within the process
)

// New makes an id such as "ch_0R3kX…": 48 bits of milliseconds, a 16-bit
// counter that keeps one process strictly ordered, 64 random bits.
func New(prefix string) string {
	mu.Lock()
	tick := uint64(time.Now().UnixMilli()) << 16
	if tick <= last {
		tick = last + 1
	}
	last = tick
	mu.Unlock()

	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], tick)
	if _, err := rand.Read(raw[8:]); err != nil {
		panic("id: no randomness: " + err.Error()) // crypto/rand never fails on supported systems
	}
	return prefix + "_" + encode(raw)
}

// Of makes the one id of something that is known by name and belongs to a time:
// whoever makes it gets the same. It stands among the ids of New by that time.
func Of(prefix string, at time.Time, name string) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(at.UnixMilli())<<16)
	hash := sha256.Sum256([]byte(name))
	copy(raw[6:], hash[:])
	return prefix + "_" + encode(raw)
}

// Prefix is the part before the last underscore-separated body: "ch" of "ch_0R3k…".
func Prefix(s string) string {
	i := strings.LastIndexByte(s, '_')
	if i < 0 {
		return ""
	}
	return s[:i]
}

// Body is the time-ordered part after the prefix: bodies of ids of all kinds sort together.
func Body(s string) string { return s[strings.LastIndexByte(s, '_')+1:] }

// Time is when New made the id, to the millisecond; false for anything else.
func Time(s string) (time.Time, bool) {
	body := s[strings.LastIndexByte(s, '_')+1:]
	if len(body) != width {
		return time.Time{}, false
	}
	var hi, lo uint64
	for i := range width {
		d := values[body[i]]
		if d < 0 {
			return time.Time{}, false
		}
		over, high := bits.Mul64(hi, 62)
		carry, low := bits.Mul64(lo, 62)
		var c1, c2 uint64
		lo, c1 = bits.Add64(low, uint64(d), 0)
		hi, c2 = bits.Add64(high, carry, c1)
		if over+c2 > 0 { // more than 128 bits
			return time.Time{}, false
		}
	}
	return time.UnixMilli(int64(hi >> 16)).UTC(), true
}

// values are what the digits mean; -1 for what is none.
var values = func() (v [256]int8) {
	for i := range v {
		v[i] = int8(strings.IndexByte(digits, byte(i)))
	}
	return v
}()

// Floor is the lowest id of a moment: every id that New makes at that moment or
// later sorts at or above it, every id of an earlier millisecond below.
func Floor(prefix string, at time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return prefix + "_" + encode(raw)
}

// tenDigits is 62 to the tenth power, the largest that leaves whole words to work with.
const tenDigits = 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62

func encode(raw [16]byte) string {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	var out [width]byte
	for end := width; end > 0; end -= 10 {
		// hi and lo by tenDigits: the rest is the next ten digits from the right.
		var rest uint64
		hi, rest = hi/tenDigits, hi%tenDigits
		lo, rest = bits.Div64(rest, lo, tenDigits)
		for i := end - 1; i >= max(end-10, 0); i-- {
			out[i] = digits[rest%62]
			rest /= 62
		}
	}
	return string(out[:])
}
