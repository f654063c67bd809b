package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/run"
)

// gaps are what separates the cells of a line.
var gaps = regexp.MustCompile(`  +`)

// rows reads the table that begins with a head from a printed text: for each
// line its cells by the column's name. Cells must not be empty.
func rows(t *testing.T, text, head string) []map[string]string {
	t.Helper()
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if got := gaps.ReplaceAllString(line, "|"); got != head {
			continue
		}
		names := strings.Split(head, "|")
		var out []map[string]string
		for _, line := range lines[i+1:] {
			if line == "" || strings.HasPrefix(line, "…") {
				return out
			}
			row := map[string]string{}
			for j, cell := range gaps.Split(line, len(names)) {
				row[names[j]] = cell
			}
			out = append(out, row)
		}
		return out
	}
	t.Fatalf("no table %q in\n%s", head, text)
	return nil
}

// value is a fact of a summary.
func value(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "  "+name+" "); ok {
			return gaps.Split(strings.TrimSpace(rest), 2)[0]
		}
	}
	t.Fatalf("no %q in\n%s", name, text)
	return ""
}

func sameRows(t *testing.T, what string, got, want []map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !maps.Equal(got[i], want[i]) {
			t.Errorf("%s, row %d:\n%v, want\n%v", what, i, got[i], want[i])
		}
	}
}

// What tables say is what the documents say, cell by cell.
func TestTablesSayWhatDocumentsSay(t *testing.T) {
	path := elsewhere(t, "figure-3b.yaml")[0]
	gain := write(t, "gain.csv", "0.5\n")

	t.Run("solve", func(t *testing.T) {
		var s run.Solution
		succeed(t, "solve", path, "--json").decode(t, &s)
		var want []map[string]string
		for _, x := range s.Tasks {
			want = append(want, map[string]string{"task": x.Name, "optimal cost": number(x.Cost),
				"spectral radius": number(x.Radius), "residual": size(x.Residual), "W*": inline(x.Gain)})
		}
		sameRows(t, "solve", rows(t, succeed(t, "solve", path).stdout, "task|optimal cost|spectral radius|residual|W*"), want)
	})

	t.Run("eval", func(t *testing.T) {
		var e run.Evaluation
		succeed(t, "eval", path, "--gain", gain, "--gradcheck", "--json").decode(t, &e)
		text := succeed(t, "eval", path, "--gain", gain, "--gradcheck").stdout
		var want []map[string]string
		for _, x := range e.Tasks {
			want = append(want, map[string]string{"task": x.Name, "stable": "yes", "cost": number(x.Cost), "optimal cost": number(x.OptimalCost),
				"gap": size(x.Gap), "‖gradient‖": size(dense.Norm(x.Gradient.Data)), "spectral radius": number(x.Radius)})
		}
		sameRows(t, "tasks", rows(t, text, "task|stable|cost|optimal cost|gap|‖gradient‖|spectral radius"), want)
		for name, want := range map[string]string{"value": number(e.Meta.Value), "lower bound": number(e.Meta.LowerBound),
			"gap": size(e.Meta.Gap), "‖gradient‖": size(dense.Norm(e.Meta.Gradient.Data))} {
			if got := value(t, text, name); got != want {
				t.Errorf("%s %s, want %s", name, got, want)
			}
		}
		want = nil
		for _, c := range e.GradCheck {
			want = append(want, map[string]string{"of": c.Of, "derivative": c.Derivative, "relative difference": size(c.Relative), "noise": size(c.Noise)})
		}
		sameRows(t, "derivatives", rows(t, text, "of|derivative|relative difference|noise"), want)
	})

	t.Run("train", func(t *testing.T) {
		var r run.Result
		succeed(t, "train", path, "--json").decode(t, &r)
		text := succeed(t, "train", path).stdout
		var want []map[string]string
		for _, c := range r.RateCheck {
			want = append(want, map[string]string{"task": c.Task, "η‖∇²C‖ at the start": number(c.Value)})
		}
		sameRows(t, "rates", rows(t, text, "task|η‖∇²C‖ at the start"), want)
		for name, want := range map[string]string{"value": number(r.Value), "lower bound": number(r.LowerBound), "gap": size(r.Gap),
			"gradient norm": size(r.GradientNorm), "largest rate": number(r.LargestRate.Rate), "certificate": r.Certificate.Verdict} {
			if got := value(t, text, name); got != want {
				t.Errorf("%s %s, want %s", name, got, want)
			}
		}
		want = nil
		before := 0.0
		for _, x := range r.Tasks {
			want = append(want, map[string]string{"task": x.Name, "before": number(x.CostBefore), "after": number(x.CostAfter), "optimum": number(x.OptimalCost),
				"gap": size(x.GapAfter), "radius": number(x.RadiusAfter), "adapted W": inline(x.AdaptedGain)})
			before += float64(x.Weight * x.CostBefore)
		}
		sameRows(t, "tasks", rows(t, text, "task|before|after|optimum|gap|radius|adapted W"), want)
		b := r.Baselines
		sameRows(t, "baselines", rows(t, text, "from|before|after")[:3], []map[string]string{
			{"from": "the gain found", "before": number(before), "after": number(r.Value)},
			{"from": "mean of the optima", "before": number(b.MeanOptimal.CostBefore), "after": number(b.MeanOptimal.CostAfter)},
			{"from": "argmin of the mean cost", "before": number(b.ArgminMeanCost.CostBefore), "after": number(b.ArgminMeanCost.CostAfter)},
		})
	})

	t.Run("certificate", func(t *testing.T) {
		var r run.Result
		succeed(t, "train", path, "--json").decode(t, &r)
		var want []map[string]string
		for _, c := range r.Certificate.Conditions {
			if c.Task == "" {
				continue // an empty cell
			}
			holds := map[bool]string{true: "yes", false: "no"}[c.Holds]
			want = append(want, map[string]string{"condition": c.Name, "task": c.Task, "step": fmt.Sprint(c.Step), "value": size(c.Value),
				"must be": c.Sense, "limit": entry(c.Limit), "margin": size(c.Margin), "holds": holds})
		}
		var got []map[string]string
		for _, row := range rows(t, succeed(t, "train", path, "-v").stdout, "condition|task|step|value|must be|limit|margin|holds") {
			if row["task"] == "light" || row["task"] == "dark" {
				got = append(got, row)
			}
		}
		sameRows(t, "conditions", got, want)
	})

	t.Run("adapt", func(t *testing.T) {
		var a run.Adaptation
		succeed(t, "adapt", path, "--gain", gain, "--steps", "2", "--json").decode(t, &a)
		text := succeed(t, "adapt", path, "--gain", gain, "--steps", "2").stdout
		var want []map[string]string
		for _, x := range a.Tasks {
			want = append(want, map[string]string{"task": x.Name, "optimum": number(x.OptimalCost), "0": number(x.Costs[0]), "1": number(x.Costs[1]), "2": number(x.Costs[2]),
				"gap": size(x.Gaps[2]), "radius": number(x.Radii[2]), "refused": fmt.Sprint(len(x.Refused))})
			if x.Radii[0] == x.Radii[2] || x.Gaps[0] == x.Gaps[2] {
				t.Error("nothing tells the first step from the last")
			}
		}
		sameRows(t, "tasks", rows(t, text, "task|optimum|0|1|2|gap|radius|refused"), want)
		means := func(from string, costs []run.Number) map[string]string {
			return map[string]string{"from": from, "0": number(costs[0]), "1": number(costs[1]), "2": number(costs[2]), "refused": "0"}
		}
		sameRows(t, "means", rows(t, text, "from|0|1|2|refused")[:3], []map[string]string{
			means("this gain", a.MeanCosts),
			means("mean of the optima", a.Baselines.MeanOptimal.MeanCosts),
			means("argmin of the mean cost", a.Baselines.ArgminMeanCost.MeanCosts),
		})
	})
}

// Values known only from below say so; of several steps the worst is shown, or
// with -v all; warnings name the step.
func TestRatesOfSeveralSteps(t *testing.T) {
	checks := []run.RateCheck{
		{Task: "a", Step: 0, Value: 0.5, Exact: true}, {Task: "a", Step: 1, Value: 2, Exact: true, Warn: true}, {Task: "a", Step: 2, Value: 0.25, Exact: true},
		{Task: "b", Step: 0, Value: 1.25, Exact: false, Warn: true}, {Task: "b", Step: 1, Value: 0.75, Exact: true}, {Task: "b", Step: 2, Value: 0.5, Exact: true},
	}
	const (
		brief = "task  step  largest s\na        1    2.00000\nb        0  ≥ 1.25000\n\n"
		all   = "task  step          s\na        0   0.500000\na        1    2.00000\na        2   0.250000\nb        0  ≥ 1.25000\nb        1   0.750000\nb        2   0.500000\n\n"
		warn  = "warning: s = 2.00000 ≥ 1 after inner step 1 for task a; the largest rate is 0.100000 there\n" +
			"warning: s = 1.25000 ≥ 1 at the start for task b; the largest rate is 0.0800000 there\n"
	)
	for _, detail := range []bool{false, true} {
		var text, warnings bytes.Buffer
		a := &app{err: &warnings, detail: detail}
		a.printRates(&text, "s", 3, checks)
		a.warnRates("s", []float64{0.1, 0.2, 0.3}, checks)
		want := brief
		if detail {
			want = all
		}
		if strip(text.String()) != strip(want) {
			t.Errorf("-v %v: got\n%swant\n%s", detail, text.String(), want)
		}
		if warnings.String() != warn {
			t.Errorf("-v %v: got\n%swant\n%s", detail, warnings.String(), warn)
		}
	}
	var one bytes.Buffer
	(&app{}).printRates(&one, "s", 1, checks[3:4])
	if want := "task  s at the start\nb          ≥ 1.25000\n\n"; one.String() != want {
		t.Errorf("one step: got\n%swant\n%s", one.String(), want)
	}
}

// strip makes the columns' widths not matter.
func strip(s string) string { return regexp.MustCompile(` +`).ReplaceAllString(s, " ") }

// What was not formed, or does not decide, is not said to fail.
func TestUndeterminedConditions(t *testing.T) {
	var text bytes.Buffer
	var c run.Certificate
	const document = `{"conditions": [{"name": "x", "task": "a", "value": null, "sense": ">", "margin": null, "undetermined": true},
		{"name": "y", "task": "a", "step": 1, "value": 0.5, "sense": ">"}]}`
	if err := json.Unmarshal([]byte(document), &c); err != nil {
		t.Fatal(err)
	}
	(&app{}).printCertificate(&text, &run.Result{Certificate: &c})
	want := `condition  task  step     value  must be  limit  margin  holds
x          a        0  –         >            0       –  not known
y          a        1  5.00e-01  >            0       0  no

`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}

// Of each kind of derivative the largest difference is shown.
func TestWorst(t *testing.T) {
	got := worst([]run.GradCheck{
		{Of: "a", Derivative: "gradient", Relative: 1e-9}, {Of: "a", Derivative: "hessian", Relative: 3e-9},
		{Of: "b", Derivative: "gradient", Relative: 5e-9}, {Of: "b", Derivative: "hessian", Relative: 2e-9},
		{Of: "c", Derivative: "gradient", Relative: 4e-9}, {Of: "meta", Derivative: "gradient", Relative: 1e-10},
	})
	want := []string{"b gradient", "a hessian", "meta gradient"}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, c := range got {
		if c.Of+" "+c.Derivative != want[i] {
			t.Errorf("%s %s, want %s", c.Of, c.Derivative, want[i])
		}
	}
}

// A run that is over within a second shows no bar; a longer one does.
func TestBarIsPatient(t *testing.T) {
	var out bytes.Buffer
	b := &bar{w: &out, iterations: 10, begun: time.Now()}
	b.observe(maml.Record{Iteration: 1})
	if out.Len() > 0 {
		t.Errorf("drawn at once: %q", out.String())
	}
	b.begun = time.Now().Add(-2 * patience)
	b.observe(maml.Record{Iteration: 2, Value: 1.5, GradientNorm: 0.25})
	contains(t, "the bar", out.String(), "2/10", "value 1.50000, gradient norm 2.50e-01")
	if patience != time.Second {
		t.Errorf("patience %v", patience)
	}
}

// What is said of the Hessian is what was measured, and no more.
func TestHessianInWords(t *testing.T) {
	r := &run.Result{Certificate: &run.Certificate{Conditions: []run.Condition{{Name: "stationary", Value: 7}, {Name: "meta-hessian-min", Value: 0.5}}}}
	for kind, want := range map[maml.Kind]string{
		maml.Minimum:      "is positive definite (λ_min = 5.00e-01)",
		maml.Saddle:       "is indefinite, as at a saddle (λ_min ≤ 5.00e-01)",
		maml.Maximum:      "is negative definite, as at a maximum (λ_min = 5.00e-01)",
		maml.Degenerate:   "is singular as far as can be told (λ_min = 5.00e-01)",
		maml.Unclassified: "has λ_min ≤ 5.00e-01, and its sign is not known",
	} {
		r.Kind = kind
		if got := hessian(r); got != want {
			t.Errorf("%v: %s, want %s", kind, got, want)
		}
	}
}

// Where Algorithm 1 ends above a value it met, result and summary name the
// better iterate, and its gain has that value.
func TestTrainNamesABetterIterate(t *testing.T) {
	path := write(t, "passing.yaml", `tasks: [{name: one, A: 1, B: 1, Q: 1, R: 1}]
meta:
  start: 0.7
  inner: {rate: 0.01}
  outer: {method: algorithm-1, rate: 0.4, iterations: 6}
`)
	t.Chdir(t.TempDir())
	var r run.Result
	succeed(t, "train", path, "--json").decode(t, &r)
	if r.Best == nil || !(r.Best.Value < r.Value) {
		t.Fatalf("value %v, best %+v", r.Value, r.Best)
	}
	if err := os.WriteFile("best.csv", fmt.Appendf(nil, "%v\n", r.Best.Gain.Data[0]), 0o666); err != nil {
		t.Fatal(err)
	}
	var e run.Evaluation
	succeed(t, "eval", path, "--gain", "best.csv", "--json").decode(t, &e)
	if e.Meta.Value != r.Best.Value {
		t.Errorf("the best gain has the value %v, %v in the result", e.Meta.Value, r.Best.Value)
	}
	text := succeed(t, "train", path).stdout
	if got := value(t, text, "best met"); got != number(r.Best.Value) {
		t.Errorf("best met %s", got)
	}
	contains(t, "the text", text, "best W met = "+inline(r.Best.Gain), "after "+count(r.Best.Iteration, "iteration"))
}
