package landscape

import "github.com/metalqr/metalqr/interval"

// sample replaces a continuous scalar plant by its exact samples under
// zero-order hold for a time h, and returns the covariance that noise of a given
// intensity adds in a sample and what it costs in between. With x = ah and
//
//	p₁(x) = (eˣ − 1)/x = Σ xʲ/(j+1)!      p₂(x) = (p₁(x) − 1)/x = Σ xʲ/(j+2)!
//	k(x) = (p₁(2x) − 2p₁(x) + 1)/x² = Σ (2ʲ⁺² − 2) xʲ/(j+3)!
//
// the integrals over [0, h] of φ(u) = ∫₀ᵘ e^{av}dv, of its square, of its product
// with φ′ = e^{au}, and of e^{2au} are h²p₂(x), h³k(x), φ(h)²/2 and h p₁(2x), and
//
//	a ← eˣ,  b ← bφ(h),  q ← q∫φ′²,  n ← qbφ(h)²/2 + nφ(h),
//	r ← qb²∫φ² + 2nb∫φ + rh,  V ← V∫φ′²;  in between Vq h²p₂(2x).
//
// Package lqr's sample.go has the same for matrices.
func (p *plant) sample(time float64, noise interval.Interval) (sampled, between interval.Interval) {
	h := interval.Of(time)
	x := p.a.Mul(h)
	twice := two.Mul(x)
	φ := h.Mul(p1(x))
	square := h.Mul(p1(twice)) // ∫φ′²
	b, q, n, r := p.b, p.q, p.n, p.r
	p.a = x.Exp()
	p.b = b.Mul(φ)
	p.q = q.Mul(square)
	p.n = q.Mul(b).Mul(φ.Sqr()).Mul(half).Add(n.Mul(φ))
	p.r = q.Mul(b.Sqr()).Mul(h.Mul(h.Sqr())).Mul(k2(x)).Add(two.Mul(n).Mul(b).Mul(h.Sqr()).Mul(p2(x))).Add(r.Mul(h))
	return noise.Mul(square), noise.Mul(q).Mul(h.Sqr()).Mul(p2(twice))
}

// series encloses Σ cⱼxʲ for |x| ≤ 1 and coefficients of which each is at most
// half of the one before it from the 30th on: what is left out after the first
// 30 is at most |x|³⁰ times twice the next coefficient.
func series(x interval.Interval, coefficient func(j int) interval.Interval) interval.Interval {
	const terms = 30
	rest := 2 * coefficient(terms).Mag()
	sum := interval.New(-rest, rest)
	for j := terms - 1; j >= 0; j-- {
		sum = coefficient(j).Add(x.Mul(sum))
	}
	return sum
}

// overFactorial is 1/n!.
func overFactorial(n int) interval.Interval {
	f := one
	for i := 2; i <= n; i++ {
		f = f.Div(interval.Of(float64(i)))
	}
	return f
}

func p1(x interval.Interval) interval.Interval {
	if x.Mag() <= 1 {
		return series(x, func(j int) interval.Interval { return overFactorial(j + 1) })
	}
	return x.Exp().Sub(one).Div(x)
}

func p2(x interval.Interval) interval.Interval {
	if x.Mag() <= 1 {
		return series(x, func(j int) interval.Interval { return overFactorial(j + 2) })
	}
	return p1(x).Sub(one).Div(x)
}

func k2(x interval.Interval) interval.Interval {
	if x.Mag() <= 1 {
		return series(x, func(j int) interval.Interval {
			return interval.Of(float64(int64(1)<<(j+2) - 2)).Mul(overFactorial(j + 3))
		})
	}
	return p1(two.Mul(x)).Sub(two.Mul(p1(x))).Add(one).Div(x.Sqr())
}
