package statement_test

import (
	"fmt"
	"strings"
	"testing"
)

// camtFile wraps statements into a message; the vectors are written for this test.
func camtFile(message, version, inside string) string {
	root := map[string]string{"052": "BkToCstmrAcctRpt", "053": "BkToCstmrStmt", "054": "BkToCstmrDbtCdtNtfctn"}[message]
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.%s.001.%s"><%s><GrpHdr><MsgId>M1</MsgId>
		<CreDtTm>2026-11-24T20:00:00+08:00</CreDtTm></GrpHdr>%s</%s></Document>`, message, version, root, inside, root)
}

func camtBalance(kind, mark, amount string) string {
	return `<Bal><Tp><CdOrPrtry><Cd>` + kind + `</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>` + mark + `</CdtDbtInd><Dt><Dt>2026-11-24</Dt></Dt></Bal>`
}

const camtHead = `<Id>S1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id><Ccy>EUR</Ccy></Acct>`

// camtEntries is one entry of each kind, with the status and amounts of a version.
func camtEntries(version string) string {
	status, amount := "<Sts>BOOK</Sts>", func(v string) string { return `<AmtDtls><TxAmt><Amt Ccy="EUR">` + v + `</Amt></TxAmt></AmtDtls>` }
	if version == "08" {
		status = "<Sts><Cd>BOOK</Cd></Sts>"
	}
	if version != "02" {
		amount = func(v string) string { return `<Amt Ccy="EUR">` + v + `</Amt><CdtDbtInd>DBIT</CdtDbtInd>` }
	}
	dates := `<BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><DtTm>2026-11-25T01:00:00+08:00</DtTm></ValDt>`
	code := `<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>`
	return `<Ntry><NtryRef>N1</NtryRef><Amt Ccy="EUR">12.5</Amt><CdtDbtInd>DBIT</CdtDbtInd>` + status + dates + `<AcctSvcrRef>A1</AcctSvcrRef>` + code + `
		<NtryDtls><TxDtls><Refs><MsgId>bat_1</MsgId><EndToEndId>po_1</EndToEndId></Refs><RmtInf><Ustrd>lesson</Ustrd><Ustrd>November</Ustrd></RmtInf></TxDtls></NtryDtls>
		<AddtlNtryInf>SEPA</AddtlNtryInf></Ntry>
	<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>` + status + dates + code + `<NtryDtls><Btch><MsgId>bat_2</MsgId><NbOfTxs>2</NbOfTxs></Btch>
		<TxDtls><Refs><EndToEndId>po_2</EndToEndId></Refs>` + amount("10.00") + `</TxDtls>
		<TxDtls><Refs><EndToEndId>po_3</EndToEndId></Refs>` + amount("20.00") + `</TxDtls></NtryDtls></Ntry>
	<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true</RvslInd>` + status + dates + `<BkTxCd><Prtry><Cd>RTN</Cd></Prtry></BkTxCd>
		<NtryDtls><TxDtls><Refs><EndToEndId>po_2</EndToEndId></Refs><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
	<Ntry><Amt Ccy="EUR">99.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>` + strings.Replace(status, "BOOK", "PDNG", 1) + dates + `<BkTxCd/></Ntry>`
}

const camtWant = `
	1 -12.50 EUR 261124 261125 PMNT/ICDT/ESCT id=N1 end=po_1 batch=bat_1 bank=A1 text=lesson|November|SEPA
	2 -30.00 EUR 261124 261125 PMNT/ICDT/ESCT batch=bat_2 parts
	2.1 -10.00 EUR 261124 261125 PMNT/ICDT/ESCT end=po_2 batch=bat_2
	2.2 -20.00 EUR 261124 261125 PMNT/ICDT/ESCT end=po_3 batch=bat_2
	3 10.00 EUR 261124 261125 RTN end=po_2 reason=AC04 return
	end eur lines=3`

func TestEveryVersionOfEveryCamtReadsTheSame(t *testing.T) {
	for _, version := range []string{"02", "03", "04", "06", "08"} {
		stmt := "<Stmt>" + camtHead + camtBalance("OPBD", "CRDT", "100.00") + camtBalance("CLBD", "CRDT", "67.50") + camtBalance("CLAV", "CRDT", "1.00") + camtEntries(version) + "</Stmt>"
		expect(t, camtFile("053", version, stmt), "statement S1 of DE02120300000000202051"+camtWant+" 10000→6750 pending=1")
		expect(t, camtFile("052", version, "<Rpt>"+camtHead+camtEntries(version)+"</Rpt>"), "interim S1 of DE02120300000000202051"+camtWant+" unchecked pending=1")
		expect(t, camtFile("054", version, "<Ntfctn>"+camtHead+camtEntries(version)+"</Ntfctn>"), "notification S1 of DE02120300000000202051"+camtWant+" unchecked pending=1")
	}
}

func TestACamtWithPrefixesOtherCharactersOrPagesReads(t *testing.T) {
	entry := `<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt><BkTxCd><Prtry><Cd>x</Cd></Prtry></BkTxCd></Ntry>`
	pages := "<Stmt>" + camtHead + camtBalance("OPBD", "DBIT", "1.00") + camtBalance("ITBD", "CRDT", "0.00") + entry + "</Stmt>" +
		"<Stmt>" + camtHead + camtBalance("ITBD", "CRDT", "0") + camtBalance("ITBD", "CRDT", "1") + entry + "</Stmt>" +
		"<Stmt>" + camtHead + camtBalance("ITBD", "CRDT", "1.000") + camtBalance("CLBD", "CRDT", "2") + entry + "</Stmt>"
	const line, head = "1 1.00 EUR 261124 261124 x", "statement S1 of DE02120300000000202051"
	want := strings.Join([]string{head, line, "end eur lines=1 -100→0", head, line, "end eur lines=1 0→100", head, line, "end eur lines=1 100→200"}, "\n")
	plain := camtFile("053", "02", pages)
	expect(t, plain, want)
	prefixed := strings.NewReplacer("xmlns=", "xmlns:n=", "</", "</n:", "<?", "<?", "<", "<n:").Replace(plain)
	expect(t, strings.Replace(prefixed, "<n:?xml", "<?xml", 1), want)
	expect(t, strings.Replace(plain, "UTF-8", "ISO-8859-1", 1), want)
}

func TestACamtThatCannotBeVouchedForIsRefused(t *testing.T) {
	stmt := func(inside string) string { return camtFile("053", "08", "<Stmt>"+camtHead+inside+"</Stmt>") }
	balanced := camtBalance("OPBD", "CRDT", "1.00") + camtBalance("CLBD", "CRDT", "2.00")
	entry := func(amount, currency string) string {
		return `<Ntry><Amt Ccy="` + currency + `">` + amount + `</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><AddtlNtryInf>` + canary + `</AddtlNtryInf></Ntry>`
	}
	good := stmt(balanced + entry("1.00", "EUR"))
	for _, c := range []struct{ rule, content, says string }{
		{"no statement", camtFile("053", "08", ""), "no statement"},
		{"another message", strings.ReplaceAll(good, "camt.053.001.08", "camt.060.001.03"), "no camt.052"},
		{"a version that is not known", strings.ReplaceAll(good, "001.08", "001.99"), "no camt.052"},
		{"a namespace that is not its message's", strings.ReplaceAll(good, "camt.053", "camt.054"), "not the message"},
		{"no namespace", strings.ReplaceAll(good, "xmlns", "xmlms"), "no camt.052"},
		{"no balances", stmt(entry("1.00", "EUR")), "both its opening and its closing"},
		{"one cent off", stmt(balanced + entry("1.01", "EUR")), "opening 1.00 and entries of 1.01 come to 2.01, but closing is 2.00 EUR"},
		{"too many decimals", stmt(balanced + entry("1.001", "EUR")), "statement 1, entry 1: an amount has more decimals"},
		{"no number", stmt(balanced + entry(canary, "EUR")), "not a decimal number"},
		{"a negative number", stmt(balanced + entry("-1.00", "EUR")), "not a decimal number"},
		{"out of range", stmt(balanced + entry("99999999999999999999", "EUR")), "out of range"},
		{"another currency", stmt(balanced + entry("1.00", "USD")), "currency is not the account's"},
		{"no currency", stmt(balanced + entry("1.00", "XXQ")), "not of ISO 4217"},
		{"neither debit nor credit", strings.Replace(good, ">CRDT</CdtDbtInd><Sts>", ">"+canary+"</CdtDbtInd><Sts>", 1), "neither credit nor debit"},
		{"two openings", stmt(balanced + camtBalance("OPBD", "CRDT", "1.00") + entry("1.00", "EUR")), "two balances of one kind"},
		{"cut off", good[:len(good)-30], "ends before it is complete"},
		{"two documents", good + good, "follows the end"},
		{"crossed tags", strings.Replace(good, "</Ntry></Stmt>", "</Stmt></Ntry>", 1), "not well formed"},
		{"an entity", strings.Replace(good, canary, "&"+canary+";", 1), "not well formed"},
		{"a text without end", strings.Replace(good, canary, strings.Repeat("x", 2<<20), 1), "longer than any bank writes"},
		{"too deep", strings.Replace(good, canary, strings.Repeat("<a>", 100), 1), "too deep"},
	} {
		t.Run(c.rule, func(t *testing.T) { expectRefused(t, c.content, c.says) })
	}
}
