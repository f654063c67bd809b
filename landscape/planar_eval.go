package landscape

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A planarBox is a box of the chart.
type planarBox [2]interval.Interval

func (b planarBox) mid() [2]float64 { return [2]float64{b[0].Mid(), b[1].Mid()} }

// width is the larger width.
func (b planarBox) width() float64 { return max(b[0].Width(), b[1].Width()) }

func (b planarBox) hull(c planarBox) planarBox {
	return planarBox{b[0].Hull(c[0]), b[1].Hull(c[1])}
}

// over encloses a bilinear form over a box: it takes its extremes at corners.
func (b planarBox) over(f *[4]interval.Interval) interval.Interval {
	corner := func(x, y float64) interval.Interval {
		k1, k2 := interval.Of(x), interval.Of(y)
		return f[0].Add(f[2].Mul(k2)).Add(k1.Mul(f[1].Add(f[3].Mul(k2))))
	}
	r := corner(b[0].Lo(), b[1].Lo())
	r = r.Hull(corner(b[0].Lo(), b[1].Hi()))
	r = r.Hull(corner(b[0].Hi(), b[1].Lo()))
	return r.Hull(corner(b[0].Hi(), b[1].Hi()))
}

// ranges encloses the five forms over a box.
func (b planarBox) ranges(f *planarForms) (r [forms]interval.Interval) {
	for i := range r {
		r[i] = b.over(&f[i])
	}
	return r
}

// form is a bilinear form as a jet over a box.
func (w *tape) form(f *[4]interval.Interval, b planarBox) *jet {
	r := w.next()
	var c, h [2]interval.Interval
	for i := range 2 {
		c[i] = interval.Of(b[i].Mid())
		h[i] = interval.Of(max(interval.SubUp(b[i].Hi(), c[i].Lo()), interval.SubUp(c[i].Lo(), b[i].Lo())))
	}
	d1, d2 := f[1].Add(f[3].Mul(c[1])), f[2].Add(f[3].Mul(c[0]))
	v := f[0].Add(f[2].Mul(c[1])).Add(c[0].Mul(d1))
	r.v.linear(realOf(v), realOf(h[0].Mul(d1)), realOf(h[1].Mul(d2)), realOf(h[0].Mul(h[1]).Mul(f[3])))
	if w.order > 0 {
		r.d[0].linear(realOf(d1), real{}, realOf(h[1].Mul(f[3])), real{})
		r.d[1].linear(realOf(d2), realOf(h[0].Mul(f[3])), real{}, real{})
	}
	if w.order > 1 {
		r.h[0].constant(real{})
		r.h[1].constant(realOf(f[3]))
		r.h[2].constant(real{})
	}
	return r
}

// forms are the five forms as jets.
func (w *tape) forms(f *planarForms, b planarBox) (r [forms]*jet) {
	for i := range r {
		r[i] = w.form(&f[i], b)
	}
	return r
}

func (x real) neg() real { return real{-x.m, x.r} }

func (x real) twice() real { return real{2 * x.m, 2 * x.r} }

// shared is what the two numerators over v and z have in common:
//
//	a∓ U = αU + β + s₂₂u
func (p *planarReal) shared(w *tape, i int, u, iu *jet) *jet {
	return w.sum(p.beta[i], scaled{p.alpha[i], iu}, scaled{p.s22, u})
}

// costJet is C at p.
func (p *planarReal) costJet(w *tape, x [forms]*jet) (*jet, bool) {
	u, ok1 := w.positive(x[formU])
	v, ok2 := w.positive(x[formV])
	z, ok3 := w.positive(x[formZ])
	if !ok1 || !ok2 || !ok3 {
		return nil, false
	}
	if p.crowd != nil {
		return p.corner(w, x, u, v, z), true
	}
	fv := w.mul(p.shared(w, 0, x[formU], u), v)
	fz := w.mul(p.shared(w, 1, x[formU], u), z)
	tu := w.mul(x[formT], u)
	return w.sum(p.e2, scaled{p.hq[0], fv}, scaled{p.hq[1], fz}, scaled{p.e0, u}, scaled{p.e1, tu}), true
}

// positive is 1/a for an a shown to be positive.
func (w *tape) positive(a *jet) (*jet, bool) {
	if !(a.v.c[0] > 0) {
		return nil, false
	}
	return w.inv(a)
}

// direction is d of the task's rule at p_g; of a crowded plant's gradient, its parts
// along u and v.
func (t *planarTask) direction(w *tape, b planarBox) (d [2]*jet, ok bool) {
	if t.rule == family.RuleGaussNewton {
		return t.newton(w, b)
	}
	p := t.g
	x := w.forms(&t.pg, b)
	u, ok1 := w.positive(x[formU])
	v, ok2 := w.positive(x[formV])
	z, ok3 := w.positive(x[formZ])
	if !ok1 || !ok2 || !ok3 {
		return d, false
	}
	if t.rule == family.RuleNatural {
		uv, uz := w.mul(u, v), w.mul(u, z)
		s := w.sum(real{}, scaled{p.hq[0], uv}, scaled{p.hq[1], uz}, scaled{p.rho[2].twice().neg(), u})
		odd := w.sum(real{}, scaled{p.hq[1], uz}, scaled{p.hq[0].neg(), uv})
		tu := w.mul(x[formT], u)
		d[0] = w.sum(real{},
			scaled{real{m: 2}, w.mul(x[formT], s)}, scaled{real{m: 2}, w.mul(x[formD], odd)},
			scaled{p.rho[1].twice(), u}, scaled{p.rho[2].twice(), tu})
		d[1] = w.sum(p.rho[2].twice().neg(), scaled{real{m: 2}, w.mul(x[formD], s)})
		return d, true
	}
	if p.crowd != nil {
		return p.cornerSlopes(w, x, u, v, z), true
	}
	// With f = a∓ U, f′ = αU² − s₂₂ its derivative in δ:
	//
	//	C_τ = ½q₊ f₋V² − ½q₋ f₊Z² + e₁U
	//	C_δ = ½q₊(f₋′V − f₋V²) + ½q₋(f₊′Z − f₊Z²) + (e₀ + e₁τ)U²
	u2, v2, z2 := w.mul(u, u), w.mul(v, v), w.mul(z, z)
	fv := w.mul(p.shared(w, 0, x[formU], u), v2)
	fz := w.mul(p.shared(w, 1, x[formU], u), z2)
	minus := p.s22.neg()
	gv := w.mul(w.sum(minus, scaled{p.alpha[0], u2}), v)
	gz := w.mul(w.sum(minus, scaled{p.alpha[1], u2}), z)
	tu := w.mul(x[formT], u2)
	d[0] = w.sum(real{}, scaled{p.hq[0], fv}, scaled{p.hq[1].neg(), fz}, scaled{p.e1, u})
	d[1] = w.sum(real{},
		scaled{p.hq[0], gv}, scaled{p.hq[0].neg(), fv},
		scaled{p.hq[1], gz}, scaled{p.hq[1].neg(), fz},
		scaled{p.e0, u2}, scaled{p.e1, tu})
	return d, true
}

// newton is d of the Gauss–Newton rule. In π/ŝ and ρ₂/ŝ the poles cancel: with
// v = f ṽ and z = f z̃, where f is 1 + k₂ if both have that factor and else 1,
//
//	D = ½q₊z̃ + ½q₋ṽ − 2ρ₂f ṽz̃
//	π/ŝ = (½δ(q₋ṽ − q₊z̃) + (ρ₁ + ρ₂τ) f ṽz̃)/D,    1/ŝ = f u ṽz̃/D,
//
// which have no pole on the border of stability, nor beyond it while D > 0.
func (t *planarTask) newton(w *tape, b planarBox) (d [2]*jet, ok bool) {
	p := t.g
	x := w.forms(&t.pg, b)
	v, z := x[formV], x[formZ]
	var vz, f *jet
	if t.spare {
		v, z, f = w.form(&below, b), w.form(&above, b), w.form(&spare, b)
		vz = w.mul(f, w.mul(v, z))
	} else {
		vz = w.mul(v, z)
	}
	i, ok := w.positive(w.sum(real{}, scaled{p.hq[0], z}, scaled{p.hq[1], v}, scaled{p.rho[2].twice().neg(), vz}))
	if !ok {
		return d, false
	}
	odd := w.mul(x[formD], w.sum(real{}, scaled{p.hq[1], v}, scaled{p.hq[0].neg(), z}))
	π := w.sum(real{}, scaled{unity, odd}, scaled{p.rho[1], vz}, scaled{p.rho[2], w.mul(x[formT], vz)})
	d[0] = w.sum(real{}, scaled{real{m: 2}, x[formT]}, scaled{real{m: 2}, w.mul(π, i)})
	d[1] = w.sum(real{}, scaled{real{m: 2}, x[formD]}, scaled{p.rho[2].twice().neg(), w.mul(w.mul(x[formU], vz), i)})
	return d, true
}

var (
	below = [4]interval.Interval{one, one.Neg(), zero, zero} // 1 − k₁
	above = [4]interval.Interval{one, one, zero, zero}       // 1 + k₁
	spare = [4]interval.Interval{one, zero, one, zero}       // 1 + k₂
)

// adapted are the forms at p′.
func (t *planarTask) adapted(w *tape, b planarBox) (x [forms]*jet, ok bool) {
	x = w.forms(&t.pf, b)
	if t.still {
		return x, true
	}
	d, ok := t.direction(w, b)
	if !ok {
		return x, false
	}
	shift := &t.shift
	if t.rule == family.RuleGradient && t.g.crowd != nil {
		shift = &t.turned
	}
	for i := range x {
		x[i] = w.sum(real{}, scaled{unity, x[i]}, scaled{shift[i][0], d[0]}, scaled{shift[i][1], d[1]})
	}
	return x, true
}

// h is the meta-objective as a jet, and false where a model does not show that
// everything is finite over the box.
func (p *Planar) h(w *tape, b planarBox, order int) (*jet, bool) {
	w.rewind(order)
	var sum *jet
	for i := range p.tasks {
		t := &p.tasks[i]
		x, ok := t.adapted(w, b)
		if !ok {
			return nil, false
		}
		c, ok := t.f.costJet(w, x)
		if !ok {
			return nil, false
		}
		if sum == nil {
			sum = w.sum(real{}, scaled{t.weight, c})
		} else {
			sum = w.sum(real{}, scaled{unity, sum}, scaled{t.weight, c})
		}
	}
	return sum, true
}

// stable reports whether every gain of the box is in the domain for sure: all
// tasks' u, v and z are positive, before and after the inner step.
func (p *Planar) stable(w *tape, b planarBox) bool {
	w.rewind(0)
	for i := range p.tasks {
		t := &p.tasks[i]
		for _, k := range [3]int{formU, formV, formZ} {
			if !b.over(&t.pg[k]).Positive() {
				return false
			}
		}
		x, ok := t.adapted(w, b)
		if !ok {
			return false
		}
		for _, k := range [3]int{formU, formV, formZ} {
			if !x[k].v.span().Positive() {
				return false
			}
		}
	}
	return true
}

// gains encloses W over a box.
func (p *Planar) gains(b planarBox) [2]interval.Interval {
	nominal := formsOf([3]interval.Interval{zero, one, zero}, [3]interval.Interval{zero, zero, one})
	return p.tasks[p.center].g.chart.gain([2]interval.Interval{b.over(&nominal[formT]), b.over(&nominal[formD])})
}

// cost5 is cost of the five forms.
func (p *planarPlant) cost5(r [forms]interval.Interval) (interval.Interval, bool) {
	return p.cost(r[formT], r[formD], r[formU], r[formV], r[formZ])
}

// A pole is 1/x with what clears it: X = 1/x and x̂ = 1, or X = 1 and x̂ = x.
type pole struct{ inv, clear *jet }

// leaves reports whether no gain of a box that stabilises the task has an adapted
// gain that does, for the gradient and the natural rule. It works across the border
// of stability, where d has poles: with those cleared whose u, v or z may be
// small, m = (ûv̂ẑ)² (gradient) or ûv̂ẑ (natural) is positive at the gains in
// question, and
//
//	m x′ = m x_f − (K m d)ₓ     x = u, v, z, 2 − u, 4 − v, 4 − z
//
// is finite. p′ is outside the triangle where one of the six is negative.
func (t *planarTask) leaves(w *tape, b planarBox, r *[forms]interval.Interval) bool {
	w.rewind(0)
	p := t.g
	x := w.forms(&t.pg, b)
	one := w.sum(unity)
	pole := func(k int) (a pole, ok bool) {
		if r[k].Lo() <= 0.4*r[k].Hi() {
			return pole{one, x[k]}, true
		}
		i, ok := w.positive(x[k])
		return pole{i, one}, ok
	}
	u, ok1 := pole(formU)
	v, ok2 := pole(formV)
	z, ok3 := pole(formZ)
	if !ok1 || !ok2 || !ok3 {
		return false
	}
	mul := func(a ...*jet) *jet {
		y := one
		for _, j := range a {
			switch {
			case j == one:
			case y == one:
				y = j
			default:
				y = w.mul(y, j)
			}
		}
		return y
	}
	minus := real{m: -1}
	double := real{m: 2}
	var m, d0, d1 *jet
	if t.rule == family.RuleNatural {
		uv, uz, uu := mul(u.inv, v.inv, z.clear), mul(u.inv, z.inv, v.clear), mul(u.inv, v.clear, z.clear)
		s := w.sum(real{}, scaled{p.hq[0], uv}, scaled{p.hq[1], uz}, scaled{p.rho[2].twice().neg(), uu})
		odd := w.sum(real{}, scaled{p.hq[1], uz}, scaled{p.hq[0].neg(), uv})
		d0 = w.sum(real{},
			scaled{double, w.mul(x[formT], s)}, scaled{double, w.mul(x[formD], odd)},
			scaled{p.rho[1].twice(), uu}, scaled{p.rho[2].twice(), w.mul(x[formT], uu)})
		m = mul(u.clear, v.clear, z.clear)
		d1 = w.sum(real{}, scaled{double, w.mul(x[formD], s)}, scaled{p.rho[2].twice().neg(), m})
	} else {
		v2, z2, u2 := mul(v.clear, v.clear), mul(z.clear, z.clear), mul(u.clear, u.clear)
		vv, zz, uu := mul(v.inv, v.inv), mul(z.inv, z.inv), mul(u.inv, u.inv)
		shared := func(i int) *jet { // û a∓U
			return w.sum(real{}, scaled{p.alpha[i], u.inv}, scaled{p.beta[i], u.clear}, scaled{p.s22, mul(x[formU], u.clear)})
		}
		slope := func(i int) *jet { // û² (αU² − s₂₂)
			return w.sum(real{}, scaled{p.alpha[i], uu}, scaled{p.s22.neg(), u2})
		}
		fv := mul(u.clear, z2, vv, shared(0))
		fz := mul(u.clear, v2, zz, shared(1))
		gv := mul(slope(0), v.inv, v.clear, z2)
		gz := mul(slope(1), z.inv, z.clear, v2)
		both := mul(v2, z2)
		d0 = w.sum(real{}, scaled{p.hq[0], fv}, scaled{p.hq[1].neg(), fz}, scaled{p.e1, mul(u.inv, u.clear, both)})
		ub := mul(uu, both)
		d1 = w.sum(real{},
			scaled{p.hq[0], gv}, scaled{p.hq[0].neg(), fv},
			scaled{p.hq[1], gz}, scaled{p.hq[1].neg(), fz},
			scaled{p.e0, ub}, scaled{p.e1, mul(x[formT], ub)})
		m = mul(u2, both)
	}
	y := w.forms(&t.pf, b)
	for i, top := range [forms]float64{formU: 2, formV: 4, formZ: 4} {
		if top == 0 {
			continue
		}
		my := w.sum(real{}, scaled{unity, mul(m, y[i])}, scaled{t.shift[i][0], d0}, scaled{t.shift[i][1], d1})
		if my.v.span().Negative() || w.sum(real{}, scaled{real{m: top}, m}, scaled{minus, my}).v.span().Negative() {
			return true
		}
	}
	return false
}

// sectors is into how many directions turns cuts the quadrant at a corner.
const sectors = 16

// turns is leaves next to a corner of the triangle, where two of u, v and z may be
// small at once and what leaves clears vanishes. There, x and y the small ones of
// each case, m x′ = xʲA + yʲB with A and B that intervals enclose:
//
//	             gradient                   natural
//	u, v small   m = u²v², x = u, y = v     no need: ŝuv is not small
//	v, z small   m = v²z², x = z², y = v²   m = vz, x = z, y = v
//
// u, z is u, v with τ, and with it p₁, of opposite sign. For θ = y/(x + y) the sum is
// (x + y)((1 − θ)A + θB): for every θ in [0, 1] one of the six forms has to be
// negative.
func (t *planarTask) turns(b planarBox, r *[forms]interval.Interval) bool {
	p := t.g
	small := func(k int) bool { return r[k].Lo() <= 0.4*r[k].Hi() }
	u, v, z := r[formU].Intersect(toTwo), r[formV].Intersect(toFour), r[formZ].Intersect(toFour)
	τ, δ := r[formT], r[formD]
	var a, d [2]interval.Interval // of d₀ and d₁: A and B
	var pull interval.Interval    // m/x: m x_f is x · pull · x_f
	mul := func(x ...interval.Interval) interval.Interval {
		y := x[0]
		for _, c := range x[1:] {
			y = y.Mul(c)
		}
		return y
	}
	add := func(x ...interval.Interval) interval.Interval {
		y := x[0]
		for _, c := range x[1:] {
			y = y.Add(c)
		}
		return y
	}
	hq, e, s22 := [2]interval.Interval{half.Mul(p.q[0]), half.Mul(p.q[1])}, p.e, p.s[2]
	switch {
	case small(formV) && small(formZ):
		if small(formU) {
			return false
		}
		iu := u.Inv()
		if t.rule == family.RuleNatural {
			ρ := p.ρ
			a[0] = two.Mul(add(mul(hq[0], iu, τ.Sub(δ)), mul(iu, v, ρ[1].Add(ρ[2].Mul(τ)).Sub(two.Mul(ρ[2]).Mul(τ)))))
			d[0] = two.Mul(mul(hq[1], iu, τ.Add(δ)))
			a[1] = two.Mul(add(mul(δ, hq[0], iu), mul(two, ρ[2], δ, iu, v).Neg(), ρ[2].Mul(v).Neg()))
			d[1] = two.Mul(mul(δ, hq[1], iu))
			pull = v
			break
		}
		shared := func(i int) interval.Interval { return add(p.α[i].Mul(iu), p.β[i], s22.Mul(u)) }
		slope := func(i int) interval.Interval { return p.α[i].Mul(iu.Sqr()).Sub(s22) }
		a[0] = add(hq[0].Mul(shared(0)), mul(v.Sqr(), e[1], iu))
		d[0] = hq[1].Mul(shared(1)).Neg()
		a[1] = add(hq[0].Mul(slope(0).Mul(v).Sub(shared(0))), mul(v.Sqr(), e[0].Add(e[1].Mul(τ)), iu.Sqr()))
		d[1] = hq[1].Mul(slope(1).Mul(z).Sub(shared(1)))
		pull = v.Sqr()
	case t.rule == family.RuleNatural || !small(formU) || !(small(formV) || small(formZ)):
		return false
	default:
		α, β, e1 := p.α, p.β, e[1]
		mirrored := small(formZ)
		if mirrored {
			hq[0], hq[1], α[0], α[1], β[0], β[1] = hq[1], hq[0], α[1], α[0], β[1], β[0]
			v, z, τ, e1 = z, v, τ.Neg(), e1.Neg()
		}
		if small(formV) && small(formZ) {
			return false
		}
		iz := z.Inv()
		shared := func(i int) interval.Interval { return add(α[i], β[i].Mul(u), s22.Mul(u.Sqr())) } // a∓
		slope := func(i int) interval.Interval { return α[i].Sub(s22.Mul(u.Sqr())) }
		a[0] = hq[0].Mul(shared(0))
		d[0] = mul(u, v, e1.Sub(mul(hq[1], shared(1), iz.Sqr())))
		a[1] = add(hq[0].Mul(shared(0)), mul(hq[1], v.Sqr(), shared(1), iz.Sqr())).Neg()
		d[1] = add(hq[0].Mul(slope(0)), mul(v, add(mul(hq[1], slope(1), iz), e[0], e1.Mul(τ))))
		if mirrored {
			a[0], d[0] = a[0].Neg(), d[0].Neg()
		}
		pull = mul(u, v.Sqr())
	}
	f := b.ranges(&t.pf)
	var low, high [6]interval.Interval // A and B of the six forms
	for n, k := range planarEdges {
		top := interval.Of(4)
		if k == formU {
			top = two
		}
		x := add(mul(t.take[k][0], a[0]), mul(t.take[k][1], a[1]))
		y := add(mul(t.take[k][0], d[0]), mul(t.take[k][1], d[1]))
		low[n], high[n] = x.Add(pull.Mul(f[k])), y
		low[n+3], high[n+3] = pull.Mul(top.Sub(f[k])).Sub(x), y.Neg()
	}
	for n := range sectors {
		ends := [2]interval.Interval{interval.Of(float64(n) / sectors), interval.Of(float64(n+1) / sectors)}
		out := false
		for k := range low {
			out = out || mul(one.Sub(ends[0]), low[k]).Add(ends[0].Mul(high[k])).Negative() &&
				mul(one.Sub(ends[1]), low[k]).Add(ends[1].Mul(high[k])).Negative()
		}
		if !out {
			return false
		}
	}
	return true
}
