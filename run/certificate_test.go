package run

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/objective"
)

func unit(meta string) string {
	return "family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1}]\nmeta: {" + meta + "}\n"
}

func condition(t *testing.T, c *Certificate, name string) Condition {
	t.Helper()
	for _, cond := range c.Conditions {
		if cond.Name == name {
			return cond
		}
	}
	t.Fatalf("no condition %s in %+v", name, c.Conditions)
	return Condition{}
}

func theorem(t *testing.T, c *Certificate, name string) string {
	t.Helper()
	for _, th := range c.Theorems {
		if th.Name == name {
			return th.Verdict
		}
	}
	t.Fatalf("no theorem %s in %+v", name, c.Theorems)
	return ""
}

// A loose tolerance stops a run anywhere; that is no stationary point. Nor is a
// point on the way to the spurious minimiser 0.87396 of η = 0.2, at any
// distance from it.
func TestALooseToleranceIsNotMet(t *testing.T) {
	for _, meta := range []string{
		"inner: {rate: 0.05}, start: 1.0, outer: {tolerance: 10}",
		"inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-3}",
		"inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-4}",
		"inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-5}",
		"inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-7}",
		"inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-300}",
	} {
		r := train(t, unit(meta))
		c := r.Certificate
		if !(r.Gap > 1e-4) {
			t.Fatalf("%s: gap %v", meta, r.Gap)
		}
		if c.Verdict != NotMet || theorem(t, c, theorem2) != NotMet || condition(t, c, "gap").Holds {
			t.Errorf("%s: %+v", meta, c)
		}
		if s := condition(t, c, "stationary"); s.Holds != (s.Value < stationaryLimit-1e-13) || s.Limit != 1e-10 {
			t.Errorf("%s: %+v", meta, s)
		}
		if strings.Contains(meta, "0.2") && condition(t, c, "jacobian-sigma-min").Holds {
			t.Errorf("%s: σ_min = %+v does not see that it is on the way to 0", meta, condition(t, c, "jacobian-sigma-min"))
		}
	}
	// Run down to rounding, a good point stays one; so does the default.
	for _, meta := range []string{"inner: {rate: 0.05}, start: 0.7", "inner: {rate: 0.05}, start: 0.7, outer: {tolerance: 1e-300, iterations: 30}"} {
		if c := train(t, unit(meta)).Certificate; c.Verdict != Met {
			t.Errorf("%s: %+v", meta, c)
		}
	}
}

// At the spurious minimiser J = 1 − ηC″ = 0 and ∇²h = C′(F) F″ ≠ 0: nearby, J is
// its own change over the distance, to first order, and the margin twice that.
func TestJacobianMarginIsTheDistance(t *testing.T) {
	c := train(t, unit("inner: {rate: 0.2}, start: 0.86, outer: {tolerance: 1e-4}")).Certificate
	j := condition(t, c, "jacobian-sigma-min")
	if !(j.Value > 1e-5) || !(j.Margin > j.Value) || float64(j.Margin) > 10*float64(j.Value) {
		t.Errorf("%+v: the margin is to be about twice the value", j)
	}
}

// Identical tasks are one, under any names and weights; tasks with the same f
// but another g are not.
func TestSingle(t *testing.T) {
	for _, tt := range []struct {
		second, verdict string
	}{
		{"{name: again, A: 1, B: 1, Q: 1, R: 1, weight: 3}", Met},
		{"{name: scaled, A: 1, B: 1, Q: 2, R: 2}", DoesNotApply},
		{"{name: misled, A: 1, B: 1, Q: 1, R: 1, inner: {Q: 2}}", DoesNotApply},
	} {
		c := train(t, "family: two\ntasks:\n  - {name: unit, A: 1, B: 1, Q: 1, R: 1}\n  - "+tt.second+"\nmeta: {inner: {rate: 0.05}, start: 0.7}\n").Certificate
		if c.Verdict != tt.verdict {
			t.Errorf("%s: verdict %s, want %s", tt.second, c.Verdict, tt.verdict)
		}
	}
}

// Theorem 2 speaks of f = g, Proposition 1 of gradient steps.
func TestWhichTheoremApplies(t *testing.T) {
	for _, tt := range []struct {
		inner, meta       string
		t2, p1, v, reason string
	}{
		{"", "inner: {rate: 0.05}, start: 0.7", Met, Met, Met, "global minimiser"},
		{"inner: {Q: 1.1}", "inner: {rate: 0.05}, start: 0.7", DoesNotApply, Met, Met, "global minimiser"},
		{"", "inner: {rule: natural, rate: 0.05}, start: 0.7", Met, DoesNotApply, Met, "global minimiser"},
		{"inner: {Q: 1.1}", "inner: {rule: natural, rate: 0.05}, start: 0.7", DoesNotApply, DoesNotApply, DoesNotApply, "f = g"},
	} {
		c := train(t, "family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1, "+tt.inner+"}]\nmeta: {"+tt.meta+"}\n").Certificate
		if theorem(t, c, theorem2) != tt.t2 || theorem(t, c, proposition1) != tt.p1 || c.Verdict != tt.v || !strings.Contains(c.Reason, tt.reason) {
			t.Errorf("%q %q: %+v", tt.inner, tt.meta, c)
		}
	}
}

// A known initial state sees one direction only: Σ₀ = x₀x₀ᵀ is singular, and its
// computed least eigenvalue, rounding of either sign, is not to count.
func TestSingularSigma0IsNotMet(t *testing.T) {
	for _, x0 := range []string{"[1, 0]", "[0.3, 0.7]", "[0.1, 0.3]", "[3, 0.1]", "[0.7, 1e-7]"} {
		c := train(t, `family: one
tasks: [{name: known, A: [[1, 0.1], [0, 0.9]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1, x0: `+x0+`}]
meta: {inner: {rate: 1e-3}, outer: {iterations: 50}}
`).Certificate
		s := condition(t, c, "sigma0-min")
		if s.Holds || !(s.Margin > 0) || theorem(t, c, theorem2) != NotMet {
			t.Errorf("x0 = %s: %+v, theorem-2 %s", x0, s, theorem(t, c, theorem2))
		}
	}
}

// With a discount γ the limit of the undiscounted radius is 1/√γ: A = 4/3 at the
// gain 0 is stable for γ = 1/2 at radius 4/3 < √2.
func TestAdaptedRadiusLimit(t *testing.T) {
	c := train(t, `family: one
tasks: [{name: cheap, A: 1.2, B: 1, Q: 1e-3, R: 1, discount: 0.5}]
meta: {inner: {rate: 0.01}}
`).Certificate
	r := condition(t, c, "adapted-radius")
	if math.Abs(float64(r.Limit)-math.Sqrt2) > 1e-15 || !(r.Value > 1) || !r.Holds || !(r.Margin > 0) || c.Verdict != Met {
		t.Errorf("%+v, verdict %s", r, c.Verdict)
	}
}

// A value known only from the side that flatters it decides nothing where it
// holds, and everything where it fails.
func TestOneSidedConditions(t *testing.T) {
	for _, tt := range []struct {
		sense               string
		value               Number
		flattering          bool
		holds, undetermined bool
	}{
		{"<", .5, false, true, false}, {"<", 1.5, false, false, false},
		{"<", .5, true, false, true}, {"<", 1.5, true, false, false},
		{">", 1.5, true, false, true}, {">", .5, true, false, false},
		{"<", Number(math.NaN()), true, false, false}, {">", Number(math.NaN()), false, false, false},
	} {
		c := Condition{Value: tt.value, Limit: 1, Sense: tt.sense, flattering: tt.flattering}
		if c.decide(); c.Holds != tt.holds || c.Undetermined != tt.undetermined {
			t.Errorf("%+v: holds %v, undetermined %v", tt, c.Holds, c.Undetermined)
		}
	}
}

// Above objective.DenseLimit parameters no dense matrix is formed: every
// condition that would need one is there, and undetermined; so is the verdict.
func TestLargeProblemsAreUndetermined(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	for _, rule := range []string{"gradient", "natural"} {
		f := large(26, 20, "rule: "+rule+", rate: 1e-3")
		if 26*20 <= objective.DenseLimit {
			t.Fatal("not large")
		}
		tr := trainer(t, f)
		if tr.RateCheck[0].Exact || !(tr.RateCheck[0].Value > 0) {
			t.Errorf("%s: rate check %+v", rule, tr.RateCheck)
		}
		r := train(t, f)
		c := r.Certificate
		j := condition(t, c, "jacobian-sigma-min")
		if !j.Undetermined || j.Holds || !math.IsNaN(float64(j.Value)) {
			t.Errorf("%s: %+v", rule, j)
		}
		if h := condition(t, c, "meta-hessian-min"); !h.Undetermined || !(h.Value > 0) {
			t.Errorf("%s: %+v", rule, h)
		}
		if c.Verdict != Undetermined || !condition(t, c, "stationary").Holds || !condition(t, c, "gap").Holds {
			t.Errorf("%s: %+v", rule, c)
		}
		if r.LargestRate.Exact {
			t.Errorf("%s: largest rate %+v", rule, r.LargestRate)
		}
	}
}

// large is one stable task of n states and m inputs.
func large(n, m int, inner string) string {
	matrix := func(r, c int, at func(i, j int) float64) string {
		rows := make([]string, r)
		for i := range rows {
			row := make([]string, c)
			for j := range row {
				row[j] = fmt.Sprint(at(i, j))
			}
			rows[i] = "[" + strings.Join(row, ", ") + "]"
		}
		return "[" + strings.Join(rows, ", ") + "]"
	}
	eye := func(i, j int) float64 {
		if i == j {
			return 1
		}
		return 0
	}
	return "family: large\ntasks:\n  - {name: chain, A: " + matrix(n, n, func(i, j int) float64 {
		return .8*eye(i, j) + .1*eye(i+1, j)
	}) + ", B: " + matrix(n, m, func(i, j int) float64 { return eye(i, j) }) +
		", Q: " + matrix(n, n, eye) + ", R: " + matrix(m, m, eye) + "}\nmeta: {inner: {" + inner + "}}\n"
}
