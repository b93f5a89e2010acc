package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

// listening is what `sluice listen` was asked for.
type listening struct {
	session
	to, toConnect string
	events        []string
	device        string
	since         string
	headers       []string
	skipVerify    bool
	printSecret   bool
}

func listen() *cobra.Command {
	l := &listening{}
	cmd := &cobra.Command{
		Use: "listen", Short: "Bring events to an application on this machine, until Ctrl-C", Args: cobra.NoArgs,
		Long: `Bring events to an application on this machine, as a webhook endpoint would get them:
same body, same signatures, one object's events in order.

A device remembers where it stopped: what happens while nobody listens comes at
the next start, unless it stays away for seven days. An application that is down
is tried again until it is there. What it answers counts as its answer, also 500:
the line shows it and the next event comes.

Events of the platform go to --forward-to, those of its connected accounts to
--forward-connect-to, or to the same URL. Without a URL they are only shown.`,
		Example: "  sluice listen --forward-to localhost:3000/webhooks\n" +
			"  sluice listen --forward-to :3000/own --forward-connect-to :3000/connect --events charge.succeeded,payout.*\n" +
			"  sluice listen --forward-to 3000 --device alice --since 1h\n  sluice listen -o json | jq .event.type\n  sluice listen --print-secret",
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd) },
	}
	flags := cmd.Flags()
	l.bindDir(flags)
	flags.StringVarP(&l.output, "output", "o", asTable, "table or json, a line each")
	flags.StringVarP(&l.to, "forward-to", "f", "", "post events to this URL")
	flags.StringVarP(&l.toConnect, "forward-connect-to", "c", "", "post events of connected accounts to this URL; default --forward-to")
	flags.StringSliceVarP(&l.events, "events", "e", nil, "only these types, such as charge.succeeded or payout.*; default all")
	flags.StringVar(&l.device, "device", "", "name to resume under; default this machine's")
	flags.StringVar(&l.since, "since", "", "begin earlier: after this event, evt_…, or so long ago, 1h; or `now` to skip what waits")
	flags.StringSliceVarP(&l.headers, "headers", "H", nil, "add headers, name:value")
	flags.BoolVar(&l.skipVerify, "skip-verify", false, "accept any certificate of the application")
	flags.BoolVar(&l.printSecret, "print-secret", false, "print the signing secret and end")
	return cmd
}

func (l *listening) run(cmd *cobra.Command) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	defer c.Close()
	params, err := l.params()
	if err != nil {
		return err
	}
	if l.printSecret {
		return printSecret(cmd, c, params)
	}
	view := &listenView{cmd: cmd, json: l.output == asJSON}
	own, connect, err := l.targets(view.tell)
	if err != nil {
		return err
	}
	if own != nil {
		params.Set("forward_to_url", own.shown)
	}
	if connect != nil {
		params.Set("forward_connect_to_url", connect.shown)
	}
	d := &device{
		client: c, params: params, trouble: view.tell,
		ready: func(s wire.CLISession) { view.tell("ready, signing secret " + s.Secret) },
		handle: func(ctx context.Context, p pushed) (answered, bool) {
			return handle(ctx, p, own, connect, view)
		},
	}
	return d.run(cmd.Context())
}

// params are those of the session.
func (l *listening) params() (url.Values, error) {
	device, err := l.name()
	if err != nil {
		return nil, err
	}
	params := url.Values{"device_name": {device}, "websocket_features[]": {"webhooks"}, "enabled_events[]": l.events}
	return params, setSince(params, l.since)
}

func (l *listening) name() (string, error) {
	if l.device != "" {
		return l.device, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", Usagef("this machine has no name: give one with --device")
	}
	return host, nil
}

// setSince says to the session where to begin.
func setSince(params url.Values, since string) error {
	switch {
	case since == "":
	case since == "now" || strings.HasPrefix(since, "evt_"):
		params.Set("since", since)
	default:
		ago, err := ParseDuration(since)
		if err != nil {
			return Usagef("--since %s: name an event, evt_…, a time such as 1h or 2d, or now", since)
		}
		params.Set("since_seconds", strconv.FormatInt(int64(max(ago, time.Second)/time.Second), 10))
	}
	return nil
}

func printSecret(cmd *cobra.Command, c *client.Client, params url.Values) error {
	d := &device{client: c, params: params}
	s, err := d.open(cmd.Context())
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), s.Secret)
	return nil
}

// targets are where events go on to; nil is nowhere.
func (l *listening) targets(tell func(string)) (own, connect *target, err error) {
	header, err := headers(l.headers)
	if err != nil {
		return nil, nil, err
	}
	if l.to != "" {
		if own, err = newTarget("forward-to", l.to, header, l.skipVerify, tell); err != nil {
			return nil, nil, err
		}
	}
	if l.toConnect == "" {
		return own, own, nil
	}
	connect, err = newTarget("forward-connect-to", l.toConnect, header, l.skipVerify, tell)
	return own, connect, err
}

// handle forwards an event to where it belongs and shows what came of it.
func handle(ctx context.Context, p pushed, own, connect *target, view *listenView) (answered, bool) {
	e, err := summarize(p.Payload)
	if err != nil {
		view.tell("an event that is no JSON was skipped")
		return answered{Type: "event_ack"}, true
	}
	to := own
	if e.Account != "" {
		to = connect
	}
	if to == nil {
		view.event(e, p, nil)
		return answered{Type: "event_ack"}, true
	}
	view.arrived(e)
	status, body, took, ok := to.forward(ctx, p)
	if !ok {
		return answered{}, false
	}
	view.event(e, p, &outcome{URL: to.shown, Status: status, TookMS: took.Milliseconds()})
	return answered{Type: "webhook_response", Status: status, Body: body}, true
}

// outcome is what an application made of an event. Status 0: it said nothing in time.
type outcome struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
	TookMS int64  `json:"took_ms"`
}

// listenView prints what passes, a line at a time: events to stdout, the rest to stderr.
type listenView struct {
	cmd  *cobra.Command
	json bool
	mu   sync.Mutex
}

func (v *listenView) tell(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintln(v.cmd.ErrOrStderr(), text)
}

const clockTime = "15:04:05"

// arrived shows an event on its way to an application.
func (v *listenView) arrived(e summary) {
	if v.json {
		return // its line comes with the answer
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(v.cmd.OutOrStdout(), "%s  -->  %-32s  %-32s  %s  %s\n",
		time.Now().Format(clockTime), printable(e.Type), printable(e.Data.Object.ID), printable(e.ID), printable(e.Account))
}

// event shows an event and what came of it; nil is nothing, for there is no application.
func (v *listenView) event(e summary, p pushed, out *outcome) {
	switch {
	case v.json:
		if line, err := compact(struct {
			Event   json.RawMessage `json:"event"`
			Outcome *outcome        `json:"outcome"`
		}{json.RawMessage(p.Payload), out}); err == nil {
			v.line(line)
		}
	case out == nil:
		v.arrived(e)
	default:
		v.line(fmt.Sprintf("%s  <--  %-32s  %-32s  %s", time.Now().Format(clockTime), said(out), printable(e.Data.Object.ID), printable(e.ID)))
	}
}

// compact is JSON on one line, without escapes for HTML.
func compact(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func (v *listenView) line(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintln(v.cmd.OutOrStdout(), text)
}

func said(out *outcome) string {
	if out.Status == 0 {
		return fmt.Sprintf("no answer after %d ms", out.TookMS)
	}
	return fmt.Sprintf("%d in %d ms", out.Status, out.TookMS)
}
