package landscape

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// Gains is the meta-objective of a family with gains of any shape, its
// parameters enclosed,
//
//	h(W) = Σ λᵢ Cᵢ(x_K),   x₀ = W,   x_k = F_k(x_{k−1}),
//
// where F is the gradient, the natural or the Gauss–Newton rule, and K any
// number of steps. [Gains.Over] encloses h and its derivatives over a box of gains.
// It is immutable and safe for concurrent use.
type Gains struct {
	family     *family.Family // its inner rates are numbers
	tasks      []gainTask
	rows, cols int // of a gain
}

// A gainTask is one member of h.
type gainTask struct {
	name  string
	λ     interval.Interval // divided by what its cost is divided by
	f, g  *gainPlant
	rule  family.Rule
	rates []interval.Interval // 2η, divided alike but for Gauss–Newton
}

// NewGains encloses the meta-objective of a family at inner rates, one for each
// step; none is the mean cost. Errors: [*KindError], [*AlgorithmError],
// [*RateError], and [*TaskError] for a task whose optimum intervals cannot show,
// whose Σ₀ is not positive definite, or that is sampled.
func NewGains(f *family.Family, rates []float64) (*Gains, error) {
	if has := f.Beyond(); has != "" {
		return nil, &KindError{has}
	}
	switch m := &f.Meta; {
	case m.Algorithm.Proximal():
		return nil, &AlgorithmError{Algorithm: m.Algorithm.String()}
	case m.Inner.Learn != family.LearnNone:
		return nil, &AlgorithmError{Algorithm: "a learned rate"}
	}
	for k, η := range rates {
		if !(η >= 0) || math.IsInf(η, 1) {
			return nil, &RateError{Step: k, Rate: η}
		}
	}
	p := &Gains{family: atRates(f, rates), tasks: make([]gainTask, len(f.Tasks)), rows: f.Inputs(), cols: f.States()}
	total := zero
	for _, t := range f.Tasks {
		total = total.Add(interval.Of(t.Weight))
	}
	for i, t := range f.Tasks {
		fail := func(err error) error { return &TaskError{Task: t.Name, Err: err} }
		k := &p.tasks[i]
		*k = gainTask{name: t.Name, λ: interval.Of(t.Weight).Div(total), rule: f.Meta.Inner.Rule}
		var err error
		if k.f, err = newGainPlant(t.Outer, t.F.Minimizer()); err != nil {
			return nil, fail(err)
		}
		k.g = k.f
		if t.G != t.F {
			if k.g, err = newGainPlant(*t.Inner, t.G.Minimizer()); err != nil {
				return nil, fail(err)
			}
		}
		divisor := one
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			if divisor = k.f.best; !divisor.Positive() {
				return nil, fail(fmt.Errorf("its optimal cost, in [%v, %v], is not shown to be positive, so that normalize: optimal-cost cannot divide by it", divisor.Lo(), divisor.Hi()))
			}
		}
		if k.λ = k.λ.Div(divisor); !k.λ.Positive() {
			return nil, fail(fmt.Errorf("its weight %v drowns beside the others, and a proof needs positive weights", t.Weight))
		}
		for _, η := range rates {
			r := two.Mul(interval.Of(η))
			if k.rule != family.RuleGaussNewton {
				r = r.Div(divisor)
			}
			k.rates = append(k.rates, r)
		}
	}
	return p, nil
}

// Dim is the number of entries of a gain.
func (p *Gains) Dim() int { return p.rows * p.cols }

// ErrGains is matched by every error about a box of gains of which nothing could be
// enclosed.
var ErrGains = errors.New("the box is not enclosed")

// A GainsError says where the enclosures over a box stop: the box reaches out of
// the domain, or is too wide to show that it does not.
type GainsError struct {
	Task string
	Step int // inner steps made before; the number of steps for the adapted gain
}

func (e *GainsError) Error() string {
	return fmt.Sprintf("landscape: task %q: %v: after inner step %d not every gain is shown to stabilise it", e.Task, ErrGains, e.Step)
}

func (e *GainsError) Unwrap() error { return ErrGains }

// An Over is h with its derivatives at every gain of a box.
type Over struct {
	center *Over // at the middle of the box; nil for a point
	space  *gainSpace
	h      gainJet
	tasks  []gainTrace
}

// A gainTrace is what one task's part of h is made of.
type gainTrace struct {
	steps []*gainAt
	to    []gainJet // x₁ … x_K
	end   *gainAt
	h     gainJet
}

// Over encloses h over a box of gains, row by row, with its derivatives up to an
// order: 0 is the value, 1 the gradient, 2 the Hessian. It proves that the box is
// in the domain; otherwise the error is a [*GainsError].
//
// # Use
//
//	over, err := p.Over(box, 2)
//	over.Value(), over.Gradient(), over.Hessian()
//
// Over(box, 3) is narrower where the box is wide: all but the highest order is
// what the mean value theorem leaves of it, from the middle of the box, stage by
// stage. To exclude a box, order 1 tells whether an entry of the gradient has a
// sign; order 2 gives the gradient with an error of the second order in the width.
//
// # Method
//
// P, Σ, E, S, the inner steps and h are jets in the gain's entries, enclosed over
// the box: their coefficients solve Lyapunov equations with one operator, of which
// [contraction] bounds the solution for all loops of the box at once. With d
// states, p = rd and m = binom(p + order, order), each step solves m such
// equations, or 2m with the gradient rule.
func (p *Gains) Over(box interval.Box, order int) (*Over, error) {
	if len(box) != p.Dim() {
		panic(fmt.Sprintf("landscape: a box of %d entries for gains of %d", len(box), p.Dim()))
	}
	middle := box.Mid()
	off := make([]interval.Interval, len(box))
	wide := false
	for v, x := range box {
		off[v] = x.AddFloat(-middle[v])
		wide = wide || off[v] != zero
	}
	var center *Over
	if wide {
		point := make(interval.Box, len(box))
		for v, x := range middle {
			point[v] = interval.Of(x)
		}
		var err error
		if center, err = p.over(gainSpaceOf(len(box), max(order-1, 0)), point, nil, nil); err != nil {
			return nil, err
		}
	}
	return p.over(gainSpaceOf(len(box), order), box, center, off)
}

func (p *Gains) over(s *gainSpace, box interval.Box, center *Over, off []interval.Interval) (*Over, error) {
	o := &Over{center: center, space: s, tasks: make([]gainTrace, len(p.tasks))}
	sum := make(gainJet, len(s.alpha))
	for i := range p.tasks {
		t := &p.tasks[i]
		var c *gainTrace
		if center != nil {
			c = &center.tasks[i]
		}
		w := interval.Matrix{Rows: p.rows, Cols: p.cols, Data: slices.Clone(box)}
		x, step, ok := t.over(s, w, c, off)
		if !ok {
			return nil, &GainsError{Task: t.name, Step: step}
		}
		o.tasks[i] = *x
		sum = sum.plus(x.h)
	}
	o.h = sum
	if center != nil && !s.narrow(o.h, center.h, off, s.order) {
		return nil, errContradiction
	}
	return o, nil
}

// errContradiction is a bug: two enclosures of one number have no number in common.
var errContradiction = errors.New("landscape: two enclosures of the same number are apart")

// path makes the inner steps of one task; steps is how many it could make.
func (t *gainTask) path(s *gainSpace, box interval.Matrix, center *gainTrace, off []interval.Interval) (x *gainTrace, steps int, ok bool) {
	x = &gainTrace{}
	w := s.identity(box)
	gradient := t.rule == family.RuleGradient
	for k, r := range t.rates {
		var c *gainAt
		if center != nil {
			c = center.steps[k]
		}
		at, ok := t.g.at(s, w, corners(s, w, c, off), c, gradient, s.order)
		if !ok || c != nil && !at.narrow(s, c, off, gradient, s.order) {
			return nil, k, false
		}
		to, ok := t.move(s, at, r)
		if !ok || c != nil && !s.narrow(to, center.to[k], off, s.order) {
			return nil, k, false
		}
		x.steps, x.to = append(x.steps, at), append(x.to, to)
		w = to
	}
	return x, len(t.rates), true
}

// over evaluates one task; steps is how many inner steps it could make.
func (t *gainTask) over(s *gainSpace, box interval.Matrix, center *gainTrace, off []interval.Interval) (x *gainTrace, steps int, ok bool) {
	if x, steps, ok = t.path(s, box, center, off); !ok {
		return nil, steps, false
	}
	w := s.identity(box)
	if steps > 0 {
		w = x.to[steps-1]
	}
	var c *gainAt
	if center != nil {
		c = center.end
	}
	if x.end, ok = t.f.at(s, w, corners(s, w, c, off), c, false, s.order-1); !ok {
		return nil, steps, false
	}
	if c != nil && !x.end.narrow(s, c, off, false, s.order-1) {
		return nil, steps, false
	}
	x.h = t.value(s, x.end)
	return x, steps, boundedMatrix(x.h[0])
}

// move is the inner step F = W − r E Σ, W − r E or W − r S⁻¹E.
func (t *gainTask) move(s *gainSpace, x *gainAt, r interval.Interval) (gainJet, bool) {
	var d gainJet
	switch t.rule {
	case family.RuleGradient:
		d = s.product(x.e, x.sigma, jetMul)
	case family.RuleNatural:
		d = x.e
	case family.RuleGaussNewton:
		inverse, ok := newLinearSystem(x.s[0])
		if !ok {
			return nil, false
		}
		d = make(gainJet, len(s.alpha))
		for k := range d {
			y := accumulate(x.e[k], s.coefficient(k, x.s, d, func(x, y interval.Matrix) interval.Matrix {
				return x.Mul(y).Scale(interval.Of(-1))
			}, func(i, j int) bool { return i == 0 || j == k }))
			if y.Rows > 0 {
				d[k] = inverse.solve(y)
			}
		}
	default:
		return nil, false
	}
	to := x.w.plus(d.each(func(m interval.Matrix) interval.Matrix { return m.Scale(r.Neg()) }))
	return to, boundedMatrix(to[0])
}

// value is the task's part of h. By the adjoint equation tr(P_α Σ₀) = tr(V_α Σ),
// and by the gap's identity C = C* + tr(Σ (W − W*)ᵀS*(W − W*)).
func (t *gainTask) value(s *gainSpace, x *gainAt) gainJet {
	h := make(gainJet, len(s.alpha))
	for k := range h {
		var y interval.Interval
		if k == 0 {
			y = interval.Dot(x.p[0].Data, t.f.s0.Data).Add(t.f.constant)
			off := x.w[0].Sub(t.f.opt)
			gap := interval.Dot(t.f.sOpt.Mul(off).Data, off.Mul(x.sigma[0]).Data).Intersect(interval.New(0, infinity))
			y = y.Intersect(t.f.best.Add(gap))
		} else {
			if x.v[k].Rows == 0 {
				continue
			}
			y = interval.Dot(x.v[k].Data, x.sigma[0].Data)
			if x.p[k].Rows > 0 {
				y = y.Intersect(interval.Dot(x.p[k].Data, t.f.s0.Data))
			}
		}
		h[k] = interval.Matrix{Rows: 1, Cols: 1, Data: []interval.Interval{t.λ.Mul(y)}}
	}
	return h
}

// maxCorners is the number of variables up to which all corners of a box are
// looked at: 2⁶ of them.
const maxCorners = 6

// corners are gains as [contract] wants them of the gains of a jet: by the mean
// value theorem a gain of the box is W_c + J(w − c) with some J of the box, affine
// in w for each, so that the corners of the box count.
func corners(s *gainSpace, w gainJet, center *gainAt, off []interval.Interval) []interval.Matrix {
	var moving []int
	for v, by := range off {
		if by != zero {
			moving = append(moving, v)
		}
	}
	if center == nil || s.order == 0 || len(moving) == 0 || len(moving) > maxCorners {
		return w[:1]
	}
	all := make([]interval.Matrix, 1<<len(moving))
	for i := range all {
		m := interval.NewMatrix(w[0].Rows, w[0].Cols)
		copy(m.Data, center.w[0].Data)
		for b, v := range moving {
			if w[1+v].Rows == 0 {
				continue
			}
			end := off[v].Lo()
			if i>>b&1 == 1 {
				end = off[v].Hi()
			}
			for e, y := range w[1+v].Data {
				m.Data[e] = m.Data[e].Add(y.Scale(end))
			}
		}
		all[i] = m
	}
	return all
}

// Value encloses h.
func (o *Over) Value() interval.Interval { return o.h.entry(0) }

// Gradient encloses the entries of ∇h.
func (o *Over) Gradient() []interval.Interval {
	g := make([]interval.Interval, o.space.vars)
	for v := range g {
		g[v] = o.h.entry(1 + v)
	}
	return g
}

// Hessian encloses the entries of ∇²h. A symmetric matrix of it is Hessian at some
// gain of the box.
func (o *Over) Hessian() interval.Matrix {
	n := o.space.vars
	m := interval.NewMatrix(n, n)
	for u := range n {
		for v := range n {
			x := o.h.entry(o.space.up[1+u][v])
			if u == v {
				x = two.Mul(x)
			}
			m.Set(u, v, x)
		}
	}
	return m
}

// entry is the k-th coefficient of a number.
func (x gainJet) entry(k int) interval.Interval {
	if x[k].Rows == 0 {
		return zero
	}
	return x[k].Data[0]
}

// Adapted encloses task i's gain after all inner steps, row by row.
func (o *Over) Adapted(i int) interval.Box { return interval.Box(o.tasks[i].end.w[0].Data) }

// Jacobian encloses the derivative of task i's adapted gain by the gain; of order 1
// or more.
func (o *Over) Jacobian(i int) interval.Matrix {
	w := o.tasks[i].end.w
	m := interval.NewMatrix(o.space.vars, o.space.vars)
	for v := range m.Cols {
		if w[1+v].Rows == 0 {
			continue
		}
		for e, y := range w[1+v].Data {
			m.Set(e, v, y)
		}
	}
	return m
}

// A GainOptimum encloses a task's best gain and cost.
type GainOptimum struct {
	Gain interval.Box // W*, row by row
	Cost interval.Interval
}

// Optimum is that of the cost of task i that counts, before it is divided by anything.
func (p *Gains) Optimum(i int) GainOptimum {
	f := p.tasks[i].f
	return GainOptimum{Gain: interval.Box(f.opt.Data), Cost: f.best}
}
