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
			s := ai[j]
			for p := range j {
				s -= li[p] * lj[p]
			}
			li[j] = s * lj[j]
		}
		d := ai[i]
		for _, v := range li[:i] {
			d -= v * v
		}
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

// CholeskySolve sets B ← (L Lᵀ)⁻¹ B for B n×m.
func CholeskySolve(l, b []float64, n, m int) {
	ForwardSolve(l, b, n, m)
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

func subScaled(dst []float64, s float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] -= s * x[i]
	}
}

// LU overwrites A with the factors of P A = L U, row interchanges in piv. It
// returns false when a pivot is zero or not finite.
func LU(a []float64, piv []int, n int) bool {
	for k := range n {
		p, best := k, math.Abs(a[k*n+k])
		for i := k + 1; i < n; i++ {
			if v := math.Abs(a[i*n+k]); v > best {
				p, best = i, v
			}
		}
		piv[k] = p
		if !(best > 0) || best > math.MaxFloat64 {
			return false
		}
		rk := a[k*n : k*n+n]
		if p != k {
			rp := a[p*n : p*n+n]
			for j := range rk {
				rk[j], rp[j] = rp[j], rk[j]
			}
		}
		d := 1 / rk[k]
		for i := k + 1; i < n; i++ {
			ri := a[i*n : i*n+n]
			f := ri[k] * d
			ri[k] = f
			if f != 0 {
				subScaled(ri[k+1:], f, rk[k+1:])
			}
		}
	}
	return true
}

// LUSolve sets B ← A⁻¹ B for B n×m, from the factors of LU.
func LUSolve(lu []float64, piv []int, b []float64, n, m int) {
	for k := range n {
		if p := piv[k]; p != k {
			rk, rp := b[k*m:k*m+m], b[p*m:p*m+m]
			for j := range rk {
				rk[j], rp[j] = rp[j], rk[j]
			}
		}
	}
	for i := range n {
		bi := b[i*m : i*m+m]
		for p := range i {
			subScaled(bi, lu[i*n+p], b[p*m:p*m+m])
		}
	}
	for i := n - 1; i >= 0; i-- {
		bi := b[i*m : i*m+m]
		for p := i + 1; p < n; p++ {
			subScaled(bi, lu[i*n+p], b[p*m:p*m+m])
		}
		d := 1 / lu[i*n+i]
		for j := range bi {
			bi[j] *= d
		}
	}
}
