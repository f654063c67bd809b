package run

import (
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Problem is a family made ready: every task checked, and solved where its
// kind has a way to its minimum. It is immutable and safe for concurrent use.
type Problem struct {
	Family *family.Family
	Tasks  []Task

	rows, cols int  // of a gain
	counted    bool // what tasks solve is counted, so that each has to be asked by itself
	shared     *shared
	learned    []float64 // rates of all inner steps, one for each entry of the gain; nil where the steps have their own
}

// A Task is one member of a problem.
type Task struct {
	Name     string
	Weight   float64             // λᵢ, normalised
	Outer    objective.Objective // f, what counts
	Inner    objective.Objective // g, what an inner step sees; Outer itself where f = g
	Unsolved string              // why the minimum of f is not known; empty where it is
}

// NewProblem makes a family ready. With normalize: optimal-cost each task's
// cost, and that its inner step sees, are divided by the task's optimal cost: of
// an LQR task Q, R and N are. A cost that is not positive, or not known, is a
// [*NormalizeError].
func NewProblem(f *family.Family) (*Problem, error) {
	p := &Problem{Family: f, Tasks: make([]Task, len(f.Tasks)), shared: new(shared)}
	p.rows, p.cols = f.Shape()
	for i := range f.Tasks {
		t := &f.Tasks[i]
		outer, inner := t.Objectives()
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := float64(minimum(outer))
			if !(c > 0) {
				return nil, &NormalizeError{Task: t.Name, Cost: c}
			}
			both := inner == outer
			var err error
			if outer, err = scale(outer, 1/c); err != nil {
				return nil, err
			}
			if both {
				inner = outer
			} else if inner, err = scale(inner, 1/c); err != nil {
				return nil, err
			}
		}
		p.Tasks[i] = Task{Name: t.Name, Weight: t.Weight, Outer: outer, Inner: inner, Unsolved: t.Unsolved()}
	}
	p.normalizeWeights()
	return p, nil
}

// scale multiplies a cost by c > 0.
func scale(o objective.Objective, c float64) (objective.Objective, error) {
	switch t := o.(type) {
	case *lqr.Task:
		return lqr.New(t.Spec().ScaleCost(c))
	case *lqr.Horizon:
		return lqr.NewHorizon(t.Spec().ScaleCost(c))
	}
	return scaled{o, c}, nil
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
		if h, ok := bare(g).(*lqr.Horizon); ok {
			return lqr.HorizonNatural{Task: h, Rate: rate}
		}
		return lqr.Natural{Task: plant(g), Rate: rate}
	case p.Family.Meta.Inner.Rule == family.RuleGaussNewton:
		if h, ok := bare(g).(*lqr.Horizon); ok {
			return lqr.HorizonGaussNewton{Task: h, Rate: rate}
		}
		return lqr.GaussNewton{Task: plant(g), Rate: rate}
	}
	return maml.Gradient{Objective: g, Rate: rate}
}

// meta is [Problem.mixture] task by task, for what asks for members.
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
		if !same(t.Outer, p.Tasks[0].Outer) || !same(t.Inner, p.Tasks[0].Inner) {
			return false
		}
	}
	return true
}

// MeanOptimal is Σ λᵢ Wᵢ*, the weighted mean of the outer optima. The error is an
// [*UnknownOptimumError] where one of them is not known.
func (p *Problem) MeanOptimal() ([]float64, error) {
	optima := make([][]float64, len(p.Tasks))
	for i, t := range p.Tasks {
		if optima[i] = minimizer(t.Outer); optima[i] == nil {
			return nil, &UnknownOptimumError{Task: t.Name, Reason: t.Unsolved}
		}
	}
	w := make([]float64, p.Dim())
	for j := range w {
		w[j] = objective.Sum(len(p.Tasks), func(i int) float64 { return p.Tasks[i].Weight * optima[i][j] })
	}
	return w, nil
}

// center is where near says.
func (p *Problem) center() []float64 {
	w, _ := p.near()
	return w
}

// near is where to look for starts: the mean of the optima, or where those are
// not known what the family suggests, or zero.
func (p *Problem) near() (w []float64, kind string) {
	if w, err := p.MeanOptimal(); err == nil {
		return w, "mean-optimal"
	}
	if w, kind := p.Family.Guess(); w != nil {
		return w, kind
	}
	return make([]float64, p.Dim()), "zero"
}
