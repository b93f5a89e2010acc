package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
)

// The exit codes of every command.
const (
	ExitOK           = 0
	ExitFailure      = 1
	ExitUsage        = 2
	ExitNotFound     = 3
	ExitAuth         = 4
	ExitConflict     = 5 // conflict or declined
	ExitUnreachable  = 6
	ExitVerification = 7
)

// coded is an error that knows its exit code.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// Usagef is a mistake in the command line.
func Usagef(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), ExitUsage}
}

// Unverified says that something was checked and does not hold.
func Unverified(err error) error { return coded{err, ExitVerification} }

// ExitCode is the code for err.
func ExitCode(err error) int {
	var own coded
	var refused *client.Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &refused):
		return exitOfStatus(refused.Status)
	case errors.Is(err, client.ErrUnreachable):
		return ExitUnreachable
	}
	return ExitFailure
}

func exitOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return ExitUsage
	case http.StatusNotFound:
		return ExitNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return ExitAuth
	case http.StatusPaymentRequired, http.StatusConflict:
		return ExitConflict
	}
	return ExitFailure
}

// Execute runs the command line and returns its exit code. Errors are one
// sentence on errout, with the request id if there is one.
func Execute(ctx context.Context, root *cobra.Command, args []string, out, errout io.Writer) int {
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errout)
	finish(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	code := ExitCode(err)
	fmt.Fprintf(errout, "sluice: %s\n", err)
	var refused *client.Error
	if errors.As(err, &refused) && refused.RequestID != "" {
		fmt.Fprintf(errout, "request %s\n", refused.RequestID)
	}
	if hint := hints[code]; hint != "" {
		fmt.Fprintln(errout, hint)
	}
	if code == ExitUsage && refused == nil {
		fmt.Fprintf(errout, "Try: %s --help\n", cmd.CommandPath())
	}
	return code
}

// hints say what to type next.
var hints = map[int]string{
	ExitUnreachable: "Start it with `sluice dev`, or set SLUICE_BASE_URL and SLUICE_API_KEY.",
	ExitAuth:        "Check SLUICE_API_KEY; `sluice keys list` shows the keys that are good.",
}

// finish gives every command the shared habits: usage errors exit with 2, a
// group asks for one of its commands, and an unknown one suggests the nearest.
func finish(cmd *cobra.Command) {
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SuggestionsMinimumDistance = 3
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usagef("%w", err) })
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = askForCommand
	} else if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return Usagef("%w", err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		finish(sub)
	}
}

func askForCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return Usagef("there is no command %q; did you mean `%s %s`?", args[0], cmd.CommandPath(), near[0])
	}
	return Usagef("there is no command %q", args[0])
}
