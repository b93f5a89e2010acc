package payment

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/idempotency"
)

// clockOfClaims dates idempotency claims: the machine's clock, so that
// advancing the sandbox does not make keys expire.
var clockOfClaims clock.System

// answers gathers what a batch has to say to the idempotency keys it owns.
type answers struct {
	saved     [][16]byte
	responses []idempotency.Response
	released  [][16]byte
}

// add answers a claim with an object or an error and returns the answer. Errors
// that decide nothing free the key. A nil claim waits for nothing.
func (a *answers) add(ctx context.Context, tx bun.Tx, claim *idempotency.Claim, object any, failure error) (*idempotency.Response, error) {
	if claim == nil {
		return nil, nil
	}
	if f := fault.As(failure); failure != nil && (f == nil || f.Unsaved || claim.RetryFailures) {
		a.released = append(a.released, claim.Hash)
		return nil, nil
	}
	response, err := claim.Render(ctx, tx, object, failure)
	if err != nil {
		return nil, err
	}
	a.saved = append(a.saved, claim.Hash)
	a.responses = append(a.responses, response)
	return &response, nil
}

func (a *answers) save(ctx context.Context, tx bun.Tx, keys *idempotency.Store) error {
	if len(a.saved) > 0 {
		if err := keys.SaveMany(ctx, tx, clockOfClaims.Now(), a.saved, a.responses); err != nil {
			return err
		}
	}
	if len(a.released) > 0 {
		return keys.ReleaseMany(ctx, tx, a.released)
	}
	return nil
}
