package auditlog

import (
	"archive/zip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sluicepay/sluice/platform/secret"
)

// KeysPath is where the public key of exports is: a JSON Web Key Set.
const KeysPath = "/audit_log/jwks.json"

// Seal signs exports. Its key pair comes from a pepper, so that nothing of it is stored.
type Seal struct {
	key ed25519.PrivateKey
	kid string
}

// NewSeal derives the key pair from pepper, which is of the purpose "audit_exports".
func NewSeal(pepper secret.Pepper) Seal {
	seed := pepper.Sum(secret.New("ed25519"))
	key := ed25519.NewKeyFromSeed(seed[:])
	sum := sha256.Sum256(key.Public().(ed25519.PublicKey))
	return Seal{key: key, kid: "audit_" + hex.EncodeToString(sum[:8])}
}

func (s Seal) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Manifest is what an export says of itself: what it is of, how much, and the hash of
// the file. The signature is over the manifest, so that a row that is missing shows as
// well as one that was changed.
type Manifest struct {
	Object     string            `json:"object"` // "audit_log_export"
	Account    string            `json:"account"`
	Livemode   bool              `json:"livemode"`
	ForAccount string            `json:"for_account,omitempty"`
	Filters    map[string]string `json:"filters"`
	CreatedAt  time.Time         `json:"created_at"`
	Act        string            `json:"audit_record"` // of this export; the file has what was before it
	Records    int64             `json:"records"`
	File       string            `json:"file"`
	SHA256     string            `json:"sha256"`
	KeyID      string            `json:"kid"`
}

// The parts of an archive beside the file itself.
const (
	manifestFile  = "manifest.json"
	signatureFile = "manifest.json.sig" // 64 bytes, Ed25519
	keyFile       = "public_key.pem"
	readmeFile    = "README.txt"
)

const readme = `An export of an audit log, signed.

  sluice audit verify audit_log.zip

or, with the parts unpacked and OpenSSL 3:

  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.json.sig
  sha256sum %[1]s        # must be the sha256 that manifest.json names

The key has to be the server's own: compare public_key.pem with x of the kid that the
manifest names, at %[2]s of the server.
`

// archive writes the file and what proves it. The file goes through as it is read; the
// manifest follows when its hash is known.
func (x *export) archive(ctx context.Context, to io.Writer) error {
	z := zip.NewWriter(to)
	put := func(name string, write func(io.Writer) error) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.manifest.CreatedAt})
		if err != nil {
			return err
		}
		return write(w)
	}
	text := func(b []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(b); return err }
	}
	sum := sha256.New()
	if err := put(x.manifest.File, func(w io.Writer) error { return x.rows(ctx, io.MultiWriter(w, sum)) }); err != nil {
		return err
	}
	x.manifest.Object, x.manifest.SHA256, x.manifest.KeyID = "audit_log_export", hex.EncodeToString(sum.Sum(nil)), x.seal.kid
	manifest, err := json.MarshalIndent(x.manifest, "", "  ")
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(x.seal.public())
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		content []byte
	}{
		{manifestFile, manifest}, {signatureFile, ed25519.Sign(x.seal.key, manifest)},
		{keyFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, {readmeFile, fmt.Appendf(nil, readme, x.manifest.File, KeysPath)},
	} {
		if err := put(part.name, text(part.content)); err != nil {
			return err
		}
	}
	return z.Close()
}

// Key is a public key in the way of RFC 8037.
type Key struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	X   string `json:"x"`
}

// KeySet is a JSON Web Key Set.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// Keys are the keys that exports are signed with.
func (s Seal) Keys() KeySet {
	return KeySet{Keys: []Key{{Kty: "OKP", Crv: "Ed25519", Alg: "EdDSA", Use: "sig", Kid: s.kid, X: base64.RawURLEncoding.EncodeToString(s.public())}}}
}

func (d door) keys(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*") // public keys are for everybody
	h.Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(d.seal.Keys()) // a client that went away is no error of ours
}

// ErrForged means that an export is not what its signature says.
var ErrForged = errors.New("not as it was signed")

const maxManifest = 1 << 20

// Verify proves an archive with the server's keys and returns what it is of. It fails
// with ErrForged.
func Verify(archive io.ReaderAt, size int64, keys KeySet) (Manifest, error) {
	z, err := zip.NewReader(archive, size)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: not an archive: %w", ErrForged, err)
	}
	said, err := partOf(z, manifestFile)
	if err != nil {
		return Manifest{}, err
	}
	signature, err := partOf(z, signatureFile)
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(said, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: the manifest cannot be read", ErrForged)
	}
	key, found := keys.find(m.KeyID)
	if !found {
		return Manifest{}, fmt.Errorf("%w: signed with the key %q, which is not among the server's", ErrForged, m.KeyID)
	}
	if !ed25519.Verify(key, said, signature) {
		return Manifest{}, fmt.Errorf("%w: the signature of the manifest is wrong", ErrForged)
	}
	file, err := z.Open(m.File)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s is missing", ErrForged, m.File)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil || hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return Manifest{}, fmt.Errorf("%w: %s was changed", ErrForged, m.File)
	}
	return m, nil
}

func partOf(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is missing", ErrForged, name)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, fmt.Errorf("%w: %s cannot be read", ErrForged, name)
	}
	return b, nil
}

func (s KeySet) find(kid string) (ed25519.PublicKey, bool) {
	for _, k := range s.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if k.Kid == kid && k.Crv == "Ed25519" && err == nil && len(x) == ed25519.PublicKeySize {
			return x, true
		}
	}
	return nil, false
}
