package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
)

const worldClock = "/v1/test_helpers/world_clock"

func timeCommands() *cobra.Command {
	return group("time", "Move the sandbox's clock: charges, funds, payouts and the bank follow it", timeAdvance(), timeNow())
}

func timeAdvance() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "advance DURATION", Short: "Move the sandbox's clock forward, and do what falls due on the way", Args: cobra.ExactArgs(1),
		Example: "  sluice time advance 2d\n  sluice time advance 36h\n  sluice time advance 1w",
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := ParseDuration(args[0])
			if err != nil {
				return err
			}
			return s.clock(cmd, func(c *client.Client, into *json.RawMessage) error {
				return c.Post(cmd.Context(), worldClock+"/advance", url.Values{"duration": {d.String()}}, into)
			})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func timeNow() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "now", Short: "Show the sandbox's clock", Args: cobra.NoArgs,
		Example: "  sluice time now\n  sluice time now -o json\n  sluice time now --dir ./.sluice",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.clock(cmd, func(c *client.Client, into *json.RawMessage) error {
				return c.Get(cmd.Context(), worldClock, nil, into)
			})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

// clock prints the clock that ask answers with.
func (s *session) clock(cmd *cobra.Command, ask func(*client.Client, *json.RawMessage) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var answer json.RawMessage
	if err := ask(c, &answer); err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var clock struct{ Now int64 }
	if err := json.Unmarshal(answer, &clock); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s UTC\n", when(clock.Now))
	return nil
}

// ParseDuration reads 2d, 1w or anything time.ParseDuration does; it must be more than nothing.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	for unit, hours := range map[string]time.Duration{"d": 24, "w": 7 * 24} {
		number, ok := strings.CutSuffix(s, unit)
		if n, bad := strconv.ParseInt(number, 10, 16); ok && bad == nil {
			d, err = time.Duration(n)*hours*time.Hour, nil
		}
	}
	if err != nil || d <= 0 {
		return 0, Usagef("%q is not a time to move forward by; say 2d, 36h or 1w", s)
	}
	return d, nil
}
