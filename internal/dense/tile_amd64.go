//go:build !purego

package dense

import "github.com/metalqr/metalqr/internal/simd"

//go:noescape
func panel8avx512(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb, k, tiles, mode int)

//go:noescape
func panel8avx2(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb, k, tiles, mode int)

//go:noescape
func panel4avx2(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb, k, tiles, mode int)

// panel8 sets 4·tiles rows and 8 columns of C ← A B, or adds A B to them or
// subtracts it, where C has the row stride ldc, A the strides ai between rows and
// ap along k, and B the row stride ldb. Entry (i, j) is
// fma(a_{k−1}, b_{k−1}, … fma(a₀, b₀, 0)), or from cᵢⱼ on.
func panel8(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int, how mode) {
	if chosen == simd.Go || k == 0 || tiles == 0 {
		panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 8, how)
		return
	}
	m := 4*tiles - 1
	_, _, _ = c[m*ldc+7], a[m*ai+(k-1)*ap], b[(k-1)*ldb+7]
	if chosen == simd.AVX512 {
		panel8avx512(&c[0], 8*ldc, &a[0], 8*ai, 8*ap, &b[0], 8*ldb, k, tiles, int(how))
		return
	}
	panel8avx2(&c[0], 8*ldc, &a[0], 8*ai, 8*ap, &b[0], 8*ldb, k, tiles, int(how))
}

// panel4 is panel8 for four columns.
func panel4(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int, how mode) {
	if chosen == simd.Go || k == 0 || tiles == 0 {
		panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 4, how)
		return
	}
	m := 4*tiles - 1
	_, _, _ = c[m*ldc+3], a[m*ai+(k-1)*ap], b[(k-1)*ldb+3]
	panel4avx2(&c[0], 8*ldc, &a[0], 8*ai, 8*ap, &b[0], 8*ldb, k, tiles, int(how))
}

//go:noescape
func triangle8avx512(x *float64, xs int, l *float64, li, lp int, d *float64, ds, n int)

//go:noescape
func triangle8avx2(x *float64, xs int, l *float64, li, lp int, d *float64, ds, n int)

func triangleFrom(x []float64, x0, xs int, l []float64, l0, li, lp int, d []float64, d0, ds, n int) {
	switch chosen {
	case simd.AVX512:
		triangle8avx512(&x[x0], 8*xs, &l[l0], 8*li, 8*lp, &d[d0], 8*ds, n)
	case simd.AVX2:
		triangle8avx2(&x[x0], 8*xs, &l[l0], 8*li, 8*lp, &d[d0], 8*ds, n)
	default:
		triangleTwin(x, x0, xs, l, l0, li, lp, d, d0, ds, n)
	}
}

//go:noescape
func eliminate8avx512(x *float64, rows int, u *float64, r float64, col int)

//go:noescape
func eliminate8avx2(x *float64, rows int, u *float64, r float64, col int)

// eliminate subtracts from each of the first rows of X, eight wide, f u with
// f = r x_col, and leaves f in column col.
func eliminate(x []float64, rows int, u *[width]float64, r float64, col int) {
	if rows == 0 {
		return
	}
	_ = x[rows*width-1]
	switch chosen {
	case simd.AVX512:
		eliminate8avx512(&x[0], rows, &u[0], r, col)
	case simd.AVX2:
		eliminate8avx2(&x[0], rows, &u[0], r, col)
	default:
		eliminateTwin(x, rows, u, r, col)
	}
}

//go:noescape
func pack4avx2(dst *float64, ldd int, src *float64, lds int, blocks int)

// pack4 writes four rows of src, k long and lds apart, as k rows of four in
// dst, ldd apart.
func pack4(dst []float64, ldd int, src []float64, lds, k int) {
	done := 0
	if chosen != simd.Go && k >= 4 {
		_, _ = dst[(k-1)*ldd+3], src[3*lds+k-1]
		pack4avx2(&dst[0], 8*ldd, &src[0], 8*lds, k/4)
		done = k &^ 3
	}
	pack4Twin(dst, ldd, src, lds, done, k)
}

//go:noescape
func move8avx2(dst *float64, ldd int, src *float64, lds int, rows int)

// move8 copies rows of eight numbers, which are ldd apart in dst and lds in src.
func move8(dst []float64, ldd int, src []float64, lds, rows int) {
	if rows == 0 {
		return
	}
	if chosen == simd.Go {
		move8Twin(dst, ldd, src, lds, rows)
		return
	}
	_, _ = dst[(rows-1)*ldd+7], src[(rows-1)*lds+7]
	move8avx2(&dst[0], 8*ldd, &src[0], 8*lds, rows)
}
