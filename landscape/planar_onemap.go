package landscape

import (
	"math/big"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
)

// planarComesToOne decides, exactly, whether all tasks of a family have one
// inner map F and outer costs with one optimal gain: then, with Σ̃ the sum of
// λᵢρᵢΣ₀ᵢ, h is one task's meta-objective of initial moment Σ̃, plus a constant,
// and all zeros of F − W* have one value. same says that the inner steps see the
// cost that counts.
//
// Costs of one plant (A, B, γ) have one optimal gain where (Q, N, R) are
// proportional, whatever Σ₀. The maps of two tasks are equal where the inner
// plants are and, for (Q, N, R)₂ = ρ (Q, N, R)₁,
//
//	gradient      ρ Σ₀₂ = Σ₀₁
//	natural       ρ = 1
//	Gauss–Newton  always
//
// Divided by their optimal costs, tasks are here taken for different, except with
// the Gauss–Newton rule, unless they are the same.
func planarComesToOne(f *family.Family) (one, same bool) {
	x := &f.Tasks[0]
	same = x.G == x.F
	for i := range f.Tasks {
		if !planarEquivalent(x, &f.Tasks[i], &f.Meta) {
			return false, same
		}
	}
	return true, same
}

func planarEquivalent(x, y *family.Task, m *family.Meta) bool {
	if (x.G == x.F) != (y.G == y.F) {
		return false
	}
	xg, yg := inner(x), inner(y)
	if sameSpec(x.Outer, y.Outer) && sameSpec(xg, yg) {
		return true
	}
	if !samePlant(x.Outer, y.Outer) || !samePlant(xg, yg) {
		return false
	}
	if _, ok := planarFactor(x.Outer, y.Outer); !ok {
		return false
	}
	ρ, ok := planarFactor(xg, yg)
	switch {
	case !ok:
		return false
	case m.Inner.Rule == family.RuleGaussNewton:
		return true
	case m.Normalize == family.NormalizeOptimalCost:
		return false
	case m.Inner.Rule == family.RuleNatural:
		return ρ.Cmp(big.NewRat(1, 1)) == 0
	}
	s1, s2 := planarMoment(xg), planarMoment(yg)
	for i := range s1 {
		if new(big.Rat).Mul(ρ, s2[i]).Cmp(s1[i]) != 0 {
			return false
		}
	}
	return true
}

// planarFactor is ρ with (Q, N, R) of y that are ρ times those of x. R is
// positive. Q is what its symmetric part is.
func planarFactor(x, y lqr.Spec) (*big.Rat, bool) {
	list := func(s lqr.Spec) []*big.Rat {
		v := []*big.Rat{ratOf(s.R.Data[0]), ratOf(s.Q.Data[0]), sumOf(s.Q.Data[1], s.Q.Data[2]), ratOf(s.Q.Data[3]), new(big.Rat), new(big.Rat)}
		if !s.N.IsZero() {
			v[4], v[5] = ratOf(s.N.Data[0]), ratOf(s.N.Data[1])
		}
		return v
	}
	v, w := list(x), list(y)
	ρ := new(big.Rat).Quo(w[0], v[0])
	for i := range v {
		if new(big.Rat).Mul(ρ, v[i]).Cmp(w[i]) != 0 {
			return nil, false
		}
	}
	return ρ, true
}

// planarMoment is (s₁₁, 2s₁₂, s₂₂) of the initial state, noise included.
func planarMoment(s lqr.Spec) []*big.Rat {
	list := func(x []float64) []*big.Rat { return []*big.Rat{ratOf(x[0]), sumOf(x[1], x[2]), ratOf(x[3])} }
	if s.AverageCost {
		return list(s.Noise.Data)
	}
	m := []*big.Rat{big.NewRat(1, 1), new(big.Rat), big.NewRat(1, 1)}
	switch {
	case !s.Sigma0.IsZero():
		m = list(s.Sigma0.Data)
	case s.X0 != nil:
		x, y := ratOf(s.X0[0]), ratOf(s.X0[1])
		xy := new(big.Rat).Mul(x, y)
		m = []*big.Rat{new(big.Rat).Mul(x, x), xy.Add(xy, xy), new(big.Rat).Mul(y, y)}
	}
	if !s.Noise.IsZero() {
		γ := ratOf(s.Discount)
		share := new(big.Rat).Quo(γ, new(big.Rat).Sub(big.NewRat(1, 1), γ))
		for i, v := range list(s.Noise.Data) {
			m[i] = new(big.Rat).Add(m[i], v.Mul(v, share))
		}
	}
	return m
}

func ratOf(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

func sumOf(x, y float64) *big.Rat { return new(big.Rat).Add(ratOf(x), ratOf(y)) }
