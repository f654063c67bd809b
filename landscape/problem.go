package landscape

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Problem is the meta-objective of a family with one scalar gain, its
// parameters enclosed. It is immutable and safe for concurrent use.
type Problem struct {
	family *family.Family // its inner rates are numbers
	tasks  []task
	oneMap bool // the family comes to one task: see onemap.go
	same   bool // and that task's inner steps see the cost that counts
}

// New encloses the meta-objective of a family at given inner rates, one for
// each step. Errors: [*KindError], [*DimensionError] for a gain that is not one
// number, [*AlgorithmError] for an algorithm with another objective, [*RateError],
// [*TaskError] for a task whose optimum intervals cannot show.
func New(f *family.Family, rates []float64) (*Problem, error) {
	if has := f.Beyond(); has != "" {
		return nil, &KindError{has}
	}
	if d, r := f.States(), f.Inputs(); d*r != 1 {
		return nil, &DimensionError{Inputs: r, States: d}
	}
	switch m := &f.Meta; {
	case m.Algorithm.Proximal():
		return nil, &AlgorithmError{Algorithm: m.Algorithm.String()}
	case m.Inner.Learn != family.LearnNone:
		return nil, &AlgorithmError{Algorithm: "a learned rate"}
	}
	if len(rates) == 0 {
		return nil, &RateError{Step: -1}
	}
	for k, η := range rates {
		if !(η >= 0) || math.IsInf(η, 1) {
			return nil, &RateError{Step: k, Rate: η}
		}
	}
	rates = slices.Clone(rates)
	copied := *f
	copied.Drawn = nil
	copied.Meta.Inner.Rate = family.Rate{Steps: rates}
	copied.Meta.Inner.Steps = len(rates)
	p := &Problem{family: &copied, tasks: make([]task, len(f.Tasks))}
	steps := make([]step, len(rates))
	for k, η := range rates {
		steps[k] = step{f.Meta.Inner.Rule, η}
	}
	for i, t := range f.Tasks {
		outer, err := enclose(t.Outer)
		if err != nil {
			return nil, &TaskError{Task: t.Name, Err: err}
		}
		inner := outer
		if t.G != t.F {
			if inner, err = enclose(*t.Inner); err != nil {
				return nil, &TaskError{Task: t.Name, Err: err}
			}
		}
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := outer.best
			if !c.Positive() {
				return nil, &TaskError{Task: t.Name, Err: fmt.Errorf("its optimal cost, in [%v, %v], is not shown to be positive, so that normalize: optimal-cost cannot divide by it", c.Lo(), c.Hi())}
			}
			seen, ok := inner.scaled(c, inner == outer)
			counts, okCounts := outer.scaled(c, true)
			if !ok || !okCounts {
				return nil, &TaskError{Task: t.Name, Err: fmt.Errorf("its optimum cannot be enclosed once the cost is divided by the optimal cost, in [%v, %v]: its numbers are too large or too small for intervals", c.Lo(), c.Hi())}
			}
			inner, outer = seen, counts
			if t.G == t.F {
				inner = outer
			}
		}
		p.tasks[i] = task{name: t.Name, f: outer, g: inner, steps: steps}
	}
	top := 0.0
	for _, t := range f.Tasks {
		top = max(top, t.Weight)
	}
	total := zero // relative to the greatest, so that it cannot overflow
	for _, t := range f.Tasks {
		total = total.Add(interval.Of(t.Weight).Div(interval.Of(top)))
	}
	for i, t := range f.Tasks {
		p.tasks[i].weight = interval.Of(t.Weight).Div(interval.Of(top)).Div(total)
		if !p.tasks[i].weight.Positive() {
			return nil, &TaskError{Task: t.Name, Err: fmt.Errorf("its weight %v drowns beside the others, and a proof needs positive weights", t.Weight)}
		}
	}
	p.oneMap, p.same = comesToOne(f)
	return p, nil
}

// enclose takes a task's parameters from its specification.
func enclose(s lqr.Spec) (*plant, error) {
	if det := determinant(s); det.Sign() < 0 {
		f, _ := det.Float64()
		return nil, fmt.Errorf("its cost's matrix [Q N; Nᵀ R] is not positive semidefinite: QR − N² = %.3g, exactly, and a proof needs that it is not below 0", f)
	}
	p := &plant{γ: one, s: one, n: zero, c: zero}
	entry := func(x []float64) interval.Interval { return interval.Of(x[0]) }
	p.a, p.b, p.q, p.r = entry(s.A.Data), entry(s.B.Data), entry(s.Q.Data), entry(s.R.Data)
	if !s.N.IsZero() {
		p.n = entry(s.N.Data)
	}
	if s.Discount != 0 {
		p.γ = interval.Of(s.Discount)
	}
	noise := zero
	if !s.Noise.IsZero() {
		noise = entry(s.Noise.Data)
	}
	between := zero
	if s.SampleTime != 0 {
		noise, between = p.sample(s.SampleTime, noise)
	}
	switch {
	case s.AverageCost:
		p.s = noise
	case !s.Sigma0.IsZero():
		p.s = entry(s.Sigma0.Data)
	case s.X0 != nil:
		p.s = entry(s.X0).Sqr()
	}
	p.c = between
	if !s.AverageCost && noise != zero {
		p.s = p.s.Add(p.γ.Div(one.Sub(p.γ)).Mul(noise))
		p.c = between.Div(one.Sub(p.γ))
	}
	if !p.s.Positive() {
		return nil, fmt.Errorf("its Σ₀, in [%v, %v], is not positive, and a proof about a landscape needs that", p.s.Lo(), p.s.Hi())
	}
	if !p.complete() {
		return nil, fmt.Errorf("its optimum cannot be enclosed: it is too near a task that has none, or its numbers are too large or too small for intervals")
	}
	return p, nil
}

// determinant is QR − N², exact.
func determinant(s lqr.Spec) *big.Rat {
	rat := func(m matrixeq.Matrix) *big.Rat {
		if m.IsZero() {
			return new(big.Rat)
		}
		return new(big.Rat).SetFloat64(m.Data[0])
	}
	q, r, n := rat(s.Q), rat(s.R), rat(s.N)
	return q.Sub(q.Mul(q, r), n.Mul(n, n))
}

// scaled is the plant with its cost divided by c. The constant part is divided
// only where the cost is that which counts. It reports false where the optimum
// cannot be enclosed then.
func (p *plant) scaled(c interval.Interval, counts bool) (scaled *plant, ok bool) {
	o := *p
	o.q, o.n, o.r = p.q.Div(c), p.n.Div(c), p.r.Div(c)
	if counts {
		o.c = p.c.Div(c)
	}
	if !o.complete() {
		return nil, false
	}
	// W* does not depend on the factor.
	o.opt = o.opt.Intersect(p.opt)
	return &o, true
}
