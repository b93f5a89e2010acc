package secret

import (
	"bytes"
	"crypto/rand"
	"fmt"
)

// SealBytes is Seal for what is too large for base64, such as documents:
// "v1:keyid:" and then nonce and ciphertext as they are.
func (k *Keyring) SealBytes(plain []byte, table, row string) ([]byte, error) {
	aead := k.aeads[k.current]
	head := format + ":" + k.current + ":"
	sealed := make([]byte, len(head)+aead.NonceSize(), len(head)+aead.NonceSize()+len(plain)+aead.Overhead())
	copy(sealed, head)
	nonce := sealed[len(head):]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("secret: nonce: %w", err)
	}
	return aead.Seal(sealed, nonce, plain, place(table, row)), nil
}

// OpenBytes decrypts what SealBytes made for the same table and row. Fails with ErrSealed.
func (k *Keyring) OpenBytes(sealed []byte, table, row string) (Text, error) {
	parts := bytes.SplitN(sealed, []byte(":"), 3)
	if len(parts) != 3 || string(parts[0]) != format {
		return Text{}, ErrSealed
	}
	aead, known := k.aeads[string(parts[1])]
	if !known {
		return Text{}, fmt.Errorf("%w: no master called %q", ErrSealed, parts[1])
	}
	if len(parts[2]) < aead.NonceSize() {
		return Text{}, ErrSealed
	}
	nonce, box := parts[2][:aead.NonceSize()], parts[2][aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, box, place(table, row))
	if err != nil {
		return Text{}, ErrSealed
	}
	return New(string(plain)), nil
}
