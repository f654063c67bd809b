package dense

import "math"

// Cholesky computes the lower triangular L with A = L Lᵀ from the lower
// triangle of A and zeroes the rest of L. It returns false, with L undefined,
// when a pivot is not positive (or is NaN). L may be A.
func Cholesky(l, a []float64, n int) bool {
	for i := range n {
		li := l[i*n : i*n+n]
		ai := a[i*n : i*n+n]
		for j := range i {
			lj := l[j*n : j*n+n]
			li[j] = (ai[j] - dot(li[:j], lj[:j])) * lj[j]
		}
		d := ai[i] - dot(li[:i], li[:i])
		if !(d > 0) || d > math.MaxFloat64 {
			return false
		}
		// The diagonal holds 1/lᵢᵢ until the end: one division a row.
		li[i] = 1 / math.Sqrt(d)
	}
	for i := range n {
		l[i*n+i] = 1 / l[i*n+i]
		clear(l[i*n+i+1 : i*n+n])
	}
	return true
}

// dot is Dot, in line where there is little to add.
func dot(x, y []float64) float64 {
	if len(x) >= 8 {
		return Dot(x, y)
	}
	s := 0.0
	for i, v := range x {
		s += float64(v * y[i])
	}
	return s
}

// CholeskySolve sets B ← (L Lᵀ)⁻¹ B for B n×m.
func CholeskySolve(l, b []float64, n, m int) {
	ForwardSolve(l, b, n, m)
	BackwardSolve(l, b, n, m)
}

// ForwardSolve sets B ← L⁻¹ B for lower triangular L and B n×m.
func ForwardSolve(l, b []float64, n, m int) {
	for i := range n {
		bi := b[i*m : i*m+m]
		for p := range i {
			subScaled(bi, l[i*n+p], b[p*m:p*m+m])
		}
		d := 1 / l[i*n+i]
		for j := range bi {
			bi[j] *= d
		}
	}
}

// BackwardSolve sets B ← L⁻ᵀ B for lower triangular L and B n×m.
func BackwardSolve(l, b []float64, n, m int) {
	for i := n - 1; i >= 0; i-- {
		bi := b[i*m : i*m+m]
		for p := i + 1; p < n; p++ {
			subScaled(bi, l[p*n+i], b[p*m:p*m+m])
		}
		d := 1 / l[i*n+i]
		for j := range bi {
			bi[j] *= d
		}
	}
}

func subScaled(dst []float64, s float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] -= float64(s * x[i])
	}
}
