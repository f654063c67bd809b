package landscape

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/certificate"
)

// tryAt proves a family and has the search judge it.
func tryAt(t *testing.T, yaml string, points int) *Landscape {
	t.Helper()
	f, rates := parse(t, yaml)
	x := newTrial(f, rates, 1)
	l, err := x.run(Options{Workers: 1, Boxes: 300_000}, points)
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	if s := x.report(); s != "" {
		t.Error(s)
	}
	return l
}

// threshold bisects to where a property of f changes between x and y, and
// returns the last numbers on either side.
func threshold(x, y float64, f func(float64) bool) (before, after float64) {
	first := f(x)
	if f(y) == first {
		panic("threshold: nothing changes")
	}
	for range 100 {
		m := x + (y-x)/2
		if m == x || m == y {
			break
		}
		if f(m) == first {
			x = m
		} else {
			y = m
		}
	}
	return x, y
}

// Rates just either side of where a spurious minimum appears or its excess is
// 10⁻⁶, and of where two minima change places: proved rightly, or undecided
// where they are too near to say.
func TestThresholds(t *testing.T) {
	points := 200
	if testing.Short() {
		points = 100
	}
	one := func(rule string, steps int) func(η float64) string {
		return func(η float64) string {
			return tasks(fmt.Sprintf("rule: %s, rate: %v, steps: %d", rule, η, steps), [4]float64{1, 1, 1, 1})
		}
	}
	excess := func(y string) float64 { return prove(t, y, Options{Workers: 1, Boxes: 300_000}).Epsilon.Lo() }
	for _, tt := range []struct {
		name   string
		family func(x float64) string
		x, y   float64
		small  bool // the excess grows from 0
		places bool // minima change places
	}{
		{"one task, gradient", one("gradient", 1), 0.16, 0.2, true, false},
		{"one task, natural", one("natural", 1), 0.18, 0.2, true, false},
		{"one task, gradient, two steps", one("gradient", 2), 0.16, 0.2, true, false},
		{"a factor of the cost", func(c float64) string {
			return tasks("rate: 0.01", [4]float64{1, 1, 1, 1}, [4]float64{1, 1, c, c})
		}, 100, 10, false, false},
		{"a weight, at which two minima change places", func(λ float64) string {
			return fmt.Sprintf("tasks: [{A: 1, B: 1, Q: 1, R: .1, weight: %v}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.05}}", λ)
		}, 0.01, 0.03, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, level := range []float64{0, 1e-12, 1e-9, 1e-6} {
				if tt.places {
					break
				}
				if x, y := excess(tt.family(tt.x)), excess(tt.family(tt.y)); x > level || !(y > level) {
					t.Fatalf("nothing changes at %v: excess %v and %v", level, x, y)
				}
				before, after := threshold(tt.x, tt.y, func(x float64) bool { return excess(tt.family(x)) > level })
				for _, off := range []float64{0, 1e-14, 1e-10, 1e-6, 1e-4} {
					b, a := before*(1+math.Copysign(off, tt.x-tt.y)), after*(1-math.Copysign(off, tt.x-tt.y))
					lb, la := tryAt(t, tt.family(b), points), tryAt(t, tt.family(a), points)
					if off == 0 && level == 1e-6 && tt.small {
						if !la.Spurious() || la.Verdict != certificate.NotGlobal || !(la.Epsilon.Hi() < 1.1e-6) || !(lb.Epsilon.Hi() < 1.1e-6) && len(lb.Unresolved) == 0 {
							t.Errorf("about %v: ε in %v and %v", a, lb.Epsilon, la.Epsilon)
						}
						t.Logf("an excess of 10⁻⁶ at %v: %v", a, la.Epsilon)
					}
					if off >= 1e-8 && level == 0 && (lb.Verdict == certificate.Undecided || la.Verdict == certificate.Undecided) {
						t.Logf("undecided %.0e from %v: %s, %s", off, before, lb.Verdict, la.Verdict)
					}
				}
			}
			if !tt.places {
				return
			}
			lower := func(x float64) bool { // the last one is the lowest
				m := prove(t, tt.family(x), Options{Workers: 1}).Minima()
				for _, n := range m[:len(m)-1] {
					if n.Value.Mid() < m[len(m)-1].Value.Mid() {
						return false
					}
				}
				return true
			}
			if lower(tt.x) == lower(tt.y) {
				t.Fatal("they do not change places")
			}
			before, after := threshold(tt.x, tt.y, lower)
			for _, off := range []float64{0, 1e-15, 1e-13, 1e-10, 1e-6, 1e-3} {
				tryAt(t, tt.family(before*(1-off)), points)
				l := tryAt(t, tt.family(after*(1+off)), points)
				t.Logf("%.0e from it: %s, ε in %v", off, l.Verdict, l.Epsilon)
			}
		})
	}
}

// Rates about ½ with the Gauss–Newton rule, where zeros of F′, of κ and W*
// itself come together, and about the rates at which 1 − η vanishes.
func TestGaussNewtonNearPolicyIteration(t *testing.T) {
	for i, p := range [][4]float64{{1, 1, 1, 1}, {1.2, -1, .3, 2}} {
		for _, about := range []float64{0.5, 1} {
			for k, off := range []float64{0, 1e-16, 1e-13, 1e-10, 1e-6, 1e-3} {
				if i+k > 0 && (testing.Short() || about == 1) && k%3 != 0 {
					continue
				}
				for _, sign := range []float64{1, -1} {
					for steps := 1; steps <= 2-i; steps++ {
						l := tryAt(t, tasks(fmt.Sprintf("rule: gauss-newton, rate: %v, steps: %d", about+sign*off, steps), p), 50)
						if off >= 1e-6 && len(l.Unresolved) > 0 {
							t.Logf("undecided at %v, K = %d: %v\n%s", about+sign*off, steps, p, l.dump())
						}
					}
				}
			}
		}
	}
}

// h is constant where the map has one value: policy iteration with a = 0, or
// with b = 0 and any plant. Nothing but that may be said.
func TestConstant(t *testing.T) {
	for _, y := range []string{
		tasks("rule: gauss-newton, rate: 0.5", [4]float64{0, 1, 1, 1}),
		tasks("rule: gauss-newton, rate: 0.5", [4]float64{0, 1, 1, 1}, [4]float64{0, 1, 2, 1}),
		tasks("rule: gauss-newton, rate: 0.5", [4]float64{.5, 0, 1, 1}),
		"tasks: [{A: 0.5, B: 1, Q: 1, R: 2, N: 1}]\nmeta: {inner: {rule: gauss-newton, rate: 0.5}}",
		"tasks: [{A: 0.5, B: 0, Q: 1, R: 1, inner: {R: 2}}]\nmeta: {inner: {rule: gauss-newton, rate: 0.5}}",
	} {
		l := tryAt(t, y, 100)
		if l.Spurious() || l.Verdict == certificate.NotGlobal {
			t.Errorf("%s%s", y, l.dump())
		}
		for _, s := range l.Stationary {
			if !l.oneOfUnresolved(s) {
				t.Errorf("exactly one stationary point is claimed in %v, and all are\n%s%s", s.Gain, y, l.dump())
			}
		}
	}
}

func (l *Landscape) oneOfUnresolved(s Stationary) bool {
	for _, u := range l.Unresolved {
		if !u.Disjoint(s.Gain) {
			return true
		}
	}
	return false
}

// Families chosen for what is hard about them.
func TestHardFamilies(t *testing.T) {
	for _, y := range []string{
		// costs of 10⁴ and 10⁻³, at rates that suit both
		tasks("rate: 1e-6", [4]float64{1, 1, 1e4, 1e4}, [4]float64{1, 1, 1e-3, 1e-3}),
		tasks("rate: 0.1, rule: natural", [4]float64{1, 1, 1e4, 1e4}, [4]float64{1, 1, 1e-3, 1e-3}),
		tasks("rate: 0.3, rule: gauss-newton, steps: 3", [4]float64{1, 1, 1e4, 1e-3}, [4]float64{1, 1, 1e-3, 1e4}),
		// marginal plants, and nearly so
		tasks("rate: 0.01", [4]float64{1, 1, 1e-12, 1}, [4]float64{1, 1, 1, 1}),
		tasks("rate: 0.01", [4]float64{-1, 1, 1e-9, 1}, [4]float64{-1 - 1e-9, 1, 1, 1}),
		tasks("rate: 0.001, steps: 2", [4]float64{1 - 1e-12, 1, 0, 1}, [4]float64{1, 1, .1, 1}),
		// inputs of 10³ and 10⁻³
		tasks("rate: 1e-8", [4]float64{1.1, 1e3, 1, 1}, [4]float64{1.1, 0.999e3, 2, 1}),
		tasks("rate: 1e2", [4]float64{1.1, 1e-3, 1e-6, 1e-3}, [4]float64{1.1, 0.999e-3, 1e-6, 2e-3}),
		// twins to the last place, and one of them alone
		tasks("rate: 0.05", [4]float64{1, 1, 1, 1}, [4]float64{1, 1, 1, math.Nextafter(1, 2)}),
		tasks("rate: 0.05, steps: 2", [4]float64{1, 1, 1, 1}, [4]float64{1, 1, 1, 1 + 1e-9}),
		tasks("rate: 0.2", [4]float64{1, 1, 1, 1}, [4]float64{1, 1, 1, 1 + 1e-12}),
		// many steps
		tasks("rate: 0.01, steps: 5", [4]float64{1, 1, 1, 1}),
		tasks("rate: 0.01, steps: 6", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}),
		tasks("rate: 0.25, rule: gauss-newton, steps: 8", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}),
		tasks("rate: [0, 0.01, 0]", [4]float64{1, 1, 1, 1}),
		tasks("rate: [0, 0]", [4]float64{1, 1, 1, 1}, [4]float64{1.1, 1, 1, 1}),
		// dozens of tasks
		mixed(48, "rate: 0.01, steps: 2"),
		mixed(48, "rate: 0.02, rule: natural"),
		mixed(48, "rate: 0.5, rule: gauss-newton"),
		// an inner task whose stable set ends within the outer one: h falls to its end
		"tasks: [{A: 1, B: 0.1, Q: 1, R: 1, inner: {B: 1}}, {A: 1, B: 0.1, Q: 2, R: 1, inner: {B: 1}}]\nmeta: {inner: {rate: 0.01, rule: gauss-newton}}",
		"tasks: [{A: 1, B: 0.1, Q: 1, R: 1, inner: {B: 1}}, {A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.3, rule: gauss-newton, steps: 2}}",
		// sampled plants with noise between the samples
		"defaults: {B: 1, R: 1, sample_time: 0.1, noise: 0.3, average_cost: true}\ntasks: [{A: 1, Q: 1}, {A: -1, Q: 2}]\nmeta: {inner: {rate: 0.01}}",
		"defaults: {B: 1, R: 1, N: 0.2, sample_time: 0.5, noise: 0.3, discount: 0.9}\ntasks: [{A: 1, Q: 1}, {A: 0, Q: 2}]\nmeta: {inner: {rate: 0.001, steps: 2}, normalize: optimal-cost}",
		// inputs that do nothing, alone and beside others
		tasks("rate: 0.1", [4]float64{.5, 0, 1, 1}),
		tasks("rate: 0.01", [4]float64{.5, 0, 1, 1}, [4]float64{1, 1, 1, 1}),
		"tasks: [{A: 0.5, B: 1, Q: 1, R: 1, inner: {B: 0}}]\nmeta: {inner: {rate: 0.1}}",
		"tasks: [{A: 0.5, B: 0, Q: 1, R: 1, inner: {B: 1}}]\nmeta: {inner: {rate: 0.1}}",
		"tasks: [{A: 0.5, B: 0, Q: 1, R: 1, inner: {B: 1}}, {A: 0.5, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01, rule: natural}}",
	} {
		l := tryAt(t, y, 300)
		if l.Verdict == certificate.Undecided || len(l.Unresolved) > 0 {
			t.Logf("%d boxes unresolved, %s:\n%s%s", len(l.Unresolved), l.Verdict, y, l.dump())
		}
	}
}
