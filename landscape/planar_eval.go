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

func (b planarBox) contains(k [2]float64) bool { return b[0].Contains(k[0]) && b[1].Contains(k[1]) }

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

// direction is d of the task's rule at p_g.
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
	for i := range x {
		x[i] = w.sum(real{}, scaled{unity, x[i]}, scaled{t.shift[i][0], d[0]}, scaled{t.shift[i][1], d[1]})
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
	return p.tasks[0].g.chart.gain([2]interval.Interval{b.over(&nominal[formT]), b.over(&nominal[formD])})
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
