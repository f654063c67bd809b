package matrixeq

import (
	"errors"
	"fmt"
)

// What went wrong, for errors.Is. The concrete errors carry the numbers.
var (
	ErrShape                   = errors.New("wrong shape")
	ErrNotFinite               = errors.New("not finite")
	ErrNotSymmetric            = errors.New("not symmetric")
	ErrNotPositiveDefinite     = errors.New("not positive definite")
	ErrNotPositiveSemidefinite = errors.New("not positive semidefinite")
	ErrUnstable                = errors.New("not certified stable")
	ErrNotStabilizable         = errors.New("not stabilizable")
	ErrUnitCircle              = errors.New("no stabilising solution: unobservable mode on the unit circle")
	ErrNoConvergence           = errors.New("no convergence")
	ErrInaccurate              = errors.New("solution is inaccurate")
)

// A ShapeError is a matrix of the wrong shape.
type ShapeError struct {
	Name               string
	Rows, Cols         int
	WantRows, WantCols int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("matrixeq: %s is %d×%d, want %d×%d", e.Name, e.Rows, e.Cols, e.WantRows, e.WantCols)
}

func (e *ShapeError) Unwrap() error { return ErrShape }

// A NotFiniteError is an entry that is NaN or infinite.
type NotFiniteError struct {
	Name     string
	Row, Col int
	Value    float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("matrixeq: %s[%d,%d] = %v is not finite", e.Name, e.Row, e.Col, e.Value)
}

func (e *NotFiniteError) Unwrap() error { return ErrNotFinite }

// A NotSymmetricError is the worst pair of entries that should be equal.
type NotSymmetricError struct {
	Name         string
	Row, Col     int
	Value, Other float64 // entries (Row, Col) and (Col, Row)
	Limit        float64 // the difference that would pass as rounding
}

func (e *NotSymmetricError) Error() string {
	return fmt.Sprintf("matrixeq: %s is not symmetric: %s[%d,%d] = %v but %s[%d,%d] = %v, further apart than %.3g",
		e.Name, e.Name, e.Row, e.Col, e.Value, e.Name, e.Col, e.Row, e.Other, e.Limit)
}

func (e *NotSymmetricError) Unwrap() error { return ErrNotSymmetric }

// A NotPositiveDefiniteError carries the smallest eigenvalue and what it had to
// exceed.
type NotPositiveDefiniteError struct {
	Name              string
	Eigenvalue, Limit float64
	Scaled            bool // of D m D, D = diag(m)^(−1/2); otherwise m has a diagonal entry ≤ 0
}

func (e *NotPositiveDefiniteError) Error() string {
	scaled := ""
	if e.Scaled {
		scaled = " of it scaled to unit diagonal"
	}
	return fmt.Sprintf("matrixeq: %s is not positive definite: smallest eigenvalue%s %.6g, must exceed %.3g", e.Name, scaled, e.Eigenvalue, e.Limit)
}

func (e *NotPositiveDefiniteError) Unwrap() error { return ErrNotPositiveDefinite }

// A NotPositiveSemidefiniteError carries the smallest eigenvalue and the
// (negative) value down to which it passes as rounding.
type NotPositiveSemidefiniteError struct {
	Name              string
	Eigenvalue, Limit float64
}

func (e *NotPositiveSemidefiniteError) Error() string {
	return fmt.Sprintf("matrixeq: %s is not positive semidefinite: smallest eigenvalue %.6g, below %.3g", e.Name, e.Eigenvalue, e.Limit)
}

func (e *NotPositiveSemidefiniteError) Unwrap() error { return ErrNotPositiveSemidefinite }

// An UnstableError is a matrix that could not be certified stable. Where
// Lower > 1 it is unstable, whatever rounding did; otherwise it lies too close to
// the boundary, or is too far from normal, for double precision to tell.
type UnstableError struct {
	Name   string
	Radius float64 // largest computed |eigenvalue|; NaN when none could be computed
	Lower  float64 // max (|tr Aᵐ|/n)^(1/m) over the powers formed, less their rounding errors
	Upper  float64 // min ‖Aᵐ‖^(1/m) over the powers formed, plus their rounding errors
}

func (e *UnstableError) Error() string {
	verdict := "cannot be certified stable"
	if e.Lower > 1 {
		verdict = "is unstable"
	}
	return fmt.Sprintf("matrixeq: %s %s: spectral radius %.9g, between %.6g and %.6g by its powers",
		e.Name, verdict, e.Radius, e.Lower, e.Upper)
}

func (e *UnstableError) Unwrap() error { return ErrUnstable }

// A NotStabilizableError names an eigenvalue of A with |λ| ≥ 1 that no gain can
// move.
type NotStabilizableError struct {
	Eigenvalue complex128
	Distance   float64 // σ_min([A − λI, B]), each block relative to its norm
}

func (e *NotStabilizableError) Error() string {
	return fmt.Sprintf("matrixeq: (A, B) is not stabilizable: eigenvalue %.6g of A, of modulus %.9g, is uncontrollable (relative distance %.2g)",
		e.Eigenvalue, abs(e.Eigenvalue), e.Distance)
}

func (e *NotStabilizableError) Unwrap() error { return ErrNotStabilizable }

// A UnitCircleError names an eigenvalue of A on the unit circle that the cost
// does not see: the infimum of the cost is not attained by a stabilising gain.
type UnitCircleError struct {
	Eigenvalue complex128
	Distance   float64 // σ_min([A − λI; Q]), each block relative to its norm
}

func (e *UnitCircleError) Error() string {
	return fmt.Sprintf("matrixeq: no stabilising solution: Q does not see the eigenvalue %.6g of A, of modulus %.9g (relative distance %.2g)",
		e.Eigenvalue, abs(e.Eigenvalue), e.Distance)
}

func (e *UnitCircleError) Unwrap() error { return ErrUnitCircle }

// An InaccurateError is a Stein equation whose solution lost its digits.
type InaccurateError struct {
	Residual, Limit float64 // relative
}

func (e *InaccurateError) Error() string {
	return fmt.Sprintf("matrixeq: the solution of the Stein equation has a relative residual of %.2g, above %.2g: A is too badly scaled", e.Residual, e.Limit)
}

func (e *InaccurateError) Unwrap() error { return ErrInaccurate }

// A NoConvergenceError is a Riccati equation that neither doubling nor Newton's
// method solved, where no eigenvalue explains it.
type NoConvergenceError struct {
	Iterations       int
	Residual         float64 // relative, at the last iterate; NaN when there is none
	Correction       float64 // relative size of the last Newton correction; NaN when there is none
	Uncontrollable   float64 // least relative σ_min([A − λI, B]) over |λ| ≥ 1; +Inf when A has no such λ
	UnitUnobservable float64 // least relative σ_min([A − λI; Q]) over |λ| = 1 near an eigenvalue; +Inf when A has no such λ
}

func (e *NoConvergenceError) Error() string {
	return fmt.Sprintf("matrixeq: no certified solution of the Riccati equation after %d iterations: residual %.2g, last correction %.2g, distance to an uncontrollable unstable mode %.2g, to an unobservable one on the unit circle %.2g",
		e.Iterations, e.Residual, e.Correction, e.Uncontrollable, e.UnitUnobservable)
}

func (e *NoConvergenceError) Unwrap() error { return ErrNoConvergence }
