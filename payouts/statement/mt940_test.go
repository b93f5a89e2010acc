package statement_test

import (
	"strings"
	"testing"
)

// The vectors are written for this test, each after a way in which banks are known to write.
func TestMT940AsBanksWriteIt(t *testing.T) {
	for _, c := range []struct{ way, content, want string }{
		{"with SWIFT's envelope", "{1:F01BANKHKHHAXXX0000000000}{2:O9401200261124BANKHKHHAXXX00000000002611241200N}{4:\r\n:20:STMT\r\n:25:012345678901\r\n:28C:00115/001\r\n" +
			":60F:C261123HKD1000,\r\n:61:2611241124D250,50NTRFpo_1//B77\r\n:86:/EREF/po_9/REMI/LESSON\r\n:62F:C261124HKD749,50\r\n-}", `
			statement 00115/001 of 012345678901
			1 -250.50 HKD 261124 261124 NTRF end=po_9 bank=B77 text=/EREF/po_9/REMI/LESSON
			end hkd lines=1 100000→74950`},
		{"text around the messages, no end mark", "BANKNL2A\n940\nBANKNL2A\n:20:BANK NV\n:25:517852111\n:28:19321/1\n:60F:C110522EUR10,28\n:61:1105240524D9,N192NONREF\n" +
			":86:GIRO   111111 SHOP\n5314600000       INVOICE 1\n\n:62F:C110523EUR1,28", `
			statement 19321/1 of 517852111
			1 -9.00 EUR 110524 110524 N192 text=GIRO   111111 SHOP|5314600000       INVOICE 1
			end eur lines=1 1028→128`},
		{"blocks of numbers before, no entry date, accents in Latin-1", "0000 01BANKNL2AXXXX00001\n940 00\n:20:X\n:25:0001234567\n:28C:000\n:60F:C100722EUR5,00\n" +
			":61:100722C3,68NTRFNONREF\n:86:0123456789 CAF\xc9\n:62F:C100723EUR8,68\n:86:D000000C000001D0,C3,68\n-XXX\n", `
			statement 000 of 0001234567
			1 3.68 EUR 100722 100722 NTRF text=0123456789 CAFÉ
			end eur lines=1 500→868`},
		{"slashes, a counterparty below the line, padded amounts", ":940:\n:20:940S130101\n:25:NL71BANK0123456789\n:28C:0\n:60F:C130101EUR000000001000,00\n" +
			":61:130101D000000000025,00N102EREF\nNL70BANK0987654321\n:86:/EREF/01-01-2013 po_4\n/BENM//NAME/SOMEBODY/REMI//ISDT/2013-07-11\n:62F:C130108EUR000000000975,00\n", `
			statement 0 of NL71BANK0123456789
			1 -25.00 EUR 130101 130101 N102 end=01-01-2013 po_4 text=NL70BANK0987654321|/EREF/01-01-2013 po_4|/BENM//NAME/SOMEBODY/REMI//ISDT/2013-07-11
			end eur lines=1 100000→97500`},
		{"an account with its currency, a name in the line, several :86:", ":940:\n:20:940A110615\n:25:1291.99.348EUR\n:28:00000/00\n:60F:C110614EUR000000001250,17\n" +
			":61:110527D000000001213,28N0440121470966      W.P. Example\n:86:Returned\n:86:NOT AGREED\n:62F:C110615EUR000000000036,89\n\n", `
			statement 00000/00 of 1291.99.348
			1 -1213.28 EUR 110527 110527 N044 end=0121470966      W.P. Example text=Returned|NOT AGREED
			end eur lines=1 125017→3689`},
		{"30 February", "\r\n:20:STARTUMSE\r\n:25:12345678/1020304050\r\n:28C:00000/001\r\n:60F:C160229EUR1200,00\r\n:61:1602300301DR6,00N024NONREF\r\n" +
			":86:805?00FEE?106666?20flat?3012345678?1122334\r\n45566\r\n:62F:C160301EUR1194,00\r\n-\r\n", `
			statement 00000/001 of 12345678/1020304050
			1 -6.00 EUR 160301 160229 N024 text=flat
			end eur lines=1 120000→119400`},
		{"German fields broken anywhere, batch and return", ":20:T1\n:25:50880050/0194787400888\n:28C:00004/00001\n:60F:C260903EUR10,\n:61:2609030904DR1,5NTRFKREF+//536D80\n" +
			":86:191?00SEPA-UEBERW?100399?20KREF+bat_7?2\n1 ?22SVWZ+Datei?30BANKDEFF508\n:61:2609040904CR0,08NTRFNONREF//0724\n:86:159?00RETOURE?20EREF+po_\n8?21MREF+M1?22SVWZ+Konto geschlossen\n" +
			":62F:C260904EUR8,58\n-\n", `
			statement 00004/00001 of 50880050/0194787400888
			1 -1.50 EUR 260904 260903 NTRF batch=bat_7 bank=536D80 text=KREF+bat_7 SVWZ+Datei
			2 0.08 EUR 260904 260904 NTRF end=po_8 bank=0724 text=EREF+po_8MREF+M1SVWZ+Konto geschlossen return
			end eur lines=2 1000→858`},
		{"reversals, funds codes, no decimals, a new year", ":20:T\n:25:1\n:60F:D251231JPY100,\n:61:2512310102RCY50,NTRFNONREF\n:61:2601021231RD50,NTRFNONREF\n:61:260102    CD0,NTRFNONREF\n:62F:D260102JPY100,\n", `
			statement  of 1
			1 -50 JPY 260102 251231 NTRF return
			2 50 JPY 251231 260102 NTRF return
			3 0 JPY 260102 260102 NTRF
			end jpy lines=3 -100→-100`},
		{"a line broken in the middle, a closing balance without currency", ":20:T\n:25:1\n:60F:C181126EUR0,\n:61:1811261126CR\n30,00N062NONREF\n:62M:C18112630,\n-\n", `
			statement  of 1
			1 30.00 EUR 181126 181126 N062
			end eur lines=1 0→3000`},
		{"fields of the bank's own", ":20:T\n:25:1966315302010001\n:28:00046\n:NS:22JOHN\n25171004171011\n:60F:C171011HUF10,\n:61:1710111011DF2402,00S   X\n:NS:01526715\n09fee\n:62F:D171011HUF2392,00\n-\n", `
			statement 00046 of 1966315302010001
			1 -2402.00 HUF 171011 171011 S end=X text=01526715|09fee
			end huf lines=1 1000→-239200`},
	} {
		t.Run(c.way, func(t *testing.T) { expect(t, c.content, c.want) })
	}
}

func TestMT942HoldsItsOwnCountAndSum(t *testing.T) {
	const interim = "\x01\r\n:20:ST\r\n:25:PL29\r\n:28C:1/1\r\n:34F:PLN0\r\n:13D:2611241815+0100\r\n:61:2611241124CN0,01NTRFNONREF//MB1\r\n911-COLLECT\r\n" +
		":86:911 COLLECT\r\n:61:2611241124DN5,NTRFNONREF//MB2\r\n:90D:1PLN5,00\r\n:90C:1PLN0,01\r\n-\x03"
	expect(t, interim, `
		interim 1/1 of PL29
		1 0.01 PLN 261124 261124 NTRF bank=MB1 text=911-COLLECT|911 COLLECT
		2 -5.00 PLN 261124 261124 NTRF bank=MB2
		end pln lines=2 unchecked`)
	expectRefused(t, strings.Replace(interim, ":90D:1PLN5,00", ":90D:2PLN5,00", 1), ":90D: and :90C:")
	expectRefused(t, strings.Replace(interim, ":90C:1PLN0,01", ":90C:1PLN0,02", 1), ":90D: and :90C:")
}

func TestAnMT940ThatCannotBeVouchedForIsRefused(t *testing.T) {
	const good = ":20:T\n:25:1\n:28C:1\n:60F:C261124EUR1,00\n:61:2611241124C1,00NTRFNONREF\n:86:CANARY\n:62F:C261124EUR2,00\n-\n"
	swap := func(old, by string) string { return good + strings.Replace(good, old, by, 1) }
	for _, c := range []struct{ rule, content, says string }{
		{"no message", "hello\n", "not known"},
		{"nothing but a name", ":20:T\n-\n", "statement 1: it has no balances"},
		{"no opening balance", swap(":60F:C261124EUR1,00\n", ""), "statement 2, entry 1: it does not say its currency"},
		{"no closing balance", swap(":62F:C261124EUR2,00\n", ""), "statement 2: it does not say both"},
		{"one cent off", swap("EUR2,00", "EUR2,01"), "statement 2: the balances do not add up"},
		{"another currency", swap("EUR2,00", "USD2,00"), "another currency"},
		{"too many decimals", swap("C1,00N", "C1,001N"), "statement 2, entry 1: an amount has more decimals"},
		{"no entry that can be read", swap("2611241124C1,00", "CANARY"), "its :61: cannot be read"},
		{"a day that is none", swap("2611241124C", "2611311124C"), "a date is not a date"},
		{"a balance that cannot be read", swap("C261124EUR1,00", "CANARY"), "a balance cannot be read"},
		{"two opening balances", swap(":61:", ":60F:C261124EUR1,00\n:61:"), "two balances of one kind"},
		{"a line without end", swap("CANARY", strings.Repeat("x", 100_000)), "longer than any bank writes"},
		{"a field without end", swap("CANARY", strings.Repeat(strings.Repeat("x", 60)+"\n", 2000)), "longer than any bank writes"},
	} {
		t.Run(c.rule, func(t *testing.T) { expectRefused(t, c.content, c.says) })
	}
}
