package marketplace

import (
	"context"
	"crypto/rand"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// storefront is what the page shows.
type storefront struct {
	Subjects           []ui.Option
	Tutors             []card
	Calls              []call
	Notice             *told
	Price, Fee, Share  money.Amount
	Connect, Lesson    string // where forms go
	Onboarding, Leave  string
	Stylesheet, Client string
}

// told is a notice in the reader's language.
type told struct {
	Kind string
	Text ui.Text
}

// card is one tutor on the page.
type card struct {
	tutor
	standing
	Title  string
	Broken bool   // the API did not answer
	Lesson string // the next lesson's idempotency key
}

// Initials stand in for a portrait.
func (c card) Initials() string { return ui.Brand{Name: c.Title}.Initials() }

// SubjectKey is the subject's catalogue key; "" when none was chosen.
func (c card) SubjectKey() string {
	if c.Subject == "" {
		return ""
	}
	return "shop.subject." + c.Subject
}

func (s *Shop) show(w http.ResponseWriter, r *http.Request, b *business, v *visitor) {
	tutors, calls, news := v.take()
	cards, err := s.cards(r.Context(), b, tutors)
	if err != nil {
		return // the visitor has left
	}
	front := storefront{
		Tutors: cards, Calls: calls, Price: lessonPrice, Fee: lessonFee, Share: lessonShare,
		Connect: connectPath, Lesson: lessonPath, Onboarding: onboardingPath, Leave: disconnectPath,
		Stylesheet: stylePath, Client: b.ClientID,
	}
	if news != nil {
		front.Notice = &told{news.Kind, ui.Text(s.pages.Text(ui.LocaleOf(r), news.Key, news.Args...))}
	}
	for _, subject := range subjects {
		front.Subjects = append(front.Subjects, ui.Option{Value: subject, Key: "shop.subject." + subject})
	}
	s.pages.Render(w, r, "shop", ui.View{
		Title: "shop.title", Brand: b.Brand, Testmode: true, Layout: ui.Account, FormAction: []string{b.BaseURL}, Data: front,
		Form: ui.NewForm(nil),
	})
}

// cards asks the API about all tutors at a time. One that cannot be read does not
// take the page away from the others.
func (s *Shop) cards(ctx context.Context, b *business, tutors []tutor) ([]card, error) {
	cards := make([]card, len(tutors))
	var group errgroup.Group
	group.SetLimit(apiCalls)
	for i, t := range tutors {
		group.Go(func() error {
			now, err := b.standing(ctx, t.Account)
			if err != nil {
				s.log.WarnContext(ctx, "sample marketplace", "account", t.Account, "error", err.Error())
			}
			cards[i] = card{tutor: t, standing: now, Broken: err != nil, Lesson: rand.Text(), Title: firstOf(now.Name, t.Name, t.Account)}
			return nil
		})
	}
	_ = group.Wait() // every card tells its own story
	return cards, ctx.Err()
}

func firstOf(names ...string) string {
	for _, name := range names {
		if name != "" {
			return name
		}
	}
	return ""
}
