package wire

// PayoutCalendar is the bank days of one place or clearing system. Ours.
type PayoutCalendar struct {
	ID                  string `json:"id"`         // hong_kong; rails name it
	Object              string `json:"object"`     // "payout_calendar"
	FirstYear           *int64 `json:"first_year"` // the years whose holidays are known, both included; null: there is no end
	LastYear            *int64 `json:"last_year"`
	Source              string `json:"source"` // who says so
	Title               string `json:"title"`
	*PayoutCalendarYear        // not in lists
}

// PayoutCalendarYear is a year of a calendar. On Saturdays and Sundays banks are
// closed anyway, except in the calendar every_day.
type PayoutCalendarYear struct {
	Closures []PayoutClosure `json:"closures"` // what the platform says of days; it goes before the holidays
	Covered  bool            `json:"covered"`  // false: only weekends are known
	Holidays []PayoutHoliday `json:"holidays"`
	Year     int64           `json:"year"`
}

// PayoutHoliday is a day on which a bank is closed.
type PayoutHoliday struct {
	Date string `json:"date"` // 2006-01-02
	Name string `json:"name"`
}

// PayoutClosure is what a platform says of one day of a calendar. Ours.
type PayoutClosure struct {
	ID        string `json:"id"`     // pclo_…
	Object    string `json:"object"` // "payout_closure"
	Calendar  string `json:"calendar"`
	Closed    bool   `json:"closed"` // false: the bank works although the calendar says that it does not
	Created   int64  `json:"created"`
	CreatedBy string `json:"created_by"` // the key that was used
	Date      string `json:"date"`       // 2006-01-02
	Livemode  bool   `json:"livemode"`
	Reason    string `json:"reason"`
}

// DeletedPayoutClosure is a closure that was taken back.
type DeletedPayoutClosure struct {
	Deleted
	Calendar string `json:"calendar"`
	Date     string `json:"date"`
}
