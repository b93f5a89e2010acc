// Package fpsqr writes what a QR code says that asks to be paid over Hong Kong's Faster
// Payment System: EMVCo's merchant-presented format with the template of HKICL.
//
//	00 01                  version of the format
//	01 11 or 12            static: may be paid again and again; dynamic: for one payment
//	26                     who is paid over FPS
//	   00 hk.com.hkicl
//	   01 004              the bank's clearing code, if it is said
//	   02, 03 or 04        FPS identifier, mobile number or e-mail address
//	   05 20261125143000   until when, Hong Kong time
//	52 0000                trade, which FPS does not ask
//	53 344                 currency, ISO 4217 by number
//	54 600.00              amount
//	58 HK   59 name   60 town
//	62                     bill number (01) and reference (05)
//	63                     CRC-16 of all before, with its own tag and length
//
// A payer can pay such a code twice, and after its time: what comes in is matched by its
// reference and amount, never taken for granted. No account number stands in a code.
package fpsqr

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/money"
)

// Code is what a QR code asks for.
type Code struct {
	Proxy rail.ProxyKind // how the payee is named
	Payee string         // FPS identifier, mobile number (+852-61234567) or e-mail address
	Bank  string         // three-digit clearing code, or ""

	Amount money.Amount // HKD or CNY; of no minor units: the payer says how much
	Until  time.Time    // not to be paid later; zero: for ever
	Bill   string       // up to 25 characters, or ""
	Ref    string       // what the payment is found by, up to 25 characters, or ""

	Name string // of the payee, up to 25 letters of ASCII; "": NA
	Town string // up to 15; "": HK
}

const (
	scheme    = "hk.com.hkicl"
	undefined = "0000"
)

// currencies are the two of FPS, by their numbers in ISO 4217.
var currencies = map[money.Currency]string{"hkd": "344", "cny": "156"}

// payees are the sub-tags of template 26 and the forms of what stands there.
var payees = map[rail.ProxyKind]struct {
	tag  string
	form *regexp.Regexp
}{
	rail.FPSID:  {"02", regexp.MustCompile(`^(\d{7}|\d{9})$`)},
	rail.Mobile: {"03", regexp.MustCompile(`^\+\d{1,3}-\d{4,15}$`)},
	rail.Email:  {"04", regexp.MustCompile(`^[!-?A-~]+@[A-Za-z0-9.-]+$`)},
}

var (
	clearingCode = regexp.MustCompile(`^\d{3}$`)
	label        = regexp.MustCompile(`^[ -~]*$`)

	// Hong Kong has had no summer time since 1979.
	hongKong = time.FixedZone("HKT", 8*60*60)
)

// Payload is the text of the QR code. It fails on what no bank's app could read, and
// names the field.
func (c Code) Payload() (string, error) {
	payee, known := payees[c.Proxy]
	number, paid := currencies[c.Amount.Currency]
	switch {
	case !known:
		return "", fmt.Errorf("fps code: proxy %q: want fps_id, mobile or email", c.Proxy)
	case !payee.form.MatchString(c.Payee):
		return "", fmt.Errorf("fps code: payee: not of the form of %s", c.Proxy)
	case c.Bank != "" && !clearingCode.MatchString(c.Bank):
		return "", fmt.Errorf("fps code: bank: a clearing code has three digits")
	case !paid:
		return "", fmt.Errorf("fps code: amount: FPS pays hkd and cny, not %q", c.Amount.Currency)
	case c.Amount.Minor < 0 || len(c.Amount.Decimal()) > 13:
		return "", fmt.Errorf("fps code: amount: want nothing or a positive amount of at most 13 characters")
	}
	for _, f := range []struct {
		name, text string
		most       int
	}{{"bill", c.Bill, 25}, {"ref", c.Ref, 25}, {"name", c.Name, 25}, {"town", c.Town, 15}} {
		if len(f.text) > f.most || !label.MatchString(f.text) || f.text != strings.TrimSpace(f.text) {
			return "", fmt.Errorf("fps code: %s: want at most %d characters of ASCII, with no space around them", f.name, f.most)
		}
	}

	account := object("00", scheme) + object("01", c.Bank) + object(payee.tag, c.Payee)
	method, amount := "11", ""
	if !c.Amount.IsZero() {
		method, amount = "12", c.Amount.Decimal()
	}
	if c.Bill != "" || c.Ref != "" {
		method = "12"
	}
	if !c.Until.IsZero() {
		method = "12"
		account += object("05", c.Until.In(hongKong).Format("20060102150405"))
	}
	if len(account) > 99 {
		return "", fmt.Errorf("fps code: payee: too long for a code")
	}
	payload := object("00", "01") + object("01", method) + object("26", account) + object("52", undefined) +
		object("53", number) + object("54", amount) + object("58", "HK") + object("59", or(c.Name, "NA")) + object("60", or(c.Town, "HK")) +
		object("62", object("01", c.Bill)+object("05", c.Ref)) + "6304"
	return payload + fmt.Sprintf("%04X", crc(payload)), nil
}

// object is tag, length in two digits and value; nothing for no value.
func object(tag, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("%s%02d%s", tag, len(value), value)
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// crc is CRC-16/CCITT-FALSE: polynomial 0x1021, begun with 0xFFFF, nothing reflected.
func crc(text string) uint16 {
	sum := uint16(0xFFFF)
	for i := range len(text) {
		sum ^= uint16(text[i]) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
