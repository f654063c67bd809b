package maml

import (
	"context"
	"errors"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// A Method is an outer method: an immutable value, shared freely among runs.
type Method interface {
	// Advance makes one iteration from an iterate. It keeps what it must
	// remember in s, which is the run's next state but for the iterate itself,
	// and counts its evaluations and products there.
	//
	// An error ends the run, unless it is that of a cancelled ctx, after which
	// s is discarded. Everything else that can happen is in the Move.
	Advance(ctx context.Context, o objective.Objective, from *Iterate, s *State) (Move, error)
}

// An escaper knows how to leave a stationary point that is no minimum, along
// ±v, where vᵀ∇²h v = curvature < 0 and ‖v‖ = 1.
type escaper interface {
	escape(ctx context.Context, o objective.Objective, from *Iterate, s *State, v []float64, curvature float64) (Move, error)
}

// An Iterate is an objective evaluated at one x, with what every method asks.
type Iterate struct {
	X        []float64
	Point    objective.Point
	Value    float64
	Gradient []float64
	Norm     float64 // of the gradient
}

// Visit evaluates o at x, which is retained. A value or a gradient that is not
// finite is a *NotFiniteError, which matches objective.ErrDomain.
func Visit(o objective.Objective, x []float64) (*Iterate, error) {
	p, err := o.At(x)
	if err != nil {
		return nil, err
	}
	it := &Iterate{X: x, Point: p, Value: p.Value(), Gradient: make([]float64, len(x))}
	if math.IsNaN(it.Value - it.Value) {
		return nil, &NotFiniteError{What: "value"}
	}
	p.Grad(it.Gradient)
	if !dense.Finite(it.Gradient) {
		return nil, &NotFiniteError{What: "gradient"}
	}
	it.Norm = dense.Norm(it.Gradient)
	return it, nil
}

// A Move is what an iteration came to.
type Move struct {
	To         *Iterate   // nil unless Status is Running
	Backtracks Backtracks // steps that were shortened, by reason
	Status     Status     // Running, Stalled or LeftDomain
	Cause      error      // of LeftDomain: names the task
}

// Backtracks counts the trial steps of an iteration that were refused.
type Backtracks struct {
	Domain    int `json:"domain"`    // left the domain
	Decrease  int `json:"decrease"`  // lowered h by too little
	Agreement int `json:"agreement"` // lowered h, but not as the quadratic model foretold
}

// Total is their sum.
func (b Backtracks) Total() int { return b.Domain + b.Decrease + b.Agreement }

func (b *Backtracks) add(c Backtracks) {
	b.Domain += c.Domain
	b.Decrease += c.Decrease
	b.Agreement += c.Agreement
}

// try visits x for a method, counting it. It answers a nil iterate where x is
// outside the domain.
func try(o objective.Objective, x []float64, s *State) (it *Iterate, left, err error) {
	s.Evaluations++
	it, err = Visit(o, x)
	if errors.Is(err, objective.ErrDomain) {
		return nil, err, nil
	}
	return it, nil, err
}

// flat is the relative change of h below which values are not compared, for
// they may have been rounded that much; gradients decide instead.
const flat = 1e-10

// maxBacktracks ends the search for a step: 2⁻⁶⁰ of the first trial is below
// the rounding of any x.
const maxBacktracks = 60
