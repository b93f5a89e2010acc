package wire

import "encoding/json"

// Charge is one attempt to take money; on a connected account also the payment
// (py_…) by which a transfer arrives there.
type Charge struct {
	ID                            string                `json:"id"`
	Object                        string                `json:"object"` // "charge"
	Amount                        int64                 `json:"amount"`
	AmountCaptured                int64                 `json:"amount_captured"`
	AmountRefunded                int64                 `json:"amount_refunded"`
	Application                   Ref                   `json:"application"`
	ApplicationFee                Ref                   `json:"application_fee"`
	ApplicationFeeAmount          *int64                `json:"application_fee_amount"`
	BalanceTransaction            Ref                   `json:"balance_transaction"`
	BillingDetails                BillingDetails        `json:"billing_details"`
	CalculatedStatementDescriptor *string               `json:"calculated_statement_descriptor"`
	Captured                      bool                  `json:"captured"`
	Created                       int64                 `json:"created"`
	Currency                      string                `json:"currency"`
	Customer                      Ref                   `json:"customer"`
	Description                   *string               `json:"description"`
	Disputed                      bool                  `json:"disputed"`
	FailureBalanceTransaction     Ref                   `json:"failure_balance_transaction"`
	FailureCode                   *string               `json:"failure_code"`
	FailureMessage                *string               `json:"failure_message"`
	FraudDetails                  struct{}              `json:"fraud_details"`
	Livemode                      bool                  `json:"livemode"`
	Metadata                      map[string]string     `json:"metadata"`
	OnBehalfOf                    Ref                   `json:"on_behalf_of"`
	Outcome                       *ChargeOutcome        `json:"outcome"`
	Paid                          bool                  `json:"paid"`
	PaymentIntent                 Ref                   `json:"payment_intent"`
	PaymentMethod                 *string               `json:"payment_method"`
	PaymentMethodDetails          *PaymentMethodDetails `json:"payment_method_details"`
	ReceiptEmail                  *string               `json:"receipt_email"`
	ReceiptNumber                 *string               `json:"receipt_number"`
	ReceiptURL                    *string               `json:"receipt_url"`
	Refunded                      bool                  `json:"refunded"`
	Refunds                       Lazy                  `json:"refunds,omitzero"`
	Review                        Ref                   `json:"review"`
	Shipping                      json.RawMessage       `json:"shipping"`
	Source                        *string               `json:"source"`
	SourceTransfer                Ref                   `json:"source_transfer"`
	Splits                        []Split               `json:"splits,omitempty"`
	StatementDescriptor           *string               `json:"statement_descriptor"`
	StatementDescriptorSuffix     *string               `json:"statement_descriptor_suffix"`
	Status                        string                `json:"status"`
	Transfer                      *Ref                  `json:"transfer,omitempty"`
	TransferData                  *ChargeTransferData   `json:"transfer_data"`
	TransferGroup                 *string               `json:"transfer_group"`
}

// ChargeOutcome says what the network and the issuer decided.
type ChargeOutcome struct {
	AdviceCode    *string `json:"advice_code"`
	NetworkStatus *string `json:"network_status"`
	Reason        *string `json:"reason"`
	RiskLevel     string  `json:"risk_level"`
	SellerMessage *string `json:"seller_message"`
	Type          string  `json:"type"`
}

// ChargeTransferData is where a destination charge's money goes.
type ChargeTransferData struct {
	Amount      *int64 `json:"amount"`
	Destination Ref    `json:"destination"`
}

// Split is Sluice's own extension: one receiver of a payment and what became of its part.
type Split struct {
	Destination string  `json:"destination"`
	Type        string  `json:"type"` // "fixed", "percent" or "remainder"
	Percent     *string `json:"percent,omitempty"`
	Amount      *int64  `json:"amount"` // null until the payment has succeeded, unless fixed
	FeeBearer   bool    `json:"fee_bearer,omitempty"`
	Description string  `json:"description,omitempty"`
	Transfer    string  `json:"transfer,omitempty"`
}

// PaymentMethodDetails is the instrument as it was at the time of the charge.
type PaymentMethodDetails struct {
	Card          *ChargeCard `json:"card,omitempty"`
	StripeAccount *struct{}   `json:"stripe_account,omitempty"`
	Type          string      `json:"type"`
}

// ChargeCard is the card behind a charge; never more than the last four digits.
type ChargeCard struct {
	AmountAuthorized *int64      `json:"amount_authorized"`
	Brand            string      `json:"brand"`
	Checks           *CardChecks `json:"checks"`
	Country          *string     `json:"country"`
	ExpMonth         int         `json:"exp_month"`
	ExpYear          int         `json:"exp_year"`
	Fingerprint      *string     `json:"fingerprint"`
	Funding          string      `json:"funding"`
	Installments     *struct{}   `json:"installments"`
	Last4            string      `json:"last4"`
	Mandate          *string     `json:"mandate"`
	Network          string      `json:"network"`
	ThreeDSecure     *struct{}   `json:"three_d_secure"`
	Wallet           *struct{}   `json:"wallet"`
}

// SplitPreview is what a payment would move; Sluice's own extension.
type SplitPreview struct {
	Object         string            `json:"object"` // "split_preview"
	Amount         int64             `json:"amount"`
	ApplicationFee int64             `json:"application_fee"`
	Currency       string            `json:"currency"`
	ProcessingFee  int64             `json:"processing_fee"`
	Remains        int64             `json:"remains"` // what the account of the charge keeps; negative if it pays more than it keeps
	Transfers      []SplitPreviewLeg `json:"transfers"`
}

// SplitPreviewLeg is one transfer the payment would make.
type SplitPreviewLeg struct {
	Destination   string `json:"destination"`
	Amount        int64  `json:"amount"`
	ProcessingFee int64  `json:"processing_fee"` // borne by the receiver, already taken off amount
	Description   string `json:"description,omitempty"`
}
