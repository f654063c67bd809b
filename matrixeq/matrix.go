package matrixeq

import (
	"encoding/json"
	"fmt"
	"math"
)

// A Matrix is dense and row-major: entry (i, j) is Data[i*Cols+j]. The zero
// value is the absent matrix.
//
// Copying a Matrix copies the header; both share Data.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

// New returns the r×c zero matrix.
func New(r, c int) Matrix {
	return Matrix{Rows: r, Cols: c, Data: make([]float64, r*c)}
}

// FromRows copies rows into a matrix. The error is a *ShapeError when they do
// not all have the length of the first, which must not be 0.
func FromRows(rows [][]float64) (Matrix, error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return Matrix{}, &ShapeError{Name: "rows", WantRows: max(len(rows), 1), WantCols: 1, Rows: len(rows)}
	}
	m := New(len(rows), len(rows[0]))
	for i, row := range rows {
		if len(row) != m.Cols {
			return Matrix{}, &ShapeError{Name: fmt.Sprintf("row %d", i), Rows: 1, Cols: len(row), WantRows: 1, WantCols: m.Cols}
		}
		copy(m.Row(i), row)
	}
	return m, nil
}

// Identity returns the n×n identity.
func Identity(n int) Matrix {
	m := New(n, n)
	for i := range n {
		m.Set(i, i, 1)
	}
	return m
}

// Scalar returns the 1×1 matrix that holds x.
func Scalar(x float64) Matrix { return Matrix{Rows: 1, Cols: 1, Data: []float64{x}} }

// Diagonal returns the square matrix with d on its diagonal.
func Diagonal(d ...float64) Matrix {
	m := New(len(d), len(d))
	for i, x := range d {
		m.Set(i, i, x)
	}
	return m
}

// At returns entry (i, j).
func (m Matrix) At(i, j int) float64 {
	if uint(j) >= uint(m.Cols) {
		panic(fmt.Sprintf("matrixeq: column %d of %d", j, m.Cols))
	}
	return m.Data[i*m.Cols+j]
}

// Set sets entry (i, j) to x.
func (m Matrix) Set(i, j int, x float64) {
	if uint(j) >= uint(m.Cols) {
		panic(fmt.Sprintf("matrixeq: column %d of %d", j, m.Cols))
	}
	m.Data[i*m.Cols+j] = x
}

// Row returns row i; it shares the matrix's memory.
func (m Matrix) Row(i int) []float64 {
	return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols]
}

// Clone returns a copy that shares nothing.
func (m Matrix) Clone() Matrix {
	if m.IsZero() {
		return Matrix{}
	}
	c := New(m.Rows, m.Cols)
	copy(c.Data, m.Data)
	return c
}

// T returns the transpose, newly allocated.
func (m Matrix) T() Matrix {
	t := New(m.Cols, m.Rows)
	for i := range m.Rows {
		for j := range m.Cols {
			t.Data[j*m.Rows+i] = m.Data[i*m.Cols+j]
		}
	}
	return t
}

// IsZero says whether the matrix is absent; a matrix of zeros is not.
func (m Matrix) IsZero() bool { return m.Rows == 0 }

// Equal says whether shapes and all entries agree bit for bit.
func (m Matrix) Equal(b Matrix) bool {
	if m.Rows != b.Rows || m.Cols != b.Cols {
		return false
	}
	for i := range m.Rows * m.Cols {
		if math.Float64bits(m.Data[i]) != math.Float64bits(b.Data[i]) {
			return false
		}
	}
	return true
}

// MarshalJSON writes the rows, [[…],[…]], in the shortest digits that read back
// to the same bits; the absent matrix is null.
func (m Matrix) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	rows := make([][]float64, m.Rows)
	for i := range rows {
		rows[i] = m.Row(i)
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Matrix) UnmarshalJSON(text []byte) error {
	var rows [][]float64
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	if rows == nil {
		*m = Matrix{}
		return nil
	}
	r, err := FromRows(rows)
	if err != nil {
		return err
	}
	*m = r
	return nil
}
