package run

import (
	"context"
	"fmt"

	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// An Evaluation is a family at one gain.
type Evaluation struct {
	Family    string           `json:"family"`
	Gain      matrixeq.Matrix  `json:"gain"`
	Rates     []Number         `json:"rates"`
	RateFrom  string           `json:"rate_from"` // "file"; with rate: auto "start", or "gain" where there is no start
	Tasks     []EvaluationTask `json:"tasks"`
	Meta      *EvaluationMeta  `json:"meta"`             // null where the meta-objective is infinite
	Reason    string           `json:"reason,omitempty"` // why it is
	GradCheck []GradCheck      `json:"gradcheck,omitempty"`
}

// An EvaluationTask is one task's own cost at the gain, before any inner step.
type EvaluationTask struct {
	Name        string           `json:"name"`
	Stable      bool             `json:"stable"`
	Cost        Number           `json:"cost"`     // null where not stable
	Gradient    *matrixeq.Matrix `json:"gradient"` // null where not stable
	Gap         Number           `json:"gap"`      // cost − optimal_cost, without subtracting
	OptimalCost Number           `json:"optimal_cost"`
	Radius      Number           `json:"spectral_radius"`
}

// EvaluationMeta is the meta-objective at the gain.
type EvaluationMeta struct {
	Value      Number          `json:"value"`
	Gradient   matrixeq.Matrix `json:"gradient"`
	LowerBound Number          `json:"lower_bound"`
	Gap        Number          `json:"gap"`
}

// A GradCheck is how far one stated derivative is from differences.
type GradCheck struct {
	Of         string `json:"of"` // a task's name, or "meta"
	Derivative string `json:"derivative"`
	Relative   Number `json:"relative"`
	Noise      Number `json:"noise"` // the differences' own error, as they estimate it
}

// Evaluate returns costs and gradients of every task, and the meta-objective,
// at a gain of r rows and d columns. A gain that does not stabilise is an
// answer, not an error. With rate: auto the rate is that of the family's start,
// so that a trained gain has the value it was trained to. With check, every
// derivative is compared with differences, where there is one.
func (p *Problem) Evaluate(ctx context.Context, gain matrixeq.Matrix, check bool) (*Evaluation, error) {
	if err := p.checkGain(gain); err != nil {
		return nil, err
	}
	x := gain.Data
	out := &Evaluation{Family: p.Family.Name, Gain: gain, Rates: []Number{}, Tasks: make([]EvaluationTask, len(p.Tasks))}
	at := p.apart(x, true)
	err := everyTask(len(p.Tasks), func(i int) error {
		t, e := &p.Tasks[i], &out.Tasks[i]
		*e = EvaluationTask{Name: t.Name, Cost: infinite, Gap: infinite, OptimalCost: minimum(t.Outer)}
		var err error
		if e.Radius, err = radius(t.Outer, x); err != nil {
			return err
		}
		if err := at.err(i); isDomain(err) {
			return nil
		} else if err != nil {
			return err
		}
		g := p.gain(at.gradients[i*p.Dim() : (i+1)*p.Dim()])
		e.Stable, e.Cost, e.Gap, e.Gradient = true, Number(at.values[i]), Number(at.gaps[i]), &g
		return nil
	})
	if err != nil {
		return nil, err
	}
	rates, from, err := p.ratesFor(ctx, x)
	if err == nil {
		out.Rates, out.RateFrom = numbers(rates), from
		err = p.evaluateMeta(out, x, rates)
	}
	if isDomain(err) {
		out.Reason, err = err.Error(), nil
	}
	if err == nil && check {
		err = p.gradCheck(out, x, rates)
	}
	return out, err
}

func (p *Problem) evaluateMeta(out *Evaluation, x, rates []float64) error {
	m, err := p.valued(rates)
	if err != nil {
		return err
	}
	at, err := m.evaluate(x)
	if err != nil {
		return err
	}
	g := matrixeq.New(p.rows, p.cols)
	at.Grad(g.Data)
	out.Meta = &EvaluationMeta{Value: Number(at.Value()), Gradient: g, LowerBound: Number(m.LowerBound()), Gap: Number(at.Gap())}
	return nil
}

// gradCheckDirections is how many random directions each derivative is tried in.
const gradCheckDirections = 4

func (p *Problem) gradCheck(out *Evaluation, x, rates []float64) error {
	record := func(of string, found []objective.Discrepancy, err error) error {
		for _, d := range found {
			out.GradCheck = append(out.GradCheck, GradCheck{Of: of, Derivative: d.Derivative, Relative: Number(d.Relative), Noise: Number(d.Noise)})
		}
		return err
	}
	for i, t := range p.Tasks {
		if !out.Tasks[i].Stable {
			continue
		}
		found, err := objective.CheckPoint(t.Outer, x, gradCheckDirections)
		if err := record(t.Name, found, err); err != nil {
			return err
		}
		if len(rates) == 0 {
			continue
		}
		found, err = objective.CheckRule(p.rule(i, rates[0]), x, gradCheckDirections)
		if isDomain(err) {
			continue // the inner task is not stabilised: there is no step to check
		}
		if err := record(t.Name+", inner step", found, err); err != nil {
			return err
		}
	}
	if out.Meta == nil {
		return nil
	}
	m, err := p.valued(rates)
	if err != nil {
		return err
	}
	found, err := objective.CheckPoint(m, x, gradCheckDirections)
	return record("meta", found, err)
}

// checkGain refuses a gain of the wrong shape or with entries that are no
// numbers.
func (p *Problem) checkGain(gain matrixeq.Matrix) error {
	err := matrixeq.CheckShape("gain", gain, p.rows, p.cols)
	if err == nil {
		err = matrixeq.CheckFinite("gain", gain)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	return nil
}
