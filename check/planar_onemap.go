package check

import (
	"fmt"
	"math/big"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
)

// planarOneMap returns nil if all tasks of a family adapt by one map F and have one
// optimal gain, decided exactly as [oneMap] does: with v = (Q, N, R), the plants and
// discounts of f are the same and v is proportional, those of g are and v is, and what
// the rule multiplies the rate by is the same:
//
//	gradient v of g times Σ₀ of g    natural v of g    Gauss–Newton anything
//
// divided, if costs are normalised, by C* of f, which is in proportion to v and Σ₀ of f.
// The f themselves may start from different Σ₀: ∇h = (F′)ᵀ 2E Σ λᵢρᵢΣᵢ, and a sum of
// positive definite Σᵢ is one.
func planarOneMap(f *family.Family) error {
	seen := func(t *family.Task) lqr.Spec {
		if t.Inner != nil {
			return *t.Inner
		}
		return t.Outer
	}
	first := &f.Tasks[0]
	for i := range f.Tasks[1:] {
		t := &f.Tasks[i+1]
		refuse := func(what string) error {
			return fmt.Errorf("tasks %q and %q differ in %s", first.Name, t.Name, what)
		}
		if !planarSame(t.Outer, first.Outer) || !planarSame(seen(t), seen(first)) {
			return refuse("their plants or discounts")
		}
		ρ, ok := proportion(costNumbers(t.Outer), costNumbers(first.Outer))
		if !ok {
			return refuse("more than a factor of their costs")
		}
		σ, ok := proportion(costNumbers(seen(t)), costNumbers(seen(first)))
		if !ok {
			return refuse("more than a factor of the costs of their inner steps")
		}
		if f.Meta.Inner.Rule == family.RuleGaussNewton {
			continue
		}
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			s, ok := proportion(momentNumbers(t.Outer), momentNumbers(first.Outer))
			if !ok {
				return refuse("their starts and noise")
			}
			σ.Quo(σ, ρ.Mul(ρ, s))
		}
		if f.Meta.Inner.Rule == family.RuleGradient {
			s, ok := proportion(momentNumbers(seen(t)), momentNumbers(seen(first)))
			if !ok {
				return refuse("the starts and noise of their inner steps")
			}
			σ.Mul(σ, s)
		}
		if σ.Cmp(rat(1)) != 0 {
			return refuse("the size of their inner steps")
		}
	}
	return nil
}

// proportion is the ρ of x = ρ y, of lists whose first numbers are positive.
func proportion(x, y []*big.Rat) (*big.Rat, bool) {
	if x[0].Sign() <= 0 || y[0].Sign() <= 0 {
		return nil, false
	}
	ρ := new(big.Rat).Quo(x[0], y[0])
	for i := range x {
		if x[i].Cmp(new(big.Rat).Mul(ρ, y[i])) != 0 {
			return nil, false
		}
	}
	return ρ, true
}

// symmetricNumbers is (m₁₁, 2m₁₂, m₂₂).
func symmetricNumbers(m []float64) []*big.Rat {
	return []*big.Rat{rat(m[0]), new(big.Rat).Add(rat(m[1]), rat(m[2])), rat(m[3])}
}

func costNumbers(s lqr.Spec) []*big.Rat {
	v := append([]*big.Rat{rat(s.R.Data[0])}, symmetricNumbers(s.Q.Data)...)
	if s.N.IsZero() {
		return append(v, new(big.Rat), new(big.Rat))
	}
	return append(v, rat(s.N.Data[0]), rat(s.N.Data[1]))
}

// momentNumbers is Σ₀, with noise.
func momentNumbers(s lqr.Spec) []*big.Rat {
	if s.AverageCost {
		return symmetricNumbers(s.Noise.Data)
	}
	m := []*big.Rat{rat(1), new(big.Rat), rat(1)}
	if !s.Sigma0.IsZero() {
		m = symmetricNumbers(s.Sigma0.Data)
	}
	if !s.Noise.IsZero() && s.Discount != 0 && s.Discount != 1 {
		γ := rat(s.Discount)
		share := new(big.Rat).Quo(γ, new(big.Rat).Sub(rat(1), γ))
		for i, x := range symmetricNumbers(s.Noise.Data) {
			m[i].Add(m[i], x.Mul(x, share))
		}
	}
	return m
}
