package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sluicepay/sluice/platform/client"
)

// seedWorkers is how many requests of the seed are under way at a time: enough
// for the server to commit them in batches.
const seedWorkers = 48

// seedNumber makes every marketplace the same one, whatever the ids.
const seedNumber = 852

// terms are the stretches of the marketplace's past: so many lessons are paid,
// then so much time goes by. The last ones are of today and still pending.
var terms = []struct {
	lessons int
	passes  string
}{{60, "3d"}, {70, "2d"}, {70, "1d"}, {24, ""}}

// tally counts what the seed did.
type tally struct{ paid, declined, refunded atomic.Int64 }

// plant fills an empty marketplace through its API and says what is there now.
//
// Every request has an idempotency key of its own that depends on nothing but
// its place, so a seed that was interrupted can be sown again: what is there
// already answers, what is missing is made.
func plant(ctx context.Context, c *client.Client, progress func(done, all int)) (string, error) {
	ids, err := plantTutors(ctx, c)
	if err != nil {
		return "", err
	}
	chance := rand.New(rand.NewPCG(seedNumber, seedNumber))
	var count tally
	all, done := 0, atomic.Int64{}
	for _, term := range terms {
		all += term.lessons
	}
	for t, term := range terms {
		lessons := make([]lesson, term.lessons) // drawn in order: chance falls the same way every time
		for i := range lessons {
			lessons[i] = newLesson(chance, ids, fmt.Sprintf("seed-lesson-%d-%d", t, i))
		}
		if err := plantTerm(ctx, c, lessons, &count, func() { progress(int(done.Add(1)), all) }); err != nil {
			return "", err
		}
		if term.passes == "" {
			continue
		}
		if err := c.Post(ctx, "/v1/test_helpers/world_clock/advance", url.Values{"duration": {term.passes}}, nil); err != nil {
			return "", err
		}
	}
	paid, failed, err := countPayouts(ctx, c, ids)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("TutorHub HK: %d tutors, %d lessons, %d refunds, %d declines, %d payouts, %d failed",
		len(ids), count.paid.Load(), count.refunded.Load(), count.declined.Load(), paid, failed), nil
}

// plantTerm pays the lessons of a term, many at a time.
func plantTerm(ctx context.Context, c *client.Client, lessons []lesson, count *tally, step func()) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(seedWorkers)
	for _, l := range lessons {
		group.Go(func() error {
			defer step()
			return l.plant(ctx, c, count)
		})
	}
	return group.Wait()
}

// plantTutors makes them one after the other, so that lists show them in the order of their table.
func plantTutors(ctx context.Context, c *client.Client) ([]string, error) {
	ids := make([]string, len(tutors))
	for i, t := range tutors {
		var made struct{ ID string }
		if err := c.PostOnce(ctx, "/v1/accounts", t.params(), fmt.Sprintf("seed-tutor-%d", i), &made); err != nil {
			return nil, err
		}
		ids[i] = made.ID
	}
	return ids, nil
}

func (t tutor) params() url.Values {
	p := url.Values{
		"type": {"custom"}, "country": {"HK"}, "email": {t.email()}, "business_type": {"individual"},
		"business_profile[name]":                {t.english + " " + t.chinese},
		"business_profile[mcc]":                 {"8299"}, // schools and educational services
		"business_profile[product_description]": {t.subject + ", one to one"},
		"capabilities[transfers][requested]":    {"true"},
		"individual[first_name]":                {t.given}, "individual[last_name]": {t.family}, "individual[email]": {t.email()},
		"individual[dob][day]": {"12"}, "individual[dob][month]": {"5"}, "individual[dob][year]": {strconv.Itoa(t.born)},
		"tos_acceptance[date]": {"1790000000"}, "tos_acceptance[ip]": {"203.0.113.7"},
		"external_account[object]": {"bank_account"}, "external_account[country]": {"HK"}, "external_account[currency]": {"hkd"},
		"external_account[account_holder_name]": {t.english}, "external_account[account_holder_type]": {"individual"},
		"external_account[routing_number]": {"110000"}, "external_account[account_number]": {t.account},
		"metadata[subject]": {t.subject},
	}
	return p
}

// lesson is who teaches whom, for how much, and how it ended.
type lesson struct {
	key           string
	params        url.Values
	refund        int64 // of the amount; 0 = none
	split         bool  // paid by splits[]: no application fee to return
	amount        int64
	expectDecline bool
}

// newLesson draws the next lesson.
func newLesson(chance *rand.Rand, ids []string, key string) lesson {
	who := chance.IntN(len(tutors))
	teacher, student := tutors[who], students[chance.IntN(len(students))]
	length := lengths[chance.IntN(len(lengths))]
	p := lesson{key: key, amount: teacher.hourly * length / 60}
	p.params = url.Values{
		"amount": {strconv.FormatInt(p.amount, 10)}, "currency": {"hkd"}, "confirm": {"true"},
		"payment_method": {goodCards[chance.IntN(len(goodCards))]},
		"description":    {fmt.Sprintf("%s with %s, %d min", teacher.subject, teacher.english, length)},
		"receipt_email":  {student.email}, "metadata[student]": {student.name}, "metadata[minutes]": {strconv.FormatInt(length, 10)},
	}
	switch dice := chance.IntN(100); {
	case dice < 12: // an assistant tutor takes part: 70 % and 15 %, the rest stays with TutorHub
		p.split = true
		assistant := (who + 1 + chance.IntN(len(tutors)-1)) % len(tutors)
		p.params.Set("splits[0][destination]", ids[who])
		p.params.Set("splits[0][percent]", "70")
		p.params.Set("splits[1][destination]", ids[assistant])
		p.params.Set("splits[1][percent]", "15")
	case dice < 18:
		p.params.Set("payment_method", badCards[chance.IntN(len(badCards))])
		p.expectDecline = true
		fallthrough
	default:
		p.params.Set("application_fee_amount", strconv.FormatInt(p.amount*15/100, 10))
		p.params.Set("transfer_data[destination]", ids[who])
	}
	if chance.IntN(100) < 9 && !p.expectDecline {
		p.refund = p.amount / []int64{1, 2, 4}[chance.IntN(3)] // the whole lesson, half of it, a quarter
	}
	return p
}

func (p lesson) plant(ctx context.Context, c *client.Client, count *tally) error {
	var intent struct {
		Status       string
		LatestCharge string `json:"latest_charge"`
	}
	err := c.PostOnce(ctx, "/v1/payment_intents", p.params, p.key, &intent)
	var refused *client.Error
	switch {
	case p.expectDecline && errors.As(err, &refused) && refused.Status == http.StatusPaymentRequired:
		count.declined.Add(1)
		return nil
	case err != nil:
		return err
	}
	count.paid.Add(1)
	if p.refund == 0 {
		return nil
	}
	count.refunded.Add(1)
	back := url.Values{
		"charge": {intent.LatestCharge}, "amount": {strconv.FormatInt(p.refund, 10)}, "reason": {"requested_by_customer"},
		"reverse_transfer": {"true"},
	}
	if !p.split {
		back.Set("refund_application_fee", "true")
	}
	return c.PostOnce(ctx, "/v1/refunds", back, p.key+"-refund", nil)
}

// countPayouts asks every tutor's account; the hundred newest are more than the seed makes.
func countPayouts(ctx context.Context, c *client.Client, ids []string) (paid, failed int, err error) {
	for _, id := range ids {
		tutor := client.Client{BaseURL: c.BaseURL, Key: c.Key, HTTP: c.HTTP, Account: id}
		var page struct{ Data []struct{ Status string } }
		if err := tutor.Get(ctx, "/v1/payouts", url.Values{"limit": {"100"}}, &page); err != nil {
			return 0, 0, err
		}
		for _, payout := range page.Data {
			switch payout.Status {
			case "paid":
				paid++
			case "failed":
				failed++
			}
		}
	}
	return paid, failed, nil
}
