package payouts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/money"
)

// IntakeConsumer is the intake's consumer group: its name on the bus and in the inbox.
const IntakeConsumer = "sluice.payouts"

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
	service *Service
}

// NewIntake notes dues for the service.
func NewIntake(s *Service) *Intake { return &Intake{service: s} }

// Effect notes the dues of a batch of events, each of which comes once. Events of
// one day are noted together, so that their rows are locked in one order.
func (i *Intake) Effect(ctx context.Context, tx bun.Tx, batch []bus.Message) (committed func(), err error) {
	var dues []Due
	var at time.Time
	for _, m := range batch {
		if !slices.Contains(IntakeTypes, m.Type) {
			continue
		}
		found, err := duesOf(m)
		if err != nil {
			return nil, fmt.Errorf("read event %s: %w", m.EventID, err)
		}
		if !dayOf(m.Time).Equal(dayOf(at)) {
			if err := i.service.Note(ctx, tx, at, dues...); err != nil {
				return nil, err
			}
			dues = nil
		}
		at, dues = m.Time, append(dues, found...)
	}
	return nil, i.service.Note(ctx, tx, at, dues...)
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
