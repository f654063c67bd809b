package run

import (
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Problem is a family made ready: every task checked, reduced to standard
// form and solved. It is immutable and safe for concurrent use.
type Problem struct {
	Family *family.Family
	Tasks  []Task

	rows, cols int       // of a gain
	learned    []float64 // rates of all inner steps, one for each entry of the gain; nil where the steps have their own
}

// A Task is one member of a problem.
type Task struct {
	Name   string
	Weight float64   // λᵢ, normalised
	Outer  *lqr.Task // f, what counts
	Inner  *lqr.Task // g, what an inner step sees; Outer itself where f = g
}

// NewProblem makes a family ready. With normalize: optimal-cost each task's Q,
// R and N, those its inner step sees included, are divided by the task's
// optimal cost; a cost that is not positive is a [*NormalizeError].
func NewProblem(f *family.Family) (*Problem, error) {
	p := &Problem{Family: f, Tasks: make([]Task, len(f.Tasks)), rows: f.Inputs(), cols: f.States()}
	for i, t := range f.Tasks {
		outer, inner := t.F, t.G
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := t.F.Optimum().Cost
			if !(c > 0) {
				return nil, &NormalizeError{Task: t.Name, Cost: c}
			}
			var err error
			if outer, err = lqr.New(t.F.Spec().ScaleCost(1 / c)); err != nil {
				return nil, err
			}
			inner = outer
			if t.G != t.F {
				if inner, err = lqr.New(t.G.Spec().ScaleCost(1 / c)); err != nil {
					return nil, err
				}
			}
		}
		p.Tasks[i] = Task{Name: t.Name, Weight: t.Weight, Outer: outer, Inner: inner}
	}
	p.normalizeWeights()
	return p, nil
}

// normalizeWeights divides by the largest first, so that the sum cannot
// overflow.
func (p *Problem) normalizeWeights() {
	top := 0.0
	for _, t := range p.Tasks {
		top = max(top, t.Weight)
	}
	total := objective.Sum(len(p.Tasks), func(i int) float64 { return p.Tasks[i].Weight / top })
	for i := range p.Tasks {
		p.Tasks[i].Weight = p.Tasks[i].Weight / top / total
	}
}

// Dim is the number of entries of a gain.
func (p *Problem) Dim() int { return p.rows * p.cols }

// gain is x as an r×d matrix.
func (p *Problem) gain(x []float64) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: p.rows, Cols: p.cols, Data: slices.Clone(x)}
}

// rule is task i's inner step at a rate: with iMAML and the Moreau envelope the
// solution of its proximal problem.
func (p *Problem) rule(i int, rate float64) objective.Rule {
	g := p.Tasks[i].Inner
	switch {
	case p.Family.Meta.Algorithm.Proximal():
		return p.proximal(i, rate)
	case p.learned != nil:
		return maml.Rates{Objective: g, Rates: p.learned}
	case p.Family.Meta.Inner.Rule == family.RuleNatural:
		return lqr.Natural{Task: g, Rate: rate}
	case p.Family.Meta.Inner.Rule == family.RuleGaussNewton:
		return lqr.GaussNewton{Task: g, Rate: rate}
	}
	return maml.Gradient{Objective: g, Rate: rate}
}

// meta is the meta-objective with one inner step for each rate; with none it
// is the mean cost.
func (p *Problem) meta(rates []float64) (*maml.Meta, error) {
	members := make([]maml.Member, len(p.Tasks))
	for i, t := range p.Tasks {
		inner := make([]objective.Rule, len(rates))
		for k, η := range rates {
			inner[k] = p.rule(i, η)
		}
		members[i] = maml.Member{Name: t.Name, Weight: t.Weight, Outer: t.Outer, Inner: inner}
	}
	return maml.NewMeta(members)
}

// single reports whether all tasks are one and the same, so that theorems
// about one task speak of this problem.
func (p *Problem) single() bool {
	for _, t := range p.Tasks[1:] {
		if !t.Outer.Same(p.Tasks[0].Outer) || !t.Inner.Same(p.Tasks[0].Inner) {
			return false
		}
	}
	return true
}

// meanOptimal is Σ λᵢ Wᵢ*, the weighted mean of the outer optima.
func (p *Problem) meanOptimal() []float64 {
	w := make([]float64, p.Dim())
	for j := range w {
		w[j] = objective.Sum(len(p.Tasks), func(i int) float64 {
			return p.Tasks[i].Weight * p.Tasks[i].Outer.Optimum().Gain.Data[j]
		})
	}
	return w
}
