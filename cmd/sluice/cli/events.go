package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

// tailInterval is how often a tail asks for news.
const tailInterval = 500 * time.Millisecond

func eventRow(e wire.Event) []string {
	var object struct{ ID string }
	_ = json.Unmarshal(e.Data.Object, &object) // an object without an id shows as none
	return []string{e.ID, when(e.Created), e.Type, object.ID, e.Account}
}

func events() *cobra.Command {
	cmd := listing[wire.Event]{
		group: "events", path: "/v1/events", short: "List events, newest first",
		titles:  []string{"EVENT", "CREATED (UTC)", "TYPE", "OBJECT", "ACCOUNT"},
		row:     eventRow,
		filters: []string{"type"},
		example: "  sluice events list\n  sluice events list --type charge.succeeded\n  sluice events list --account acct_… -o json",
	}.command()
	cmd.AddCommand(eventsTail(), eventsArchive(), eventsPark())
	return cmd
}

func eventsTail() *cobra.Command {
	s, since := &session{}, ""
	cmd := &cobra.Command{
		Use: "tail", Short: "Print events as they happen, until Ctrl-C", Args: cobra.NoArgs,
		Example: "  sluice events tail\n  sluice events tail -o json | jq .type\n  sluice events tail --since evt_…",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			return tail(cmd, c, s.output, since)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&since, "since", "", "begin after this event; default with the next one")
	return cmd
}

func tail(cmd *cobra.Command, c *client.Client, output, since string) error {
	ctx := cmd.Context()
	if since == "" {
		newest, err := eventPage(ctx, c, url.Values{"limit": {"1"}})
		if err != nil {
			return err
		}
		if len(newest) > 0 {
			since = newest[0].ID
		}
	}
	tick := time.NewTicker(tailInterval)
	defer tick.Stop()
	for {
		news, err := eventsAfter(ctx, c, since)
		if ctx.Err() != nil {
			return nil // Ctrl-C is how a tail ends
		}
		if err != nil {
			return err
		}
		for i := len(news) - 1; i >= 0; i-- { // oldest first
			since = news[i].ID
			if err := printEvent(cmd, output, news[i]); err != nil {
				return err
			}
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type rawEvent struct {
	wire.Event
	raw json.RawMessage
}

func (e *rawEvent) UnmarshalJSON(b []byte) error {
	e.raw = bytes.Clone(b)
	return json.Unmarshal(b, &e.Event)
}

// eventsAfter is the page of events right after one, newest first.
func eventsAfter(ctx context.Context, c *client.Client, id string) ([]rawEvent, error) {
	params := url.Values{"limit": {"100"}}
	if id != "" {
		params.Set("ending_before", id)
	}
	return eventPage(ctx, c, params)
}

func eventPage(ctx context.Context, c *client.Client, params url.Values) ([]rawEvent, error) {
	var page struct{ Data []rawEvent }
	err := c.Get(ctx, "/v1/events", params, &page)
	return page.Data, err
}

func printEvent(cmd *cobra.Command, output string, e rawEvent) error {
	out := cmd.OutOrStdout()
	if output == asJSON {
		var line bytes.Buffer
		if err := json.Compact(&line, e.raw); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, line.String())
		return err
	}
	row := eventRow(e.Event)
	_, err := fmt.Fprintf(out, "%s  %-32s  %-32s  %s\n", row[1], printable(row[2]), printable(row[3]), printable(row[4]))
	return err
}
