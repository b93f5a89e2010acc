package cli

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const webhookDeliveries = "/v1/webhook_deliveries"

var deliveryTitles = []string{"DELIVERY", "CREATED (UTC)", "TYPE", "OBJECT", "STATUS", ">TRIES", "NEXT TRY (UTC)"}

func deliveryRow(d wire.WebhookDelivery) []string {
	next := ""
	if d.NextAttempt != nil {
		next = when(*d.NextAttempt)
	}
	return []string{d.ID, when(d.Created), d.EventType, text(d.RelatedObject), d.Status, strconv.Itoa(d.AttemptCount), next}
}

func attemptRow(a wire.WebhookAttempt) []string {
	said := text(a.Failure)
	if a.Response.Status != nil {
		said = strconv.Itoa(*a.Response.Status)
	}
	return []string{a.ID, when(a.Created), a.EventType, strconv.Itoa(a.Number), said, strconv.FormatInt(a.DurationMS, 10), text(a.RemoteIP), a.WebhookDelivery}
}

func webhooksDeliveries() *cobra.Command {
	return sent[wire.WebhookDelivery]{
		of: listing[wire.WebhookDelivery]{
			path: webhookDeliveries, short: "List what was sent or is to be sent, newest first", titles: deliveryTitles, row: deliveryRow,
			filters: []string{"status", "type", "event", "object"},
			example: "  sluice webhooks deliveries we_…\n  sluice webhooks deliveries --status undelivered --since 3d\n  sluice webhooks deliveries --type 'payout.*' -o json",
		}, use: "deliveries",
	}.command()
}

func webhooksAttempts() *cobra.Command {
	return sent[wire.WebhookAttempt]{
		of: listing[wire.WebhookAttempt]{
			path: "/v1/webhook_attempts", short: "List tries, newest first",
			titles: []string{"ATTEMPT", "AT (UTC)", "TYPE", ">TRY", "ANSWER", ">MS", "ADDRESS", "DELIVERY"}, row: attemptRow,
			filters: []string{"failure", "status"},
			example: "  sluice webhooks attempts we_…\n  sluice webhooks attempts --failure timeout --since 1h\n  sluice get /v1/webhook_deliveries/whd_…",
		}, use: "attempts",
	}.command()
}

// sent is a listing of one endpoint's or all endpoints' past.
type sent[T any] struct {
	of  listing[T]
	use string
}

func (l sent[T]) command() *cobra.Command {
	s, limit, filters, span := &session{}, 20, make([]string, len(l.of.filters)), &timespan{}
	cmd := &cobra.Command{
		Use: l.use + " [ENDPOINT]", Short: l.of.short, Args: cobra.MaximumNArgs(1), Example: l.of.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{"limit": {strconv.Itoa(limit)}}
			for i, name := range l.of.filters {
				if filters[i] != "" {
					params.Set(name, filters[i])
				}
			}
			if len(args) == 1 {
				params.Set("webhook_endpoint", args[0])
			}
			if err := span.put(params); err != nil {
				return err
			}
			return l.of.run(cmd, s, params)
		},
	}
	s.bind(cmd.Flags())
	span.bind(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many, 1 to 100")
	for i, name := range l.of.filters {
		cmd.Flags().StringVar(&filters[i], name, "", "only with this "+name)
	}
	return cmd
}

// timespan is --since and --until: how long ago, or when.
type timespan struct{ since, until string }

func (t *timespan) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.since, "since", "", "not before: 3d (ago), 2026-11-25T12:00:00Z, or unix seconds")
	cmd.Flags().StringVar(&t.until, "until", "", "not after, in the same forms")
}

func (t *timespan) put(params url.Values) error {
	for _, end := range []struct{ given, param string }{{t.since, "created[gte]"}, {t.until, "created[lte]"}} {
		if end.given == "" {
			continue
		}
		at, err := parseTime(end.given)
		if err != nil {
			return err
		}
		params.Set(end.param, strconv.FormatInt(at, 10))
	}
	return nil
}

// parseTime reads unix seconds, RFC 3339, or a duration back from now.
func parseTime(given string) (unix int64, err error) {
	if unix, err := strconv.ParseInt(given, 10, 64); err == nil {
		return unix, nil
	}
	if at, err := time.Parse(time.RFC3339, given); err == nil {
		return at.Unix(), nil
	}
	ago, err := ParseDuration(given)
	if err != nil {
		return 0, Usagef("%q is not a time; say 3d (ago), 2026-11-25T12:00:00Z, or unix seconds", given)
	}
	return time.Now().Add(-ago).Unix(), nil
}

func webhooksTest() *cobra.Command {
	s, kind := &session{}, ""
	cmd := &cobra.Command{
		Use: "test ENDPOINT", Short: "Send an example of an event to an endpoint", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks test we_…\n  sluice webhooks test we_… --type payout.paid",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{}
			if kind != "" {
				params.Set("type", kind)
			}
			return s.postDelivery(cmd, webhookEndpoints+"/"+url.PathEscape(args[0])+"/test", params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&kind, "type", "", "event type; default the first one that the endpoint names")
	return cmd
}

func webhooksResend() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "resend DELIVERY", Short: "Send a delivery again, whatever came of it", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks resend whd_…\n  sluice webhooks resend whd_… -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.postDelivery(cmd, webhookDeliveries+"/"+url.PathEscape(args[0])+"/resend", url.Values{})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func (s *session) postDelivery(cmd *cobra.Command, path string, params url.Values) error {
	answer, err := s.post(cmd, path, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var d wire.WebhookDelivery
	if err := json.Unmarshal(answer, &d); err != nil {
		return err
	}
	t := table{titles: deliveryTitles}
	t.add(deliveryRow(d)...)
	t.write(cmd.OutOrStdout())
	return nil
}
