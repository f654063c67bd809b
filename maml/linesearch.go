package maml

import (
	"context"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// armijo is the fraction of the decrease foretold by the slope that a step
// must achieve.
const armijo = 1e-4

// settled is the relative gradient below which slopes are noise.
const settled = 1e-12

// search looks along the descent direction d for a step t d, from the first
// trial t on, with
//
//	h(x + t d) ≤ h(x) + c₁ t ∇h(x)ᵀd,   c₁ = 1e-4  (Armijo),
//
// shortening t by half where the domain was left, and otherwise to the
// minimiser of the parabola through what is known, within [t/10, t/2].
//
// Where the decrease foretold is within the rounding of h, 1e-10 |h|, it asks
// instead that the slope be no steeper upwards than Armijo allows a parabola,
// ∇h(x + t d)ᵀd ≤ (2c₁ − 1) ∇h(x)ᵀd (the approximate Wolfe condition of W. W.
// Hager and H. Zhang, SIAM J. Optim. 16 (2005), 170–192), by which the mean of
// the slopes at both ends shows a decrease that the values are too coarse for.
// Where the gradient too is near its rounding, ‖∇h‖ (1 + ‖x‖) ≤ 1e-12 |h|, h must
// fall or the gradient shrink besides, so that the search ends.
//
// The answer is Stalled when no step does.
func search(ctx context.Context, o objective.Objective, from *Iterate, d []float64, t float64, s *State) (Move, error) {
	var refused Backtracks
	slope := dense.Dot(from.Gradient, d)
	for range maxBacktracks {
		if err := ctx.Err(); err != nil {
			return Move{}, err
		}
		x := along(from.X, t, d)
		if equal(x, from.X) {
			break
		}
		to, left, err := try(o, x, s)
		if err != nil {
			return Move{}, err
		}
		if left != nil {
			refused.Domain++
			t /= 2
			continue
		}
		change := to.Value - from.Value
		if -t*slope <= flat*math.Abs(from.Value) {
			if change <= flat*math.Abs(from.Value) && dense.Dot(to.Gradient, d) <= (2*armijo-1)*slope &&
				(change < 0 || to.Norm < from.Norm || from.Norm*(1+dense.Norm(from.X)) > settled*math.Abs(from.Value)) {
				return accept(from, to, refused, s), nil
			}
			refused.Decrease++
			t /= 2
			continue
		}
		if change <= armijo*t*slope {
			return accept(from, to, refused, s), nil
		}
		refused.Decrease++
		next := -slope * t * t / (2 * (change - t*slope))
		t = math.Min(math.Max(next, t/10), t/2)
	}
	return Move{Backtracks: refused, Status: Stalled}, nil
}

func accept(from, to *Iterate, refused Backtracks, s *State) Move {
	s.Length = dense.Norm(difference(to.X, from.X))
	return Move{To: to, Backtracks: refused}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// reach is the length of a first step, relative to 1 + ‖x‖, where nothing
// else sets one; growth bounds a step by the one before it.
const (
	reach  = 0.05
	growth = 2
)

// cauchy is the step length t along −∇h that minimises the quadratic model of
// h, held to twice the length of the step before it (and to reach·(1 + ‖x‖)
// for the first). Where the curvature is not positive it is that length.
func cauchy(from *Iterate, s *State) float64 {
	longest := growth * s.Length
	if longest == 0 {
		longest = reach * (1 + dense.Norm(from.X))
	}
	longest /= from.Norm
	hg := make([]float64, len(from.X))
	from.Point.HessVec(hg, from.Gradient)
	s.Products++
	curvature := dense.Dot(from.Gradient, hg)
	if curvature > 0 {
		return math.Min(from.Norm*from.Norm/curvature, longest)
	}
	return longest
}
