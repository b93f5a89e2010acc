package file

import (
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// What files are for.
const (
	BusinessLogo           = "business_logo"
	BusinessIcon           = "business_icon"
	IdentityDocument       = "identity_document"
	AdditionalVerification = "additional_verification"
	AccountRequirement     = "account_requirement"
	DisputeEvidence        = "dispute_evidence"
)

// rule is what a file of one purpose must be, and what becomes of it.
type rule struct {
	kinds    string // of these types
	size     int    // of at most so many bytes
	image    bool   // for everybody to see: decoded, measured and encoded again
	square   bool
	sealed   bool // encrypted at rest, never served
	document bool // about a person or a business: has a retention date, and magic ids stand for it in test mode
}

// rules has every purpose that is accepted. Sizes are Stripe's; so are the measures of images.
var rules = map[string]rule{
	BusinessLogo:           {kinds: "gif jpg png", size: 512 << 10, image: true},
	BusinessIcon:           {kinds: "gif jpg png", size: 512 << 10, image: true, square: true},
	IdentityDocument:       {kinds: "jpg pdf png", size: 10 << 20, sealed: true, document: true},
	AdditionalVerification: {kinds: "jpg pdf png", size: 10 << 20, sealed: true, document: true},
	AccountRequirement:     {kinds: "jpg pdf png", size: 10 << 20, sealed: true, document: true},
	DisputeEvidence:        {kinds: "jpg pdf png", size: 5 << 20, sealed: true},
}

// MaxSize is the size of the largest file of any purpose.
const MaxSize = 10 << 20

func ruleOf(purpose string) (rule, error) {
	r, known := rules[purpose]
	if known {
		return r, nil
	}
	names := make([]string, 0, len(rules))
	for name := range rules {
		names = append(names, name)
	}
	slices.Sort(names)
	return r, fault.Invalidf("", "purpose", "Invalid purpose: must be one of %s", strings.Join(names, ", "))
}

func (r rule) accepts(kind string) bool { return slices.Contains(strings.Fields(r.kinds), kind) }

// File is what is known of a file without its content.
type File struct {
	ID        string // file_…
	Account   string
	Livemode  bool
	Purpose   string
	Filename  string // fit to be shown and saved under; "" once erased
	Type      string // gif, jpg, pdf or png
	Size      int64  // as uploaded
	CreatedAt time.Time
	ExpiresAt time.Time // when it is erased or was; zero: kept
	ErasedAt  time.Time // zero: the content is there
}

// Config is what Files stands on.
type Config struct {
	Clocks  clock.Modes
	Keyring *secret.Keyring // seals documents
	// Retention is how long documents are kept from their upload on; 0 is a year.
	// Sweep erases them after that, in test mode by the sandbox's clock.
	Retention time.Duration
}

// defaultRetention of documents. Laws differ: an operator who must keep them longer says so.
const defaultRetention = 365 * 24 * time.Hour

// Files keeps the files of all accounts.
type Files struct {
	pool *bun.DB
	cfg  Config
}

// New keeps files in pool.
func New(pool *bun.DB, cfg Config) *Files {
	if cfg.Retention == 0 {
		cfg.Retention = defaultRetention
	}
	return &Files{pool: pool, cfg: cfg}
}
