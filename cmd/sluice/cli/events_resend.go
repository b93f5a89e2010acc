package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
)

const (
	// resendPatience is how long a resend waits for the endpoint's answer: a send may
	// take ten seconds, and one may be under way before.
	resendPatience = 25 * time.Second
	resendPoll     = 100 * time.Millisecond
)

// sentAgain is a delivery as far as a resend tells of it.
type sentAgain struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	AttemptCount int    `json:"attempt_count"`
	Attempts     struct {
		Data []struct {
			Number     int     `json:"number"`
			DurationMS int64   `json:"duration_ms"`
			Failure    *string `json:"failure"`
			Response   struct {
				Status *int `json:"status"`
			} `json:"response"`
		} `json:"data"`
	} `json:"attempts"`
}

func eventsResend() *cobra.Command {
	s, endpoint := &session{}, ""
	cmd := &cobra.Command{
		Use: "resend EVENT", Short: "Send an event to a webhook endpoint again, and show what it answers", Args: cobra.ExactArgs(1),
		Example: "  sluice events resend evt_… --endpoint we_…\n  sluice events resend evt_… --endpoint we_… -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if endpoint == "" {
				return Usagef("name the endpoint with --endpoint we_…")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			return s.resend(cmd, c, args[0], endpoint)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "the webhook endpoint, we_…")
	return cmd
}

// resend asks for it and waits for the next try after those that were there before.
func (s *session) resend(cmd *cobra.Command, c *client.Client, event, endpoint string) error {
	ctx := cmd.Context()
	before, _, err := deliveryOf(ctx, c, event, endpoint)
	if err != nil {
		return err
	}
	if err := c.Post(ctx, "/v1/events/"+url.PathEscape(event)+"/retry", url.Values{"webhook_endpoint": {endpoint}}, nil); err != nil {
		return err
	}
	patience := time.NewTimer(resendPatience)
	defer patience.Stop()
	for {
		now, raw, err := deliveryOf(ctx, c, event, endpoint)
		if err != nil {
			return err
		}
		if n := len(now.Attempts.Data); n > 0 && now.Attempts.Data[n-1].Number > before.AttemptCount {
			return s.showResend(cmd, now, raw)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return fmt.Errorf("%s waits for its turn: the endpoint is busy, paused or failing, or earlier events of the object stand before it", now.ID)
		case <-time.After(resendPoll):
		}
	}
}

// deliveryOf is an event's delivery to an endpoint, empty if there is none yet.
func deliveryOf(ctx context.Context, c *client.Client, event, endpoint string) (d sentAgain, raw json.RawMessage, err error) {
	var found struct{ Data []struct{ ID string } }
	err = c.Get(ctx, "/v1/webhook_deliveries", url.Values{"event": {event}, "webhook_endpoint": {endpoint}, "limit": {"1"}}, &found)
	if err != nil || len(found.Data) == 0 {
		return d, nil, err
	}
	if err := c.Get(ctx, "/v1/webhook_deliveries/"+url.PathEscape(found.Data[0].ID), nil, &raw); err != nil {
		return d, nil, err
	}
	return d, raw, json.Unmarshal(raw, &d)
}

func (s *session) showResend(cmd *cobra.Command, d sentAgain, raw json.RawMessage) error {
	last, said := d.Attempts.Data[len(d.Attempts.Data)-1], "no answer"
	var refused error
	if last.Failure != nil {
		refused = coded{errors.New("the endpoint did not take the event"), ExitConflict}
	}
	if s.output == asJSON {
		return errors.Join(printJSON(cmd, raw), refused)
	}
	if last.Response.Status != nil {
		said = fmt.Sprint(*last.Response.Status)
	}
	if last.Failure != nil {
		said += " (" + printable(*last.Failure) + ")"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s in %d ms\n", printable(d.ID), printable(d.Status), said, last.DurationMS)
	return refused
}
