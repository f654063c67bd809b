package landscape

import (
	"cmp"
	"math"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// A planarKnown is a strict local minimiser that a search in floating point
// found: an estimate.
type planarKnown struct {
	gain  []float64
	k     [2]float64 // in the chart
	value float64
}

// known searches for minimisers, with the formulas of packages lqr and maml and
// none of the enclosures': what it finds says how large a level should be, and any
// proof that loses one of them is wrong.
//
// Newton's method, along −|∇²h|⁻¹∇h where ∇²h is not positive definite and cut
// back until h falls, from a grid of n × n points of the chart.
func (p *Planar) known(n int) []planarKnown {
	m, err := metaAtRates(p.family)
	if err != nil {
		return nil
	}
	var list []planarKnown
	starts := p.starts(n)
	for _, x := range starts {
		found, ok := planarNewton(m, x)
		if !ok {
			continue
		}
		found.k = p.chartAt(found.gain)
		if slices.ContainsFunc(list, func(y planarKnown) bool {
			return math.Hypot(y.k[0]-found.k[0], y.k[1]-found.k[1]) < 1e-6
		}) {
			continue
		}
		list = append(list, found)
	}
	slices.SortFunc(list, func(x, y planarKnown) int {
		return cmp.Or(cmp.Compare(x.k[0], y.k[0]), cmp.Compare(x.k[1], y.k[1]))
	})
	return list
}

// starts are where Newton's method begins: each task's optimum, and a grid.
func (p *Planar) starts(n int) [][]float64 {
	var list [][]float64
	for i := range p.family.Tasks {
		list = append(list, slices.Clone(p.family.Tasks[i].F.Optimum().Gain.Data))
	}
	inv := &p.tasks[p.center].g.chart.inv
	from := &p.tasks[p.center].g.chart.from
	for i := range n {
		for j := range n {
			k1, k2 := -1+(2*float64(i)+1)/float64(n), -1+(2*float64(j)+1)/float64(n)
			x, y := k1*(1+k2)-from[0].Mid(), k2-from[1].Mid()
			list = append(list, []float64{
				inv[0][0].Mid()*x + inv[0][1].Mid()*y,
				inv[1][0].Mid()*x + inv[1][1].Mid()*y,
			})
		}
	}
	return list
}

// chartAt is a gain in the chart.
func (p *Planar) chartAt(w []float64) [2]float64 {
	c := &p.tasks[p.center].g.chart
	τ := c.from[0].Mid() + c.l[0][0].Mid()*w[0] + c.l[0][1].Mid()*w[1]
	δ := c.from[1].Mid() + c.l[1][0].Mid()*w[0] + c.l[1][1].Mid()*w[1]
	return [2]float64{τ / (1 + δ), δ}
}

// metaAtRates is the meta-objective of [atRates] in floating point.
func metaAtRates(f *family.Family) (*maml.Meta, error) {
	members := make([]maml.Member, len(f.Tasks))
	for i, t := range f.Tasks {
		outer, inner := t.F, t.G
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := 1 / t.F.Optimum().Cost
			var err error
			if outer, err = lqr.New(t.F.Spec().ScaleCost(c)); err != nil {
				return nil, err
			}
			if inner, err = lqr.New(t.G.Spec().ScaleCost(c)); err != nil {
				return nil, err
			}
		}
		members[i] = maml.Member{Name: t.Name, Weight: t.Weight, Outer: outer}
		for _, η := range f.Meta.Inner.Rate.Steps {
			var rule objective.Rule
			switch f.Meta.Inner.Rule {
			case family.RuleNatural:
				rule = lqr.Natural{Task: inner, Rate: η}
			case family.RuleGaussNewton:
				rule = lqr.GaussNewton{Task: inner, Rate: η}
			default:
				rule = maml.Gradient{Objective: inner, Rate: η}
			}
			members[i].Inner = append(members[i].Inner, rule)
		}
	}
	m, err := maml.NewMeta(members)
	if err != nil {
		return nil, err
	}
	m.Workers = 1
	return m, nil
}

// planarNewton goes downhill from x to a strict local minimiser.
func planarNewton(m *maml.Meta, x []float64) (found planarKnown, ok bool) {
	at, err := m.Evaluate(x)
	if err != nil {
		return found, false
	}
	g, a, b := make([]float64, 2), make([]float64, 2), make([]float64, 2)
	for range 60 {
		at.Grad(g)
		at.HessVec(a, []float64{1, 0})
		at.HessVec(b, []float64{0, 1})
		low, high, axis := symmetricEigen(a[0], 0.5*(a[1]+b[0]), b[1])
		along := [2]float64{axis[0]*g[0] + axis[1]*g[1], -axis[1]*g[0] + axis[0]*g[1]}
		floor := 1e-8 * max(math.Abs(low), math.Abs(high))
		s, t := -along[0]/max(math.Abs(low), floor), -along[1]/max(math.Abs(high), floor)
		step := [2]float64{s*axis[0] - t*axis[1], s*axis[1] + t*axis[0]}
		length := math.Hypot(step[0], step[1])
		size := 1 + math.Hypot(x[0], x[1])
		if low > floor && length < 1e-11*size {
			return planarKnown{gain: x, value: at.Value()}, true
		}
		moved := false
		for scale := 1.0; scale > 1e-5; scale /= 2 {
			next := []float64{x[0] + scale*step[0], x[1] + scale*step[1]}
			to, err := m.Evaluate(next)
			if err == nil && (to.Value() < at.Value() || scale == 1 && low > floor && length < 1e-6*size) {
				x, at, moved = next, to, true
				break
			}
		}
		if !moved {
			return found, false
		}
	}
	return found, false
}

// symmetricEigen are the eigenvalues of [a b; b c], ascending, with the unit
// eigenvector of the lower.
func symmetricEigen(a, b, c float64) (low, high float64, axis [2]float64) {
	mean, half := 0.5*(a+c), math.Hypot(0.5*(a-c), b)
	low, high = mean-half, mean+half
	x, y := b, low-a
	if math.Abs(low-c) > math.Abs(low-a) {
		x, y = low-c, b
	}
	if n := math.Hypot(x, y); n > 0 {
		return low, high, [2]float64{x / n, y / n}
	}
	return low, high, [2]float64{1, 0}
}
