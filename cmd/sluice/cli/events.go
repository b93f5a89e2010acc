package cli

import (
	"bytes"
	"cmp"
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
	cmd.AddCommand(eventsTail(), eventsResend(), eventsArchive(), eventsPark())
	return cmd
}

// tailing is what `sluice events tail` was asked for.
type tailing struct {
	session
	since     string
	types     []string
	connected bool
}

func eventsTail() *cobra.Command {
	t := &tailing{}
	cmd := &cobra.Command{
		Use: "tail", Short: "Print events as they happen, until Ctrl-C", Args: cobra.NoArgs,
		Example: "  sluice events tail\n  sluice events tail --type charge.succeeded,payout.*\n  sluice events tail --connected -o json | jq .type\n  sluice events tail --since evt_…",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			defer c.Close()
			if t.connected {
				return t.listen(cmd, c)
			}
			return t.follow(cmd, c)
		},
	}
	t.bind(cmd.Flags())
	cmd.Flags().StringVar(&t.since, "since", "", "begin after this event; default with the next one")
	cmd.Flags().StringSliceVar(&t.types, "type", nil, "only these types, such as charge.succeeded or payout.*")
	cmd.Flags().BoolVar(&t.connected, "connected", false, "events of all connected accounts too")
	return cmd
}

// follow asks for news again and again. A server that is away for a while is waited
// for: the next answer goes on where the last one ended.
func (t *tailing) follow(cmd *cobra.Command, c *client.Client) error {
	ctx, since := cmd.Context(), t.since
	if since == "" {
		newest, err := eventPage(ctx, c, url.Values{"limit": {"1"}})
		if err != nil {
			return err
		}
		if len(newest) > 0 {
			since = newest[0].ID
		}
	}
	for pause, away := tailInterval, false; ; {
		news, err := t.after(ctx, c, since)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how a tail ends
		case err != nil && final(err):
			return err
		case err != nil && !away:
			fmt.Fprintf(cmd.ErrOrStderr(), "%v, trying again\n", err)
			fallthrough
		case err != nil:
			pause, away = min(2*pause, longestPause), true
		default:
			pause, away = tailInterval, false
		}
		for i := len(news) - 1; i >= 0; i-- { // oldest first
			since = news[i].ID
			if err := printEvent(cmd, t.output, news[i]); err != nil {
				return err
			}
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// after is the page of events right after one, newest first.
func (t *tailing) after(ctx context.Context, c *client.Client, id string) ([]rawEvent, error) {
	params := url.Values{"limit": {"100"}, "types[]": t.types}
	if id != "" {
		params.Set("ending_before", id)
	}
	return eventPage(ctx, c, params)
}

// listen takes the events from a socket, which those of connected accounts come
// through too. It has a device of its own, so that it takes nothing from `sluice listen`.
func (t *tailing) listen(cmd *cobra.Command, c *client.Client) error {
	if t.account != "" {
		return Usagef("choose --account or --connected")
	}
	l := listening{session: t.session, events: t.types, since: cmp.Or(t.since, "now")}
	host, err := l.name()
	if err != nil {
		return err
	}
	l.device = host + " (tail)"
	params, err := l.params()
	if err != nil {
		return err
	}
	view := &listenView{cmd: cmd}
	d := &device{
		client: c, params: params, trouble: view.tell, ready: func(wire.CLISession) {},
		handle: func(_ context.Context, p pushed) (answered, bool) {
			var e rawEvent
			if err := json.Unmarshal([]byte(p.Payload), &e); err != nil {
				view.tell("an event that is no JSON was skipped")
				return answered{Type: "event_ack"}, true
			}
			view.mu.Lock()
			defer view.mu.Unlock()
			return answered{Type: "event_ack"}, printEvent(cmd, t.output, e) == nil
		},
	}
	return d.run(cmd.Context())
}

type rawEvent struct {
	wire.Event
	raw json.RawMessage
}

func (e *rawEvent) UnmarshalJSON(b []byte) error {
	e.raw = bytes.Clone(b)
	return json.Unmarshal(b, &e.Event)
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
