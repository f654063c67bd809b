package maml

import (
	"context"

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
//	R_t = Σ_{s≤t} h_s(x_s) − min_x Σ_{s≤t} h_s(x).
//
// Weights of members are those of the stream: task t counts Weight times.
//
// Cost: round t minimises a mixture of t tasks, so that T rounds cost T²/2
// evaluations of a task for each iteration of the outer method.
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
	X      []float64 `json:"x"`    // x_t, chosen before the task was seen
	Loss   float64   `json:"loss"` // h_t(x_t)
	// Best is the least Σ_{s≤t} h_s found, at Leader = x_{t+1}.
	Best   float64   `json:"best"`
	Leader []float64 `json:"leader"`
	Total  float64   `json:"total"`  // Σ_{s≤t} h_s(x_s)
	Regret float64   `json:"regret"` // Total − Best
	Status Status    `json:"status"` // of the minimisation
	// Moved: x_t was outside the new task's domain, so that the round was
	// played, and its loss taken, at Fallback's answer.
	Moved bool `json:"moved"`

	Evaluations int `json:"evaluations"`
	Products    int `json:"products"`
}

// Run plays a stream of tasks from x. observe, if not nil, is told of each round
// and ends the run by an error. fallback, if not nil, gives a start inside the
// domain of the tasks seen so far where the present one is outside; without it
// that is the error of the task.
func (f FTML) Run(ctx context.Context, stream []Member, x []float64, fallback func(seen []Member) ([]float64, error), observe func(Round) error) ([]Round, error) {
	method := f.Method
	if method == nil {
		method = NewtonCG{}
	}
	var rounds []Round
	var losses []float64
	for t := range stream {
		seen, err := NewMeta(stream[:t+1])
		if err != nil {
			return rounds, err
		}
		fresh, err := NewMeta(stream[t : t+1])
		if err != nil {
			return rounds, err
		}
		r := Round{Round: t + 1, Member: stream[t].Name}
		at, err := fresh.Evaluate(x)
		if err == nil {
			_, err = seen.Evaluate(x)
		}
		if err != nil && fallback != nil {
			if x, err = fallback(stream[:t+1]); err == nil {
				r.Moved = true
				at, err = fresh.Evaluate(x)
			}
		}
		if err != nil {
			return rounds, err
		}
		// A Meta normalises weights; the sums of rounds do not.
		weight := func(i int) float64 { return stream[i].Weight }
		total := objective.Sum(t+1, weight)
		r.X = append([]float64(nil), x...)
		r.Loss = stream[t].Weight * at.Value()
		losses = append(losses, r.Loss)
		state := NewState(x)
		result, err := Minimize(ctx, seen, method, state, f.Stop, nil)
		if err != nil {
			return rounds, err
		}
		x = state.X
		r.Leader, r.Best, r.Status = append([]float64(nil), x...), total*result.Value, result.Status
		r.Total = objective.Sum(t+1, func(i int) float64 { return losses[i] })
		r.Regret = r.Total - r.Best
		r.Evaluations, r.Products = state.Evaluations, state.Products
		rounds = append(rounds, r)
		if observe != nil {
			if err := observe(r); err != nil {
				return rounds, err
			}
		}
		if err := ctx.Err(); err != nil {
			return rounds, err
		}
	}
	return rounds, nil
}
