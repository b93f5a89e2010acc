package rest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

// Limits of one multipart request, beside those of all requests. How large the
// body may be is the route's to say (Route.Upload).
const (
	maxParts    = 100
	maxUploads  = 16               // requests with files in memory at a time; others are sent away with 503
	maxBoundary = 70               // RFC 2046
	uploadTime  = 2 * time.Minute  // for the whole body to arrive
	bodyTime    = 15 * time.Second // for one without files
)

// Upload is a file that came in a multipart request. Decode fills fields of this
// type; a field given as text is refused, and so is a file where text belongs.
type Upload struct {
	Filename string // last element of what the client named it: any bytes, not to be trusted
	Content  []byte // never logged; what it is, its bytes say, not the part's Content-Type
}

// Size is the length of the content in bytes.
func (u Upload) Size() int64 { return int64(len(u.Content)) }

// String keeps the content out of print.
func (u Upload) String() string { return "[upload of " + strconv.Itoa(len(u.Content)) + " bytes]" }

// GoString keeps the content out of %#v too.
func (u Upload) GoString() string { return u.String() }

// DecodeParam takes a file.
func (u *Upload) DecodeParam(name string, v any) error {
	given, ok := v.(Upload)
	if !ok {
		return fault.Invalidf("", name, "Invalid file: %s must be a file, sent as a part with a filename of a multipart/form-data request.", name)
	}
	*u = given
	return nil
}

// canonical stands for a file in the fingerprint of its request.
func (u Upload) canonical(b []byte) []byte {
	sum := sha256.Sum256(u.Content)
	b = appendText(b, u.Filename)
	return append(b, sum[:]...)
}

// multipart adds the parts of a multipart/form-data body of at most limit bytes:
// a part with a filename is a file, any other a parameter as in a form. A part's
// Content-Transfer-Encoding is not followed: RFC 7578 forbids it, and nobody sends it.
func (p *parser) multipart(r *http.Request, limit int64) error {
	boundary, err := boundaryOf(r)
	if err != nil {
		return err
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	body := &io.LimitedReader{R: r.Body, N: limit + 1}
	end := &ending{r: body}
	err = p.parts(multipart.NewReader(end, boundary))
	if err == nil {
		_, err = io.Copy(io.Discard, end)
	}
	switch {
	case fault.As(err) != nil:
		return err
	case body.N <= 0:
		return tooLarge(limit)
	case err != nil || !end.is("--"+boundary+"--"):
		return badRequest("Invalid multipart/form-data: the request body could not be parsed.")
	}
	return nil
}

// ending remembers how a body ends. The standard reader tells a body that is cut
// off inside a part's header from a whole one only sometimes.
type ending struct {
	r    io.Reader
	last []byte
}

func (e *ending) Read(b []byte) (int, error) {
	const enough = maxBoundary + 16
	n, err := e.r.Read(b)
	e.last = append(e.last, b[max(0, n-enough):n]...)
	if extra := len(e.last) - enough; extra > 0 {
		e.last = append(e.last[:0], e.last[extra:]...)
	}
	return n, err
}

func (e *ending) is(boundary string) bool {
	return bytes.HasSuffix(bytes.TrimRight(e.last, " \t\r\n"), []byte(boundary))
}

func boundaryOf(r *http.Request) (string, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return "", badRequest("Request bodies cannot be compressed.")
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if b := params["boundary"]; err == nil && b != "" && len(b) <= maxBoundary {
		return b, nil
	}
	return "", badRequest("Invalid multipart/form-data: the Content-Type needs a boundary of at most 70 characters.")
}

func (p *parser) parts(reader *multipart.Reader) error {
	for n := 0; ; n++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil // the last boundary, or the body is cut off: see ending
		}
		if err != nil {
			return err
		}
		if n == maxParts {
			return badRequest("Invalid multipart/form-data: more than " + strconv.Itoa(maxParts) + " parts.")
		}
		if err := p.part(part); err != nil {
			return err
		}
	}
}

func (p *parser) part(part *multipart.Part) error {
	name := part.FormName()
	if name == "" {
		return badRequest("Invalid multipart/form-data: every part needs Content-Disposition: form-data with a name.")
	}
	if filename, isFile := filenameOf(part); isFile {
		content, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		return p.file(name, Upload{Filename: filename, Content: content})
	}
	text, err := io.ReadAll(io.LimitReader(part, 4*maxText+1)) // maxText characters are at most that many bytes
	if err != nil {
		return err
	}
	return p.pair(name, string(text))
}

// filenameOf is the last element of a part's filename, whichever system it comes
// from; isFile is true also for an empty one.
func filenameOf(part *multipart.Part) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", false
	}
	name, isFile = params["filename"]
	return name[strings.LastIndexAny(name, `/\`)+1:], isFile
}

// file puts a file at a plain name: no parameter of the API is a file inside a hash.
// As with texts, of equal names the last wins.
func (p *parser) file(name string, u Upload) error {
	if strings.ContainsAny(name, "[]") || !fine(name) {
		return badName(name)
	}
	if p.count++; p.count > maxParams || len(p.root.keys) >= maxElements {
		return tooMany(name)
	}
	child := &node{kind: upload, file: &u}
	switch old := p.root.get(name); {
	case old == nil:
		p.root.put(name, child)
	case old.kind == upload:
		*old = *child
	default:
		return fault.Invalidf("", name, "Invalid parameter: %s is given both as a file and as a value.", name)
	}
	return nil
}

// receive is parseParams with a bound on how long a body may take to arrive, so that a
// trickle of bytes does not keep a place among the requests in hand, or one of the few
// for uploads.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, route *Route) (*node, error) {
	if r.ContentLength == 0 {
		return parseParams(r, route.Upload)
	}
	patience := s.bodyTime
	if route.Upload > 0 {
		patience = uploadTime
	}
	conn := http.NewResponseController(w)
	limited := conn.SetReadDeadline(time.Now().Add(patience)) == nil
	params, err := parseParams(r, route.Upload)
	if limited && err == nil {
		// Lifted again: the server watches the connection while the door works. After an
		// error it stays, for the server waits for what is left of the body.
		_ = conn.SetReadDeadline(time.Time{})
	}
	return params, err
}

// enterUpload takes a place for a request with files, and gives the way out.
func (s *Server) enterUpload() (leave func(), err error) {
	select {
	case s.uploads <- struct{}{}:
		return func() { <-s.uploads }, nil
	default:
		return nil, &fault.Error{Kind: fault.Unavailable, Message: "Too many files are being uploaded right now. Please retry."}
	}
}
