package landscape

import (
	"math/big"
	"reflect"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
)

// comesToOne decides, exactly, whether all tasks of a family have one inner map
// F and outer costs proportional to one another (up to constants): then h is a
// positive multiple of one task's meta-objective, plus a constant, and all
// zeros of F − W* have one value. same says that this task's inner steps see
// the cost that counts.
//
// With v = (q, n, r), and s the second moment of the initial state, costs of
// one plant (a, b, γ) are proportional where their v are. The maps of two tasks
// are equal where the inner plants are and, for v₂ = ρ v₁,
//
//	gradient      ρ s₂ = s₁        (F depends on s·v)
//	natural       ρ = 1            (F depends on v)
//	Gauss–Newton  always           (F depends on v up to a factor)
//
// With normalize: optimal-cost the inner v are divided by C*, which is itself
// proportional to s and to v of the outer cost.
func comesToOne(f *family.Family) (one, same bool) {
	first := &f.Tasks[0]
	same = first.G == first.F
	for i := range f.Tasks {
		if !equivalent(first, &f.Tasks[i], &f.Meta) {
			return false, same
		}
	}
	return true, same
}

func equivalent(x, y *family.Task, m *family.Meta) bool {
	if (x.G == x.F) != (y.G == y.F) {
		return false
	}
	xg, yg := inner(x), inner(y)
	if sameSpec(x.Outer, y.Outer) && sameSpec(xg, yg) {
		return true
	}
	for _, s := range []lqr.Spec{x.Outer, y.Outer, xg, yg} {
		if s.SampleTime != 0 {
			return false // its parameters are no rationals
		}
	}
	xf, yf := rational(x.Outer), rational(y.Outer)
	xi, yi := rational(xg), rational(yg)
	if !xf.samePlant(yf) || !xi.samePlant(yi) {
		return false
	}
	outer, ok := xf.factor(yf)
	if !ok {
		return false
	}
	ρ, ok := xi.factor(yi)
	if !ok {
		return false
	}
	if m.Normalize == family.NormalizeOptimalCost {
		// The inner v of the second, relative to the first, after division by
		// C* ∝ s_f ρ_f.
		ρ.Quo(ρ, outer)
		ρ.Mul(ρ, new(big.Rat).Quo(xf.s, yf.s))
	}
	switch m.Inner.Rule {
	case family.RuleGaussNewton:
		return true
	case family.RuleNatural:
		return ρ.Cmp(big.NewRat(1, 1)) == 0
	}
	return ρ.Mul(ρ, new(big.Rat).Quo(yi.s, xi.s)).Cmp(big.NewRat(1, 1)) == 0
}

func inner(t *family.Task) lqr.Spec {
	if t.Inner == nil {
		return t.Outer
	}
	return *t.Inner
}

func sameSpec(x, y lqr.Spec) bool {
	x.Name, y.Name = "", ""
	return reflect.DeepEqual(x, y)
}

// exact is a discrete task in rationals.
type exact struct {
	a, b, γ *big.Rat
	v       [3]*big.Rat // q, n, r
	s       *big.Rat
}

func rational(s lqr.Spec) exact {
	rat := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	e := exact{a: rat(s.A.Data[0]), b: rat(s.B.Data[0]), γ: rat(1), s: rat(1)}
	e.v = [3]*big.Rat{rat(s.Q.Data[0]), rat(0), rat(s.R.Data[0])}
	if !s.N.IsZero() {
		e.v[1] = rat(s.N.Data[0])
	}
	if s.Discount != 0 {
		e.γ = rat(s.Discount)
	}
	noise := rat(0)
	if !s.Noise.IsZero() {
		noise = rat(s.Noise.Data[0])
	}
	switch {
	case s.AverageCost:
		e.s = noise
		return e
	case !s.Sigma0.IsZero():
		e.s = rat(s.Sigma0.Data[0])
	case s.X0 != nil:
		e.s = rat(s.X0[0])
		e.s.Mul(e.s, e.s)
	}
	if noise.Sign() != 0 {
		share := new(big.Rat).Quo(e.γ, new(big.Rat).Sub(rat(1), e.γ))
		e.s.Add(e.s, share.Mul(share, noise))
	}
	return e
}

func (x exact) samePlant(y exact) bool {
	return x.a.Cmp(y.a) == 0 && x.b.Cmp(y.b) == 0 && x.γ.Cmp(y.γ) == 0
}

// factor is ρ with y.v = ρ x.v. r is positive.
func (x exact) factor(y exact) (*big.Rat, bool) {
	ρ := new(big.Rat).Quo(y.v[2], x.v[2])
	for i := range x.v {
		if new(big.Rat).Mul(ρ, x.v[i]).Cmp(y.v[i]) != 0 {
			return nil, false
		}
	}
	return ρ, true
}
