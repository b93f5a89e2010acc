package payment

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/patch"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
)

// ChargeUpdate changes what may change of a charge.
type ChargeUpdate struct {
	Description   *string           `form:"description"`
	ReceiptEmail  *string           `form:"receipt_email"`
	TransferGroup *string           `form:"transfer_group"`
	Customer      *string           `form:"customer"`
	Shipping      *ShippingParams   `form:"shipping"`
	FraudDetails  map[string]string `form:"fraud_details"`
	Metadata      metadata.Patch    `form:"metadata"`
}

// UpdateCharge changes descriptions and metadata; money never changes here. What
// is asked to become what it is already is no change and no event. Whoever names a
// receipt_email has the receipt sent there, also if it was sent there before.
func (s *Service) UpdateCharge(ctx context.Context, tx bun.Tx, scope tenant.Scope, id string, u ChargeUpdate) (*Charge, error) {
	if err := (words{description: u.Description, metadata: u.Metadata}).check(); err != nil {
		return nil, err
	}
	c, err := lockCharge(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	if u.Customer != nil && *u.Customer != "" {
		_, found, err := findCustomer(ctx, tx, scope, *u.Customer, false)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missingRef("customer", "customer", *u.Customer)
		}
	}
	if to := u.ReceiptEmail; to != nil && *to != "" && c.ReceiptURL != nil && s.SendReceipt != nil {
		s.SendReceipt(ctx, tx, c, *to)
	}
	before := ChargeWire(c)
	if c.Metadata, err = u.Metadata.Apply(c.Metadata); err != nil {
		return nil, err
	}
	if u.Description != nil {
		c.Description = u.Description
	}
	if u.ReceiptEmail != nil {
		c.ReceiptEmail = u.ReceiptEmail
	}
	if u.TransferGroup != nil {
		c.TransferGroup = *u.TransferGroup
	}
	if u.Customer != nil {
		c.Customer = *u.Customer
	}
	if u.Shipping != nil {
		c.Shipping = shippingJSON(u.Shipping)
	}
	if previous, err := patch.Changed(before, ChargeWire(c)); err != nil || previous == nil {
		return c, err
	}
	c.Version++
	if err := chargeTable.Update(ctx, tx, []*Charge{c}, "description", "receipt_email", "transfer_group", "customer", "shipping", "metadata", "version"); err != nil {
		return nil, err
	}
	var b eventBatch
	b.changed("charge.updated", before, c, s.Clocks.For(c.Livemode).Now(), event.OriginOf(ctx))
	if b.err != nil {
		return nil, b.err
	}
	return c, s.events.Append(ctx, tx, b.events...)
}
