package maml

import "github.com/metalqr/metalqr/objective"

// FirstOrder is a rule with its Jacobian replaced by the identity. A Meta over
// first-order rules has the value of h and, in place of its gradient, FO-MAML's
// direction
//
//	G(x) = Σᵢ λᵢ ∇fᵢ(x_K),
//
// which is the gradient of no function: only [Algorithm1] steps along it.
//
// Where G vanishes h need not be stationary: with several tasks FO-MAML does not
// come arbitrarily near a minimiser of h, however long it runs. For gradient
// steps what remains is of order η in x and η² in h. Measured on the scalar LQR
// tasks (A, B, Q, R) = (1, 1, 1, .1) and (1, 1, .1, 1), one step, from w = ½:
//
//	η         minimiser of h   FO-MAML's limit   h there above the minimum
//	0.05      0.54341          0.59465           1.64e-3
//	0.025     0.59349          0.60741           2.30e-4
//	0.0125    0.60721          0.61295           4.73e-5
//	0.00625   0.61291          0.61555           1.08e-5
//
// At η = 0.05 h is lower still at 0.18383, by 0.11300 than at FO-MAML's limit;
// started there, FO-MAML leaves for 0.59465 all the same. With one task there is
// no such gap: ∇f(x_K) = 0 is where both end.
//
// Cost of a direction, per member: K + 1 evaluations and no product, where the
// gradient of h takes K products besides; for an LQR task 2K + 2 matrix
// equations instead of 4K + 2.
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
