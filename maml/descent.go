package maml

import (
	"context"

	"github.com/metalqr/metalqr/objective"
)

// GradientDescent is x ← x − t ∇h(x) with Armijo backtracking. The first t is
// the minimiser of h's quadratic model along the gradient, from one exact
// Hessian product, and no step is more than twice as long as the one before
// it. It never leaves the domain and h never rises by more than rounding.
//
// The zero value is ready for use.
type GradientDescent struct{}

// Advance makes one step.
func (GradientDescent) Advance(ctx context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	if from.Norm == 0 {
		return Move{Status: Stalled}, nil
	}
	t := cauchy(from, s)
	return search(ctx, o, from, opposite(from.Gradient), t, s)
}

func opposite(a []float64) []float64 {
	b := make([]float64, len(a))
	for i, x := range a {
		b[i] = -x
	}
	return b
}
