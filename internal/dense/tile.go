package dense

import "math"

// panelTwin is panel8 and panel4 (by width, a multiple of 4) in plain Go, with
// the same bits.
func panelTwin(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles, width int) {
	for i := range 4 * tiles {
		for j := 0; j < width; j += 4 {
			var s0, s1, s2, s3 float64
			p, q := i*ai, j
			for range k {
				x, r := a[p], b[q:q+4:q+4]
				s0 = math.FMA(x, r[0], s0)
				s1 = math.FMA(x, r[1], s1)
				s2 = math.FMA(x, r[2], s2)
				s3 = math.FMA(x, r[3], s3)
				p += ap
				q += ldb
			}
			r := c[i*ldc+j : i*ldc+j+4 : i*ldc+j+4]
			r[0], r[1], r[2], r[3] = s0, s1, s2, s3
		}
	}
}

// tiled sets the m×n matrix C ← A B from 4×8 and 4×4 tiles, for m, n ≥ 4. The
// last tile of a row or column overlaps the one before where 4 or 8 does not
// divide the dimension; what is computed twice has the same bits twice. With
// lower set, tiles wholly above the diagonal are left out.
func tiled(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, n int, lower bool) {
	for j := 0; j < n; {
		at, width := j, 8
		switch rest := n - j; {
		case rest >= 8:
		case rest > 4 && n >= 8:
			at = n - 8
		default:
			at, width = min(j, n-4), 4
		}
		panelRows(c, ldc, a, ai, ap, b[at:], ldb, m, k, at, width, lower)
		j = at + width
	}
}

// panelRows computes the columns at … at+width−1 of C; b begins at its own
// column at.
func panelRows(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, at, width int, lower bool) {
	i := 0
	if lower {
		i = min(at, m-4)
	}
	if t := (m - i) / 4; t > 0 {
		panel(c[i*ldc+at:], ldc, a[i*ai:], ai, ap, b, ldb, k, t, width)
		i += 4 * t
	}
	if i < m {
		i = m - 4
		panel(c[i*ldc+at:], ldc, a[i*ai:], ai, ap, b, ldb, k, 1, width)
	}
}

// panel is panel8 or panel4. Called through a function value, they would move
// their arguments to the heap.
func panel(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles, width int) {
	if width == 8 {
		panel8(c, ldc, a, ai, ap, b, ldb, k, tiles)
		return
	}
	panel4(c, ldc, a, ai, ap, b, ldb, k, tiles)
}

// tiledNT sets the m×n matrix C ← A Bᵀ for B n×k with row stride ldb, m, n ≥ 4,
// panels of Bᵀ being transposed into pack, of at least 8·k entries.
func tiledNT(c []float64, ldc int, a []float64, lda int, b []float64, ldb, m, k, n int, lower bool, pack []float64) {
	for j := 0; j < n; {
		at, width := j, 8
		switch rest := n - j; {
		case rest >= 8:
		case rest > 4 && n >= 8:
			at = n - 8
		default:
			at, width = min(j, n-4), 4
		}
		for q := 0; q < width; q += 4 {
			pack4(pack[q:], width, b[(at+q)*ldb:], ldb, k)
		}
		panelRows(c, ldc, a, lda, 1, pack, width, m, k, at, width, lower)
		j = at + width
	}
}

// pack4Twin is pack4 from column at on.
func pack4Twin(dst []float64, ldd int, src []float64, lds, at, k int) {
	for p := at; p < k; p++ {
		r := dst[p*ldd : p*ldd+4 : p*ldd+4]
		r[0], r[1], r[2], r[3] = src[p], src[lds+p], src[2*lds+p], src[3*lds+p]
	}
}
