package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/secret"
)

func bootstrapCommand() *cobra.Command {
	p, live := connect.PlatformParams{}, false
	cmd := &cobra.Command{
		Use: "bootstrap", Short: "Create a platform account and its first keys, shown once", Args: cobra.NoArgs,
		Long: "The first step on a fresh production database, after `sluice migrate`: an API needs a key, and keys are made through the API.\n" +
			"Prints the account and one secret and one publishable key; make further ones with `sluice keys create`.",
		Example: "  sluice bootstrap --name 'TutorHub HK' --country HK --email ops@tutorhub.example\n" +
			"  sluice bootstrap --name 'TutorHub HK' --country HK --live > keys.txt",
		RunE: onDatabase(func(cmd *cobra.Command, cfg Config, pool *bun.DB) error {
			if p.Name == "" || p.Country == "" {
				return cli.Usagef("bootstrap needs --name and --country")
			}
			made, err := bootstrap(cmd.Context(), cfg, pool, p, live)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "account      %s\nsecret       %s\npublishable  %s\n",
				made.Account, made.Secret.Reveal(), made.Publishable.Reveal())
			fmt.Fprintln(cmd.ErrOrStderr(), "The keys are shown only now; put them where your secrets are kept.")
			return nil
		}),
	}
	bindSettings(cmd.Flags())
	cmd.Flags().StringVar(&p.Name, "name", "", "name of the marketplace")
	cmd.Flags().StringVar(&p.Country, "country", "", "its country, such as HK")
	cmd.Flags().StringVar(&p.DefaultCurrency, "currency", "", "its default currency; default the country's")
	cmd.Flags().StringVar(&p.Email, "email", "", "where to reach it")
	cmd.Flags().BoolVar(&live, "live", false, "make live keys instead of test keys")
	return cmd
}

// platformKeys is a platform account with its first keys in plain.
type platformKeys struct {
	Account             string
	Secret, Publishable secret.Text
}

// bootstrap makes a platform account and one key of each kind, all or nothing.
func bootstrap(ctx context.Context, cfg Config, pool *bun.DB, p connect.PlatformParams, live bool) (platformKeys, error) {
	accounts, keys, err := bootstrapRooms(cfg, pool)
	if err != nil {
		return platformKeys{}, err
	}
	var made platformKeys
	err = db.InTx(ctx, pool, func(ctx context.Context, tx bun.Tx) error {
		now := clock.System{}.Now()
		account, err := accounts.CreatePlatform(ctx, tx, now, p)
		if err != nil {
			return err
		}
		made = platformKeys{Account: account.ID}
		owner := credential.Owner{Account: account.ID, Livemode: live}
		if _, made.Secret, err = keys.Create(ctx, tx, now, owner, credential.NewKey{Kind: credential.Secret, Name: "first"}); err != nil {
			return err
		}
		_, made.Publishable, err = keys.Create(ctx, tx, now, owner, credential.NewKey{Kind: credential.Publishable, Name: "first"})
		return err
	})
	if err != nil {
		return platformKeys{}, fmt.Errorf("create the platform account: %w", err)
	}
	return made, nil
}

// bootstrapRooms are the two rooms that make accounts and keys, on real time.
func bootstrapRooms(cfg Config, pool *bun.DB) (*connect.Accounts, *credential.Service, error) {
	ring, err := cfg.Keyring()
	if err != nil {
		return nil, nil, cli.Usagef("%w", err)
	}
	fingerprints, err := cfg.Pepper("fingerprints")
	if err != nil {
		return nil, nil, cli.Usagef("%w", err)
	}
	auth, err := authenticator(cfg, pool)
	if err != nil {
		return nil, nil, err
	}
	accounts := connect.NewAccounts(pool, connect.Config{
		Clocks: clock.Modes{Live: clock.System{}, Test: clock.System{}}, Log: event.Log{}, Keyring: ring, Pepper: fingerprints,
	})
	return accounts, credential.NewService(auth, resources...), nil
}

func authenticator(cfg Config, pool *bun.DB) (*credential.Authenticator, error) {
	pepper, err := cfg.Pepper("api_keys")
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	return credential.NewAuthenticator(pool, pepper, clock.System{}), nil
}
