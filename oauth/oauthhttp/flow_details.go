package oauthhttp

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/oauth/session"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/ui"
)

// openDetails lets a member go on with the account: to what it still has to tell,
// or to what it has told. An account that controls itself has no other way there,
// since its platform gets no links to it. It is a POST, because the link that it
// makes opens once.
func (f *Flow) openDetails(w http.ResponseWriter, r *http.Request) {
	_, a, ok := f.admitted(w, r)
	if !ok {
		return
	}
	if !a.Role.May(session.EditAccount) {
		f.pages.ErrorPage(w, r, http.StatusForbidden, "ui.error.forbidden", accountsPath, ui.View{Testmode: !a.Livemode})
		return
	}
	var address string
	err := db.InTx(r.Context(), f.Pool, func(ctx context.Context, tx bun.Tx) (err error) {
		address, err = f.Details.Details(ctx, tx, a.ID, a.Livemode, f.Provider.Issuer()+accountsPath)
		return err
	})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	redirect(w, r, address)
}

// leadToAccounts is for a browser that comes back to the address of the form, from
// signing in again or by its history.
func (f *Flow) leadToAccounts(w http.ResponseWriter, r *http.Request) { redirect(w, r, accountsPath) }
