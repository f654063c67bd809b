package check

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A step is one inner step F of one task.
type step struct {
	rule family.Rule
	p    *plant
	e    fine
	near interval.Interval // e
	half bool              // Gauss–Newton with η = ½, where κ(W*) = 0
}

// jet2 is a function with two derivatives.
type jet2 struct{ f, d, dd interval.Interval }

var (
	unit  = interval.Of(1)
	two   = interval.Of(2)
	three = interval.Of(3)
)

// at is F, F′ and F″.
func (s *step) at(o *spot) jet2 {
	k, e := &s.p.near, s.near
	switch s.rule {
	case family.RuleGradient:
		return jet2{
			f: o.x.Sub(e.Mul(o.bigM.Mul(o.inv2))),
			d: unit.Sub(e.Mul(o.l.Mul(o.inv3))),
			dd: e.Mul(three).Neg().Mul(
				two.Mul(k.β).Mul(o.bigM).Mul(o.d).Sub(o.l.Mul(o.dSlope))).Mul(o.inv2.Sqr()),
		}
	case family.RuleNatural:
		u := o.t.Mul(o.d).Add(o.l.Scale(0.5))
		du := two.Mul(k.t1.Mul(o.d).Add(k.β.Mul(o.bigM)))
		return jet2{
			f:  o.x.Sub(e.Mul(o.bigM.Mul(o.inv))),
			d:  unit.Sub(e.Mul(u.Mul(o.inv2))),
			dd: e.Neg().Mul(du.Mul(o.d).Sub(two.Mul(u).Mul(o.dSlope))).Mul(o.inv3),
		}
	default:
		ρ := k.tStar.Div(o.t)
		ρ2 := ρ.Sqr()
		return jet2{
			f:  o.x.Sub(e.Mul(o.z).Mul(unit.Add(ρ))),
			d:  unit.Sub(e).Sub(e.Mul(ρ2)),
			dd: two.Mul(e).Mul(k.t1).Mul(ρ2.Div(o.t)),
		}
	}
}

// far is F as W* + zκ(x), which at unbounded x is on one side of W* where
// x − eM/Θ is everything.
func (s *step) far(o *spot) interval.Interval {
	κ, _ := s.reach(o)
	if s.half {
		κ = κ.Mul(o.z)
	}
	return s.p.near.wStar.Add(κ.Mul(o.z))
}

// reach is κ(x) and its derivative in x; with Gauss–Newton and η = ½ those of
// κ(x)/(x − W*) = (T₁/2)/T.
func (s *step) reach(o *spot) (κ, slope interval.Interval) {
	k, e := &s.p.near, s.near
	switch {
	case s.half:
		κ = k.t1.Scale(0.5).Div(o.t)
		return κ, two.Mul(κ.Sqr()).Neg()
	case s.rule == family.RuleGradient:
		return unit.Sub(e.Mul(o.m.Mul(o.inv2))),
			e.Neg().Mul(k.t1.Mul(o.d).Sub(two.Mul(o.m).Mul(o.dSlope))).Mul(o.inv3)
	case s.rule == family.RuleNatural:
		return unit.Sub(e.Mul(o.m.Mul(o.inv))),
			e.Neg().Mul(k.t1.Mul(o.d).Sub(o.m.Mul(o.dSlope))).Mul(o.inv2)
	default:
		ρ := k.tStar.Div(o.t)
		return unit.Sub(e).Sub(e.Mul(ρ)), e.Mul(ρ).Mul(k.t1.Div(o.t))
	}
}

// fold is F′(x) and its derivative in x; where deflated, and the step is
// Gauss–Newton with η = ½, those of F′(x)/(x − W*) = (T₁/2)(T + T*)/T².
func (s *step) fold(o *spot, deflated bool) (f, slope interval.Interval) {
	if !deflated || !s.half {
		j := s.at(o)
		return j.d, j.dd
	}
	// (T + T*)/T² = (1 + T*/T)/T falls in T: its derivative is −(1 + 2T*/T)/T².
	k := &s.p.near
	ρ := k.tStar.Div(o.t)
	h := k.t1.Scale(0.5)
	f = h.Mul(unit.Add(ρ).Div(o.t))
	return f, h.Mul(k.t1).Neg().Mul(unit.Add(two.Mul(ρ)).Div(o.t.Sqr()))
}
