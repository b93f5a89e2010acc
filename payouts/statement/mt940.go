package statement

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// swiftTag begins a field. Banks put texts of their own between messages, which begin with none.
var swiftTag = regexp.MustCompile(`^:(\d\d[A-Z]?|NS):`)

// mt reads MT940 and MT942, which differ in what stands around their lines.
type mt struct {
	tally
	pending *Line    // the :61: whose :86: may follow
	text    []string // of the pending line
	opened  bool     // a message is being read
	interim bool     // it has a field that only an MT942 has
	after   bool     // its closing balance was read: an :86: tells of the whole
	totals  [2]mtTotal
	seen    [2]mtTotal // debits and credits, to hold against :90D: and :90C:
}

type mtTotal struct {
	given bool
	count int
	minor int64
}

// ReadMT reads MT940 and MT942 messages, with or without SWIFT's envelope.
func ReadMT(r io.Reader, sink Sink) error {
	m := &mt{tally: tally{sink: sink}}
	lines := newLines(r)
	tag, field := "", []string(nil)
	size := 0
	flush := func() error {
		if tag == "" {
			return nil
		}
		err := m.field(tag, field)
		tag, field, size = "", field[:0], 0
		return err
	}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if at := strings.Index(line, "{4:"); at >= 0 {
			line = line[at+len("{4:"):] // the blocks before say who sends it to whom
		}
		switch begins := swiftTag.FindStringSubmatch(line); {
		case begins != nil:
			if err := flush(); err != nil {
				return err
			}
			tag, field, size = begins[1], append(field, line[len(begins[0]):]), len(line)
		case mtEnds(line):
			if err := flush(); err != nil {
				return err
			}
			if err := m.close(); err != nil {
				return err
			}
		case tag != "":
			if size += len(line); size > maxField {
				return m.problem(errTooLong.Error())
			}
			field = append(field, line)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := m.close(); err != nil {
		return err
	}
	return m.done()
}

// mtEnds reports whether a line is the end of a message: "-", "-}", "-XXX".
func mtEnds(line string) bool {
	rest, ok := strings.CutPrefix(line, "-")
	return ok && (rest == "" || rest[0] == '}' || rest == "XXX" || rest == "\x03")
}

// field takes one field of a message.
func (m *mt) field(tag string, lines []string) error {
	if tag == "20" || !m.opened && (tag == "25" || tag[0] == '6') {
		if err := m.close(); err != nil {
			return err
		}
		m.start(Booked)
		m.opened = true
		m.interim, m.after, m.totals, m.seen = false, false, [2]mtTotal{}, [2]mtTotal{}
	}
	if !m.opened {
		return nil
	}
	first := strings.TrimSpace(lines[0])
	switch tag {
	case "25":
		m.account(first)
	case "28", "28C":
		m.now.ID = first
	case "34F", "13", "13D":
		m.interim = true
		if m.now.Opening == nil {
			m.now.Kind = Intraday
		}
		if tag == "34F" && len(first) >= 3 && m.now.Currency == "" {
			_, err := m.currency(first[:3])
			return err
		}
	case "60F", "60M":
		return m.balance(&m.now.Opening, first)
	case "62F", "62M":
		if err := m.flushLine(); err != nil {
			return err
		}
		m.after = true
		return m.balance(&m.now.Closing, first)
	case "61":
		if err := m.flushLine(); err != nil {
			return err
		}
		return m.entry(lines)
	case "86", "NS":
		if m.pending != nil && !m.after {
			m.text = append(m.text, lines...)
		}
	case "90D", "90C":
		return m.total(tag[2], first)
	}
	return nil
}

// account reads :25:, in which some banks append the currency.
func (m *mt) account(text string) {
	m.now.Account = secret.New(text)
	if n := len(text); n > 3 && text[n-4] >= '0' && text[n-4] <= '9' {
		if c, err := money.ParseCurrency(text[n-3:]); err == nil {
			m.now.Currency, m.now.Account = c, secret.New(text[:n-3])
		}
	}
}

// mtBalance is a mark, a day, a currency (left out by some) and an amount.
var mtBalance = regexp.MustCompile(`^([CD])(\d{6})([A-Z]{3})?([\d,]+)$`)

func (m *mt) balance(place **Balance, text string) error {
	part := mtBalance.FindStringSubmatch(text)
	if part == nil {
		return m.problem("a balance cannot be read")
	}
	if *place != nil {
		return m.problem("it has two balances of one kind")
	}
	m.now.Kind = Booked
	if part[3] != "" {
		c, err := m.currency(part[3])
		if err != nil {
			return err
		}
		if c != m.now.Currency {
			return m.problem("a balance is in another currency than the account")
		}
	}
	b := &Balance{}
	var err error
	if part[2] != "000000" { // of an account that had no statement before
		if b.On, err = mtDay(part[2]); err != nil {
			return m.problem(err.Error())
		}
	}
	if b.Minor, err = mtAmount(part[4], m.now.Currency); err != nil {
		return m.problem(err.Error())
	}
	if part[1] == "D" {
		b.Minor = -b.Minor
	}
	*place = b
	return nil
}

// mtAmount reads an amount with a decimal comma.
func mtAmount(text string, currency money.Currency) (int64, error) {
	if !currency.Known() {
		return 0, errors.New("it does not say its currency")
	}
	return Minor(text, ',', currency)
}

// mtDay reads YYMMDD. The thirtieth of February, which banks write that count every
// month as thirty days, is the last of it.
func mtDay(text string) (time.Time, error) {
	year, _ := strconv.Atoi(text[:2])
	month, _ := strconv.Atoi(text[2:4])
	date, _ := strconv.Atoi(text[4:])
	if year += 2000; year >= 2080 {
		year -= 100
	}
	if month == 2 && (date == 29 || date == 30) {
		date = min(date, day(year, 3, 0).Day())
	}
	d := day(year, time.Month(month), date)
	if month < 1 || month > 12 || d.Day() != date || date == 0 {
		return time.Time{}, errors.New("a date is not a date")
	}
	return d, nil
}

// mtEntry is :61: — value date, entry date (left out or blank by some), mark, funds
// code, amount, and the rest: type, references. A mark that begins with R undoes one.
var mtEntry = regexp.MustCompile(`^(\d{6})(\d{4}|    )?(R?[CD])([A-Z])?(\d[\d,]*)([A-Z].*)?$`)

func (m *mt) entry(lines []string) error {
	part := mtEntry.FindStringSubmatch(lines[0])
	rest := lines[1:]
	if part == nil && len(rest) > 0 { // broken within the field
		part = mtEntry.FindStringSubmatch(lines[0] + rest[0])
		rest = rest[1:]
	}
	if part == nil {
		return m.nextProblem(errors.New("its :61: cannot be read"))
	}
	l := Line{}
	var err error
	if l.Valued, err = mtDay(part[1]); err != nil {
		return m.nextProblem(err)
	}
	if l.Booked, err = mtBooked(l.Valued, part[2]); err != nil {
		return m.nextProblem(err)
	}
	minor, err := mtAmount(part[5], m.now.Currency)
	if err != nil {
		return m.nextProblem(err)
	}
	if part[3] == "D" || part[3] == "RC" {
		minor = -minor
	}
	l.Amount = money.New(minor, m.now.Currency)
	l.Return = part[3][0] == 'R'
	tail := part[6]
	if len(tail) >= 4 {
		l.Code, tail = strings.TrimSpace(tail[:4]), tail[4:]
	} else {
		l.Code, tail = tail, ""
	}
	own, bank, _ := strings.Cut(tail, "//")
	switch own = strings.TrimSpace(own); strings.TrimRight(own, "+") {
	case "NONREF", "NOREF", "EREF", "KREF", "PREF", "MARF": // none, or :86: has it
	default:
		l.References.EndToEnd = own
	}
	if bank = strings.TrimSpace(bank); bank != "NONREF" {
		l.References.Bank = bank
	}
	m.pending, m.text = &l, append(m.text[:0], rest...)
	if len(rest) > 0 { // supplementary details, before what :86: says
		m.text = append(m.text[:0], strings.Join(rest, " "))
	}
	return nil
}

// mtBooked is the entry date, which has no year: the one next to the value date.
func mtBooked(valued time.Time, text string) (time.Time, error) {
	if strings.TrimSpace(text) == "" {
		return valued, nil
	}
	year := valued.Year()
	switch month := text[:2]; {
	case month == "01" && valued.Month() == time.December:
		year++
	case month == "12" && valued.Month() == time.January:
		year--
	}
	return mtDay(strconv.Itoa(year)[2:] + text)
}

// flushLine hands on the line that is complete now.
func (m *mt) flushLine() error {
	if m.pending == nil {
		return nil
	}
	l := *m.pending
	m.pending = nil
	i := 1
	if l.Amount.Minor < 0 {
		i = 0
	}
	m.seen[i].count++
	m.seen[i].minor += max(l.Amount.Minor, -l.Amount.Minor)
	mtText(&l, m.text)
	return m.line(l)
}

// total reads :90D: or :90C:, which count and sum up the lines of an MT942.
var mtTotals = regexp.MustCompile(`^(\d{1,5})([A-Z]{3})([\d,]+)$`)

func (m *mt) total(which byte, text string) error {
	if err := m.flushLine(); err != nil {
		return err
	}
	m.interim, m.after = true, true
	part := mtTotals.FindStringSubmatch(text)
	if part == nil {
		return m.problem("a sum of debits or credits cannot be read")
	}
	c, err := m.currency(part[2])
	if err != nil {
		return err
	}
	i := 0
	if which == 'C' {
		i = 1
	}
	m.totals[i].given = true
	m.totals[i].count, _ = strconv.Atoi(part[1])
	if m.totals[i].minor, err = mtAmount(part[3], c); err != nil {
		return m.problem(err.Error())
	}
	return nil
}

// close ends the message that is open.
func (m *mt) close() error {
	if !m.opened {
		return nil
	}
	m.opened = false
	if err := m.flushLine(); err != nil {
		return err
	}
	s := &m.now
	if s.Opening == nil && s.Closing == nil && m.interim {
		s.Kind = Intraday
		for i, given := range m.totals {
			if given.given && (given.count != m.seen[i].count || given.minor != m.seen[i].minor) {
				return m.problem("number and sum of its entries are not those of its :90D: and :90C:")
			}
		}
	}
	if s.Kind == Booked && s.Currency == "" {
		return m.problem("it has no balances")
	}
	return m.end(true)
}

// mtKeys are the words that structure :86:, of SWIFT's and of the German kind.
var (
	mtSlash  = regexp.MustCompile(`/(EREF|PREF|MREF|MARF|IREF|KREF|CSID|BENM|ORDP|REMI|RTRN|TRTP|TRCD|IBAN|BIC|NAME|ISDT|PURP|ULTC|ULTD|OCMT|CHGS|CNTP|SVCL|EXCH|OAMT)/`)
	mtGerman = regexp.MustCompile(`^\d{3}\?`)
	mtWords  = regexp.MustCompile(`(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|RTRN|COAM|OAMT)[+:]`)
	mtReturn = regexp.MustCompile(`\b([A-Z]{2}\d{2})\b`)
)

// mtText reads what :86: says of a line, as far as it has a structure.
func mtText(l *Line, lines []string) {
	if len(lines) == 0 {
		return
	}
	whole := strings.Join(lines, "")
	free := strings.TrimSpace(strings.Join(lines, "\n"))
	switch {
	case mtGerman.MatchString(whole):
		free = mtFields(whole)
		mtFind(l, mtWords, free)
		if strings.HasPrefix(whole, "159") || strings.HasPrefix(whole, "109") || strings.HasPrefix(whole, "108") {
			l.Return = true // a transfer, or a direct debit, that came back
		}
	case mtSlash.MatchString(whole):
		mtFind(l, mtSlash, whole)
	}
	l.Remittance = secret.New(strings.ToValidUTF8(clip(free), "\uFFFD"))
}

// mtFields joins the fields ?20 to ?29 and ?60 to ?63 of a German :86:, whose
// breaks fall anywhere.
func mtFields(text string) string {
	var out strings.Builder
	for i, field := range strings.Split(text, "?") {
		if i > 0 && len(field) >= 2 && (field[0] == '2' || field[0] == '6' && field[1] < '4') {
			out.WriteString(field[2:])
		}
	}
	return out.String()
}

// mtFind takes the references out of a text that keys divide.
func mtFind(l *Line, keys *regexp.Regexp, text string) {
	found := keys.FindAllStringSubmatchIndex(text, -1)
	for i, at := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		key, value := text[at[2]:at[3]], strings.Trim(text[at[1]:end], " /")
		switch {
		case key == "EREF" && value != "" && value != "NOTPROVIDED":
			l.References.EndToEnd = value
		case (key == "PREF" || key == "KREF") && value != "":
			l.References.Batch = value
		case key == "RTRN":
			l.Return = true
			l.Reason = mtReturn.FindString(value)
		}
	}
}

// clip bounds a text that is kept.
func clip(text string) string { return text[:min(len(text), maxField)] }

// lines reads lines of bounded length, with any line ends, as UTF-8 or, where they are
// none, as Latin-1.
type lines struct {
	r *bufio.Reader
	n int
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, maxField)} }

func (l *lines) next() (string, error) {
	raw, err := l.r.ReadSlice('\n')
	l.n++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", problemf("%s, near line %d", errTooLong.Error(), l.n)
	case errors.Is(err, io.EOF) && len(raw) > 0:
	case err != nil:
		return "", err
	}
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '\r') {
		raw = raw[:len(raw)-1]
	}
	return text(raw), nil
}

// text is bytes of a bank as a string.
func text(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	out := make([]rune, len(raw))
	for i, c := range raw {
		out[i] = rune(c)
	}
	return string(out)
}
