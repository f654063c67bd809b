package matrixeq

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// cholesky covers the rounding of D A D and of its Cholesky factorisation.
func cholesky(n int) float64 { return 2 * float64(n) * float64(n+4) * dense.Eps }

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
	mu := cholesky(n)
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

// lyapunov proves ρ(A′) < 1 from X ≻ 0 and S = X − A X Aᵀ ≻ 0 (or with Aᵀ in
// place of A when transposed), for every A′ with |A′ − A| ≤ G entry by entry (g
// nil: A itself). s is the computed S, symmetric.
//
// What rounding did to s: with xᵢ = √Xᵢᵢ (|Xᵢⱼ| ≤ xᵢ xⱼ once X ≻ 0) and
// y = |A| x, each computed entry is within (2n + 4) ε yᵢ yⱼ + 2ε xᵢ xⱼ of the
// true one. What G does: with v = G x, at most vᵢ yⱼ + yᵢ vⱼ + vᵢ vⱼ. Both
// together are below zᵢ zⱼ for
//
//	z = √((2n + 4) ε) (y + x) + α y + (1 + 1/α) v,    α² = ‖v‖ / ‖y‖.
//
// w has n² + 4n entries.
func lyapunov(a, g, x, s, w []float64, n int, transposed bool) bool {
	l, d, z, sx, v := w[:n*n], w[n*n:n*n+n], w[n*n+n:n*n+2*n], w[n*n+2*n:n*n+3*n], w[n*n+3*n:n*n+4*n]
	if !positiveDefinite(l, d, x, nil, n) {
		return false
	}
	for i := range n {
		sx[i] = math.Sqrt(x[i*n+i])
	}
	spread(z, a, g, sx, v, n, transposed)
	return positiveDefinite(l, d, s, z, n)
}

// spread sets z, the bound of lyapunov on what rounding and G do to X − A X Aᵀ.
// v has n entries.
func spread(z, a, g, x, v []float64, n int, transposed bool) {
	absMul(z, a, x, n, transposed)
	c := math.Sqrt(float64(2*n+4) * dense.Eps)
	if g == nil {
		for i := range z {
			z[i] = c * (z[i] + x[i])
		}
		return
	}
	absMul(v, g, x, n, transposed)
	alpha, beta := 0.0, 0.0
	if nv, ny := dense.Norm(v), dense.Norm(z); nv > 0 {
		beta = 1
		if ny > 0 {
			alpha = math.Sqrt(nv / ny)
			beta += 1 / alpha
		}
	}
	for i := range z {
		z[i] = c*(z[i]+x[i]) + alpha*z[i] + beta*v[i]
	}
}

// absMul sets y ← |A| x, or |A|ᵀ x, for x ≥ 0.
func absMul(y, a, x []float64, n int, transposed bool) {
	if transposed {
		clear(y)
		for i := range n {
			for j, v := range a[i*n : i*n+n] {
				y[j] += math.Abs(v) * x[i]
			}
		}
		return
	}
	for i := range n {
		t := 0.0
		for j, v := range a[i*n : i*n+n] {
			t += math.Abs(v) * x[j]
		}
		y[i] = t
	}
}
