package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/fault"
)

// Limits of one request. They are far above what any documented call needs.
const (
	maxBody     = 1 << 20 // bytes
	maxDepth    = 10      // nesting of a[b][c]…
	maxParams   = 2000    // scalars, over query and body
	maxElements = 1000    // of one array or object
	maxText     = 5000    // characters of one value
)

// kind is the sort of a node.
type kind uint8

const (
	nothing kind = iota // JSON null
	scalar              // text, number or boolean: all kept as their text
	list                // a[]=… or a JSON array
	object              // a[b]=… or a JSON object; also a[0]=…, which decodes into arrays
	upload              // a file of a multipart body
)

// node is a request's parameters as a tree, the same for form and JSON. Numbers
// stay text until a typed field wants them, so no amount ever passes through a float.
type node struct {
	kind  kind
	text  string
	items []*node
	keys  []string // in order of arrival; vals beside
	vals  []*node
	index map[string]int // only of big objects
	file  *Upload
}

// indexFrom is the object size at which a map beats looking at each key.
const indexFrom = 16

func (n *node) get(key string) *node {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return n.vals[i]
		}
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.vals[i]
		}
	}
	return nil
}

func (n *node) put(key string, child *node) {
	n.keys, n.vals = append(n.keys, key), append(n.vals, child)
	switch {
	case n.index != nil:
		n.index[key] = len(n.keys) - 1
	case len(n.keys) > indexFrom:
		n.index = make(map[string]int, 4*indexFrom)
		for i, k := range n.keys {
			n.index[k] = i
		}
	}
}

// take removes a key and returns its node, or nil.
func (n *node) take(key string) *node {
	i := slices.Index(n.keys, key)
	if i < 0 {
		return nil
	}
	taken := n.vals[i]
	n.keys, n.vals = slices.Delete(n.keys, i, i+1), slices.Delete(n.vals, i, i+1)
	if n.index != nil {
		n.index = nil
		if len(n.keys) > indexFrom {
			n.index = make(map[string]int, len(n.keys))
			for i, k := range n.keys {
				n.index[k] = i
			}
		}
	}
	return taken
}

// elements is the node as an array: a list, or an object whose keys are all
// indexes, in their order, gaps closed. ok is false for anything else.
func (n *node) elements() (items []*node, ok bool) {
	if n.kind == list {
		return n.items, true
	}
	if n.kind != object {
		return nil, false
	}
	type element struct {
		at int
		n  *node
	}
	found := make([]element, len(n.keys))
	for i, key := range n.keys {
		at, err := strconv.Atoi(key)
		if err != nil || at < 0 || strconv.Itoa(at) != key {
			return nil, false
		}
		found[i] = element{at, n.vals[i]}
	}
	slices.SortFunc(found, func(a, b element) int { return a.at - b.at })
	items = make([]*node, len(found))
	for i := range found {
		items[i] = found[i].n
	}
	return items, true
}

// plain is the node as ParamDecoder sees it.
func (n *node) plain() any {
	switch n.kind {
	case scalar:
		return n.text
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.plain()
		}
		return out
	case object:
		out := make(map[string]any, len(n.keys))
		for i, key := range n.keys {
			out[key] = n.vals[i].plain()
		}
		return out
	case upload:
		return *n.file
	case nothing:
	}
	return nil
}

// canonical appends an unambiguous spelling that does not depend on the order of
// keys or on the encoding of the request.
func (n *node) canonical(b []byte) []byte {
	b = append(b, byte(n.kind))
	switch n.kind {
	case scalar:
		b = appendText(b, n.text)
	case list:
		b = strconv.AppendInt(b, int64(len(n.items)), 10)
		b = append(b, ':')
		for _, item := range n.items {
			b = item.canonical(b)
		}
	case object:
		order := make([]int, len(n.keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(x, y int) int { return strings.Compare(n.keys[x], n.keys[y]) })
		b = strconv.AppendInt(b, int64(len(order)), 10)
		b = append(b, ':')
		for _, i := range order {
			b = appendText(b, n.keys[i])
			b = n.vals[i].canonical(b)
		}
	case upload:
		b = n.file.canonical(b)
	case nothing:
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// parser builds one tree and counts against the limits.
type parser struct {
	root  *node
	count int
}

// parseParams reads the parameters of a request: the query, then the body (form or
// JSON, or multipart of at most uploads bytes where that is not 0).
func parseParams(r *http.Request, uploads int64) (*node, error) {
	p := &parser{root: &node{kind: object}}
	if err := p.form(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if uploads > 0 && r.Body != nil && mediaType(r) == "multipart/form-data" {
		return p.root, p.multipart(r, uploads)
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return p.root, nil // GETs often carry a form content type and nothing else
	}
	switch mediaType(r) {
	case "", "application/x-www-form-urlencoded":
		err = p.form(string(body))
	case "application/json":
		err = p.json(body)
	default:
		err = badRequest("Invalid request (check that your POST content type is application/x-www-form-urlencoded or application/json).")
	}
	if err != nil {
		return nil, err
	}
	return p.root, nil
}

func mediaType(r *http.Request) string {
	given := r.Header.Get("Content-Type")
	switch given {
	case "", "application/x-www-form-urlencoded", "application/json":
		return given // nothing to parse
	}
	media, _, err := mime.ParseMediaType(given)
	if err != nil {
		return "?"
	}
	return media
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, badRequest("Request bodies cannot be compressed.")
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge(maxBody)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(r.Body, maxBody+1)); err != nil {
		return nil, badRequest("The request body could not be read to its end.")
	}
	if buf.Len() > maxBody {
		return nil, tooLarge(maxBody)
	}
	return buf.Bytes(), nil
}

// form adds the pairs of a query or form body, in the dialect of Rack: a[b][c]=,
// a[]=, a[0][b]=, a[][b]=; of equal names the last wins.
func (p *parser) form(s string) error {
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := unescape(rawName)
		if err != nil {
			return badName(rawName)
		}
		value, err := unescape(rawValue)
		if err != nil {
			return fault.Invalidf("", name, "Invalid percent-encoding in the value of %s.", name)
		}
		if err := p.pair(name, value); err != nil {
			return err
		}
	}
	return nil
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

func (p *parser) pair(name, value string) error {
	if err := checkText(name, name); err != nil {
		return err
	}
	if err := checkText(name, value); err != nil {
		return err
	}
	var space [maxDepth]string
	path, err := splitName(name, space[:0])
	if err != nil {
		return err
	}
	if p.count++; p.count > maxParams {
		return tooMany(name)
	}
	return place(p.root, path, name, value)
}

// appendMark stands for [] in a path. No other segment is empty.
const appendMark = ""

// splitName cuts a[b][] into its segments. Brackets inside a segment are kept when
// they are balanced: metadata[x[y]] is the key "x[y]" of metadata.
func splitName(name string, path []string) ([]string, error) {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		open = len(name)
	}
	if open == 0 || strings.IndexByte(name[:open], ']') >= 0 {
		return nil, badName(name)
	}
	path = append(path, name[:open])
	for rest := name[open:]; rest != ""; {
		end := closing(rest)
		if end < 0 {
			return nil, badName(name)
		}
		segment := rest[1:end]
		if segment == appendMark && path[len(path)-1] == appendMark {
			return nil, badName(name)
		}
		if len(path) == maxDepth {
			return nil, tooDeep(name)
		}
		path = append(path, segment)
		rest = rest[end+1:]
	}
	return path, nil
}

// closing is where the bracket that opens s closes, or -1.
func closing(s string) int {
	if s[0] != '[' {
		return -1
	}
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// place puts value at path under n.
func place(n *node, path []string, name, value string) error {
	for {
		segment, rest := path[0], path[1:]
		if n.sameToken(segment, rest, value) {
			return nil
		}
		child, err := n.step(segment, rest, name)
		if err != nil {
			return err
		}
		if len(rest) == 0 {
			child.text = value
			return nil
		}
		n, path = child, rest
	}
}

// sameToken recognizes a token that stripe-go writes twice, as a value and as a
// set of values (external_account[token]=btok_1&external_account=btok_1), in either
// order; the value is kept.
func (n *node) sameToken(segment string, rest []string, value string) bool {
	const key = "token"
	if segment == appendMark {
		return false
	}
	child := n.get(segment)
	switch {
	case child == nil:
		return false
	case child.kind == scalar:
		return len(rest) == 1 && rest[0] == key && child.text == value
	case child.kind == object && len(rest) == 0 && len(child.keys) == 1:
		token := child.get(key)
		if token == nil || token.kind != scalar || token.text != value {
			return false
		}
		*child = *token
		return true
	}
	return false
}

// step finds or makes the child of n at segment, of the kind that rest needs.
func (n *node) step(segment string, rest []string, name string) (*node, error) {
	want := scalar
	switch {
	case len(rest) > 0 && rest[0] == appendMark:
		want = list
	case len(rest) > 0:
		want = object
	}
	var child *node
	if segment == appendMark {
		// a[][b]=1&a[][c]=2 fills one element until a key comes again.
		if len(rest) > 0 && len(n.items) > 0 && !n.items[len(n.items)-1].has(rest) {
			child = n.items[len(n.items)-1]
		}
	} else {
		child = n.get(segment)
	}
	if child != nil {
		if child.kind != want {
			return nil, fault.Invalidf("", name, "Invalid parameter: %s is given both as a value and as a set of values.", name)
		}
		return child, nil
	}
	if len(n.items) >= maxElements || len(n.keys) >= maxElements {
		return nil, tooMany(name)
	}
	child = &node{kind: want}
	if segment == appendMark {
		n.items = append(n.items, child)
	} else {
		n.put(segment, child)
	}
	return child, nil
}

func (n *node) has(path []string) bool {
	for _, segment := range path {
		if n.kind != object || segment == appendMark {
			return false
		}
		if n = n.get(segment); n == nil {
			return false
		}
	}
	return true
}

// json adds the members of a JSON object.
func (p *parser) json(body []byte) error {
	if !utf8.Valid(body) {
		return badRequest("The request body is not valid UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	token, err := dec.Token()
	if err != nil || token != json.Delim('{') {
		return badRequest("Invalid JSON: the request body must be one JSON object.")
	}
	if err := p.members(dec, p.root, nil); err != nil {
		return jsonFault(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("Invalid JSON: something follows the object.")
	}
	return nil
}

func jsonFault(err error) error {
	if fault.As(err) != nil {
		return err
	}
	return badRequest("Invalid JSON: the request body could not be parsed.")
}

// members reads an object up to its closing brace.
func (p *parser) members(dec *json.Decoder, into *node, at *path) error {
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		here := &path{parent: at, key: key}
		if !fine(key) {
			return checkText(here.String(), key)
		}
		child, err := p.value(dec, here)
		if err != nil {
			return err
		}
		if len(into.keys) >= maxElements {
			return tooMany(here.String())
		}
		if old := into.get(key); old != nil {
			*old = *child // the last of equal names wins
			continue
		}
		into.put(key, child)
	}
	_, err := dec.Token()
	return err
}

func (p *parser) value(dec *json.Decoder, at *path) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if p.count++; p.count > maxParams {
		return nil, tooMany(at.String())
	}
	switch token := token.(type) {
	case json.Delim:
		if at.depth() >= maxDepth {
			return nil, tooDeep(at.String())
		}
		if token == '{' {
			child := &node{kind: object}
			return child, p.members(dec, child, at)
		}
		return p.array(dec, at)
	case string:
		if !fine(token) {
			return nil, checkText(at.String(), token)
		}
		return &node{kind: scalar, text: token}, nil
	case json.Number:
		return &node{kind: scalar, text: token.String()}, nil
	case bool:
		return &node{kind: scalar, text: strconv.FormatBool(token)}, nil
	}
	return &node{kind: nothing}, nil
}

func (p *parser) array(dec *json.Decoder, at *path) (*node, error) {
	child := &node{kind: list}
	for dec.More() {
		here := &path{parent: at, key: strconv.Itoa(len(child.items))}
		if len(child.items) >= maxElements {
			return nil, tooMany(at.String())
		}
		item, err := p.value(dec, here)
		if err != nil {
			return nil, err
		}
		child.items = append(child.items, item)
	}
	_, err := dec.Token()
	return child, err
}

// fine is the quick answer of checkText for nearly every text.
func fine(text string) bool {
	return len(text) <= maxText && strings.IndexByte(text, 0) < 0 && utf8.ValidString(text)
}

// checkText refuses what PostgreSQL and JSON cannot carry, and texts without measure.
func checkText(name, text string) error {
	switch {
	case fine(text):
	case !utf8.ValidString(text):
		return fault.Invalidf("", printable(name), "Invalid string: %s is not valid UTF-8.", printable(name))
	case strings.IndexByte(text, 0) >= 0:
		return fault.Invalidf("", printable(name), "Invalid string: %s contains a NUL byte.", printable(name))
	case utf8.RuneCountInString(text) > maxText:
		return fault.Invalidf("", printable(name), "Invalid string: %s must be at most %d characters.", printable(name), maxText)
	}
	return nil
}

// printable makes a parameter name fit to be shown.
func printable(name string) string {
	name = strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "\uFFFD"), "\uFFFD")
	if utf8.RuneCountInString(name) > 100 {
		name = string([]rune(name)[:100]) + "…"
	}
	return name
}

func badRequest(message string) *fault.Error {
	return &fault.Error{Kind: fault.Invalid, Message: message, Unsaved: true}
}

func badName(name string) error {
	return fault.Invalidf("parameter_unknown", printable(name), "Invalid parameter name: %s", printable(name))
}

func tooDeep(name string) error {
	return fault.Invalidf("", printable(name), "Parameters can be nested at most %d levels deep.", maxDepth)
}

func tooMany(name string) error {
	return fault.Invalidf("", printable(name), "Too many parameters: at most %d in one request and %d in one array.", maxParams, maxElements)
}

func tooLarge(limit int64) error {
	return &fault.Error{Kind: fault.TooLarge, Unsaved: true, Message: fmt.Sprintf("The request body is larger than %d KiB.", limit>>10)}
}

// path is where in the parameters we are.
type path struct {
	parent *path
	key    string
}

func (p *path) depth() int {
	n := 0
	for ; p != nil; p = p.parent {
		n++
	}
	return n
}

// String spells a parameter as a form would: transfer_data[destination].
func (p *path) String() string {
	if p == nil {
		return ""
	}
	if p.parent == nil {
		return p.key
	}
	return p.parent.String() + "[" + p.key + "]"
}
