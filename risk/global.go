package risk

import (
	"math"

	"github.com/metalqr/metalqr/objective"
)

// An EpsilonGlobal objective knows an ε such that every local minimiser x of f
// satisfies f(x) ≤ inf f + ε: it is ε-global, the hypothesis of Proposition 1.
// For a convex function ε is 0. The second result is false where no ε is known.
type EpsilonGlobal interface {
	Epsilon() (float64, bool)
}

// Epsilon asks any objective for its ε; one that is not EpsilonGlobal knows
// none.
func Epsilon(o objective.Objective) (float64, bool) {
	if e, ok := o.(EpsilonGlobal); ok {
		return e.Epsilon()
	}
	return 0, false
}

// Declared is an objective whose ε the user states. Nothing checks it: a
// report that rests on it should say that it was declared.
type Declared struct {
	objective.Objective
	Within float64 // ε
}

// Declare attaches ε to an objective. The error is a *ModelError where epsilon
// is negative or not finite.
func Declare(o objective.Objective, epsilon float64) (Declared, error) {
	if !(epsilon >= 0) || math.IsInf(epsilon, 1) {
		return Declared{}, &ModelError{Of: "declared objective", Field: "ε", Value: epsilon, Want: "a finite number, 0 or more"}
	}
	if o == nil {
		return Declared{}, &ModelError{Of: "declared objective", Field: "objective", Value: "nil", Want: "one"}
	}
	return Declared{Objective: o, Within: epsilon}, nil
}

// Epsilon is what the user declared; false where that makes no sense.
func (d Declared) Epsilon() (float64, bool) {
	if !(d.Within >= 0) || math.IsInf(d.Within, 1) {
		return 0, false
	}
	return d.Within, true
}

// LowerBound is that of the objective, −∞ if it knows none.
func (d Declared) LowerBound() float64 {
	if b, ok := d.Objective.(objective.Bounded); ok {
		return b.LowerBound()
	}
	return math.Inf(-1)
}

// Approximate is that of the objective.
func (d Declared) Approximate() []string { return objective.Approximations(d.Objective) }
