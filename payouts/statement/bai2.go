package statement

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// bai reads BAI2. It is our own because the one library there is holds the whole
// file in memory, ends the process on a read error, and does not add up the control
// totals, which are all that tells a damaged file from a whole one.
type bai struct {
	tally
	record   string // the record that is being put together: continuations may follow
	further  int    // its continuations
	file     baiTotal
	group    baiTotal
	account  baiTotal
	fileID   string
	asOf     time.Time
	currency money.Currency // of the group
	ended    bool
}

// baiTotal is what a trailer must repeat.
type baiTotal struct {
	open    bool
	sum     int64
	parts   int // groups of a file, accounts of a group
	records int
}

// baiRecords splits a line at "/ 16," and the like: some banks write several records a line.
var baiRecords = regexp.MustCompile(`/\s+(?:01|02|03|16|49|88|98|99),`)

var baiCode = regexp.MustCompile(`^(01|02|03|16|49|88|98|99),`)

// ReadBAI2 reads a cash management balance report, version 2.
func ReadBAI2(r io.Reader, sink Sink) error {
	b := &bai{tally: tally{sink: sink}}
	lines := newLines(r)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for line = strings.TrimSpace(line); line != ""; {
			piece := line
			if at := baiRecords.FindStringIndex(line); at != nil {
				piece = line[:at[0]+1]
			}
			if err := b.take(strings.TrimSpace(piece)); err != nil {
				return err
			}
			line = strings.TrimSpace(line[len(piece):])
		}
	}
	if err := b.flush(); err != nil {
		return err
	}
	if !b.ended {
		return problemf("the file ends before its trailer")
	}
	return b.done()
}

// take adds a piece to the record before it, or begins another.
func (b *bai) take(piece string) error {
	begins := baiCode.FindString(piece)
	if begins == "" || begins == "88," {
		if b.record == "" {
			return problemf("the file is no BAI2 file")
		}
		if len(b.record) > maxField {
			return problemf("%s", errTooLong.Error())
		}
		if begins == "88," {
			b.further++
			b.record = b.continued(piece[len(begins):])
			return nil
		}
		b.record += " " + piece
		return nil
	}
	if err := b.flush(); err != nil {
		return err
	}
	b.record = piece
	return nil
}

// continued is the record with what an 88 adds: fields, or a further line of text.
func (b *bai) continued(more string) string {
	have := strings.TrimSuffix(b.record, "/")
	if strings.HasPrefix(have, "16,") {
		if _, _, complete := baiDetail(have); complete {
			return have + "\n" + more
		}
	}
	return have + "," + more
}

// flush reads the record that is complete now.
func (b *bai) flush() error {
	record := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(b.record), "/"))
	if record == "" {
		return nil
	}
	n := 1 + b.further
	b.record, b.further = "", 0
	if b.ended {
		return problemf("something follows the trailer of the file")
	}
	b.file.records += n
	b.group.records += n
	b.account.records += n
	fields := strings.Split(record, ",")
	switch fields[0] {
	case "01":
		if b.file.open {
			return problemf("the file has two headers")
		}
		b.file = baiTotal{open: true, records: n}
		b.fileID = field(fields, 5)
		return nil
	case "02":
		return b.openGroup(fields, n)
	case "03":
		return b.openAccount(fields, n)
	case "16":
		return b.detail(record)
	case "49":
		return b.closeAccount(fields)
	case "98":
		return b.closeGroup(fields)
	}
	return b.closeFile(fields) // 99
}

func field(fields []string, i int) string {
	if i >= len(fields) {
		return ""
	}
	return strings.TrimSpace(fields[i])
}

func (b *bai) openGroup(fields []string, n int) (err error) {
	if !b.file.open || b.group.open {
		return problemf("a group begins at the wrong place")
	}
	b.group = baiTotal{open: true, records: n}
	b.currency = "usd"
	if code := field(fields, 6); code != "" {
		if b.currency, err = money.ParseCurrency(code); err != nil {
			return problemf("a currency is not of ISO 4217")
		}
	}
	b.asOf, err = baiDay(field(fields, 4))
	return err
}

// baiDay reads YYMMDD.
func baiDay(text string) (time.Time, error) {
	d, err := time.Parse("060102", text)
	if err != nil {
		return d, problemf("a date is not a date")
	}
	return d, nil
}

func (b *bai) openAccount(fields []string, n int) (err error) {
	if !b.group.open || b.account.open {
		return problemf("an account begins at the wrong place")
	}
	b.account = baiTotal{open: true, records: n}
	b.start(Booked)
	b.now.ID, b.now.Account, b.now.Currency = b.fileID, secret.New(field(fields, 1)), b.currency
	b.now.From, b.now.To = b.asOf, b.asOf
	if code := field(fields, 2); code != "" {
		if b.now.Currency, err = money.ParseCurrency(code); err != nil {
			return b.problem("a currency is not of ISO 4217")
		}
	}
	return b.summaries(fields[min(3, len(fields)):])
}

// The types of a summary that are the balances of a day's books.
const (
	baiOpening = "010"
	baiClosing = "015"
)

// summaries reads type, amount, item count and funds of what an 03 says in sum.
func (b *bai) summaries(fields []string) error {
	for len(fields) > 0 {
		kind, text := field(fields, 0), field(fields, 1)
		used, ok := baiFunds(fields, 3)
		if !ok {
			return b.problem("a summary cannot be read")
		}
		fields = fields[used:]
		if text == "" {
			continue
		}
		minor, err := whole(text)
		if err != nil {
			return b.problem(err.Error())
		}
		if b.account.sum, err = add(b.account.sum, minor); err != nil {
			return b.problem(err.Error())
		}
		switch kind {
		case baiOpening:
			b.now.Opening = &Balance{Minor: minor, On: b.asOf}
		case baiClosing:
			b.now.Closing = &Balance{Minor: minor, On: b.asOf}
		}
	}
	return nil
}

// baiFunds is how many fields are used up to the end of a funds type that stands at
// a place, with the availability that follows it.
func baiFunds(fields []string, at int) (used int, ok bool) {
	used = at + 1
	switch field(fields, at) {
	case "S":
		used += 3
	case "V":
		used += 2
	case "D":
		n, err := strconv.Atoi(field(fields, at+1))
		if err != nil || n < 0 || n > len(fields) {
			return 0, false
		}
		used += 1 + 2*n
	}
	return min(used, len(fields)), true
}

// baiDetail cuts an 16 into its fields and the text, which may hold commas. complete
// says that all fields are there.
func baiDetail(record string) (fields []string, text string, complete bool) {
	first, more, _ := strings.Cut(record, "\n")
	all := strings.Split(first, ",")
	used, ok := baiFunds(all, 3)
	if !ok || len(all) <= used+2 { // bank reference, customer reference, and a text
		return all, "", false
	}
	text = strings.Join(all[used+2:], ",")
	return all[:used+2], joined(text, more), true
}

// baiReturns are the types of entries that tell of something that came back.
var baiReturns = map[string]bool{"257": true, "261": true, "266": true, "555": true, "557": true}

var (
	baiReason = regexp.MustCompile(`\bR\d{2}\b`)
	baiEnd    = regexp.MustCompile(`(?m)^EREF: ?(\S+)`)
)

func (b *bai) detail(record string) error {
	if !b.account.open {
		return problemf("an entry stands outside of an account")
	}
	fields, note, complete := baiDetail(record)
	code, given := field(fields, 1), field(fields, 2)
	if code == "890" {
		return nil // information, without an amount
	}
	minor, err := whole(given)
	if err != nil {
		return b.nextProblem(err)
	}
	if b.account.sum, err = add(b.account.sum, minor); err != nil {
		return b.nextProblem(err)
	}
	sign, ok := baiSign(code)
	if !ok {
		return b.nextProblem(errors.New("its type code says neither credit nor debit"))
	}
	l := Line{Booked: b.asOf, Valued: b.asOf, Amount: money.New(sign*minor, b.now.Currency), Code: code, Return: baiReturns[code]}
	if field(fields, 3) == "V" {
		if l.Valued, err = baiDay(field(fields, 4)); err != nil {
			return b.nextProblem(err)
		}
	}
	if complete {
		l.References.Bank, l.References.EndToEnd = field(fields, len(fields)-2), field(fields, len(fields)-1)
	} else if used, ok := baiFunds(fields, 3); ok {
		l.References.Bank, l.References.EndToEnd = field(fields, used), field(fields, used+1)
	}
	if own := baiEnd.FindStringSubmatch(note); own != nil {
		l.References.EndToEnd = own[1]
	}
	if l.Return {
		l.Reason = baiReason.FindString(note)
	}
	l.Remittance = secret.New(clip(strings.TrimSpace(note)))
	return b.line(l)
}

// baiSign tells credits from debits by the ranges of the type codes.
func baiSign(code string) (int64, bool) {
	n, err := strconv.Atoi(code)
	switch {
	case err != nil:
	case n >= 100 && n <= 399, n == 720, n >= 920 && n <= 959:
		return 1, true
	case n >= 400 && n <= 699, n >= 960 && n <= 999:
		return -1, true
	}
	return 0, false
}

func (b *bai) closeAccount(fields []string) error {
	if !b.account.open {
		return problemf("an account ends that never began")
	}
	sum, err := b.account.equals(field(fields, 1), field(fields, 2), "")
	if err != nil {
		return b.problem(err.Error())
	}
	b.account.open = false
	b.group.parts++
	if b.group.sum, err = add(b.group.sum, sum); err != nil {
		return b.problem(err.Error())
	}
	return b.end(false)
}

func (b *bai) closeGroup(fields []string) error {
	if !b.group.open || b.account.open {
		return problemf("a group ends at the wrong place")
	}
	sum, err := b.group.equals(field(fields, 1), field(fields, 3), field(fields, 2))
	if err != nil {
		return problemf("a group: %s", err)
	}
	b.group.open = false
	b.file.parts++
	b.file.sum, err = add(b.file.sum, sum)
	return err
}

func (b *bai) closeFile(fields []string) error {
	if !b.file.open || b.group.open {
		return problemf("the file ends at the wrong place")
	}
	if _, err := b.file.equals(field(fields, 1), field(fields, 3), field(fields, 2)); err != nil {
		return problemf("the file: %s", err)
	}
	b.ended = true
	return nil
}

// equals holds what was read against a trailer.
func (t baiTotal) equals(total, records, parts string) (int64, error) {
	sum, err := whole(total)
	if err != nil {
		return 0, err
	}
	if sum != t.sum {
		return 0, errors.New("the control total is not the sum of its amounts")
	}
	if n, err := strconv.Atoi(records); err != nil || n != t.records {
		return 0, errors.New("it does not hold as many records as its trailer says")
	}
	if n, err := strconv.Atoi(parts); parts != "" && (err != nil || n != t.parts) {
		return 0, errors.New("it does not hold as many parts as its trailer says")
	}
	return sum, nil
}
