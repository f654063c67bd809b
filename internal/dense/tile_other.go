//go:build !amd64 || purego

package dense

// See the functions of the same names for amd64.

func panel8(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int, how mode) {
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 8, how)
}

func panel4(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int, how mode) {
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 4, how)
}

func triangleFrom(x []float64, x0, xs int, l []float64, l0, li, lp int, d []float64, d0, ds, n int) {
	triangleTwin(x, x0, xs, l, l0, li, lp, d, d0, ds, n)
}

func eliminate(x []float64, rows int, u *[width]float64, r float64, col int) {
	eliminateTwin(x, rows, u, r, col)
}

func pack4(dst []float64, ldd int, src []float64, lds, k int) {
	pack4Twin(dst, ldd, src, lds, 0, k)
}

func move8(dst []float64, ldd int, src []float64, lds, rows int) {
	move8Twin(dst, ldd, src, lds, rows)
}
