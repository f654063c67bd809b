package check

import (
	"fmt"
	"math/big"

	"github.com/metalqr/metalqr/family"
)

// oneMap returns nil if the family comes to one task: if all tasks adapt by the
// same map F and their costs are proportional, so that
//
//	h = ρ C(x_K) + const,   h′ = ρ C′(x_K) F_K′(x_{K−1}) ⋯ F_1′(x₀),   ρ > 0.
//
// Decided exactly, on the numbers of the file. With v = (q, n, r), a task's cost
// is proportional to another's if a, b and γ are the same and v is proportional.
// Its map is the same if a, b and γ of g are, and, the rates being common,
//
//	gradient        c s v of g is the same     (F = w − η c s M/D², M linear in v)
//	natural         c v of g is the same       (F = w − η c M/D)
//	Gauss–Newton    v of g is proportional     (F = w − η M/T, T linear in v)
//
// Here c is 1, or with normalised costs the reciprocal of the optimal cost s P*
// of f. P* is linear in v too, so that among costs with v = ρ v₀ the ratio of
// two such c is ρ s/s₀, a rational number.
//
// Plants that are sampled after the same time have the same samples if a and b of
// the file are the same, and then the sampled v is linear in that of the file; s in
// (Σ₀, V), and what noise costs between samples in the product of V and v.
func oneMap(f *family.Family, p *problem) error {
	first := p.tasks[0]
	for _, t := range p.tasks[1:] {
		refuse := func(what string) error {
			return fmt.Errorf("tasks %q and %q differ in %s", first.name, t.name, what)
		}
		if !samePlant(t.f, first.f) || !samePlant(t.g, first.g) {
			return refuse("their plants or discounts")
		}
		ρ, ok := ratio(t.f, first.f)
		if !ok {
			return refuse("more than a factor of their costs")
		}
		σ, ok := ratio(t.g, first.g)
		if !ok {
			return refuse("more than a factor of the costs of their inner steps")
		}
		if f.Meta.Inner.Rule == family.RuleGaussNewton {
			continue
		}
		// σ becomes the ratio of what multiplies the rate.
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			s, ok := moments(t.f, first.f)
			if !ok {
				return refuse("their starts and noise")
			}
			σ.Quo(σ, ρ.Mul(ρ, s))
		}
		if f.Meta.Inner.Rule == family.RuleGradient {
			s, ok := moments(t.g, first.g)
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

func samePlant(a, b *plant) bool {
	return a.stated.a == b.stated.a && a.stated.b == b.stated.b && a.stated.time == b.stated.time && a.γ == b.γ
}

// ratio is the ρ of v(a) = ρ v(b).
func ratio(a, b *plant) (*big.Rat, bool) {
	x, y := &a.stated, &b.stated
	ρ := new(big.Rat).Quo(rat(x.r), rat(y.r))
	for _, c := range [2][2]float64{{x.q, y.q}, {x.n, y.n}} {
		if rat(c[0]).Cmp(new(big.Rat).Mul(ρ, rat(c[1]))) != 0 {
			return nil, false
		}
	}
	return ρ, true
}

// moments is the ratio of s, of two plants that are the same. Of sampled ones it is
// known where (Σ₀, V) are proportional; the sum of the two is then not 0.
func moments(a, b *plant) (*big.Rat, bool) {
	x, y := &a.stated, &b.stated
	if x.time == 0 {
		return new(big.Rat).Quo(x.s, y.s), true
	}
	mul := func(u, v *big.Rat) *big.Rat { return new(big.Rat).Mul(u, v) }
	if mul(x.start, y.noise).Cmp(mul(y.start, x.noise)) != 0 {
		return nil, false
	}
	sum := func(o *stated) *big.Rat { return new(big.Rat).Add(o.start, o.noise) }
	return new(big.Rat).Quo(sum(x), sum(y)), true
}
