package interval

import "math"

// PositiveDefinite reports whether it is proved that every symmetric matrix in
// M is positive definite. False proves nothing. M is square, and its lower
// triangle is read.
//
// Interval Cholesky: if all pivots are positive, each real factorisation inside
// succeeds.
func (m Matrix) PositiveDefinite() bool {
	square(m)
	n := m.Rows
	l := NewMatrix(n, n)
	for j := range n {
		for i := j; i < n; i++ {
			s := m.At(i, j).Intersect(m.At(j, i)).Sub(dot(l.Data[i*n:i*n+j], l.Data[j*n:j*n+j]))
			if i > j {
				l.Set(i, j, s.Div(l.At(j, j)))
				continue
			}
			if !s.Positive() || math.IsInf(s.Hi(), 1) {
				return false
			}
			l.Set(j, j, s.Sqrt())
		}
	}
	return true
}
