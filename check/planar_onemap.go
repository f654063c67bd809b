package check

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// planarOneMap, for gains of any shape, returns nil if all tasks of a family adapt by
// one map F and have one optimal gain, decided exactly as [oneMap] does: with v = (Q, N, R), the plants and
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

// symmetricNumbers is mᵢᵢ and mᵢⱼ + mⱼᵢ, what a square matrix is as a quadratic form.
func symmetricNumbers(m matrixeq.Matrix) []*big.Rat {
	var v []*big.Rat
	for i := range m.Rows {
		v = append(v, rat(m.At(i, i)))
		for j := range i {
			v = append(v, new(big.Rat).Add(rat(m.At(i, j)), rat(m.At(j, i))))
		}
	}
	return v
}

func costNumbers(s lqr.Spec) []*big.Rat {
	v := append(symmetricNumbers(s.R), symmetricNumbers(s.Q)...)
	for k := range s.B.Data {
		x := new(big.Rat)
		if !s.N.IsZero() {
			x = rat(s.N.Data[k])
		}
		v = append(v, x)
	}
	return v
}

// momentNumbers is Σ₀, with noise. A sampled plant's noise is linear in V, but no
// rational number: there Σ₀, which an average cost has none of, and V are listed, so that
// what is said of each holds for the sum. Before them stands Σ₀ + V, of which the first
// number is positive.
func momentNumbers(s lqr.Spec) []*big.Rat {
	start := symmetricNumbers(matrixeq.Identity(s.A.Rows))
	switch {
	case s.AverageCost:
		start = symmetricNumbers(matrixeq.New(s.A.Rows, s.A.Rows))
	case !s.Sigma0.IsZero():
		start = symmetricNumbers(s.Sigma0)
	case s.X0 != nil:
		k := 0
		for i, x := range s.X0 {
			for j := range i + 1 {
				y := new(big.Rat).Mul(rat(x), rat(s.X0[j]))
				if j < i {
					y.Add(y, y)
				}
				// The diagonal comes first in each row.
				start[k+(j+1)%(i+1)] = y
			}
			k += i + 1
		}
	}
	noise := symmetricNumbers(matrixeq.New(s.A.Rows, s.A.Rows))
	if !s.Noise.IsZero() {
		noise = symmetricNumbers(s.Noise)
	}
	share := rat(1)
	if γ := s.Discount; s.SampleTime == 0 && !s.AverageCost && γ != 0 && γ != 1 {
		share.Quo(rat(γ), new(big.Rat).Sub(rat(1), rat(γ)))
	}
	var sum []*big.Rat
	for i, x := range noise {
		sum = append(sum, new(big.Rat).Add(start[i], new(big.Rat).Mul(x, share)))
	}
	if s.SampleTime == 0 {
		return sum
	}
	return slices.Concat(sum, start, noise)
}
