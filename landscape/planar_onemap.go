package landscape

import (
	"math/big"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
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
// Sampled plants are equal where A, B, γ and the time are; the sampled (Q, N, R) are
// linear in those of the file, the noise in V.
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
// positive. Q and R are what their symmetric parts are.
func planarFactor(x, y lqr.Spec) (*big.Rat, bool) {
	list := func(s lqr.Spec) []*big.Rat {
		v := append(symmetricRats(s.R), symmetricRats(s.Q)...)
		for i := range s.A.Rows * s.R.Rows {
			n := new(big.Rat)
			if !s.N.IsZero() {
				n = ratOf(s.N.Data[i])
			}
			v = append(v, n)
		}
		return v
	}
	v, w := list(x), list(y)
	if len(v) != len(w) {
		return nil, false
	}
	ρ := new(big.Rat).Quo(w[0], v[0])
	for i := range v {
		if new(big.Rat).Mul(ρ, v[i]).Cmp(w[i]) != 0 {
			return nil, false
		}
	}
	return ρ, true
}

// symmetricRats are the entries of M + Mᵀ on the diagonal and below it.
func symmetricRats(m matrixeq.Matrix) (v []*big.Rat) {
	for i := range m.Rows {
		for j := range i + 1 {
			v = append(v, sumOf(m.At(i, j), m.At(j, i)))
		}
	}
	return v
}

// planarMoment is M + Mᵀ for the moment M of the initial state, noise included, and of
// a sampled plant that of the initial state, which an average cost has none of, and that
// of the noise, apart.
func planarMoment(s lqr.Spec) []*big.Rat {
	if s.AverageCost && s.SampleTime == 0 {
		return symmetricRats(s.Noise)
	}
	m := symmetricRats(matrixeq.Identity(s.A.Rows))
	switch {
	case s.AverageCost:
		m = symmetricRats(matrixeq.New(s.A.Rows, s.A.Rows))
	case !s.Sigma0.IsZero():
		m = symmetricRats(s.Sigma0)
	case s.X0 != nil:
		m = nil
		for i, x := range s.X0 {
			for _, y := range s.X0[:i+1] {
				xy := new(big.Rat).Mul(ratOf(x), ratOf(y))
				m = append(m, xy.Add(xy, xy))
			}
		}
	}
	if s.SampleTime != 0 {
		noise := s.Noise
		if noise.IsZero() {
			noise = matrixeq.New(s.A.Rows, s.A.Rows)
		}
		return append(m, symmetricRats(noise)...)
	}
	if !s.Noise.IsZero() {
		γ := ratOf(s.Discount)
		share := new(big.Rat).Quo(γ, new(big.Rat).Sub(big.NewRat(1, 1), γ))
		for i, v := range symmetricRats(s.Noise) {
			m[i] = new(big.Rat).Add(m[i], v.Mul(v, share))
		}
	}
	return m
}

func ratOf(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

func sumOf(x, y float64) *big.Rat { return new(big.Rat).Add(ratOf(x), ratOf(y)) }
