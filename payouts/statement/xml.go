package statement

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// Bounds of one XML file: what honest ones stay far below.
const (
	maxToken = 1 << 20 // bytes of one tag or text
	maxDepth = 64
	maxField = 64 << 10 // bytes of one field of any format
)

var errTooLong = errors.New("something in the file is longer than any bank writes")

// bounded feeds a decoder and fails when it reads too far without a pause, so that
// a tag or text without end is not collected in memory.
type bounded struct {
	r          io.Reader
	buf        []byte
	at, filled int
	since      int
	err        error
}

func newBounded(r io.Reader) *bounded { return &bounded{r: r, buf: make([]byte, 64<<10)} }

// pause says that what was read so far has been used.
func (b *bounded) pause() { b.since = 0 }

func (b *bounded) ReadByte() (byte, error) {
	for b.at == b.filled {
		if b.err != nil {
			return 0, b.err
		}
		b.at = 0
		b.filled, b.err = b.r.Read(b.buf)
	}
	if b.since++; b.since > maxToken {
		return 0, errTooLong
	}
	c := b.buf[b.at]
	b.at++
	return c, nil
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	n := copy(p[1:], b.buf[b.at:b.filled])
	b.at += n
	b.since += n
	return n + 1, nil
}

// elements walks an XML file from the outside in. Names are local ones: a bank
// may write its tags with a prefix.
type elements struct {
	source *bounded
	d      *xml.Decoder
	open   []xml.Name // of Space the prefix, for the end tags to agree
	attrs  []xml.Attr
	text   []byte
}

func newElements(r io.Reader) *elements {
	e := &elements{source: newBounded(r)}
	e.d = xml.NewDecoder(e.source)
	e.d.CharsetReader = charset
	return e
}

// token is the next one; it makes sure that tags close in order.
func (e *elements) token() (xml.Token, error) {
	e.source.pause()
	t, err := e.d.RawToken()
	if err != nil {
		return nil, e.broken(err)
	}
	switch t := t.(type) {
	case xml.StartElement:
		if len(e.open) == maxDepth {
			return nil, problemf("the XML is nested too deep")
		}
		e.open, e.attrs = append(e.open, t.Name), t.Attr
	case xml.EndElement:
		last := len(e.open) - 1
		if last < 0 || e.open[last] != t.Name {
			return nil, problemf("the XML is not well formed near line %d", e.near())
		}
		e.open = e.open[:last]
	}
	return t, nil
}

func (e *elements) near() int {
	line, _ := e.d.InputPos()
	return line
}

// broken turns an error of the decoder, which shows what it read, into one that does not.
func (e *elements) broken(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, errTooLong):
		return problemf("%s, near line %d", errTooLong.Error(), e.near())
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return problemf("the XML ends before it is complete")
	case errors.Is(err, errCharset):
		return problemf("the XML is in a character set that is not known")
	case e.source.err != nil && !errors.Is(e.source.err, io.EOF):
		return e.source.err // what is read from failed, not what was read
	}
	return problemf("the XML is not well formed near line %d", e.near())
}

// child is the next child element of the one that is open, or ok is false at its end.
func (e *elements) child() (name string, ok bool, err error) {
	for {
		t, err := e.token()
		if err != nil {
			return "", false, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t.Name.Local, true, nil
		case xml.EndElement:
			return "", false, nil
		}
	}
}

// children calls each for every child of the element that is open; each reads the
// child to its end (by children, value or skip).
func (e *elements) children(each func(name string) error) error {
	for {
		name, ok, err := e.child()
		if err != nil || !ok {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
	}
}

// value is the text of the element that is open, with that of what is inside it.
func (e *elements) value() (string, error) {
	e.text = e.text[:0]
	for depth := len(e.open); ; {
		t, err := e.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			if len(e.text)+len(t) > maxField {
				return "", problemf("%s, near line %d", errTooLong.Error(), e.near())
			}
			e.text = append(e.text, t...)
		case xml.EndElement:
			if len(e.open) < depth {
				return string(bytes.TrimSpace(e.text)), nil
			}
		}
	}
}

// into reads the text of the element that is open into a place.
func (e *elements) into(place *string) error {
	text, err := e.value()
	*place = text
	return err
}

// skip reads to the end of the element that is open.
func (e *elements) skip() error {
	for depth := len(e.open); ; {
		t, err := e.token()
		if err != nil {
			return err
		}
		if _, end := t.(xml.EndElement); end && len(e.open) < depth {
			return nil
		}
	}
}

// attr is an attribute of the element that was opened last.
func (e *elements) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// finish reads to the end of the file: nothing but comments and space may follow.
func (e *elements) finish() error {
	for {
		e.source.pause()
		t, err := e.d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return e.broken(err)
		}
		text, isText := t.(xml.CharData)
		_, isComment := t.(xml.Comment)
		if !isComment && (!isText || strings.TrimSpace(string(text)) != "") {
			return problemf("something follows the end of the XML")
		}
	}
}

var errCharset = errors.New("unknown character set")

// charset reads the one-byte character sets that banks still write.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii":
		return r, nil
	case "iso-8859-1", "iso-8859-15", "latin1", "windows-1252":
		return &latin{r: r}, nil
	}
	return nil, errCharset
}

// latin turns ISO 8859-1 into UTF-8.
type latin struct {
	r    io.Reader
	buf  [4 << 10]byte
	rest []byte
}

func (l *latin) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		n, err := l.r.Read(l.buf[:])
		if n == 0 {
			return 0, err
		}
		l.rest = l.rest[:0]
		for _, c := range l.buf[:n] {
			l.rest = append(l.rest, string(rune(c))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
