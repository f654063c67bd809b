package dense

import "math"

// The orders from which on Cholesky, solutions with triangles and LU go by panels:
// where these are ahead in BenchmarkFactor.
const (
	choleskyFrom = 20
	solveFrom    = 8
	luFrom       = 12
)

// Cholesky computes the lower triangular L with A = L Lᵀ from the lower
// triangle of A and zeroes the rest of L. It returns false, with L undefined,
// when a pivot is not positive (or is NaN). L may be A.
func Cholesky(l, a []float64, n int) bool {
	switch {
	case n < choleskyFrom:
		return choleskySmall(l, a, n)
	case n <= midPanel:
		var w [2*width*midPanel + line]float64
		return choleskyPanels(l, a, n, aligned(w[:]))
	case n <= largePanel:
		var w [2*width*largePanel + line]float64
		return choleskyPanels(l, a, n, aligned(w[:]))
	}
	return choleskyPanels(l, a, n, make([]float64, 2*width*n))
}

// choleskyPanels goes by panels of eight columns, left-looking: each, packed,
// receives all earlier columns at once. w has room for two panels.
func choleskyPanels(l, a []float64, n int, w []float64) bool {
	x, t := w[:width*n], w[width*n:]
	for j := 0; j < n; j += width {
		c, below := min(width, n-j), n-j
		packPanel(x, a[j*n+j:], n, below, c) // what is above the diagonal never leaves its place
		if j > 0 {
			// t ← the rows j … j+c−1 of L, transposed.
			if c == width {
				pack4(t, width, l[j*n:], n, j)
				pack4(t[4:], width, l[(j+4)*n:], n, j)
			} else {
				clear(t[:j*width])
				for q := range c {
					for p, v := range l[(j+q)*n : (j+q)*n+j] {
						t[p*width+q] = v
					}
				}
			}
			if below >= 4 {
				accumulate(x, width, l[j*n:], n, 1, t, width, below, j, width, sub)
			} else {
				subProduct(x, l[j*n:], n, 1, t, below, j)
			}
		}
		for k := range c {
			d := x[k*width+k]
			r := 1 / math.Sqrt(d)
			if !(d > 0) || d > math.MaxFloat64 {
				return false
			}
			var u [width]float64 // column k, below the diagonal
			for q := k + 1; q < c; q++ {
				u[q] = x[q*width+k] * r
			}
			eliminate(x[(k+1)*width:], below-k-1, &u, r, k)
			x[k*width+k] = 1 / r
		}
		for i := range below {
			row := l[(j+i)*n : (j+i)*n+n]
			copy(row[j:], x[i*width:i*width+min(c, i+1)])
			if i < c {
				clear(row[j+i+1:])
			}
		}
	}
	return true
}

func choleskySmall(l, a []float64, n int) bool {
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
	if n >= solveFrom && m >= solveFrom {
		solvePanels(l, b, n, m, true, true)
		return
	}
	ForwardSolve(l, b, n, m)
	BackwardSolve(l, b, n, m)
}

// ForwardSolve sets B ← L⁻¹ B for lower triangular L and B n×m.
func ForwardSolve(l, b []float64, n, m int) {
	if n >= solveFrom && m >= solveFrom {
		solvePanels(l, b, n, m, true, false)
		return
	}
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
	if n >= solveFrom && m >= solveFrom {
		solvePanels(l, b, n, m, false, true)
		return
	}
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

// solvePanels sets B to L⁻¹ B (forward), L⁻ᵀ of that (back), or both, by packed
// panels of eight columns.
func solvePanels(l, b []float64, n, m int, forward, back bool) {
	var w []float64
	switch {
	case n <= midPanel:
		var small [(width+1)*midPanel + line]float64
		w = aligned(small[:])
	case n <= largePanel:
		var large [(width+1)*largePanel + line]float64
		w = aligned(large[:])
	default:
		w = make([]float64, (width+1)*n)
	}
	x, d := w[:width*n], w[width*n:width*n+n]
	for i := range d {
		d[i] = 1 / l[i*n+i]
	}
	for j := 0; j < m; j += width {
		c := min(width, m-j)
		packPanel(x, b[j:], m, n, c)
		if forward {
			substitute(x, l, n, 1, n, d, false)
		}
		if back {
			substitute(x, l, 1, n, n, d, true)
		}
		unpackPanel(b[j:], m, x, n, c)
	}
}

// corner is the order of the triangles on the diagonal that substitute solves
// with; what lies beside them is a product.
const corner = 32

// substitute is triangle by blocks, for any n.
func substitute(x, l []float64, li, lp, n int, d []float64, back bool) {
	for done := 0; done < n; {
		h := min(corner, n-done)
		i, p := done, 0 // the block begins in row i; what is known of X, in row p
		if back {
			i, p = n-done-h, n-done
		}
		if done > 0 && h >= 4 {
			accumulate(x[i*width:], width, l[i*li+p*lp:], li, lp, x[p*width:], width, h, done, width, sub)
		} else if done > 0 {
			subProduct(x[i*width:], l[i*li+p*lp:], li, lp, x[p*width:], h, done)
		}
		var factors []float64
		if d != nil {
			factors = d[i:]
		}
		triangle(x[i*width:], l[i*(li+lp):], li, lp, h, factors, back)
		done += h
	}
}

func subScaled(dst []float64, s float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] -= float64(s * x[i])
	}
}
