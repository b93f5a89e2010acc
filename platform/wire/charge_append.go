package wire

const nobody = `{"address":null,"email":null,"name":null,"phone":null,"tax_id":null}`

// AppendJSON renders the charge, see Appender.
func (c Charge) AppendJSON(b []byte) ([]byte, error) { return c.append(b) }

func (c *Charge) append(b []byte) ([]byte, error) {
	m := members{b: b}
	m.text(`{"id":`, c.ID)
	m.text(`,"object":`, c.Object)
	m.number(`,"amount":`, c.Amount)
	m.number(`,"amount_captured":`, c.AmountCaptured)
	m.number(`,"amount_refunded":`, c.AmountRefunded)
	m.ref(`,"application":`, c.Application)
	m.ref(`,"application_fee":`, c.ApplicationFee)
	m.numberOrNull(`,"application_fee_amount":`, c.ApplicationFeeAmount)
	m.ref(`,"balance_transaction":`, c.BalanceTransaction)
	if c.BillingDetails == (BillingDetails{}) {
		m.constant(`,"billing_details":` + nobody)
	} else {
		m.any(`,"billing_details":`, c.BillingDetails)
	}
	m.textOrNull(`,"calculated_statement_descriptor":`, c.CalculatedStatementDescriptor)
	m.truth(`,"captured":`, c.Captured)
	m.number(`,"created":`, c.Created)
	m.text(`,"currency":`, c.Currency)
	m.ref(`,"customer":`, c.Customer)
	m.textOrNull(`,"description":`, c.Description)
	m.truth(`,"disputed":`, c.Disputed)
	m.ref(`,"failure_balance_transaction":`, c.FailureBalanceTransaction)
	m.textOrNull(`,"failure_code":`, c.FailureCode)
	m.textOrNull(`,"failure_message":`, c.FailureMessage)
	m.constant(`,"fraud_details":{}`)
	m.truth(`,"livemode":`, c.Livemode)
	m.words(`,"metadata":`, c.Metadata)
	m.ref(`,"on_behalf_of":`, c.OnBehalfOf)
	c.Outcome.member(&m)
	m.truth(`,"paid":`, c.Paid)
	m.ref(`,"payment_intent":`, c.PaymentIntent)
	m.textOrNull(`,"payment_method":`, c.PaymentMethod)
	c.PaymentMethodDetails.member(&m)
	m.textOrNull(`,"receipt_email":`, c.ReceiptEmail)
	m.textOrNull(`,"receipt_number":`, c.ReceiptNumber)
	m.textOrNull(`,"receipt_url":`, c.ReceiptURL)
	m.truth(`,"refunded":`, c.Refunded)
	if !c.Refunds.IsZero() {
		m.any(`,"refunds":`, c.Refunds.Object)
	}
	m.ref(`,"review":`, c.Review)
	m.raw(`,"shipping":`, c.Shipping)
	m.textOrNull(`,"source":`, c.Source)
	m.ref(`,"source_transfer":`, c.SourceTransfer)
	if len(c.Splits) > 0 {
		m.any(`,"splits":`, c.Splits)
	}
	m.textOrNull(`,"statement_descriptor":`, c.StatementDescriptor)
	m.textOrNull(`,"statement_descriptor_suffix":`, c.StatementDescriptorSuffix)
	m.text(`,"status":`, c.Status)
	if c.Transfer != nil {
		m.ref(`,"transfer":`, *c.Transfer)
	}
	if d := c.TransferData; d == nil {
		m.null(`,"transfer_data":`)
	} else {
		m.numberOrNull(`,"transfer_data":{"amount":`, d.Amount)
		m.ref(`,"destination":`, d.Destination)
		m.constant(`}`)
	}
	m.textOrNull(`,"transfer_group":`, c.TransferGroup)
	return m.end()
}

func (o *ChargeOutcome) member(m *members) {
	if o == nil {
		m.null(`,"outcome":`)
		return
	}
	m.textOrNull(`,"outcome":{"advice_code":`, o.AdviceCode)
	m.textOrNull(`,"network_status":`, o.NetworkStatus)
	m.textOrNull(`,"reason":`, o.Reason)
	m.text(`,"risk_level":`, o.RiskLevel)
	m.textOrNull(`,"seller_message":`, o.SellerMessage)
	m.text(`,"type":`, o.Type)
	m.constant(`}`)
}

func (d *PaymentMethodDetails) member(m *members) {
	if d == nil {
		m.null(`,"payment_method_details":`)
		return
	}
	m.constant(`,"payment_method_details":{`)
	if d.Card != nil {
		m.constant(`"card":`)
		d.Card.value(m)
		m.constant(`,`)
	}
	if d.StripeAccount != nil {
		m.constant(`"stripe_account":{},`)
	}
	m.text(`"type":`, d.Type)
	m.constant(`}`)
}

func (c *ChargeCard) value(m *members) {
	m.numberOrNull(`{"amount_authorized":`, c.AmountAuthorized)
	m.text(`,"brand":`, c.Brand)
	if k := c.Checks; k == nil {
		m.null(`,"checks":`)
	} else {
		m.textOrNull(`,"checks":{"address_line1_check":`, k.AddressLine1Check)
		m.textOrNull(`,"address_postal_code_check":`, k.AddressPostalCodeCheck)
		m.textOrNull(`,"cvc_check":`, k.CVCCheck)
		m.constant(`}`)
	}
	m.textOrNull(`,"country":`, c.Country)
	m.number(`,"exp_month":`, int64(c.ExpMonth))
	m.number(`,"exp_year":`, int64(c.ExpYear))
	m.textOrNull(`,"fingerprint":`, c.Fingerprint)
	m.text(`,"funding":`, c.Funding)
	m.emptyOrNull(`,"installments":`, c.Installments)
	m.text(`,"last4":`, c.Last4)
	m.textOrNull(`,"mandate":`, c.Mandate)
	m.text(`,"network":`, c.Network)
	m.emptyOrNull(`,"three_d_secure":`, c.ThreeDSecure)
	m.emptyOrNull(`,"wallet":`, c.Wallet)
	m.constant(`}`)
}

func (m *members) emptyOrNull(name string, v *struct{}) {
	if v == nil {
		m.null(name)
		return
	}
	m.constant(name)
	m.constant(`{}`)
}
