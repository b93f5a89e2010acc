package checkout

import (
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/secret"
)

// The addresses of the pages.
const (
	Path        = "/checkout"
	ReceiptPath = "/receipts"
)

// Config is what the service stands on.
type Config struct {
	Pool     *bun.DB
	Clocks   clock.Modes
	Payments *payment.Service
	Tokens   *payment.Tokens
	Addresses
	Log *slog.Logger
}

// Service makes sessions, takes their payments and ends them.
type Service struct {
	cfg    Config
	events event.Log
}

// New makes the service.
func New(cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Service{cfg: cfg}
}

func (s *Service) now(livemode bool) time.Time { return s.cfg.Clocks.For(livemode).Now() }

func (s *Service) address(under, id string) string { return s.cfg.of(under, id) }

// Addresses makes and reads the addresses of sessions and receipts.
type Addresses struct {
	BaseURL string        // "https://pay.example.com": where this server is reached
	Pepper  secret.Pepper // purpose "checkout"
}

// Receipt is the address of a charge's receipt.
func (a Addresses) Receipt(charge string) string { return a.of(ReceiptPath, charge) }

// of is an object's page: its id and a proof that this server handed the address out.
func (a Addresses) of(under, id string) string {
	return a.BaseURL + under + "/" + id + "." + a.proof(under, id)
}

// proofSize is 128 bits of the keyed hash.
const proofSize = 16

func (a Addresses) proof(under, id string) string {
	sum := a.Pepper.Sum(secret.New(under + "|" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:proofSize])
}

// open is the id in the last part of an address; false if it was not handed out.
func (a Addresses) open(under, token string) (id string, ok bool) {
	id, proof, found := strings.Cut(token, ".")
	if !found || subtle.ConstantTimeCompare([]byte(proof), []byte(a.proof(under, id))) != 1 {
		return "", false
	}
	return id, true
}
