package cli

import "github.com/spf13/cobra"

// Commands are the client commands: everything that needs a running server, or its database.
func Commands() []*cobra.Command {
	return []*cobra.Command{
		accounts(), auditCommands(), balance(), charges(), clients(), events(), get(), keys(), ledgerCommands(), listen(), payouts(), timeCommands(), trigger(), webhooks(),
	}
}
