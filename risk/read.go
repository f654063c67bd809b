package risk

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/metalqr/metalqr/internal/npy"
)

// Limits that a Format of zeros has.
const (
	DefaultMaxBytes   = 1 << 30   // of a file, and of what an archive unpacks to
	DefaultMaxNumbers = 100 << 20 // of features and targets together
)

// A Format says how to read data, and how much of it to accept. Its zero value
// reads the files that people write: the target is the last column of a table,
// or the array y beside X of an archive.
type Format struct {
	// Target is the column of the target: its name in the header of a CSV
	// file, or its number from 1; of an NPZ archive, the array. "" is the
	// last column, and the array y.
	Target string
	// NoTarget: every column is a feature.
	NoTarget bool
	// Features is the array of features of an NPZ archive; "" is X.
	Features string

	MaxBytes   int64 // 0 means DefaultMaxBytes
	MaxNumbers int   // 0 means DefaultMaxNumbers
}

// Read reads data from a CSV, NPY or NPZ file, told apart by their contents.
//
// CSV is a table, separated by commas, semicolons or tabs, whichever comes first
// in the first line; lines that begin with # are comments; a first line in
// which no cell is a number is a header. NPY is a matrix of any integer
// or real type of up to 64 bits. NPZ is NumPy's archive of several, compressed
// or not. Every number must be finite.
//
// The error is a *DataError, a *ModelError, or what the system says about the
// file.
func (f Format) Read(path string) (Data, error) {
	b, err := f.load(path)
	if err != nil {
		return Data{}, err
	}
	return f.Parse(path, b)
}

// ReadPair reads the features from one file, every column of it, and the
// targets from another, of one column.
func (f Format) ReadPair(features, targets string) (Data, error) {
	f.NoTarget, f.Target = true, ""
	d, err := f.Read(features)
	if err != nil {
		return Data{}, err
	}
	y, err := f.Read(targets)
	if err != nil {
		return Data{}, err
	}
	if y.Rows == 1 && y.Cols == d.Rows {
		y.Rows, y.Cols = y.Cols, 1
	}
	if y.Cols != 1 || y.Rows != d.Rows {
		return Data{}, &DataError{File: targets, Message: fmt.Sprintf("%d rows of %d columns, want a target for each of %d rows", y.Rows, y.Cols, d.Rows)}
	}
	d.Y = y.X
	return d, nil
}

func (f Format) load(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	limit := f.maxBytes()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (f Format) maxBytes() int64 {
	if f.MaxBytes > 0 {
		return f.MaxBytes
	}
	return DefaultMaxBytes
}

func (f Format) maxNumbers() int {
	if f.MaxNumbers > 0 {
		return f.MaxNumbers
	}
	return DefaultMaxNumbers
}

// Parse is Read for a file already read; name is used in errors.
func (f Format) Parse(name string, b []byte) (Data, error) {
	switch {
	case f.MaxBytes < 0:
		return Data{}, &ModelError{Of: "format", Field: "MaxBytes", Value: f.MaxBytes, Want: "a positive number, or 0"}
	case f.MaxNumbers < 0:
		return Data{}, &ModelError{Of: "format", Field: "MaxNumbers", Value: f.MaxNumbers, Want: "a positive number, or 0"}
	case f.NoTarget && f.Target != "":
		return Data{}, &ModelError{Of: "format", Field: "Target", Value: f.Target, Want: `"" beside NoTarget`}
	}
	var d Data
	var err error
	switch {
	case int64(len(b)) > f.maxBytes():
		err = &DataError{Message: fmt.Sprintf("more than %d bytes", f.maxBytes()), Limit: f.maxBytes(), Kind: ErrLimit}
	case npy.Is(b):
		d, err = f.parseNPY(b)
	case bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")):
		d, err = f.parseNPZ(b)
	default:
		d, err = f.parseCSV(b)
	}
	if err == nil {
		err = d.Check()
	}
	if err != nil {
		var e *DataError
		if errors.As(err, &e) {
			e.File = name
		}
		return Data{}, err
	}
	return d, nil
}

// Parse is that of the zero Format.
func Parse(name string, b []byte) (Data, error) { return Format{}.Parse(name, b) }

// Read is that of the zero Format.
func Read(path string) (Data, error) { return Format{}.Read(path) }

func (f Format) tooMany() error {
	return &DataError{Message: fmt.Sprintf("more than %d numbers", f.maxNumbers()), Limit: int64(f.maxNumbers()), Kind: ErrLimit}
}

func (f Format) parseNPY(b []byte) (Data, error) {
	// No number takes less than a byte.
	a, err := f.array(b)
	if err != nil {
		return Data{}, err
	}
	switch len(a.Shape) {
	case 1:
		a.Shape = append(a.Shape, 1)
	case 2:
	default:
		return Data{}, &DataError{Message: fmt.Sprintf("%d dimensions, want 2: rows and columns", len(a.Shape))}
	}
	if err := checkCells("", a.Data, a.Shape[1]); err != nil {
		return Data{}, err
	}
	return f.divide(a.Data, a.Shape[0], a.Shape[1], nil)
}

func (f Format) array(b []byte) (npy.Array, error) {
	if len(b) > 8*f.maxNumbers()+1<<16 {
		return npy.Array{}, f.tooMany()
	}
	a, err := npy.Parse(b)
	if err != nil {
		return a, &DataError{Message: err.Error(), Err: err}
	}
	if len(a.Data) > f.maxNumbers() {
		return a, f.tooMany()
	}
	return a, nil
}

// divide takes the target's column out of a table.
func (f Format) divide(x []float64, rows, cols int, names []string) (Data, error) {
	if f.NoTarget {
		return Data{X: x, Rows: rows, Cols: cols, Names: names}, nil
	}
	at := cols - 1
	if f.Target != "" {
		if at = slices.Index(names, f.Target); at < 0 {
			n, err := strconv.Atoi(f.Target)
			if err != nil || n < 1 || n > cols {
				return Data{}, &DataError{Field: f.Target, Message: fmt.Sprintf("no such column; there are %d%s", cols, list(names)), Limit: int64(cols)}
			}
			at = n - 1
		}
	}
	if cols < 2 {
		return Data{}, &DataError{Message: "one column, which is the target: no features are left"}
	}
	d := Data{X: make([]float64, 0, rows*(cols-1)), Y: make([]float64, rows), Rows: rows, Cols: cols - 1}
	for i := range rows {
		row := x[i*cols : (i+1)*cols]
		d.X = append(append(d.X, row[:at]...), row[at+1:]...)
		d.Y[i] = row[at]
	}
	if names != nil {
		d.Names = append(append([]string{}, names[:at]...), names[at+1:]...)
	}
	return d, nil
}

// list shows a few names.
func list(names []string) string {
	const few = 8
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > few {
		names, more = names[:few], ", …"
	}
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(clip(n, 24)))
	}
	return ": " + b.String() + more
}

func (f Format) parseNPZ(b []byte) (Data, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return Data{}, &DataError{Message: "not an NPZ archive: " + err.Error(), Err: err}
	}
	var names []string
	left := f.maxBytes()
	read := func(name string) (npy.Array, error) {
		for _, file := range z.File {
			if strings.TrimSuffix(file.Name, ".npy") != name {
				continue
			}
			// What the archive says of the size is checked by reading.
			r, err := file.Open()
			if err != nil {
				return npy.Array{}, &DataError{Array: name, Message: err.Error(), Err: err}
			}
			defer r.Close()
			data, err := io.ReadAll(io.LimitReader(r, left+1))
			if err != nil {
				return npy.Array{}, &DataError{Array: name, Message: err.Error(), Err: err}
			}
			if left -= int64(len(data)); left < 0 {
				return npy.Array{}, &DataError{Array: name, Message: fmt.Sprintf("the archive unpacks to more than %d bytes", f.maxBytes()), Limit: f.maxBytes(), Kind: ErrLimit}
			}
			if !npy.Is(data) {
				return npy.Array{}, &DataError{Array: name, Message: "not NPY"}
			}
			a, err := f.array(data)
			var e *DataError
			if errors.As(err, &e) {
				e.Array = name
			}
			return a, err
		}
		return npy.Array{}, &DataError{Array: name, Message: fmt.Sprintf("no such array; there are %d%s", len(names), list(names))}
	}
	for _, file := range z.File {
		names = append(names, strings.TrimSuffix(file.Name, ".npy"))
	}
	first, second := "X", "y"
	if f.Features != "" {
		first = f.Features
	}
	if f.Target != "" {
		second = f.Target
	}
	x, err := read(first)
	if err != nil {
		return Data{}, err
	}
	d := Data{X: x.Data}
	switch len(x.Shape) {
	case 1:
		d.Rows, d.Cols = x.Shape[0], 1
	case 2:
		d.Rows, d.Cols = x.Shape[0], x.Shape[1]
	default:
		return Data{}, &DataError{Array: first, Message: fmt.Sprintf("%d dimensions, want 2: rows and features", len(x.Shape))}
	}
	if err := checkCells(first, d.X, d.Cols); err != nil {
		return Data{}, err
	}
	if f.NoTarget {
		return d, nil
	}
	y, err := read(second)
	if err != nil {
		return Data{}, err
	}
	d.Y = y.Data
	if len(y.Data) != d.Rows {
		return Data{}, &DataError{Array: second, Message: fmt.Sprintf("%d targets for %d rows", len(y.Data), d.Rows), Value: float64(len(y.Data)), Limit: int64(d.Rows)}
	}
	if err := checkCells(second, d.Y, 1); err != nil {
		return Data{}, err
	}
	if len(d.X)+len(d.Y) > f.maxNumbers() {
		return Data{}, f.tooMany()
	}
	return d, nil
}

func (f Format) parseCSV(b []byte) (Data, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return Data{}, &DataError{Message: "neither text nor NPY nor NPZ"}
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.Comment = separator(b), '#'
	r.TrimLeadingSpace = r.Comma != '\t'
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	var x []float64
	var names []string
	cols, rows := 0, 0
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			e := &DataError{Message: err.Error(), Err: err}
			var at *csv.ParseError
			if errors.As(err, &at) {
				e.Line, e.Column, e.Message = at.Line, at.Column, at.Err.Error()
			}
			return Data{}, e
		}
		line, _ := r.FieldPos(0)
		if cols == 0 {
			cols = len(record)
			if header(record) {
				for _, s := range record {
					names = append(names, strings.Clone(strings.TrimSpace(s)))
				}
				for j, s := range names {
					if k := slices.Index(names[:j], s); k >= 0 {
						_, column := r.FieldPos(j)
						return Data{}, &DataError{Line: line, Column: column, Field: s, Message: fmt.Sprintf("columns %d and %d of the header have the same name", k+1, j+1)}
					}
				}
				continue
			}
		}
		if len(record) != cols {
			return Data{}, &DataError{Line: line, Row: rows + 1, Message: fmt.Sprintf("%d cells, the lines before have %d", len(record), cols), Value: float64(len(record)), Limit: int64(cols)}
		}
		if len(x)+cols > f.maxNumbers() {
			return Data{}, &DataError{Line: line, Row: rows + 1, Message: fmt.Sprintf("more than %d numbers", f.maxNumbers()), Limit: int64(f.maxNumbers()), Kind: ErrLimit}
		}
		rows++
		for j, s := range record {
			v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err == nil && isFinite(v) {
				x = append(x, v)
				continue
			}
			_, column := r.FieldPos(j)
			e := &DataError{Line: line, Row: rows, Column: column, Value: v}
			if names != nil {
				e.Field = names[j]
			}
			shown := strconv.Quote(clip(s, 48))
			switch {
			case strings.TrimSpace(s) == "":
				e.Message = "expected a number, found an empty cell"
			case err == nil:
				e.Message, e.Kind = shown+" is not finite", ErrNotFinite
			case errors.Is(err, strconv.ErrRange):
				e.Message, e.Kind = shown+" is beyond the range of float64", ErrNotFinite
			default:
				e.Message, e.Value = "expected a number, found "+shown, 0
			}
			return Data{}, e
		}
	}
	if rows == 0 {
		return Data{}, &DataError{Message: "no numbers in the file"}
	}
	return f.divide(x, rows, cols, names)
}

// separator is the first of comma, semicolon and tab in the first line that is
// not a comment; a comma where there is none.
func separator(b []byte) rune {
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		quoted := false
		for _, c := range line {
			switch c {
			case '"':
				quoted = !quoted
			case ',', ';', '\t':
				if !quoted {
					return rune(c)
				}
			}
		}
		break
	}
	return ','
}

// header says whether no cell is a number. A line of which some are is data,
// so that a slip of the pen in the first line is not swallowed.
func header(record []string) bool {
	for _, s := range record {
		_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			return false
		}
	}
	return true
}

// checkCells refuses a number that is not finite in rows of cols.
func checkCells(array string, x []float64, cols int) error {
	for i, v := range x {
		if !isFinite(v) {
			return &DataError{Array: array, Row: i/cols + 1, Column: i%cols + 1, Message: fmt.Sprintf("%v is not finite", v), Value: v, Kind: ErrNotFinite}
		}
	}
	return nil
}
