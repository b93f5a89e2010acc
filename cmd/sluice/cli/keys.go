package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/wire"
)

const apiKeys = "/v1/api_keys"

func keyRow(k wire.APIKey) []string {
	return []string{k.ID, text(k.Name), k.Type, k.Prefix + "…" + k.Last4, k.Status, when(k.Created)}
}

func keys() *cobra.Command {
	cmd := listing[wire.APIKey]{
		group: "keys", path: apiKeys, short: "List API keys, newest first",
		titles:  []string{"KEY", "NAME", "TYPE", "SHOWN AS", "STATUS", "CREATED (UTC)"},
		row:     keyRow,
		example: "  sluice keys list\n  sluice keys list -o json",
	}.command()
	cmd.AddCommand(keysCreate(), keysRoll(), keysRevoke())
	return cmd
}

func keysCreate() *cobra.Command {
	s, kind, name := &session{}, "", ""
	var scopes, ips []string
	cmd := &cobra.Command{
		Use: "create", Short: "Make an API key; it is shown once", Args: cobra.NoArgs,
		Example: "  sluice keys create --type secret --name backend\n" +
			"  sluice keys create --type restricted --scope charges:read --scope refunds:write --allow-ip 203.0.113.0/24\n  sluice keys create --type publishable",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{"type": {kind}}
			if name != "" {
				params.Set("name", name)
			}
			for _, scope := range scopes {
				params.Add("scopes[]", scope)
			}
			for _, ip := range ips {
				params.Add("allowed_ips[]", ip)
			}
			return s.showKey(cmd, apiKeys, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&kind, "type", "secret", "secret, publishable or restricted")
	cmd.Flags().StringVar(&name, "name", "", "what it is for")
	cmd.Flags().StringSliceVar(&ips, "allow-ip", nil, "only from this IP address or network, such as 203.0.113.0/24")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what a restricted key may do, such as charges:read")
	return cmd
}

func keysRoll() *cobra.Command {
	s, overlap := &session{}, ""
	cmd := &cobra.Command{
		Use: "roll KEY", Short: "Make a successor of a key; the old one keeps working for --overlap", Args: cobra.ExactArgs(1),
		Example: "  sluice keys roll key_… --overlap 1d\n  sluice keys roll key_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{}
			if overlap != "" {
				d, err := ParseDuration(overlap)
				if err != nil {
					return err
				}
				params.Set("expires_in", strconv.FormatInt(int64(d.Seconds()), 10))
			}
			return s.showKey(cmd, apiKeys+"/"+url.PathEscape(args[0])+"/roll", params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&overlap, "overlap", "", "how long both work, at most 7d; default not at all")
	return cmd
}

func keysRevoke() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "revoke KEY", Short: "End a key; all servers refuse it within five seconds", Args: cobra.ExactArgs(1),
		Example: "  sluice keys revoke key_…\n  sluice keys revoke key_… -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.showKey(cmd, apiKeys+"/"+url.PathEscape(args[0])+"/revoke", url.Values{})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

// showKey posts and prints the key in the answer: on stdout the data, and of a
// new key the key itself; that it is shown only now goes to stderr.
func (s *session) showKey(cmd *cobra.Command, path string, params url.Values) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	answer, key, err := postKey(cmd, c, path, params)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	if key.Secret != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s, shown only now:\n", key.ID)
		fmt.Fprintln(cmd.OutOrStdout(), key.Secret)
		return nil
	}
	t := table{titles: []string{"KEY", "NAME", "TYPE", "SHOWN AS", "STATUS", "CREATED (UTC)"}}
	t.add(keyRow(key)...)
	t.write(cmd.OutOrStdout())
	return nil
}

func postKey(cmd *cobra.Command, c *client.Client, path string, params url.Values) (json.RawMessage, wire.APIKey, error) {
	var answer json.RawMessage
	var key wire.APIKey
	if err := c.Post(cmd.Context(), path, params, &answer); err != nil {
		return nil, key, err
	}
	return answer, key, json.Unmarshal(answer, &key)
}
