//go:build !amd64 || purego

package dense

// panel8 sets 4·tiles rows and 8 columns of C ← A B, where C has the row stride
// ldc, A the strides ai between rows and ap along k, and B the row stride ldb.
// Entry (i, j) is fma(a_{k−1}, b_{k−1}, … fma(a₀, b₀, 0)).
func panel8(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int) {
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 8)
}

// panel4 is panel8 for four columns.
func panel4(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int) {
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 4)
}

// pack4 writes four rows of src, k long and lds apart, as k rows of four in
// dst, ldd apart.
func pack4(dst []float64, ldd int, src []float64, lds, k int) {
	pack4Twin(dst, ldd, src, lds, 0, k)
}
