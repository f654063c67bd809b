package landscape

import (
	"fmt"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
)

// Planar is the meta-objective of a family with two states, one input and one
// inner step, its parameters enclosed. It is immutable and safe for concurrent
// use.
//
// Everything is a function of the chart: the reflection coefficients k of the
// first task as its inner step sees it,
//
//	τ = k₁(1 + k₂),   δ = k₂,
//
// under which its stabilising gains are the open square (−1, 1)². The other
// tasks' τ and δ are affine in the first one's, and so c₀ + c₁k₁ + c₂k₂ + c₁₂k₁k₂.
type Planar struct {
	family *family.Family // its inner rate is a number
	tasks  []planarTask
	oneMap bool // the tasks have one inner map and one optimum
	same   bool // and the inner steps see the cost that counts
	center int  // the task whose chart it is: 0, but next to another's corner
}

// A planarTask is one member: h is the sum over the tasks of λC_f(p′),
//
//	p′ = p_f(W) − K d(p_g(W)),
//
//	gradient      d = ∇C_g in (τ, δ)              K = η L_f L_gᵀ
//	natural       d = 2(τŝ + π, δŝ − ρ₂)          K = η L_f L_g⁻¹
//	Gauss–Newton  d = 2(τ + π/ŝ, δ − ρ₂/ŝ)        K = η L_f L_g⁻¹
type planarTask struct {
	name   string
	λ      interval.Interval
	weight real
	rule   family.Rule
	still  bool // η = 0
	f, g   *planarReal
	pf, pg planarForms
	take   [forms][2]interval.Interval // what d adds to τ, δ, u, v, z of p_f
	shift  [forms][2]real              // the same
	turned [forms][2]real              // the same, where d = ∂C_g/∂(u, v)
	spare  bool                        // v and z of p_g have the factor 1 + k₂

	// No gain with C_g above it is in the domain; +Inf where that is not known.
	limit float64
}

// A planarReal is a plant with what models multiply by.
type planarReal struct {
	*planarPlant
	hq          [2]real // ½q±
	rho         [3]real
	e0, e1, e2  real
	alpha, beta [2]real
	s22         real
	near        [3]real // of crowd
	rest        [6]real
}

func (p *planarPlant) real() *planarReal {
	r := &planarReal{
		planarPlant: p,
		hq:          [2]real{realOf(half.Mul(p.q[0])), realOf(half.Mul(p.q[1]))},
		rho:         [3]real{realOf(p.ρ[0]), realOf(p.ρ[1]), realOf(p.ρ[2])},
		e0:          realOf(p.e[0]), e1: realOf(p.e[1]), e2: realOf(p.e[2]),
		alpha: [2]real{realOf(p.α[0]), realOf(p.α[1])},
		beta:  [2]real{realOf(p.β[0]), realOf(p.β[1])},
		s22:   realOf(p.s[2]),
	}
	if p.crowd != nil {
		for i, x := range p.crowd.f {
			r.near[i] = realOf(x)
		}
		for i, x := range p.crowd.c {
			r.rest[i] = realOf(x)
		}
	}
	return r
}

// The forms of p: τ, δ, u, v and z.
const (
	formT = iota
	formD
	formU
	formV
	formZ
	forms
)

// planarForms are c₀, c₁, c₂ and c₁₂ of the five forms in the chart.
type planarForms [forms][4]interval.Interval

// formsOf takes τ = x₀ + x₁τ₁ + x₂δ₁ and δ alike, of the first task's τ₁ and δ₁.
func formsOf(τ, δ [3]interval.Interval) (f planarForms) {
	set := func(i int, x [3]interval.Interval) {
		f[i] = [4]interval.Interval{x[0], x[1], x[2], x[1]}
	}
	var u, v, z [3]interval.Interval
	for i := range 3 {
		c := zero
		if i == 0 {
			c = one
		}
		u[i], v[i], z[i] = c.Sub(δ[i]), c.Sub(τ[i]).Add(δ[i]), c.Add(τ[i]).Add(δ[i])
	}
	set(formT, τ)
	set(formD, δ)
	set(formU, u)
	set(formV, v)
	set(formZ, z)
	return f
}

// A UnsupportedError says why a landscape over two gains is not proved.
type UnsupportedError struct{ Why string }

func (e *UnsupportedError) Error() string { return "landscape: " + e.Why }

// Is makes it match [ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }

// NewPlanar encloses the meta-objective of a family with two states and one
// input at an inner rate. Errors: [*UnsupportedError] for other shapes and for
// other than one inner step, [*TaskError] for a task whose optimum intervals
// cannot show, that is not controllable, or whose Σ₀ is not positive definite.
func NewPlanar(f *family.Family, rates []float64) (*Planar, error) {
	return newPlanar(f, rates, 0)
}

// newPlanar has the chart of any task.
func newPlanar(f *family.Family, rates []float64, center int) (*Planar, error) {
	if d, r := f.States(), f.Inputs(); d != 2 || r != 1 {
		return nil, &UnsupportedError{fmt.Sprintf("planar landscapes are about two states and one input; this family's gain has %d×%d entries", r, d)}
	}
	if len(rates) != 1 {
		return nil, &UnsupportedError{fmt.Sprintf("planar landscapes are about one inner step, not %d", len(rates))}
	}
	p := &Planar{family: atRates(f, rates), tasks: make([]planarTask, len(f.Tasks)), center: center}
	η := interval.Of(rates[0])
	total := zero
	for _, t := range f.Tasks {
		total = total.Add(interval.Of(t.Weight))
	}
	first := inner(&f.Tasks[center])
	for i, t := range f.Tasks {
		fail := func(err error) error { return &TaskError{Task: t.Name, Err: err} }
		outer, err := planarSpec(t.Outer)
		if err != nil {
			return nil, fail(err)
		}
		seen := inner(&t)
		inner := outer
		if t.G != t.F {
			if inner, err = planarSpec(*t.Inner); err != nil {
				return nil, fail(err)
			}
		}
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			if !outer.best.Positive() {
				return nil, fail(fmt.Errorf("its optimal cost, in [%v, %v], is not shown to be positive, so that normalize: optimal-cost cannot divide by it", outer.best.Lo(), outer.best.Hi()))
			}
			x := outer.best.Inv()
			same, ok1, ok2 := inner == outer, false, true
			outer, ok1 = outer.scaled(x)
			if same {
				inner = outer
			} else {
				inner, ok2 = inner.scaled(x)
			}
			if !ok1 || !ok2 {
				return nil, fail(fmt.Errorf("its optimum cannot be enclosed after division by its optimal cost"))
			}
		}
		k := &p.tasks[i]
		*k = planarTask{name: t.Name, λ: interval.Of(t.Weight).Div(total), rule: f.Meta.Inner.Rule, still: rates[0] == 0}
		if !k.λ.Positive() {
			return nil, fail(fmt.Errorf("its weight %v drowns beside the others, and a proof needs positive weights", t.Weight))
		}
		k.weight = realOf(k.λ)
		k.g = inner.real()
		k.f = k.g
		if outer != inner {
			k.f = outer.real()
		}
		k.spare = samePlant(first, seen)
		k.rate(η, t.G == t.F)
	}
	nominal := p.tasks[center].g.planarPlant
	for i := range p.tasks {
		k := &p.tasks[i]
		k.pg = chartForms(nominal, k.g.planarPlant, k.spare)
		k.pf = chartForms(nominal, k.f.planarPlant, samePlant(first, f.Tasks[i].Outer))
	}
	p.oneMap, p.same = planarComesToOne(f)
	return p, nil
}

// atRates is a family with numbers for its inner rates, as a certificate holds it.
func atRates(f *family.Family, rates []float64) *family.Family {
	copied := *f
	copied.Drawn = nil
	copied.Meta.Inner.Rate = family.Rate{Steps: slices.Clone(rates)}
	copied.Meta.Inner.Steps = len(rates)
	return &copied
}

// chartForms are the forms of a plant in the chart of the first one.
func chartForms(nominal, p *planarPlant, same bool) planarForms {
	if same {
		return formsOf([3]interval.Interval{zero, one, zero}, [3]interval.Interval{zero, zero, one})
	}
	m := planarProduct(p.chart.l, nominal.chart.inv)
	row := func(i int) [3]interval.Interval {
		c := p.chart.from[i].Sub(m[i][0].Mul(nominal.chart.from[0])).Sub(m[i][1].Mul(nominal.chart.from[1]))
		return [3]interval.Interval{c, m[i][0], m[i][1]}
	}
	return formsOf(row(0), row(1))
}

func planarProduct(x, y [2][2]interval.Interval) (r [2][2]interval.Interval) {
	for i := range 2 {
		for j := range 2 {
			r[i][j] = x[i][0].Mul(y[0][j]).Add(x[i][1].Mul(y[1][j]))
		}
	}
	return r
}

func planarTranspose(x [2][2]interval.Interval) [2][2]interval.Interval {
	x[0][1], x[1][0] = x[1][0], x[0][1]
	return x
}

// rate sets what depends on the inner rate: K, and the limit.
//
// Both p_g(W) and p_f(W′), W′ = W − …, lie in triangles, so that
// Δ = (W − W′)T_g⁻¹ lies in the hull of the nine differences of their corners. Of the inner
// cost C and with everything in T_g's coordinates,
//
//	C(W) − C* ≤ tr(Σ* Eᵀ E)/ŝ_W ≤ E Σ* Eᵀ/ŝ*
//
// (the difference of two costs, minimised over the second gain; P_W ⪰ P*). The
// natural rule has Δ = 2ηE. With the gradient rule Δ T Tᵀ = η∇C = 2ηE Σ_W, and
//
//	E Σ* Eᵀ ≤ ¼ ∇C S⁻¹ ∇Cᵀ tr(S⁻¹Σ*)      for Σ_W ⪰ S.
func (t *planarTask) rate(η interval.Interval, same bool) {
	lf, lg := t.f.chart.l, t.g.chart.l
	var k [2][2]interval.Interval
	switch {
	case t.rule == family.RuleGradient:
		k = planarProduct(lf, planarTranspose(lg))
	case same:
		k = [2][2]interval.Interval{{one, zero}, {zero, one}}
	default:
		k = planarProduct(lf, t.g.chart.inv)
	}
	for j := range 2 {
		τ, δ := η.Mul(k[0][j]), η.Mul(k[1][j])
		for i, x := range [forms]interval.Interval{τ, δ, δ.Neg(), δ.Sub(τ), τ.Add(δ)} {
			t.take[i][j] = x.Neg()
			t.shift[i][j] = realOf(x.Neg())
		}
	}
	if t.rule == family.RuleGradient {
		// The rows of L for u = 1 − δ and v = 1 − τ + δ.
		rows := func(l [2][2]interval.Interval) (r [forms][2]interval.Interval) {
			for j := range 2 {
				τ, δ := l[0][j], l[1][j]
				for i, x := range [forms]interval.Interval{τ, δ, δ.Neg(), δ.Sub(τ), τ.Add(δ)} {
					r[i][j] = x
				}
			}
			return r
		}
		f, g := rows(lf), rows(lg)
		for i := range t.turned {
			for j, k := range [2]int{formU, formV} {
				t.turned[i][j] = realOf(η.Neg().Mul(f[i][0].Mul(g[k][0]).Add(f[i][1].Mul(g[k][1]))))
			}
		}
	}
	t.limit = infinity
	if t.still || t.rule == family.RuleGaussNewton {
		return
	}
	corners := [3][2]interval.Interval{{two, one}, {two.Neg(), one}, {zero, one.Neg()}}
	var rows [2][2]interval.Interval // T Tᵀ
	g := t.g
	if t.rule == family.RuleGradient {
		// L = −[1 0; 0 −1] T⁻ᵀ up to signs: W = W_c T with (τ, δ) = (τ₀ − W_c1, δ₀ + W_c2),
		// so that L = D T⁻ᵀ, D = diag(−1, 1), and T Tᵀ = D (L Lᵀ)⁻¹ D.
		n := planarProduct(planarTranspose(g.chart.inv), g.chart.inv)
		rows = [2][2]interval.Interval{{n[0][0], n[0][1].Neg()}, {n[1][0].Neg(), n[1][1]}}
	}
	most := 0.0
	for _, x := range corners {
		for _, y := range corners {
			if !same {
				y = g.chart.at(t.f.chart.gain(y))
			}
			// W_c = (τ₀ − τ, δ − δ₀)
			Δ := [2]interval.Interval{y[0].Sub(x[0]), x[1].Sub(y[1])}
			m, factor := g.σ, one
			if t.rule == family.RuleGradient {
				Δ = [2]interval.Interval{
					Δ[0].Mul(rows[0][0]).Add(Δ[1].Mul(rows[1][0])),
					Δ[0].Mul(rows[0][1]).Add(Δ[1].Mul(rows[1][1])),
				}
				det := g.s[0].Mul(g.s[2]).Sub(g.s[1].Sqr())
				m = [3]interval.Interval{g.s[2].Div(det), g.s[1].Neg().Div(det), g.s[0].Div(det)}
				factor = m[0].Mul(g.σ[0]).Add(two.Mul(m[1]).Mul(g.σ[1])).Add(m[2].Mul(g.σ[2]))
			}
			form := m[0].Mul(Δ[0].Sqr()).Add(two.Mul(m[1]).Mul(Δ[0]).Mul(Δ[1])).Add(m[2].Mul(Δ[1].Sqr())).Mul(factor)
			gap := form.Div(interval.Of(4).Mul(η.Sqr()).Mul(g.sOpt))
			most = max(most, g.best.Add(gap).Hi())
		}
	}
	t.limit = most
}

func samePlant(x, y lqr.Spec) bool {
	γ := func(s lqr.Spec) float64 {
		if s.Discount == 0 {
			return 1
		}
		return s.Discount
	}
	return slices.Equal(x.A.Data, y.A.Data) && slices.Equal(x.B.Data, y.B.Data) && γ(x) == γ(y) && x.SampleTime == y.SampleTime
}
