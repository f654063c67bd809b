package lqr

import (
	"github.com/metalqr/metalqr/matrixeq"
)

// A Standard is a task after the substitutions of [Spec], in the symbols of the
// package comment. At a gain W of the caller's, with V = W − Shift,
//
//	A_W = Loop − B W          which is A − B V, without the rounding of the shift
//	P   = Q + VᵀRV + A_Wᵀ P A_W,    Σ = Sigma0 + A_W Σ A_Wᵀ
//	C   = tr(P Sigma0) + Constant,  E = R V − BᵀP A_W,  ∇C = 2 E Σ
//
// and W is in the domain where ρ(A_W) < 1, the discount being inside A and B.
type Standard struct {
	A, B, Q, R, Sigma0 matrixeq.Matrix
	Loop               matrixeq.Matrix // √γ A before the cross term was taken out; A itself without one
	Shift              matrixeq.Matrix // R⁻¹Nᵀ, r×d; zero value: none
	SqrtDiscount       float64         // √γ: the spectral radius of the plant is ρ(A_W)/√γ
	Constant           float64         // of the cost, the same for every gain
}

// Standard returns what the task was reduced to. Its matrices are shared; do not
// modify them.
func (t *Task) Standard() Standard { return t.std.export() }

func (f *standard) export() Standard {
	matrix := func(rows, cols int, data []float64) matrixeq.Matrix {
		if data == nil {
			return matrixeq.Matrix{}
		}
		return matrixeq.Matrix{Rows: rows, Cols: cols, Data: data}
	}
	n, r := f.n, f.r
	return Standard{
		A: matrix(n, n, f.a), B: matrix(n, r, f.b), Q: matrix(n, n, f.q), R: matrix(r, r, f.rr), Sigma0: matrix(n, n, f.s0),
		Loop: matrix(n, n, f.loopA), Shift: matrix(r, n, f.shift), SqrtDiscount: f.sqrtDiscount, Constant: f.constant,
	}
}
