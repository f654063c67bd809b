package dense

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

var lib gonum.Implementation

// packed is the number of multiplications from which the blocked library
// product is faster than the loops here (BenchmarkMul).
const packed = 32 * 32 * 32

// Mul sets C ← A B for A m×k, B k×n.
func Mul(c, a, b []float64, m, k, n int) {
	switch {
	case m == 4 && k == 4 && n == 4:
		mul4((*[16]float64)(c), (*[16]float64)(a), (*[16]float64)(b))
	case m*k*n >= packed:
		lib.Dgemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a, k, b, n, 0, c, n)
	default:
		mulNN(c, a, b, m, k, n)
	}
}

// MulTN sets C ← Aᵀ B for A k×m, B k×n.
func MulTN(c, a, b []float64, m, k, n int) {
	if m*k*n >= packed {
		lib.Dgemm(blas.Trans, blas.NoTrans, m, n, k, 1, a, m, b, n, 0, c, n)
		return
	}
	mulTN(c, a, b, m, k, n)
}

// MulNT sets C ← A Bᵀ for A m×k, B n×k.
func MulNT(c, a, b []float64, m, k, n int) {
	if m*k*n >= packed {
		lib.Dgemm(blas.NoTrans, blas.Trans, m, n, k, 1, a, k, b, k, 0, c, n)
		return
	}
	mulNT(c, a, b, m, k, n)
}

func mul4(c, a, b *[16]float64) {
	for i := 0; i < 16; i += 4 {
		a0, a1, a2, a3 := a[i], a[i+1], a[i+2], a[i+3]
		c[i] = a0*b[0] + a1*b[4] + a2*b[8] + a3*b[12]
		c[i+1] = a0*b[1] + a1*b[5] + a2*b[9] + a3*b[13]
		c[i+2] = a0*b[2] + a1*b[6] + a2*b[10] + a3*b[14]
		c[i+3] = a0*b[3] + a1*b[7] + a2*b[11] + a3*b[15]
	}
}

// mulNN keeps a 2×4 block of C in registers while it runs along k.
func mulNN(c, a, b []float64, m, k, n int) {
	i := 0
	for ; i+2 <= m; i += 2 {
		a0, a1 := a[i*k:i*k+k], a[(i+1)*k:(i+1)*k+k]
		c0, c1 := c[i*n:i*n+n], c[(i+1)*n:(i+1)*n+n]
		j := 0
		for ; j+4 <= n; j += 4 {
			var s00, s01, s02, s03, s10, s11, s12, s13 float64
			o := j
			for p, x := range a0 {
				y := a1[p]
				r := b[o : o+4 : o+4]
				s00 += x * r[0]
				s01 += x * r[1]
				s02 += x * r[2]
				s03 += x * r[3]
				s10 += y * r[0]
				s11 += y * r[1]
				s12 += y * r[2]
				s13 += y * r[3]
				o += n
			}
			d := c0[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s00, s01, s02, s03
			d = c1[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s10, s11, s12, s13
		}
		for ; j < n; j++ {
			var s0, s1 float64
			o := j
			for p, x := range a0 {
				v := b[o]
				s0 += x * v
				s1 += a1[p] * v
				o += n
			}
			c0[j], c1[j] = s0, s1
		}
	}
	if i < m {
		a0, c0 := a[i*k:i*k+k], c[i*n:i*n+n]
		for j := range c0 {
			s, o := 0.0, j
			for _, x := range a0 {
				s += x * b[o]
				o += n
			}
			c0[j] = s
		}
	}
}

func mulTN(c, a, b []float64, m, k, n int) {
	i := 0
	for ; i+2 <= m; i += 2 {
		c0, c1 := c[i*n:i*n+n], c[(i+1)*n:(i+1)*n+n]
		j := 0
		for ; j+4 <= n; j += 4 {
			var s00, s01, s02, s03, s10, s11, s12, s13 float64
			o, q := j, i
			for range k {
				l := a[q : q+2 : q+2]
				x, y := l[0], l[1]
				r := b[o : o+4 : o+4]
				s00 += x * r[0]
				s01 += x * r[1]
				s02 += x * r[2]
				s03 += x * r[3]
				s10 += y * r[0]
				s11 += y * r[1]
				s12 += y * r[2]
				s13 += y * r[3]
				o += n
				q += m
			}
			d := c0[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s00, s01, s02, s03
			d = c1[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s10, s11, s12, s13
		}
		for ; j < n; j++ {
			var s0, s1 float64
			o, q := j, i
			for range k {
				v := b[o]
				s0 += a[q] * v
				s1 += a[q+1] * v
				o += n
				q += m
			}
			c0[j], c1[j] = s0, s1
		}
	}
	if i < m {
		c0 := c[i*n : i*n+n]
		for j := range c0 {
			s, o, q := 0.0, j, i
			for range k {
				s += a[q] * b[o]
				o += n
				q += m
			}
			c0[j] = s
		}
	}
}

func mulNT(c, a, b []float64, m, k, n int) {
	for i := range m {
		mulNTRow(c[i*n:i*n+n], a[i*k:i*k+k], b, k)
	}
}

// mulNTRow sets row ← a Bᵀ for the first len(row) rows of B.
func mulNTRow(row, a, b []float64, k int) {
	j := 0
	for ; j+4 <= len(row); j += 4 {
		b0 := b[j*k : j*k+k]
		b1 := b[(j+1)*k : (j+1)*k+k]
		b2 := b[(j+2)*k : (j+2)*k+k]
		b3 := b[(j+3)*k : (j+3)*k+k]
		b0, b1, b2, b3 = b0[:len(a)], b1[:len(a)], b2[:len(a)], b3[:len(a)]
		var s0, s1, s2, s3 float64
		for p, x := range a {
			s0 += x * b0[p]
			s1 += x * b1[p]
			s2 += x * b2[p]
			s3 += x * b3[p]
		}
		row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
	}
	for ; j < len(row); j++ {
		b0 := b[j*k : j*k+k][:len(a)]
		s := 0.0
		for p, x := range a {
			s += x * b0[p]
		}
		row[j] = s
	}
}
