package check

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// continuous is a plant ṡ = a s + b u with numbers that have nothing in common.
func continuous(a, b, time float64) lqr.Spec {
	one := matrixeq.Scalar
	return lqr.Spec{A: one(a), B: one(b), Q: one(1.3), R: one(0.7), N: one(-0.4), Noise: one(0.6), Discount: 0.75, Sigma0: one(1.7), SampleTime: time}
}

// holding returns an error unless a holds x, and is narrower than 2⁻²²⁰ times that.
func holding(a fine, x *big.Float) error {
	if !a.ok() || a.lo.Cmp(x) > 0 || a.hi.Cmp(x) < 0 {
		return fmt.Errorf("%v does not hold %.20g", a.round(), x)
	}
	width := bzero().Sub(a.hi, a.lo)
	if width.Cmp(bzero().Abs(bzero().Mul(x, bf(0x1p-220)))) > 0 {
		return fmt.Errorf("%.3g wide around %.20g", width, x)
	}
	return nil
}

// Sampled plants, unstable, stable and integrating, with no doublings to eight,
// against Van Loan's block exponential in 600 bits.
func TestSamplesHoldOracle(t *testing.T) {
	for _, average := range []bool{false, true} {
		for _, tt := range [][3]float64{
			{0, 1, 0.1}, {0, -3, 7}, {1e-9, 1, 0.5}, {-1e-300, 1, 1}, {0.3, 1e-5, 0.2}, {-0.3, 2, 1}, {1, 1, 0.5}, {-1, 1, 0.5000001},
			{1, 1, 1}, {-1, 1e7, 1}, {2.5, -1, 1.3}, {-2.5, 1, 1.3}, {-30, 4, 1}, {-0.1, 1, 300}, {5, 1, 6}, {-0.7, 0, 2}, {3, 1, 1e-12},
		} {
			s := continuous(tt[0], tt[1], tt[2])
			if average {
				s.AverageCost, s.Discount, s.Sigma0 = true, 0, matrixeq.Matrix{}
			}
			p, err := newPlant(s)
			if err != nil {
				t.Errorf("%v: %v", tt, err)
				continue
			}
			undiscounted := s
			undiscounted.Discount = 0
			undiscounted.Noise = matrixeq.Matrix{}
			w := newBigTask(t, undiscounted)
			cross := w.shift.t().mul(w.r) // which the oracle has eliminated
			noisy := newBigTask(t, s)
			for _, x := range []struct {
				name string
				got  fine
				want *big.Float
			}{
				{"a", p.a, w.a.add(w.b.mul(w.shift)).d[0]}, {"b", p.b, w.b.d[0]},
				{"q", p.q, w.q.add(cross.mul(w.shift)).d[0]}, {"n", p.n, cross.d[0]}, {"r", p.r, w.r.d[0]},
				{"s", p.moment, noisy.s0.d[0]}, {"the constant", p.constant, noisy.constant},
			} {
				if err := holding(x.got, x.want); err != nil {
					t.Errorf("a, b, h = %v: %s: %v", tt, x.name, err)
				}
			}
		}
	}
}

// Where e^{ah} is far below the smallest float64, the integrals are those over [0, ∞)
// and the oracle would cancel thousands of bits.
func TestSampledFast(t *testing.T) {
	const a = -0x1p20
	s, err := newHold(a, 64, holdTerms) // |a|h = 2²⁶
	if err != nil {
		t.Fatal(err)
	}
	if s.grow.lo.Sign() <= 0 || s.grow.hi.MantExp(nil) > -90_000_000 {
		t.Errorf("e^{ah} in [%.3g, %.3g]", s.grow.lo, s.grow.hi)
	}
	for _, x := range []struct {
		name string
		got  fine
		want float64
	}{
		{"φ", s.span, -1 / a}, {"∫φ", s.spans, -64/a - 1/(a*a)}, {"∫e²", s.gram, -0.5 / a},
		{"∫∫e²", s.grams, -32/a - 0.25/(a*a)}, {"∫eφ", s.cross, 0.5 / (a * a)}, {"∫φ²", s.square, 64/(a*a) + 1.5/(a*a*a)},
	} {
		if err := holding(x.got, bf(x.want)); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// With few terms the bound on the rest is all that holds the sums.
func TestHoldBoundsTheRest(t *testing.T) {
	for _, a := range []float64{-0.5, 0.01, 0.5} {
		fine80, err := newHold(a, 1, holdTerms)
		if err != nil {
			t.Fatal(err)
		}
		for terms := 4; terms < 20; terms += 3 { // beyond, rounding is larger
			s, err := newHold(a, 1, terms)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range [][2]fine{{s.grow, fine80.grow}, {s.span, fine80.span}, {s.spans, fine80.spans}, {s.gram, fine80.gram},
				{s.grams, fine80.grams}, {s.cross, fine80.cross}, {s.square, fine80.square}} {
				if x[0].lo.Cmp(x[1].lo) > 0 || x[0].hi.Cmp(x[1].hi) < 0 {
					t.Errorf("a = %v, %d terms: number %d in %v, not %v", a, terms, i, x[0].round(), x[1].round())
				}
			}
		}
	}
}

// An integrator under noise of intensity 1, held for 1: s⁺ = s + u + w, and a sample
// costs 12s² + 12su + 15u² (n = q/2, r = q/3 + 11), and q/2 in between. P² = q²/12 + 11q,
// W* = (P + 6)/(15 + P) = 2/3, and the mean cost of a step is 12 + 6.
var integrator = "defaults: {sample_time: 1, noise: 1, average_cost: true}\n" + scalar("rate: 0.005", [4]float64{0, 1, 12, 11})

func TestSampledIntegrator(t *testing.T) {
	for _, mode := range []certificate.Mode{certificate.OneMap, certificate.Sum} {
		c := landscapeOf(t, integrator, mode)
		r := report(t, c)
		if t.Log(r.Claim); !r.Valid {
			t.Fatal(r.Reason)
		}
		l := c.Landscape
		if !l.Infimum.Contains(18) || l.Infimum.Width() > 1e-13 {
			t.Errorf("inf h in %v, want 18", l.Infimum)
		}
		if !slices.ContainsFunc(l.Stationary, func(s certificate.Stationary) bool {
			return s.Kind == certificate.Minimum && math.Abs(s.Gain.Mid()-2./3) < 1e-12
		}) {
			t.Errorf("2/3 is no minimiser among %v", l.Stationary)
		}
		l.Infimum = interval.New(11.9, 12.1) // what no gain changes forgotten
		if r := report(t, c); r.Valid || !strings.Contains(r.Reason, "inf h lies in") {
			t.Errorf("without what the noise costs between samples: %+v", r)
		}
		for _, by := range [][2]string{{"sample_time: 1", "sample_time: 1.0000001"}, {"sample_time: 1, ", ""}, {"noise: 1", "noise: 1.0000001"}} {
			c := landscapeOf(t, integrator, mode)
			c.Family = strings.Replace(c.Family, by[0], by[1], 1)
			if r := report(t, c); r.Valid {
				t.Errorf("%s altered to %s: %s", by[0], by[1], r.Claim)
			}
		}
	}
}

func TestSampledPlantsRefused(t *testing.T) {
	of := func(a, b, q, r, n, time float64) lqr.Spec {
		s := continuous(a, b, time)
		s.Q, s.R, s.N, s.Noise = matrixeq.Scalar(q), matrixeq.Scalar(r), matrixeq.Scalar(n), matrixeq.Matrix{}
		s.Discount = 0
		return s
	}
	discounted := of(0, 1, 0, 1, 0, 1)
	discounted.Discount = 0.5
	for _, tt := range []struct {
		name string
		spec lqr.Spec
		want string // in the reason; empty: none
	}{
		{"an integrator whose state costs nothing", of(0, 1, 0, 1, 0, 1), "may have no minimum"},
		{"the same, discounted", discounted, ""},
		{"an unstable plant whose state costs nothing", of(1, 1, 0, 1, 0, 1), ""},
		{"no input, unstable", of(1, 0, 1, 1, 0, 1), "no gain stabilises it"},
		{"no input, stable", of(-1, 0, 1, 1, 0, 1), ""},
		{"no input, integrating", of(0, 0, 1, 1, 0, 1), "no gain stabilises it"},
		{"indefinite", of(1, 1, 1, 1, 1.5, 1), "not positive semidefinite"},
		{"singular", of(-1, 1, 1, 1, 1, 1), ""},
		{"singular, u = −s keeps the state and costs nothing", of(1, 1, 1, 1, 1, 1), "may have no minimum"},
		{"singular, u = s does", of(-1, 1, 1, 1, -1, 1), "may have no minimum"},
		{"R negative", of(1, 1, 1, -1, 0, 1), "must be positive"},
		{"too fast", of(-1e9, 1, 1, 1, 0, 1), errSample.Error()},
		{"no time", of(-1, 1, 1, 1, 0, -1), errSample.Error()},
	} {
		_, err := newPlant(tt.spec)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := newPlant(of(-1e9, 1, 1, 1, 0, 1)); !errors.Is(err, errSample) {
		t.Errorf("error %v", err)
	}
}
