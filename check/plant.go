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
	stated stated

	// Numbers of the plant, sampled if it was stated in continuous time; exactly
	// those of the file if it was not.
	a, b, q, r, n fine
	γ             float64
	moment        fine // s, noise included
	constant      fine // what no gain changes: the cost is sN/D and this

	// Numbers of the whole plant.
	t0, t1, tStar, wStar, dStar, pStar, β fine

	near struct { // the same, rounded outward
		a, b, γ, γb2, t0, t1, tStar, wStar, tdStar, β interval.Interval
		stable                                        interval.Interval // holds {D > 0}
	}
}

// stated are the numbers of the file.
type stated struct {
	a, b, q, r, n float64
	time          float64  // of a hold; 0 if the plant is stated in discrete time
	start, noise  *big.Rat // second moment of the initial state, 0 with average_cost; V
	s             *big.Rat // second moment, noise included; nil of a sampled plant
}

// newPlant takes a task as its file states it.
func newPlant(s lqr.Spec) (*plant, error) {
	if s.A.Rows != 1 || s.B.Cols != 1 {
		return nil, fmt.Errorf("%w: gains of %d×%d numbers; only single numbers are checked", ErrUnsupported, s.B.Cols, s.A.Rows)
	}
	p := &plant{γ: 1}
	o := &p.stated
	o.a, o.b, o.q, o.r, o.time = s.A.Data[0], s.B.Data[0], s.Q.Data[0], s.R.Data[0], s.SampleTime
	if !s.N.IsZero() {
		o.n = s.N.Data[0]
	}
	if s.Discount != 0 {
		p.γ = s.Discount
	}
	p.a, p.b, p.q, p.r, p.n = exactly(o.a), exactly(o.b), exactly(o.q), exactly(o.r), exactly(o.n)
	for _, set := range []func() error{
		func() error { return p.setMoment(s) }, p.convex, p.solve,
	} {
		if err := set(); err != nil {
			return nil, fmt.Errorf("task %q: %w", s.Name, err)
		}
	}
	p.round()
	return p, nil
}

func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// setMoment samples the plant if it is to be sampled, and finds s and the constant
// part of the cost. s is Σ₀ or x₀², plus γ/(1−γ) V with noise; V with average_cost.
// What noise costs between two samples, every gain pays once a step.
func (p *plant) setMoment(s lqr.Spec) error {
	o := &p.stated
	o.noise, o.start = new(big.Rat), new(big.Rat)
	if !s.Noise.IsZero() {
		o.noise = rat(s.Noise.Data[0])
	}
	switch {
	case s.AverageCost:
	case !s.Sigma0.IsZero():
		o.start = rat(s.Sigma0.Data[0])
	case s.X0 != nil:
		o.start = rat(s.X0[0])
		o.start.Mul(o.start, o.start)
	default:
		o.start = rat(1)
	}
	// Noise counts Σ γᵏ times: share of it in s, per in the constant.
	share, per := rat(1), rat(1)
	if !s.AverageCost && o.noise.Sign() != 0 {
		if p.γ == 1 {
			return fmt.Errorf("noise without discount")
		}
		per.Inv(new(big.Rat).Sub(rat(1), rat(p.γ)))
		share.Mul(rat(p.γ), per)
	}
	p.constant = exactly(0)
	if o.time == 0 {
		o.s = new(big.Rat).Mul(share, o.noise)
		o.s.Add(o.s, o.start)
		p.moment = fromRat(o.s)
	} else {
		hold, err := newHold(o.a, o.time, holdTerms)
		if err != nil {
			return err
		}
		noise, between := p.sample(hold, fromRat(o.noise))
		p.moment = fromRat(o.start).add(fromRat(share).mul(noise))
		p.constant = fromRat(per).mul(between)
	}
	if p.moment.sign() <= 0 {
		return fmt.Errorf("the second moment of its initial state is not positive, and statements about its landscape need that")
	}
	return nil
}

// convex checks what the uniqueness of W* rests on: r > 0, qr − n² ≥ 0, so that
// N ≥ 0; N > 0 where D = 0; and {D > 0} is not empty. Exactly, of a plant stated in
// discrete time.
//
// Of a sampled one qr − n² ≥ 0 follows if it holds for the numbers of the file: the
// sampled matrix [q n; n r] is an integral of XᵀΓX, with that of the file for Γ. All
// other signs are those of enclosures, and undecided ones are refused.
func (p *plant) convex() error {
	o := &p.stated
	a, b, q, r, n, γ := rat(o.a), rat(o.b), rat(o.q), rat(o.r), rat(o.n), rat(p.γ)
	if r.Sign() <= 0 || γ.Sign() <= 0 || γ.Cmp(rat(1)) > 0 {
		return fmt.Errorf("the weight R = %v must be positive and the discount %v in (0, 1]", o.r, p.γ)
	}
	det := new(big.Rat).Mul(q, r)
	det.Sub(det, new(big.Rat).Mul(n, n))
	definite := det.Sign() > 0
	if o.time != 0 {
		definite = p.q.mul(p.r).sub(p.n.sqr()).sign() > 0
		if p.r.sign() <= 0 {
			return fmt.Errorf("the weight R of its samples, in %v, is not found to be positive", p.r.round())
		}
	}
	if det.Sign() < 0 && !definite {
		return fmt.Errorf("the cost's matrix [q n; n r] is not positive semidefinite: qr − n² < 0")
	}
	at := func(x *big.Rat) *big.Rat { // γx² − 1
		y := new(big.Rat).Mul(x, x)
		return y.Mul(y, γ).Sub(y, rat(1))
	}
	switch {
	case b.Sign() == 0:
		if o.time == 0 && at(a).Sign() >= 0 || p.clear(exactly(0)).sign() <= 0 {
			return fmt.Errorf("no gain stabilises it: b = 0 and γa² ≥ 1")
		}
	case definite:
	case o.time == 0: // N = r(w − n/r)² is zero at w = n/r
		v := new(big.Rat).Quo(n, r)
		if at(v.Sub(a, v.Mul(v, b))).Sign() == 0 {
			return fmt.Errorf("its cost has no minimum: it is zero at the border of stability")
		}
	case p.clear(p.n.div(p.r)).sign() == 0: // N is zero there, if anywhere
		return fmt.Errorf("its cost may have no minimum: it may be zero at the border of stability")
	}
	return nil
}

// clear is D(w).
func (p *plant) clear(w fine) fine {
	return exactly(1).sub(exactly(p.γ).mul(p.a.sub(p.b.mul(w)).sqr()))
}

// solve finds W* and the numbers at it. M = M₀ + 2T₀w + T₁w² has the two zeros
// (±T* − T₀)/T₁; the one with M′ = 2T* > 0 is W*. Which of the two forms of it
// is used depends on T₀, so that nothing cancels.
func (p *plant) solve() error {
	a, b, q, r, n, γ := p.a, p.b, p.q, p.r, p.n, exactly(p.γ)
	p.β = γ.mul(b.sqr())
	d0 := exactly(1).sub(γ.mul(a.sqr()))
	p.t0 = r.mul(d0).add(p.β.mul(q))
	p.t1 = γ.mul(b).mul(r.mul(a).sub(b.mul(n))).times(2)
	m0 := n.mul(d0).add(γ.mul(a).mul(b).mul(q)).times(-2)
	p.tStar = p.t0.sqr().sub(m0.mul(p.t1)).sqrt()
	if p.t0.ok() && p.t0.lo.Sign() >= 0 {
		p.wStar = m0.neg().div(p.t0.add(p.tStar))
	} else {
		p.wStar = p.tStar.sub(p.t0).div(p.t1)
	}
	p.dStar = p.clear(p.wStar)
	// N = r(w − n/r)² + (q − n²/r) has nothing to cancel.
	shift := n.div(r)
	p.pStar = r.mul(p.wStar.sub(shift).sqr()).add(q.sub(n.mul(shift))).div(p.dStar)
	if p.dStar.sign() <= 0 || p.tStar.sign() <= 0 || !p.pStar.ok() {
		return fmt.Errorf("its optimum is too near the border of stability to be enclosed")
	}
	return nil
}

func fromRat(x *big.Rat) fine { return fine{down().SetRat(x), up().SetRat(x)} }

func (p *plant) round() {
	k := &p.near
	k.a, k.b, k.γ = p.a.round(), p.b.round(), interval.Of(p.γ)
	k.β, k.t0, k.t1 = p.β.round(), p.t0.round(), p.t1.round()
	k.γb2 = exactly(p.γ).mul(p.b).times(2).round()
	k.tStar, k.wStar = p.tStar.round(), p.wStar.round()
	k.tdStar = p.tStar.mul(p.dStar).round()
	k.stable = interval.Entire()
	if p.b.sign() != 0 {
		reach := exactly(1).div(exactly(p.γ)).sqrt()
		u := p.a.sub(reach).div(p.b).round()
		v := p.a.add(reach).div(p.b).round()
		k.stable = u.Hull(v)
	}
}

// beyond proves, of a plant stated in discrete time exactly, that D ≤ 0 from x on
// in the direction given: so at x, and x lies on that side of a/b, where D is
// largest.
func (p *plant) beyond(x float64, direction int) bool {
	w := exactly(x)
	d, side := p.clear(w).sign(), p.b.sign()*p.b.mul(w).sub(p.a).sign()
	if o := &p.stated; o.time == 0 && (d == 0 || side == 0) {
		v := rat(x)
		v.Mul(v, rat(o.b)).Sub(v, rat(o.a))
		side = v.Sign() * rat(o.b).Sign()
		v.Mul(v, v).Mul(v, rat(p.γ))
		if d = rat(1).Cmp(v); d == 0 {
			d = -1
		}
	}
	return d < 0 && side == direction
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

// isOptimum reports whether M(w) = 0, exactly; of a sampled plant, that is not
// found out. Of a gain with D > 0, that is whether it is W*.
func (p *plant) isOptimum(w float64) bool {
	o := &p.stated
	if o.time != 0 {
		return false
	}
	a, b, q, r, n, γ, x := rat(o.a), rat(o.b), rat(o.q), rat(o.r), rat(o.n), rat(p.γ), rat(w)
	mul := func(u, v *big.Rat) *big.Rat { return new(big.Rat).Mul(u, v) }
	d0 := new(big.Rat).Sub(rat(1), mul(γ, mul(a, a)))
	ab := mul(γ, mul(a, b))
	t0 := new(big.Rat).Add(mul(r, d0), mul(mul(γ, mul(b, b)), q))
	half1 := mul(mul(γ, b), new(big.Rat).Sub(mul(r, a), mul(b, n))) // T₁/2
	m := new(big.Rat).Add(mul(t0, x), mul(half1, mul(x, x)))
	return m.Cmp(new(big.Rat).Add(mul(n, d0), mul(ab, q))) == 0
}
