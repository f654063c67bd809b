// Package objective holds the small interfaces on which everything above it
// stands: a function evaluated at a point, and an inner adaptation step
// evaluated at a point.
//
// Evaluating returns a value that answers questions. Whatever is expensive at
// x (for a linear-quadratic task, its matrix equations) is done once, by At;
// the value, the gradient and every product with a derivative share it.
// Nothing is cached behind the caller's back.
//
// Conventions, used by every package of the module:
//
//	x        the parameters, a flat vector; a gain W is stored row by row
//	f        an outer objective (what counts after adaptation)
//	g        an inner objective (what an inner step sees)
//	F, J     an inner step and its Jacobian ∂F/∂x
//	dst      where a result is written; it is overwritten, never accumulated,
//	         has length Dim, and does not overlap another slice of the call
//
// Points and steps are immutable once returned and safe for concurrent use.
package objective

import "errors"

// ErrDomain is matched, with errors.Is, by every error that says that a
// parameter lies outside the open domain of an objective or of an inner step,
// where the objective is +∞. The concrete error carries the numbers. An outer
// method answers it by a shorter step; any other error ends the computation.
var ErrDomain = errors.New("outside the domain")

// An Objective is a twice differentiable function of Dim parameters on an open
// domain. It is safe for concurrent use.
type Objective interface {
	// Dim is the number of parameters.
	Dim() int
	// At evaluates at x, which is not retained. An error that matches
	// ErrDomain says that x is outside the domain.
	At(x []float64) (Point, error)
}

// A Point is an objective evaluated at one x.
type Point interface {
	Value() float64
	Grad(dst []float64)       // dst ← ∇f(x)
	HessVec(dst, v []float64) // dst ← ∇²f(x) v
}

// A Point3 also offers the third derivative contracted with two directions,
// dst ← ∇³f(x)[y, z] = d/dt ∇²f(x + t z) y at t = 0. A gradient step built on
// it has an exact meta-Hessian.
type Point3 interface {
	Point
	Third(dst, y, z []float64)
}

// A Bounded objective knows a lower bound of its values: for a linear-quadratic
// task the optimal cost, which it attains; for a mixture the mean of its
// members' bounds, which it need not attain.
type Bounded interface {
	Objective
	LowerBound() float64
}

// A Minimized objective knows a point at which it attains its lower bound, to
// rounding.
type Minimized interface {
	Bounded
	Minimizer() []float64 // a copy
}

// A Gapped point knows f(x) − LowerBound() without subtracting the two, and so
// to full relative accuracy however small it is.
type Gapped interface {
	Point
	Gap() float64
}

// A Rule is an inner adaptation step F. It is safe for concurrent use.
type Rule interface {
	// At evaluates the step once, at x, which is not retained. An error that
	// matches ErrDomain says that x is outside the domain of F.
	At(x []float64) (Step, error)
}

// A Step is F at one x: where it lands, its Jacobian J, the transpose of J, and
// the derivative of Jᵀv that exact meta-Hessians need.
type Step interface {
	To() []float64                 // F(x); not to be modified
	Push(dst, z []float64)         // dst ← J z
	Pull(dst, v []float64)         // dst ← Jᵀ v
	PullDeriv(dst, z, v []float64) // dst ← d/dt J(x + t z)ᵀ v at t = 0, v held
}
