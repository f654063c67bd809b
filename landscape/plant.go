package landscape

import (
	"math"

	"github.com/metalqr/metalqr/interval"
)

// A plant is one linear-quadratic cost of a scalar gain, its parameters
// enclosed. The symbols are those of the package comment.
type plant struct {
	a, b, q, n, r, γ, s, c interval.Interval
	t1, t0, m0             interval.Interval
	d2                     interval.Interval // D″ = −2γb²
	stable                 interval.Interval // holds every w with D(w) > 0
	opt, tOpt, best        interval.Interval // W*, T*, C*
}

var (
	zero = interval.Of(0)
	one  = interval.Of(1)
	two  = interval.Of(2)
	half = interval.Of(0.5)
)

// complete fills what follows from the parameters. It reports false where they
// are not those of a task with an optimum that intervals can show.
func (p *plant) complete() bool {
	if !p.r.Positive() || !p.s.Positive() || !p.γ.Positive() {
		return false
	}
	bb := p.γ.Mul(p.b.Sqr())
	damp := one.Sub(p.γ.Mul(p.a.Sqr()))
	p.t1 = two.Mul(p.γ).Mul(p.b).Mul(p.r.Mul(p.a).Sub(p.b.Mul(p.n)))
	p.t0 = p.r.Mul(damp).Add(bb.Mul(p.q))
	p.m0 = two.Mul(p.n.Mul(damp).Add(p.γ.Mul(p.a).Mul(p.b).Mul(p.q))).Neg()
	p.d2 = two.Mul(bb).Neg()
	p.stable = interval.Entire()
	if p.b.Lo() != 0 || p.b.Hi() != 0 {
		if p.b.Contains(0) {
			return false
		}
		reach := one.Div(p.γ.Sqrt())
		low, high := p.a.Sub(reach).Div(p.b), p.a.Add(reach).Div(p.b)
		p.stable = low.Hull(high)
	} else if !damp.Positive() {
		return false // no gain stabilises
	}
	// T* = √(t₀² − t₁m₀); of the two forms of the root, the one without
	// cancellation, then Newton on M.
	disc := p.t0.Sqr().Sub(p.t1.Mul(p.m0))
	if !disc.Positive() {
		return false
	}
	p.tOpt = disc.Sqrt()
	switch {
	case p.t0.Hi() > 0:
		p.opt = p.m0.Neg().Div(p.t0.Add(p.tOpt))
	default:
		p.opt = p.tOpt.Sub(p.t0).Div(p.t1)
	}
	p.opt = p.opt.Intersect(p.stable)
	if p.opt.IsEmpty() || !p.opt.IsBounded() {
		return false
	}
	for range 4 {
		m := p.opt.Mid()
		at := interval.Of(m)
		slope := two.Mul(p.t(p.opt))
		if !slope.Positive() {
			break
		}
		rise := p.m0.Add(at.Mul(two.Mul(p.t0).Add(p.t1.Mul(at))))
		next := at.Sub(rise.Div(slope)).Intersect(p.opt)
		if next.IsEmpty() || next == p.opt {
			break
		}
		p.opt = next
	}
	if t := p.t(p.opt).Intersect(p.tOpt); !t.IsEmpty() {
		p.tOpt = t
	}
	d := p.d(p.opt)
	if !d.Positive() || !p.tOpt.Positive() {
		return false
	}
	p.best = p.cost(p.opt, d)
	return true
}

// controlled reports whether the gain moves the closed loop at all.
func (p *plant) controlled() bool { return !p.b.Contains(0) }

// u is a − bw, d is D(w), t is T(w); each has w once, so that the enclosure is
// the range up to rounding.
func (p *plant) u(w interval.Interval) interval.Interval { return p.a.Sub(p.b.Mul(w)) }

func (p *plant) d(w interval.Interval) interval.Interval {
	return one.Sub(p.γ.Mul(p.u(w).Sqr()))
}

func (p *plant) d1(w interval.Interval) interval.Interval {
	return two.Mul(p.γ.Mul(p.b)).Mul(p.u(w))
}

func (p *plant) t(w interval.Interval) interval.Interval { return p.t0.Add(p.t1.Mul(w)) }

// m is M(w). Where T > 0 it increases, and its range is that between the ends;
// (w − W*)(T + T*) keeps the relative accuracy of each.
func (p *plant) m(w, t interval.Interval) interval.Interval {
	if t.Positive() && !w.IsPoint() {
		low, high := math.Inf(-1), math.Inf(1)
		if l := w.Lo(); !math.IsInf(l, -1) {
			low = p.mAt(l).Lo()
		}
		if h := w.Hi(); !math.IsInf(h, 1) {
			high = p.mAt(h).Hi()
		}
		return interval.New(low, high)
	}
	return w.Sub(p.opt).Mul(t.Add(p.tOpt))
}

func (p *plant) mAt(w float64) interval.Interval {
	x := interval.Of(w)
	return x.Sub(p.opt).Mul(p.t(x).Add(p.tOpt))
}

// cost is C(w), d = D(w).
func (p *plant) cost(w, d interval.Interval) interval.Interval {
	n := p.q.Add(w.Mul(p.r.Mul(w).Sub(two.Mul(p.n))))
	if p.n == zero {
		n = p.q.Add(p.r.Mul(w.Sqr()))
	}
	return p.s.Mul(n).Div(d).Add(p.c)
}

// gap is C(w) − C* = s S*(w − W*)²/D, with S* = T*/D*.
func (p *plant) gap(w, d interval.Interval) interval.Interval {
	return p.s.Mul(p.tOpt).Div(p.d(p.opt)).Mul(w.Sub(p.opt).Sqr()).Div(d)
}

// slope is C′(w) = sM/D².
func (p *plant) slope(m, d interval.Interval) interval.Interval {
	return p.s.Mul(m).Div(d.Sqr())
}

// curvature is C″ = 2s(TD − MD′)/D³.
func (p *plant) curvature(t, m, d, d1 interval.Interval) interval.Interval {
	return two.Mul(p.s).Mul(t.Mul(d).Sub(m.Mul(d1))).Div(d.Mul(d.Sqr()))
}
