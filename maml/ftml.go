package maml

import (
	"context"
	"errors"

	"github.com/metalqr/metalqr/objective"
)

// FTML is follow the meta-leader: tasks arrive one a round; in round t the
// player commits to x_t, then sees h_t, the meta-objective of the new task by
// itself, suffers h_t(x_t), and moves to
//
//	x_{t+1} = argmin Σ_{s≤t} h_s(x)      (a local minimiser, found from x_t).
//
// The regret is against the best fixed start in hindsight, for which x_{t+1}
// stands too:
//
//	R_t = Σ_{s≤t} h_s(x_s) − min_x Σ_{s≤t} h_s(x) = Σ_{s≤t} (h_s(x_s) − h_s(x_{t+1})).
//
// Where the h_s are strongly convex it grows like log t at most; where they are
// not, x_{t+1} may be a minimiser that is not the best, and R_t is then below the
// true regret by the difference.
//
// Weights of members are those of the stream: task t counts Weight times.
//
// Cost: round t minimises a mixture of t tasks, so that T rounds cost T²/2
// evaluations of a task for each iteration of the outer method, and as many
// times the cost of its products.
//
// C. Finn, A. Rajeswaran, S. Kakade, S. Levine, ICML 2019.
type FTML struct {
	Method Method // nil means NewtonCG
	Stop   Stop
}

// A Round is one task's arrival.
type Round struct {
	Round  int       `json:"round"` // from 1
	Member string    `json:"task"`
	X      []float64 `json:"x"`    // x_t, chosen before the task was seen unless Moved
	Loss   float64   `json:"loss"` // h_t(x_t)
	// Best is the least Σ_{s≤t} h_s found, at Leader = x_{t+1}.
	Best   float64   `json:"best"`
	Leader []float64 `json:"leader"`
	Total  float64   `json:"total"`  // Σ_{s≤t} h_s(x_s)
	Regret float64   `json:"regret"` // Total − Best, from gaps where they are known
	Status Status    `json:"status"` // of the minimisation
	// Moved: x_t was outside the new task's domain, so that the round was
	// played, and its loss taken, at the fallback's answer.
	Moved bool `json:"moved"`

	Evaluations int `json:"evaluations"` // of the mixture seen so far
	Products    int `json:"products"`
}

// Run plays a stream of tasks from x. observe, if not nil, is told of each round
// and ends the run by an error. fallback, if not nil, gives a start inside the
// domain of the tasks seen so far where the present one is outside; without it
// that is the error of the task. The rounds that were finished are returned
// beside every error, that of a cancelled ctx included.
func (f FTML) Run(ctx context.Context, stream []Member, x []float64, fallback func(seen []Member) ([]float64, error), observe func(Round) error) ([]Round, error) {
	method := f.Method
	if method == nil {
		method = NewtonCG{}
	}
	var rounds []Round
	var losses, levels []float64
	for t := range stream {
		if err := ctx.Err(); err != nil {
			return rounds, err
		}
		seen, err := NewMeta(stream[:t+1])
		if err != nil {
			return rounds, err
		}
		r := Round{Round: t + 1, Member: stream[t].Name}
		// x is in the domain of the tasks before, for it minimised them.
		at, err := seen.Evaluate(x)
		if errors.Is(err, objective.ErrDomain) && fallback != nil {
			if x, err = fallback(stream[:t+1]); err == nil {
				r.Moved = true
				at, err = seen.Evaluate(x)
			}
		}
		if err != nil {
			return rounds, err
		}
		// A Meta normalises weights; the sums of rounds do not.
		loss := func(p *Point, s int) float64 { return stream[s].Weight * p.paths[s].Outer.Value() }
		level := func(p *Point, s int) float64 { return stream[s].Weight * p.level(s) }
		r.X = append([]float64(nil), x...)
		r.Loss = loss(at, t)
		losses, levels = append(losses, r.Loss), append(levels, level(at, t))
		state := NewState(x)
		result, err := Minimize(ctx, seen, method, state, f.Stop, nil)
		if err != nil {
			return rounds, err
		}
		if result.Status == Stopped {
			return rounds, ctx.Err()
		}
		x = state.X
		leader := result.Point.(*Point)
		sum := func(term func(s int) float64) float64 { return objective.Sum(t+1, term) }
		r.Leader, r.Status = append([]float64(nil), x...), result.Status
		r.Best = sum(func(s int) float64 { return loss(leader, s) })
		r.Total = sum(func(s int) float64 { return losses[s] })
		r.Regret = sum(func(s int) float64 { return levels[s] - level(leader, s) })
		r.Evaluations, r.Products = state.Evaluations, state.Products
		rounds = append(rounds, r)
		if observe != nil {
			if err := observe(r); err != nil {
				return rounds, err
			}
		}
	}
	return rounds, nil
}

// level is the value of member i up to a constant of its own: its gap where it
// knows one, so that differences keep their digits.
func (p *Point) level(i int) float64 {
	f := p.paths[i].Outer
	if g, ok := f.(objective.Gapped); ok {
		if v := g.Gap(); v-v == 0 {
			return v
		}
	}
	return f.Value()
}
