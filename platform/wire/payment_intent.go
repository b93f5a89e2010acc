package wire

import "encoding/json"

// PaymentIntent is the wish to be paid, from first form to final money.
type PaymentIntent struct {
	ID                        string              `json:"id"`
	Object                    string              `json:"object"` // "payment_intent"
	Amount                    int64               `json:"amount"`
	AmountCapturable          int64               `json:"amount_capturable"`
	AmountDetails             struct{}            `json:"amount_details"`
	AmountReceived            int64               `json:"amount_received"`
	Application               Ref                 `json:"application"`
	ApplicationFeeAmount      *int64              `json:"application_fee_amount"`
	AutomaticPaymentMethods   json.RawMessage     `json:"automatic_payment_methods"`
	CanceledAt                *int64              `json:"canceled_at"`
	CancellationReason        *string             `json:"cancellation_reason"`
	CaptureMethod             string              `json:"capture_method"`
	ClientSecret              string              `json:"client_secret"`
	ConfirmationMethod        string              `json:"confirmation_method"`
	Created                   int64               `json:"created"`
	Currency                  string              `json:"currency"`
	Customer                  Ref                 `json:"customer"`
	Description               *string             `json:"description"`
	LastPaymentError          *PaymentError       `json:"last_payment_error"`
	LatestCharge              Ref                 `json:"latest_charge"`
	Livemode                  bool                `json:"livemode"`
	Metadata                  map[string]string   `json:"metadata"`
	NextAction                *NextAction         `json:"next_action"`
	OnBehalfOf                Ref                 `json:"on_behalf_of"`
	PaymentMethod             Ref                 `json:"payment_method"`
	PaymentMethodOptions      struct{}            `json:"payment_method_options"`
	PaymentMethodTypes        []string            `json:"payment_method_types"`
	Processing                *IntentProcessing   `json:"processing"`
	ReceiptEmail              *string             `json:"receipt_email"`
	Review                    Ref                 `json:"review"`
	SetupFutureUsage          *string             `json:"setup_future_usage"`
	Shipping                  json.RawMessage     `json:"shipping"`
	Source                    *string             `json:"source"`
	Splits                    []Split             `json:"splits,omitempty"`
	StatementDescriptor       *string             `json:"statement_descriptor"`
	StatementDescriptorSuffix *string             `json:"statement_descriptor_suffix"`
	Status                    string              `json:"status"`
	TransferData              *IntentTransferData `json:"transfer_data"`
	TransferGroup             *string             `json:"transfer_group"`
}

// PublicIntent is what a payer's browser, which has the client secret, sees of an intent.
type PublicIntent struct {
	ID                      string            `json:"id"`
	Object                  string            `json:"object"` // "payment_intent"
	Amount                  int64             `json:"amount"`
	AmountDetails           struct{}          `json:"amount_details"`
	AutomaticPaymentMethods json.RawMessage   `json:"automatic_payment_methods"`
	CanceledAt              *int64            `json:"canceled_at"`
	CancellationReason      *string           `json:"cancellation_reason"`
	CaptureMethod           string            `json:"capture_method"`
	ClientSecret            string            `json:"client_secret"`
	ConfirmationMethod      string            `json:"confirmation_method"`
	Created                 int64             `json:"created"`
	Currency                string            `json:"currency"`
	Description             *string           `json:"description"`
	LastPaymentError        *PaymentError     `json:"last_payment_error"`
	Livemode                bool              `json:"livemode"`
	NextAction              *NextAction       `json:"next_action"`
	PaymentMethod           Ref               `json:"payment_method"`
	PaymentMethodTypes      []string          `json:"payment_method_types"`
	Processing              *IntentProcessing `json:"processing"`
	ReceiptEmail            *string           `json:"receipt_email"`
	SetupFutureUsage        *string           `json:"setup_future_usage"`
	Shipping                json.RawMessage   `json:"shipping"`
	Source                  *string           `json:"source"`
	Status                  string            `json:"status"`
}

// Public is the intent without what is between the merchant and the platform:
// fees, destinations, customer, metadata.
func (i PaymentIntent) Public() PublicIntent {
	return PublicIntent{
		ID: i.ID, Object: i.Object, Amount: i.Amount, AutomaticPaymentMethods: i.AutomaticPaymentMethods, CanceledAt: i.CanceledAt,
		CancellationReason: i.CancellationReason, CaptureMethod: i.CaptureMethod, ClientSecret: i.ClientSecret,
		ConfirmationMethod: i.ConfirmationMethod, Created: i.Created, Currency: i.Currency, Description: i.Description,
		LastPaymentError: i.LastPaymentError, Livemode: i.Livemode, NextAction: i.NextAction, PaymentMethod: i.PaymentMethod,
		PaymentMethodTypes: i.PaymentMethodTypes, Processing: i.Processing, ReceiptEmail: i.ReceiptEmail,
		SetupFutureUsage: i.SetupFutureUsage, Shipping: i.Shipping, Source: i.Source, Status: i.Status,
	}
}

// IntentTransferData is where the money of a destination charge is to go.
type IntentTransferData struct {
	Amount      *int64 `json:"amount,omitempty"`
	Destination Ref    `json:"destination"`
}

// IntentProcessing is shown while the outcome of an attempt is not known yet.
type IntentProcessing struct {
	Card struct{} `json:"card"`
	Type string   `json:"type"` // "card"
}

// PaymentError is why the last attempt did not take the money.
type PaymentError struct {
	Charge        string         `json:"charge,omitempty"`
	Code          string         `json:"code,omitempty"`
	DeclineCode   string         `json:"decline_code,omitempty"`
	Message       string         `json:"message"`
	PaymentMethod *PaymentMethod `json:"payment_method,omitempty"`
	Type          string         `json:"type"`
}

// NextAction is what the payer has to do.
type NextAction struct {
	RedirectToURL *RedirectToURL `json:"redirect_to_url,omitempty"`
	Type          string         `json:"type"`
}

// RedirectToURL sends the payer to the issuer's check and back to return_url.
type RedirectToURL struct {
	ReturnURL *string `json:"return_url"`
	URL       *string `json:"url"`
}
