package maml

import (
	"context"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// LBFGS is x ← x − t H ∇h(x), where H is the limited-memory BFGS inverse
// Hessian by the two-loop recursion, scaled by sᵀy / yᵀy of the newest pair.
// The line search is that of GradientDescent with first trial t = 1; without
// pairs the step is GradientDescent's. A pair is kept only where
// sᵀy > 1e-10 ‖s‖ ‖y‖. When no step along −H∇h lowers h, the memory is dropped
// and the gradient tried.
//
// J. Nocedal, Math. Comp. 35 (1980), 773–782.
type LBFGS struct {
	Memory int // pairs kept; 0 means 10
}

// Advance makes one step.
func (m LBFGS) Advance(ctx context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	if m.Memory < 0 {
		return Move{}, &SettingError{Of: "L-BFGS", Field: "memory", Value: m.Memory, Want: "a number of pairs, or 0 for 10"}
	}
	if from.Norm == 0 {
		return Move{Status: Stalled}, nil
	}
	var refused Backtracks
	if len(s.Pairs) > 0 {
		d := twoLoop(s.Pairs, from.Gradient)
		if dense.Dot(d, from.Gradient) < 0 && dense.Finite(d) {
			move, err := search(ctx, o, from, d, 1, s)
			if err != nil || move.Status == Running {
				m.remember(from, move.To, s)
				return move, err
			}
			refused = move.Backtracks
		}
		s.Pairs = nil
	}
	move, err := GradientDescent{}.Advance(ctx, o, from, s)
	move.Backtracks.add(refused)
	m.remember(from, move.To, s)
	return move, err
}

// remember appends the pair of an accepted step, if its curvature is positive.
func (m LBFGS) remember(from, to *Iterate, s *State) {
	if to == nil {
		return
	}
	memory := m.Memory
	if memory == 0 {
		memory = 10
	}
	p := Pair{S: difference(to.X, from.X), Y: difference(to.Gradient, from.Gradient)}
	if !(dense.Dot(p.S, p.Y) > 1e-10*dense.Norm(p.S)*dense.Norm(p.Y)) {
		return
	}
	kept := s.Pairs[max(0, len(s.Pairs)+1-memory):]
	s.Pairs = append(append(make([]Pair, 0, len(kept)+1), kept...), p)
}

// twoLoop returns −H g.
func twoLoop(pairs []Pair, g []float64) []float64 {
	d := opposite(g)
	alpha := make([]float64, len(pairs))
	for i := len(pairs) - 1; i >= 0; i-- {
		p := pairs[i]
		alpha[i] = dense.Dot(p.S, d) / dense.Dot(p.S, p.Y)
		dense.AddScaled(d, -alpha[i], p.Y)
	}
	newest := pairs[len(pairs)-1]
	c := dense.Dot(newest.S, newest.Y) / dense.Dot(newest.Y, newest.Y)
	for i := range d {
		d[i] *= c
	}
	for i, p := range pairs {
		dense.AddScaled(d, alpha[i]-dense.Dot(p.Y, d)/dense.Dot(p.S, p.Y), p.S)
	}
	return d
}
