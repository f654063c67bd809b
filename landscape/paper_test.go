package landscape

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// The numbers of this file were found in floating point, by searching a grid for
// changes of the sign of h′. Here they are proved to the digits given.

// tasks writes a family of scalar tasks, each a, b, q, r.
func tasks(inner string, list ...[4]float64) string {
	var b strings.Builder
	b.WriteString("tasks:\n")
	for _, p := range list {
		fmt.Fprintf(&b, "  - {A: %v, B: %v, Q: %v, R: %v}\n", p[0], p[1], p[2], p[3])
	}
	return b.String() + "meta: {inner: {" + inner + "}}\n"
}

// mixed is Q = 10ˣ with n exponents equally spaced in [−1, 1], A = B = R = 1.
func mixed(n int, inner string) string {
	list := make([][4]float64, n)
	for i := range list {
		list[i] = [4]float64{1, 1, math.Pow(10, -1+2*float64(i)/float64(n-1)), 1}
	}
	return tasks(inner, list...)
}

// rounds reports whether all of an enclosure, to the digits printed, is want:
// within one unit of the last digit, as printed numbers may be cut off instead
// of rounded.
func rounds(x interval.Interval, want float64, unit float64) bool {
	return x.Lo() > want-unit && x.Hi() < want+unit
}

// claim is a minimum, and how it lies above the infimum where that is claimed.
type claim struct {
	gain, unit  float64 // as printed, and its last digit
	value, last float64
}

func complete(t *testing.T, l *Landscape) {
	t.Helper()
	if len(l.Unresolved) != 0 || l.Spent || l.Verdict == certificate.Undecided {
		t.Errorf("not complete:\n%s", l.dump())
	}
}

// strict checks that h″ > 0 is proved at every minimum: h′ has the sign of w − w*.
func (p *Problem) strict(t *testing.T, l *Landscape) {
	t.Helper()
	for _, s := range l.Minima() {
		if _, deriv, ok := p.slope(s.Gain, true, &scratch{}); !ok || !deriv.Positive() {
			t.Errorf("h″ at the minimum %v is in %v", s.Gain, deriv)
		}
	}
}

func TestFigures(t *testing.T) {
	five := tasks("rate: 0.01", [4]float64{1, 1, math.Pow(10, -1), 1}, [4]float64{1, 1, math.Pow(10, -.5), 1}, [4]float64{1, 1, 1, 1}, [4]float64{1, 1, math.Pow(10, .5), 1}, [4]float64{1, 1, 10, 1})
	for _, tt := range []struct {
		name, yaml string
		minima     []claim
		verdict    certificate.Verdict
		global     int // the index of the global one; −1 where all are
	}{
		{"1", tasks("rate: 0.05", [4]float64{1, 1, 1, 1}), []claim{{0.2462, 1e-4, 1.618034, 1e-6}, {0.618034, 1e-6, 1.618034, 1e-6}, {1.6542, 1e-4, 1.618034, 1e-6}}, certificate.Global, -1},
		{"2", tasks("rate: 0.01", [4]float64{1, 1, 1, 1}, [4]float64{1, 1, 2, 2}), []claim{{0.1318, 1e-4, 2.427051 + 0.10078, 1e-5}, {0.618034, 1e-6, 2.427051, 1e-6}, {1.8030, 1e-4, 2.427051 + 0.42950, 1e-5}}, certificate.NotGlobal, 1},
		{"3b", tasks("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), []claim{{0.1838, 1e-4, 0.7341, 1e-4}, {0.5434, 1e-4, 0.8455, 1e-4}, {1.7389, 1e-4, 0.7964, 1e-4}}, certificate.NotGlobal, 0},
		{"3c", five, []claim{{0.2732, 1e-4, 3.7581, 1e-4}, {0.7402, 1e-4, 3.6699, 1e-4}, {1.7435, 1e-4, 5.0244, 1e-4}}, certificate.NotGlobal, 1},
		{"3d", mixed(11, "rate: 0.01"), []claim{{0.2531, 1e-4, 3.3293, 1e-4}, {0.7231, 1e-4, 3.1826, 1e-4}, {1.7605, 1e-4, 4.4479, 1e-4}}, certificate.NotGlobal, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, rates := parse(t, tt.yaml)
			p, err := New(f, rates)
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Prove(context.Background(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			complete(t, l)
			p.strict(t, l)
			minima := l.Minima()
			if len(minima) != len(tt.minima) || len(l.Domain) != 1 {
				t.Fatalf("%d minima, want %d:\n%s", len(minima), len(tt.minima), l.dump())
			}
			for i, m := range minima {
				want := tt.minima[i]
				if !rounds(m.Gain, want.gain, want.unit) || !rounds(m.Value, want.value, want.last) {
					t.Errorf("minimum %v, h in %v, want %v, %v", m.Gain, m.Value, want.gain, want.value)
				}
				kind := "spurious"
				if tt.global < 0 || tt.global == i {
					kind = "global"
				}
				if got := l.KindOf(m); got != kind {
					t.Errorf("minimum %v is %s, want %s", m.Gain, got, kind)
				}
			}
			if l.Verdict != tt.verdict || l.Spurious() != (tt.global >= 0) {
				t.Errorf("verdict %s, spurious %v", l.Verdict, l.Spurious())
			}
			if tt.global < 0 && (l.Epsilon != interval.Of(0) || !l.OneMap || !l.Equal()) {
				t.Errorf("ε = %v, want exactly 0; one map %v, equal %v", l.Epsilon, l.OneMap, l.Equal())
			}
			x := newTrial(f, rates, 1)
			if x.judge(l, 2000); x.report() != "" {
				t.Error(x.report())
			}
		})
	}
}

// Figure 3b's text: at the global minimiser neither task is at rest.
func TestFigure3bSlopes(t *testing.T) {
	l := prove(t, tasks("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), Options{})
	w := l.Minima()[0].Gain
	f, rates := parse(t, tasks("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}))
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ slope, unit float64 }{{-14.6, 0.1}, {-0.86, 0.01}} {
		at, ok := p.tasks[i].f.at(w)
		if got := p.tasks[i].f.slope(at.m, at.d); !ok || !rounds(got, want.slope, want.unit) {
			t.Errorf("C′ of task %d in %v, want %v", i+1, got, want.slope)
		}
	}
}

// Figure 3a: ε falls with the square of how far apart the tasks are.
func TestSimilarTasks(t *testing.T) {
	for _, tt := range []struct{ s, ε, unit float64 }{{1, 0.337, 1e-3}, {0.3, 0.0396, 1e-4}, {0.1, 0.00444, 1e-5}, {0.03, 4.0e-4, 1e-5}} {
		list := [][4]float64{{1, 1, 1, 1}}
		for _, d := range [][4]float64{{.02, -.02, .03, -.03}, {-.02, .02, -.03, .03}, {.03, .01, -.02, .02}, {-.03, -.01, .02, -.02}} {
			list = append(list, [4]float64{1 + tt.s*d[0], 1 + tt.s*d[1], 1 + tt.s*d[2], 1 + tt.s*d[3]})
		}
		l := prove(t, tasks("rate: 0.02", list...), Options{})
		complete(t, l)
		if !rounds(l.Epsilon, tt.ε, tt.unit) || l.Verdict != certificate.NotGlobal {
			t.Errorf("s = %v: ε in %v, want %v; %s", tt.s, l.Epsilon, tt.ε, l.Verdict)
		}
	}
}

// Section 2.4: ε rises before it falls, and the global minimiser leaves the flank
// (0.274) for the centre between 3 and 5 tasks.
func TestMoreTasks(t *testing.T) {
	for _, tt := range []struct {
		tasks int
		ε     float64
		flank bool
	}{{2, 1.253, true}, {3, 1.347, true}, {5, 1.355, false}, {8, 1.307, false}, {11, 1.265, false}, {21, 1.194, false}} {
		l := prove(t, mixed(tt.tasks, "rate: 0.01"), Options{})
		complete(t, l)
		if !rounds(l.Epsilon, tt.ε, 1e-3) {
			t.Errorf("%d tasks: ε in %v, want %v", tt.tasks, l.Epsilon, tt.ε)
		}
		var global []Stationary
		for _, m := range l.Minima() {
			if l.KindOf(m) == "global" {
				global = append(global, m)
			}
		}
		if len(global) != 1 || (global[0].Gain.Hi() < 0.3) != tt.flank || tt.flank && math.Abs(global[0].Gain.Mid()-0.274) > 0.02 {
			t.Errorf("%d tasks: global %v", tt.tasks, global)
		}
	}
}

// One task alone can have a spurious minimum, where I − η∇²C is singular.
func TestOneTask(t *testing.T) {
	one := [4]float64{1, 1, 1, 1}
	l := prove(t, tasks("rate: 0.16", one), Options{})
	complete(t, l)
	if l.Verdict != certificate.Global || l.Spurious() || l.Epsilon != interval.Of(0) {
		t.Errorf("η = 0.16: %s", l.dump())
	}
	l = prove(t, tasks("rate: 0.2", one), Options{})
	complete(t, l)
	spurious := 0
	for _, m := range l.Minima() {
		if l.KindOf(m) == "spurious" {
			spurious++
			if !rounds(m.Gain, 0.87396, 1e-5) || !rounds(m.Gap, 1.728e-4, 1e-7) || m.Singular != 0 {
				t.Errorf("spurious minimum %v, excess %v, %v from a singular point", m.Gain, m.Gap, m.Singular)
			}
		}
	}
	if spurious != 1 || l.Verdict != certificate.NotGlobal || !rounds(l.Epsilon, 1.728e-4, 1e-7) {
		t.Errorf("η = 0.2: %s", l.dump())
	}
}

// Tasks that differ by a factor of their cost: with gradient steps there can be
// spurious minima, with Gauss–Newton steps, or costs divided by their optima,
// there are none.
func TestFactorOfTheCost(t *testing.T) {
	family := func(c float64, inner string) string {
		return tasks(inner, [4]float64{1, 1, 1, 1}, [4]float64{1, 1, c, c})
	}
	for _, tt := range []struct {
		c        float64
		spurious bool
	}{{1.01, true}, {1.1, true}, {1.5, true}, {2, true}, {3, true}, {5, true}, {10, true}, {100, false}} {
		l := prove(t, family(tt.c, "rate: 0.01"), Options{})
		complete(t, l)
		if l.Spurious() != tt.spurious || l.OneMap || !tt.spurious && l.Verdict != certificate.Global {
			t.Errorf("c = %v: %s", tt.c, l.dump())
		}
		for _, inner := range []string{"rate: 0.01, rule: gauss-newton", "rate: 0.25, rule: gauss-newton", "rate: 0.5, rule: gauss-newton"} {
			l := prove(t, family(tt.c, inner), Options{})
			complete(t, l)
			if l.Verdict != certificate.Global || l.Spurious() || !l.OneMap || l.Epsilon != interval.Of(0) {
				t.Errorf("c = %v, %s: %s", tt.c, inner, l.dump())
			}
		}
		// 1.01 and the like have no exact optimal costs to divide by that intervals
		// could tell to be in proportion; that they are is exact arithmetic.
		normal := strings.Replace(family(tt.c, "rate: 0.01"), "meta: {", "meta: {normalize: optimal-cost, ", 1)
		l = prove(t, normal, Options{})
		complete(t, l)
		if l.Verdict != certificate.Global || l.Spurious() || !l.OneMap {
			t.Errorf("c = %v, normalised: %s", tt.c, l.dump())
		}
	}
}

// K steps at a small rate have 2K + 1 minimisers, and all have one value.
func TestManySteps(t *testing.T) {
	for k := 1; k <= 3; k++ {
		l := prove(t, tasks(fmt.Sprintf("rate: 0.01, steps: %d", k), [4]float64{1, 1, 1, 1}), Options{})
		complete(t, l)
		if n := len(l.Minima()); n != 2*k+1 || l.Verdict != certificate.Global || l.Epsilon != interval.Of(0) {
			t.Errorf("K = %d: %d minima\n%s", k, n, l.dump())
		}
		for _, m := range l.Minima() {
			if !m.Optimal {
				t.Errorf("K = %d: the minimum %v is not said to adapt to the optimum", k, m.Gain)
			}
		}
	}
}

// Gauss–Newton at ½ is policy iteration: h is quartic at the optimum, and yet
// proved.
func TestPolicyIteration(t *testing.T) {
	for _, steps := range []int{1, 2, 3} {
		l := prove(t, tasks(fmt.Sprintf("rate: 0.5, rule: gauss-newton, steps: %d", steps), [4]float64{1, 1, 1, 1}), Options{})
		complete(t, l)
		if m := l.Minima(); len(m) != 1 || l.Verdict != certificate.Global || !m[0].Gain.Contains((math.Sqrt(5)-1)/2) {
			t.Errorf("K = %d: %s", steps, l.dump())
		}
	}
}

// Two components, as the paper's Section 2 has them.
func TestTwoComponents(t *testing.T) {
	l := prove(t, tasks("rate: 0.01", [4]float64{1, 1, 1e-6, 1}), Options{})
	complete(t, l)
	if len(l.Domain) != 2 {
		t.Errorf("%d components, want 2:\n%s", len(l.Domain), l.dump())
	}
}

// Opposite input signs: two minima equal by symmetry, which intervals cannot
// prove, and none spurious.
func TestOppositeInputs(t *testing.T) {
	for _, y := range []string{
		tasks("rate: 0.003", [4]float64{.9, 1, 1, 1}, [4]float64{.9, -1, 1, 1}),
		tasks("rate: 0.01", [4]float64{.5, 1, 1, .1}, [4]float64{.5, -1, 1, .1}),
		tasks("rate: 0.05, rule: gauss-newton", [4]float64{.9, 1, 1, 1}, [4]float64{.9, -1, 1, 1}),
		tasks("rate: 0.5, rule: gauss-newton", [4]float64{.9, 1, 1, .01}, [4]float64{.9, -1, 1, .01}),
		tasks("rate: 0.003, rule: natural, steps: 2", [4]float64{.7, 2, 1, 1}, [4]float64{.7, -2, 1, 1}),
	} {
		f, rates := parse(t, y)
		x := newTrial(f, rates, 1)
		l, err := x.run(Options{}, 1000)
		if err != nil {
			t.Errorf("%v\n%s", err, y)
			continue
		}
		if x.report() != "" {
			t.Error(x.report())
		}
		complete(t, l)
		t.Logf("%d minima, %s, ε %v", len(l.Minima()), l.Verdict, l.Epsilon)
		lowest := math.Inf(1)
		for _, m := range l.Minima() {
			lowest = min(lowest, m.Value.Lo())
		}
		for _, m := range l.Minima() { // its mirror image is there, and of the same kind
			mirrored := false
			for _, n := range l.Minima() {
				if !n.Gain.Neg().Disjoint(m.Gain) {
					mirrored = l.KindOf(n) == l.KindOf(m) && !n.Value.Disjoint(m.Value)
				}
			}
			if !mirrored {
				t.Errorf("the minimum %v has no mirror image\n%s", m.Gain, l.dump())
			}
		}
	}
}

// One of the two tasks slightly dearer: the minima are no longer equal, by about
// as much, and the one that is higher is spurious as soon as intervals can tell.
func TestNearlyOpposite(t *testing.T) {
	for _, off := range []float64{0, 1e-16, 1e-15, 1e-14, 1e-12, 1e-9, 1e-6, 1e-3} {
		for _, sign := range []float64{1, -1} {
			l := tryAt(t, tasks("rate: 0.003", [4]float64{.9, 1, 1, 1}, [4]float64{.9, -1, 1, 1 + sign*off}), 300)
			complete(t, l)
			if n := len(l.Minima()); n != 2 || off >= 1e-12 != l.Spurious() && off != 1e-14 && off != 1e-12 || l.Epsilon.Hi() > off+1e-13 { // values near 1, with the room they leave
				t.Errorf("%v: %s", sign*off, l.dump())
			}
			if sign > 0 {
				t.Logf("%v: %s, ε in %v", off, l.Verdict, l.Epsilon)
			}
		}
	}
}
