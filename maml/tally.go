package maml

import (
	"sync/atomic"

	"github.com/metalqr/metalqr/objective"
)

// A Tally counts what objectives are asked: the cost of a method in units that
// do not depend on the machine. The zero value is ready for use, by any number
// of objectives and goroutines.
//
// Rules that ask a task for more than an objective offers, as lqr.Natural, are
// not seen. Where a member fails, how many of the others were evaluated besides
// depends on the number of workers.
type Tally struct {
	evaluations, products, thirds atomic.Int64
}

// Counts are what a Tally has seen.
type Counts struct {
	Evaluations int `json:"evaluations"` // of an objective, those outside its domain included
	Products    int `json:"products"`    // with a Hessian
	Thirds      int `json:"thirds"`      // contractions of a third derivative
}

// Counts returns what was counted so far.
func (t *Tally) Counts() Counts {
	return Counts{int(t.evaluations.Load()), int(t.products.Load()), int(t.thirds.Load())}
}

// Minus is what was counted since before.
func (c Counts) Minus(before Counts) Counts {
	return Counts{c.Evaluations - before.Evaluations, c.Products - before.Products, c.Thirds - before.Thirds}
}

// Solves is the same in linear solves: for an LQR task, 2, 2 and 6 matrix
// equations for each.
func (c Counts) Solves(evaluation, product, third int) int {
	return evaluation*c.Evaluations + product*c.Products + third*c.Thirds
}

// Of is an objective that answers as o does and is counted. Its points are
// objective.Point3 where those of o are.
func (t *Tally) Of(o objective.Objective) objective.Bounded { return counted{o, t} }

type counted struct {
	objective.Objective
	tally *Tally
}

func (o counted) LowerBound() float64   { return lowerBound(o.Objective) }
func (o counted) Approximate() []string { return objective.Approximations(o.Objective) }

func (o counted) At(x []float64) (objective.Point, error) {
	o.tally.evaluations.Add(1)
	p, err := o.Objective.At(x)
	if err != nil {
		return nil, err
	}
	c := &countedPoint{p, o}
	if p3, ok := p.(objective.Point3); ok {
		return &countedPoint3{c, p3}, nil
	}
	return c, nil
}

type countedPoint struct {
	objective.Point
	of counted
}

func (p *countedPoint) HessVec(dst, v []float64) {
	p.of.tally.products.Add(1)
	p.Point.HessVec(dst, v)
}

func (p *countedPoint) Gap() float64 {
	if g, ok := p.Point.(objective.Gapped); ok {
		return g.Gap()
	}
	return p.Value() - p.of.LowerBound()
}

func (p *countedPoint) Direction() string     { return direction(p.Point) }
func (p *countedPoint) Approximate() []string { return objective.Approximations(p.Point) }

type countedPoint3 struct {
	*countedPoint
	point3 objective.Point3
}

func (p *countedPoint3) Third(dst, y, z []float64) {
	p.of.tally.thirds.Add(1)
	p.point3.Third(dst, y, z)
}
