package run

import (
	"context"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// A Trainer is a training run: what is minimised, the outer method and the
// state it has reached.
type Trainer struct {
	Problem   *Problem
	Start     *Start
	RateCheck []RateCheck // before the first step
	OuterRate float64     // β of Algorithm 1, as given or chosen; else 0

	meta   mixture             // every task before and after its inner steps
	target objective.Objective // what the method minimises, or steps along
	method maml.Method
	stop   maml.Stop
	state  *maml.State
}

// NewTrainer resolves the start and the rates of the family's settings, and
// measures η‖∇²gᵢ‖ of every task at every inner step from there. Errors match
// [ErrNoStart] where there is no start inside the domain, and [ErrInput] where a
// setting is wrong.
func NewTrainer(ctx context.Context, p *Problem) (*Trainer, error) {
	settings := &p.Family.Meta
	t := &Trainer{Problem: p, stop: maml.Stop{Tolerance: settings.Outer.Tolerance, Iterations: settings.Outer.Iterations}}
	var err error
	if t.Start, err = p.start(ctx); err != nil {
		return nil, err
	}
	rates, x := t.Start.rates, t.Start.Gain.Data
	if t.meta, err = p.mixture(rates); err != nil {
		return nil, err
	}
	if t.target, err = p.objective(rates); err != nil {
		return nil, err
	}
	if t.method, err = t.outer(settings); err != nil {
		return nil, err
	}
	for range t.target.Dim() - p.Dim() { // rates that are learned
		x = append(slices.Clip(x), rates[0])
	}
	t.state = maml.NewState(x)
	t.RateCheck, err = p.checkRates(t.Start.Gain.Data, rates)
	return t, err
}

// Rates are the inner rates, one a step, and where they are from: "file", or
// "start" with rate: auto.
func (t *Trainer) Rates() (rates []float64, from string) {
	return slices.Clone(t.Start.rates), t.Start.rateFrom()
}

// outer makes the outer method's value from its words. A rate β that is not
// given is ½ / Σ λᵢ‖∇²fᵢ‖ at the start; for Reptile, whose direction is a step
// already, it is 1.
func (t *Trainer) outer(m *family.Meta) (maml.Method, error) {
	switch m.Outer.Method {
	case family.MethodGradient:
		return maml.GradientDescent{}, nil
	case family.MethodLBFGS:
		return maml.LBFGS{}, nil
	case family.MethodNewtonCG:
		return maml.NewtonCG{}, nil
	}
	t.OuterRate = m.Outer.Rate
	if t.OuterRate == 0 {
		t.OuterRate = 1
		if m.Algorithm != family.Reptile {
			curvature, err := t.Problem.meanCurvature(t.Start.Gain.Data)
			if err != nil {
				return nil, err
			}
			if curvature > 0 {
				t.OuterRate = 0.5 / curvature
			}
		}
	}
	method := maml.Algorithm1{
		Rate: t.OuterRate, Last: m.Outer.LastRate, Over: m.Outer.Over,
		Batch: m.Outer.Batch, Sum: m.Outer.Reduce == family.ReduceSum, Seed: m.Seed,
		Epochs: m.Outer.Sampling == family.SampleEpochs, Clip: m.Outer.Clip,
	}
	if m.Outer.Sampling == family.SampleFresh {
		method.Fresh = drawing{t.Problem, t.Start.rates}
	}
	return method, nil
}

// Run trains until the stopping rule holds, calling observe, if not nil, after
// every iteration, and gathers the evidence. A run that ends early is a result
// with a status; so is one whose context is cancelled, whose state can be
// continued.
func (t *Trainer) Run(ctx context.Context, observe func(maml.Record) error) (*Result, error) {
	if t.Problem.Family.Meta.Algorithm == family.FTML {
		return t.follow(ctx, observe)
	}
	res, err := maml.Minimize(ctx, t.target, t.method, t.state, t.stop, observe)
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
	p, meta, rates := t.Problem, t.meta, t.Start.rates
	settings := &p.Family.Meta
	x, α := t.state.X[:p.Dim()], t.state.X[p.Dim():]
	out := &Result{
		Family: p.Family.Name, Algorithm: settings.Algorithm, Gain: p.gain(x),
		Value: Number(res.Value), GradientNorm: Number(res.GradientNorm), Gap: infinite,
		Status: res.Status, Kind: res.Kind, Iterations: t.state.Iteration,
		LowerBound: Number(meta.LowerBound()),
		Rate:       Number(rates[0]), Rates: numbers(rates), RateFrom: t.Start.rateFrom(), RateCheck: t.RateCheck,
		OuterRate: Number(t.OuterRate), Clipped: t.state.Clipped,
		Start: t.Start, Evaluations: t.state.Evaluations, Products: t.state.Products,
	}
	if res.Gap != nil {
		out.Gap = Number(*res.Gap)
	}
	if p.Family.Drawn != nil {
		out.Redraws = p.Family.Drawn.Redraws
	}
	if b := res.Best; b != nil {
		out.Best = &Best{Iteration: b.Iteration, Value: Number(b.Value), Gain: p.gain(b.X[:p.Dim()])}
	}
	if res.Cause != nil {
		out.Reason = res.Cause.Error()
	}
	if res.Status == maml.Stalled && settings.RadiusLimit > 0 {
		out.Reason = p.heldBy(x, settings.RadiusLimit)
	}
	if len(α) > 0 {
		p = p.learning(α)
		rates := p.gain(p.learned)
		out.LearnedRates = &rates
		var err error
		if meta, err = p.mixture(t.Start.rates); err != nil {
			return nil, err
		}
	}
	pt, err := meta.evaluate(x)
	if err != nil {
		return nil, err
	}
	if d, ok := res.Point.(maml.Directed); ok && d.Direction() != "" {
		out.Direction = d.Direction()
	}
	g := make([]float64, p.Dim())
	pt.Grad(g)
	out.ExactNorm = Number(dense.Norm(g))
	if len(α) == 0 && !settings.Algorithm.Proximal() {
		largest, err := p.largestRate(x, len(rates))
		if err != nil {
			return nil, err
		}
		out.LargestRate = &largest
	}
	if out.Certificate, err = p.certify(res, pt, x, rates); err != nil {
		return nil, err
	}
	if out.Tasks, err = p.taskResults(pt, x); err != nil {
		return nil, err
	}
	out.Baselines, err = p.baselines(ctx, x, rates)
	return out, err
}

// follow plays the tasks as a stream, one a round in the order of the family,
// and ends at the leader of all. A round is an iteration of the trace: its value
// is the loss suffered, its gap the regret so far. A run that goes on plays the
// rounds again, to the same bits, and reports those it had not.
func (t *Trainer) follow(ctx context.Context, observe func(maml.Record) error) (*Result, error) {
	p := t.Problem
	m, err := p.meta(t.Start.rates)
	if err != nil {
		return nil, err
	}
	stream := make([]maml.Member, m.Len())
	for i := range stream {
		stream[i] = m.Member(i)
		stream[i].Weight = p.Family.Tasks[i].Weight
	}
	reported := t.state.Iteration
	fallback := func(seen []maml.Member) ([]float64, error) {
		sub := *p
		sub.Tasks = p.Tasks[:len(seen)]
		s, err := sub.autoStart(ctx)
		if err != nil {
			return nil, err
		}
		return s.Gain.Data, nil
	}
	state := maml.NewState(t.Start.Gain.Data)
	rounds, err := maml.FTML{Method: t.method, Stop: t.stop}.Run(ctx, stream, t.Start.Gain.Data, fallback, func(r maml.Round) error {
		step := dense.Norm(difference(r.Leader, r.X))
		state.Iteration, state.X = r.Round, r.Leader
		state.Evaluations += r.Evaluations
		state.Products += r.Products
		if r.Round <= reported || observe == nil {
			return nil
		}
		*t.state = *state
		return observe(maml.Record{Iteration: r.Round, Value: r.Loss, Gap: &r.Regret, Step: step})
	})
	if err != nil {
		return nil, err
	}
	*t.state = *state
	// The last leader is the minimiser over all tasks: this only classifies it.
	final := *state
	res, err := maml.Minimize(ctx, t.target, t.method, &final, t.stop, nil)
	if err != nil {
		return nil, err
	}
	t.state.X = final.X
	out, err := t.result(ctx, &res)
	if out != nil {
		out.Rounds = rounds
	}
	return out, err
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	dense.Sub(d, a, b)
	return d
}

// taskResults are the tasks at a point of the meta-objective.
func (p *Problem) taskResults(pt mixed, x []float64) ([]TaskResult, error) {
	after, err := pt.outcomes()
	if err != nil {
		return nil, err
	}
	before := p.apart(x, false)
	out := make([]TaskResult, len(p.Tasks))
	dim := p.Dim()
	err = everyTask(len(out), func(i int) error {
		t, gain := &p.Tasks[i], after.gains[i*dim:(i+1)*dim]
		r := &out[i]
		*r = TaskResult{
			Name: t.Name, Weight: Number(pt.Weight(i)), CostBefore: infinite,
			CostAfter: Number(after.values[i]), OptimalCost: minimum(t.Outer),
			GapAfter: Number(after.gaps[i]), AdaptedGain: p.gain(gain),
		}
		var err error
		if r.RadiusBefore, err = radius(t.Outer, x); err != nil {
			return err
		}
		if r.RadiusAfter, err = radius(t.Outer, gain); err != nil {
			return err
		}
		switch err := before.err(i); {
		case err == nil:
			r.CostBefore = Number(before.values[i])
		case !isDomain(err):
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
