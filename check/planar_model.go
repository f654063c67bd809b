package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
)

// A planarProblem is the objective of a family with two states, one input and one
// inner step, as a function of the reflection coefficients k of the first task as
// its inner step sees it: τ = k₁(1 + k₂), δ = k₂, so that
//
//	u = 1 − k₂   v = (1 − k₁)(1 + k₂)   z = (1 + k₁)(1 + k₂),
//
// which are all positive in the open square (−1, 1)², once for each stabilising gain.
type planarProblem struct {
	tasks   []*planarTask
	rule    family.Rule
	still   bool // η = 0
	optimum fine // Σ λᵢ Cᵢ*
	first   *planarPlant
	oneMap  error
}

// A planarTask is one term of h: λ C_f(p′), with p′ = p_f − K (e_τ, e_δ), (e_τ, e_δ)/ŝ
// or ∇C_g in (τ, δ), by the rule.
type planarTask struct {
	name   string
	f, g   *planarPlant
	spare  bool // g has the plant of the first one: v and z have the factor 1 + k₂
	fine   planarTerm[fine]
	near   planarTerm[interval.Interval]
	best   interval.Interval // C*
	limit  float64           // where C_g is above it, p′ is not stable
	λ      fine
	weight interval.Interval
}

// A planarTerm is a task's numbers.
type planarTerm[C any] struct {
	f, g   planarSide[C]
	pf, pg [2][3]C // τ and δ, as x₀ + x₁τ₁ + x₂δ₁ of the first task's
	k      [2][2]C
	turn   [3][2]C // what k is for u, v and z, of derivatives in u and v
	λ      C
	one    C
	zero   C
	rule   family.Rule
	spare  bool
}

// newPlanarProblem takes a family apart, in the chart of one of its tasks.
func newPlanarProblem(f *family.Family, chart int) (*planarProblem, error) {
	if f.Meta.Inner.Steps != 1 {
		return nil, fmt.Errorf("%w: a landscape over two gains of %d inner steps", ErrUnsupported, f.Meta.Inner.Steps)
	}
	η := f.Meta.Inner.Rate.At(0)
	if !(η >= 0) || math.IsInf(η, 1) {
		return nil, fmt.Errorf("the inner rate is %v", η)
	}
	p := &planarProblem{rule: f.Meta.Inner.Rule, still: η == 0, optimum: exactly(0)}
	switch p.rule {
	case family.RuleGradient, family.RuleNatural, family.RuleGaussNewton:
	default:
		return nil, fmt.Errorf("%w: the inner rule %v", ErrUnsupported, p.rule)
	}
	total := exactly(0)
	for i := range f.Tasks {
		if !(f.Tasks[i].Weight > 0) {
			return nil, fmt.Errorf("task %q: the weight %v is not positive", f.Tasks[i].Name, f.Tasks[i].Weight)
		}
		total = total.add(exactly(f.Tasks[i].Weight))
	}
	p.oneMap = planarOneMap(f)
	seen := f.Tasks[chart].Outer
	if f.Tasks[chart].Inner != nil {
		seen = *f.Tasks[chart].Inner
	}
	var err error
	if p.first, err = newPlanarPlant(seen); err != nil {
		return nil, fmt.Errorf("task %q: %w", f.Tasks[chart].Name, err)
	}
	for i := range f.Tasks {
		from := &f.Tasks[i]
		fail := func(err error) error { return fmt.Errorf("task %q: %w", from.Name, err) }
		t := &planarTask{name: from.Name}
		if t.f, err = newPlanarPlant(from.Outer); err != nil {
			return nil, fail(err)
		}
		t.g = t.f
		if from.Inner != nil {
			if t.g, err = newPlanarPlant(*from.Inner); err != nil {
				return nil, fail(err)
			}
		}
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			if t.f.best.sign() <= 0 {
				return nil, fail(errOptimum)
			}
			c := exactly(1).div(t.f.best)
			same := t.f == t.g
			t.f = t.f.scaled(c)
			if t.g = t.g.scaled(c); same {
				t.g = t.f
			}
		}
		t.λ = exactly(from.Weight).div(total)
		p.optimum = p.optimum.add(t.λ.mul(t.f.best))
		t.spare = planarSame(p.first.stated, t.g.stated)
		x := &t.fine
		*x = planarTerm[fine]{
			f: t.f.side, g: t.g.side, λ: t.λ, one: exactly(1), zero: exactly(0), rule: p.rule, spare: t.spare,
			pf: p.chart(t.f), pg: p.chart(t.g),
		}
		switch {
		case p.rule == family.RuleGradient:
			g := t.g.l
			x.k = product2(t.f.l, [2][2]fine{{g[0][0], g[1][0]}, {g[0][1], g[1][1]}})
		case planarSame(t.f.stated, t.g.stated):
			x.k = [2][2]fine{{exactly(1), exactly(0)}, {exactly(0), exactly(1)}}
		default:
			x.k = product2(t.f.l, t.g.inv)
		}
		for i := range 2 {
			for j := range 2 {
				x.k[i][j] = x.k[i][j].times(η)
			}
		}
		if p.rule == family.RuleGradient {
			rows := func(l [2][2]fine) (r [3][2]fine) {
				for j := range 2 {
					r[0][j], r[1][j], r[2][j] = l[1][j].neg(), l[1][j].sub(l[0][j]), l[0][j].add(l[1][j])
				}
				return r
			}
			f, g := rows(t.f.l), rows(t.g.l)
			for i := range x.turn {
				for j := range 2 {
					x.turn[i][j] = f[i][0].mul(g[j][0]).add(f[i][1].mul(g[j][1])).times(η)
				}
			}
		}
		t.near = roundTerm(x)
		t.best, t.weight = t.f.best.round(), t.λ.round()
		if !t.best.IsBounded() {
			return nil, fail(errUnbounded)
		}
		t.limit = p.limit(t, η)
		p.tasks = append(p.tasks, t)
	}
	if f.Meta.Normalize == family.NormalizeOptimalCost {
		p.optimum = exactly(1)
	}
	return p, nil
}

func roundTerm(x *planarTerm[fine]) planarTerm[interval.Interval] {
	r := fine.round
	y := planarTerm[interval.Interval]{
		f: x.f.round(r), g: x.g.round(r), λ: r(x.λ), one: unit, rule: x.rule, spare: x.spare,
	}
	for i := range 2 {
		for j := range 3 {
			y.pf[i][j], y.pg[i][j] = r(x.pf[i][j]), r(x.pg[i][j])
		}
		for j := range 2 {
			y.k[i][j] = r(x.k[i][j])
		}
	}
	if x.rule == family.RuleGradient {
		for i := range y.turn {
			y.turn[i] = [2]interval.Interval{r(x.turn[i][0]), r(x.turn[i][1])}
		}
	}
	return y
}

// planarSame says that two specs have one plant and one discount.
func planarSame(x, y lqr.Spec) bool {
	γ := func(s lqr.Spec) float64 {
		if s.Discount == 0 {
			return 1
		}
		return s.Discount
	}
	return slices.Equal(x.A.Data, y.A.Data) && slices.Equal(x.B.Data, y.B.Data) && γ(x) == γ(y) && x.SampleTime == y.SampleTime
}

// chart gives τ and δ of a plant by those of the first one.
func (p *planarProblem) chart(x *planarPlant) (c [2][3]fine) {
	if planarSame(p.first.stated, x.stated) {
		return [2][3]fine{{exactly(0), exactly(1), exactly(0)}, {exactly(0), exactly(0), exactly(1)}}
	}
	m := product2(x.l, p.first.inv)
	for i := range 2 {
		c[i][0] = x.from[i].sub(m[i][0].mul(p.first.from[0])).sub(m[i][1].mul(p.first.from[1]))
		c[i][1], c[i][2] = m[i][0], m[i][1]
	}
	return c
}

// gain is W at k.
func (p *planarProblem) gain(k [2]fine) (w [2]fine) {
	τ := k[0].mul(k[1].add(exactly(1))).sub(p.first.from[0])
	δ := k[1].sub(p.first.from[1])
	for i := range w {
		w[i] = p.first.inv[i][0].mul(τ).add(p.first.inv[i][1].mul(δ))
	}
	return w
}

// limit bounds C_g at the gains of the domain, for the gradient and the natural
// rule. There p_g and p′ lie in the stable triangle of their plants, with the corners
// (±2, 1) and (0, −1), so that D = W − F(W) is in the hull of the differences of the
// corners. By the difference of costs along trajectories of W*, as P_W ⪰ P*,
//
//	C(W) − C* ≤ E Σ* Eᵀ/ŝ*,
//
// where D = 2ηE, or D = 2ηEΣ_W with Σ_W ⪰ Σ₀; then
// Σ_W⁻¹Σ*Σ_W⁻¹ ⪯ tr(Σ_W⁻¹Σ*) Σ_W⁻¹ ⪯ tr(Σ₀⁻¹Σ*) Σ₀⁻¹. Both are convex in D.
func (p *planarProblem) limit(t *planarTask, η float64) float64 {
	if p.still || p.rule == family.RuleGaussNewton {
		return math.Inf(1)
	}
	g := t.g
	m, factor := g.spread, exactly(1)
	if p.rule == family.RuleGradient {
		s := g.start
		det := s[0].mul(s[2]).sub(s[1].sqr())
		m = [3]fine{s[2].div(det), s[1].neg().div(det), s[0].div(det)}
		factor = m[0].mul(g.spread[0]).add(m[1].mul(g.spread[1]).times(2)).add(m[2].mul(g.spread[2]))
	}
	factor = factor.div(exactly(η).sqr().times(4).mul(g.sOpt))
	gains := func(x *planarPlant) (w [3][2]fine) {
		for i, c := range [3][2]float64{{2, 1}, {-2, 1}, {0, -1}} {
			τ, δ := exactly(c[0]).sub(x.from[0]), exactly(c[1]).sub(x.from[1])
			for j := range 2 {
				w[i][j] = x.inv[j][0].mul(τ).add(x.inv[j][1].mul(δ))
			}
		}
		return w
	}
	most := 0.0
	for _, x := range gains(t.g) {
		for _, y := range gains(t.f) {
			d := [2]fine{x[0].sub(y[0]), x[1].sub(y[1])}
			e := m[0].mul(d[0].sqr()).add(m[1].mul(d[0]).mul(d[1]).times(2)).add(m[2].mul(d[1].sqr())).mul(factor)
			most = max(most, g.best.add(e).high())
			if !e.ok() {
				return math.Inf(1)
			}
		}
	}
	return most
}

// An edges holds, for u, s, x and y with v = sx and z = sy, the powers e⁰, e⁻¹, e⁻²
// of each, times eⁿ where the box touches e = 0: everything is multiplied by m, the
// product of the zeroth ones, which is positive in the domain.
type edges[V any] [4][3]V

func (e *edges[V]) term(u, s, x, y int, mul func(V, V) V) V {
	return mul(mul(e[0][u], e[1][s]), mul(e[2][x], e[3][y]))
}

// chartOf is τ and δ of a plant.
func chartOf[V algebra[V, C], C any](c *[2][3]C, τ, δ V) (p [2]V) {
	for i := range p {
		p[i] = τ.times(c[i][1]).add(δ.times(c[i][2])).plus(c[i][0])
	}
	return p
}

// A landing is m and m p′ of a task. m is 1 unless the box touches.
type landing[V any] struct {
	m, τ, δ V
	whole   bool // m = 1
	turned  bool // u, v and z are m u′, m v′ and m z′
	u, v, z V
}

// land follows the inner step of a task from k. touched are the edges that the
// box touches; with the Gauss–Newton rule, whose step is a fraction of which both
// parts are multiplied by m, p′ itself is found nevertheless.
func land[V algebra[V, C], C any](t *planarTerm[C], k [2]V, touched [4]bool, still bool) landing[V] {
	one := k[0].times(t.zero).plus(t.one)
	s1 := k[1].plus(t.one)
	first := [2]V{k[0].mul(s1), k[1]}
	pf := chartOf(&t.pf, first[0], first[1])
	if still {
		return landing[V]{m: one, τ: pf[0], δ: pf[1], whole: true}
	}
	pg := chartOf(&t.pg, first[0], first[1])
	τ, δ := pg[0], pg[1]
	var base [4]V
	base[0] = one.sub(δ)
	if t.spare {
		base[1], base[2], base[3] = s1, one.sub(k[0]), k[0].plus(t.one)
	} else {
		// τ and δ vary by more than the v that they leave near its edge: what they have in
		// common is gone in the coefficients, and only in these.
		base[1], base[2], base[3] = one, one.sub(τ).add(δ).tight(), one.add(τ).add(δ).tight()
	}
	order := 1
	if t.rule == family.RuleGradient {
		order = 2
	}
	var e edges[V]
	m, whole := one, true
	for i := range e {
		switch {
		case i == 1 && !t.spare:
			e[i] = [3]V{one, one, one}
		case touched[i] && order == 1:
			e[i] = [3]V{base[i], one, one} // the third is not used
		case touched[i]:
			e[i] = [3]V{base[i].mul(base[i]), base[i], one}
		default:
			r := base[i].inv().tight()
			e[i] = [3]V{one, r, r}
			if order == 2 {
				e[i][2] = r.mul(r).tight()
			}
		}
		if touched[i] && (i != 1 || t.spare) {
			whole = false
			m = m.mul(e[i][0])
		}
	}
	term := func(u, s, x, y int) V {
		return e.term(u, s, x, y, func(a, b V) V { return a.mul(b) })
	}
	g := &t.g
	if t.rule == family.RuleGradient && g.crowded {
		l := landing[V]{m: m, whole: whole, turned: true}
		u, v := base[0], base[1].mul(base[2]).tight()
		// C_u and C_v of C = (n₀/u + n₁ + n₂u)/v + N/uz, z_u = −2 and z_v = −1.
		n, c := &g.near, &g.rest
		low := v.times(c[5]).plus(c[3]).mul(v).plus(c[0]).tight()        // N − u·high
		high := u.times(c[2]).add(v.times(c[4])).plus(c[1]).tight()      //
		far := low.mul(term(1, 2, 0, 2)).add(high.mul(term(0, 2, 0, 2))) // N/uz²
		by1, by2 := term(0, 1, 0, 1), term(0, 1, 1, 0)                   // 1/z, 1/v
		along := [2]V{
			by2.times(n[2]).sub(term(2, 1, 1, 0).times(n[0])).add(by1.times(c[2])).sub(low.mul(term(2, 1, 0, 1))).add(far).add(far).tight(),
			by1.times(c[4]).add(v.add(v).times(c[5]).plus(c[3]).mul(term(1, 1, 0, 1))).add(far).
				sub(term(1, 2, 2, 0).times(n[0])).sub(u.times(n[2]).plus(n[1]).mul(term(0, 2, 2, 0))).tight(),
		}
		from := [3]V{one.sub(pf[1]), one.sub(pf[0]).add(pf[1]).tight(), one.add(pf[0]).add(pf[1]).tight()}
		for i, to := range [3]*V{&l.u, &l.v, &l.z} {
			x := from[i]
			if !whole {
				x = x.mul(m)
			}
			*to = x.sub(along[0].times(t.turn[i][0])).sub(along[1].times(t.turn[i][1])).tight()
		}
		l.δ = m.sub(l.u)
		l.τ = m.add(l.δ).sub(l.v).tight()
		return l
	}
	var d [2]V
	switch t.rule {
	case family.RuleGradient:
		square := δ.mul(δ).times(g.s[2]).plus(g.s[0])
		mixed := δ.times(g.s[1])
		mixed = mixed.add(mixed)
		less, more := square.sub(mixed).tight(), square.add(mixed).tight() // a₋ and a₊
		slope, by := δ.times(g.s[2]), one.times(g.s[1])
		u1v1, u1z1 := term(1, 1, 1, 0), term(1, 1, 0, 1)
		u1v2, u1z2 := term(1, 2, 2, 0), term(1, 2, 0, 2)
		u2v1, u2z1 := term(2, 1, 1, 0), term(2, 1, 0, 1)
		a, b := less.mul(u1v2).times(g.hq[0]), more.mul(u1z2).times(g.hq[1])
		d[0] = a.sub(b).add(term(1, 0, 0, 0).times(g.e[1]))
		d[1] = less.mul(u2v1).times(g.hq[0]).add(more.mul(u2z1).times(g.hq[1])).sub(a).sub(b).
			add(slope.sub(by).mul(u1v1).times(g.q[0])).
			add(slope.add(by).mul(u1z1).times(g.q[1])).
			add(τ.times(g.e[1]).plus(g.e[0]).mul(term(2, 0, 0, 0)))
	default:
		u1 := term(1, 0, 0, 0)
		a, b := term(1, 1, 1, 0).times(g.hq[0]), term(1, 1, 0, 1).times(g.hq[1])
		both := a.add(b)
		d[0] = a.add(a).sub(b).sub(b).sub(τ.times(g.r2).plus(g.r1).mul(u1))
		d[1] = δ.mul(both.add(both)).sub(δ.plus(t.one).times(g.r2).mul(u1))
		if t.rule == family.RuleGaussNewton {
			r := both.sub(u1.times(g.r2)).tight().inv() // 1/mŝ
			d[0], d[1] = d[0].tight().mul(r), d[1].tight().mul(r)
			m, whole = one, true
		}
	}
	to := landing[V]{m: m, whole: whole}
	if !whole {
		pf[0], pf[1] = pf[0].mul(m), pf[1].mul(m)
	}
	to.τ = pf[0].sub(d[0].times(t.k[0][0])).sub(d[1].times(t.k[0][1])).tight()
	to.δ = pf[1].sub(d[0].times(t.k[1][0])).sub(d[1].times(t.k[1][1])).tight()
	return to
}

// edges is m u′, m v′ and m z′.
func (l *landing[V]) edges(add, sub func(V, V) V) (u, v, z V) {
	if l.turned {
		return l.u, l.v, l.z
	}
	return sub(l.m, l.δ), add(sub(l.m, l.τ), l.δ), add(add(l.m, l.τ), l.δ)
}

// costAt is C at τ, δ with u, v, z.
func costAt[V algebra[V, C], C any](f *planarSide[C], τ, δ, u, v, z V) V {
	r := u.inv()
	if f.crowded {
		vr := v.mul(r)
		near := r.times(f.near[0]).add(u.times(f.near[2])).plus(f.near[1])
		rest := r.times(f.rest[0]).add(u.times(f.rest[2])).add(vr.times(f.rest[3])).
			add(v.times(f.rest[4])).add(v.mul(vr).times(f.rest[5])).plus(f.rest[1])
		return near.mul(v.inv()).add(rest.mul(z.inv()))
	}
	square := δ.mul(δ).times(f.s[2]).plus(f.s[0])
	mixed := δ.times(f.s[1])
	mixed = mixed.add(mixed)
	a := square.sub(mixed).mul(v.inv()).times(f.hq[0])
	b := square.add(mixed).mul(z.inv()).times(f.hq[1])
	return a.add(b).add(τ.times(f.e[1]).plus(f.e[0])).mul(r).plus(f.e[2])
}

// value is the task's part of h where no edge is touched.
func value[V algebra[V, C], C any](t *planarTerm[C], k [2]V, touched [4]bool, still bool) V {
	l := land(t, k, touched, still)
	u, v, z := l.edges(V.add, V.sub)
	return costAt(&t.f, l.τ, l.δ, u.tight(), v.tight(), z.tight()).times(t.λ)
}
