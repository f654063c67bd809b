package landscape

import (
	"math/big"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
)

// A planarCrowd is the cost about the corner u = v = 0, where the poles of plants lie
// that change little in a step. There S is some h⁻⁴ times Σ₀ for states that change
// by h, and the terms of the closed form in [planarPlant] cancel but for h⁴ of them.
// As polynomials in u and v, with δ = 1 − u, τ = 2 − u − v and z = 4 − 2u − v,
//
//	C = F V + P Z,   F = f₀U + f₁ + f₂u,
//	                 P = c₀U + c₁ + c₂u + (c₃U + c₄)v + c₅v²U,
//
// where
//
//	f = ½q₊(α₋, β₋, s₂₂)
//	c₀ = ½q₋α₊ + 4(e₀ + 2e₁)    c₁ = ½q₋β₊ − 2(e₀ + 4e₁) + 4e₂    c₂ = ½q₋s₂₂ + 2e₁ − 2e₂
//	c₃ = −(e₀ + 6e₁)            c₄ = 3e₁ − e₂                     c₅ = e₁,
//
// nothing cancels beyond these constants. They are computed exactly where the plant's
// numbers are, and rounded once.
type planarCrowd struct {
	f [3]interval.Interval
	c [6]interval.Interval
}

// crowded is the plant's cost about the corner. sigma is the moment of the initial
// state without γ/(1 − γ) times the noise, which share says is to be added.
func (p *planarWeighing) crowded(s lqr.Spec, sigma [3]interval.Interval, share bool) (r planarCrowd, ok bool) {
	root, more := bracketOf(one), bracketOf(zero)
	if s.Discount != 0 && s.Discount != 1 {
		γ := bracketOf(interval.Of(s.Discount))
		root = γ.root()
		more = γ.over(bracketOf(one).sub(γ))
	}
	var a [4]bracket
	var b, n [2]bracket
	var q, m [3]bracket
	for i := range a {
		a[i] = bracketOf(p.a[i]).mul(root)
	}
	for i := range b {
		b[i], n[i] = bracketOf(p.b[i]).mul(root), bracketOf(p.n[i])
	}
	for i := range q {
		q[i], m[i] = bracketOf(p.q[i]), bracketOf(sigma[i])
		if share {
			m[i] = m[i].add(more.mul(bracketOf(p.noise[i])))
		}
	}
	weigh := bracketOf(p.r)
	ab := [2]bracket{a[0].mul(b[0]).add(a[1].mul(b[1])), a[2].mul(b[0]).add(a[3].mul(b[1]))}
	det := b[0].mul(ab[1]).sub(b[1].mul(ab[0]))
	if det.lo.Sign()*det.hi.Sign() <= 0 {
		return r, false
	}
	τ0, δ0 := a[0].add(a[3]), a[0].mul(a[3]).sub(a[1].mul(a[2]))
	t2 := [2]bracket{bracketOf(zero).sub(b[1]).over(det), b[0].over(det)}
	t1 := [2]bracket{t2[0].mul(a[0]).add(t2[1].mul(a[2])), t2[0].mul(a[1]).add(t2[1].mul(a[3]))}
	moment := func(x, y [2]bracket) bracket {
		return x[0].mul(y[0]).mul(m[0]).add(x[0].mul(y[1]).add(x[1].mul(y[0])).mul(m[1])).add(x[1].mul(y[1]).mul(m[2]))
	}
	s11, s12, s22 := moment(t1, t1), moment(t1, t2), moment(t2, t2)
	o := bracketOf(zero)
	columns := [3][3]bracket{
		{o, o, bracketOf(one)},
		{b[0], b[1], o.sub(τ0)},
		{ab[0].sub(τ0.mul(b[0])), ab[1].sub(τ0.mul(b[1])), δ0},
	}
	g := func(i, j int) bracket {
		x, y := columns[i], columns[j]
		return q[0].mul(x[0]).mul(y[0]).add(q[1].mul(x[0].mul(y[1]).add(x[1].mul(y[0])))).add(q[2].mul(x[1]).mul(y[1])).
			add(x[0].mul(n[0]).add(x[1].mul(n[1])).mul(y[2])).add(y[0].mul(n[0]).add(y[1].mul(n[1])).mul(x[2])).
			add(weigh.mul(x[2]).mul(y[2]))
	}
	ρ0, ρ1, ρ2 := g(0, 0).add(g(1, 1)).add(g(2, 2)), g(0, 1).add(g(1, 2)), g(0, 2)
	even := ρ0.add(ρ2.times(2))
	plus, minus := even.add(ρ1.times(2)).times(0.5), even.sub(ρ1.times(2)).times(0.5) // ½q±
	e0 := ρ1.mul(s12).sub(ρ2.mul(s11.add(s22))).times(2)
	e1 := ρ2.mul(s12).times(2)
	between := bracketOf(p.between)
	e2 := ρ2.times(2).add(g(2, 2)).mul(s22).sub(g(0, 0).mul(s11)).sub(g(0, 1).mul(s12).times(2)).add(between)
	sum := s11.add(s22)
	r.f = [3]interval.Interval{
		plus.mul(sum.sub(s12.times(2))).round(), plus.mul(s12.sub(s22)).times(2).round(), plus.mul(s22).round(),
	}
	r.c = [6]interval.Interval{
		minus.mul(sum.add(s12.times(2))).add(e0.add(e1.times(2)).times(4)).round(),
		minus.mul(s12.add(s22)).times(-2).sub(e0.add(e1.times(4)).times(2)).add(e2.times(4)).round(),
		minus.mul(s22).add(e1.times(2)).sub(e2.times(2)).round(),
		o.sub(e0.add(e1.times(6))).round(),
		e1.times(3).sub(e2).round(),
		e1.round(),
	}
	for _, x := range append(r.f[:], r.c[:]...) {
		if !x.IsBounded() || x.IsEmpty() {
			return r, false
		}
	}
	return r, true
}

// A bracket is an interval with rational ends.
type bracket struct{ lo, hi *big.Rat }

// bracketOf is a bounded interval.
func bracketOf(x interval.Interval) bracket {
	return bracket{ratOf(x.Lo()), ratOf(x.Hi())}
}

func (x bracket) add(y bracket) bracket {
	return bracket{new(big.Rat).Add(x.lo, y.lo), new(big.Rat).Add(x.hi, y.hi)}
}

func (x bracket) sub(y bracket) bracket {
	return bracket{new(big.Rat).Sub(x.lo, y.hi), new(big.Rat).Sub(x.hi, y.lo)}
}

func (x bracket) mul(y bracket) (r bracket) {
	for _, a := range [2]*big.Rat{x.lo, x.hi} {
		for _, b := range [2]*big.Rat{y.lo, y.hi} {
			c := new(big.Rat).Mul(a, b)
			if r.lo == nil || c.Cmp(r.lo) < 0 {
				r.lo = c
			}
			if r.hi == nil || c.Cmp(r.hi) > 0 {
				r.hi = c
			}
		}
	}
	return r
}

func (x bracket) times(c float64) bracket { return x.mul(bracketOf(interval.Of(c))) }

// over is x/y, of a y that does not hold 0.
func (x bracket) over(y bracket) bracket {
	return x.mul(bracket{new(big.Rat).Inv(y.hi), new(big.Rat).Inv(y.lo)})
}

// root is √x, x > 0, to about 2⁻²⁵⁰ of it.
func (x bracket) root() bracket {
	end := func(x *big.Rat, more int64) *big.Rat {
		f := new(big.Float).SetPrec(300).SetRat(x)
		f.Sqrt(f)
		r, _ := f.Rat(nil)
		scale := new(big.Rat).SetFrac(big.NewInt(more), new(big.Int).Lsh(big.NewInt(1), 250))
		return r.Add(r, scale.Mul(scale, r))
	}
	return bracket{end(x.lo, -1), end(x.hi, 1)}
}

// round is the narrowest float64 interval that holds x, or one a step wider.
func (x bracket) round() interval.Interval {
	lo, exact := x.lo.Float64()
	if !exact {
		lo = interval.SubDown(lo, 0x1p-1074)
	}
	hi, exact := x.hi.Float64()
	if !exact {
		hi = interval.AddUp(hi, 0x1p-1074)
	}
	if lo-lo != 0 || hi-hi != 0 {
		return interval.Entire()
	}
	return interval.New(lo, hi)
}

// corner is C of the plant about u = v = 0 as a jet.
func (p *planarReal) corner(w *tape, x [forms]*jet, u, v, z *jet) *jet {
	a := w.sum(p.near[1], scaled{p.near[0], u}, scaled{p.near[2], x[formU]})
	return w.sum(real{}, scaled{unity, w.mul(a, v)}, scaled{unity, w.mul(p.far(w, x, u), z)})
}

// far is P.
func (p *planarReal) far(w *tape, x [forms]*jet, u *jet) *jet {
	vu := w.mul(x[formV], u)
	return w.sum(p.rest[1], scaled{p.rest[0], u}, scaled{p.rest[2], x[formU]},
		scaled{p.rest[3], vu}, scaled{p.rest[4], x[formV]}, scaled{p.rest[5], w.mul(x[formV], vu)})
}

// cornerSlopes are ∂C/∂u and ∂C/∂v, with z = 4 − 2u − v:
//
//	C_u = F′V + P_uZ + 2PZ²   F′ = f₂ − f₀U²   P_u = c₂ − (c₀ + c₃v + c₅v²)U²
//	C_v = P_vZ + PZ² − FV²                     P_v = c₄ + (c₃ + 2c₅v)U
func (p *planarReal) cornerSlopes(w *tape, x [forms]*jet, u, v, z *jet) [2]*jet {
	u2, v2, z2 := w.mul(u, u), w.mul(v, v), w.mul(z, z)
	vu := w.mul(x[formV], u)
	f := w.sum(p.near[1], scaled{p.near[0], u}, scaled{p.near[2], x[formU]})
	f1 := w.sum(p.near[2], scaled{p.near[0].neg(), u2})
	far := w.mul(p.far(w, x, u), z2)
	pu := w.sum(p.rest[2], scaled{p.rest[0].neg(), u2}, scaled{p.rest[3].neg(), w.mul(vu, u)}, scaled{p.rest[5].neg(), w.mul(vu, vu)})
	pv := w.sum(p.rest[4], scaled{p.rest[3], u}, scaled{p.rest[5].twice(), vu})
	return [2]*jet{
		w.sum(real{}, scaled{unity, w.mul(f1, v)}, scaled{unity, w.mul(pu, z)}, scaled{real{m: 2}, far}),
		w.sum(real{}, scaled{unity, w.mul(pv, z)}, scaled{unity, far}, scaled{real{m: -1}, w.mul(f, v2)}),
	}
}
