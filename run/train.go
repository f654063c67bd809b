package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
)

// A Trainer is a training run: the meta-objective, the outer method and the
// state it has reached.
type Trainer struct {
	Problem   *Problem
	Start     *Start
	RateCheck []RateCheck // before the first step

	meta   *maml.Meta
	method maml.Method
	stop   maml.Stop
	state  *maml.State
}

// NewTrainer resolves the start and the rates of the family's settings, and
// measures η‖∇²gᵢ‖ of every task at every inner step from there. Errors match [ErrNoStart] where there
// is no start inside the domain, and [ErrInput] where a setting is wrong.
func NewTrainer(ctx context.Context, p *Problem) (*Trainer, error) {
	t := &Trainer{Problem: p, method: method(&p.Family.Meta), stop: maml.Stop{
		Tolerance:  p.Family.Meta.Outer.Tolerance,
		Iterations: p.Family.Meta.Outer.Iterations,
	}}
	var err error
	if t.Start, err = p.start(ctx); err != nil {
		return nil, err
	}
	if t.meta, err = p.meta(t.Start.rates); err != nil {
		return nil, err
	}
	t.state = maml.NewState(t.Start.Gain.Data)
	t.RateCheck, err = p.checkRates(t.Start.Gain.Data, t.Start.rates)
	return t, err
}

// Rates are the inner rates, one a step, and where they are from: "file", or
// "start" with rate: auto.
func (t *Trainer) Rates() (rates []float64, from string) {
	return slices.Clone(t.Start.rates), t.Start.rateFrom()
}

// method makes the outer method's value from its words.
func method(m *family.Meta) maml.Method {
	switch m.Outer.Method {
	case family.MethodAlgorithm1:
		return maml.Algorithm1{Rate: m.Outer.Rate, Batch: m.Outer.Batch, Sum: m.Outer.Reduce == family.ReduceSum, Seed: m.Seed}
	case family.MethodGradient:
		return maml.GradientDescent{}
	case family.MethodLBFGS:
		return maml.LBFGS{}
	}
	return maml.NewtonCG{}
}

// Run trains until the stopping rule holds, calling observe, if not nil, after
// every iteration, and gathers the evidence. A run that ends early is a result
// with a status; so is one whose context is cancelled, whose state can be
// continued.
func (t *Trainer) Run(ctx context.Context, observe func(maml.Record) error) (*Result, error) {
	res, err := maml.Minimize(ctx, t.meta, t.method, t.state, t.stop, observe)
	if err != nil {
		return nil, err
	}
	if res.Status == maml.Stopped {
		return nil, context.Cause(ctx)
	}
	return t.result(ctx, &res)
}

// result gathers everything that is said about the gain found.
func (t *Trainer) result(ctx context.Context, res *maml.Result) (*Result, error) {
	p, x, rates := t.Problem, t.state.X, t.Start.rates
	pt, ok := res.Point.(*maml.Point)
	if !ok {
		return nil, fmt.Errorf("run: the outer method ended with a %T", res.Point)
	}
	out := &Result{
		Family: p.Family.Name, Gain: p.gain(x), Value: Number(res.Value), GradientNorm: Number(res.GradientNorm),
		Status: res.Status, Kind: res.Kind, Iterations: t.state.Iteration,
		LowerBound: Number(t.meta.LowerBound()), Gap: Number(pt.Gap()),
		Rate: Number(rates[0]), Rates: numbers(rates), RateFrom: t.Start.rateFrom(), RateCheck: t.RateCheck,
		Start: t.Start, Evaluations: t.state.Evaluations, Products: t.state.Products,
	}
	if p.Family.Drawn != nil {
		out.Redraws = p.Family.Drawn.Redraws
	}
	if b := res.Best; b != nil {
		out.Best = &Best{Iteration: b.Iteration, Value: Number(b.Value), Gain: p.gain(b.X)}
	}
	if res.Cause != nil {
		out.Reason = res.Cause.Error()
	}
	largest, err := p.largestRate(x, len(rates))
	if err != nil {
		return nil, err
	}
	out.LargestRate = &largest
	if out.Certificate, err = p.certify(res, x, rates); err != nil {
		return nil, err
	}
	if out.Tasks, err = p.taskResults(pt, x); err != nil {
		return nil, err
	}
	out.Baselines, err = p.baselines(ctx, x, rates)
	return out, err
}

// taskResults are the tasks at a point of the meta-objective.
func (p *Problem) taskResults(pt *maml.Point, x []float64) ([]TaskResult, error) {
	out := make([]TaskResult, len(p.Tasks))
	for i, t := range p.Tasks {
		path := pt.Path(i)
		before, err := t.Outer.Radius(x)
		if err != nil {
			return nil, err
		}
		after, err := t.Outer.Radius(path.Adapted())
		if err != nil {
			return nil, err
		}
		r := &out[i]
		*r = TaskResult{
			Name: t.Name, Weight: Number(pt.Weight(i)), CostBefore: infinite,
			CostAfter: Number(path.Outer.Value()), OptimalCost: Number(t.Outer.Optimum().Cost),
			GapAfter: Number(gap(path.Outer)), AdaptedGain: p.gain(path.Adapted()),
			RadiusBefore: Number(before), RadiusAfter: Number(after),
		}
		switch at, err := t.Outer.Evaluate(x); {
		case err == nil:
			r.CostBefore = Number(at.Value())
		case !isDomain(err):
			return nil, err
		}
	}
	return out, nil
}
