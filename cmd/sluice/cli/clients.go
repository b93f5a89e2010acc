package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const oauthClients = "/v1/oauth_clients"

var clientTitles = []string{"CLIENT", "NAME", "TYPE", "SCOPES", "SECRETS", "REDIRECTS TO", "STATUS"}

func clientRow(c wire.OAuthClient) []string {
	secrets := make([]string, len(c.Secrets))
	for i, s := range c.Secrets {
		secrets[i] = s.Prefix + "…" + s.Last4
	}
	status := "enabled"
	if c.Disabled {
		status = "disabled"
	}
	return []string{
		c.ID, c.Name, c.Type, strings.Join(c.Scopes, " "), strings.Join(secrets, " "), strings.Join(c.RedirectURIs, " "), status,
	}
}

// clients are the applications that may ask people to connect their accounts.
func clients() *cobra.Command {
	cmd := listing[wire.OAuthClient]{
		group: "clients", path: oauthClients, short: "List OAuth clients, newest first", titles: clientTitles, row: clientRow,
		example: "  sluice clients list\n  sluice clients list -o json",
	}.command()
	cmd.AddCommand(
		clientsCreate(),
		clientsPost("disable", "Stop a client: its tokens are refused within five seconds", "/disable"),
		clientsPost("enable", "Let a disabled client work again; its connections were kept", "/enable"),
		clientsPost("add-secret", "Give a client its second secret, shown once; then change over and remove the first", "/secrets"),
		clientsRemoveSecret(),
	)
	return cmd
}

func clientsCreate() *cobra.Command {
	s, name, public, redirects, scopes, par := &session{}, "", false, []string(nil), []string(nil), false
	cmd := &cobra.Command{
		Use: "create", Short: "Make an OAuth client; its secret is shown once", Args: cobra.NoArgs,
		Example: "  sluice clients create --name TutorHub --redirect-uri https://tutorhub.example/connected\n" +
			"  sluice clients create --name 'TutorHub app' --public --redirect-uri hk.tutorhub.app:/connected",
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := url.Values{"name": {name}, "redirect_uris[]": redirects}
			if public {
				params.Set("type", "public")
			}
			if len(scopes) > 0 {
				params["scopes[]"] = scopes
			}
			if par {
				params.Set("require_pushed_authorization_requests", "true")
			}
			return s.showClient(cmd, oauthClients, params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&name, "name", "", "whom people read that they connect to")
	cmd.Flags().StringSliceVar(&redirects, "redirect-uri", nil, "where people return to, compared byte by byte; the first one is the default")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "read_only, read_write; default both")
	cmd.Flags().BoolVar(&public, "public", false, "it cannot keep a secret: an app on people's own devices")
	cmd.Flags().BoolVar(&par, "require-par", false, "take authorization requests only when they were pushed (RFC 9126)")
	return cmd
}

// clientsPost is a command that posts to something below one client.
func clientsPost(use, short, below string) *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: use + " CLIENT", Short: short, Args: cobra.ExactArgs(1), Example: "  sluice clients " + use + " ca_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.showClient(cmd, oauthClients+"/"+url.PathEscape(args[0])+below, url.Values{})
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func clientsRemoveSecret() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "remove-secret CLIENT SECRET", Short: "End one of a client's secrets", Args: cobra.ExactArgs(2),
		Example: "  sluice clients remove-secret ca_… csec_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := s.delete(cmd, oauthClients+"/"+url.PathEscape(args[0])+"/secrets/"+url.PathEscape(args[1]))
			if err != nil {
				return err
			}
			return s.printClient(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func (s *session) showClient(cmd *cobra.Command, path string, params url.Values) error {
	answer, err := s.post(cmd, path, params)
	if err != nil {
		return err
	}
	return s.printClient(cmd, answer)
}

// printClient prints a client, and a new secret by itself on stdout.
func (s *session) printClient(cmd *cobra.Command, answer json.RawMessage) error {
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var client wire.OAuthClient
	if err := json.Unmarshal(answer, &client); err != nil {
		return err
	}
	for _, secret := range client.Secrets {
		if secret.Secret != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s, its secret is shown only now:\n", client.ID)
			fmt.Fprintln(cmd.OutOrStdout(), secret.Secret)
			return nil
		}
	}
	t := table{titles: clientTitles}
	t.add(clientRow(client)...)
	t.write(cmd.OutOrStdout())
	return nil
}
