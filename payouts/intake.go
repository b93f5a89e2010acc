package payouts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/money"
)

// IntakeConsumer is the intake's name in the inbox.
const IntakeConsumer = "payouts"

// IntakeTypes are the events after which somebody may have money to pay out.
var IntakeTypes = []string{
	"balance.available",
	"transfer.created",  // available at the destination at once
	"transfer.reversed", // available at the platform again
	"payout.canceled",
	"payout.failed",
}

// Intake notes from events who has money coming available.
type Intake struct {
	pool    *bun.DB
	inbox   event.Inbox
	service *Service
}

// NewIntake notes dues for the service.
func NewIntake(pool *bun.DB, s *Service) *Intake { return &Intake{pool: pool, service: s} }

// Handle takes one event, any number of times.
func (i *Intake) Handle(ctx context.Context, m bus.Message) error {
	if !slices.Contains(IntakeTypes, m.Type) {
		return nil
	}
	dues, err := duesOf(m)
	if err != nil {
		return fmt.Errorf("read event %s: %w", m.EventID, err)
	}
	return db.InTx(ctx, i.pool, func(ctx context.Context, tx bun.Tx) error {
		first, err := i.inbox.Once(ctx, tx, IntakeConsumer, m.EventID)
		if err != nil || !first {
			return err
		}
		return i.service.Note(ctx, tx, m.Time, dues...)
	})
}

// duesOf reads who may have money in which currencies now.
func duesOf(m bus.Message) ([]Due, error) {
	var envelope struct {
		Data struct {
			Object struct {
				Available []struct {
					Currency money.Currency `json:"currency"`
				} `json:"available"`
				Currency    money.Currency `json:"currency"`
				Destination string         `json:"destination"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Value, &envelope); err != nil {
		return nil, err
	}
	object := envelope.Data.Object
	due := Due{Platform: m.Platform, Account: m.Key, Livemode: m.Livemode, Currency: object.Currency}
	if m.Type == "transfer.created" {
		due.Account = object.Destination
	}
	if m.Type != "balance.available" {
		return []Due{due}, nil
	}
	var dues []Due
	for _, funds := range object.Available {
		due.Currency = funds.Currency
		dues = append(dues, due)
	}
	return dues, nil
}
