package dense

import "math"

// LU overwrites A with the factors of P A = L U, row interchanges in piv. It
// returns false when a pivot is zero or not finite, or so small that its
// reciprocal, which LUSolve multiplies by, is not.
//
// From n = luFrom on it goes by panels of eight columns, left-looking: each panel,
// packed, receives all earlier columns at once, then is factored with partial
// pivoting.
func LU(a []float64, piv []int, n int) bool {
	switch {
	case n < luFrom:
		return luSmall(a, piv, n)
	case n <= midPanel:
		var x [width*midPanel + line]float64
		return luPanels(a, piv, n, aligned(x[:]))
	case n <= largePanel:
		var x [width*largePanel + line]float64
		return luPanels(a, piv, n, aligned(x[:]))
	}
	return luPanels(a, piv, n, make([]float64, width*n))
}

// luPanels is LU with room for one packed panel, n×8.
func luPanels(a []float64, piv []int, n int, x []float64) bool {
	for j := 0; j < n; j += width {
		w := min(width, n-j)
		packPanel(x, a[j:], n, n, w)
		interchange(x, piv[:j])
		substitute(x, a, n, 1, j, nil, false)
		if below := n - j; j > 0 && below >= 4 {
			accumulate(x[j*width:], width, a[j*n:], n, 1, x, width, below, j, width, sub)
		} else if j > 0 {
			subProduct(x[j*width:], a[j*n:], n, 1, x, below, j)
		}
		for k := j; k < j+w; k++ {
			p, best := k, math.Abs(x[k*width+k-j])
			for i := k + 1; i < n; i++ {
				if v := math.Abs(x[i*width+k-j]); v > best {
					p, best = i, v
				}
			}
			piv[k] = p
			if !(1/best <= math.MaxFloat64) || best > math.MaxFloat64 {
				return false
			}
			r := 1 / x[p*width+k-j]
			if p != k {
				swap(x[k*width:k*width+width], x[p*width:p*width+width])
				// The columns to the left (L) move along; those to the
				// right follow when their panel comes.
				swap(a[k*n:k*n+j], a[p*n:p*n+j])
			}
			u := *(*[width]float64)(x[k*width:])
			clear(u[:k-j+1])
			eliminate(x[(k+1)*width:], n-k-1, &u, r, k-j)
		}
		unpackPanel(a[j:], n, x, n, w)
	}
	return true
}

// subProduct is accumulate with sub for fewer than four rows of an n×8 C.
func subProduct(c, a []float64, ai, ap int, x []float64, rows, k int) {
	for i := range rows {
		row := (*[width]float64)(c[i*width:])
		for p := range k {
			f := -a[i*ai+p*ap]
			for q, v := range (*[width]float64)(x[p*width:]) {
				row[q] = math.FMA(f, v, row[q])
			}
		}
	}
}

// packPanel copies w ≤ 8 columns of n rows into an n×8 panel, the rest zero.
func packPanel(x, b []float64, ldb, n, w int) {
	if w == width {
		move8(x, width, b, ldb, n)
		return
	}
	for i := range n {
		row, from := (*[width]float64)(x[i*width:]), b[i*ldb:i*ldb+w]
		*row = [width]float64{}
		copy(row[:], from)
	}
}

// unpackPanel copies it back.
func unpackPanel(b []float64, ldb int, x []float64, n, w int) {
	if w == width {
		move8(b, ldb, x, width, n)
		return
	}
	for i := range n {
		row := (*[width]float64)(x[i*width:])
		copy(b[i*ldb:i*ldb+w], row[:])
	}
}

// interchange swaps the rows of a panel as piv says.
func interchange(x []float64, piv []int) {
	for k, p := range piv {
		if p != k {
			r, s := (*[width]float64)(x[k*width:]), (*[width]float64)(x[p*width:])
			*r, *s = *s, *r
		}
	}
}

// LUSolve sets B ← A⁻¹ B for B n×m, from the factors of LU.
func LUSolve(lu []float64, piv []int, b []float64, n, m int) {
	switch {
	case n < solveFrom:
		luSolveSmall(lu, piv, b, n, m)
	case n <= midPanel:
		var w [(width+1)*midPanel + line]float64
		luSolvePanels(lu, piv, b, n, m, aligned(w[:]))
	case n <= largePanel:
		var w [(width+1)*largePanel + line]float64
		luSolvePanels(lu, piv, b, n, m, aligned(w[:]))
	default:
		luSolvePanels(lu, piv, b, n, m, make([]float64, (width+1)*n))
	}
}

// luSolvePanels is LUSolve with room for the reciprocals of the diagonal of U and
// one packed panel.
func luSolvePanels(lu []float64, piv []int, b []float64, n, m int, w []float64) {
	x, d := w[:width*n], w[width*n:width*n+n]
	for i := range d {
		d[i] = 1 / lu[i*n+i]
	}
	for j := 0; j < m; j += width {
		c := min(width, m-j)
		packPanel(x, b[j:], m, n, c)
		interchange(x, piv[:n])
		substitute(x, lu, n, 1, n, nil, false)
		substitute(x, lu, n, 1, n, d, true)
		unpackPanel(b[j:], m, x, n, c)
	}
}

// luSmall is LU column by column.
func luSmall(a []float64, piv []int, n int) bool {
	for k := range n {
		p, best := k, math.Abs(a[k*n+k])
		for i := k + 1; i < n; i++ {
			if v := math.Abs(a[i*n+k]); v > best {
				p, best = i, v
			}
		}
		piv[k] = p
		if !(1/best <= math.MaxFloat64) || best > math.MaxFloat64 {
			return false
		}
		if p != k {
			swap(a[k*n:k*n+n], a[p*n:p*n+n])
		}
		rk := a[k*n+k : k*n+n]
		for i := k + 1; i < n; i++ {
			ri := a[i*n+k : i*n+n]
			f := ri[0] / rk[0]
			ri[0] = f
			if f != 0 {
				subScaled(ri[1:], f, rk[1:])
			}
		}
	}
	return true
}

// luSolveSmall is LUSolve row by row.
func luSolveSmall(lu []float64, piv []int, b []float64, n, m int) {
	for k, p := range piv[:n] {
		if p != k {
			swap(b[k*m:k*m+m], b[p*m:p*m+m])
		}
	}
	for i := 1; i < n; i++ {
		for p, f := range lu[i*n : i*n+i] {
			subScaled(b[i*m:i*m+m], f, b[p*m:p*m+m])
		}
	}
	for i := n - 1; i >= 0; i-- {
		row := b[i*m : i*m+m]
		for p := i + 1; p < n; p++ {
			subScaled(row, lu[i*n+p], b[p*m:p*m+m])
		}
		d := lu[i*n+i]
		for q := range row {
			row[q] /= d
		}
	}
}

func swap(x, y []float64) {
	y = y[:len(x)]
	for i, v := range x {
		x[i], y[i] = y[i], v
	}
}
