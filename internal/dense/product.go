package dense

import "unsafe"

// Sizes along k of the panel of B that a product keeps on the stack. The largest
// is 16 KiB, half of a small first-level cache; a longer k is taken in blocks.
const (
	smallPanel = 8
	midPanel   = 32
	largePanel = 256
)

// A block of A that is used again for every panel stays in the second-level cache:
// largePanel columns of up to blockRows rows, 384 KiB. Up to wholeA entries all of
// A does, and B, so short, need not be copied.
const (
	blockRows = 192
	wholeA    = 1 << 16
)

// line is the number of entries in a line of the cache.
const line = 8

// aligned leaves out up to line entries, so that what is left begins with a line;
// a vector across two lines costs two loads.
func aligned(x []float64) []float64 {
	at := int(-uintptr(unsafe.Pointer(&x[0]))/8) & (line - 1)
	return x[at : len(x)-line+at]
}

// tiled sets the m×n matrix C ← A B from 4×8 and 4×4 tiles, for m, n ≥ 4, where C
// has the row stride ldc, A the strides ai and ap, and B the row stride ldb. With
// nt, b is n×k and Bᵀ takes its place. With lower, tiles wholly above the diagonal
// are left out.
//
// The last tile of a row or column overlaps the one before where 4 or 8 does not
// divide the dimension; what is computed twice has the same bits twice.
func tiled(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, n int, lower, nt bool) {
	switch {
	case !nt && m*k <= wholeA:
		for j := 0; j < n; {
			at, wide := columns(j, n)
			i := 0
			if lower {
				i = min(at, m-4)
			}
			panelSet(c[i*ldc+at:], ldc, a[i*ai:], ai, ap, b[at:], ldb, m-i, k, wide)
			j = at + wide
		}
	case k <= smallPanel:
		var pack [width*smallPanel + line]float64
		packed(c, ldc, a, ai, ap, b, ldb, m, k, n, lower, nt, aligned(pack[:]))
	case k <= midPanel:
		var pack [width*midPanel + line]float64
		packed(c, ldc, a, ai, ap, b, ldb, m, k, n, lower, nt, aligned(pack[:]))
	default:
		var pack [width*largePanel + line]float64
		packed(c, ldc, a, ai, ap, b, ldb, m, k, n, lower, nt, aligned(pack[:]))
	}
}

// columns says where the panel after the first j of n columns begins, and how
// wide it is.
func columns(j, n int) (at, wide int) {
	switch rest := n - j; {
	case rest >= 8:
		return j, 8
	case rest > 4 && n >= 8:
		return n - 8, 8
	}
	return min(j, n-4), 4
}

// packed is tiled by way of copies of the panels of B, in which their rows are
// neighbours, block by block of A. A panel that overlaps the one before comes when
// that is finished, all of k at once.
func packed(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, n int, lower, nt bool, pack []float64) {
	depth := len(pack) / width
	whole := n // where the overlapping panel counts from
	for j := 0; j < n; {
		at, wide := columns(j, n)
		if at < j {
			whole = j
		}
		j = at + wide
	}
	for top := 0; top < m; {
		end := min(top+blockRows, m)
		if m-end < 4 {
			end = m // no block of fewer rows than a tile
		}
		for from, to := 0, whole; from < n; from, to = to, n {
			for p := 0; p < k; p += depth {
				h := min(depth, k-p)
				for j := from; j < to; {
					at, wide := columns(j, n)
					j = at + wide
					i := top
					if lower {
						if i = max(top, min(at, m-4)); i > end-4 {
							continue
						}
					}
					if nt {
						for q := 0; q < wide; q += 4 {
							pack4(pack[q:], wide, b[(at+q)*ldb+p:], ldb, h)
						}
					} else {
						packRows(pack, b[p*ldb+at:], ldb, h, wide)
					}
					if p == 0 {
						panelSet(c[i*ldc+at:], ldc, a[i*ai:], ai, ap, pack, wide, end-i, h, wide)
					} else {
						accumulate(c[i*ldc+at:], ldc, a[i*ai+p*ap:], ai, ap, pack, wide, end-i, h, wide, add)
					}
				}
			}
		}
		top = end
	}
}

// packRows copies h rows, wide = 8 or 4 columns of them, next to one another.
func packRows(dst, src []float64, lds, h, wide int) {
	if wide == 8 {
		move8(dst, 8, src, lds, h)
		return
	}
	for p := range h {
		*(*[4]float64)(dst[4*p:]) = *(*[4]float64)(src[p*lds:])
	}
}

// panelSet sets m ≥ 4 rows and wide columns of C. The rows that four does not
// divide are done in a tile of the last four.
func panelSet(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, wide int) {
	last := m - 4
	if wide == 8 {
		panel8(c, ldc, a, ai, ap, b, ldb, k, m/4, set)
		if m%4 > 0 {
			panel8(c[last*ldc:], ldc, a[last*ai:], ai, ap, b, ldb, k, 1, set)
		}
		return
	}
	panel4(c, ldc, a, ai, ap, b, ldb, k, m/4, set)
	if m%4 > 0 {
		panel4(c[last*ldc:], ldc, a[last*ai:], ai, ap, b, ldb, k, 1, set)
	}
}

// accumulate adds to m ≥ 4 rows and wide columns of C, or subtracts from them. The
// rows that four does not divide are done in a tile that begins from a copy of the
// last four rows as they were.
func accumulate(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, m, k, wide int, how mode) {
	rest, last := m%4, m-4
	if rest == 0 {
		panel(c, ldc, a, ai, ap, b, ldb, k, m/4, wide, how)
		return
	}
	var tile [4 * width]float64
	for i := range 4 {
		copy(tile[i*width:i*width+wide], c[(last+i)*ldc:])
	}
	panel(c, ldc, a, ai, ap, b, ldb, k, m/4, wide, how)
	panel(tile[:], width, a[last*ai:], ai, ap, b, ldb, k, 1, wide, how)
	for i := 4 - rest; i < 4; i++ {
		copy(c[(last+i)*ldc:(last+i)*ldc+wide], tile[i*width:])
	}
}

// panel is panel8 or panel4. Called through a function value, they would move
// their arguments to the heap.
func panel(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles, wide int, how mode) {
	if wide == 8 {
		panel8(c, ldc, a, ai, ap, b, ldb, k, tiles, how)
		return
	}
	panel4(c, ldc, a, ai, ap, b, ldb, k, tiles, how)
}
