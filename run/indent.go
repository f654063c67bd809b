package run

import "bufio"

// An indenter indents the JSON document that is written to it by two blanks, as
// json.MarshalIndent does, without holding it.
type indenter struct {
	w               *bufio.Writer
	depth           int
	opened          bool // a bracket was, and nothing is in it yet
	quoted, escaped bool
}

func (n *indenter) Write(data []byte) (int, error) {
	for _, c := range data {
		n.put(c)
	}
	return len(data), nil // an error stays with n.w until it is flushed
}

func (n *indenter) put(c byte) {
	if n.quoted {
		n.w.WriteByte(c)
		switch {
		case n.escaped:
			n.escaped = false
		case c == '\\':
			n.escaped = true
		case c == '"':
			n.quoted = false
		}
		return
	}
	switch c {
	case ',':
		n.w.WriteByte(c)
		n.line()
		return
	case ':':
		n.w.WriteString(": ")
		return
	case '}', ']':
		n.depth--
		if !n.opened {
			n.line()
		}
		n.opened = false
		n.w.WriteByte(c)
		return
	}
	if n.opened {
		n.opened = false
		n.line()
	}
	n.w.WriteByte(c)
	switch c {
	case '"':
		n.quoted = true
	case '{', '[':
		n.depth++
		n.opened = true
	}
}

func (n *indenter) line() {
	n.w.WriteByte('\n')
	for range n.depth {
		n.w.WriteString("  ")
	}
}
