package interval

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// PositiveDefinite reports whether it is proved that M, which is square, has
// symmetric matrices in it and that all of them are positive definite. False
// proves nothing.
//
// With D a diagonal of powers of two that brings the diagonal of D M D near 1,
// at its lower end, which decides, and L the Cholesky factor, however inexact,
// of that matrix's midpoint less a diagonal Δ of its rows' radii,
//
//	D M D = L Lᵀ + E,
//
// and E, of which an enclosure is computed, is near Δ. If its diagonal
// dominates, E ≻ 0 by Gershgorin and so is the sum: nothing is assumed of the
// floating-point factorisation. What is not proved though true has a smallest
// eigenvalue, after scaling, below about the largest row sum of radii plus
// n 2⁻⁵¹.
//
// The cost is that of a float64 Cholesky and as many products in twice the
// precision, n³/6.
func (m Matrix) PositiveDefinite() bool {
	square(m)
	n := m.Rows
	s := m.Symmetrize()
	scale := make([]float64, n)
	for i := range n {
		d := s.At(i, i)
		if !d.Positive() || !d.IsBounded() {
			return false
		}
		_, e := math.Frexp(d.lo)
		scale[i] = math.Ldexp(1, -(e >> 1))
	}
	l := make([]float64, n*n)
	for i := range n {
		row := 0.0
		for j := range n {
			x := s.At(i, j).Scale(scale[i]).Scale(scale[j])
			if x.IsEmpty() || !x.IsBounded() {
				return false
			}
			if i == j {
				x.hi = x.lo
			}
			s.Set(i, j, x)
			l[i*n+j] = x.Mid()
			row += float64(x.Width() / 2)
		}
		// What Cholesky leaves, in row sums: at most 2.6 n 2⁻⁵³ for Gram matrices of
		// random, nearly dependent and graded vectors, n = 2 to 400.
		l[i*n+i] -= row + float64(float64(4*n)*dense.Eps)
	}
	if !dense.Cholesky(l, l, n) {
		return false
	}
	for i, x := range l {
		if math.Abs(x) < 0x1p-470 {
			l[i] = 0 // its products would be tiny; any L will do
		}
	}
	return dominant(s, l)
}

// dominant reports whether S − L Lᵀ has a positive diagonal that strictly
// dominates its rows, for all symmetric matrices in S.
func dominant(s Matrix, l []float64) bool {
	n := s.Rows
	neg := make([]float64, len(l))
	for i, x := range l {
		neg[i] = -x
	}
	off, diag := make([]float64, n), make([]float64, n)
	for i := range n {
		for j := range i + 1 {
			e := plusProducts(s.At(i, j), neg[i*n:i*n+j+1], l[j*n:j*n+j+1])
			if i == j {
				diag[i] = e.lo
				continue
			}
			off[i], off[j] = AddUp(off[i], e.Mag()), AddUp(off[j], e.Mag())
		}
	}
	for i := range n {
		if !(off[i] < diag[i]) {
			return false
		}
	}
	return true
}

// plusProducts encloses a + Σᵢ xᵢ yᵢ, of products that are 0 or not tiny.
func plusProducts(a Interval, x, y []float64) Interval {
	var lo sum
	lo.products(x, y)
	hi := lo
	lo.add(a.lo)
	hi.add(a.hi)
	if !lo.ok() || !hi.ok() {
		return Entire()
	}
	return Interval{lo.down(), hi.up()}
}
