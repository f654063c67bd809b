package run

import (
	"context"
	"errors"

	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// An Adaptation is what a gain becomes on every task of a family.
type Adaptation struct {
	Family     string          `json:"family"`
	Gain       matrixeq.Matrix `json:"gain"`
	Steps      int             `json:"steps"`
	Rates      []Number        `json:"rates"`
	RateFrom   string          `json:"rate_from"` // as for an Evaluation
	Tasks      []AdaptedTask   `json:"tasks"`
	MeanCosts  []Number        `json:"mean_costs"` // Σ λᵢ fᵢ after 0 … K steps
	LowerBound Number          `json:"lower_bound"`
	Baselines  AdaptBaselines  `json:"baselines"`
}

// An AdaptedTask is one task, step by step.
type AdaptedTask struct {
	Name        string          `json:"name"`
	Weight      Number          `json:"weight"`
	OptimalCost Number          `json:"optimal_cost"`
	Costs       []Number        `json:"costs"` // after 0 … K steps; null where the gain does not stabilise
	Gaps        []Number        `json:"gaps"`  // to the optimal cost, without subtracting
	Radii       []Number        `json:"radii"`
	AdaptedGain matrixeq.Matrix `json:"adapted_gain"`
	Refused     []Refusal       `json:"refused"`
}

// A Refusal is a step that was not taken because it would have destabilised
// the task: f's plant, or g's where another step was to follow. The gain stays,
// and so the steps after it at the same rate are refused with it.
type Refusal struct {
	Step   int    `json:"step"` // from 1
	Radius Number `json:"radius"`
	Reason string `json:"reason"`
}

// AdaptBaselines are the mean costs after the same steps from other starts.
type AdaptBaselines struct {
	MeanOptimal    AdaptBaseline `json:"mean_optimal"`
	ArgminMeanCost AdaptBaseline `json:"argmin_mean_cost"`
}

// An AdaptBaseline is one other start.
type AdaptBaseline struct {
	Gain      *matrixeq.Matrix `json:"gain"`
	MeanCosts []Number         `json:"mean_costs"`
	Refused   int              `json:"refused"` // steps, over all tasks
	Reason    string           `json:"reason,omitempty"`
}

// Adapt takes steps inner steps from a gain on every task of the family. Rates
// are the family's: of several the k-th for step k, and the last beyond them;
// auto is decided at the family's start. A step that would destabilise its task is
// refused, and recorded.
func (p *Problem) Adapt(ctx context.Context, gain matrixeq.Matrix, steps int) (*Adaptation, error) {
	if err := p.checkGain(gain); err != nil {
		return nil, err
	}
	rates, from, err := p.ratesFor(ctx, gain.Data)
	if err != nil {
		return nil, err
	}
	rate := func(k int) float64 { return rates[min(k, len(rates)-1)] }
	out := &Adaptation{Family: p.Family.Name, Gain: gain, Steps: steps, RateFrom: from, Rates: []Number{}}
	for k := range steps {
		out.Rates = append(out.Rates, Number(rate(k)))
	}
	if out.Tasks, err = p.adaptFrom(ctx, gain.Data, steps, rate); err != nil {
		return nil, err
	}
	out.MeanCosts = meanCosts(out.Tasks, steps)
	out.LowerBound = Number(objective.Sum(len(p.Tasks), func(i int) float64 { return p.Tasks[i].Weight * lowerBound(p.Tasks[i].Outer) }))

	baseline := func(w []float64, reason string) (AdaptBaseline, error) {
		g := p.gain(w)
		tasks, err := p.adaptFrom(ctx, w, steps, rate)
		if err != nil {
			return AdaptBaseline{}, err
		}
		b := AdaptBaseline{Gain: &g, MeanCosts: meanCosts(tasks, steps), Reason: reason}
		for _, t := range tasks {
			b.Refused += len(t.Refused)
		}
		return b, nil
	}
	w, err := p.MeanOptimal()
	if err != nil {
		out.Baselines.MeanOptimal = AdaptBaseline{MeanCosts: []Number{}, Reason: err.Error()}
	} else if out.Baselines.MeanOptimal, err = baseline(w, ""); err != nil {
		return nil, err
	}
	w, _, err = p.argminMeanCost(ctx, gain.Data)
	if errors.Is(err, ErrNoStart) {
		out.Baselines.ArgminMeanCost = AdaptBaseline{MeanCosts: []Number{}, Reason: err.Error()}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Baselines.ArgminMeanCost, err = baseline(w, "")
	return out, err
}

// adaptFrom adapts every task from w.
func (p *Problem) adaptFrom(ctx context.Context, w []float64, steps int, rate func(k int) float64) ([]AdaptedTask, error) {
	n, dim := len(p.Tasks), p.Dim()
	out := make([]AdaptedTask, n)
	now := make([]visit, n)
	at := p.apart(w, false)
	err := everyTask(n, func(i int) error {
		t := &p.Tasks[i]
		out[i] = AdaptedTask{Name: t.Name, Weight: Number(t.Weight), OptimalCost: minimum(t.Outer), Refused: []Refusal{}}
		v := visit{x: w, cost: infinite, gap: infinite}
		if err := at.err(i); err == nil {
			v.cost, v.gap = Number(at.values[i]), Number(at.gaps[i])
		} else if !isDomain(err) {
			return err
		}
		var err error
		v.radius, err = radius(t.Outer, w)
		now[i] = v
		out[i].record(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	stuck := make([]*Refusal, n) // at now.x, with the rate of step stuck.Step
	for k := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		last := k == steps-1
		tried := p.stepper(now, rate(k))
		err := everyTask(n, func(i int) error {
			refusal := stuck[i]
			if refusal == nil || last || rate(refusal.Step-1) != rate(k) {
				next, refused, err := tried(i, last)
				if err != nil {
					return err
				}
				if refusal = refused; refusal == nil {
					now[i] = next
				}
			}
			if stuck[i] = refusal; refusal != nil {
				again := *refusal
				again.Step = k + 1
				stuck[i] = &again
				out[i].Refused = append(out[i].Refused, again)
			}
			out[i].record(now[i])
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].AdaptedGain = p.gain(now[i].x[:dim])
	}
	return out, nil
}

// A visit is a task at one gain, as it counts.
type visit struct {
	x                 []float64
	cost, gap, radius Number
}

func (a *AdaptedTask) record(v visit) {
	a.Costs, a.Gaps, a.Radii = append(a.Costs, v.cost), append(a.Gaps, v.gap), append(a.Radii, v.radius)
}

// stepper takes one inner step of every task from where it is, and returns what
// says where task i comes to, or why the step is refused: it does not exist
// there, or it lands where f is infinite, or where g is and another step is to
// follow.
func (p *Problem) stepper(now []visit, rate float64) func(i int, last bool) (visit, *Refusal, error) {
	land := func(i int) (visit, error) { // by the task itself
		step, err := p.rule(i, rate).At(now[i].x)
		if err != nil {
			return visit{}, err
		}
		f := p.Tasks[i].Outer
		at, err := f.At(step.To())
		if err != nil {
			return visit{}, err
		}
		return visit{x: step.To(), cost: Number(at.Value()), gap: Number(gap(f, at))}, nil
	}
	if f := p.fleetOf([]float64{rate}, fleet.Options{}); f != nil {
		dim := p.Dim()
		gains := make([]float64, 0, len(now)*dim)
		for _, v := range now {
			gains = append(gains, v.x...)
		}
		t := f.Each(gains, fleet.Want{Gains: true})
		land = func(i int) (visit, error) {
			if t.Errs != nil && t.Errs[i] != nil {
				return visit{}, alone(t.Errs[i])
			}
			return visit{x: t.Gains[i*dim : (i+1)*dim], cost: Number(t.Values[i]), gap: Number(t.Gaps[i])}, nil
		}
	}
	return func(i int, last bool) (visit, *Refusal, error) {
		t := &p.Tasks[i]
		v, err := land(i)
		if err == nil && !last && t.Inner != t.Outer {
			_, err = t.Inner.At(v.x)
		}
		if err == nil {
			v.radius, err = radius(t.Outer, v.x)
			return v, nil, err
		}
		if !isDomain(err) {
			return v, nil, err
		}
		r := &Refusal{Radius: infinite, Reason: err.Error()}
		var u *lqr.UnstableError
		if errors.As(err, &u) {
			r.Radius = Number(u.Radius)
		}
		return v, r, nil
	}
}

func meanCosts(tasks []AdaptedTask, steps int) []Number {
	out := make([]Number, steps+1)
	for k := range out {
		out[k] = Number(objective.Sum(len(tasks), func(i int) float64 { return float64(tasks[i].Weight * tasks[i].Costs[k]) }))
	}
	return out
}
