package dense

import (
	"math"

	"github.com/metalqr/metalqr/internal/simd"
)

// The assembly, for AVX-512 and for AVX2, is generated and committed. Its path is
// chosen once, at the start; all give the bits of the Go functions below, and the
// build tag purego leaves those alone:
//
//	go generate ./internal/dense && git diff --exit-code internal/dense

//go:generate sh -c "cd gen && go run . -out ../tile_amd64.s"

// chosen is the path that the kernels take. Tests change it.
var chosen = simd.Best

// A mode says how a product P enters C; every entry is one chain of fused
// multiply-adds along k whatever the mode. The generator has the same numbers.
type mode int

const (
	set mode = iota // C ← P, from 0
	add             // C ← C + P, from C
	sub             // C ← C − P, from C
)

// width is the number of columns of a panel.
const width = 8

// panelTwin is panel8 and panel4 (by wide, a multiple of 4) in plain Go.
func panelTwin(c []float64, ldc int, a []float64, ai, ap int, b []float64, ldb, k, tiles, wide int, how mode) {
	sign := 1.0
	if how == sub {
		sign = -1
	}
	for i := range 4 * tiles {
		for j := 0; j < wide; j += 4 {
			var s0, s1, s2, s3 float64
			to := c[i*ldc+j : i*ldc+j+4 : i*ldc+j+4]
			if how != set {
				s0, s1, s2, s3 = to[0], to[1], to[2], to[3]
			}
			p, q := i*ai, j
			for range k {
				x, r := sign*a[p], b[q:q+4:q+4]
				s0 = math.FMA(x, r[0], s0)
				s1 = math.FMA(x, r[1], s1)
				s2 = math.FMA(x, r[2], s2)
				s3 = math.FMA(x, r[3], s3)
				p += ap
				q += ldb
			}
			to[0], to[1], to[2], to[3] = s0, s1, s2, s3
		}
	}
}

// one is the factor of a unit triangle.
var one = []float64{1}

// triangle sets the n×8 matrix X, row by row, to T⁻¹ X, where the strict lower
// triangle of T has the entries l[i·li + p·lp], p < i, and its diagonal the
// reciprocals d (nil: ones). With back set everything runs from the last row up:
// T is then the upper triangle with the entries l[i·li + p·lp], p > i. Row i is
// the chain of fma(−tᵢₚ, xₚ, ·) from xᵢ on, in the order in which the xₚ come,
// times its reciprocal.
func triangle(x, l []float64, li, lp, n int, d []float64, back bool) {
	if n == 0 {
		return
	}
	x0, l0, d0, xs, ds := 0, 0, 0, width, 1
	if d == nil {
		d, ds = one, 0
	}
	_, _, _ = x[(n-1)*width+width-1], l[(n-1)*(li+lp)], d[(n-1)*ds]
	if back {
		x0, l0, d0 = (n-1)*width, (n-1)*(li+lp), (n-1)*ds
		xs, li, lp, ds = -xs, -li, -lp, -ds
	}
	triangleFrom(x, x0, xs, l, l0, li, lp, d, d0, ds, n)
}

// triangleTwin is triangle in plain Go, x0, l0 and d0 being the places of the
// first row of X, of the first entry of the triangle and of the first factor.
func triangleTwin(x []float64, x0, xs int, l []float64, l0, li, lp int, d []float64, d0, ds, n int) {
	for i := range n {
		row := (*[width]float64)(x[x0+i*xs:])
		for p := range i {
			f, from := -l[l0+i*li+p*lp], (*[width]float64)(x[x0+p*xs:])
			for q, v := range from {
				row[q] = math.FMA(f, v, row[q])
			}
		}
		f := d[d0+i*ds]
		for q := range row {
			row[q] *= f
		}
	}
}

// eliminateTwin is eliminate in plain Go.
func eliminateTwin(x []float64, rows int, u *[width]float64, r float64, col int) {
	for i := range rows {
		row := (*[width]float64)(x[i*width:])
		f := row[col] * r
		for q, v := range u {
			row[q] = math.FMA(-f, v, row[q])
		}
		row[col] = f
	}
}

// pack4Twin is pack4 from column at on.
func pack4Twin(dst []float64, ldd int, src []float64, lds, at, k int) {
	for p := at; p < k; p++ {
		r := dst[p*ldd : p*ldd+4 : p*ldd+4]
		r[0], r[1], r[2], r[3] = src[p], src[lds+p], src[2*lds+p], src[3*lds+p]
	}
}

// move8Twin is move8 in plain Go.
func move8Twin(dst []float64, ldd int, src []float64, lds, rows int) {
	for p := range rows {
		*(*[8]float64)(dst[p*ldd:]) = *(*[8]float64)(src[p*lds:])
	}
}
