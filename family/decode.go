package family

import (
	"encoding"
	"math"
	"reflect"
	"unicode"

	"github.com/metalqr/metalqr/matrixeq"
)

// A nodeDecoder reads itself from a node, for values whose form depends on
// what is written.
type nodeDecoder interface {
	decodeNode(t *tree, n int) error
}

// decode reads node n into v, a non-nil pointer, by its type. The struct tags
// that give the JSON Schema its names give the keys.
func (t *tree) decode(n int, v any) error {
	if d, ok := v.(nodeDecoder); ok {
		return d.decodeNode(t, n)
	}
	if u, ok := v.(encoding.TextUnmarshaler); ok {
		return t.word(n, u)
	}
	var err error
	switch v := v.(type) {
	case *string:
		*v, err = t.name(n)
	case *float64:
		*v, err = t.number(n)
	case *bool:
		*v, err = t.boolean(n)
	case *int:
		var u uint64
		u, err = t.integer(n, 0, math.MaxInt32)
		*v = int(u)
	case *uint64:
		*v, err = t.integer(n, 0, 1<<63)
	case *[]float64:
		*v, err = t.vector(n)
	case *matrixeq.Matrix:
		*v, err = t.matrix(n)
	default:
		switch p := reflect.ValueOf(v).Elem(); p.Kind() {
		case reflect.Pointer:
			p.Set(reflect.New(p.Type().Elem()))
			return t.decode(n, p.Interface())
		case reflect.Struct:
			return t.fields(n, v)
		default:
			panic("family: no decoder for " + p.Type().String())
		}
	}
	return err
}

// fields reads a mapping into the struct v points to. Keys not written leave
// their fields alone; nothing written is an empty mapping.
func (t *tree) fields(n int, v any) error {
	if t.isNull(n) {
		return nil
	}
	if t.nodes[n].kind != mapping {
		return t.failAt(n, ErrValue, "expected a mapping, found %s", t.describe(n))
	}
	p := reflect.ValueOf(v).Elem()
	keys := keysOf(p.Type())
	var seen uint64
	for k := range t.entries(n) {
		name, err := t.text(k)
		if err != nil {
			return err
		}
		at := -1
		for i, key := range keys {
			if key == name && key != "" {
				at = i
				break
			}
		}
		if at < 0 {
			return t.unknownKey(k, name, keys)
		}
		if seen&(1<<at) != 0 {
			return t.failAt(k, ErrKey, "the key %s is repeated", name)
		}
		seen |= 1 << at
		if err := t.decode(k+1, p.Field(at).Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) unknownKey(k int, name string, keys []string) error {
	known := make([]string, 0, len(keys))
	for _, key := range keys {
		if key != "" {
			known = append(known, key)
		}
	}
	if hint := suggest(name, known); hint != "" {
		return t.failAt(k, ErrKey, "unknown key %s%s", quote(name), hint)
	}
	return t.failAt(k, ErrKey, "unknown key %s: expected %s", quote(name), alternatives(known))
}

// keysOf lists the keys of a struct by field; a field that is not in the file
// has none.
func keysOf(s reflect.Type) []string {
	if keys, ok := keyTable[s]; ok {
		return keys
	}
	keys := make([]string, s.NumField())
	for i := range keys {
		keys[i] = keyOf(s.Field(i))
	}
	return keys
}

func keyOf(f reflect.StructField) string {
	tag := f.Tag.Get("json")
	for i := range len(tag) {
		if tag[i] == ',' {
			return tag[:i]
		}
	}
	return tag
}

// keyTable holds the keys of what occurs once per task.
var keyTable = map[reflect.Type][]string{}

func init() {
	for _, s := range []reflect.Type{reflect.TypeFor[taskDoc](), reflect.TypeFor[innerDoc]()} {
		keyTable[s] = keysOf(s)
	}
}

// word reads one of an enumeration's words.
func (t *tree) word(n int, u encoding.TextUnmarshaler) error {
	s, err := t.scalarText(n)
	if err != nil {
		return err
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		return t.failAt(n, ErrValue, "%v", err)
	}
	return nil
}

// scalarText is the text of a node that must be a scalar.
func (t *tree) scalarText(n int) (string, error) {
	if t.isNull(n) || t.nodes[n].kind == list || t.nodes[n].kind == mapping {
		return "", t.failAt(n, ErrValue, "expected text, found %s", t.describe(n))
	}
	return t.text(n)
}

// name reads the name of a family or task. It may become part of a file's
// name.
func (t *tree) name(n int) (string, error) {
	s, err := t.scalarText(n)
	if err != nil {
		return "", err
	}
	if problem := badName(s); problem != "" {
		return "", t.failAt(n, ErrValue, "the name %s %s", quote(s), problem)
	}
	return s, nil
}

// badName says why s cannot name a family or a task, or nothing.
func badName(s string) string {
	if s == "" || len(s) > 100 {
		return "must have 1 to 100 bytes"
	}
	if s[0] == '.' || s[0] == ' ' || s[len(s)-1] == ' ' {
		return "must not start with a dot, nor start or end with a space"
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '/' || r == '\\' {
			return "must not contain slashes or control characters: it becomes part of file names"
		}
	}
	return ""
}

// count is the number of items of a list, or 1 for a scalar.
func (t *tree) count(n int) int {
	c := 0
	for range t.items(n) {
		c++
	}
	return c
}

// vector reads a flat list of numbers, or one number.
func (t *tree) vector(n int) ([]float64, error) {
	if t.nodes[n].kind != list {
		x, err := t.number(n)
		if err != nil {
			return nil, err
		}
		return []float64{x}, nil
	}
	v := make([]float64, 0, t.count(n))
	for c := range t.items(n) {
		x, err := t.number(c)
		if err != nil {
			return nil, err
		}
		v = append(v, x)
	}
	if len(v) == 0 {
		return nil, t.failAt(n, ErrValue, "an empty list")
	}
	return v, nil
}

// matrix reads a list of rows of equal length, or one number as a 1×1 matrix.
func (t *tree) matrix(n int) (matrixeq.Matrix, error) {
	return rows(t, n, "a number", func(c int, m *matrixeq.Matrix) error {
		x, err := t.number(c)
		m.Data = append(m.Data, x)
		return err
	})
}

// rows reads a matrix whose entries entry appends to m.Data.
func rows(t *tree, n int, what string, entry func(c int, m *matrixeq.Matrix) error) (matrixeq.Matrix, error) {
	var m matrixeq.Matrix
	if t.nodes[n].kind != list {
		if t.nodes[n].kind == mapping || t.isNull(n) {
			return m, t.failAt(n, ErrValue, "expected a matrix (a list of rows, or %s), found %s", what, t.describe(n))
		}
		if err := entry(n, &m); err != nil {
			return matrixeq.Matrix{}, err
		}
		m.Rows, m.Cols = 1, 1
		return m, nil
	}
	for row := range t.items(n) {
		if t.nodes[row].kind != list {
			if m.Rows > 0 {
				return matrixeq.Matrix{}, t.failAt(row, ErrValue, "expected row %d of the matrix, found %s", m.Rows+1, t.describe(row))
			}
			return matrixeq.Matrix{}, t.flatList(n)
		}
		cols := t.count(row)
		if m.Rows == 0 {
			m.Cols = cols
			m.Data = make([]float64, 0, min(cols*t.count(n), int(t.nodes[n].skip)-n))
		}
		if cols == 0 || cols != m.Cols {
			return matrixeq.Matrix{}, t.failAt(row, ErrValue, "row %d of the matrix has %d entries, row 1 has %d", m.Rows+1, cols, m.Cols)
		}
		for c := range t.items(row) {
			if err := entry(c, &m); err != nil {
				return matrixeq.Matrix{}, err
			}
		}
		m.Rows++
	}
	if m.Rows == 0 {
		return m, t.failAt(n, ErrValue, "an empty list is not a matrix")
	}
	return m, nil
}

// flatList explains a list of numbers where a matrix was expected: it could be
// a row or a column.
func (t *tree) flatList(n int) error {
	row, column := "", ""
	short := t.count(n) <= 4
	for c := range t.items(n) {
		raw := string(t.raw(c))
		if t.nodes[c].kind != plain || len(raw) > 24 || !short {
			short = false
			break
		}
		if row != "" {
			row += ", "
			column += ", "
		}
		row += raw
		column += "[" + raw + "]"
	}
	if !short {
		return t.failAt(n, ErrValue, "a flat list is not a matrix: write [[1, 2]] for one row, [[1], [2]] for one column")
	}
	return t.failAt(n, ErrValue, "a flat list is not a matrix: write [[%s]] for one row, [%s] for one column", row, column)
}
