package landscape

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A step is an inner step at one rate. Its F is w − ηM/Θ.
type step struct {
	rule family.Rule
	η    float64
}

// local is a plant at the gains of an interval: what the rules and the cost
// share.
type local struct {
	w, d, d1, t, m interval.Interval
	cut            bool // D ≤ 0 was not excluded, and has been cut off
}

// at evaluates a plant for the gains of w with D(w) > 0, and reports false
// where there is none: enclosures are of those gains alone, so that near the
// border of stability quotients by D are half-lines instead of everything.
func (p *plant) at(w interval.Interval) (local, bool) {
	w = w.Intersect(p.stable)
	if w.IsEmpty() {
		return local{}, false
	}
	l := local{w: w, d: p.d(w)}
	if !(l.d.Hi() > 0) {
		return local{}, false
	}
	if l.d.Lo() <= 0 {
		l.cut, l.d = true, interval.New(0, l.d.Hi())
	}
	l.d1 = p.d1(w)
	l.t = p.t(w)
	l.m = p.m(w, l.t)
	return l, true
}

// to encloses F at the gains of l.
func (s step) to(p *plant, l *local) interval.Interval {
	if s.η == 0 {
		return l.w
	}
	η := interval.Of(s.η)
	if !p.controlled() { // F is affine, and this form has w once
		κ := s.deriv(p, l)
		return p.opt.Add(l.w.Sub(p.opt).Mul(κ))
	}
	switch s.rule {
	case family.RuleNatural:
		return l.w.Sub(η.Mul(l.m).Div(l.d))
	case family.RuleGaussNewton:
		return l.w.Sub(η.Mul(l.m).Div(l.t))
	}
	return l.w.Sub(η.Mul(p.slope(l.m, l.d)))
}

// deriv encloses F′:
//
//	gradient      1 − 2ηs(TD − MD′)/D³
//	natural       1 − η(2TD − MD′)/D²
//	Gauss–Newton  1 − η − ηT*²/T²
func (s step) deriv(p *plant, l *local) interval.Interval {
	if s.η == 0 {
		return one
	}
	η := interval.Of(s.η)
	switch s.rule {
	case family.RuleNatural:
		return one.Sub(η.Mul(two.Mul(l.t).Mul(l.d).Sub(l.m.Mul(l.d1))).Div(l.d.Sqr()))
	case family.RuleGaussNewton:
		return one.Sub(η).Sub(η.Mul(p.tOpt.Div(l.t).Sqr()))
	}
	return one.Sub(η.Mul(p.curvature(l.t, l.m, l.d, l.d1)))
}

// deriv2 encloses F″:
//
//	gradient      −ηC‴,  C‴ = 2s(G′D − 3GD′)/D⁴,  G = TD − MD′,  G′ = t₁D − TD′ − MD″
//	natural       −η(H′D − 2HD′)/D³,              H = 2TD − MD′, H′ = 2t₁D − MD″
//	Gauss–Newton  2ηt₁T*²/T³
func (s step) deriv2(p *plant, l *local) interval.Interval {
	if s.η == 0 {
		return zero
	}
	η := interval.Of(s.η)
	switch s.rule {
	case family.RuleNatural:
		h := two.Mul(l.t).Mul(l.d).Sub(l.m.Mul(l.d1))
		h1 := two.Mul(p.t1).Mul(l.d).Sub(l.m.Mul(p.d2))
		return η.Mul(two.Mul(h).Mul(l.d1).Sub(h1.Mul(l.d))).Div(l.d.Mul(l.d.Sqr()))
	case family.RuleGaussNewton:
		return two.Mul(η).Mul(p.t1).Mul(p.tOpt.Sqr()).Div(l.t.Mul(l.t.Sqr()))
	}
	g := l.t.Mul(l.d).Sub(l.m.Mul(l.d1))
	g1 := p.t1.Mul(l.d).Sub(l.t.Mul(l.d1)).Sub(l.m.Mul(p.d2))
	third := two.Mul(p.s).Mul(g1.Mul(l.d).Sub(interval.Of(3).Mul(g).Mul(l.d1))).Div(l.d.Sqr().Sqr())
	return η.Mul(third).Neg()
}

// ratio encloses κ(w) = (F(w) − W*)/(w − W*) = 1 − η(T + T*)/Θ of a plant whose
// cost is the outer one too. At η = ½ the Gauss–Newton rule has
// κ = (w − W*)t₁/(2T); deflated is κ divided by w − W* then.
func (s step) ratio(p *plant, l *local) (κ interval.Interval) {
	if s.deflates() {
		return half.Mul(p.t1).Div(l.t)
	}
	η := interval.Of(s.η)
	switch s.rule {
	case family.RuleNatural:
		return one.Sub(η.Mul(l.t.Add(p.tOpt)).Div(l.d))
	case family.RuleGaussNewton:
		return one.Sub(η).Sub(η.Mul(p.tOpt.Div(l.t)))
	}
	return one.Sub(η.Mul(p.s).Mul(l.t.Add(p.tOpt)).Div(l.d.Sqr()))
}

// ratioDeriv encloses κ′ (of the deflated κ where the step deflates):
//
//	gradient      −ηs(t₁D − 2(T + T*)D′)/D³
//	natural       −η(t₁D − (T + T*)D′)/D²
//	Gauss–Newton  ηT*t₁/T²,  deflated −t₁²/(2T²)
func (s step) ratioDeriv(p *plant, l *local) interval.Interval {
	if s.deflates() {
		return half.Mul(p.t1.Div(l.t).Sqr()).Neg()
	}
	η := interval.Of(s.η)
	sum := l.t.Add(p.tOpt)
	switch s.rule {
	case family.RuleNatural:
		return η.Mul(sum.Mul(l.d1).Sub(p.t1.Mul(l.d))).Div(l.d.Sqr())
	case family.RuleGaussNewton:
		return η.Mul(p.tOpt).Mul(p.t1).Div(l.t.Sqr())
	}
	return η.Mul(p.s).Mul(two.Mul(sum).Mul(l.d1).Sub(p.t1.Mul(l.d))).Div(l.d.Mul(l.d.Sqr()))
}

// deflates reports whether F − W* has a double zero at W*: Gauss–Newton at
// η = ½, policy iteration. F′ and κ then vanish there exactly, and are divided
// by w − W* before their zeros are sought.
func (s step) deflates() bool { return s.rule == family.RuleGaussNewton && s.η == 0.5 }

// fold encloses F′, deflated: F′ = (w − W*) t₁(T + T*)/(2T²) at η = ½ with the
// Gauss–Newton rule.
func (s step) fold(p *plant, l *local) interval.Interval {
	if s.deflates() {
		return half.Mul(p.t1).Mul(l.t.Add(p.tOpt)).Div(l.t.Sqr())
	}
	return s.deriv(p, l)
}

// foldDeriv encloses the derivative of fold; deflated −t₁²(T + 2T*)/(2T³).
func (s step) foldDeriv(p *plant, l *local) interval.Interval {
	if s.deflates() {
		return half.Mul(p.t1.Sqr()).Mul(l.t.Add(two.Mul(p.tOpt))).Div(l.t.Mul(l.t.Sqr())).Neg()
	}
	return s.deriv2(p, l)
}
