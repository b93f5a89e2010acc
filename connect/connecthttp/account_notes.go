package connecthttp

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// AccountDeskRoutes are what a platform's people do about their accounts, beside Stripe's
// API: notes, reminders of what is due, and what came in for each.
func AccountDeskRoutes(s *rest.Server, accounts *connect.Accounts, links *onboarding.Links, post onboarding.Post) []rest.Route {
	d := accountDeskDoor{accounts, links, post}
	const notes, reminders, volumes = "/v1/account_notes", "/v1/account_reminders", "/v1/account_volumes"
	return []rest.Route{
		{Method: http.MethodPost, Path: notes, Resource: "account_notes", Handler: s.Write(d.addNote), Returns: wire.AccountNote{}},
		{Method: http.MethodGet, Path: notes, Resource: "account_notes", Handler: s.Read(d.notes), Returns: wire.List[wire.AccountNote]{}},
		{Method: http.MethodDelete, Path: notes + "/{id}", Resource: "account_notes", Handler: s.Write(d.removeNote), Returns: wire.Deleted{}},
		{Method: http.MethodPost, Path: reminders, Resource: "accounts", Handler: s.Steps(d.remind), Returns: wire.AccountReminder{}},
		{Method: http.MethodGet, Path: volumes, Resource: "balance", Handler: s.Read(d.volumes), Returns: wire.List[wire.AccountVolume]{}},
	}
}

type accountDeskDoor struct {
	accounts *connect.Accounts
	links    *onboarding.Links
	post     onboarding.Post
}

func (d accountDeskDoor) addNote(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	var p struct {
		Account string `form:"account,required"`
		Text    string `form:"text,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	note, err := d.accounts.AddNote(ctx, tx, d.accounts.Clock(r.Scope.Livemode).Now(), r.Scope, p.Account, r.Principal.KeyID, p.Text)
	if err != nil {
		return nil, err
	}
	return note.Wire(), nil
}

func (d accountDeskDoor) notes(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		page.Params
		Account string `form:"account,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.accounts.Notes(ctx, d.accounts.Pool(), r.Scope, p.Account, p.Params)
	if err != nil {
		return nil, err
	}
	return page.List(found, "/v1/account_notes", connect.Note.Wire), nil
}

func (d accountDeskDoor) removeNote(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := d.accounts.RemoveNote(ctx, tx, r.Scope, r.Path("id")); err != nil {
		return nil, err
	}
	return wire.Deleted{ID: r.Path("id"), Object: "account_note", Deleted: true}, nil
}

func (d accountDeskDoor) remind(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Accounts []string `form:"accounts,required"`
		DryRun   bool     `form:"dry_run"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	done, err := d.links.Remind(ctx, r.Scope, p.Accounts, d.post, p.DryRun)
	if err != nil {
		return nil, err
	}
	out := wire.AccountReminder{Object: "account_reminder", DryRun: p.DryRun, Livemode: r.Scope.Livemode, Sent: []string{}, Skipped: []wire.AccountNotReminded{}}
	out.Sent = append(out.Sent, done.Sent...)
	for _, account := range slices.Sorted(maps.Keys(done.Skipped)) {
		out.Skipped = append(out.Skipped, wire.AccountNotReminded{Account: account, Reason: done.Skipped[account]})
	}
	return out, nil
}

func (d accountDeskDoor) volumes(ctx context.Context, r *rest.Request) (any, error) {
	var p struct {
		Accounts []string `form:"accounts,required"`
	}
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	found, err := d.accounts.Volumes(ctx, d.accounts.Pool(), d.accounts.Clock(r.Scope.Livemode).Now(), r.Scope, p.Accounts)
	if err != nil {
		return nil, err
	}
	return wire.ListOf("/v1/account_volumes", false, found), nil
}
