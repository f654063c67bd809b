package landscape

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// unstable reports whether it is proved that no gain of w stabilises the plant.
//
// If L is stable and Y − LᵀYL ≻ 0, then Y = Σ (Lᵀ)ᵏ(Y − LᵀYL)Lᵏ ≻ 0. So a symmetric
// Y with xᵀYx < 0 for some x, and Y − LᵀYL ≻ 0 for every loop L of the box, says that
// none is stable. Y solves Y − LᵀYL = I for the loop in the middle: by Lyapunov's
// theorem it has a negative direction for each eigenvalue outside the circle.
func (p *gainPlant) unstable(w interval.Matrix) bool {
	loop := p.a.Sub(p.b.Mul(w))
	if !boundedMatrix(loop) {
		return false
	}
	n := loop.Rows
	y, ok := steinOf(loop.Mid(), n)
	if !ok {
		return false
	}
	whole := interval.FromFloats(n, n, y)
	if !whole.Sub(loop.MulTN(whole.Mul(loop))).Symmetrize().PositiveDefinite() {
		return false
	}
	x := negativeDirection(y, n)
	if x == nil {
		return false
	}
	column := interval.FromFloats(n, 1, x)
	return column.MulTN(whole.Mul(column)).At(0, 0).Negative()
}

// steinOf is about the Y of Y − LᵀYL = I, for any L of which no two eigenvalues have
// the product 1; its n² equations are solved as they are.
func steinOf(l []float64, n int) ([]float64, bool) {
	m := n * n
	a, y, piv := make([]float64, m*m), make([]float64, m), make([]int, m)
	for i := range n {
		for j := range n {
			row := a[(i*n+j)*m:]
			row[i*n+j] = 1
			for k := range n {
				for q := range n {
					row[k*n+q] -= l[k*n+i] * l[q*n+j]
				}
			}
		}
	}
	dense.Identity(y, n)
	if !dense.LU(a, piv, m) {
		return nil, false
	}
	dense.LUSolve(a, piv, y, m, 1)
	mirror(matrixeq.Matrix{Rows: n, Cols: n, Data: y})
	return y, dense.Finite(y)
}

// negativeDirection is an x with xᵀYx < 0, if there seems to be one: the column in
// which the LDLᵀ factorisation of Y meets its first negative pivot.
func negativeDirection(y []float64, n int) []float64 {
	for k := range n {
		// x = (−Y_k⁻¹y, 1) for the leading block Y_k has xᵀYx = the pivot.
		x := make([]float64, n)
		x[k] = 1
		if k > 0 {
			block, piv := make([]float64, k*k), make([]int, k)
			for i := range k {
				copy(block[i*k:(i+1)*k], y[i*n:i*n+k])
				x[i] = -y[i*n+k]
			}
			if !dense.LU(block, piv, k) {
				return nil
			}
			dense.LUSolve(block, piv, x[:k], k, 1)
		}
		pivot := 0.0
		for i := range n {
			pivot += y[k*n+i] * x[i]
		}
		if pivot < 0 {
			return x
		}
	}
	return nil
}
