package dense

import "math"

// block is the number of columns that LU and LUSolve treat at once: one panel
// of panel8.
const block = 8

// LU overwrites A with the factors of P A = L U, row interchanges in piv. It
// returns false when a pivot is zero or not finite.
//
// Left-looking by panels of eight columns: each panel receives all earlier
// columns in one sweep of tiles, then is factored with partial pivoting.
func LU(a []float64, piv []int, n int) bool {
	for j := 0; j < n; j += block {
		w := min(block, n-j)
		panel := a[j:]
		// Earlier interchanges, then the rows above (U) and below.
		for k, p := range piv[:j] {
			if p != k {
				swap(panel[k*n:k*n+w], panel[p*n:p*n+w])
			}
		}
		forwardPanel(a, n, panel, n, j, w)
		for i := j; i < n; {
			i += reduce(panel[i*n:], n, a[i*n:], n, panel, n, n-i, j, w)
		}
		for k := j; k < j+w; k++ {
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
			if p != k {
				// The columns to the left (L) move along; those to the
				// right follow when their panel comes.
				swap(a[k*n:k*n+j+w], a[p*n:p*n+j+w])
			}
			rk := a[k*n+k : k*n+j+w]
			for i := k + 1; i < n; i++ {
				ri := a[i*n+k : i*n+j+w]
				f := ri[0] / rk[0]
				ri[0] = f
				if f != 0 {
					subScaled(ri[1:], f, rk[1:])
				}
			}
		}
	}
	return true
}

// LUSolve sets B ← A⁻¹ B for B n×m, from the factors of LU.
func LUSolve(lu []float64, piv []int, b []float64, n, m int) {
	for k := range n {
		if p := piv[k]; p != k {
			swap(b[k*m:k*m+m], b[p*m:p*m+m])
		}
	}
	for j := 0; j < m; j += block {
		w := min(block, m-j)
		forwardPanel(lu, n, b[j:], m, n, w)
		backwardPanel(lu, n, b[j:], m, n, w)
	}
}

func swap(x, y []float64) {
	y = y[:len(x)]
	for i, v := range x {
		x[i], y[i] = y[i], v
	}
}

// reduce subtracts A X from up to four of the rows of C, where A has k columns
// and X is k×w, and returns the number of rows it treated.
func reduce(c []float64, ldc int, a []float64, lda int, x []float64, ldx, rows, k, w int) int {
	if k == 0 {
		return rows
	}
	if rows < 4 || w != block {
		for p := range k {
			subScaled(c[:w], a[p], x[p*ldx:p*ldx+w])
		}
		return 1
	}
	var t [4 * block]float64
	panel8(t[:], block, a, lda, 1, x, ldx, k, 1)
	for i := range 4 {
		r, s := c[i*ldc:i*ldc+block:i*ldc+block], t[i*block:i*block+block:i*block+block]
		for q := range r {
			r[q] -= s[q]
		}
	}
	return 4
}

// forwardPanel sets the first n rows of X, w ≤ 8 columns, to L⁻¹ X for the unit
// lower triangle L of lu.
func forwardPanel(lu []float64, ldl int, x []float64, ldx, n, w int) {
	for i := 0; i < n; {
		h := reduce(x[i*ldx:], ldx, lu[i*ldl:], ldl, x, ldx, n-i, i, w)
		h = min(h, 4)
		for r := i + 1; r < i+h; r++ {
			for p := i; p < r; p++ {
				subScaled(x[r*ldx:r*ldx+w], lu[r*ldl+p], x[p*ldx:p*ldx+w])
			}
		}
		i += h
	}
}

// backwardPanel sets X to U⁻¹ X for the upper triangle U of lu.
func backwardPanel(lu []float64, ldl int, x []float64, ldx, n, w int) {
	for i := n; i > 0; {
		h := min(4, i)
		i -= h
		if k := n - i - h; k > 0 {
			for r := 0; r < h; {
				r += reduce(x[(i+r)*ldx:], ldx, lu[(i+r)*ldl+i+h:], ldl, x[(i+h)*ldx:], ldx, h-r, k, w)
			}
		}
		for r := i + h - 1; r >= i; r-- {
			row := x[r*ldx : r*ldx+w]
			for p := r + 1; p < i+h; p++ {
				subScaled(row, lu[r*ldl+p], x[p*ldx:p*ldx+w])
			}
			d := lu[r*ldl+r]
			for q := range row {
				row[q] /= d
			}
		}
	}
}
