package family

import (
	"bytes"
	"iter"
	"unicode/utf8"
)

const (
	maxBytes = 256 << 20 // offsets are 32 bits; a million scalar tasks are 100 MB
	maxDepth = 64
)

var bom = []byte("\xef\xbb\xbf")

// kind is what a node of the document is.
type kind uint8

const (
	null    kind = iota // nothing written
	plain               // a scalar without quotes
	quoted              // a scalar in single or double quotes
	list                // children: the items
	mapping             // children: key, value, key, value, …
)

// A node is one value of the document. Nodes are kept in document order, so
// that the descendants of node i are i+1 … skip−1.
type node struct {
	kind kind
	pos  uint32 // offset of the first byte
	end  uint32 // offset past the last byte
	skip uint32
}

// A tree is a document read, and the text it was read from.
type tree struct {
	file  string
	src   []byte
	nodes []node
}

// items yields the children of a list.
func (t *tree) items(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for c := n + 1; c < int(t.nodes[n].skip); c = int(t.nodes[c].skip) {
			if !yield(c) {
				return
			}
		}
	}
}

// entries yields the key nodes of a mapping; the value of key k is node k+1.
func (t *tree) entries(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for k := n + 1; k < int(t.nodes[n].skip); k = int(t.nodes[k+1].skip) {
			if !yield(k) {
				return
			}
		}
	}
}

// raw is the text of a node as written, quotes included.
func (t *tree) raw(n int) []byte { return t.src[t.nodes[n].pos:t.nodes[n].end] }

// keyText is the text of a key for messages and comparison; a key whose quotes
// hold a bad escape stands for itself and matches nothing.
func (t *tree) keyText(k int) string {
	s, err := t.text(k)
	if err != nil {
		return string(t.raw(k))
	}
	return s
}

// parse reads a document. Time and memory are proportional to len(src): each
// byte is looked at a bounded number of times, and each scalar costs a node.
func parse(file string, src []byte) (*tree, error) {
	p := &parser{tree: tree{file: file, src: src}}
	if err := p.characters(); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(src, bom) {
		p.i = len(bom)
	}
	p.line = p.i
	p.nodes = make([]node, 0, p.estimate())
	if err := p.document(); err != nil {
		return nil, err
	}
	return &p.tree, nil
}

type parser struct {
	tree
	i     int // next byte
	line  int // first byte of its line
	depth int // collections open
}

// characters refuses what no text file contains.
func (p *parser) characters() error {
	if len(p.src) > maxBytes {
		return tooLarge(p.file, int64(len(p.src)))
	}
	if !utf8.Valid(p.src) {
		for i := 0; i < len(p.src); {
			r, n := utf8.DecodeRune(p.src[i:])
			if r == utf8.RuneError && n <= 1 {
				return p.fail(i, ErrSyntax, "byte %#02x is not UTF-8", p.src[i])
			}
			i += n
		}
	}
	for i, c := range p.src {
		if c >= ' ' && c != 0x7f || c == '\n' || c == '\t' {
			continue
		}
		if c == '\r' {
			if i+1 < len(p.src) && p.src[i+1] == '\n' {
				continue
			}
			return p.fail(i, ErrSyntax, "a carriage return without a line feed")
		}
		return p.fail(i, ErrSyntax, "control character %#02x", c)
	}
	return nil
}

// estimate is about the number of nodes, and rarely below it: a key and a value
// for every colon, an item for every comma, bracket and dash. It saves growing
// the slice of nodes, and is at most one for two bytes.
func (p *parser) estimate() int {
	n := 1
	for i, c := range p.src {
		switch c {
		case ':':
			if p.blank(i + 1) {
				n += 2
			}
		case ',', '[', '{':
			n++
		case '-':
			if p.blank(i + 1) {
				n++
			}
		}
	}
	return min(n, len(p.src)/2+1)
}

// document = [---] node [...]
func (p *parser) document() error {
	if _, err := p.next(); err != nil {
		return err
	}
	if p.is('%') {
		return p.fail(p.i, ErrSyntax, "YAML directives are not supported")
	}
	if p.marker("---") {
		p.i += 3
		if fresh, err := p.next(); err != nil {
			return err
		} else if !fresh && p.i < len(p.src) {
			return p.fail(p.i, ErrSyntax, "the document starts on the line below ---")
		}
	}
	if err := p.value(-1, false); err != nil {
		return err
	}
	if _, err := p.next(); err != nil {
		return err
	}
	if p.marker("...") {
		p.i += 3
		if _, err := p.next(); err != nil {
			return err
		}
	}
	switch {
	case p.i == len(p.src):
		return nil
	case p.marker("---"), p.marker("..."):
		return p.fail(p.i, ErrSyntax, "a second document: a family file holds one")
	}
	return p.fail(p.i, ErrSyntax, "unexpected text after the end of the value; is the indentation right?")
}

// marker reports whether the next three bytes are a document marker.
func (p *parser) marker(m string) bool {
	return p.i == p.line && bytes.HasPrefix(p.src[p.i:], []byte(m)) && p.blank(p.i+3)
}

func (p *parser) is(c byte) bool { return p.i < len(p.src) && p.src[p.i] == c }

// blank reports whether a token cannot go on at offset i.
func (p *parser) blank(i int) bool {
	if i >= len(p.src) {
		return true
	}
	switch p.src[i] {
	case ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// dash reports whether the next byte introduces a list item.
func (p *parser) dash() bool { return p.is('-') && p.blank(p.i+1) }

// comment reports whether the # at p.i starts a comment.
func (p *parser) comment() bool { return p.i == p.line || p.blank(p.i-1) }

// next goes to the next token and reports whether it left the line. Where a
// line starts with the token, its indentation must be spaces.
func (p *parser) next() (fresh bool, err error) {
	fresh = p.space()
	if !fresh || p.i == len(p.src) {
		return fresh, nil
	}
	if t := bytes.IndexByte(p.src[p.line:p.i], '\t'); t >= 0 {
		return fresh, p.fail(p.line+t, ErrSyntax, "a tab in the indentation: YAML indents with spaces")
	}
	return fresh, nil
}

// space skips white space and comments, and reports whether it left the line.
func (p *parser) space() (fresh bool) {
	for p.i < len(p.src) {
		switch p.src[p.i] {
		case ' ', '\t', '\r':
			p.i++
		case '\n':
			p.i++
			p.line = p.i
			fresh = true
		case '#':
			if !p.comment() {
				return fresh
			}
			if n := bytes.IndexByte(p.src[p.i:], '\n'); n >= 0 {
				p.i += n
			} else {
				p.i = len(p.src)
			}
		default:
			return fresh
		}
	}
	return fresh
}

// open starts a collection at p.i and returns its index for close.
func (p *parser) open(k kind) (int, error) {
	if p.depth++; p.depth > maxDepth {
		return 0, p.fail(p.i, ErrLimit, "nested more than %d deep", maxDepth)
	}
	p.nodes = append(p.nodes, node{kind: k, pos: uint32(p.i)})
	return len(p.nodes) - 1, nil
}

func (p *parser) close(at int) {
	p.depth--
	p.nodes[at].end = uint32(p.i)
	p.nodes[at].skip = uint32(len(p.nodes))
}

// leaf appends a scalar.
func (p *parser) leaf(s node) {
	s.skip = uint32(len(p.nodes) + 1)
	p.nodes = append(p.nodes, s)
}

// value reads what follows a colon (ofKey) or a dash, in a collection at
// column col: on the same line, or deeper on the lines below, or nothing. The
// items of a list may stand at the column of the key the list belongs to.
func (p *parser) value(col int, ofKey bool) error {
	from := p.i
	fresh, err := p.next()
	if err != nil {
		return err
	}
	at := p.i - p.line
	switch {
	case p.i < len(p.src) && !fresh && ofKey:
		if p.dash() {
			return p.fail(p.i, ErrSyntax, "a list with dashes starts on the line below its key")
		}
		return p.inline()
	case p.i == len(p.src), p.marker("---"), p.marker("..."):
	case !fresh, at > col:
		return p.block(at)
	case ofKey && at == col && p.dash():
		return p.list(at)
	}
	p.leaf(node{kind: null, pos: uint32(from), end: uint32(from)})
	return nil
}

// block reads a value in block style, at column col.
func (p *parser) block(col int) error {
	switch {
	case p.dash():
		return p.list(col)
	case p.is('['), p.is('{'):
		return p.inline()
	}
	start := p.i
	s, err := p.scalar(false)
	if err != nil {
		return err
	}
	if p.colon(false) {
		return p.mapping(col, s)
	}
	p.leaf(s)
	return p.endOfLine(start)
}

// inline reads a value that shares its line with what introduced it.
func (p *parser) inline() error {
	start := p.i
	if p.is('[') || p.is('{') {
		if err := p.flow(); err != nil {
			return err
		}
		return p.endOfLine(p.i)
	}
	s, err := p.scalar(false)
	if err != nil {
		return err
	}
	p.leaf(s)
	if p.colon(false) {
		return p.fail(start, ErrSyntax, "a second key on this line: put it on a line of its own, or write { } around the mapping")
	}
	return p.endOfLine(start)
}

// endOfLine checks that a value is all there is on its line.
func (p *parser) endOfLine(start int) error {
	for p.i < len(p.src) && (p.src[p.i] == ' ' || p.src[p.i] == '\t') {
		p.i++
	}
	if p.i == len(p.src) || p.src[p.i] == '\n' || p.src[p.i] == '\r' || p.src[p.i] == '#' && p.comment() {
		return nil
	}
	if p.is(':') {
		if c := p.src[start]; c == '"' || c == '\'' {
			return p.fail(p.i, ErrSyntax, "a space is needed after ':'")
		}
		return p.fail(p.i, ErrSyntax, "a list or mapping cannot be a key")
	}
	return p.fail(p.i, ErrSyntax, "unexpected text after the end of the value")
}

// list reads items at column col; p.i is at the first dash.
func (p *parser) list(col int) error {
	if t := bytes.IndexByte(p.src[p.line:p.i], '\t'); t >= 0 {
		return p.fail(p.line+t, ErrSyntax, "a tab before a list item: YAML indents with spaces")
	}
	at, err := p.open(list)
	if err != nil {
		return err
	}
	for {
		p.i++
		if err := p.value(col, false); err != nil {
			return err
		}
		more, err := p.entry(col)
		if err != nil {
			return err
		}
		if !more || !p.dash() {
			break
		}
	}
	p.close(at)
	return nil
}

// mapping reads entries at column col. Its first key has been read; p.i is at
// the colon.
func (p *parser) mapping(col int, key node) error {
	if t := bytes.IndexByte(p.src[p.line:key.pos], '\t'); t >= 0 {
		return p.fail(p.line+t, ErrSyntax, "a tab before a key: YAML indents with spaces")
	}
	at, err := p.open(mapping)
	if err != nil {
		return err
	}
	p.nodes[at].pos = key.pos
	for {
		if err := p.key(key); err != nil {
			return err
		}
		if err := p.value(col, true); err != nil {
			return err
		}
		more, err := p.entry(col)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if p.dash() {
			return p.fail(p.i, ErrSyntax, "a list item where a key is expected")
		}
		start := p.i
		if p.is('[') || p.is('{') {
			return p.fail(p.i, ErrSyntax, "expected a key; a list or mapping cannot be a key")
		}
		if key, err = p.scalar(false); err != nil {
			return err
		}
		if !p.colon(false) {
			return p.notKey(start, key)
		}
	}
	p.close(at)
	return nil
}

// entry goes to the next entry of a collection at column col and reports
// whether there is one.
func (p *parser) entry(col int) (more bool, err error) {
	if _, err := p.next(); err != nil {
		return false, err
	}
	at := p.i - p.line
	if p.i == len(p.src) || at < col || p.marker("---") || p.marker("...") {
		return false, nil
	}
	if at > col {
		return false, p.fail(p.i, ErrSyntax, "unexpected indentation: column %d, where this list or mapping is at column %d; a value must end on its own line", at+1, col+1)
	}
	return true, nil
}

// key appends a key and steps over its colon. YAML allows colons inside keys
// (a:b: c); here they are mistakes.
func (p *parser) key(k node) error {
	if string(p.src[k.pos:k.end]) == "<<" {
		return p.fail(int(k.pos), ErrSyntax, "merge keys are not supported: put what tasks share under defaults:")
	}
	if i := bytes.IndexByte(p.src[k.pos:k.end], ':'); i >= 0 && k.kind == plain {
		return p.fail(int(k.pos)+i, ErrSyntax, "a space is needed after ':'")
	}
	p.leaf(k)
	p.i++
	return nil
}

// notKey explains a scalar where a key was due.
func (p *parser) notKey(start int, s node) error {
	text := p.src[s.pos:s.end]
	if i := bytes.IndexByte(text, ':'); i >= 0 && s.kind == plain {
		return p.fail(start+i, ErrSyntax, "a space is needed after ':'")
	}
	if s.kind == quoted && p.is(':') {
		return p.fail(p.i, ErrSyntax, "a space is needed after ':'")
	}
	return p.fail(start, ErrSyntax, "expected a key and ':', found %s", quote(string(text)))
}

// colon reports whether the scalar just read is a key, and goes to its colon,
// which must be followed by white space unless it may be adjacent: in flow
// style to the value of a quoted key, as in JSON, or to what ended a plain one.
func (p *parser) colon(adjacent bool) bool {
	i := p.i
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t') {
		i++
	}
	if i < len(p.src) && p.src[i] == ':' && (adjacent || p.blank(i+1)) {
		p.i = i
		return true
	}
	return false
}

// flow reads [ … ] or { … }.
func (p *parser) flow() error {
	start := p.i
	kind, end := list, byte(']')
	if p.src[p.i] == '{' {
		kind, end = mapping, '}'
	}
	at, err := p.open(kind)
	if err != nil {
		return err
	}
	p.i++
	for {
		p.space()
		if p.i == len(p.src) {
			return p.fail(start, ErrSyntax, "this %q is never closed", p.src[start])
		}
		switch p.src[p.i] {
		case end:
			p.i++
			p.close(at)
			return nil
		case ',':
			return p.fail(p.i, ErrSyntax, "nothing before this comma")
		}
		if kind == mapping {
			err = p.flowEntry()
		} else {
			err = p.flowValue()
		}
		if err != nil {
			return err
		}
		p.space()
		if p.i == len(p.src) {
			return p.fail(start, ErrSyntax, "this %q is never closed", p.src[start])
		}
		switch c := p.src[p.i]; c {
		case ',':
			p.i++
		case end:
		case ':':
			if kind == list {
				return p.fail(p.i, ErrSyntax, "a mapping in a list needs { } around it")
			}
			return p.fail(p.i, ErrSyntax, "a second ':' in one entry")
		case ']', '}':
			return p.fail(p.i, ErrSyntax, "%q closes what %q opened", c, p.src[start])
		default:
			line, column := position(p.src, start)
			return p.fail(p.i, ErrSyntax, "expected ',' or %q, for the %q of line %d, column %d", end, p.src[start], line, column)
		}
	}
}

// flowEntry reads key: value.
func (p *parser) flowEntry() error {
	start := p.i
	if p.is('[') || p.is('{') {
		return p.fail(p.i, ErrSyntax, "a list or mapping cannot be a key")
	}
	k, err := p.scalar(true)
	if err != nil {
		return err
	}
	if !p.colon(k.kind == quoted || p.is(':')) {
		return p.notKey(start, k)
	}
	if err := p.key(k); err != nil {
		return err
	}
	from := p.i
	p.space()
	if p.is(',') || p.is('}') {
		p.leaf(node{kind: null, pos: uint32(from), end: uint32(from)})
		return nil
	}
	if p.i == len(p.src) {
		return nil
	}
	return p.flowValue()
}

func (p *parser) flowValue() error {
	if p.is('[') || p.is('{') {
		return p.flow()
	}
	s, err := p.scalar(true)
	if err != nil {
		return err
	}
	p.leaf(s)
	return nil
}

// scalar reads a plain or quoted scalar, which ends on its line. It is not
// appended: it may turn out to be a key.
func (p *parser) scalar(inFlow bool) (node, error) {
	start := p.i
	switch c := p.src[p.i]; c {
	case '"', '\'':
		return p.quotes(c)
	case '&', '*':
		return node{}, p.fail(p.i, ErrSyntax, "anchors and aliases are not supported: put what tasks share under defaults:")
	case '!':
		return node{}, p.fail(p.i, ErrSyntax, "tags are not supported")
	case '|', '>':
		return node{}, p.fail(p.i, ErrSyntax, "block scalars are not supported: write the text in quotes")
	case '%', '@', '`', '#', ',', ']', '}':
		return node{}, p.fail(p.i, ErrSyntax, "a value cannot start with %q", c)
	case '?', '-', ':':
		if p.blank(p.i + 1) {
			switch c {
			case '?':
				return node{}, p.fail(p.i, ErrSyntax, "complex keys are not supported")
			case '-':
				return node{}, p.fail(p.i, ErrSyntax, "a list item with a dash cannot stand here")
			}
			return node{}, p.fail(p.i, ErrSyntax, "nothing before this ':'")
		}
	}
	end := start // past the last byte that is not white space
scan:
	for ; p.i < len(p.src); p.i++ {
		switch c := p.src[p.i]; c {
		case '\n', '\r':
			break scan
		case ' ', '\t':
			continue
		case ':':
			if p.blank(p.i+1) || inFlow && bytes.IndexByte([]byte(",[]{}"), p.src[p.i+1]) >= 0 {
				break scan
			}
		case '#':
			if p.comment() {
				break scan
			}
		case ',', '[', ']', '{', '}':
			if inFlow {
				break scan
			}
		}
		end = p.i + 1
	}
	p.i = end
	if end == start {
		return node{}, p.fail(p.i, ErrSyntax, "nothing before this ':'")
	}
	return node{kind: plain, pos: uint32(start), end: uint32(end)}, nil
}

// quotes reads a quoted scalar. Escapes are checked when the text is needed.
func (p *parser) quotes(q byte) (node, error) {
	start := p.i
	for p.i++; p.i < len(p.src) && p.src[p.i] != '\n'; p.i++ {
		switch {
		case q == '"' && p.src[p.i] == '\\':
			if p.i++; p.i == len(p.src) || p.src[p.i] == '\n' || p.src[p.i] == '\r' {
				return node{}, p.fail(start, ErrSyntax, "this quote is not closed on its line")
			}
		case p.src[p.i] == q:
			if q == '\'' && p.i+1 < len(p.src) && p.src[p.i+1] == q {
				p.i++
				continue
			}
			p.i++
			return node{kind: quoted, pos: uint32(start), end: uint32(p.i)}, nil
		}
	}
	return node{}, p.fail(start, ErrSyntax, "this quote is not closed on its line")
}
