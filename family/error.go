package family

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a family file can be refused for. Every *Error matches exactly one of
// them with errors.Is.
var (
	ErrSyntax = errors.New("not a family file")             // not YAML, or YAML that a family file cannot contain
	ErrLimit  = errors.New("family file beyond a limit")    // size, nesting, count
	ErrKey    = errors.New("unknown, repeated or lost key") // keys of a mapping
	ErrValue  = errors.New("unusable value")                // a value of the wrong kind, shape or range
	ErrTask   = errors.New("invalid task")                  // refused by package lqr or risk; its error is wrapped too
	ErrDraw   = errors.New("no valid task could be drawn")  // a generator gave up; wraps a *DrawError
)

// An Error says what is wrong in a family file, and where. Its text is at most
// 1 KiB, whatever the file contains.
type Error struct {
	File    string // as given to Parse or Read; stdin for -
	Line    int    // from 1; 0 where the error is about the file as a whole
	Column  int    // from 1, in characters
	Path    string // of the value, such as tasks[2].A; may be empty
	Message string
	Excerpt string // the line, and a caret below the column
	Kind    error  // one of the sentinels above
	Err     error  // the cause, or nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(clip(e.File, 120))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(clip(e.Path, 100) + ": ")
	}
	b.WriteString(clip(e.Message, 360))
	if e.Excerpt != "" {
		b.WriteString("\n" + e.Excerpt)
	}
	return b.String()
}

// Unwrap makes the error match its kind and its cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// clip shortens s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// quote shows a value from a file in a message: short, and on one line.
func quote(s string) string { return fmt.Sprintf("%q", clip(s, 48)) }

// position converts a byte offset to line and column, both from 1, the column
// in characters.
func position(src []byte, pos int) (line, column int) {
	src = bytes.TrimPrefix(src[:pos], bom)
	start := bytes.LastIndexByte(src, '\n') + 1
	return bytes.Count(src, []byte("\n")) + 1, utf8.RuneCount(src[start:]) + 1
}

// excerpt is the line of src around pos, cut to 80 characters, with a caret.
func excerpt(src []byte, pos, line int) string {
	const before, after = 48, 32
	head := bytes.TrimPrefix(src[:pos], bom)
	head = head[bytes.LastIndexByte(head, '\n')+1:]
	tail := src[pos:]
	if i := bytes.IndexByte(tail, '\n'); i >= 0 {
		tail = tail[:i]
	}
	// Converted only after a cut in bytes: a line may be the whole file.
	left := []rune(string(head[max(0, len(head)-utf8.UTFMax*before):]))
	if len(left) > before {
		left = append([]rune("…"), left[len(left)-before+1:]...)
	}
	right := []rune(strings.TrimRight(string(tail[:min(len(tail), utf8.UTFMax*after)]), " \t\r"))
	if len(right) > after {
		right = append(right[:after-1], '…')
	}
	for _, s := range [][]rune{left, right} {
		for i, r := range s {
			if r < ' ' || r == utf8.RuneError || r == 0x7f {
				s[i] = ' '
			}
		}
	}
	number := fmt.Sprint(line)
	return fmt.Sprintf("  %s | %s%s\n  %s | %s^", number, string(left), string(right),
		strings.Repeat(" ", len(number)), strings.Repeat(" ", len(left)))
}

// fail makes an Error about the bytes at pos.
func (t *tree) fail(pos int, kind error, format string, args ...any) *Error {
	line, column := position(t.src, pos)
	return &Error{
		File: t.file, Line: line, Column: column,
		Message: fmt.Sprintf(format, args...),
		Excerpt: excerpt(t.src, pos, line),
		Kind:    kind,
	}
}

// failAt makes an Error about node n, with its path.
func (t *tree) failAt(n int, kind error, format string, args ...any) *Error {
	e := t.fail(int(t.nodes[n].pos), kind, format, args...)
	e.Path = t.path(n)
	return e
}

// path names node n from the root: keys joined by dots, list items by index.
// The key nodes of a mapping bear the path of their value.
func (t *tree) path(n int) string {
	var b strings.Builder
	at := 0
	for at != n {
		switch t.nodes[at].kind {
		case mapping:
			for k := range t.entries(at) {
				if k == n || k+1 <= n && n < int(t.nodes[k+1].skip) {
					if b.Len() > 0 {
						b.WriteByte('.')
					}
					b.WriteString(clip(t.keyText(k), 40))
					if at = k + 1; k == n {
						return b.String()
					}
					break
				}
			}
		case list:
			i := 0
			for c := range t.items(at) {
				if n < int(t.nodes[c].skip) {
					fmt.Fprintf(&b, "[%d]", i)
					at = c
					break
				}
				i++
			}
		default:
			return b.String()
		}
	}
	return b.String()
}
