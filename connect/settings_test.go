package connect

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

func TestEveryZoneOfACountryIsOne(t *testing.T) {
	for country, zone := range zones {
		if err := mustBeZone(zone, "zone"); err != nil || currencies[country] == "" {
			t.Errorf("%s lives in %s: %v", country, zone, err)
		}
	}
	for country, want := range map[string]string{"HK": "Asia/Hong_Kong", "GB": "Europe/London", "US": "Etc/UTC", "DE": "Europe/Berlin"} {
		if got := zoneOf(country); got != want {
			t.Errorf("%s lives in %s, want %s", country, got, want)
		}
	}
	for _, name := range []string{"", "Local", "posix/Asia/Hong_Kong", "right/Asia/Tokyo", "../etc/passwd", "Asia/Kowloon", "asia/hong_kong", "localtime", "HKT"} {
		if mustBeZone(name, "zone") == nil {
			t.Errorf("%q is a zone", name)
		}
	}
	for _, name := range []string{"Etc/UTC", "America/Argentina/Buenos_Aires", "Pacific/Apia", "Etc/GMT+8"} {
		if err := mustBeZone(name, "zone"); err != nil {
			t.Error(err)
		}
	}
}

func TestAmountsByCurrencyAreMergedAndUnset(t *testing.T) {
	old := map[string]int64{"hkd": 100, "usd": 7}
	for _, c := range []struct {
		name  string
		given any
		want  map[string]int64
		param string // of the fault
	}{
		{"one more", map[string]any{"EUR": "5"}, map[string]int64{"hkd": 100, "usd": 7, "eur": 5}, ""},
		{"another amount", map[string]any{"hkd": "0"}, map[string]int64{"hkd": 0, "usd": 7}, ""},
		{"one unset by nothing", map[string]any{"usd": ""}, map[string]int64{"hkd": 100}, ""},
		{"one unset by null", map[string]any{"usd": nil}, map[string]int64{"hkd": 100}, ""},
		{"both unset", map[string]any{"usd": nil, "hkd": ""}, nil, ""},
		{"all unset", "", nil, ""},
		{"all null", nil, nil, ""},
		{"no currency", map[string]any{"xyz": "5"}, nil, "m[xyz]"},
		{"less than nothing", map[string]any{"hkd": "-1"}, nil, "m[hkd]"},
		{"no number", map[string]any{"hkd": "1.5"}, nil, "m[hkd]"},
		{"too much", map[string]any{"hkd": "9223372036854775808"}, nil, "m[hkd]"},
		{"a set", map[string]any{"hkd": map[string]any{}}, nil, "m[hkd]"},
		{"a word", "all", nil, "m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p AmountsParam
			err := p.DecodeParam("m", c.given)
			if f := fault.As(err); (f != nil) != (c.param != "") || f != nil && f.Param != c.param {
				t.Fatalf("%v, want a fault of %q", err, c.param)
			}
			if c.param != "" {
				return
			}
			if diff := cmp.Diff(c.want, p.apply(old)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff(old, AmountsParam{}.apply(old)); diff != "" {
		t.Errorf("nothing given: %s", diff)
	}
}

func TestProxiesAreKeptInOneForm(t *testing.T) {
	for _, c := range []struct {
		proxy              Proxy
		given, kept, shown string
		code               string
	}{
		{FPSIDProxy, "1234567", "1234567", "4567", ""}, {FPSIDProxy, "123 456 789", "123456789", "6789", ""}, {FPSIDProxy, "12345678", "", "", "account_number_invalid"},
		{MobileProxy, "+852 6123 4567", "+852-61234567", "4567", ""}, {MobileProxy, "61234567", "+852-61234567", "4567", ""},
		{MobileProxy, "+852-61234567", "+852-61234567", "4567", ""}, {MobileProxy, "+86 13812345678", "", "", "account_number_invalid"},
		{MobileProxy, "21234567", "", "", "account_number_invalid"},
		{EmailProxy, "Yan@Example.com", "yan@example.com", "y***", ""}, {EmailProxy, "yan@localhost", "", "", "account_number_invalid"},
		{EmailProxy, "", "", "", "parameter_missing"},
	} {
		p := BankParams{Country: "HK", Currency: "hkd", AccountHolderName: "Chan Ka Yan", AccountNumber: secret.New(c.given), Proxy: c.proxy}
		got, err := p.Check("external_account")
		if f := fault.As(err); c.code != "" {
			if f == nil || f.Code != c.code {
				t.Errorf("%s %q: %v, want %s", c.proxy, c.given, err, c.code)
			}
			continue
		}
		if err != nil || got.AccountNumber.Reveal() != c.kept || got.Last4() != c.shown {
			t.Errorf("%s %q is kept as %q, shown as %q: %v", c.proxy, c.given, got.AccountNumber.Reveal(), got.Last4(), err)
		}
		if again, err := got.Check("external_account"); err != nil || again.AccountNumber.Reveal() != c.kept {
			t.Errorf("checked again, %q is %q: %v", c.kept, again.AccountNumber.Reveal(), err)
		}
	}
	for param, p := range map[string]BankParams{
		"external_account[mobile]":         {Country: "GB", Currency: "gbp"},
		"external_account[currency]":       {Country: "HK", Currency: "usd"},
		"external_account[routing_number]": {Country: "HK", Currency: "hkd", RoutingNumber: "110-000"},
	} {
		p.AccountNumber, p.Proxy = secret.New("61234567"), MobileProxy
		if _, err := p.Check("external_account"); fault.As(err) == nil || fault.As(err).Param != param {
			t.Errorf("%v, want a fault of %s", err, param)
		}
	}
	var p BankParams
	if err := p.DecodeParam("external_account", map[string]any{"mobile": "61234567", "account_number": "000123456"}); fault.As(err) == nil {
		t.Error("two ways at once")
	}
}

func TestABankAccountChangedWhenItBecameTheDefault(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	a := Account{ExternalAccounts: []ExternalAccount{
		{ID: "ba_2", Currency: "hkd", CreatedAt: day(2)},
		{ID: "ba_1", Currency: "hkd", CreatedAt: day(1)},
		{ID: "ba_3", Currency: "usd", CreatedAt: day(3)},
	}}
	a.makeDefault(1, day(1))
	a.makeDefault(2, day(3))
	a.makeDefault(0, day(9))
	a.makeDefault(0, day(11)) // it is already
	for i, want := range []time.Time{day(9), day(1), day(3)} {
		if got := a.ExternalAccounts[i].ChangedAt(); !got.Equal(want) {
			t.Errorf("%s changed on %s, want %s", a.ExternalAccounts[i].ID, got, want)
		}
	}
	if a.ExternalAccounts[1].Default || !a.ExternalAccounts[0].Default || !a.ExternalAccounts[2].Default {
		t.Error("each currency has one default")
	}
}
