package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicepay/sluice/platform/wire"
)

const payoutCalendarPath = "/v1/payout_calendars"

func payoutsCalendar() *cobra.Command {
	return group("calendar", "Look at banks' working days, and say of single days that a bank is closed or open",
		calendarList(), calendarShow(), calendarSay("close", true), calendarSay("open", false))
}

func calendarList() *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "list", Short: "List the calendars that rails keep to", Args: cobra.NoArgs, Example: "  sluice payouts calendar list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listing[wire.PayoutCalendar]{
				path: payoutCalendarPath, titles: []string{"CALENDAR", "HOLIDAYS KNOWN", "TITLE", "SOURCE"},
				row: func(c wire.PayoutCalendar) []string { return []string{c.ID, years(c), c.Title, c.Source} },
			}.run(cmd, s, nil)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}

func years(c wire.PayoutCalendar) string {
	if c.FirstYear == nil || c.LastYear == nil {
		return "has none"
	}
	return fmt.Sprintf("%d to %d", *c.FirstYear, *c.LastYear)
}

func calendarShow() *cobra.Command {
	s, year := &session{}, 0
	cmd := &cobra.Command{
		Use: "show CALENDAR", Short: "Show a year's holidays and what was said of single days", Args: cobra.ExactArgs(1),
		Example: "  sluice payouts calendar show hong_kong\n  sluice payouts calendar show target --year 2027",
		RunE: func(cmd *cobra.Command, args []string) error {
			params := url.Values{}
			if cmd.Flags().Changed("year") {
				params.Set("year", strconv.Itoa(year))
			}
			return s.printCalendar(cmd, args[0], params)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&year, "year", 0, "which year; default this one")
	return cmd
}

func (s *session) printCalendar(cmd *cobra.Command, name string, params url.Values) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var answer json.RawMessage
	if err := c.Get(cmd.Context(), calendarPath(name), params, &answer); err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	shown := wire.PayoutCalendar{PayoutCalendarYear: &wire.PayoutCalendarYear{}}
	if err := json.Unmarshal(answer, &shown); err != nil {
		return err
	}
	t := table{titles: []string{"DATE", "BANK", "WHY", "SAID BY"}}
	for _, h := range shown.Holidays {
		t.add(h.Date, "closed", h.Name, "")
	}
	for _, said := range shown.Closures {
		t.add(closureRow(said)...)
	}
	t.write(cmd.OutOrStdout())
	if !shown.Covered {
		fmt.Fprintf(cmd.ErrOrStderr(), "The holidays of %d are not known: only weekends are. Close the days by hand, or update Sluice.\n", shown.Year)
	}
	return nil
}

func calendarPath(name string) string { return payoutCalendarPath + "/" + url.PathEscape(name) }

func closureRow(c wire.PayoutClosure) []string {
	state := "open"
	if c.Closed {
		state = "closed"
	}
	return []string{c.Date, state, c.Reason, c.CreatedBy}
}

// calendarSay closes a day, or opens it; the other word for the day is forgotten.
func calendarSay(word string, closed bool) *cobra.Command {
	s, reason, back := &session{}, "", false
	short := map[bool]string{true: "Say that a bank is closed on a day; payouts not handed over move", false: "Say that a bank works on a day after all"}[closed]
	cmd := &cobra.Command{
		Use: word + " CALENDAR DATE", Short: short, Args: cobra.ExactArgs(2),
		Example: fmt.Sprintf("  sluice payouts calendar %s hong_kong 2026-12-01 --reason 'as the bank told us'\n  sluice payouts calendar %s hong_kong 2026-12-01 --take-back", word, word),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := calendarPath(args[0]) + "/closures"
			if back == (reason != "") {
				return Usagef("--reason: say why; or --take-back what was said")
			}
			if back {
				return s.takeBackClosure(cmd, path+"/"+url.PathEscape(args[1]))
			}
			answer, err := s.post(cmd, path, url.Values{"date": {args[1]}, "closed": {strconv.FormatBool(closed)}, "reason": {reason}})
			if err != nil {
				return err
			}
			return s.printClosure(cmd, answer)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().StringVar(&reason, "reason", "", "why; others will read it")
	cmd.Flags().BoolVar(&back, "take-back", false, "forget what was said of the day: the calendar speaks again")
	return cmd
}

func (s *session) printClosure(cmd *cobra.Command, answer json.RawMessage) error {
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var said wire.PayoutClosure
	if err := json.Unmarshal(answer, &said); err != nil {
		return err
	}
	t := table{titles: []string{"DATE", "BANK", "WHY", "SAID BY"}}
	t.add(closureRow(said)...)
	t.write(cmd.OutOrStdout())
	return nil
}

func (s *session) takeBackClosure(cmd *cobra.Command, path string) error {
	answer, err := s.delete(cmd, path)
	if err != nil {
		return err
	}
	if s.output == asJSON {
		return printJSON(cmd, answer)
	}
	var gone wire.DeletedPayoutClosure
	if err := json.Unmarshal(answer, &gone); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: the calendar %s speaks again\n", gone.Date, gone.Calendar)
	return nil
}
