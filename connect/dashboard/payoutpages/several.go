package payoutpages

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui"
	"github.com/sluicepay/sluice/platform/wire"
)

// maxSeveral is how many payouts one form may do something to: a page of the list has fewer.
const maxSeveral = 50

// severalActs can be done to several payouts at once.
var severalActs = []string{"hold", "release"}

// chosenPayout is one of those that were ticked.
type chosenPayout struct {
	payout
	Fits   bool
	Failed ui.Text // why it was refused
}

// severalView is what the page of an act on several payouts shows.
type severalView struct {
	Act    act
	Chosen []chosenPayout
	Fits   int
	Sums   []wire.ListTotal // of those that fit
	Cancel string
}

// chosen reads the payouts that were ticked, each as it is now.
func chosen(r *http.Request, v *dashboard.Visit, a act, ids []string) (severalView, error) {
	view := severalView{Act: a, Cancel: v.Path("payouts")}
	sums := map[string]wire.ListTotal{}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for _, id := range ids[:min(len(ids), maxSeveral)] {
		p, d, err := openPayout(r, v, id)
		if err != nil {
			return view, err
		}
		c := chosenPayout{payout: p.Value, Fits: a.fits(p.Value, d)}
		if c.Fits {
			view.Fits++
			sum := sums[c.Currency]
			sums[c.Currency] = wire.ListTotal{Currency: c.Currency, Count: sum.Count + 1, Amount: sum.Amount + c.Amount}
		}
		view.Chosen = append(view.Chosen, c)
	}
	view.Sums = slices.SortedFunc(maps.Values(sums), func(a, b wire.ListTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return view, nil
}

func (s *section) showSeveral(w http.ResponseWriter, r *http.Request, v *dashboard.Visit, view severalView, form *ui.Form, status int) error {
	return s.pages.Render(w, r, v, "several", ui.View{
		Title: "several." + view.Act.name, Back: back(v, "payouts.title", "payouts"), Data: view, Form: form, Status: status,
	})
}

func (s *section) askSeveral(a act) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		view, err := chosen(r, v, a, v.Query["ids[]"])
		if err != nil {
			return err
		}
		return s.showSeveral(w, r, v, view, ui.NewForm(nil), http.StatusOK)
	}
}

// doSeveral does it to each by itself: one that is refused does not keep the others
// back, and sending the form again does nothing twice.
func (s *section) doSeveral(a act) dashboard.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *dashboard.Visit) error {
		form := ui.PostedForm(r)
		view, err := chosen(r, v, a, form.Values("ids[]"))
		if err != nil {
			return err
		}
		if a.reason && form.Value("reason") == "" {
			form.Fail("reason", "act.reason.missing")
			return s.showSeveral(w, r, v, view, form, http.StatusUnprocessableEntity)
		}
		refusals := false
		for i := range view.Chosen {
			c := &view.Chosen[i]
			if !c.Fits {
				continue
			}
			one := ui.NewForm(r.PostForm)
			err := a.do(r.Context(), v, c.payout, one, r.PostForm.Get("idempotency_key")+c.ID)
			if why := refusal(v, err); why != "" {
				c.Failed, refusals = why, true
			} else if err != nil {
				return err
			}
		}
		if refusals {
			form.Fail("", "several.refused")
			return s.showSeveral(w, r, v, view, form, http.StatusUnprocessableEntity)
		}
		return v.Go(w, r, v.Path("payouts"), "several_"+a.name)
	}
}
