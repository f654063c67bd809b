package check

import (
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

func TestPoints(t *testing.T) {
	around := func(w, r float64) *interval.Interval {
		b := interval.New(w-r, w+r)
		return &b
	}
	num := func(x float64) *float64 { return &x }
	one := scalar("rate: 0.05", unit4)
	spurious := scalar("rate: 0.2", unit4)
	two := scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1})
	newton := scalar("rule: gauss-newton, rate: 0.5", unit4)
	best := (math.Sqrt(5) - 1) / 2
	for _, tt := range []struct {
		name, text string
		at         certificate.Point
		want       string // in the reason; empty: valid
	}{
		{"optimum", one, certificate.Point{Gain: [][]float64{{best}}, Gap: num(1e-30), Stationary: around(best, 1e-9), Theorem2: true, Proposition1: true}, ""},
		{"on the flank", one, certificate.Point{Gain: [][]float64{{0.2462}}, Gap: num(1e-3), Stationary: around(0.2462, 1e-3), Theorem2: true}, ""},
		{"on the flank, Proposition 1", one, certificate.Point{Gain: [][]float64{{0.2462}}, Stationary: around(0.2462, 1e-3), Proposition1: true}, "|1 − F′| < 1"},
		{"gap too small", one, certificate.Point{Gain: [][]float64{{0.2462}}, Gap: num(1e-12)}, "not verified as a bound"},
		{"sampled", integrator, certificate.Point{Gain: [][]float64{{2. / 3}}, Gap: num(1e-30), Stationary: around(2./3, 1e-9), Theorem2: true, Proposition1: true}, ""},
		{"sampled, no zero in the box", integrator, certificate.Point{Gain: [][]float64{{0.7}}, Stationary: around(0.7, 1e-3), Theorem2: true}, "no factor of h′ has a zero"},
		{"sampled, gap too small", integrator, certificate.Point{Gain: [][]float64{{0.7}}, Gap: num(1e-6)}, "not verified as a bound"},
		{"sampled twins", strings.Replace(integrator, "tasks:\n", "tasks:\n  - {A: 0, B: 1, Q: 12, R: 11, weight: 2}\n", 1),
			certificate.Point{Gain: [][]float64{{2. / 3}}, Stationary: around(2./3, 1e-9), Theorem2: true}, ""},
		{"reptile", strings.Replace(one, "meta: {", "meta: {algorithm: reptile, ", 1), certificate.Point{Gain: [][]float64{{best}}, Gap: num(1e-30)}, ""},
		{"gap alone", two, certificate.Point{Gain: [][]float64{{0.5}}, Gap: num(0.7)}, ""},
		{"outside", two, certificate.Point{Gain: [][]float64{{0.05}}, Gap: num(1e9)}, " "},
		{"not in the box", one, certificate.Point{Gain: [][]float64{{0.3}}, Stationary: around(best, 1e-9)}, "does not hold the gain"},
		{"no zero in the box", one, certificate.Point{Gain: [][]float64{{0.3}}, Stationary: around(0.3, 1e-3)}, "no factor of h′ has a zero"},
		{"two zeros in the box", one, certificate.Point{Gain: [][]float64{{0.3}}, Stationary: around(0.3, 0.15)}, "not verified"},
		{"spurious", spurious, certificate.Point{Gain: [][]float64{{0.87396}}, Stationary: around(0.87396, 1e-4)}, ""},
		{"spurious, Theorem 2", spurious, certificate.Point{Gain: [][]float64{{0.87396}}, Stationary: around(0.87396, 1e-4), Theorem2: true}, "F′ is not 0"},
		{"several tasks", two, certificate.Point{Gain: [][]float64{{0.5434}}, Stationary: around(0.5434, 1e-4)}, ""},
		{"several tasks, Theorem 2", two, certificate.Point{Gain: [][]float64{{0.5434}}, Stationary: around(0.5434, 1e-4), Theorem2: true}, "several different tasks"},
		{"several tasks, Proposition 1", two, certificate.Point{Gain: [][]float64{{0.5434}}, Stationary: around(0.5434, 1e-4), Proposition1: true}, "several different tasks"},
		{"quartic", newton, certificate.Point{Gain: [][]float64{{best}}, Stationary: around(best, 1e-3)}, ""},
		{"quartic, Theorem 2", newton, certificate.Point{Gain: [][]float64{{best}}, Stationary: around(best, 1e-3), Theorem2: true}, "F′ is not 0"},
		{"quartic, Proposition 1", newton, certificate.Point{Gain: [][]float64{{best}}, Stationary: around(best, 1e-3), Proposition1: true}, "h″ > 0"},
		{"a theorem about nothing", one, certificate.Point{Gain: [][]float64{{best}}, Gap: num(1), Theorem2: true}, "no stationary point is claimed"},
		{"nothing", one, certificate.Point{Gain: [][]float64{{best}}}, "nothing is claimed"},
		{"wrong shape", one, certificate.Point{Gain: [][]float64{{1, 2}}, Gap: num(1)}, "numbers"},
		{"no rows", one, certificate.Point{Gap: num(1)}, "rows"},
		{"negative gap", one, certificate.Point{Gain: [][]float64{{best}}, Gap: num(-1)}, "not verified as a bound"},
		{"unbounded box", one, certificate.Point{Gain: [][]float64{{best}}, Stationary: func() *interval.Interval { b := interval.Entire(); return &b }()}, "does not hold"},
		{"maximum, Theorem 2", one, certificate.Point{Gain: [][]float64{{0.41}}, Stationary: around(0.41, 0.1), Theorem2: true}, "F′ is not 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := report(t, &certificate.Certificate{Family: tt.text, Point: &tt.at})
			t.Log(r.Claim, r.Reason)
			if r.Valid != (tt.want == "") {
				t.Fatalf("valid: %v", r.Valid)
			}
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("refused because %s; want %q in it", r.Reason, tt.want)
			}
		})
	}
}
