package check

import (
	"fmt"
	"math/big"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
)

// A plant is one task with one state and one input, in the letters of the
// package comment. What it holds besides the numbers of the file is enclosed:
// computed in 256 bits and rounded outward once.
type plant struct {
	a, b, q, r, n, γ float64
	s                *big.Rat // second moment, noise included

	// Numbers of the whole plant.
	t0, t1, tStar, wStar, dStar, pStar, β, moment fine

	near struct { // the same, rounded outward
		a, b, γ, γb2, t0, t1, tStar, wStar, tdStar, β interval.Interval
		stable                                        interval.Interval // holds {D > 0}
	}
}

// newPlant takes a task as its file states it.
func newPlant(s lqr.Spec) (*plant, error) {
	if s.SampleTime != 0 {
		return nil, fmt.Errorf("%w: task %q is a sampled continuous plant", ErrUnsupported, s.Name)
	}
	if s.A.Rows != 1 || s.B.Cols != 1 {
		return nil, fmt.Errorf("%w: gains of %d×%d numbers; only single numbers are checked", ErrUnsupported, s.B.Cols, s.A.Rows)
	}
	p := &plant{a: s.A.Data[0], b: s.B.Data[0], q: s.Q.Data[0], r: s.R.Data[0], γ: 1}
	if !s.N.IsZero() {
		p.n = s.N.Data[0]
	}
	if s.Discount != 0 {
		p.γ = s.Discount
	}
	if err := p.setMoment(s); err != nil {
		return nil, err
	}
	if err := p.convex(); err != nil {
		return nil, fmt.Errorf("task %q: %w", s.Name, err)
	}
	if err := p.solve(); err != nil {
		return nil, fmt.Errorf("task %q: %w", s.Name, err)
	}
	p.round()
	return p, nil
}

func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// setMoment is s = Σ₀ or x₀², plus γ/(1−γ) V with noise; V with average_cost.
func (p *plant) setMoment(s lqr.Spec) error {
	noise := new(big.Rat)
	if !s.Noise.IsZero() {
		noise = rat(s.Noise.Data[0])
	}
	switch {
	case s.AverageCost:
		p.s = noise
	case !s.Sigma0.IsZero():
		p.s = rat(s.Sigma0.Data[0])
	case s.X0 != nil:
		p.s = rat(s.X0[0])
		p.s.Mul(p.s, p.s)
	default:
		p.s = rat(1)
	}
	if !s.AverageCost && noise.Sign() != 0 {
		if p.γ == 1 {
			return fmt.Errorf("task %q: noise without discount", s.Name)
		}
		γ := rat(p.γ)
		f := new(big.Rat).Quo(γ, new(big.Rat).Sub(rat(1), γ))
		p.s.Add(p.s, f.Mul(f, noise))
	}
	if p.s.Sign() <= 0 {
		return fmt.Errorf("task %q: the second moment of its initial state is not positive, and statements about its landscape need that", s.Name)
	}
	return nil
}

// convex checks, exactly, what the uniqueness of W* rests on: r > 0,
// qr − n² ≥ 0, so that N ≥ 0; N > 0 where D = 0; and {D > 0} is not empty.
func (p *plant) convex() error {
	a, b, q, r, n, γ := rat(p.a), rat(p.b), rat(p.q), rat(p.r), rat(p.n), rat(p.γ)
	if r.Sign() <= 0 || γ.Sign() <= 0 || γ.Cmp(rat(1)) > 0 {
		return fmt.Errorf("the weight R = %v must be positive and the discount %v in (0, 1]", p.r, p.γ)
	}
	det := new(big.Rat).Mul(q, r)
	det.Sub(det, new(big.Rat).Mul(n, n))
	if det.Sign() < 0 {
		return fmt.Errorf("the cost's matrix [q n; n r] is not positive semidefinite: qr − n² < 0")
	}
	if b.Sign() == 0 {
		if d := a.Mul(a, a).Mul(a, γ); d.Cmp(rat(1)) >= 0 {
			return fmt.Errorf("no gain stabilises it: b = 0 and γa² ≥ 1")
		}
		return nil
	}
	if det.Sign() == 0 { // N = r(w − n/r)² is zero at w = n/r
		v := n.Quo(n, r)
		v.Sub(a, v.Mul(v, b))
		if v.Mul(v, v).Mul(v, γ).Cmp(rat(1)) == 0 {
			return fmt.Errorf("its cost has no minimum: it is zero at the border of stability")
		}
	}
	return nil
}

// solve finds W* and the numbers at it. M = M₀ + 2T₀w + T₁w² has the two zeros
// (±T* − T₀)/T₁; the one with M′ = 2T* > 0 is W*. Which of the two forms of it
// is used depends on T₀, so that nothing cancels.
func (p *plant) solve() error {
	a, b, q, r, n, γ := exactly(p.a), exactly(p.b), exactly(p.q), exactly(p.r), exactly(p.n), exactly(p.γ)
	single := exactly(1)
	p.β = γ.mul(b.sqr())
	d0 := single.sub(γ.mul(a.sqr()))
	p.t0 = r.mul(d0).add(p.β.mul(q))
	p.t1 = γ.mul(b).mul(r.mul(a).sub(b.mul(n))).times(2)
	m0 := n.mul(d0).add(γ.mul(a).mul(b).mul(q)).times(-2)
	p.tStar = p.t0.sqr().sub(m0.mul(p.t1)).sqrt()
	if p.t0.ok() && p.t0.lo.Sign() >= 0 {
		p.wStar = m0.neg().div(p.t0.add(p.tStar))
	} else {
		p.wStar = p.tStar.sub(p.t0).div(p.t1)
	}
	p.dStar = single.sub(γ.mul(a.sub(b.mul(p.wStar)).sqr()))
	// N = r(w − n/r)² + (q − n²/r) has nothing to cancel.
	shift := n.div(r)
	p.pStar = r.mul(p.wStar.sub(shift).sqr()).add(q.sub(n.mul(shift))).div(p.dStar)
	p.moment = fromRat(p.s)
	if p.dStar.sign() <= 0 || p.tStar.sign() <= 0 || !p.pStar.ok() {
		return fmt.Errorf("its optimum is too near the border of stability to be enclosed")
	}
	return nil
}

func fromRat(x *big.Rat) fine { return fine{down().SetRat(x), up().SetRat(x)} }

func (p *plant) round() {
	k := &p.near
	k.a, k.b, k.γ = interval.Of(p.a), interval.Of(p.b), interval.Of(p.γ)
	k.β, k.t0, k.t1 = p.β.round(), p.t0.round(), p.t1.round()
	k.γb2 = exactly(p.γ).mul(exactly(p.b)).times(2).round()
	k.tStar, k.wStar = p.tStar.round(), p.wStar.round()
	k.tdStar = p.tStar.mul(p.dStar).round()
	k.stable = interval.Entire()
	if p.b != 0 {
		reach := exactly(1).div(exactly(p.γ)).sqrt()
		u := exactly(p.a).sub(reach).div(exactly(p.b)).round()
		v := exactly(p.a).add(reach).div(exactly(p.b)).round()
		k.stable = u.Hull(v)
	}
}

// outside is the sign of −D(w), exactly.
func (p *plant) outside(w float64) int {
	v := rat(w)
	v.Sub(rat(p.a), v.Mul(v, rat(p.b)))
	v.Mul(v, v).Mul(v, rat(p.γ))
	return v.Cmp(rat(1))
}

// A spot is a plant over a box of gains.
type spot struct {
	x, z, t, m, bigM, d, dSlope, l interval.Interval
	inv, inv2, inv3                interval.Interval // powers of 1/D
}

// clearance is D over x, and D′.
func (p *plant) clearance(x interval.Interval) (d, slope interval.Interval) {
	k := &p.near
	v := k.a.Sub(k.b.Mul(x))
	d = v.Sqr()
	if p.γ != 1 {
		d = k.γ.Mul(d)
	}
	return interval.Of(1).Sub(d), k.γb2.Mul(v)
}

var positive = interval.New(0, interval.Entire().Hi())

// spot evaluates the plant at the gains of x where D is in d and D′ in slope; d
// has been cut down to [0, ∞).
func (p *plant) spot(x, d, slope interval.Interval) spot {
	k := &p.near
	s := spot{x: x, d: d, dSlope: slope}
	s.z = x.Sub(k.wStar)
	s.t = k.t0.Add(k.t1.Mul(x)).Intersect(k.tStar.Add(k.t1.Mul(s.z))).Intersect(positive)
	s.m = s.t.Add(k.tStar)
	s.bigM = s.z.Mul(s.m)
	l := k.β.Mul(s.z.Sqr()).Mul(s.m.Add(k.tStar)).Add(k.tdStar)
	s.l = l.Add(l)
	s.inv = d.Inv()
	s.inv2 = s.inv.Sqr()
	s.inv3 = s.inv2.Mul(s.inv)
	return s
}

// isOptimum reports whether M(w) = 0, exactly. Of a gain with D > 0, that is
// whether it is W*.
func (p *plant) isOptimum(w float64) bool {
	a, b, q, r, n, γ, x := rat(p.a), rat(p.b), rat(p.q), rat(p.r), rat(p.n), rat(p.γ), rat(w)
	mul := func(u, v *big.Rat) *big.Rat { return new(big.Rat).Mul(u, v) }
	d0 := new(big.Rat).Sub(rat(1), mul(γ, mul(a, a)))
	ab := mul(γ, mul(a, b))
	t0 := new(big.Rat).Add(mul(r, d0), mul(mul(γ, mul(b, b)), q))
	half1 := mul(mul(γ, b), new(big.Rat).Sub(mul(r, a), mul(b, n))) // T₁/2
	m := new(big.Rat).Add(mul(t0, x), mul(half1, mul(x, x)))
	return m.Cmp(new(big.Rat).Add(mul(n, d0), mul(ab, q))) == 0
}
