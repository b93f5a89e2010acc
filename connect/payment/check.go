package payment

import (
	"context"
	"time"

	"github.com/sluicepay/sluice/connect/cardnumber"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/tenant"
)

// processorTimeout bounds one call of a processor. What has not answered by then
// is unknown, and the sweeper, whose patience is longer, asks.
const processorTimeout = 20 * time.Second

// words are the free texts of a payment.
type words struct {
	description, descriptor, descriptorSuffix *string
	metadata                                  metadata.Patch
}

// check refuses card numbers in free texts, and descriptors longer than statements print.
func (w words) check() error {
	for param, text := range map[string]*string{
		"description": w.description, "statement_descriptor": w.descriptor, "statement_descriptor_suffix": w.descriptorSuffix,
	} {
		if text == nil {
			continue
		}
		if err := cardnumber.Refuse(param, *text); err != nil {
			return err
		}
		if param != "description" && len(*text) > maxDescriptor {
			return fault.Invalidf("parameter_invalid", param, "The statement descriptor must be at most %d characters.", maxDescriptor)
		}
	}
	return cardnumber.RefuseIn("metadata", w.metadata.Set)
}

// maxDescriptor is what card statements have room for.
const maxDescriptor = 22

// checkParties refuses a customer that is not the account's, a method that
// belongs to another customer, and an account to act on behalf of that is not connected.
func (s *Service) checkParties(ctx context.Context, scope tenant.Scope, customer string, method Method, onBehalfOf string) error {
	if customer != "" {
		_, found, err := findCustomer(ctx, s.Pool, scope, customer, false)
		if err != nil {
			return err
		}
		if !found {
			return missingRef("customer", "customer", customer)
		}
	}
	if method.Customer != "" && method.Customer != customer {
		return fault.Invalidf("parameter_invalid", "payment_method",
			"The payment method %s belongs to a customer. Name that customer in the `customer` parameter to use it.", method.ID)
	}
	if onBehalfOf == "" || onBehalfOf == scope.Account {
		return nil
	}
	account, err := s.Accounts.Lookup(ctx, scope, onBehalfOf)
	switch {
	case fault.Is(err, fault.NotFound):
		return missingRef("on_behalf_of", "account", onBehalfOf)
	case err != nil:
		return err
	}
	return account.MustBeWritable()
}
