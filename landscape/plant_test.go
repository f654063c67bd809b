package landscape

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// contains reports whether a number, known to 2⁻¹⁵⁰, is in the interval.
func contains(x interval.Interval, v digits) bool {
	if e := v.abs().mul(exactly(0x1p-150)); !x.IsEmpty() && v.sub(e).sub(digits{bound(x.Hi())}).sign() <= 0 && v.add(e).sub(digits{bound(x.Lo())}).sign() >= 0 {
		return true
	}
	return false
}

// scalarSpec is a random task with every field that a scalar task may have.
func scalarSpec(r *rand.Rand) lqr.Spec {
	d := draw{Rand: r}
	p := d.plant()
	m := func(x float64) matrixeq.Matrix { return matrixeq.Matrix{Rows: 1, Cols: 1, Data: []float64{x}} }
	s := lqr.Spec{A: m(p.a), B: m(p.b), Q: m(p.q), R: m(p.r)}
	if p.n != 0 {
		s.N = m(p.n)
	}
	if d.pick(3) {
		s.Discount = d.between(0.2, 1)
		if d.pick(2) {
			s.Noise = m(d.log(1e-3, 1e3))
		}
	} else if d.pick(5) {
		s.AverageCost, s.Noise = true, m(d.log(1e-3, 1e3))
	}
	if !s.AverageCost {
		switch d.IntN(3) {
		case 0:
			s.Sigma0 = m(d.log(1e-3, 1e3))
		case 1:
			s.X0 = []float64{d.between(0.1, 9)}
		}
	}
	return s
}

// A random gain of the stable set, near its border now and then.
func (d draw) gain(p *oraclePlant[double]) float64 {
	reach := 1 / math.Sqrt(float64(p.γ))
	u := reach * d.between(-1, 1)
	if d.pick(3) {
		u = math.Copysign(reach*(1-d.log(1e-12, 1e-1)), u)
	}
	if p.b == 0 {
		return 10 * d.NormFloat64()
	}
	return (float64(p.a) - u) / float64(p.b)
}

// What the package comment says of N, D, T and M, in 256 bits: identities hold
// to 2⁻²⁰⁰ of what is added up.
func TestPlantIdentities(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tried := 0
	for range 3000 {
		o := oracleOf(scalarSpec(r))
		q := floats(&oracle[digits]{f: []*oraclePlant[digits]{o}, g: []*oraclePlant[digits]{o}, weights: []digits{exactly(1)}}).f[0]
		w := exactly(draw{Rand: r}.gain(q))
		at, ok := o.at(w)
		best := o.optimum()
		opt, okOpt := o.at(best)
		if !ok || !okOpt {
			continue
		}
		tried++
		c := exactly
		one, two := c(1), c(2)
		bb := o.γ.mul(o.b).mul(o.b)
		damp := one.sub(o.γ.mul(o.a).mul(o.a))
		t1 := two.mul(o.γ).mul(o.b).mul(o.r.mul(o.a).sub(o.b.mul(o.n)))
		t0 := o.r.mul(damp).add(bb.mul(o.q))
		m0 := c(-2).mul(o.n.mul(damp).add(o.γ.mul(o.a).mul(o.b).mul(o.q)))
		T := func(w digits) digits { return t1.mul(w).add(t0) }
		M := m0.add(w.mul(two.mul(t0).add(t1.mul(w))))
		D, D1 := at.d, two.mul(o.γ).mul(o.b).mul(o.a.sub(o.b.mul(w)))
		N := o.q.add(w.mul(o.r.mul(w).sub(two.mul(o.n))))
		N1 := two.mul(o.r.mul(w).sub(o.n))
		same := func(what string, x, y digits, of ...digits) {
			t.Helper()
			size := x.abs().add(y.abs())
			for _, z := range of {
				size = size.add(z.abs())
			}
			if x.sub(y).abs().cmp(size.mul(c(0x1p-200))) > 0 {
				t.Errorf("%s: %.20g and %.20g", what, x.Float, y.Float)
			}
		}
		same("T = rD + γb²N", T(w), o.r.mul(D).add(bb.mul(N)), o.r, bb.mul(o.q), t1.mul(w), t0)
		same("M = N′D − ND′", M, N1.mul(D).sub(N.mul(D1)), N1.mul(D), N.mul(D1), m0, t1.mul(w).mul(w), t0.mul(w))
		same("M = (w − W*)(T + T*)", M, w.sub(best).mul(T(w).add(T(best))), m0, t1.mul(w).mul(w), t0.mul(w))
		same("T*² = t₀² − t₁m₀", T(best).mul(T(best)), t0.mul(t0).sub(t1.mul(m0)), t0.mul(t0), t1.mul(m0))
		same("C′ = sM/D²", at.c1, o.s.mul(M).div(D.mul(D)), o.s.mul(m0).div(D.mul(D)), o.s.mul(N.mul(D1)).div(D.mul(D)))
		same("C″ = 2s(TD − MD′)/D³", at.c2, two.mul(o.s).mul(T(w).mul(D).sub(M.mul(D1))).div(D.mul(D).mul(D)), two.mul(o.s).mul(T(w)).div(D.mul(D)), o.s.mul(M.mul(D1)).div(D.mul(D).mul(D)), o.s.mul(N.mul(D1).mul(D1)).div(D.mul(D).mul(D)))
		same("C − C* = s S*(w − W*)²/D", at.cost.sub(opt.cost), o.s.mul(T(best).div(opt.d)).mul(w.sub(best)).mul(w.sub(best)).div(D), at.cost, opt.cost)
		if T(w).sign() <= 0 || T(best).sign() <= 0 {
			t.Errorf("T is not positive at %v", w)
		}
	}
	if tried < 2500 {
		t.Errorf("%d tried", tried)
	}
}

// Enclosures of a plant over a box hold the values at gains of it, and are
// narrow at a point.
func TestPlantEncloses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := draw{Rand: r}
	tried, refused := 0, 0
	for range 1000 {
		spec := scalarSpec(r)
		p, err := enclose(spec)
		if err != nil {
			refused++
			continue
		}
		o := oracleOf(spec)
		q := floats(&oracle[digits]{f: []*oraclePlant[digits]{o}, g: []*oraclePlant[digits]{o}, weights: []digits{exactly(1)}}).f[0]
		best, _ := o.at(o.optimum())
		if !contains(p.opt, o.optimum()) || !contains(p.best, best.cost) {
			t.Fatalf("W* %v, C* %v do not hold %.20g, %.20g: %+v", p.opt, p.best, o.optimum().Float, best.cost.Float, spec)
		}
		if w := p.opt.Width(); w > 1e-12*(p.opt.Mag()+1/math.Abs(float64(q.b))) && q.b != 0 {
			t.Errorf("W* is known to %.2g only: %+v", w, spec)
		}
		for range 6 {
			x, y := d.gain(q), d.gain(q)
			switch d.IntN(3) {
			case 0:
				y = x
			case 1:
				y = x + (y-x)*d.log(1e-9, 1)
			}
			box := interval.New(min(x, y), max(x, y))
			l, ok := p.at(box)
			for k := range 4 {
				w := exactly([]float64{x, y, x + (y-x)*0.5, x + (y-x)*d.Float64()}[k])
				at, stable := o.at(w)
				if !stable || !box.Contains(w.float()) {
					continue
				}
				tried++
				if !ok {
					t.Fatalf("no gain of %v said to be stable: %+v", box, spec)
				}
				two := exactly(2)
				T := at.s.mul(at.d)
				for _, c := range []struct {
					what string
					x    interval.Interval
					v    digits
				}{
					{"w", l.w, w},
					{"D", l.d, at.d},
					{"T", l.t, T},
					{"M", l.m, two.mul(at.e).mul(at.d)},
					{"C", p.cost(l.w, l.d), at.cost},
					{"C′", p.slope(l.m, l.d), at.c1},
					{"C″", p.curvature(l.t, l.m, l.d, l.d1), at.c2},
					{"C − C*", p.gap(l.w, l.d), at.cost.sub(best.cost)},
				} {
					if !contains(c.x, c.v) {
						t.Fatalf("%s over %v: %v does not hold %.25g at %v: %+v", c.what, box, c.x, c.v.Float, w, spec)
					}
				}
				if box.IsPoint() {
					if g := p.gap(l.w, l.d); g.Width() > 1e-3*g.Mag() && math.Abs(x-p.opt.Mid()) > 1e-6*(math.Abs(x)+1e-3) && at.d.float() > 1e-9 {
						t.Errorf("gap %v at %v: %+v", g, x, spec)
					}
				}
			}
		}
	}
	if tried < 2500 || refused > 100 {
		t.Errorf("%d tried, %d refused", tried, refused)
	}
}

// The parameters come from a spec as package lqr takes them: values, slopes and
// curvatures of its own points lie within rounding of the enclosures.
func TestPlantAgainstLqr(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	d := draw{Rand: r}
	tried := 0
	for range 1000 {
		spec := scalarSpec(r)
		if d.pick(3) {
			spec.SampleTime = d.log(1e-3, 1)
			spec.A.Data[0] = d.between(-3, 3)
		}
		task, err := lqr.New(spec)
		if err != nil {
			continue
		}
		p, err := enclose(spec)
		if err != nil {
			t.Errorf("%v: %+v", err, spec)
			continue
		}
		near := func(what string, x interval.Interval, v, size float64) {
			t.Helper()
			// Cancellation in float64: 1e-8 of what is added up.
			if e := 1e-8 * (math.Abs(v) + size); v < x.Lo()-e || v > x.Hi()+e {
				t.Errorf("%s %v, and lqr has %v: %+v", what, x, v, spec)
			}
		}
		opt := task.Optimum()
		near("W*", p.opt, opt.Gain.Data[0], math.Abs(1/p.b.Mid()))
		near("C*", p.best, opt.Cost, 0)
		reach := 0.9 / math.Sqrt(p.γ.Mid())
		for range 3 {
			w := 3 * d.NormFloat64()
			if p.b.Mid() != 0 {
				w = (p.a.Mid() - reach*d.between(-1, 1)) / p.b.Mid()
			}
			at, err := task.Evaluate([]float64{w})
			if err != nil {
				continue
			}
			tried++
			l, ok := p.at(interval.Of(w))
			if !ok {
				t.Fatalf("%v is stable: %+v", w, spec)
			}
			var g, h, v [1]float64
			at.Grad(g[:])
			at.HessVec(h[:], []float64{1})
			v[0] = at.Value()
			near("C", p.cost(l.w, l.d), v[0], 0)
			// Slopes cancel on the scale of the stable set, of width about 2/b.
			near("C′", p.slope(l.m, l.d), g[0], math.Abs(v[0]*p.b.Mid()))
			near("C″", p.curvature(l.t, l.m, l.d, l.d1), h[0], math.Abs(v[0]*p.b.Mid()*p.b.Mid()))
			near("C − C*", p.gap(l.w, l.d), at.Gap(), 1e-6*v[0])
		}
	}
	if tried < 1500 {
		t.Errorf("%d tried", tried)
	}
}

// TestOracle checks the judge: packages lqr and maml give its values and slopes,
// for every rule, one step and three, inner tasks, weights and normalised costs.
func TestOracle(t *testing.T) {
	tried := map[family.Rule]int{}
	for seed := uint64(5000); seed < 5250; seed++ {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 1))}
		f, rates, err := d.family()
		if err != nil || len(f.Tasks) > 6 {
			continue
		}
		x := newTrial(f, rates, seed)
		m := metaOf(t, f, rates)
		low, high := x.limits()
		for range 20 {
			w := low + d.Float64()*(high-low)
			got := x.exact.at(exactly(w), false)
			at, err := m.Evaluate([]float64{w})
			if got.least.float() < 1e-4 {
				continue // ill-conditioned in float64, on either side of the border
			}
			if (err == nil) != got.inside {
				t.Errorf("seed %d: at %v inside %v, and maml says %v\n%s", seed, w, got.inside, err, x)
				break
			}
			if err != nil {
				continue
			}
			tried[f.Meta.Inner.Rule]++
			var g [1]float64
			at.Grad(g[:])
			scale := got.value.abs().float() / (high - low) / got.least.float() // of what cancels in h′
			if math.Abs(at.Value()-got.value.float()) > 1e-7*math.Abs(at.Value()) || math.Abs(g[0]-got.slope.float()) > 1e-5*(math.Abs(g[0])+scale) {
				t.Errorf("seed %d: at %v h = %v, h′ = %v, and maml has %v, %v\n%s", seed, w, got.value.float(), got.slope.float(), at.Value(), g[0], x)
				break
			}
			// and the floats of the search
			if q := x.quick.at(double(w), false); !q.inside || math.Abs(float64(q.value)-at.Value()) > 1e-7*math.Abs(at.Value()) {
				t.Errorf("seed %d: floats at %v: %+v", seed, w, q)
			}
		}
	}
	for _, rule := range []family.Rule{family.RuleGradient, family.RuleNatural, family.RuleGaussNewton} {
		if tried[rule] < 150 {
			t.Errorf("%v tried %d times", rule, tried[rule])
		}
	}
}
