package matrixeq

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// positiveDefinite proves A ≻ 0 for a symmetric n×n A known up to an error
// matrix E with |Eᵢⱼ| ≤ zᵢ zⱼ (z nil: none). With D = diag(A)^(−1/2) it runs
// Cholesky on
//
//	D A D − μ I,    μ = ‖D z‖² + 2 n (n + 4) ε,
//
// where ‖D E D‖₂ ≤ ‖D z‖² and the last term covers the rounding of forming
// D A D and of Cholesky itself, whose success proves λ_min ≥ −n(n+1)ε/(1−…)
// for a matrix with diagonal ≤ 1 (S. M. Rump, BIT 46 (2006), 433–452).
//
// l has n² entries and d has n; both are overwritten.
func positiveDefinite(l, d, a, z []float64, n int) bool {
	mu := 2 * float64(n) * float64(n+4) * dense.Eps
	for i := range n {
		v := a[i*n+i]
		if !(v > 0) || v > math.MaxFloat64 {
			return false
		}
		d[i] = 1 / math.Sqrt(v)
		if z != nil {
			t := z[i] * d[i]
			mu += t * t
		}
	}
	if !(mu < 1) {
		return false
	}
	for i := range n {
		for j := range i {
			l[i*n+j] = a[i*n+j] * d[i] * d[j]
		}
		l[i*n+i] = 1 - mu
	}
	return dense.Cholesky(l, l, n)
}

// lyapunov proves ρ(A) < 1 from X ≻ 0 and S = X − A X Aᵀ ≻ 0 (or with Aᵀ in
// place of A when transposed). s is the computed S, symmetric.
//
// What rounding did to s: with xᵢ = √Xᵢᵢ (|Xᵢⱼ| ≤ xᵢ xⱼ once X ≻ 0) and
// y = |A| x, each computed entry is within
//
//	(2n + 4) ε yᵢ yⱼ + 2ε xᵢ xⱼ ≤ zᵢ zⱼ,   zᵢ = √((2n + 4) ε) (yᵢ + xᵢ)
//
// of the true one. w has n² + 3n entries.
func lyapunov(a, x, s, w []float64, n int, transposed bool) bool {
	l, d, z, sx := w[:n*n], w[n*n:n*n+n], w[n*n+n:n*n+2*n], w[n*n+2*n:n*n+3*n]
	if !positiveDefinite(l, d, x, nil, n) {
		return false
	}
	for i := range n {
		sx[i] = math.Sqrt(x[i*n+i])
	}
	copy(z, sx)
	for i := range n {
		row := a[i*n : i*n+n]
		if transposed {
			for j, v := range row {
				z[j] += math.Abs(v) * sx[i]
			}
			continue
		}
		t := z[i]
		for j, v := range row {
			t += math.Abs(v) * sx[j]
		}
		z[i] = t
	}
	c := math.Sqrt(float64(2*n+4) * dense.Eps)
	for i := range z {
		z[i] *= c
	}
	return positiveDefinite(l, d, s, z, n)
}
