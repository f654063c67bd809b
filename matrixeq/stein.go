package matrixeq

import "github.com/metalqr/metalqr/internal/dense"

// A Solution is a matrix with the measured relative residual of its equation.
type Solution struct {
	X        Matrix
	Residual float64
}

// Stein returns the symmetric X that solves
//
//	X = A X Aᵀ + M,
//
// the stationary covariance of s⁺ = A s + w with cov(w) = M. A and M are n×n,
// M symmetric; neither is modified.
//
// Residual is ‖X − A X Aᵀ − M‖_F / (‖X‖_F + ‖A X Aᵀ‖_F + ‖M‖_F), measured. It
// is not the error, which can be Operator.InverseNorm times larger.
//
// Errors: *ShapeError, *NotFiniteError (of X, too, where it overflows),
// *NotSymmetricError, *UnstableError unless ρ(A) < 1 could be certified, and
// *InaccurateError where A is so badly scaled that the residual exceeds 1e-6.
//
// Several right-hand sides with one A: Prepare.
func Stein(a, m Matrix) (Solution, error) {
	return stein(a, m, false)
}

// SteinT returns the symmetric X that solves X = Aᵀ X A + M, the cost matrix
// of s⁺ = A s with the cost Σ sᵀ M s. Otherwise it is Stein.
func SteinT(a, m Matrix) (Solution, error) {
	return stein(a, m, true)
}

func stein(a, m Matrix, transposed bool) (Solution, error) {
	if err := checkSquare("A", a); err != nil {
		return Solution{}, err
	}
	if err := CheckShape("M", m, a.Rows, a.Rows); err != nil {
		return Solution{}, err
	}
	if err := CheckSymmetric("M", m); err != nil {
		return Solution{}, err
	}
	rhs := symmetrised(m)
	x, norm, size, ok := smith(a, rhs, transposed)
	if !ok {
		o, err := Prepare(a)
		if err != nil {
			return Solution{}, err
		}
		o.solve(x.Data, rhs.Data, transposed)
		norm, size = o.residual(x.Data, rhs.Data, transposed)
	}
	if err := CheckFinite("X", x); err != nil {
		return Solution{}, err
	}
	residual := quotient(norm, size)
	// Near the subnormal numbers one unit is a large residual.
	if !(residual <= accepted) && dense.MaxAbs(x.Data) > 0x1p-960 {
		return Solution{}, &InaccurateError{Residual: residual, Limit: accepted}
	}
	return Solution{X: x, Residual: residual}, nil
}

// smith is Operator for one right-hand side, where each power serves once and need
// not be kept, with the norm of the residual and what that is relative to. It is
// not ok where no power proves ρ(A) < 1, or doubling lost more than evaluating the
// residual does.
func smith(a, m Matrix, transposed bool) (x Matrix, norm, size float64, ok bool) {
	n := a.Rows
	x = m.Clone()
	var small [4 * onStack * onStack]float64
	w := small[:]
	if n > onStack {
		w = make([]float64, 4*n*n)
	}
	o, next := Operator{n: n, powers: w[:n*n]}, w[n*n:2*n*n]
	t, u := w[2*n*n:3*n*n], w[3*n*n:4*n*n]
	copy(o.powers, a.Data)
	blur := 0.0
	for steps := 1; ; steps++ {
		size := dense.Norm(o.powers)
		ok = ok || size+blur <= provedBelow
		last := size*size <= powersEnd
		if !last && (traceLower(o.powers, blur, n) > 1 || !(size <= maxPower) || steps > maxPowers) {
			return x, 0, 0, false
		}
		o.run(x.Data, t, u, transposed)
		if last {
			break
		}
		dense.Mul(next, o.powers, o.powers, n, n, n)
		o.powers, next = next, o.powers
		blur = squareBlur(blur, size, n)
	}
	copy(o.powers, a.Data)
	norm, size = o.residualWith(x.Data, m.Data, t, u, transposed)
	return x, norm, size, ok && norm <= evaluating(n)*dense.Norm(x.Data)
}
