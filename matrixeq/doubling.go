package matrixeq

import (
	"github.com/metalqr/metalqr/internal/dense"
)

const (
	// doublingEnd: doubling ends when a step changed every diagonal entry of H
	// by no more than this, relative, as the next one would by about the
	// square: less than its rounding.
	doublingEnd = 0x1p-29
	// maxDoublings: 2⁶⁰ steps of the Riccati recursion.
	maxDoublings = 60
)

// doubling iterates the structure-preserving doubling algorithm
//
//	A ← A (I + G H)⁻¹ A
//	G ← G + A (I + G H)⁻¹ G Aᵀ
//	H ← H + Aᵀ H (I + G H)⁻¹ A
//
// from (A, G, H); H converges quadratically to a solution of the Riccati
// equation, which is the stabilising one unless H does not see an unstable
// mode. a, g and h are overwritten, h with the answer; w has 5n² entries. It
// returns the number of steps, and false when a number overflowed or maxDoublings
// did not do.
//
// E. K.-W. Chu, H.-Y. Fan, W.-W. Lin, C.-S. Wang, Int. J. Control 77 (2004),
// 767–788.
func doubling(a, g, h, w []float64, n int) (steps int, ok bool) {
	m, v, u, t, tmp := w[:n*n], w[n*n:2*n*n], w[2*n*n:3*n*n], w[3*n*n:4*n*n], w[4*n*n:5*n*n]
	piv := make([]int, n)
	for steps < maxDoublings {
		steps++
		dense.Mul(m, g, h, n, n, n)
		for i := range n {
			m[i*n+i]++
		}
		if !dense.LU(m, piv, n) {
			return steps, false
		}
		copy(v, a)
		dense.LUSolve(m, piv, v, n, n) // V = (I + G H)⁻¹ A
		dense.Mul(tmp, h, v, n, n, n)
		dense.SymmetricTN(t, a, tmp, n, n) // the change of H
		change := 0.0
		for i := 0; i < n*n; i += n + 1 {
			if t[i] > 0 {
				change = max(change, t[i]/h[i])
			}
		}
		dense.Add(h, h, t)
		if !dense.Finite(h) {
			return steps, false
		}
		if change <= doublingEnd {
			return steps, true
		}
		copy(u, g)
		dense.LUSolve(m, piv, u, n, n) // (I + G H)⁻¹ G, symmetric
		dense.Mul(tmp, a, u, n, n, n)
		dense.SymmetricNT(t, tmp, a, n, n)
		dense.Add(g, g, t)
		dense.Mul(t, a, v, n, n, n)
		copy(a, t)
	}
	return steps, false
}
