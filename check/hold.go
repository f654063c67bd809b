package check

import (
	"fmt"
	"math"
)

// A hold encloses what a zero-order hold of h needs of a plant ṡ = a s + u with
// one state: with φ(t) = ∫₀ᵗ e^{av}dv, the s that u = 1 leads to from 0,
//
//	grow  e^{ah}          span    φ(h)             spans   ∫φ
//	gram  ∫e^{2at}        grams   ∫₀ʰ∫₀ᵗe^{2av}dv dt
//	cross ∫e^{at}φ        square  ∫φ²              all integrals in t over [0, h].
type hold struct {
	h, grow, span, spans, gram, grams, cross, square fine
}

// holdTerms is the order of the series summed: 2⁸⁰/80! < 2⁻³¹⁴.
const holdTerms = 80

// newHold encloses them for a time h > 0.
//
// For τ = h/2ᵏ with x = aτ, |x| ≤ ½, and time in units of τ, they are, with
// e = e^{xt}, E = e^{2xt} and f = φ², part of the solution of a linear equation
// v′ = Cv,
//
//	e′ = xe          φ′ = e             (∫φ)′ = φ
//	E′ = 2xE         (∫E)′ = E          (∫∫E)′ = ∫E
//	(eφ)′ = xeφ + E  (∫eφ)′ = eφ        f′ = 2eφ      (∫f)′ = f
//
// from e = E = 1 and 0 for all others. The rows of |C| have sums of at most 2, so
// that in Taylor's series v(1) = Σ Cʲv(0)/j! the largest entry of a term is, from
// j = 4 on, at most half of that of the term before: all that is left out is no
// larger than the largest entry of the last term summed. Then τ is doubled, k times.
func newHold(a, h float64, terms int) (hold, error) {
	const most = 27 // doublings; far more, and e^{ah} leaves the range of big.Float
	k := 0
	for k <= most && math.Abs(a)*math.Ldexp(h, -k) > 0.5 {
		k++
	}
	if !(h > 0 && h-h == 0) || k > most {
		return hold{}, fmt.Errorf("%w: A times sample_time is %.3g", errSample, a*h)
	}
	τ := exactly(h).times(math.Ldexp(1, -k))
	x := exactly(a).mul(τ)
	x2 := x.times(2)

	zero := exactly(0)
	v := [10]fine{exactly(1), zero, zero, exactly(1), zero, zero, zero, zero, zero, zero}
	sum := v
	for j := 1; j <= terms; j++ {
		v = [10]fine{
			x.mul(v[0]), v[0], v[1], // e, φ, ∫φ
			x2.mul(v[3]), v[3], v[4], // E, ∫E, ∫∫E
			x.mul(v[6]).add(v[3]), v[6], // eφ, ∫eφ
			v[6].times(2), v[8], // f, ∫f
		}
		for i := range v {
			v[i] = v[i].div(exactly(float64(j)))
			sum[i] = sum[i].add(v[i])
		}
	}
	last := zero
	for _, y := range v {
		last = last.hull(y).hull(y.neg())
	}
	for i := range sum {
		sum[i] = sum[i].add(last)
	}
	τ2 := τ.sqr()
	s := hold{
		h: τ, grow: sum[0], span: sum[1].mul(τ), spans: sum[2].mul(τ2),
		gram: sum[4].mul(τ), grams: sum[5].mul(τ2), cross: sum[7].mul(τ2), square: sum[9].mul(τ2.mul(τ)),
	}
	for range k {
		s = s.doubled()
	}
	return s, nil
}

// doubled is the hold of twice the time, every integral split in the middle, where
// φ(h + t) = φ(t) + e^{at}φ(h). Nothing cancels, for all is positive.
func (s hold) doubled() hold {
	e2 := s.grow.sqr()
	eφ := s.grow.mul(s.cross.add(s.span.mul(s.gram)))
	return hold{
		h:      s.h.times(2),
		grow:   e2,
		span:   s.span.add(s.grow.mul(s.span)),
		spans:  s.spans.times(2).add(s.span.sqr()),
		gram:   s.gram.add(e2.mul(s.gram)),
		grams:  s.grams.add(s.h.mul(s.gram)).add(e2.mul(s.grams)),
		cross:  s.cross.add(eφ),
		square: s.square.times(2).add(s.span.mul(s.cross).times(2)).add(s.span.sqr().mul(s.gram)),
	}
}

// sample replaces the numbers of a continuous plant by those of its samples: from
// s and with the input u the state is e^{at}s + bφ(t)u, and a sample costs the
// integral of q s² + 2 n s u + r u². Noise of intensity v adds v∫e^{2at} to the second
// moment of s, and costs the integral of q v∫₀ᵗe^{2av}dv in between.
func (p *plant) sample(s hold, v fine) (noise, between fine) {
	b, q, n, r := p.b, p.q, p.n, p.r
	qb := q.mul(b)
	p.a = s.grow
	p.b = b.mul(s.span)
	p.q = q.mul(s.gram)
	p.n = qb.mul(s.cross).add(n.mul(s.span))
	p.r = qb.mul(b).mul(s.square).add(n.mul(b).mul(s.spans).times(2)).add(r.mul(s.h))
	return v.mul(s.gram), v.mul(q).mul(s.grams)
}
