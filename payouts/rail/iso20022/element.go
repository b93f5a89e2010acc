package iso20022

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/sluicepay/sluice/platform/money"
)

// element is one that has begun. Whoever gets it reads it to its end: by each, text,
// amount or skip. All elements are in the namespace of the document.
type element struct {
	name  string
	attrs []xml.Attr
	space string
	d     *xml.Decoder
}

// deepest is how many elements may stand in each other; the schemas have about fifteen.
const deepest = 64

// read gives each part of a message to a function: the children of the element body, which
// is alone in a Document of a namespace that namespace matches.
func read(file io.Reader, namespace *regexp.Regexp, body string, part func(*element) error) error {
	d := xml.NewDecoder(file)
	d.CharsetReader = charset
	root, err := start(d)
	if err != nil {
		return err
	}
	if root.name != "Document" || !namespace.MatchString(root.space) {
		return errors.New("it is not a file of this kind")
	}
	found := false
	err = root.each(func(e *element) error {
		if e.name != body || found {
			return fmt.Errorf("%s: want one %s", e.name, body)
		}
		found = true
		return e.each(part)
	})
	if err == nil && !found {
		err = fmt.Errorf("%s is missing", body)
	}
	if err != nil {
		return err
	}
	_, err = start(d)
	switch {
	case err == nil:
		return errors.New("something stands behind the document")
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// start is the next element at the top; io.EOF if there is none.
func start(d *xml.Decoder) (*element, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return nil, syntax(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			return &element{name: t.Name.Local, attrs: t.Attr, space: t.Name.Space, d: d}, nil
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return nil, errors.New("text stands outside the document")
			}
		case xml.Directive:
			return nil, errors.New("it has a document type declaration")
		}
	}
}

// each gives the children to a function, which reads them to their end.
func (e *element) each(child func(*element) error) error {
	for {
		token, err := e.d.Token()
		if err != nil {
			return syntax(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Space != e.space {
				return fmt.Errorf("%s: an element of another namespace", e.name)
			}
			if err := child(&element{name: t.Name.Local, attrs: t.Attr, space: e.space, d: e.d}); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return fmt.Errorf("%s: text between elements", e.name)
			}
		case xml.Directive:
			return fmt.Errorf("%s: a declaration", e.name)
		}
	}
}

// text is the text of an element that has nothing else.
func (e *element) text() (string, error) {
	var b strings.Builder
	for {
		token, err := e.d.Token()
		if err != nil {
			return "", syntax(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			return "", fmt.Errorf("%s: an element where text should be", e.name)
		case xml.EndElement:
			return strings.TrimSpace(b.String()), nil
		case xml.CharData:
			b.Write(t)
		case xml.Directive:
			return "", fmt.Errorf("%s: a declaration", e.name)
		}
	}
}

// skip reads over an element, of whatever namespaces.
func (e *element) skip() error {
	for depth := 1; depth > 0; {
		token, err := e.d.Token()
		if err != nil {
			return syntax(err)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return fmt.Errorf("%s: a declaration", e.name)
		}
		if depth > deepest {
			return fmt.Errorf("%s: more than %d elements in each other", e.name, deepest)
		}
	}
	return nil
}

// syntax is a decoder's error without what it quotes of the file.
func syntax(err error) error {
	var wrong *xml.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("line %d: not well-formed XML", wrong.Line)
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return err
}

var decimal = regexp.MustCompile(`^(\d{1,16})(?:\.(\d{0,17}))?$`)

// amount reads an amount with its currency, exactly.
func (e *element) amount() (money.Amount, error) {
	var currency money.Currency
	for _, a := range e.attrs {
		if a.Name.Local == "Ccy" {
			currency = money.Currency(strings.ToLower(a.Value))
		}
	}
	text, err := e.text()
	if err != nil {
		return money.Amount{}, err
	}
	if !currency.Known() {
		return money.Amount{}, fmt.Errorf("%s: not a currency of ISO 4217", e.name)
	}
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return money.Amount{}, fmt.Errorf("%s: not an amount", e.name)
	}
	fraction := strings.TrimRight(parts[2], "0")
	if len(fraction) > currency.Exponent() {
		return money.Amount{}, fmt.Errorf("%s: more decimals than %s has", e.name, currency)
	}
	minor, err := strconv.ParseInt(parts[1]+fraction+strings.Repeat("0", currency.Exponent()-len(fraction)), 10, 64)
	amount := money.New(minor, currency)
	if err != nil || amount.Check() != nil {
		return money.Amount{}, fmt.Errorf("%s: more than an amount can be", e.name)
	}
	return amount, nil
}

// dateTime reads a date and time; one without an offset is taken for UTC.
func dateTime(e *element) (time.Time, error) {
	text, err := e.text()
	if err != nil {
		return time.Time{}, err
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: not a date and time", e.name)
}

// charset reads the encodings that banks still write besides UTF-8.
func charset(label string, file io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii":
		return file, nil
	case "iso-8859-1":
		return charmap.ISO8859_1.NewDecoder().Reader(file), nil
	case "iso-8859-15":
		return charmap.ISO8859_15.NewDecoder().Reader(file), nil
	case "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(file), nil
	}
	return nil, errors.New("an encoding that is none of UTF-8, ISO-8859-1, ISO-8859-15, Windows-1252")
}
