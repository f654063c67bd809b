package family

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/metalqr/metalqr/internal/npy"
	"github.com/metalqr/metalqr/matrixeq"
)

const maxGainBytes = 64 << 20

// ErrGain is matched by every error about the contents of a gain file.
var ErrGain = errors.New("unusable gain file")

// A GainError says what is wrong in a gain file, and where.
type GainError struct {
	File        string
	Row, Column int // of the gain, from 1; 0 where the error is about more than an entry
	Message     string
}

func (e *GainError) Error() string {
	s := clip(e.File, 160)
	if e.Row > 0 {
		s += fmt.Sprintf(": row %d", e.Row)
		if e.Column > 0 {
			s += fmt.Sprintf(", column %d", e.Column)
		}
	}
	return s + ": " + clip(e.Message, 480)
}

func (e *GainError) Unwrap() error { return ErrGain }

// ReadGain reads a gain, r inputs by d states, from CSV, NPY or JSON, told
// apart by their contents; path - is standard input. CSV entries may be
// separated by commas, semicolons or white space, and # starts a comment. NPY
// may be of any integer or real type of up to 64 bits, in C or Fortran order.
// JSON is a list of rows, or an object with the key gain, as train prints.
// Every entry must be finite. r = d = 0 accepts any shape.
func ReadGain(path string, r, d int) (matrixeq.Matrix, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return matrixeq.Matrix{}, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxGainBytes+1))
	if err != nil {
		return matrixeq.Matrix{}, err
	}
	return ParseGain(path, data, r, d)
}

// ParseGain is ReadGain for a file already read; name is used in errors.
func ParseGain(name string, data []byte, r, d int) (matrixeq.Matrix, error) {
	m, err := parseGain(data, r, d)
	if err != nil {
		err.File = name
		return matrixeq.Matrix{}, err
	}
	return m, nil
}

func parseGain(data []byte, r, d int) (m matrixeq.Matrix, err *GainError) {
	if len(data) > maxGainBytes {
		return m, &GainError{Message: fmt.Sprintf("more than %d MiB", maxGainBytes>>20)}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, bom), " \t\r\n")
	switch {
	case npy.Is(data):
		m, err = parseNPY(data, r)
	case len(text) == 0:
		err = &GainError{Message: "the file is empty"}
	case text[0] == '[' || text[0] == '{':
		m, err = parseJSON(text)
	default:
		m, err = parseCSV(text)
	}
	if err != nil {
		return m, err
	}
	if (r != 0 || d != 0) && (m.Rows != r || m.Cols != d) {
		e := &GainError{Message: fmt.Sprintf("the gain is %d×%d, want %d×%d (inputs by states)", m.Rows, m.Cols, r, d)}
		if m.Rows == d && m.Cols == r {
			e.Message += "; it seems to be transposed"
		}
		return m, e
	}
	for i, x := range m.Data {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return m, &GainError{Row: i/m.Cols + 1, Column: i%m.Cols + 1, Message: fmt.Sprintf("%v is not finite", x)}
		}
	}
	return m, nil
}

// parseEntry reads one finite number.
func parseEntry(s string, row, column int) (float64, *GainError) {
	if !isNumber([]byte(s)) {
		return 0, &GainError{Row: row, Column: column, Message: "expected a number, found " + quote(s)}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, &GainError{Row: row, Column: column, Message: clip(s, 48) + " is beyond the range of float64"}
	}
	return x, nil
}

// grow appends a row, which must be as long as the first.
func grow(m *matrixeq.Matrix, row []float64) *GainError {
	if m.Rows == 0 {
		m.Cols = len(row)
	}
	m.Rows++
	if len(row) != m.Cols || len(row) == 0 {
		return &GainError{Row: m.Rows, Message: fmt.Sprintf("%d entries, row 1 has %d", len(row), m.Cols)}
	}
	m.Data = append(m.Data, row...)
	return nil
}

func parseCSV(text []byte) (m matrixeq.Matrix, err *GainError) {
	if !utf8.Valid(text) {
		return m, &GainError{Message: "neither text nor NPY"}
	}
	for line := range strings.Lines(string(text)) {
		if i := strings.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var cells []string
		switch {
		case strings.Contains(line, ","):
			cells = strings.Split(line, ",")
		case strings.Contains(line, ";"):
			cells = strings.Split(line, ";")
		default:
			cells = strings.Fields(line)
		}
		row := make([]float64, len(cells))
		for j, cell := range cells {
			if row[j], err = parseEntry(strings.TrimSpace(cell), m.Rows+1, j+1); err != nil {
				return m, err
			}
		}
		if err := grow(&m, row); err != nil {
			return m, err
		}
	}
	if m.Rows == 0 {
		return m, &GainError{Message: "no numbers in the file"}
	}
	return m, nil
}

func parseJSON(text []byte) (m matrixeq.Matrix, err *GainError) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return m, &GainError{Message: "not JSON: " + err.Error()}
	}
	if _, err := dec.Token(); err != io.EOF {
		return m, &GainError{Message: "text after the end of the JSON value"}
	}
	if object, ok := v.(map[string]any); ok {
		if v, ok = object["gain"]; !ok {
			return m, &GainError{Message: "the JSON object has no key gain"}
		}
	}
	if n, ok := v.(json.Number); ok {
		v = []any{[]any{n}}
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return m, &GainError{Message: "expected a list of rows"}
	}
	for i, item := range list {
		cells, ok := item.([]any)
		if !ok {
			return m, &GainError{Row: i + 1, Message: "expected a list of numbers; a gain of one row is written [[…]]"}
		}
		row := make([]float64, len(cells))
		for j, cell := range cells {
			n, ok := cell.(json.Number)
			if !ok {
				return m, &GainError{Row: i + 1, Column: j + 1, Message: fmt.Sprintf("expected a number, found %s", jsonKind(cell))}
			}
			if row[j], err = parseEntry(n.String(), i+1, j+1); err != nil {
				return m, err
			}
		}
		if err := grow(&m, row); err != nil {
			return m, err
		}
	}
	return m, nil
}

func jsonKind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "the text " + quote(v)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	}
	return "an object"
}

// GainCSV writes a gain as lines of comma-separated numbers, in the shortest
// digits that read back to the same bits.
func GainCSV(m matrixeq.Matrix) []byte {
	var b []byte
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, x, 'g', -1, 64)
		}
		b = append(b, '\n')
	}
	return b
}
