package family

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text is the meaning of a scalar as text.
func (t *tree) text(n int) (string, error) {
	raw := t.raw(n)
	if t.nodes[n].kind != quoted {
		return string(raw), nil
	}
	body := raw[1 : len(raw)-1]
	if raw[0] == '\'' {
		return strings.ReplaceAll(string(body), "''", "'"), nil
	}
	if bytes.IndexByte(body, '\\') < 0 {
		return string(body), nil
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			b.WriteByte(body[i])
			continue
		}
		r, used := escape(body[i+1:])
		if used == 0 {
			return "", t.fail(int(t.nodes[n].pos)+1+i, ErrSyntax, "unknown escape in quotes")
		}
		b.WriteRune(r)
		i += used
	}
	return b.String(), nil
}

// escape reads what follows a backslash: the escapes of YAML, among which are
// those of JSON with its surrogate pairs. It returns the bytes used, or zero.
func escape(s []byte) (r rune, used int) {
	const from, to = `0abtnvfre "/\N_LP`, "\x00\a\b\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029"
	if i := strings.IndexByte(from, s[0]); i >= 0 {
		return []rune(to)[i], 1
	}
	if s[0] == '\t' {
		return '\t', 1
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	hex := func(s []byte) (rune, bool) {
		if digits == 0 || len(s) < digits {
			return 0, false
		}
		v, err := strconv.ParseUint(string(s[:digits]), 16, 32)
		return rune(v), err == nil && v <= utf8.MaxRune
	}
	r, ok := hex(s[1:])
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		rest := s[1+digits:]
		if len(rest) < 2 || rest[0] != '\\' || rest[1] != 'u' || digits != 4 {
			return 0, 0
		}
		low, ok := hex(rest[2:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, 0
		}
		return r, 2*digits + 3
	}
	return r, 1 + digits
}

// isNull reports whether a scalar stands for nothing.
func (t *tree) isNull(n int) bool {
	if t.nodes[n].kind == null {
		return true
	}
	if t.nodes[n].kind != plain {
		return false
	}
	switch string(t.raw(n)) {
	case "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// isNumber reports whether the text is a decimal number:
// [+-] (digits [. [digits]] | . digits) [(e|E) [+-] digits]. Leading zeros mean
// nothing: 010 is ten.
func isNumber(s []byte) bool {
	i := 0
	digits := func() (n int) {
		for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
			n++
		}
		return n
	}
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	n := digits()
	if i < len(s) && s[i] == '.' {
		i++
		n += digits()
	}
	if n == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if digits() == 0 {
			return false
		}
	}
	return i == len(s)
}

// number reads a finite number, correctly rounded, from the text of a scalar.
func (t *tree) number(n int) (float64, error) {
	raw := t.raw(n)
	if t.nodes[n].kind == plain && isNumber(raw) {
		x, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return 0, t.failAt(n, ErrValue, "%s is beyond the range of float64", clip(string(raw), 48))
		}
		return x, nil
	}
	return 0, t.notNumber(n, "a number")
}

// notNumber says why a node is not the number that was expected.
func (t *tree) notNumber(n int, want string) error {
	switch t.nodes[n].kind {
	case list, mapping:
		return t.failAt(n, ErrValue, "expected %s, found %s", want, t.describe(n))
	case quoted:
		raw := t.raw(n)
		if isNumber(raw[1 : len(raw)-1]) {
			return t.failAt(n, ErrValue, "expected %s, found text: remove the quotes around %s", want, clip(string(raw[1:len(raw)-1]), 48))
		}
		return t.failAt(n, ErrValue, "expected %s, found the text %s", want, clip(string(raw), 48))
	}
	if t.isNull(n) {
		return t.failAt(n, ErrValue, "expected %s, found nothing", want)
	}
	s := string(t.raw(n))
	word := strings.ToLower(strings.TrimLeft(s, "+-"))
	switch {
	case word == ".inf" || word == "inf" || word == "infinity":
		return t.failAt(n, ErrValue, "expected %s: infinity is not one here", want)
	case word == ".nan" || word == "nan":
		return t.failAt(n, ErrValue, "expected %s: NaN is not one", want)
	case len(word) > 1 && word[0] == '0' && strings.IndexByte("xob", word[1]) >= 0:
		return t.failAt(n, ErrValue, "expected %s in decimal, found %s", want, quote(s))
	case strings.Contains(s, "_") && isNumber([]byte(strings.ReplaceAll(s, "_", ""))):
		return t.failAt(n, ErrValue, "expected %s: write %s without underscores", want, clip(s, 48))
	}
	return t.failAt(n, ErrValue, "expected %s, found %s", want, quote(s))
}

// integer reads an integer in [lo, hi]. 1e5 and 5. are integers too.
func (t *tree) integer(n int, lo, hi uint64) (uint64, error) {
	raw := t.raw(n)
	if t.nodes[n].kind != plain || !isNumber(raw) {
		return 0, t.notNumber(n, "an integer")
	}
	s := strings.TrimPrefix(string(raw), "+")
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		const exact = 1 << 53 // above it, a float64 need not be what was written
		x, errFloat := strconv.ParseFloat(s, 64)
		switch {
		case errFloat != nil || x > exact || x < 0:
			return 0, t.failAt(n, ErrValue, "%s is not an integer from %d to %d", clip(s, 48), lo, hi)
		case x != float64(uint64(x)):
			return 0, t.failAt(n, ErrValue, "expected an integer, found %s", clip(s, 48))
		}
		v = uint64(x)
	}
	if v < lo || v > hi {
		return 0, t.failAt(n, ErrValue, "%s is not an integer from %d to %d", clip(s, 48), lo, hi)
	}
	return v, nil
}

// boolean reads true or false.
func (t *tree) boolean(n int) (bool, error) {
	if t.nodes[n].kind == plain {
		switch string(t.raw(n)) {
		case "true", "True", "TRUE":
			return true, nil
		case "false", "False", "FALSE":
			return false, nil
		}
	}
	return false, t.failAt(n, ErrValue, "expected true or false, found %s", t.describe(n))
}

// describe names what a node is, for messages.
func (t *tree) describe(n int) string {
	switch {
	case t.nodes[n].kind == list:
		return "a list"
	case t.nodes[n].kind == mapping:
		return "a mapping"
	case t.isNull(n):
		return "nothing"
	case t.nodes[n].kind == quoted:
		return "the text " + clip(string(t.raw(n)), 48)
	}
	return quote(string(t.raw(n)))
}
