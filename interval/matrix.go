package interval

import "fmt"

// A Matrix is a Rows×Cols matrix of intervals: the set of real matrices with
// each entry in its interval. Entry (i, j) is Data[i*Cols+j].
//
// Results are newly allocated. Dimensions that do not fit are a bug of the
// caller and panic.
type Matrix struct {
	Rows, Cols int
	Data       []Interval
}

// NewMatrix is the zero matrix.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{rows, cols, make([]Interval, rows*cols)}
}

// FromFloats is the real matrix with the given entries, row by row. It panics
// if an entry is NaN or infinite.
func FromFloats(rows, cols int, data []float64) Matrix {
	m := NewMatrix(rows, cols)
	if len(data) != len(m.Data) {
		panic(fmt.Sprintf("interval: %d entries for a %d×%d matrix", len(data), rows, cols))
	}
	for i, x := range data {
		m.Data[i] = Of(x)
	}
	return m
}

// At is entry (i, j).
func (m Matrix) At(i, j int) Interval { return m.Data[i*m.Cols+j] }

// Set makes x entry (i, j).
func (m Matrix) Set(i, j int, x Interval) { m.Data[i*m.Cols+j] = x }

// Mid is a real matrix in M, as Data.
func (m Matrix) Mid() []float64 { return Box(m.Data).Mid() }

// Contains reports whether the real matrix x, as Data, is in M.
func (m Matrix) Contains(x []float64) bool { return Box(m.Data).Contains(x) }

// Add is M + N.
func (m Matrix) Add(n Matrix) Matrix {
	fit("+", m, n, m.Rows == n.Rows && m.Cols == n.Cols)
	r := NewMatrix(m.Rows, m.Cols)
	for i, x := range m.Data {
		r.Data[i] = x.Add(n.Data[i])
	}
	return r
}

// Sub is M − N.
func (m Matrix) Sub(n Matrix) Matrix {
	fit("−", m, n, m.Rows == n.Rows && m.Cols == n.Cols)
	r := NewMatrix(m.Rows, m.Cols)
	for i, x := range m.Data {
		r.Data[i] = x.Sub(n.Data[i])
	}
	return r
}

// Scale is x M.
func (m Matrix) Scale(x Interval) Matrix {
	r := NewMatrix(m.Rows, m.Cols)
	for i, y := range m.Data {
		r.Data[i] = x.Mul(y)
	}
	return r
}

// T is Mᵀ.
func (m Matrix) T() Matrix {
	r := NewMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j := range m.Cols {
			r.Data[j*m.Rows+i] = m.Data[i*m.Cols+j]
		}
	}
	return r
}

// Trace is Σᵢ mᵢᵢ, for square M.
func (m Matrix) Trace() Interval {
	square(m)
	d := make([]Interval, m.Rows)
	for i := range d {
		d[i] = m.At(i, i)
	}
	return Sum(d)
}

// Symmetrize is the matrix whose entries (i, j) and (j, i) are both the
// intersection of those of M: the symmetric matrices in M are all in it. An
// entry is empty if there is none.
func (m Matrix) Symmetrize() Matrix {
	square(m)
	r := NewMatrix(m.Rows, m.Cols)
	for i := range m.Rows {
		for j := range i + 1 {
			x := m.At(i, j).Intersect(m.At(j, i))
			r.Set(i, j, x)
			r.Set(j, i, x)
		}
	}
	return r
}

// Mul is M N.
func (m Matrix) Mul(n Matrix) Matrix {
	fit("·", m, n, m.Cols == n.Rows)
	return m.MulNT(n.T())
}

// MulTN is Mᵀ N.
func (m Matrix) MulTN(n Matrix) Matrix {
	fit("ᵀ·", m, n, m.Rows == n.Rows)
	return m.T().MulNT(n.T())
}

// MulNT is M Nᵀ. Each entry is a Dot.
func (m Matrix) MulNT(n Matrix) Matrix {
	fit("·ᵀ", m, n, m.Cols == n.Cols)
	r := NewMatrix(m.Rows, n.Rows)
	if m.Cols < prepared {
		for i := range m.Rows {
			x := m.Data[i*m.Cols : (i+1)*m.Cols]
			for j := range n.Rows {
				r.Data[i*r.Cols+j] = Dot(x, n.Data[j*n.Cols:(j+1)*n.Cols])
			}
		}
		return r
	}
	x, y := factors(m.Data, m.Cols, m.Rows), factors(n.Data, n.Cols, n.Rows)
	tmp := newScratch(m.Cols)
	for i := range x {
		for j := range y {
			r.Data[i*r.Cols+j] = dot(&x[i], &y[j], tmp)
		}
	}
	return r
}

// prepared is the number of columns from which dot is faster than Dot, with its
// preparation; see BenchmarkMatrix.
const prepared = 12

// NormInf is an upper bound of ‖X‖_∞ = maxᵢ Σⱼ |xᵢⱼ| over all X in M.
func (m Matrix) NormInf() float64 {
	r := 0.0
	for i := range m.Rows {
		s := 0.0
		for _, x := range m.Data[i*m.Cols : (i+1)*m.Cols] {
			s = AddUp(s, x.Mag())
		}
		r = max(r, s)
	}
	return r
}

// NormFro is an upper bound of ‖X‖_F over all X in M.
func (m Matrix) NormFro() float64 {
	s := 0.0
	for _, x := range m.Data {
		s = AddUp(s, MulUp(x.Mag(), x.Mag()))
	}
	return SqrtUp(s)
}

func fit(op string, m, n Matrix, ok bool) {
	if !ok {
		panic(fmt.Sprintf("interval: %d×%d %s %d×%d", m.Rows, m.Cols, op, n.Rows, n.Cols))
	}
}

func square(m Matrix) {
	if m.Rows != m.Cols {
		panic(fmt.Sprintf("interval: %d×%d matrix is not square", m.Rows, m.Cols))
	}
}
