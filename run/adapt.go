package run

import (
	"context"
	"errors"

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
	out := make([]AdaptedTask, len(p.Tasks))
	for i, t := range p.Tasks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a := &out[i]
		*a = AdaptedTask{Name: t.Name, Weight: Number(t.Weight), OptimalCost: minimum(t.Outer), Refused: []Refusal{}}
		x := w
		if err := a.visit(t.Outer, x); err != nil {
			return nil, err
		}
		var stuck *Refusal // at x, with the rate of step stuck.Step
		for k := range steps {
			refusal, last := stuck, k == steps-1
			if stuck == nil || last || rate(stuck.Step-1) != rate(k) {
				next, refused, err := p.tryStep(i, x, rate(k), last)
				if err != nil {
					return nil, err
				}
				if refusal = refused; refusal == nil {
					x = next
				}
			}
			if stuck = refusal; stuck != nil {
				again := *stuck
				again.Step = k + 1
				stuck = &again
				a.Refused = append(a.Refused, again)
			}
			if err := a.visit(t.Outer, x); err != nil {
				return nil, err
			}
		}
		a.AdaptedGain = p.gain(x)
	}
	return out, nil
}

// tryStep takes one inner step of task i, or says why it is refused: the step
// does not exist at x, or it lands where f is infinite, or where g is and
// another step is to follow.
func (p *Problem) tryStep(i int, x []float64, rate float64, last bool) ([]float64, *Refusal, error) {
	step, err := p.rule(i, rate).At(x)
	if err == nil {
		to := step.To()
		if _, err = p.Tasks[i].Outer.At(to); err == nil && !last {
			_, err = p.Tasks[i].Inner.At(to)
		}
		if err == nil {
			return to, nil, nil
		}
	}
	if !isDomain(err) {
		return nil, nil, err
	}
	r := &Refusal{Radius: infinite, Reason: err.Error()}
	var u *lqr.UnstableError
	if errors.As(err, &u) {
		r.Radius = Number(u.Radius)
	}
	return nil, r, nil
}

// visit records cost, gap and radius at x.
func (a *AdaptedTask) visit(f objective.Objective, x []float64) error {
	cost, above := infinite, infinite
	at, err := f.At(x)
	if err == nil {
		cost, above = Number(at.Value()), Number(gap(f, at))
	} else if !isDomain(err) {
		return err
	}
	ρ, err := radius(f, x)
	a.Costs, a.Gaps, a.Radii = append(a.Costs, cost), append(a.Gaps, above), append(a.Radii, ρ)
	return err
}

func meanCosts(tasks []AdaptedTask, steps int) []Number {
	out := make([]Number, steps+1)
	for k := range out {
		out[k] = Number(objective.Sum(len(tasks), func(i int) float64 { return float64(tasks[i].Weight * tasks[i].Costs[k]) }))
	}
	return out
}
