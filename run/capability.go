package run

import (
	"math"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/risk"
)

// What is known of a task's f or g besides its values depends on what it is.
// Here is where that is asked; nothing else in the package asks for a kind.

// plant is an LQR task on an infinite horizon, whose domain is the set of its
// stabilising gains; nil for any other objective.
func plant(o objective.Objective) *lqr.Task {
	t, _ := bare(o).(*lqr.Task)
	return t
}

// minimum is the least value of an objective, NaN where that is not known.
func minimum(o objective.Objective) Number {
	if minimizer(o) == nil {
		return Number(math.NaN())
	}
	return Number(lowerBound(o))
}

// minimizer is where an objective is least, nil where that is not known.
func minimizer(o objective.Objective) []float64 {
	switch o := bare(o).(type) {
	case scaled:
		return minimizer(o.Objective)
	case objective.Minimized:
		return o.Minimizer()
	}
	return nil
}

// lowerBound is a bound of an objective from below, −∞ where none is known.
func lowerBound(o objective.Objective) float64 {
	if b, ok := o.(objective.Bounded); ok {
		return b.LowerBound()
	}
	return math.Inf(-1)
}

// gap is the distance of p, a point of o, from the lower bound of o, without
// subtracting where the point knows it.
func gap(o objective.Objective, p objective.Point) float64 {
	if g, ok := p.(objective.Gapped); ok {
		return g.Gap()
	}
	return p.Value() - lowerBound(o)
}

// radius is the spectral radius of the closed loop that a gain makes, NaN where
// there is none.
func radius(o objective.Objective, x []float64) (Number, error) {
	t := plant(o)
	if t == nil {
		return Number(math.NaN()), nil
	}
	ρ, err := t.Radius(x)
	return Number(ρ), err
}

// epsilon is the ε for which an objective is ε-global, and why; why is empty
// where none is known.
func epsilon(o objective.Objective) (ε float64, why string) {
	o = bare(o)
	c := 1.0
	if s, ok := o.(scaled); ok {
		o, c = s.Objective, s.factor
	}
	ε, ok := risk.Epsilon(o)
	switch _, declared := o.(risk.Declared); {
	case !ok:
		return 0, ""
	case declared:
		return c * ε, "declared"
	}
	return c * ε, "convex"
}

// same reports whether two objectives are known to be one function.
func same(a, b objective.Objective) bool {
	if x, y := plant(a), plant(b); x != nil && y != nil {
		return x.Same(y)
	}
	return a == b
}

// scaled is an objective multiplied by a positive factor.
type scaled struct {
	objective.Objective
	factor float64
}

func (o scaled) LowerBound() float64 { return o.factor * lowerBound(o.Objective) }

func (o scaled) At(x []float64) (objective.Point, error) {
	p, err := o.Objective.At(x)
	if err != nil {
		return nil, err
	}
	s := &scaledPoint{p, o}
	if p3, ok := p.(objective.Point3); ok {
		return &scaledPoint3{s, p3}, nil
	}
	return s, nil
}

type scaledPoint struct {
	at objective.Point
	of scaled
}

func (p *scaledPoint) Value() float64 { return p.of.factor * p.at.Value() }
func (p *scaledPoint) Gap() float64   { return p.of.factor * gap(p.of.Objective, p.at) }

func (p *scaledPoint) Grad(dst []float64) {
	p.at.Grad(dst)
	p.scale(dst)
}

func (p *scaledPoint) HessVec(dst, v []float64) {
	p.at.HessVec(dst, v)
	p.scale(dst)
}

func (p *scaledPoint) scale(dst []float64) {
	for i := range dst {
		dst[i] *= p.of.factor
	}
}

type scaledPoint3 struct {
	*scaledPoint
	third objective.Point3
}

func (p *scaledPoint3) Third(dst, y, z []float64) {
	p.third.Third(dst, y, z)
	p.scale(dst)
}

// tallied is an objective whose evaluations are counted.
type tallied struct {
	objective.Bounded
	of objective.Objective
}

// bare is what a tallied objective counts, and any other itself.
func bare(o objective.Objective) objective.Objective {
	if t, ok := o.(tallied); ok {
		return t.of
	}
	return o
}

// work counts what a problem's tasks have been asked: linear matrix equations
// where they are made of those, else evaluations and products with second and
// third derivatives.
type work struct {
	of    []*lqr.Task
	tally *maml.Tally
}

// The units of work.
const (
	matrixEquations = "linear matrix equations"
	evaluations     = "evaluations and products"
)

// counting is the problem with its work counted.
func (p *Problem) counting() (*Problem, *work) {
	w := &work{}
	seen := map[*lqr.Task]bool{}
	for _, t := range p.Tasks {
		for _, o := range []objective.Objective{t.Outer, t.Inner} {
			switch l := plant(o); {
			case l == nil:
				w.tally = &maml.Tally{}
			case !seen[l]:
				seen[l] = true
				w.of = append(w.of, l)
			}
		}
	}
	q := *p
	q.counted = true
	if w.tally == nil {
		return &q, w
	}
	q.Tasks = make([]Task, len(p.Tasks))
	of := map[objective.Objective]objective.Objective{}
	count := func(o objective.Objective) objective.Objective {
		if of[o] == nil {
			of[o] = tallied{w.tally.Of(o), o}
		}
		return of[o]
	}
	for i, t := range p.Tasks {
		q.Tasks[i] = Task{Name: t.Name, Weight: t.Weight, Outer: count(t.Outer), Inner: count(t.Inner), Unsolved: t.Unsolved}
	}
	return &q, w
}

// done is how much has been counted.
func (w *work) done() int64 {
	var n int64
	if w.tally != nil {
		c := w.tally.Counts()
		return int64(c.Evaluations) + int64(c.Products) + int64(c.Thirds)
	}
	for _, t := range w.of {
		n += t.Solves()
	}
	return n
}

// unit is what is counted.
func (w *work) unit() string {
	if w.tally != nil {
		return evaluations
	}
	return matrixEquations
}
