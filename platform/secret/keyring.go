package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// format is the first part of every sealed text; another one would mean another algorithm.
const format = "v1"

// ErrSealed means that a sealed text cannot be opened: damaged, moved to
// another row, or sealed with a key this ring does not hold.
var ErrSealed = errors.New("secret: cannot open sealed text")

// Master is a named master secret. The name stands in clear in every sealed text.
type Master struct {
	ID  string
	Key []byte
}

// Keyring seals secrets for the database and opens them again.
type Keyring struct {
	current string
	aeads   map[string]cipher.AEAD
}

// NewKeyring seals with the first master and opens with all of them: to rotate,
// put a new one in front and keep the old ones until nothing is sealed with them.
func NewKeyring(masters ...Master) (*Keyring, error) {
	if len(masters) == 0 {
		return nil, errors.New("secret: a keyring needs a master secret")
	}
	ring := &Keyring{current: masters[0].ID, aeads: make(map[string]cipher.AEAD, len(masters))}
	for _, m := range masters {
		if m.ID == "" || strings.Contains(m.ID, ":") {
			return nil, errors.New("secret: a master's id is a word without colons")
		}
		if _, twice := ring.aeads[m.ID]; twice {
			return nil, fmt.Errorf("secret: two masters are called %q", m.ID)
		}
		aead, err := newAEAD(m.Key)
		if err != nil {
			return nil, err
		}
		ring.aeads[m.ID] = aead
	}
	return ring, nil
}

func newAEAD(master []byte) (cipher.AEAD, error) {
	key, err := derive(master, "seal")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("secret: cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// Seal encrypts plain for one row of one table, as "v1:keyid:nonce:ciphertext".
// The row is authenticated too: a sealed text copied to another row stays shut.
func (k *Keyring) Seal(plain Text, table, row string) (string, error) {
	aead := k.aeads[k.current]
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("secret: nonce: %w", err)
	}
	box := aead.Seal(nil, nonce, []byte(plain.Reveal()), place(table, row))
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{format, k.current, encode(nonce), encode(box)}, ":"), nil
}

// Open decrypts what Seal made for the same table and row. Fails with ErrSealed.
func (k *Keyring) Open(sealed, table, row string) (Text, error) {
	parts := strings.Split(sealed, ":")
	if len(parts) != 4 || parts[0] != format {
		return Text{}, ErrSealed
	}
	aead, known := k.aeads[parts[1]]
	if !known {
		return Text{}, fmt.Errorf("%w: no master called %q", ErrSealed, parts[1])
	}
	nonce, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(nonce) != aead.NonceSize() {
		return Text{}, ErrSealed
	}
	box, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return Text{}, ErrSealed
	}
	plain, err := aead.Open(nil, nonce, box, place(table, row))
	if err != nil {
		return Text{}, ErrSealed
	}
	return New(string(plain)), nil
}

// place is the additional data of a sealed text: where it belongs.
func place(table, row string) []byte { return []byte(table + "\x00" + row) }
