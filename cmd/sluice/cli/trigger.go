package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
)

const (
	// triggerPatience bounds the wait for an event, and then for its webhooks.
	triggerPatience = 30 * time.Second
	triggerInterval = 100 * time.Millisecond
)

func trigger() *cobra.Command {
	s, list := &session{}, false
	var override, add, remove []string
	cmd := &cobra.Command{
		Use: "trigger EVENT", Short: "Make an event really happen, in test mode",
		Long: "Makes what the event tells of really happen, through the public API and in test mode: it creates the accounts, payments and\n" +
			"payouts that are needed, moves the sandbox's clock where time has to pass, and waits until the event is there and its webhooks are delivered.",
		Example: "  sluice trigger charge.refunded\n  sluice trigger payout.failed --account acct_…\n" +
			"  sluice trigger payment_intent.succeeded --override payment_intent:amount=60000 --add \"payment_intent:metadata[lesson]=12\"\n  sluice trigger --list",
		Args: func(_ *cobra.Command, args []string) error {
			if list != (len(args) == 0) || len(args) > 1 {
				return errors.New("name one event, or say --list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return listTypes(cmd, s)
			}
			typ, known := catalogue.Find(args[0])
			if !known {
				return unknownType(args[0])
			}
			edits, err := parseEdits(override, add, remove)
			if err != nil {
				return err
			}
			return s.trigger(cmd, typ, edits)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().BoolVar(&list, "list", false, "list every event there is")
	cmd.Flags().StringArrayVar(&override, "override", nil, "change a parameter of what is created on the way, RESOURCE:PARAM=VALUE; may be repeated")
	cmd.Flags().StringArrayVar(&add, "add", nil, "the same, for a parameter that is not there yet")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "leave a parameter out, RESOURCE:PARAM; may be repeated")
	return cmd
}

// unknownType names the nearest types, as an unknown command does.
func unknownType(name string) error {
	group := &cobra.Command{SuggestionsMinimumDistance: 4}
	noun, _, _ := strings.Cut(name, ".")
	var near []string
	for _, t := range catalogue.Types() {
		group.AddCommand(&cobra.Command{Use: t.Name, Run: func(*cobra.Command, []string) {}})
		if strings.HasPrefix(t.Name, noun+".") {
			near = append(near, t.Name)
		}
	}
	if suggested := group.SuggestionsFor(name); len(suggested) > 0 {
		near = suggested
	}
	if len(near) == 0 {
		return Usagef("there is no event %q; `sluice trigger --list` shows them all", name)
	}
	return Usagef("there is no event %q; did you mean %s?", name, strings.Join(near, ", "))
}

func listTypes(cmd *cobra.Command, s *session) error {
	if err := s.check(); err != nil {
		return err
	}
	types := catalogue.Types()
	if s.output == asJSON {
		shown := make([]map[string]string, len(types))
		for i, t := range types {
			shown[i] = map[string]string{"type": t.Name, "description": t.Description, "recipients": t.Scope.Describe(), "schema": t.SchemaPath()}
		}
		return printJSON(cmd, shown)
	}
	t := table{titles: []string{"EVENT", "HAPPENS WHEN"}}
	for _, typ := range types {
		t.add(typ.Name, typ.Description)
	}
	t.write(cmd.OutOrStdout())
	return nil
}

// trigger carries out the type's recipe and waits for its event.
func (s *session) trigger(cmd *cobra.Command, typ catalogue.Type, edits []edit) error {
	made, known := recipes[typ.Name]
	if !known {
		return Usagef("%s cannot be triggered: %s", typ.Name, untriggered[typ.Name])
	}
	if s.account != "" && typ.Scope == catalogue.PlatformAccount {
		return Usagef("%s happens on the platform account only; leave out --account", typ.Name)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if strings.Contains(c.Key.Reveal(), "_live_") {
		return coded{errors.New("this is a live key: nothing is triggered with real money. Use a test key"), ExitAuth}
	}
	steps := cmd.OutOrStdout()
	if s.output == asJSON {
		steps = cmd.ErrOrStderr() // stdout is the event
	}
	st := newStage(cmd.Context(), c, steps, edits)
	defer st.close()
	about := made(st)
	if st.err != nil {
		return st.err
	}
	if unused := st.unused(); unused != "" {
		return Usagef("nothing was created to which %s could apply; %s made: %s", unused, typ.Name, strings.Join(st.nouns, ", "))
	}
	e, err := about.await(cmd.Context(), typ.Name)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printEvent(cmd, asJSON, e)
	}
	fmt.Fprintf(steps, "%s  %s", e.ID, e.Type)
	if e.Account != "" {
		fmt.Fprintf(steps, "  of %s", e.Account)
	}
	fmt.Fprintln(steps)
	if e.PendingWebhooks > 0 {
		fmt.Fprintf(steps, "%d of its webhooks are not delivered yet\n", e.PendingWebhooks)
	}
	return nil
}

// subject is where the event will appear, and about what.
type subject struct {
	client *client.Client // of whose events
	object string         // id of the event's object; "" when it has none or another one than we made
	after  string         // the newest event of before, where there is no object to know it by
}

// await waits until the event is there, then until its webhooks are delivered or
// the patience ends.
func (a subject) await(ctx context.Context, typ string) (rawEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, triggerPatience)
	defer cancel()
	tick := time.NewTicker(triggerInterval)
	defer tick.Stop()
	var found rawEvent
	for {
		e, err := a.find(ctx, typ)
		if ctx.Err() == nil && err != nil {
			return rawEvent{}, err
		}
		if e.ID != "" {
			found = e
			if e.PendingWebhooks == 0 {
				return e, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if found.ID == "" {
				return found, fmt.Errorf("%s did not happen within %s", typ, triggerPatience)
			}
			return found, nil
		}
	}
}

func (a subject) find(ctx context.Context, typ string) (rawEvent, error) {
	params := url.Values{"type": {typ}, "limit": {"100"}}
	if a.after != "" {
		params.Set("ending_before", a.after)
	}
	page, err := eventPage(ctx, a.client, params)
	if err != nil {
		return rawEvent{}, err
	}
	for _, e := range page {
		var object struct{ ID string }
		if err := json.Unmarshal(e.Data.Object, &object); err != nil {
			return rawEvent{}, err
		}
		if a.object == "" || a.object == object.ID {
			return e, nil
		}
	}
	return rawEvent{}, nil
}

// edit is a wish for a parameter of what is created on the way.
type edit struct {
	noun, param, value string
	remove, used       bool
}

func parseEdits(override, add, remove []string) ([]edit, error) {
	var edits []edit
	for _, text := range slices.Concat(override, add) {
		noun, rest, there := strings.Cut(text, ":")
		param, value, set := strings.Cut(rest, "=")
		if !there || !set || noun == "" || param == "" {
			return nil, Usagef("%q is not RESOURCE:PARAM=VALUE, such as charge:amount=500", text)
		}
		edits = append(edits, edit{noun: noun, param: param, value: value})
	}
	for _, text := range remove {
		noun, param, there := strings.Cut(text, ":")
		if !there || noun == "" || param == "" || strings.Contains(param, "=") {
			return nil, Usagef("%q is not RESOURCE:PARAM, such as charge:description", text)
		}
		edits = append(edits, edit{noun: noun, param: param, remove: true})
	}
	return edits, nil
}

// stage is where a recipe plays. The first step that fails ends it: the steps
// after it do nothing, so that a recipe reads as if all went well.
type stage struct {
	ctx      context.Context
	platform *client.Client // acts for the platform itself
	acting   *client.Client // acts for --account, or for the platform
	out      io.Writer
	edits    []edit
	nouns    []string // what was created
	closing  []func() // what a recipe has opened
	err      error
}

func newStage(ctx context.Context, c *client.Client, out io.Writer, edits []edit) *stage {
	platform := *c
	platform.Account = ""
	return &stage{ctx: ctx, platform: &platform, acting: c, out: out, edits: edits}
}

func (s *stage) close() {
	for _, stop := range s.closing {
		stop()
	}
}

// answer is the little of an API object that recipes go on with.
type answer struct {
	ID             string
	Object         string
	LatestCharge   string   `json:"latest_charge"`
	ApplicationFee wire.Ref `json:"application_fee"`
	Code           string
	URL            string
	Timezone       string
}

// create posts a new object and applies what the command line asks of its kind.
func (s *stage) create(by *client.Client, noun, path string, params url.Values) answer {
	s.nouns = append(s.nouns, noun)
	for i := range s.edits {
		e := &s.edits[i]
		switch {
		case e.noun != noun:
			continue
		case e.remove:
			params.Del(e.param)
		default:
			params.Set(e.param, e.value)
		}
		e.used = true
	}
	return s.post(by, path, params)
}

func (s *stage) unused() string {
	for _, e := range s.edits {
		if !e.used {
			return e.noun + ":" + e.param
		}
	}
	return ""
}

// post is a step: it is carried out and told.
func (s *stage) post(by *client.Client, path string, params url.Values) (a answer) {
	if s.err != nil {
		return a
	}
	s.err = by.Post(s.ctx, path, params, &a)
	s.tell("POST "+path, a)
	return a
}

// declined is a payment that has to be refused; it is told by the id in the error.
func (s *stage) declined(by *client.Client, noun, path string, params url.Values) {
	s.create(by, noun, path, params)
	var refused *client.Error
	switch {
	case errors.As(s.err, &refused) && refused.Status == 402:
		s.err = nil
		fmt.Fprintf(s.out, "POST %s  declined: %s\n", path, refused.Message)
	case s.err == nil:
		s.err = fmt.Errorf("POST %s was not declined", path)
	}
}

func (s *stage) remove(by *client.Client, path string) {
	if s.err == nil {
		s.err = by.Delete(s.ctx, path, nil)
		s.tell("DELETE "+path, answer{})
	}
}

func (s *stage) get(by *client.Client, path string) (a answer) {
	if s.err == nil {
		s.err = by.Get(s.ctx, path, nil, &a)
	}
	return a
}

func (s *stage) tell(step string, a answer) {
	if s.err != nil {
		return
	}
	fmt.Fprintln(s.out, strings.TrimRight(step+"  "+a.ID, " "))
}

// wait moves the sandbox's clock, for everybody in it.
func (s *stage) wait(span string) {
	s.post(s.platform, worldClock+"/advance", url.Values{"duration": {span}})
	if s.err == nil {
		fmt.Fprintf(s.out, "  the sandbox's clock went on by %s\n", span)
	}
}

// as acts for a connected account.
func (s *stage) as(account string) *client.Client {
	c := *s.platform
	c.Account = account
	return &c
}

// next is the subject of an event whose object we cannot name: the next of its type.
func (s *stage) next(of *client.Client) subject {
	a := subject{client: of}
	if s.err != nil {
		return a
	}
	page, err := eventPage(s.ctx, of, url.Values{"limit": {"1"}})
	if err == nil && len(page) > 0 {
		a.after = page[0].ID
	}
	s.err = err
	return a
}

// Happening is an event that was made to happen.
type Happening struct {
	Event   string
	Account string // of whom it is, "" for the platform itself
}

// Happen makes an event of a type really happen, as `sluice trigger` does, with a
// client of test mode, and waits until it is there.
func Happen(ctx context.Context, c *client.Client, typ string) (Happening, error) {
	made, known := recipes[typ]
	if !known {
		return Happening{}, fmt.Errorf("%s cannot be triggered", typ)
	}
	st := newStage(ctx, c, io.Discard, nil)
	defer st.close()
	about := made(st)
	if st.err != nil {
		return Happening{}, st.err
	}
	e, err := about.await(ctx, typ)
	return Happening{Event: e.ID, Account: e.Account}, err
}

// Triggers are the types that Happen can make happen, in order.
func Triggers() []string { return slices.Sorted(maps.Keys(recipes)) }
