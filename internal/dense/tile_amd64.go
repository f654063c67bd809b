//go:build !purego

package dense

import "golang.org/x/sys/cpu"

var vector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func panel8fma(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb int, k, tiles int)

//go:noescape
func panel4fma(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb int, k, tiles int)

// panel8 sets 4·tiles rows and 8 columns of C ← A B, where C has the row stride
// ldc, A the strides ai between rows and ap along k, and B the row stride ldb.
// Entry (i, j) is fma(a_{k−1}, b_{k−1}, … fma(a₀, b₀, 0)).
func panel8(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int) {
	if vector && k > 0 && tiles > 0 {
		m := 4*tiles - 1
		_, _, _ = c[m*ldc+7], a[m*ai+(k-1)*ap], b[(k-1)*ldb+7]
		panel8fma(&c[0], 8*ldc, &a[0], 8*ai, 8*ap, &b[0], 8*ldb, k, tiles)
		return
	}
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 8)
}

// panel4 is panel8 for four columns.
func panel4(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles int) {
	if vector && k > 0 && tiles > 0 {
		m := 4*tiles - 1
		_, _, _ = c[m*ldc+3], a[m*ai+(k-1)*ap], b[(k-1)*ldb+3]
		panel4fma(&c[0], 8*ldc, &a[0], 8*ai, 8*ap, &b[0], 8*ldb, k, tiles)
		return
	}
	panelTwin(c, ldc, a, ai, ap, b, ldb, k, tiles, 4)
}

//go:noescape
func pack4avx(dst *float64, ldd int, src *float64, lds int, blocks int)

// pack4 writes four rows of src, k long and lds apart, as k rows of four in
// dst, ldd apart.
func pack4(dst []float64, ldd int, src []float64, lds, k int) {
	done := 0
	if vector && k >= 4 {
		_, _ = dst[(k-1)*ldd+3], src[3*lds+k-1]
		pack4avx(&dst[0], 8*ldd, &src[0], 8*lds, k/4)
		done = k &^ 3
	}
	pack4Twin(dst, ldd, src, lds, done, k)
}
