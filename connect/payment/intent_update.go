package payment

import (
	"context"
	"reflect"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/split"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// IntentUpdate changes an intent whose payment has not begun.
type IntentUpdate struct {
	TermsParams
	Amount                    *int64          `form:"amount"`
	Currency                  string          `form:"currency"`
	PaymentMethod             string          `form:"payment_method"`
	PaymentMethodTypes        []string        `form:"payment_method_types"`
	CaptureMethod             string          `form:"capture_method"`
	Customer                  *string         `form:"customer"`
	Description               *string         `form:"description"`
	ReceiptEmail              *string         `form:"receipt_email"`
	SetupFutureUsage          *string         `form:"setup_future_usage"`
	Shipping                  *ShippingParams `form:"shipping"`
	StatementDescriptor       *string         `form:"statement_descriptor"`
	StatementDescriptorSuffix *string         `form:"statement_descriptor_suffix"`
	Metadata                  metadata.Patch  `form:"metadata"`
	PaymentMethodOptions      rest.Ignored    `form:"payment_method_options"`
}

// moves reports whether the update touches more than words.
func (u IntentUpdate) moves() bool {
	return u.Amount != nil || u.Currency != "" || u.PaymentMethod != "" || u.CaptureMethod != "" ||
		u.ApplicationFeeAmount != nil || u.TransferData != nil || u.Splits != nil
}

// IntentChange is a checked update, ready to be made in a transaction.
type IntentChange struct {
	before, after *Intent
	method        Method
	metadata      metadata.Patch
}

// PrepareUpdate checks an update outside the transaction.
func (s *Service) PrepareUpdate(ctx context.Context, scope tenant.Scope, id string, u IntentUpdate) (*IntentChange, error) {
	if err := (words{u.Description, u.StatementDescriptor, u.StatementDescriptorSuffix, u.Metadata}).check(); err != nil {
		return nil, err
	}
	current, err := s.GetIntent(ctx, s.Pool, scope, id)
	if err != nil {
		return nil, err
	}
	if u.moves() {
		if err := current.updatable(); err != nil {
			return nil, err
		}
	}
	changed := *current
	method, err := s.applyUpdate(ctx, scope, &changed, u)
	return &IntentChange{before: current, after: &changed, method: method, metadata: u.Metadata}, err
}

func (s *Service) applyUpdate(ctx context.Context, scope tenant.Scope, i *Intent, u IntentUpdate) (Method, error) {
	minor, currency := i.Amount, string(i.Currency)
	if u.Amount != nil {
		minor = *u.Amount
	}
	if u.Currency != "" {
		currency = u.Currency
	}
	amount, err := amountOf(&minor, currency)
	if err != nil {
		return Method{}, err
	}
	i.Amount, i.Currency = amount.Minor, amount.Currency
	if u.moves() {
		port, err := s.processor(scope.Livemode)
		if err != nil {
			return Method{}, err
		}
		if err := port.Capabilities().CheckCharge(amount, i.CaptureMethod != "manual"); err != nil {
			return Method{}, err
		}
		if i.Terms, err = s.terms(ctx, scope, u.mergedTerms(i), amount); err != nil {
			return Method{}, err
		}
	}
	if u.TransferGroup != "" {
		i.TransferGroup = u.TransferGroup
	}
	for given, field := range map[*string]**string{
		u.Description: &i.Description, u.StatementDescriptor: &i.StatementDescriptor, u.StatementDescriptorSuffix: &i.StatementDescriptorSuffix,
	} {
		if given != nil {
			*field = given
		}
	}
	if u.Customer != nil {
		i.Customer = *u.Customer
	}
	return s.applyConfirm(ctx, scope, i, ConfirmParams{
		PaymentMethod: u.PaymentMethod, PaymentMethodTypes: u.PaymentMethodTypes, CaptureMethod: u.CaptureMethod,
		ReceiptEmail: u.ReceiptEmail, SetupFutureUsage: u.SetupFutureUsage, Shipping: u.Shipping,
	})
}

// mergedTerms are the split parameters after the update: what it does not name stays.
func (u IntentUpdate) mergedTerms(i *Intent) TermsParams {
	merged := u.TermsParams
	if merged.ApplicationFeeAmount == nil {
		merged.ApplicationFeeAmount = i.Terms.ApplicationFee
	}
	if d := i.Terms.TransferData; merged.TransferData == nil && d != nil {
		merged.TransferData = &TransferDataParams{Destination: d.Destination, Amount: d.Amount}
	} else if d != nil {
		merged.TransferData = u.TransferData.over(*d, u.ApplicationFeeAmount != nil)
	}
	if merged.Splits == nil {
		merged.Splits = shareParams(i.Terms)
	}
	return merged
}

// over is p with what it does not name taken from agreed; a new application fee
// takes the place of an agreed amount, which cannot stand beside it.
func (p TransferDataParams) over(agreed split.TransferData, newFee bool) *TransferDataParams {
	if p.Destination == "" {
		p.Destination = agreed.Destination
	}
	if p.Amount == nil && !newFee {
		p.Amount = agreed.Amount
	}
	return &p
}

// UpdateIntent makes a checked update, unless the intent has moved since.
func (s *Service) UpdateIntent(ctx context.Context, tx bun.Tx, scope tenant.Scope, change *IntentChange) (wire.PaymentIntent, error) {
	intent, err := lockIntent(ctx, tx, scope, change.before.ID)
	if err != nil {
		return wire.PaymentIntent{}, err
	}
	if !reflect.DeepEqual(intent, change.before) {
		return wire.PaymentIntent{}, lockTimeout() // two updates at once must not undo one another
	}
	after := *change.after
	if after.Metadata, err = change.metadata.Apply(intent.Metadata); err != nil {
		return wire.PaymentIntent{}, err
	}
	if err := s.Methods.Keep(ctx, tx, s.Clocks.For(scope.Livemode).Now(), change.method); err != nil {
		return wire.PaymentIntent{}, err
	}
	_, err = tx.NewUpdate().Model(&intentRow{Intent: after}).WherePK().Exec(ctx)
	return IntentWire(&after), err
}

// shareParams spells the shares of terms as a request would.
func shareParams(t split.Terms) []split.Param {
	var params []split.Param
	for _, share := range t.Shares {
		p := split.Param{Destination: share.Destination, Amount: share.Amount, Description: share.Description, Metadata: share.Metadata}
		if share.Percent != nil {
			p.Percent = percentText(*share.Percent)
		}
		if share.Remainder {
			p.Remainder = &share.Remainder
		}
		if share.FeeBearer {
			p.FeeBearer = &share.FeeBearer
		}
		params = append(params, p)
	}
	return params
}
