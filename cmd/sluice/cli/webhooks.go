package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const webhookEndpoints = "/v1/webhook_endpoints"

var webhookTitles = []string{"ENDPOINT", "URL", "EVENTS", "OF", "STATUS", "HEALTH"}

func webhookRow(e wire.WebhookEndpoint) []string {
	of, status, health := "the account", e.Status, ""
	if e.Connect {
		of = "connected accounts"
	}
	switch {
	case e.Status == "disabled" && e.DisabledReason != nil:
		status += " (" + *e.DisabledReason + ")"
	case e.Paused:
		status = "paused"
	}
	if e.Health != nil {
		health = e.Health.State
	}
	return []string{e.ID, e.URL, strings.Join(e.EnabledEvents, " "), of, status, health}
}

// webhooks are the endpoints of the account, and what was sent to them.
func webhooks() *cobra.Command {
	cmd := listing[wire.WebhookEndpoint]{
		group: "webhooks", path: webhookEndpoints, short: "List webhook endpoints, newest first", titles: webhookTitles, row: webhookRow,
		example: "  sluice webhooks list\n  sluice webhooks list -o json",
	}.command()
	cmd.AddCommand(
		webhooksGet(), webhooksCreate(), webhooksUpdate(), webhooksDelete(), webhooksRollSecret(),
		webhooksSet("pause", "Hold an endpoint's deliveries back, untried", "paused", "true"),
		webhooksSet("resume", "Send a paused endpoint what waits for it, in order", "paused", "false"),
		webhooksTest(), webhooksDeliveries(), webhooksAttempts(), webhooksResend(), webhooksReplay(),
	)
	return cmd
}

func webhooksGet() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "get ENDPOINT", Short: "Show one endpoint", Args: cobra.ExactArgs(1), Example: "  sluice webhooks get we_…\n  sluice webhooks get we_… -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var answer json.RawMessage
			if err := c.Get(cmd.Context(), webhookEndpoints+"/"+url.PathEscape(args[0]), nil, &answer); err != nil {
				return err
			}
			return s.printWebhook(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

// webhookFlags are the parameters that create and update share, by flag.
var webhookFlags = []struct{ flag, param, usage string }{
	{"url", "url", "where the events are posted to"},
	{"description", "description", "what it is for"},
	{"payload", "event_payload", "snapshot (the object as it was) or thin (what happened to which object)"},
	{"ordered", "ordered", "true: one object's events one after the other"},
	{"rate-limit", "rate_limit", "events a second at most; 0 for no limit"},
	{"max-concurrency", "max_concurrency", "requests at a time at most; 0 for the default"},
}

// webhookParams binds the shared flags and returns what reads the ones given.
func webhookParams(cmd *cobra.Command) func() url.Values {
	values := make([]string, len(webhookFlags))
	for i, f := range webhookFlags {
		cmd.Flags().StringVar(&values[i], f.flag, "", f.usage)
	}
	var events, retries []string
	cmd.Flags().StringSliceVar(&events, "event", nil, "event types such as charge.succeeded, families such as charge.*, or *")
	cmd.Flags().StringSliceVar(&retries, "retry", nil, "seconds to wait after each failed try; default 14 tries over four days")
	return func() url.Values {
		params := url.Values{}
		for i, f := range webhookFlags {
			if cmd.Flags().Changed(f.flag) {
				params.Set(f.param, values[i])
			}
		}
		if len(events) > 0 {
			params["enabled_events[]"] = events
		}
		if len(retries) > 0 {
			params["retry_schedule[]"] = retries
		}
		return params
	}
}

func webhooksCreate() *cobra.Command {
	s, connect, version := &session{}, false, ""
	cmd := &cobra.Command{
		Use: "create", Short: "Register an endpoint; its signing secret is shown once", Args: cobra.NoArgs,
		Example: "  sluice webhooks create --url https://tutorhub.example/hooks --event 'charge.*' --event payout.paid\n" +
			"  sluice webhooks create --url https://tutorhub.example/hooks --event '*' --connect --payload thin --ordered true",
	}
	s.bind(cmd.Flags())
	given := webhookParams(cmd)
	cmd.Flags().BoolVar(&connect, "connect", false, "events of connected accounts instead of the account's own")
	cmd.Flags().StringVar(&version, "api-version", "", "API version of the events, such as "+wire.APIVersion)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		params := given()
		if connect {
			params.Set("connect", "true")
		}
		if version != "" {
			params.Set("api_version", version)
		}
		return s.postWebhook(cmd, webhookEndpoints, params)
	}
	return cmd
}

func webhooksUpdate() *cobra.Command {
	s, disabled, leave := &session{}, "", false
	cmd := &cobra.Command{
		Use: "update ENDPOINT", Short: "Change an endpoint; enabling it again sends what it missed", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks update we_… --url https://tutorhub.example/new\n  sluice webhooks update we_… --disabled true\n" +
			"  sluice webhooks update we_… --disabled false --leave-missed",
	}
	s.bind(cmd.Flags())
	given := webhookParams(cmd)
	cmd.Flags().StringVar(&disabled, "disabled", "", "true or false")
	cmd.Flags().BoolVar(&leave, "leave-missed", false, "on enabling: do not send what was missed")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		params := given()
		if disabled != "" {
			params.Set("disabled", disabled)
		}
		if leave {
			params.Set("replay_missed", "false")
		}
		if len(params) == 0 {
			return Usagef("say what to change")
		}
		return s.postWebhook(cmd, webhookEndpoints+"/"+url.PathEscape(args[0]), params)
	}
	return cmd
}

// webhooksSet is a command that sets one parameter of an endpoint.
func webhooksSet(use, short, param, value string) *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: use + " ENDPOINT", Short: short, Args: cobra.ExactArgs(1), Example: "  sluice webhooks " + use + " we_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.postWebhook(cmd, webhookEndpoints+"/"+url.PathEscape(args[0]), url.Values{param: {value}})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func webhooksDelete() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "delete ENDPOINT", Short: "End an endpoint; what was sent to it stays readable for 30 days", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks delete we_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := s.delete(cmd, webhookEndpoints+"/"+url.PathEscape(args[0]))
			if err != nil {
				return err
			}
			if s.output == asJSON {
				return printJSON(cmd, answer)
			}
			fmt.Fprintln(cmd.OutOrStdout(), args[0]+" is deleted")
			return nil
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func webhooksRollSecret() *cobra.Command {
	s, overlap, now := &session{}, "", false
	cmd := &cobra.Command{
		Use: "roll-secret ENDPOINT", Short: "Give an endpoint a new signing secret, shown once; the old one signs along for --overlap", Args: cobra.ExactArgs(1),
		Example: "  sluice webhooks roll-secret we_…\n  sluice webhooks roll-secret we_… --overlap 3d\n  sluice webhooks roll-secret we_… --now",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{}
			switch {
			case now && overlap != "":
				return Usagef("choose --overlap or --now")
			case now:
				params.Set("overlap_seconds", "0")
			case overlap != "":
				d, err := ParseDuration(overlap)
				if err != nil {
					return err
				}
				params.Set("overlap_seconds", strconv.FormatInt(int64(d.Seconds()), 10))
			}
			return s.postWebhook(cmd, webhookEndpoints+"/"+url.PathEscape(args[0])+"/roll_secret", params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&overlap, "overlap", "", "how long both sign, at most 7d; default 1d")
	cmd.Flags().BoolVar(&now, "now", false, "the old secret is known to others: it ends at once")
	return cmd
}

func (s *session) postWebhook(cmd *cobra.Command, path string, params url.Values) error {
	answer, err := s.post(cmd, path, params)
	if err != nil {
		return err
	}
	return s.printWebhook(cmd, answer)
}

// printWebhook prints an endpoint, and a new secret by itself on stdout.
func (s *session) printWebhook(cmd *cobra.Command, answer json.RawMessage) error {
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var e wire.WebhookEndpoint
	if err := json.Unmarshal(answer, &e); err != nil {
		return err
	}
	if e.Secret != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s, its signing secret is shown only now:\n", e.ID)
		fmt.Fprintln(cmd.OutOrStdout(), e.Secret)
		return nil
	}
	t := table{titles: webhookTitles}
	t.add(webhookRow(e)...)
	t.write(cmd.OutOrStdout())
	return nil
}
