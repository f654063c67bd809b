package run

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/objective"
)

// Every step of every task has its own row, with its own rate: for scalar tasks
// η_k|C″(W_k)| in closed form.
func TestRateCheckOfEveryStep(t *testing.T) {
	rates := []float64{.02, .05, .01}
	tr := trainer(t, `family: two
tasks:
  - {name: light, A: 1, B: 1, Q: 1, R: 0.1}
  - {name: dark, A: 1, B: 1, Q: 0.1, R: 1}
meta: {inner: {rate: [0.02, 0.05, 0.01], steps: 3}, start: 0.2}
`)
	if len(tr.RateCheck) != 6 {
		t.Fatalf("%d rows, want 2 tasks of 3 steps: %+v", len(tr.RateCheck), tr.RateCheck)
	}
	warned := 0
	for i, c := range []curve{{q: []float64{1}, r: []float64{.1}}, {q: []float64{.1}, r: []float64{1}}} {
		w := .2
		for k, η := range rates {
			c.η = 0 // slope is C′, and 1e-5 either side of it C″ to 1e-9
			const d = 1e-5
			want := η * math.Abs((c.slope(w+d)-c.slope(w-d))/(2*d))
			got := tr.RateCheck[3*i+k]
			if got.Task != []string{"light", "dark"}[i] || got.Step != k || !got.Exact ||
				math.Abs(float64(got.Value)-want) > 1e-6*want || got.Warn != (want >= 1) {
				t.Errorf("task %d, step %d: %+v, want %v", i, k, got, want)
			}
			if got.Warn {
				warned++
			}
			w -= η * c.slope(w)
		}
	}
	if warned == 0 || warned == 6 {
		t.Errorf("%d of 6 warn: the test is to have both", warned)
	}
}

// The unit of the costs is that of 1/rate: auto rates scale with it to the last
// digits, in a fleet and task by task. Gauss–Newton steps have no unit.
func TestAutoRateOfAnyUnit(t *testing.T) {
	family := func(rule string, unit float64, count int) string {
		text := "family: unit\nmeta: {inner: {rule: " + rule + "}}\ntasks:\n"
		for i := range count {
			text += fmt.Sprintf("  - {name: t%d, A: [[0.9, 0.2], [-0.1, %g]], B: [[0.1, 0], [0.5, 0.1]], Q: [[%g, 0], [0, %g]], R: [[%g, 0], [0, %[4]g]]}\n",
				i, 0.8+0.01*float64(i), unit, 2*unit, unit/2)
		}
		return text
	}
	for _, rule := range []string{"gradient", "natural", "gauss-newton"} {
		for _, count := range []int{2, 9} {
			rates, _ := trainer(t, family(rule, 1, count)).Rates()
			for _, exponent := range []int{-40, -200, 100} {
				want := math.Ldexp(rates[0], -exponent)
				if rule == "gauss-newton" {
					want = rates[0]
				}
				got, _ := trainer(t, family(rule, math.Ldexp(1, exponent), count)).Rates()
				if !(math.Abs(got[0]-want) <= 1e-12*want) {
					t.Errorf("%s, %d tasks, unit 2^%d: rate %v, want %v", rule, count, exponent, got[0], want)
				}
			}
		}
	}
}

// rate: auto is ½/max|C″| at the start that is returned, also where a search
// moved it.
func TestAutoRate(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"mean-optimal", "family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1}, {name: light, A: 1, B: 1, Q: 1, R: 0.1}]\n"},
		// f's gains are below 0.02, and g's thirty steps from f's optimum,
		// the first a quarter of it, go beyond: the search has to move.
		{"search", "family: long\ntasks: [{name: long, A: 1, B: 100, Q: 1, R: 1, inner: {B: 1}}]\nmeta: {inner: {steps: 30}}\n"},
	} {
		tr := trainer(t, tt.text)
		if tr.Start.Kind != tt.name {
			t.Errorf("%s: start %q", tt.name, tr.Start.Kind)
		}
		if moved := tr.Start.Gain.Data[0] != near(t, tr.Problem)[0]; moved != (tt.name == "search") {
			t.Errorf("%s: start %v, the mean of the optima is %v", tt.name, tr.Start.Gain, near(t, tr.Problem))
		}
		if tr.Start.Evaluations > 100 {
			t.Errorf("%s: %d evaluations", tt.name, tr.Start.Evaluations)
		}
		worst := 0.0
		for i := range tr.Problem.Tasks {
			at, err := tr.Problem.Tasks[i].Inner.At(tr.Start.Gain.Data)
			if err != nil {
				t.Fatal(err)
			}
			h := []float64{0}
			at.HessVec(h, []float64{1})
			worst = max(worst, math.Abs(h[0]))
		}
		rates, from := tr.Rates()
		if len(rates) != tr.Problem.Family.Meta.Inner.Steps || from != "start" || math.Abs(rates[0]*worst-.5) > 1e-15 {
			t.Errorf("%s: rate %v from %s, want %v", tt.name, rates, from, .5/worst)
		}
	}
	// B = 0: C = (q + r w²)/(1 − a²) = (1 + w²)/(3/4), C″ = 8/3.
	if rates, _ := trainer(t, "family: still\ntasks: [{name: still, A: 0.5, B: 0, Q: 1, R: 1}]\nmeta: {start: 0}\n").Rates(); math.Abs(rates[0]-.1875) > 1e-16 {
		t.Errorf("rate %v for B = 0, want 3/16", rates)
	}
}

// ‖I − J‖ by power iteration is below the singular value, and near it.
func TestShiftNorm(t *testing.T) {
	for _, rule := range []string{"natural", "gauss-newton"} {
		tr := trainer(t, strings.Replace(pair, "rate: 1e-4", "rule: "+rule+", rate: 1e-4", 1)+slow["newton-cg"]+"}")
		step, err := tr.Problem.rule(0, 1).At([]float64{2, 3})
		if err != nil {
			t.Fatal(err)
		}
		_, want := objective.SingularValues(objective.DenseJacobian(shift{step}, 2), 2)
		// In two dimensions 40 steps lose less than 1e-6 where the ratio of the
		// singular values is below 0.8.
		if got := shiftNorm(step, 2); got > want*(1+1e-14) || got < want*(1-1e-6) {
			t.Errorf("%s: %v, want %v from below", rule, got, want)
		}
	}
}

// A root that 100 trials do not reach is not said to be reached.
func TestLargestRateSaysHowFarItGot(t *testing.T) {
	l := train(t, unit("inner: {rate: 0.05, steps: 2}, start: 0.7")).LargestRate
	if !strings.Contains(l.How, "1e-12") || strings.Contains(l.How, "not refined") || !l.Exact {
		t.Errorf("%+v", l)
	}
	if l := train(t, unit("inner: {rate: 0.05}, start: 0.7")).LargestRate; l.How != "closed form" {
		t.Errorf("%+v", l)
	}
}

// near is the mean of the optima, which must be known.
func near(t *testing.T, p *Problem) []float64 {
	t.Helper()
	w, err := p.MeanOptimal()
	if err != nil {
		t.Fatal(err)
	}
	return w
}
