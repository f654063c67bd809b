package maml

import "github.com/metalqr/metalqr/objective"

// FirstOrder is a rule with its Jacobian replaced by the identity. A Meta over
// first-order rules has the value of h and, in place of its gradient, FO-MAML's
// direction
//
//	G(x) = Σᵢ λᵢ ∇fᵢ(x_K),
//
// which is the gradient of no function: only [Algorithm1] steps along it. Where
// G vanishes h need not be stationary, so that FO-MAML cannot come arbitrarily
// near a minimiser of h unless the inner rate goes to zero or the tasks are one.
//
// It saves the K pulls: for an LQR task with gradient steps 2 matrix equations
// each, of 2(K + 1) + 2K in all.
//
// C. Finn, P. Abbeel, S. Levine, ICML 2017; A. Fallah, A. Mokhtari, A.
// Ozdaglar, AISTATS 2020 (what it cannot reach).
type FirstOrder struct{ objective.Rule }

// At evaluates the rule at x.
func (r FirstOrder) At(x []float64) (objective.Step, error) {
	s, err := r.Rule.At(x)
	if err != nil {
		return nil, err
	}
	return landing{s}, nil
}

// Truncation says what is left out.
func (FirstOrder) Truncation() string { return "the Jacobian of the inner steps is left out" }

// landing keeps where a step lands and forgets how it depends on x.
type landing struct{ objective.Step }

func (landing) Push(dst, z []float64)         { copy(dst, z) }
func (landing) Pull(dst, v []float64)         { copy(dst, v) }
func (landing) PullDeriv(dst, _, _ []float64) { clear(dst) }

// A Truncated rule has a Pull that is not the transpose of its Jacobian, so
// that what is pulled back along it is no gradient.
type Truncated interface {
	objective.Rule
	Truncation() string // what its Pull leaves out, in words
}

// A Directed point has a Grad that is not the gradient of its Value, where
// Direction says why; Direction is empty where it is.
type Directed interface {
	objective.Point
	Direction() string
}

// direction says why the gradient of a point is none, or nothing.
func direction(p objective.Point) string {
	if d, ok := p.(Directed); ok {
		return d.Direction()
	}
	return ""
}
