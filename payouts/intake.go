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

	// What is due may be paid at another time now, or at all.
	"account.updated",
	"account.external_account.created",
	"account.external_account.updated",
	"payout_hold.released",
}

// changes are the types that bring no money: they have what is due looked at anew.
var changes = []string{"account.updated", "account.external_account.created", "account.external_account.updated", "payout_hold.released"}

// Intake notes from events who has money coming available.
type Intake struct {
	service *Service
}

// NewIntake notes dues for the service.
func NewIntake(s *Service) *Intake { return &Intake{service: s} }

// Effect notes the dues of a batch of events, each of which comes once. Events of
// one day are noted together, so that their rows are locked in one order.
func (i *Intake) Effect(ctx context.Context, tx bun.Tx, batch []bus.Message) (committed func(), err error) {
	var n notes
	for _, m := range batch {
		if !slices.Contains(IntakeTypes, m.Type) {
			continue
		}
		if !dayOf(m.Time).Equal(dayOf(n.at)) {
			if err := i.take(ctx, tx, n); err != nil {
				return nil, err
			}
			n = notes{}
		}
		n.at = m.Time
		if err := n.add(m); err != nil {
			return nil, fmt.Errorf("read event %s: %w", m.EventID, err)
		}
	}
	return nil, i.take(ctx, tx, n)
}

// notes are what events of one day have told.
type notes struct {
	at      time.Time
	dues    []Due
	changed [2][]string // accounts, by mode
}

func (n *notes) add(m bus.Message) error {
	if !slices.Contains(changes, m.Type) {
		found, err := duesOf(m)
		n.dues = append(n.dues, found...)
		return err
	}
	account := m.Key
	if m.Type == "payout_hold.released" { // the event is the platform's, the hold is on another account
		var envelope struct {
			Data struct {
				Object struct {
					Account string `json:"account"`
				} `json:"object"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m.Value, &envelope); err != nil {
			return err
		}
		account = envelope.Data.Object.Account
	}
	n.changed[modeOf(m.Livemode)] = append(n.changed[modeOf(m.Livemode)], account)
	return nil
}

func modeOf(livemode bool) int {
	if livemode {
		return 1
	}
	return 0
}

func (i *Intake) take(ctx context.Context, tx bun.Tx, n notes) error {
	if err := i.service.Note(ctx, tx, n.at, n.dues...); err != nil {
		return err
	}
	for mode, accounts := range n.changed {
		if err := i.service.Reconsider(ctx, tx, n.at, mode == 1, accounts...); err != nil {
			return err
		}
	}
	return nil
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
