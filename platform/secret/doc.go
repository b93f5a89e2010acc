// Package secret keeps secrets from being seen: in memory (Text), at rest when
// we must read them again (Keyring: AES-256-GCM), and at rest when we need only
// recognise them (Pepper: HMAC-SHA-256).
//
// All keys are derived with HKDF from master secrets of at least 32 random
// bytes that live outside the database, so a database dump alone opens nothing.
package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// minMaster is the least length of a master secret in bytes.
const minMaster = 32

func derive(master []byte, purpose string) ([]byte, error) {
	if len(master) < minMaster {
		return nil, errors.New("secret: a master secret needs at least 32 random bytes")
	}
	key, err := hkdf.Key(sha256.New, master, nil, "sluice/"+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("secret: derive key: %w", err)
	}
	return key, nil
}
