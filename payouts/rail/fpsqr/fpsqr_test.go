package fpsqr_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/fpsqr"
	"github.com/sluicepay/sluice/platform/money"
)

func TestCodeSaysWhoIsPaidAndHowMuch(t *testing.T) {
	for _, c := range []struct {
		code fpsqr.Code
		want string // without the checksum
	}{
		{
			fpsqr.Code{Proxy: rail.FPSID, Payee: "1234567", Amount: money.Zero("hkd")},
			"00020101021126270012hk.com.hkicl02071234567520400005303344" + "5802HK5902NA6002HK6304",
		},
		{
			fpsqr.Code{
				Proxy: rail.Mobile, Payee: "+852-61234567", Bank: "004", Amount: money.New(60000, "hkd"), Ref: "pi-42", Bill: "7",
				Until: time.Date(2026, 11, 25, 6, 30, 0, 0, time.UTC), Name: "May Wong", Town: "Central",
			},
			"00020101021226580012hk.com.hkicl01030040313+852-61234567" + "051420261125143000" + "520400005303344" + "5406600.00" +
				"5802HK5908May Wong6007Central" + "6214" + "01017" + "0505pi-42" + "6304",
		},
		{
			fpsqr.Code{Proxy: rail.Email, Payee: "may@tutors.example", Amount: money.New(5, "cny")},
			"00020101021226380012hk.com.hkicl0418may@tutors.example520400005303156" + "54040.05" + "5802HK5902NA6002HK6304",
		},
	} {
		got, err := c.code.Payload()
		if err != nil || got[:len(got)-4] != c.want {
			t.Errorf("%v\n%s, want\n%s", err, got, c.want)
		}
	}
}

func TestCodesThatNoAppCouldReadAreRefused(t *testing.T) {
	for field, spoil := range map[string]func(*fpsqr.Code){
		"proxy":  func(c *fpsqr.Code) { c.Proxy = rail.NoProxy },
		"payee":  func(c *fpsqr.Code) { c.Payee = "12345678" },
		"bank":   func(c *fpsqr.Code) { c.Bank = "HSBC" },
		"amount": func(c *fpsqr.Code) { c.Amount.Currency = "usd" },
		"ref":    func(c *fpsqr.Code) { c.Ref = strings.Repeat("r", 26) },
		"bill":   func(c *fpsqr.Code) { c.Bill = "7\n" },
		"name":   func(c *fpsqr.Code) { c.Name = "陳大文" },
		"town":   func(c *fpsqr.Code) { c.Town = " Central" },
	} {
		c := fpsqr.Code{Proxy: rail.FPSID, Payee: "1234567", Amount: money.New(100, "hkd")}
		spoil(&c)
		if got, err := c.Payload(); err == nil || !strings.Contains(err.Error(), "fps code: "+field) || got != "" {
			t.Errorf("%s: %q, %v", field, got, err)
		}
	}
	long := fpsqr.Code{Proxy: rail.Email, Payee: strings.Repeat("m", 80) + "@tutors.example", Amount: money.Zero("hkd")}
	if _, err := long.Payload(); err == nil {
		t.Error("a template of more than 99 characters was written")
	}
	negative := fpsqr.Code{Proxy: rail.FPSID, Payee: "1234567", Amount: money.New(-1, "hkd")}
	if _, err := negative.Payload(); err == nil {
		t.Error("a code asks for less than nothing")
	}
}

// The decoder knows nothing of the writer: it reads tags and lengths, and checks the
// checksum by dividing polynomials.
func TestTenThousandRandomCodesAreReadBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 10_000 {
		want := randomCode(random)
		payload, err := want.Payload()
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		got, err := decode(payload)
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		if got != want {
			t.Fatalf("%s is read as %+v, want %+v", payload, got, want)
		}
		spoilt := []byte(payload)
		at := random.IntN(len(spoilt) - 4)
		spoilt[at] ^= 1 << random.IntN(6)
		if _, err := decode(string(spoilt)); err == nil {
			t.Fatalf("%s with byte %d spoilt is read", payload, at)
		}
	}
}

func TestChecksumIsTheOneOfTheStandard(t *testing.T) {
	if sum := division("123456789"); sum != 0x29B1 { // the check value of CRC-16/CCITT-FALSE
		t.Errorf("the test's own checksum is %04X", sum)
	}
}

func randomCode(random *rand.Rand) fpsqr.Code {
	text := func(letters string, least, most int) string {
		b := make([]byte, least+random.IntN(most-least+1))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	const digits = "0123456789"
	const signs = digits + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_/+*#"
	c := fpsqr.Code{
		Amount: money.New(0, []money.Currency{"hkd", "cny"}[random.IntN(2)]), Bill: text(signs, 0, 25), Ref: text(signs, 0, 25),
		Name: text(signs, 1, 25), Town: text(signs, 1, 15),
	}
	switch random.IntN(3) {
	case 0:
		c.Proxy, c.Payee = rail.FPSID, text(digits, 7, 7)+[]string{"", "00"}[random.IntN(2)]
	case 1:
		c.Proxy, c.Payee = rail.Mobile, "+852-"+text(digits, 8, 8)
	case 2:
		c.Proxy, c.Payee = rail.Email, text(signs, 1, 20)+"@"+text("abcdefghijkl", 1, 16)+".example"
	}
	if random.IntN(2) == 0 {
		c.Bank = text(digits, 3, 3)
	}
	if random.IntN(3) > 0 {
		c.Amount.Minor = random.Int64N(1_000_000_000_000)
	}
	if random.IntN(2) == 0 {
		c.Until = time.Unix(random.Int64N(4_000_000_000), 0).UTC()
	}
	return c
}

var errForm = errors.New("not a code of FPS")

// objects reads tags, lengths and values to the end.
func objects(text string) (map[string]string, error) {
	found := map[string]string{}
	for last := ""; text != ""; {
		if len(text) < 4 {
			return nil, errForm
		}
		n, err := strconv.Atoi(text[2:4])
		if err != nil || n < 1 || len(text) < 4+n || text[:2] <= last {
			return nil, errForm
		}
		last = text[:2]
		found[last], text = text[4:4+n], text[4+n:]
	}
	return found, nil
}

func decode(payload string) (c fpsqr.Code, err error) {
	if len(payload) < 4 || fmt.Sprintf("%04X", division(payload[:len(payload)-4])) != payload[len(payload)-4:] {
		return c, errForm
	}
	all, err := objects(payload)
	if err != nil {
		return c, err
	}
	account, err := objects(all["26"])
	if err != nil {
		return c, err
	}
	more, err := objects(all["62"])
	if err != nil {
		return c, err
	}
	if all["00"] != "01" || all["52"] != "0000" || all["58"] != "HK" || account["00"] != "hk.com.hkicl" || len(all["63"]) != 4 {
		return c, errForm
	}
	for tag, kind := range map[string]rail.ProxyKind{"02": rail.FPSID, "03": rail.Mobile, "04": rail.Email} {
		if account[tag] != "" {
			c.Proxy, c.Payee = kind, account[tag]
		}
	}
	c.Bank, c.Bill, c.Ref, c.Name, c.Town = account["01"], more["01"], more["05"], all["59"], all["60"]
	c.Amount.Currency = map[string]money.Currency{"344": "hkd", "156": "cny"}[all["53"]]
	if amount := all["54"]; amount != "" {
		whole, part, _ := strings.Cut(amount, ".")
		if len(part) != 2 {
			return c, errForm
		}
		if c.Amount.Minor, err = strconv.ParseInt(whole+part, 10, 64); err != nil {
			return c, err
		}
	}
	if until := account["05"]; until != "" {
		local, err := time.Parse("20060102150405", until)
		if err != nil {
			return c, err
		}
		c.Until = local.Add(-8 * time.Hour)
	}
	if dynamic := c.Amount.Minor != 0 || !c.Until.IsZero() || c.Bill != "" || c.Ref != ""; (all["01"] == "12") != dynamic {
		return c, errForm
	}
	return c, nil
}

// division is the checksum by its definition: the remainder of the text's bits, the first
// sixteen turned over and sixteen zeros behind them, by x^16 + x^12 + x^5 + 1.
func division(text string) (rest uint16) {
	bits := make([]byte, 8*len(text)+16)
	for i := range 8 * len(text) {
		bits[i] = text[i/8] >> (7 - i%8) & 1
	}
	for i := range 16 {
		bits[i] ^= 1
	}
	for i := range 8 * len(text) {
		if bits[i] == 1 {
			for _, power := range []int{16, 12, 5, 0} {
				bits[i+16-power] ^= 1
			}
		}
	}
	for _, bit := range bits[8*len(text):] {
		rest = rest<<1 | uint16(bit)
	}
	return rest
}
