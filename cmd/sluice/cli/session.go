package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
)

// session is what the client commands share: which server, as whom, and how to print.
type session struct {
	dir     string
	account string
	output  string
	more    []string // outputs of this command beside table and json
}

const (
	asTable = "table"
	asJSON  = "json"
)

// bind adds the shared flags to a command.
func (s *session) bind(flags *pflag.FlagSet) {
	s.bindDir(flags)
	flags.StringVar(&s.account, "account", "", "act for this connected account, acct_…")
	flags.StringVarP(&s.output, "output", "o", asTable, strings.Join(s.outputs(), " or "))
}

func (s *session) bindDir(flags *pflag.FlagSet) {
	flags.StringVar(&s.dir, "dir", "", "directory of a running `sluice dev`; default SLUICE_BASE_URL and SLUICE_API_KEY, else the nearest .sluice upwards")
}

func (s *session) outputs() []string { return append([]string{asTable, asJSON}, s.more...) }

func (s *session) check() error {
	if !slices.Contains(s.outputs(), s.output) {
		return Usagef("--output %s: choose %s", s.output, strings.Join(s.outputs(), " or "))
	}
	return nil
}

func unreachablef(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), ExitUnreachable}
}

// ready is the dev.json that --dir names, or the nearest one.
func (s *session) ready() (Ready, error) {
	if s.dir != "" {
		r, err := readReady(s.dir)
		if errors.Is(err, errNotReady) {
			return r, unreachablef("no sluice dev is running in %s", s.dir)
		}
		return r, err
	}
	here, err := os.Getwd()
	if err != nil {
		return Ready{}, err
	}
	r, err := nearestReady(here)
	if errors.Is(err, errNotReady) {
		return r, unreachablef("no server is known here")
	}
	return r, err
}

// client reaches the server: --dir, then the environment, then the nearest dev.json.
func (s *session) client() (*client.Client, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	base, key := os.Getenv("SLUICE_BASE_URL"), os.Getenv("SLUICE_API_KEY")
	switch {
	case s.dir == "" && base != "" && key == "":
		return nil, coded{errors.New("SLUICE_BASE_URL is set, SLUICE_API_KEY is not"), ExitAuth}
	case s.dir != "" || base == "":
		r, err := s.ready()
		if err != nil {
			return nil, err
		}
		base, key = r.BaseURL, r.SecretKey
	}
	c := client.New(base, secret.New(key), 4)
	c.Account = s.account
	return c, nil
}

// databaseURL is where the ledger stands: --dir, then SLUICE_DATABASE_URL, then the nearest dev.json.
func (s *session) databaseURL() (string, error) {
	if given := os.Getenv("SLUICE_DATABASE_URL"); given != "" && s.dir == "" {
		return given, nil
	}
	r, err := s.ready()
	if err != nil {
		return "", fmt.Errorf("%w; set SLUICE_DATABASE_URL", err)
	}
	return r.DatabaseURL, nil
}

// post sends a form and returns the answer as it is.
func (s *session) post(cmd *cobra.Command, path string, params url.Values) (json.RawMessage, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var answer json.RawMessage
	return answer, c.Post(cmd.Context(), path, params, &answer)
}

// delete deletes and returns the answer as it is.
func (s *session) delete(cmd *cobra.Command, path string) (json.RawMessage, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var answer json.RawMessage
	return answer, c.Delete(cmd.Context(), path, &answer)
}

// printJSON prints an answer as it is, indented.
func printJSON(cmd *cobra.Command, answer any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(answer)
}
