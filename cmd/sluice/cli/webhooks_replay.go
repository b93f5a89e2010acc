package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const webhookReplays = "/v1/webhook_replays"

// replayInterval is how often --wait asks how far a replay is.
const replayInterval = 500 * time.Millisecond

var replayTitles = []string{"REPLAY", "ENDPOINT", "STATUS", ">REPLAYED", ">OF", ">%"}

func replayRow(r wire.WebhookReplay) []string {
	return []string{
		text(r.ID), r.WebhookEndpoint, r.Status, strconv.FormatInt(r.Replayed, 10), strconv.FormatInt(r.Total, 10), strconv.FormatInt(r.Percent, 10),
	}
}

func webhooksReplay() *cobra.Command {
	s, span, dry, wait, limit := &session{}, &timespan{}, false, false, 0
	var types, statuses []string
	cmd := &cobra.Command{
		Use: "replay ENDPOINT", Short: "Send again, in order, what an endpoint missed", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks replay we_… --since 3d --dry-run\n  sluice webhooks replay we_… --since 3d --wait\n" +
			"  sluice webhooks replay we_… --status delivered --type 'payout.*' --since 2026-11-24T00:00:00Z --until 2026-11-25T00:00:00Z --rate-limit 20",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{"webhook_endpoint": {args[0]}, "types[]": types, "status[]": statuses}
			if err := span.put(params); err != nil {
				return err
			}
			if dry {
				params.Set("dry_run", "true")
			}
			if limit != 0 {
				params.Set("rate_limit", strconv.Itoa(limit))
			}
			answer, err := s.post(cmd, webhookReplays, params)
			if err != nil {
				return err
			}
			return s.printReplay(cmd, answer, wait && !dry)
		},
	}
	s.bind(cmd.Flags())
	span.bind(cmd)
	cmd.Flags().StringSliceVar(&types, "type", nil, "only these event types, or families such as charge.*")
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "failed, undelivered, delivered; default failed and undelivered")
	cmd.Flags().IntVar(&limit, "rate-limit", 0, "deliveries a second at most")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only count them")
	cmd.Flags().BoolVar(&wait, "wait", false, "show the progress until the end; Ctrl-C stops watching, not the replay")
	return cmd
}

// printReplay prints a replay, after its end if that is to be waited for.
func (s *session) printReplay(cmd *cobra.Command, answer json.RawMessage, wait bool) error {
	var r wire.WebhookReplay
	if err := json.Unmarshal(answer, &r); err != nil {
		return err
	}
	if wait && r.Status == "running" {
		var err error
		if answer, err = s.follow(cmd, *r.ID, &r); err != nil {
			return err
		}
	}
	if s.output == asJSON {
		if err := printJSON(cmd, answer); err != nil {
			return err
		}
	} else {
		t := table{titles: replayTitles}
		t.add(replayRow(r)...)
		t.write(cmd.OutOrStdout())
	}
	if r.Status == "canceled" {
		return coded{errors.New("the replay was canceled"), ExitConflict}
	}
	return nil
}

// follow tells on stderr how far a replay is, until it has ended or Ctrl-C.
func (s *session) follow(cmd *cobra.Command, replayID string, r *wire.WebhookReplay) (answer json.RawMessage, err error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	tick := time.NewTicker(replayInterval)
	defer tick.Stop()
	for told := int64(-1); ; {
		if err := c.Get(cmd.Context(), webhookReplays+"/"+url.PathEscape(replayID), nil, &answer); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(answer, r); err != nil {
			return nil, err
		}
		if r.Replayed != told {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d (%d %%)\n", r.Replayed, r.Total, r.Percent)
			told = r.Replayed
		}
		if r.Status != "running" {
			return answer, nil
		}
		select {
		case <-cmd.Context().Done():
			return nil, cmd.Context().Err()
		case <-tick.C:
		}
	}
}
