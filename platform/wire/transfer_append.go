package wire

// AppendJSON renders the transfer, see Appender.
func (t Transfer) AppendJSON(b []byte) ([]byte, error) {
	m := members{b: b}
	m.text(`{"id":`, t.ID)
	m.text(`,"object":`, t.Object)
	m.number(`,"amount":`, t.Amount)
	m.number(`,"amount_reversed":`, t.AmountReversed)
	m.ref(`,"balance_transaction":`, t.BalanceTransaction)
	m.number(`,"created":`, t.Created)
	m.text(`,"currency":`, t.Currency)
	m.textOrNull(`,"description":`, t.Description)
	m.ref(`,"destination":`, t.Destination)
	m.ref(`,"destination_payment":`, t.DestinationPayment)
	m.truth(`,"livemode":`, t.Livemode)
	m.words(`,"metadata":`, t.Metadata)
	m.any(`,"reversals":`, &t.Reversals)
	m.truth(`,"reversed":`, t.Reversed)
	m.ref(`,"source_transaction":`, t.SourceTransaction)
	m.text(`,"source_type":`, t.SourceType)
	m.textOrNull(`,"transfer_group":`, t.TransferGroup)
	m.number(`,"amount_on_hold":`, t.AmountOnHold)
	m.truth(`,"on_hold":`, t.OnHold)
	m.numberOrNull(`,"on_hold_until":`, t.OnHoldUntil)
	return m.end()
}

// AppendJSON renders the fee, see Appender.
func (f ApplicationFee) AppendJSON(b []byte) ([]byte, error) {
	m := members{b: b}
	m.text(`{"id":`, f.ID)
	m.text(`,"object":`, f.Object)
	m.ref(`,"account":`, f.Account)
	m.number(`,"amount":`, f.Amount)
	m.number(`,"amount_refunded":`, f.AmountRefunded)
	m.ref(`,"application":`, f.Application)
	m.ref(`,"balance_transaction":`, f.BalanceTransaction)
	m.ref(`,"charge":`, f.Charge)
	m.number(`,"created":`, f.Created)
	m.text(`,"currency":`, f.Currency)
	if s := f.FeeSource; s == nil {
		m.null(`,"fee_source":`)
	} else {
		m.constant(`,"fee_source":{`)
		if s.Charge != "" {
			m.text(`"charge":`, s.Charge)
			m.constant(`,`)
		}
		m.text(`"type":`, s.Type)
		m.constant(`}`)
	}
	m.truth(`,"livemode":`, f.Livemode)
	m.ref(`,"originating_transaction":`, f.OriginatingTransaction)
	m.truth(`,"refunded":`, f.Refunded)
	m.any(`,"refunds":`, &f.Refunds)
	return m.end()
}

// AppendJSON renders the page, see Appender.
func (l List[T]) AppendJSON(b []byte) ([]byte, error) {
	m := members{b: b}
	m.text(`{"object":`, l.Object)
	m.text(`,"url":`, l.URL)
	m.truth(`,"has_more":`, l.HasMore)
	if l.Data == nil {
		m.null(`,"data":`)
		return m.end()
	}
	m.constant(`,"data":[`)
	for i := range l.Data {
		if i > 0 {
			m.constant(`,`)
		}
		m.any(``, &l.Data[i])
	}
	m.constant(`]`)
	return m.end()
}
