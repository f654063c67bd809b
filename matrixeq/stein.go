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
	o, err := newOperator("A", a, nil)
	if err != nil {
		return Solution{}, err
	}
	// Where a power is the proof, what doubling loses is measured on the
	// solution itself, further down.
	if !o.contracts && !o.prove(nil) {
		return Solution{}, o.unstable("A")
	}
	x := New(o.n, o.n)
	rhs := symmetrised(m)
	o.solve(x.Data, rhs.Data, transposed)
	norm, size := o.residual(x.Data, rhs.Data, transposed)
	if !o.refine && norm > evaluating(o.n)*dense.Norm(x.Data) {
		o.refine = true
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
