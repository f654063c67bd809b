package check

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A double integrator under a force, with V = diag(0, v): everything sampled is
// a polynomial in h, here a dyadic number or a third of one.
func TestSampledDoubleIntegrator(t *testing.T) {
	const h, q1, q2, r, v = 0.5, 3, 2, 0.25, 4
	p, err := sampled(lqr.Spec{
		A: matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{0, 1, 0, 0}}, B: matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{0, 1}},
		Q: matrixeq.Diagonal(q1, q2), R: matrixeq.Scalar(r), Noise: matrixeq.Diagonal(0, v), Discount: 0.5, SampleTime: h,
	})
	if err != nil {
		t.Fatal(err)
	}
	// Numerators over 960.
	of := func(numerators ...float64) bigm {
		m := newBig(len(numerators), 1)
		for i, x := range numerators {
			m.d[i].Quo(bf(x), bf(960))
		}
		return m
	}
	const k, h2, h3, h4, h5 = 960, h * h, h * h * h, h * h * h * h, h * h * h * h * h
	for _, tt := range []struct {
		name string
		got  interval.Matrix
		want bigm
	}{
		{"A", p.A, of(k, h*k, 0, k)},
		{"B", p.B, of(h2*k/2, h*k)},
		{"Q", p.Q, of(q1*h*k, q1*h2*k/2, q1*h2*k/2, q1*h3*k/3+q2*h*k)},
		{"N", p.N, of(q1*h3*k/6, q1*h4*k/8+q2*h2*k/2)},
		{"R", p.R, of(r*h*k + q1*h5*k/20 + q2*h3*k/3)},
		{"noise", p.Noise, of(v*h3*k/3, v*h2*k/2, v*h2*k/2, v*h*k)},
		{"between", interval.Matrix{Rows: 1, Cols: 1, Data: []interval.Interval{p.Between}}, of(q1*v*h4*k/12 + q2*v*h2*k/2)},
	} {
		holdsMatrix(t, tt.name, tt.got, tt.want)
		for i, x := range tt.got.Data {
			if relative(x) > 1e-14 && x.Mag() > 1e-20 {
				t.Errorf("%s: entry %d in %v is wide", tt.name, i, x)
			}
		}
	}
}

// Random plants, from slow to fast beside the sample time, against the oracle's
// block exponential.
func TestSampledHoldsOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for _, speed := range []float64{0.01, 0.3, 3, 30} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("%v/n=%d", speed, n), func(t *testing.T) {
				s := lqr.Spec{
					A: plus(random(rng, n, n, 1/math.Sqrt(float64(n))), -1, matrixeq.Identity(n)), B: random(rng, n, 2, 1), Q: gram(rng, n), R: gram(rng, 2),
					N: random(rng, n, 2, 0.05), Noise: gram(rng, n), Discount: 0.5, SampleTime: speed,
				}
				got, err := newLinearTask(s)
				if err != nil {
					t.Fatal(err)
				}
				want := newBigTask(t, s)
				holdsMatrix(t, "B", got.b, want.b)
				holdsMatrix(t, "R", got.r, want.r)
				holdsMatrix(t, "Σ₀", got.s0, want.s0)
				// What the oracle has eliminated: A = A₀ − B R⁻¹Nᵀ, Q = Q₀ − N R⁻¹Nᵀ.
				holdsMatrix(t, "A", got.a, want.a.add(want.b.mul(want.shift)))
				cross := want.shift.t().mul(want.r)
				holdsMatrix(t, "N", got.cross, cross)
				holdsMatrix(t, "Q", got.q, want.q.add(cross.mul(want.shift)))
				if !holds(got.constant, want.constant) {
					t.Errorf("between: %v does not hold %.20g", got.constant, want.constant)
				}
				wide := 0.0
				for _, m := range []interval.Matrix{got.a, got.b, got.q, got.r} {
					size := 0.0
					for _, x := range m.Data {
						size = max(size, x.Mag())
					}
					for _, x := range m.Data {
						wide = max(wide, x.Width()/max(size, 1e-3))
					}
				}
				if t.Logf("relative width %.2g", wide); wide > 1e-14*(1+speed)*10 {
					t.Errorf("relative width %.2g", wide)
				}
			})
		}
	}
}

// With few terms the bound on the rest is all that holds the sums, so that it
// must be right, and with fewer still not far too large.
func TestPropagateBoundsTheRest(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for range 5 {
		const n = 2
		m, gamma := random(rng, n, n, 1), gram(rng, n)
		h := 0.25 / norm(m)
		e, g := vanLoan(bigOf(m), bigOf(gamma), bf(h))
		k := betweenSamples(bigOf(m), bigOf(gamma), bigEye(n), bf(h))
		last := math.Inf(1)
		for terms := 0; terms <= 6; terms++ {
			exp, gram, mean, err := propagate(thin(m), thin(gamma), h, terms)
			if err != nil {
				t.Fatal(err)
			}
			holdsMatrix(t, "exp", exp, e)
			holdsMatrix(t, "G", gram, g)
			if x := mean.Trace(); !holds(x, k) {
				t.Errorf("tr K: %v does not hold %.20g", x, k)
			}
			if w := gram.Data[0].Width(); w > last {
				t.Errorf("%d terms: width %.2g after %.2g", terms, w, last)
			} else {
				last = w
			}
		}
		if last > 1e-4 {
			t.Errorf("6 terms: width %.2g", last)
		}
	}
}

// A mode that dies out between samples, far below the smallest float64.
func TestSampledStiff(t *testing.T) {
	p, err := sampled(lqr.Spec{A: matrixeq.Diagonal(-1000, -1), B: matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{1000, 1}},
		Q: matrixeq.Identity(2), R: matrixeq.Scalar(1), SampleTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	if a := p.A.At(0, 0); a.Hi() < 0 || a.Mag() > 1e-9 {
		t.Errorf("exp(−1000) in %v", a)
	}
	if a := p.A.At(1, 1); !holds(a, bigOf(matrixeq.Scalar(-1)).exp().d[0]) || relative(a) > 1e-9 {
		t.Errorf("exp(−1) in %v", a)
	}
	if q := p.Q.At(0, 0); !q.Contains(1./2000) && q.Width() > 1e-9 {
		t.Errorf("∫ exp(−2000 t) dt in %v", q)
	}
}

func TestSampledErrors(t *testing.T) {
	one := matrixeq.Scalar(1)
	for _, tt := range []struct {
		name string
		spec lqr.Spec
		err  error
	}{
		{"NaN", lqr.Spec{A: matrixeq.Scalar(math.NaN()), B: one, Q: one, R: one}, errUnbounded},
		{"infinite sample time", lqr.Spec{A: one, B: one, Q: one, R: one, SampleTime: math.Inf(1)}, errUnbounded},
		{"negative sample time", lqr.Spec{A: one, B: one, Q: one, R: one, SampleTime: -1}, errUnbounded},
		{"the plant overflows", lqr.Spec{A: one, B: one, Q: one, R: one, SampleTime: 1e4}, errUnbounded},
		{"far too fast", lqr.Spec{A: matrixeq.Scalar(-1e30), B: one, Q: one, R: one, SampleTime: 1}, errSample},
	} {
		if _, err := sampled(tt.spec); !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		}
	}
}

// A plant stated in discrete time is taken as it is; an asymmetric Q stands for
// its symmetric part.
func TestSampledDiscreteIsExact(t *testing.T) {
	p, err := sampled(lqr.Spec{A: matrixeq.Diagonal(1, 0.1), B: matrixeq.Identity(2), R: matrixeq.Identity(2),
		Q: matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 0.25, 0.75, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		got  interval.Interval
		want float64
	}{{p.A.At(1, 1), 0.1}, {p.Q.At(0, 1), 0.5}, {p.Q.At(1, 0), 0.5}, {p.N.At(1, 1), 0}, {p.Between, 0}} {
		if tt.got != interval.Of(tt.want) {
			t.Errorf("%v, want %v", tt.got, tt.want)
		}
	}
}
