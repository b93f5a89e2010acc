package journal

import (
	"time"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/platform/money"
)

// Charge is a captured payment and where its money goes.
type Charge struct {
	ID            string // ch_…
	Livemode      bool
	Owner         string // on whose account the charge lives
	Platform      string // the platform account; equal to Owner unless Direct
	Amount        money.Amount
	ProcessingFee int64 // what the processor keeps
	Description   string
	At            time.Time
	MaturesOn     time.Time // zero: available at once

	Direct *Direct // set if the charge lives on a connected account
	Legs   []Leg   // what moves on from the platform to connected accounts
}

// Direct says what the platform has to do with a charge on a connected account.
type Direct struct {
	ApplicationFee        int64
	FeeID                 string // fee_…, if ApplicationFee > 0
	Application           string // ca_… of the platform
	PlatformPaysProcessor bool   // fees.payer = application
}

// Leg is one transfer made with the charge.
type Leg struct {
	Transfer       string // tr_…
	Payment        string // py_…, how the receiver sees it
	Destination    string // acct_…
	Amount         int64  // gross of ApplicationFee
	ApplicationFee int64  // returned to the platform out of Amount
	FeeID          string // fee_…, if ApplicationFee > 0
	Application    string // ca_… of the platform
}

// ChargeSucceeded books a payment the processor has taken.
//
//	platform charge
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending P                      9660  charge 10000 fee 340
//
//	available at once
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	available P                    9660  charge 10000 fee 340
//
//	direct, the account pays the processor
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending C                      8660  charge 10000 fee 1340
//	pending P                      1000  application_fee 1000
//
//	direct, the platform pays the processor
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending C                      9000  charge 10000 fee 1000
//	pending P                      1000  application_fee 1000
//	pending P               340          stripe_fee -340
//
//	direct, the fees eat more than the charge
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending C               340          charge 10000 fee 10340
//	pending P                     10000  application_fee 10000
//
//	destination with application fee
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending P                      9660  charge 10000 fee 340
//	pending P             10000          transfer -10000
//	pending C                      9000  payment 10000 fee 1000
//	pending P                      1000  application_fee 1000
//
//	destination with transfer amount
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending P                      9660  charge 10000 fee 340
//	pending P              9000          transfer -9000
//	pending C                      9000  payment 9000
//
//	splits
//	account               debit  credit  line
//	processor_clearing P  10000
//	processor_fees P                340
//	pending P                      9660  charge 10000 fee 340
//	pending P              6000          transfer -6000
//	pending C1                     6000  payment 6000
//	pending P              3000          transfer -3000
//	pending C2                     3000  payment 3000
func ChargeSucceeded(c Charge, newID NewID) ledger.Entry {
	d := open("charge_succeeded", c.ID, c.At, c.Livemode, c.Amount.Currency, newID)
	d.day = c.MaturesOn
	d.move(c.Platform, ledger.ProcessorClearing, -c.Amount.Minor)
	d.move(c.Platform, ledger.ProcessorFees, c.ProcessingFee)
	if c.Direct != nil {
		d.direct(c)
	} else {
		d.charged(c, c.ProcessingFee, d.fees(c.ProcessingFee, 0, ""))
	}
	for _, leg := range c.Legs {
		d.leg(c, leg)
	}
	return d.entry
}

func (d *draft) direct(c Charge) {
	borne := c.ProcessingFee
	if c.Direct.PlatformPaysProcessor {
		borne = 0
	}
	d.charged(c, borne+c.Direct.ApplicationFee, d.fees(borne, c.Direct.ApplicationFee, c.Direct.Application))
	d.feeIncome(c.Platform, c.Direct.FeeID, c.Direct.ApplicationFee)
	if c.Direct.PlatformPaysProcessor && c.ProcessingFee != 0 {
		d.funds(c.Platform, ledger.Line{Type: "stripe_fee", Amount: -c.ProcessingFee, Source: c.ID,
			Description: "Processing fee"}, false)
	}
}

func (d *draft) charged(c Charge, fee int64, details []ledger.Fee) {
	d.funds(c.Owner, ledger.Line{Type: "charge", Amount: c.Amount.Minor, Fee: fee, FeeDetails: details,
		Source: c.ID, Description: c.Description}, false)
}

func (d *draft) leg(c Charge, leg Leg) {
	d.funds(c.Platform, ledger.Line{Type: "transfer", Amount: -leg.Amount, Source: leg.Transfer,
		Description: c.Description}, false)
	d.funds(leg.Destination, ledger.Line{Type: "payment", Amount: leg.Amount, Fee: leg.ApplicationFee,
		FeeDetails: d.fees(0, leg.ApplicationFee, leg.Application), Source: leg.Payment,
		Description: c.Description}, false)
	d.feeIncome(c.Platform, leg.FeeID, leg.ApplicationFee)
}

func (d *draft) feeIncome(platform, feeID string, amount int64) {
	if amount != 0 {
		d.funds(platform, ledger.Line{Type: "application_fee", Amount: amount, Source: feeID,
			Description: "Application fee"}, false)
	}
}

// fees are the parts of a line's fee; their sum is the line's Fee.
func (d *draft) fees(processing, application int64, app string) []ledger.Fee {
	var parts []ledger.Fee
	if application != 0 {
		parts = append(parts, d.applicationFee(application, app))
	}
	if processing != 0 {
		parts = append(parts, d.processingFee(processing))
	}
	return parts
}
