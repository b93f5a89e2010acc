package main

import (
	"strings"
	"testing"

	"github.com/sluicepay/sluice/payouts/calendar"
)

func TestDoctorTellsOfTimeZonesAndBankHolidays(t *testing.T) {
	t.Parallel()
	said, err := lookForDays(t.Context(), Config{})
	if err != nil {
		said = err.Error() // a year before the data ends, the mark says so
	}
	version, source := calendar.Database()
	if !strings.Contains(said, version) || !strings.Contains(said, source) || !strings.Contains(said, "bank holidays") {
		t.Errorf("it says %q", said)
	}
}
