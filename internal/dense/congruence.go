package dense

import "gonum.org/v1/gonum/blas"

// strip is the number of rows of a symmetric result that one library call
// computes; what lies right of its diagonal block is mirrored, not computed.
const strip = 48

// Congruence sets dst ← A X Aᵀ for symmetric X, all n×n. The result is exactly
// symmetric. tmp has n² entries; dst may be X.
func Congruence(dst, a, x, tmp []float64, n int) {
	Mul(tmp, a, x, n, n, n)
	symmetricNT(dst, tmp, a, n, n)
}

// CongruenceT sets dst ← Aᵀ X A for symmetric X, all n×n. The result is exactly
// symmetric. tmp has n² entries; dst may be X.
func CongruenceT(dst, a, x, tmp []float64, n int) {
	Mul(tmp, x, a, n, n, n)
	SymmetricTN(dst, a, tmp, n, n)
}

// SymmetricTN sets C ← Aᵀ B, n×n, where A and B are k×n and the product is
// known to be symmetric: the lower triangle is computed and mirrored.
func SymmetricTN(c, a, b []float64, k, n int) {
	if n*n*k < packed {
		for i := range n {
			row := c[i*n : i*n+i+1]
			j := 0
			for ; j+4 <= i+1; j += 4 {
				var s0, s1, s2, s3 float64
				o, q := j, i
				for range k {
					x := a[q]
					r := b[o : o+4 : o+4]
					s0 += x * r[0]
					s1 += x * r[1]
					s2 += x * r[2]
					s3 += x * r[3]
					o += n
					q += n
				}
				row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
			}
			for ; j <= i; j++ {
				s, o, q := 0.0, j, i
				for range k {
					s += a[q] * b[o]
					o += n
					q += n
				}
				row[j] = s
			}
		}
		mirror(c, n)
		return
	}
	for i := 0; i < n; i += strip {
		h := min(strip, n-i)
		lib.Dgemm(blas.Trans, blas.NoTrans, h, i+h, k, 1, a[i:], n, b, n, 0, c[i*n:], n)
	}
	mirror(c, n)
}

// symmetricNT sets C ← A Bᵀ, n×n, where A and B are n×k and the product is
// known to be symmetric.
func symmetricNT(c, a, b []float64, k, n int) {
	if n*n*k < packed {
		for i := range n {
			mulNTRow(c[i*n:i*n+i+1], a[i*k:i*k+k], b, k)
		}
		mirror(c, n)
		return
	}
	for i := 0; i < n; i += strip {
		h := min(strip, n-i)
		lib.Dgemm(blas.NoTrans, blas.Trans, h, i+h, k, 1, a[i*k:], k, b, k, 0, c[i*n:], n)
	}
	mirror(c, n)
}

// SymmetricNT sets C ← A Bᵀ, n×n, where A and B are n×k and the product is
// known to be symmetric: the lower triangle is computed and mirrored.
func SymmetricNT(c, a, b []float64, k, n int) { symmetricNT(c, a, b, k, n) }

func mirror(c []float64, n int) {
	for i := 1; i < n; i++ {
		for j, v := range c[i*n : i*n+i] {
			c[j*n+i] = v
		}
	}
}
