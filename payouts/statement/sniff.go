package statement

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
)

// Format is how a file is written. CSV is "csv:" and the name of a profile.
type Format string

// The formats that are read here, and those that are only recognized: somebody
// else reads them.
const (
	Camt    Format = "camt"
	MT      Format = "mt940"
	BAI2    Format = "bai2"
	Pain002 Format = "pain.002"
	NACHA   Format = "nacha"
	CSV     Format = "csv:"
)

// head is how much of a file is looked at.
const head = 4 << 10

var (
	painSpace = regexp.MustCompile(`urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.\d\d`)
	swiftHead = regexp.MustCompile(`(?m)^(?:\{1:|:20:|:25:|:940:)|\{4:\r?\n?:20:`)
)

// Sniff tells the format of a file by how it begins, and gives a reader that begins
// there again. It is "" for what is not recognized.
func Sniff(r io.Reader, profiles []Profile) (Format, io.Reader) {
	b := bufio.NewReaderSize(r, head)
	begins, _ := b.Peek(head) // a short file is all there is; an error comes again when it is read
	return recognize(begins, profiles), b
}

func recognize(begins []byte, profiles []Profile) Format {
	begins = bytes.TrimLeft(bytes.TrimPrefix(begins, []byte("\xEF\xBB\xBF")), " \t\r\n\x01")
	switch {
	case bytes.HasPrefix(begins, []byte("<")) && painSpace.Match(begins):
		return Pain002
	case bytes.HasPrefix(begins, []byte("<")):
		return Camt
	case bytes.HasPrefix(begins, []byte("01,")):
		return BAI2
	case bytes.HasPrefix(begins, []byte("101 ")):
		return NACHA
	case swiftHead.Match(begins):
		return MT
	}
	for _, p := range profiles {
		lines := strings.SplitN(string(begins), "\n", p.Skip+2)
		if len(lines) > p.Skip && headed(lines[p.Skip], p) {
			return CSV + Format(p.Name)
		}
	}
	return ""
}

// headed reports whether a line is the header of a profile.
func headed(line string, p Profile) bool {
	cells := strings.Split(strings.TrimSpace(line), p.Delimiter)
	if len(cells) != len(p.Header) {
		return false
	}
	for i, cell := range cells {
		if strings.Trim(cell, `" `) != p.Header[i] {
			return false
		}
	}
	return true
}

// Read reads a file of a format that is read here.
func Read(format Format, r io.Reader, profiles []Profile, sink Sink) error {
	switch format {
	case Camt:
		return ReadCamt(r, sink)
	case MT:
		return ReadMT(r, sink)
	case BAI2:
		return ReadBAI2(r, sink)
	}
	for _, p := range profiles {
		if format == CSV+Format(p.Name) {
			return ReadCSV(r, p, sink)
		}
	}
	return problemf("the format of the file is not known")
}
