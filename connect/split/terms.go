package split

import (
	"fmt"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
)

// MaxLegs bounds the receivers of one charge.
const MaxLegs = 50

// Terms is what a payment call asked for. The zero value asks for nothing: the
// whole charge stays with the account it was made on.
type Terms struct {
	// Direct is set when the charge is made on a connected account; its platform
	// then takes the application fee and nothing else moves.
	Direct         bool          `json:"direct,omitempty"`
	ApplicationFee *int64        `json:"application_fee_amount,omitempty"` // minor units of the charge
	TransferData   *TransferData `json:"transfer_data,omitempty"`
	Shares         []Share       `json:"splits,omitempty"`
}

// TransferData is the destination of a destination charge.
type TransferData struct {
	Destination string `json:"destination"`      // acct_…
	Amount      *int64 `json:"amount,omitempty"` // minor units; nil means the whole charge
}

// Share is one receiver's claim; exactly one of Amount, Percent and Remainder is set.
type Share struct {
	Destination string      `json:"destination"` // acct_…; the same account may appear more than once
	Amount      *int64      `json:"amount,omitempty"`
	Percent     *money.Rate `json:"percent,omitempty"`
	Remainder   bool        `json:"remainder,omitempty"`
	// FeeBearer makes the receiver bear the processing fee in proportion to its
	// part of the charge; without it the charge's account bears it.
	FeeBearer   bool              `json:"fee_bearer,omitempty"`
	Description string            `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// Param is one element of splits[] as a request spells it.
type Param struct {
	Destination string            `form:"destination"`
	Amount      *int64            `form:"amount"`
	Percent     *string           `form:"percent"` // "12.5": up to four decimals
	Remainder   *bool             `form:"remainder"`
	FeeBearer   *bool             `form:"fee_bearer"`
	Description string            `form:"description"`
	Metadata    map[string]string `form:"metadata"`
}

// ParseShares reads splits[]; its faults name parameters such as splits[1][percent].
func ParseShares(params []Param) ([]Share, error) {
	var shares []Share
	for i, p := range params {
		share := Share{
			Destination: p.Destination, Amount: p.Amount,
			Remainder: p.Remainder != nil && *p.Remainder, FeeBearer: p.FeeBearer != nil && *p.FeeBearer,
			Description: p.Description, Metadata: p.Metadata,
		}
		if p.Percent != nil {
			rate, err := money.ParsePercent(*p.Percent)
			if err != nil {
				return nil, fault.Invalidf("parameter_invalid", param(i, "percent"),
					"Invalid percent: %q. Use a number from 0 to 100 with up to four decimals, like 12.5.", *p.Percent)
			}
			share.Percent = &rate
		}
		shares = append(shares, share)
	}
	return shares, nil
}

// IsZero reports whether nothing is to be moved: no fee, no destination, no splits.
func (t Terms) IsZero() bool {
	return t.ApplicationFee == nil && t.TransferData == nil && len(t.Shares) == 0
}

// Destinations lists the accounts that receive something, each once, in order.
func (t Terms) Destinations() []string {
	var accounts []string
	seen := make(map[string]bool)
	add := func(account string) {
		if !seen[account] {
			seen[account] = true
			accounts = append(accounts, account)
		}
	}
	if t.TransferData != nil {
		add(t.TransferData.Destination)
	}
	for _, share := range t.Shares {
		add(share.Destination)
	}
	return accounts
}

func param(i int, name string) string { return fmt.Sprintf("splits[%d][%s]", i, name) }
