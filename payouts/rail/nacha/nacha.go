package nacha

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moov-io/ach"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// Config is what the bank has told the operator to put into files, beside the
// debtor: Debtor.Routing is the nine digits of the bank (the ODFI), Debtor.ID the
// ten-character company identification, Debtor.Name the company's name on the
// creditors' statements.
type Config struct {
	// Destination and its name are whom the file is sent to, usually the bank: nine digits.
	Destination     string `json:"destination"`
	DestinationName string `json:"destination_name"`
	// Origin and its name are who sends it: nine digits, or ten characters the bank has given.
	Origin     string `json:"origin"`
	OriginName string `json:"origin_name"`
	// Description is what creditors read beside the company's name, up to ten
	// characters; "" is PAYOUT.
	Description string `json:"description"`
	// NoAddenda leaves the addenda out: some banks charge for them.
	NoAddenda bool `json:"no_addenda"`
	// Zone is where the bank's files are dated; "" is America/New_York.
	Zone string `json:"zone"`
}

// Format writes NACHA files.
type Format struct {
	cfg  Config
	zone *time.Location
}

var _ rail.Format = (*Format)(nil)

// New checks the configuration.
func New(cfg Config) (*Format, error) {
	if cfg.Description == "" {
		cfg.Description = "PAYOUT"
	}
	if cfg.Zone == "" {
		cfg.Zone = "America/New_York"
	}
	zone, err := time.LoadLocation(cfg.Zone)
	switch {
	case err != nil:
		return nil, fmt.Errorf("nacha: zone: %w", err)
	case !validRouting(cfg.Destination):
		return nil, errors.New("nacha: the destination is not a routing number")
	case len(cfg.Origin) != 9 && len(cfg.Origin) != 10:
		return nil, errors.New("nacha: the origin has neither nine nor ten characters")
	case len(cfg.Description) > 10:
		return nil, errors.New("nacha: the description is longer than ten characters")
	}
	for _, s := range []string{cfg.DestinationName, cfg.Origin, cfg.OriginName, cfg.Description} {
		if s != plain(s, len(s)) {
			return nil, fmt.Errorf("nacha: %q has characters that a file cannot carry", s)
		}
	}
	return &Format{cfg: cfg, zone: zone}, nil
}

// Parse makes the format of a configuration in JSON. A key it does not know is an error.
func Parse(profile json.RawMessage) (rail.Format, error) {
	var cfg Config
	d := json.NewDecoder(bytes.NewReader(profile))
	d.DisallowUnknownFields()
	if err := d.Decode(&cfg); err != nil {
		return nil, fmt.Errorf("nacha: profile: %w", err)
	}
	return New(cfg)
}

// The bounds of a file: trace numbers leave room for as many entries, the
// fields for as many cents.
const (
	MostEntries = 100_000
	MostAmount  = ach.NachaEntryAmountLimit
	MostTotal   = ach.NachaBatchDebitCreditLimit
)

// Way is what a rail of such files can do; the operator sets name and cut-off.
func Way() rail.Capabilities {
	return rail.Capabilities{
		Name: "ach", Currencies: []money.Currency{"usd"}, Countries: []string{"US"},
		Most: map[money.Currency]int64{"usd": MostAmount}, Debits: true,
		Calendar: "fed_ach", Zone: "America/New_York",
	}
}

// FileName is the batch's id: a bank that answers by file name answers by it.
func (f *Format) FileName(b rail.Batch) string { return b.ID + ".ach" }

// Trace is the bank's eight digits and seven of ours: the batch's number within
// a cycle of 99, and the instruction's place. They grow within a file, as the
// rules want it, and are never zero.
func (f *Format) Trace(b rail.Batch, n int) string {
	return odfi(b) + fmt.Sprintf("%07d", ((b.Number-1)%99+1)*MostEntries+int64(n))
}

// ShortID is the part of a reference that fits into fifteen characters. The ends
// of our ids are random.
func ShortID(reference string) string { return reference[max(0, len(reference)-15):] }

// odfi is the bank that originates the batch, without its check digit.
func odfi(b rail.Batch) string { return b.Debtor.Routing[:min(8, len(b.Debtor.Routing))] }

// modifier tells files of one day apart: A to Z and 0 to 9 in turn. Numbers have no
// gaps, so it repeats after 36 files.
func modifier(number int64) string {
	const turn = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return string(turn[(number-1)%int64(len(turn))])
}

// validRouting reports whether s is a routing number: nine digits whose sum
// weighted with 3, 7 and 1 ends in zero, within a range that is given out.
func validRouting(s string) bool {
	if len(s) != 9 || strings.Trim(s, "0123456789") != "" {
		return false
	}
	sum := 0
	for i, weight := range []int{3, 7, 1, 3, 7, 1, 3, 7, 1} {
		sum += weight * int(s[i]-'0')
	}
	district := int(s[0]-'0')*10 + int(s[1]-'0')
	issued := district <= 12 || 21 <= district && district <= 32 || 61 <= district && district <= 72 || district == 80
	return sum > 0 && sum%10 == 0 && issued
}
