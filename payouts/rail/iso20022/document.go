package iso20022

import (
	"bufio"
	"strings"
)

// document writes elements and remembers the first error.
type document struct {
	w       *bufio.Writer
	version Version
	err     error
}

func (x *document) raw(s string) {
	if x.err == nil {
		_, x.err = x.w.WriteString(s)
	}
}

func (x *document) flush() error {
	if x.err == nil {
		x.err = x.w.Flush()
	}
	return x.err
}

// open begins elements, each in the one before.
func (x *document) open(names ...string) {
	for _, name := range names {
		x.raw("<")
		x.raw(name)
		x.raw(">")
	}
}

// close ends elements, the inner ones first.
func (x *document) close(names ...string) {
	for _, name := range names {
		x.raw("</")
		x.raw(name)
		x.raw(">")
	}
}

// text writes an element with a text, and nothing for no text: the schema knows no empty ones.
func (x *document) text(name, value string) {
	if value == "" {
		return
	}
	x.open(name)
	if strings.ContainsAny(value, "&<>") {
		value = escape.Replace(value)
	}
	x.raw(value)
	x.close(name)
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// code writes a choice of the ISO list's code and the bank's own.
func (x *document) code(name string, c Code) {
	if c.zero() {
		return
	}
	x.open(name)
	x.text("Cd", c.ISO)
	x.text("Prtry", c.Own)
	x.close(name)
}

// kind writes the payment type.
func (x *document) kind(level, instrument, purpose Code) {
	if level.zero() && instrument.zero() && purpose.zero() {
		return
	}
	x.open("PmtTpInf")
	x.code("SvcLvl", level)
	x.code("LclInstrm", instrument)
	x.code("CtgyPurp", purpose)
	x.close("PmtTpInf")
}

func (x *document) party(name string, p party) {
	x.open(name)
	x.text("Nm", p.name)
	if a := p.address; a.country != "" {
		x.open("PstlAdr")
		x.text("StrtNm", a.street)
		x.text("PstCd", a.postcode)
		x.text("TwnNm", a.town)
		x.text("CtrySubDvsn", a.state)
		x.text("Ctry", a.country)
		for _, line := range a.lines {
			x.text("AdrLine", line)
		}
		x.close("PstlAdr")
	}
	x.close(name)
}

// agent writes a bank. One that is not known is left out, or, where it must stand, is
// said not to be provided.
func (x *document) agent(name string, b bank, must bool) {
	if b == (bank{}) && !must {
		return
	}
	x.open(name, "FinInstnId")
	switch {
	case b.bic != "" && x.version == V03:
		x.text("BIC", b.bic)
	case b.bic != "":
		x.text("BICFI", b.bic)
	case b.member != "":
		x.open("ClrSysMmbId", "ClrSysId")
		x.text("Cd", b.system)
		x.close("ClrSysId")
		x.text("MmbId", b.member)
		x.close("ClrSysMmbId")
	default:
		x.open("Othr")
		x.text("Id", "NOTPROVIDED")
		x.close("Othr")
	}
	x.close("FinInstnId", name)
}

// account writes what stands in an account element, but its currency. With a proxy the
// id is a placeholder of no scheme.
func (x *document) account(a account, scheme Code) {
	x.open("Id")
	if a.iban != "" {
		x.text("IBAN", a.iban)
	} else {
		x.open("Othr")
		x.text("Id", a.other)
		if a.proxyID == "" {
			x.code("SchmeNm", scheme)
		}
		x.close("Othr")
	}
	x.close("Id")
	if a.typ != "" {
		x.code("Tp", Code{ISO: a.typ})
	}
	if a.proxyID != "" {
		x.open("Prxy")
		x.code("Tp", a.proxy)
		x.text("Id", a.proxyID)
		x.close("Prxy")
	}
}
