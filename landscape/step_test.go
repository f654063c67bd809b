package landscape

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

var rules = []family.Rule{family.RuleGradient, family.RuleNatural, family.RuleGaussNewton}

// stepParts are what a step says of itself, each with its value in 256 bits.
// Derivatives that the oracle does not have are central differences of those
// that it has, over 10⁻²⁵ of D: exact to 10⁻⁵⁰.
var stepParts = []struct {
	name    string
	enclose func(s step, p *plant, l *local) interval.Interval
	exact   func(s step, o *oraclePlant[digits], w digits) (digits, bool)
	same    bool // needs w ≠ W*
}{
	{"F", step.to, func(s step, o *oraclePlant[digits], w digits) (digits, bool) {
		to, _, ok := exactStep(s, o, w)
		return to, ok
	}, false},
	{"F′", step.deriv, exactDeriv, false},
	{"F″", step.deriv2, difference(exactDeriv), false},
	{"κ", step.ratio, exactRatio, true},
	{"κ′", step.ratioDeriv, difference(exactRatio), true},
	{"fold", step.fold, exactFold, true},
	{"fold′", step.foldDeriv, difference(exactFold), true},
}

func exactStep(s step, o *oraclePlant[digits], w digits) (to, deriv digits, ok bool) {
	at, ok := o.at(w)
	if !ok {
		return w, w, false
	}
	to, deriv = o.step(s.rule, exactly(s.η), w, &at)
	return to, deriv, true
}

func exactDeriv(s step, o *oraclePlant[digits], w digits) (digits, bool) {
	_, deriv, ok := exactStep(s, o, w)
	return deriv, ok
}

func exactRatio(s step, o *oraclePlant[digits], w digits) (digits, bool) {
	to, _, ok := exactStep(s, o, w)
	opt := o.optimum()
	if off := w.sub(opt); ok && off.abs().float() > 1e-9 {
		κ := to.sub(opt).div(off)
		if s.rule == family.RuleGaussNewton && s.η == 0.5 {
			κ = κ.div(off)
		}
		return κ, true
	}
	return w, false
}

func exactFold(s step, o *oraclePlant[digits], w digits) (digits, bool) {
	deriv, ok := exactDeriv(s, o, w)
	if s.rule == family.RuleGaussNewton && s.η == 0.5 {
		off := w.sub(o.optimum())
		if off.abs().float() < 1e-9 {
			return w, false
		}
		deriv = deriv.div(off)
	}
	return deriv, ok
}

func difference(f func(s step, o *oraclePlant[digits], w digits) (digits, bool)) func(s step, o *oraclePlant[digits], w digits) (digits, bool) {
	return func(s step, o *oraclePlant[digits], w digits) (digits, bool) {
		at, ok := o.at(w)
		if !ok {
			return w, false
		}
		h := at.d.mul(exactly(1e-25))
		if o.b.sign() != 0 {
			h = h.div(o.b)
		}
		x, ok1 := f(s, o, w.add(h))
		y, ok2 := f(s, o, w.sub(h))
		return x.sub(y).div(h.mul(exactly(2))), ok1 && ok2
	}
}

// misses counts, for each part, how often an enclosure distorted by plant does
// not hold its value, and how often it was tried at a single gain.
func misses(n int, note func(format string, args ...any), plant func(part string, x interval.Interval) interval.Interval) (missed, tried map[string]int) {
	missed, tried = map[string]int{}, map[string]int{}
	r := rand.New(rand.NewPCG(7, 8))
	d := draw{Rand: r}
	for range n {
		spec := scalarSpec(r)
		p, err := enclose(spec)
		if err != nil {
			continue
		}
		o := oracleOf(spec)
		q := floats(&oracle[digits]{f: []*oraclePlant[digits]{o}, g: []*oraclePlant[digits]{o}, weights: []digits{exactly(1)}}).f[0]
		s := step{rules[d.IntN(3)], []float64{0, 0.5, 1, d.log(1e-4, 2)}[d.IntN(4)]}
		x := d.gain(q)
		box := interval.Of(x)
		if d.pick(2) {
			y := x + (d.gain(q)-x)*d.log(1e-9, 1)
			box = interval.New(min(x, y), max(x, y))
			x += (y - x) * d.Float64()
		}
		l, ok := p.at(box)
		if !ok || !box.Contains(x) {
			continue
		}
		for _, part := range stepParts {
			v, ok := part.exact(s, o, exactly(x))
			if !ok {
				continue
			}
			e := plant(part.name, part.enclose(s, p, &l))
			if box.IsPoint() {
				tried[part.name]++
			}
			if !contains(e, v) && !nearlyZero(e, v) {
				missed[part.name]++
				if missed[part.name] == 1 {
					note("%s of %v at %v of %v: %v does not hold %.25g: %+v", part.name, s, x, box, e, v.Float, spec)
				}
			}
		}
	}
	return missed, tried
}

// nearlyZero forgives a zero that the differences see as their own rounding.
func nearlyZero(x interval.Interval, v digits) bool {
	return x.Contains(0) && v.abs().float() < 1e-25
}

func TestStepEncloses(t *testing.T) {
	missed, tried := misses(1200, t.Logf, func(_ string, x interval.Interval) interval.Interval { return x })
	for _, part := range stepParts {
		if missed[part.name] > 0 || tried[part.name] < 150 {
			t.Errorf("%s: missed %d times, %d single gains tried", part.name, missed[part.name], tried[part.name])
		}
	}
}

// An error of 10⁻⁹ in any one part is caught in that part.
func TestStepPlantedErrors(t *testing.T) {
	for _, wrong := range stepParts {
		missed, _ := misses(250, func(string, ...any) {}, func(part string, x interval.Interval) interval.Interval {
			if part == wrong.name {
				x = x.Mul(interval.Of(1 + 1e-9))
			}
			return x
		})
		for _, part := range stepParts {
			if caught := missed[part.name] > 20; caught != (part.name == wrong.name) {
				t.Errorf("with an error in %s, %s is missed %d times", wrong.name, part.name, missed[part.name])
			}
		}
	}
}

// The zero of a deflated step's factors is that of the step, at policy iteration:
// F′ = (w − W*)·fold and F − W* = (w − W*)²·κ there, with no zero but at t₁ = 0.
func TestDeflates(t *testing.T) {
	for _, s := range []step{{family.RuleGaussNewton, 0.5}, {family.RuleGaussNewton, math.Nextafter(0.5, 1)}, {family.RuleGaussNewton, math.Nextafter(0.5, 0)}, {family.RuleNatural, 0.5}, {family.RuleGradient, 0.5}} {
		if want := s.rule == family.RuleGaussNewton && s.η == 0.5; s.deflates() != want {
			t.Errorf("%v deflates: %v", s, !want)
		}
	}
}

// Paths, and what the probes make of them: h, h′ and h″ of random families at
// gains of random boxes inside the domain and across its ends.
func TestPathsEnclose(t *testing.T) {
	n, tried, across := 25, 0, 0
	if testing.Short() {
		n = 20
	}
	for seed := uint64(9000); seed < 9000+uint64(n); seed++ {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 1))}
		f, rates, err := d.family()
		if err != nil || len(f.Tasks) > 6 {
			continue
		}
		p, err := New(f, rates)
		if err != nil {
			continue
		}
		x := newTrial(f, rates, seed)
		low, high := x.limits()
		if !(low < high) {
			continue
		}
		for range 12 {
			a := low + d.Float64()*(high-low)
			b := a
			if !d.pick(3) {
				b = min(high, a+(high-low)*d.log(1e-9, 0.3))
			}
			box := interval.New(a, b)
			known := p.within(box, &scratch{})
			slope, curvature, ok := p.slope(box, known, &scratch{})
			value, okValue := p.value(box, known, &scratch{})
			gap, okGap := interval.Entire(), true
			if known {
				gap, okGap = p.gap(box, &scratch{})
			} else {
				across++
			}
			for range 4 {
				w := exactly(a + (b-a)*d.Float64())
				o := x.exact.at(w, true)
				if !o.inside {
					if known {
						t.Fatalf("seed %d: %v of %v is outside\n%s", seed, w.float(), box, x)
					}
					continue
				}
				if !ok || !okValue || !okGap {
					t.Fatalf("seed %d: %v of %v is inside\n%s", seed, w.float(), box, x)
				}
				tried++
				best := exactly(0)
				for i, g := range x.exact.f {
					at, _ := g.at(g.optimum())
					best = best.add(x.exact.weights[i].mul(at.cost))
				}
				for _, c := range []struct {
					what string
					x    interval.Interval
					v    digits
				}{{"h", value, o.value}, {"h′", slope, o.slope}, {"h − Σλ C*", gap, o.value.sub(best)}} {
					if !contains(c.x, c.v) {
						t.Fatalf("seed %d: %s over %v (known %v): %v does not hold %.25g at %v\n%s", seed, c.what, box, known, c.x, c.v.Float, w.float(), x)
					}
				}
				if known && !box.IsPoint() {
					h := exactly((high - low) * 1e-30).mul(o.least)
					u, v := x.exact.at(w.add(h), false), x.exact.at(w.sub(h), false)
					second := u.slope.sub(v.slope).div(h.mul(exactly(2)))
					// Where the ends are too near for the difference, a look suffices.
					if curvature.Sign()*second.sign() < 0 || !contains(curvature, second) && o.least.float() > 1e-6 {
						t.Fatalf("seed %d: h″ over %v: %v does not hold %.25g at %v\n%s", seed, box, curvature, second.Float, w.float(), x)
					}
				}
				// x_K′ of each task
				for i := range p.tasks {
					j, deriv, ok := p.tasks[i].singular(box, known, &scratch{})
					if !ok || !contains(j, o.jac[i]) {
						t.Fatalf("seed %d: x_K′ of task %d over %v: %v does not hold %.20g (%v)\n%s", seed, i, box, j, o.jac[i].Float, deriv, x)
					}
				}
			}
		}
	}
	if tried < 5*n || across < n/4 {
		t.Errorf("%d tried, %d boxes across an end", tried, across)
	}
}

// The functions of the sampled plant against closed forms with 1200 bits, on
// both sides of where the series ends.
func TestSampleFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	n := 1000
	if testing.Short() {
		n = 100
	}
	wide := func(x float64) digits { return digits{new(big.Float).SetPrec(1200).SetFloat64(x)} }
	for i := range n {
		x := math.Copysign(math.Exp(r.Float64()*60-56), r.Float64()-0.5)
		switch i {
		case 0, 1, 2, 3, 4, 5:
			x = []float64{1, math.Nextafter(1, 2), math.Nextafter(1, 0), -1, 0.5, math.Nextafter(0.5, 1)}[i]
		}
		e := oracleExp(wide(x), 1200)
		e2 := e.mul(e)
		one, two := wide(1), wide(2)
		u := wide(x)
		first := e.sub(one).div(u)
		second := first.sub(one).div(u)
		firstTwice := e2.sub(one).div(two.mul(u))
		k := firstTwice.sub(two.mul(first)).add(one).div(u.mul(u))
		at := interval.Of(x)
		for _, c := range []struct {
			what string
			x    interval.Interval
			v    digits
		}{{"p₁", p1(at), first}, {"p₂", p2(at), second}, {"k", k2(at), k}} {
			if !contains(c.x, c.v) {
				t.Fatalf("%s(%v) = %v does not hold %.25g", c.what, x, c.x, c.v.Float)
			}
			if !(c.x.Width() < 1e-12*c.x.Mag()) {
				t.Errorf("%s(%v) is known to %.2g only", c.what, x, c.x.Width()/c.x.Mag())
			}
		}
	}
	for _, c := range []struct {
		what string
		x    interval.Interval
		v    float64
	}{{"p₁(0)", p1(zero), 1}, {"p₂(0)", p2(zero), 0.5}, {"k(0)", k2(zero), 1. / 3}} {
		if !c.x.Contains(c.v) || c.x.Width() > 1e-15 {
			t.Errorf("%s = %v, want %v", c.what, c.x, c.v)
		}
	}
}

// Sampled plants: the parameters hold those of the integrals in 1200 bits, and
// these agree with Simpson's rule.
func TestSampleEncloses(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	d := draw{Rand: r}
	for range 600 {
		spec := scalarSpec(r)
		spec.A.Data[0] = math.Copysign(d.log(1e-12, 4), r.Float64()-0.5)
		if d.pick(6) {
			spec.A.Data[0] = 0
		}
		h := d.log(1e-4, 3)
		p := &plant{γ: one, s: one, n: zero, c: zero}
		x := func(m []float64) float64 {
			if len(m) == 0 {
				return 0
			}
			return m[0]
		}
		a, b, q, n, rr, v := x(spec.A.Data), x(spec.B.Data), x(spec.Q.Data), x(spec.N.Data), x(spec.R.Data), x(spec.Noise.Data)
		p.a, p.b, p.q, p.n, p.r = interval.Of(a), interval.Of(b), interval.Of(q), interval.Of(n), interval.Of(rr)
		noise, between := p.sample(h, interval.Of(v))
		o := &oraclePlant[digits]{a: exactly(a), b: exactly(b), q: exactly(q), n: exactly(n), r: exactly(rr)}
		oNoise, oBetween := o.oracleSample(h, exactly(v))

		// Simpson's rule for the state φ′s + bφ a at times t.
		const steps = 400
		simpson := func(f func(t float64) float64) float64 {
			sum := 0.0
			for i := 0; i <= steps; i++ {
				w := 2.0
				switch {
				case i == 0 || i == steps:
					w = 1
				case i%2 == 1:
					w = 4
				}
				sum += w * f(h*float64(i)/steps)
			}
			return sum * h / steps / 3
		}
		grow := func(t float64) float64 { return math.Exp(a * t) }
		reach := func(t float64) float64 {
			if a == 0 {
				return t
			}
			return math.Expm1(a*t) / a
		}
		spread := func(t float64) float64 {
			if a == 0 {
				return t
			}
			return math.Expm1(2*a*t) / (2 * a)
		}
		for _, c := range []struct {
			what    string
			x       interval.Interval
			v       digits
			simpson float64
			size    float64 // of what is added up
		}{
			{"a", p.a, o.a, grow(h), 0},
			{"b", p.b, o.b, b * reach(h), 0},
			{"q", p.q, o.q, simpson(func(t float64) float64 { return q * grow(t) * grow(t) }), 0},
			{"n", p.n, o.n, simpson(func(t float64) float64 { return q*b*grow(t)*reach(t) + n*grow(t) }), math.Abs(n) * h},
			{"r", p.r, o.r, simpson(func(t float64) float64 { return q*b*b*reach(t)*reach(t) + 2*n*b*reach(t) + rr }), rr * h},
			{"noise", noise, oNoise, simpson(func(t float64) float64 { return v * grow(t) * grow(t) }), 0},
			{"between", between, oBetween, simpson(func(t float64) float64 { return q * v * spread(t) }), 0},
		} {
			if !contains(c.x, c.v) || c.x.Width() > 1e-11*(c.x.Mag()+c.size) {
				t.Fatalf("%s = %v does not hold %.25g, or is too wide: h = %v, %+v", c.what, c.x, c.v.Float, h, spec)
			}
			if got := c.v.float(); math.Abs(got-c.simpson) > 1e-7*(math.Abs(got)+c.size) {
				t.Fatalf("%s = %v by integrals, %v by Simpson's rule: h = %v, %+v", c.what, got, c.simpson, h, spec)
			}
		}
	}
}
