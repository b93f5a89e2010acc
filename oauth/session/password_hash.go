package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// HashParams are what argon2id costs. They stand in every hash, so that they can
// be raised: a hash with others is made again at the next sign-in.
type HashParams struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

// standardParams are OWASP's minimum of 2025: about 30 ms and 19 MiB a sign-in.
var standardParams = HashParams{MemoryKiB: 19 * 1024, Passes: 2, Threads: 1}

const (
	saltLength = 16
	hashLength = 32
	// hashQueue bounds who waits for a turn to hash. Beyond it a sign-in is
	// refused with "try again" instead of piling up.
	hashQueue = 256
)

// hasher makes and checks password hashes. The password goes through a keyed hash
// first: without the pepper, a stolen table cannot even be tested against a guess.
type hasher struct {
	params  HashParams
	pepper  secret.Pepper
	turns   chan struct{} // at most so many hashes at once: a burst of sign-ins must not exhaust the memory
	waiting atomic.Int64
	nobody  string // a hash that no password has, for addresses that nobody has
}

func newHasher(params HashParams, pepper secret.Pepper) *hasher {
	if params == (HashParams{}) {
		params = standardParams
	}
	h := &hasher{params: params, pepper: pepper, turns: make(chan struct{}, max(2, runtime.NumCPU()))}
	h.nobody = encodeHash(params, random(saltLength), random(hashLength))
	return h
}

// turn waits for leave to hash.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	if h.waiting.Add(1) > hashQueue {
		h.waiting.Add(-1)
		return nil, &fault.Error{Kind: fault.Unavailable, Code: "busy", Message: "Too many people are signing in. Please try again."}
	}
	defer h.waiting.Add(-1)
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h *hasher) sum(password secret.Text, p HashParams, salt []byte) []byte {
	keyed := h.pepper.Sum(normal(password))
	return argon2.IDKey(keyed[:], salt, p.Passes, p.MemoryKiB, p.Threads, hashLength)
}

// hash is the hash of a new password.
func (h *hasher) hash(ctx context.Context, password secret.Text) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := random(saltLength)
	return encodeHash(h.params, salt, h.sum(password, h.params, salt)), nil
}

// matches compares in the time of a full hash, whatever encoded is: "" (nobody
// has this address, or a user without a password) costs as much as a wrong
// password. stale asks to hash again with today's parameters.
func (h *hasher) matches(ctx context.Context, encoded string, password secret.Text) (ok, stale bool, err error) {
	known := encoded != ""
	if !known {
		encoded = h.nobody
	}
	params, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, false, err
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	same := subtle.ConstantTimeCompare(h.sum(password, params, salt), want) == 1
	return same && known, params != h.params, nil
}

func encodeHash(p HashParams, salt, sum []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.MemoryKiB, p.Passes, p.Threads, encode(salt), encode(sum))
}

// maxMemoryKiB keeps a tampered row from asking for all our memory.
const maxMemoryKiB = 1 << 20

var errHash = errors.New("session: a stored password hash cannot be read")

func decodeHash(s string) (p HashParams, salt, sum []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Passes, &p.Threads); err != nil || n != 3 {
		return p, nil, nil, errHash
	}
	if p.MemoryKiB < 8 || p.MemoryKiB > maxMemoryKiB || p.Passes < 1 || p.Passes > 100 || p.Threads < 1 {
		return p, nil, nil, errHash
	}
	decode := base64.RawStdEncoding.DecodeString
	salt, err = decode(parts[4])
	if err != nil || len(salt) < 8 {
		return p, nil, nil, errHash
	}
	sum, err = decode(parts[5])
	if err != nil || len(sum) != hashLength {
		return p, nil, nil, errHash
	}
	return p, salt, sum, nil
}

// random is n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// token is 256 random bits for a cookie or a link.
func token() secret.Text { return secret.New(base64.RawURLEncoding.EncodeToString(random(32))) }
