package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/idempotency"
	"github.com/sluicepay/sluice/platform/wire"
)

// buyer is who pays, with what.
type buyer struct {
	name, email string
	ip          string
	card        payment.CardParams
}

// errTooMany refuses a page that has tried enough cards.
var errTooMany = fault.Invalidf("checkout_attempts_exceeded", "", "Too many cards were tried on this page.")

// pay tries a card. A refusal of the card is a fault of kind Declined; what has
// become of the session otherwise, its intent tells: see look.
func (s *Service) pay(ctx context.Context, c *Session, b buyer) error {
	token, err := s.tokenize(ctx, c, b)
	if err != nil {
		return err
	}
	intent, err := s.intentOf(ctx, c)
	if err != nil {
		return err
	}
	_, err = s.cfg.Payments.ConfirmIntent(ctx, c.Scope(), intent, payment.ConfirmParams{
		PaymentMethodData: &payment.MethodDataParams{Type: "card", Card: payment.MethodCard{Token: token}},
		ReturnURL:         s.address(Path, c.ID),
		Agreed:            c.Total(),
	})
	return err
}

// tokenize keeps who pays, and exchanges the card for a token.
func (s *Service) tokenize(ctx context.Context, c *Session, b buyer) (token string, err error) {
	err = db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		now, err := lockSession(ctx, tx, c.ID)
		switch {
		case err != nil:
			return err
		case now.Status != Open:
			return errEnded
		case now.Attempts >= maxAttempts:
			return errTooMany
		}
		t, err := s.cfg.Tokens.Create(ctx, tx, s.now(c.Livemode), c.Scope(), b.ip, payment.TokenParams{Card: &b.card})
		if err != nil {
			return err
		}
		token = t.ID
		now.BuyerName, now.BuyerEmail, now.Attempts = b.name, b.email, now.Attempts+1
		*c = *now
		return updateSession(ctx, tx, now, "buyer_name", "buyer_email", "attempts")
	})
	return token, err
}

// errEnded says that the session was paid or has expired meanwhile.
var errEnded = fault.Invalidf("checkout_session_ended", "", "This session has ended.")

// intentOf is the session's intent, made now if the buyer pays for the first time.
// It is made under an idempotency key of the session's own: of any number of clicks
// one makes it, and after a crash the next click finds it.
func (s *Service) intentOf(ctx context.Context, c *Session) (string, error) {
	if c.PaymentIntent != "" {
		return c.PaymentIntent, nil
	}
	made, err := s.cfg.Payments.CreateIntent(idempotency.With(ctx, claimOf(ctx, c)), c.Scope(), c.params())
	if err != nil {
		return "", err
	}
	intent, err := intentIn(made)
	if err != nil {
		return "", err
	}
	err = db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		now, err := lockSession(ctx, tx, c.ID)
		switch {
		case err != nil:
			return err
		case now.Status != Open:
			return errEnded
		}
		now.PaymentIntent = intent
		*c = *now
		return updateSession(ctx, tx, now, "payment_intent")
	})
	if errors.Is(err, errEnded) {
		// Nobody will pay it; that it was made is seen in the list of intents.
		_, refused := s.cfg.Payments.CancelIntent(ctx, c.Scope(), intent, payment.CancelParams{CancellationReason: "abandoned"})
		err = errors.Join(err, refused)
	}
	return intent, err
}

// claimOf is the key under which the session's intent is made. No request can name
// it: the keys of requests have no control characters.
func claimOf(ctx context.Context, c *Session) *idempotency.Claim {
	key := "\x00checkout\x00" + c.ID
	return &idempotency.Claim{
		Key: key, Hash: idempotency.HashKey(c.Scope(), key), RequestID: event.OriginOf(ctx).RequestID, Scope: c.Scope(), Object: c.ID,
		Render: func(_ context.Context, _ bun.IDB, object any, failure error) (idempotency.Response, error) {
			body, err := json.Marshal(object)
			if failure != nil {
				err = failure
			}
			return idempotency.Response{Status: 200, Body: body}, err
		},
	}
}

// intentIn is the id of an intent that was made, now or by an earlier click.
func intentIn(made any) (string, error) {
	var response idempotency.Response
	switch made := made.(type) {
	case wire.PaymentIntent:
		return made.ID, nil
	case idempotency.Outcome:
		if err := made.Err(); err != nil {
			return "", err
		}
		response = made.Response
	case idempotency.Response:
		response = made
	}
	var intent wire.PaymentIntent
	if err := json.Unmarshal(response.Body, &intent); err != nil || intent.ID == "" {
		return "", fmt.Errorf("checkout: the answer to an intent's key is none: %w", err)
	}
	return intent.ID, nil
}

// look is the session with its intent, nil if there is none yet, after whatever had
// to be settled: a payer who is back from the bank, an intent that has ended, a
// session whose time is over.
func (s *Service) look(ctx context.Context, sessionID string) (*Session, *payment.Intent, error) {
	c, err := findSession(ctx, s.cfg.Pool.NewSelect(), sessionID)
	if err != nil || c == nil {
		return nil, nil, err
	}
	if c.Status != Open {
		intent, err := s.intent(ctx, s.cfg.Pool, c)
		return c, intent, err
	}
	if c.over(s.now(c.Livemode)) {
		if err := s.cancelIntent(ctx, c); err != nil && !underWay(err) {
			return nil, nil, err
		}
	}
	return s.settle(ctx, c.ID)
}

func (s *Service) intent(ctx context.Context, idb bun.IDB, c *Session) (*payment.Intent, error) {
	if c.PaymentIntent == "" {
		return nil, nil
	}
	return s.cfg.Payments.GetIntent(ctx, idb, c.Scope(), c.PaymentIntent)
}

// back asks how the payer's action at the bank ended, for a payer who came back.
func (s *Service) back(ctx context.Context, c *Session) error {
	intent, err := s.intent(ctx, s.cfg.Pool, c)
	if err != nil || intent == nil || intent.Status != payment.RequiresAction {
		return err
	}
	if _, err = s.cfg.Payments.ResolveAction(ctx, intent.LatestCharge); fault.Is(err, fault.Declined) {
		return nil // the intent tells
	}
	return err
}

// settle ends an open session whose intent has ended, or whose time is over and has
// no intent that may still succeed.
func (s *Service) settle(ctx context.Context, sessionID string) (c *Session, intent *payment.Intent, err error) {
	err = db.InTx(ctx, s.cfg.Pool, func(ctx context.Context, tx bun.Tx) error {
		if c, err = lockSession(ctx, tx, sessionID); err != nil {
			return err
		}
		if intent, err = s.intent(ctx, tx, c); err != nil || c.Status != Open {
			return err
		}
		switch {
		case intent != nil && (intent.Status == payment.Succeeded || intent.Status == payment.RequiresCapture):
			return s.complete(ctx, tx, c, intent)
		case intent != nil && intent.Status == payment.Canceled, intent == nil && c.over(s.now(c.Livemode)):
			return s.end(ctx, tx, c, Expired, "checkout.session.expired")
		}
		return nil
	})
	return c, intent, err
}

func (s *Service) complete(ctx context.Context, tx bun.Tx, c *Session, intent *payment.Intent) error {
	if intent.Status == payment.Succeeded {
		c.PaymentStatus = "paid"
	}
	return s.end(ctx, tx, c, Complete, "checkout.session.completed")
}

func (s *Service) end(ctx context.Context, tx bun.Tx, c *Session, status Status, kind string) error {
	c.Status = status
	c.Version++
	if err := updateSession(ctx, tx, c, "status", "payment_status", "version"); err != nil {
		return err
	}
	object, err := json.Marshal(s.Wire(c))
	if err != nil {
		return err
	}
	origin := event.OriginOf(ctx)
	return s.events.Append(ctx, tx, event.Event{
		ID: id.New("evt"), Type: kind, Account: c.Account, Platform: c.Platform, Livemode: c.Livemode, ObjectID: c.ID, ObjectVersion: c.Version,
		Object: object, RequestID: origin.RequestID, IdempotencyKey: origin.IdempotencyKey, CreatedAt: s.now(c.Livemode),
	})
}
