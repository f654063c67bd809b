package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/run"
)

// Families of every kind, each with a start that fits it.
var kinds = map[string]string{
	"regression": "kind: regression\ndefaults: {bias: free}\ntasks: [{name: one, x: [[1], [2], [4]], y: [1, 2, 3]}, {name: two, data: two.csv}]\n",
	"ridge":      "kind: ridge\ndefaults: {l2: 0.1, split: {count: 6}}\ngenerate: {lines: {rows: 20, features: 2, within: 1}, count: 3}\n",
	"logistic":   "kind: logistic\ndefaults: {l2: 0.1, bias: free}\ngenerate: {blobs: {rows: 20, within: 0.5}, count: 2}\n",
	"softmax":    "kind: softmax\ndefaults: {classes: 3, l2: 0.1, split: {count: 2, per_class: true, disjoint: true}}\ngenerate: {blobs: {classes: 3, rows: 30}, count: 2}\n",
	"kmeans":     "kind: kmeans\ndefaults: {centers: 2, temperature: 1, epsilon: 0.5}\ngenerate: {blobs: {rows: 20}, count: 2}\n",
}

// What a run says in words of every algorithm, whatever the tasks are.
func TestEveryAlgorithmInWords(t *testing.T) {
	for name, text := range map[string]string{
		"lqr":     "tasks: [{A: 1.1, B: 1, Q: 1, R: 1}, {name: b, A: 0.9, B: 1, Q: 1, R: 1}]\n",
		"ridge":   kinds["ridge"],
		"horizon": "gains: per-time\ndefaults: {A: 1.1, B: 1, Q: 1, R: 1, horizon: 2}\ntasks: [{name: a}, {name: b, B: 0.5}]\n",
	} {
		text = strings.Replace(text, ", split: {count: 6}", "", 1) // moreau is about one cost
		for _, tt := range []struct{ meta, want string }{
			{"algorithm: imaml, inner: {strength: 20}", "mean cost after the proximal step, κ = 20"},
			{"algorithm: moreau, inner: {strength: 20}", "the proximal step, κ = 20"},
			{"algorithm: fo-maml", "gradient norm"}, {"algorithm: hf-maml", "gradient norm"}, {"algorithm: reptile", "gradient norm"}, {"algorithm: ftml", "largest rate"},
			{"inner: {learn: rates, rate: 0.01}, outer: {iterations: 3}", "rates learned = ["},
		} {
			path := write(t, name+".yaml", text+"meta: {"+tt.meta+"}\n")
			t.Chdir(t.TempDir())
			for _, flag := range []string{"-q", "-v"} {
				contains(t, name+" "+tt.meta, succeed(t, "train", path, flag).stdout, tt.want, "was it worth it?")
			}
		}
	}
}

// Every command works on tasks with a horizon, with one gain and with one for
// each time.
func TestEveryCommandOnHorizons(t *testing.T) {
	for name, text := range map[string]string{
		"one":      "tasks: [{A: 1.1, B: 1, Q: 1, R: 1, horizon: 4, terminal: 2}, {name: b, A: {over_time: [1, 0.9]}, B: 1, Q: 1, R: 1, horizon: 2}]\nmeta: {inner: {rate: 0.01}}\n",
		"per-time": "gains: per-time\ntasks: [{A: 1.1, B: 1, Q: 1, R: 1, horizon: 2}, {name: b, A: {over_time: [1, 0.9]}, B: 1, Q: 1, R: 1, horizon: 2}]\nmeta: {inner: {rule: natural, rate: 0.01}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, name+".yaml", text)
			t.Chdir(t.TempDir())
			var s run.Solution
			succeed(t, "solve", path, "--json").decode(t, &s)
			if solved := !s.Tasks[0].Gain.IsZero(); solved != (name == "per-time") || solved == (s.Tasks[0].Reason != "") {
				t.Errorf("%+v", s.Tasks[0])
			}
			var r run.Result
			succeed(t, "train", path, "--out", "run", "--json").decode(t, &r)
			if want := map[string]int{"one": 1, "per-time": 2}[name]; r.Status.String() != "converged" || r.Gain.Rows != want || r.Gain.Cols != 1 {
				t.Errorf("%s, a gain of %d×%d", r.Status, r.Gain.Rows, r.Gain.Cols)
			}
			var e run.Evaluation
			succeed(t, "eval", path, "--gain", "run/gain.csv", "--gradcheck", "--json").decode(t, &e)
			if e.Meta == nil || e.Meta.Value != r.Value {
				t.Errorf("%+v, trained to %v", e.Meta, r.Value)
			}
			succeed(t, "adapt", path, "--gain", "run/gain.npy", "--steps", "2", "--out", "adapted")
			succeed(t, "compare", path, "--iterations", "3", "--out", "compared")
			var l run.Search
			succeed(t, "landscape", path, "--starts", "100", "--json").decode(t, &l)
			if l.Proof != "search" || len(l.Minimizers) == 0 {
				t.Errorf("%s: %s", l.Proof, l.Reason)
			}
			for _, args := range [][]string{{"certify", path, "--gain", "run/gain.csv"}, {"radius", path, "--epsilon", "0.1"}} {
				o := call(t, args...)
				contains(t, args[0], o.stderr, "this family has tasks on a finite horizon")
				if o.exit != 2 {
					t.Errorf("exit %d", o.exit)
				}
			}
			contains(t, "solve", succeed(t, "solve", path).stdout, "2 tasks, 1 state, 1 input, ")
		})
	}
}

// Every command works on every kind, or says in a sentence why it cannot.
func TestEveryCommandOnEveryKind(t *testing.T) {
	for name, text := range kinds {
		t.Run(name, func(t *testing.T) {
			path := write(t, name+".yaml", text)
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "two.csv"), []byte("x,y\n0,1\n1,3\n2,2\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			var s run.Solution
			succeed(t, "solve", path, "--json").decode(t, &s)
			for _, task := range s.Tasks {
				if solved := !task.Gain.IsZero(); solved == (task.Reason != "") || !task.P.IsZero() || solved == (name == "kmeans") {
					t.Errorf("%+v", task)
				}
			}
			var r run.Result
			succeed(t, "train", path, "--out", "run", "--json").decode(t, &r)
			if r.Status.String() != "converged" || !(r.Gap >= 0) {
				t.Errorf("%s, gap %v", r.Status, r.Gap)
			}
			before := hashes(t, "run")
			succeed(t, "train", path, "--out", "run", "--resume", "-q")
			same(t, hashes(t, "run"), before)
			// The spec as run has the rows themselves: it trains to the same anywhere.
			succeed(t, "train", "run/spec.yaml", "--out", "again", "-q")
			if a, b := hashes(t, "again"), before; a["gain.csv"] != b["gain.csv"] {
				t.Error("the spec as run trains to another gain")
			}
			var e run.Evaluation
			succeed(t, "eval", path, "--gain", "run/gain.csv", "--gradcheck", "--json").decode(t, &e)
			if e.Meta == nil || e.Meta.Value != r.Value {
				t.Errorf("%+v, trained to %v", e.Meta, r.Value)
			}
			for _, c := range e.GradCheck {
				if !(c.Relative < 1e-6) { // what differences of these functions reach
					t.Errorf("%+v", c)
				}
			}
			var a run.Adaptation
			succeed(t, "adapt", path, "--gain", "run/result.json", "--steps", "2", "--out", "adapted", "--json").decode(t, &a)
			if len(a.MeanCosts) != 3 || math.Abs(float64(a.MeanCosts[1]-r.Value)) > 1e-14*float64(r.Value) {
				t.Errorf("%v after one step, %v in training", a.MeanCosts, r.Value)
			}
			var c run.Comparison
			succeed(t, "compare", path, "--iterations", "5", "--out", "compared", "--json").decode(t, &c)
			if c.Unit() != "evals" || len(c.Algorithms) == 0 || c.Algorithms[0].Solves == 0 {
				t.Errorf("%+v", c)
			}
			// In words, nothing is said of stability.
			for _, args := range [][]string{{"solve", path, "-v"}, {"eval", path, "--gain", "run/gain.csv"}, {"adapt", path, "--gain", "run/gain.csv", "--steps", "1"}, {"train", path, "--out", "words", "-v"}, {"compare", path, "--iterations", "2"}} {
				text := succeed(t, args...).stdout
				contains(t, args[0], text, name+" over data")
				for _, word := range []string{"radius", "stable", "NaN", "solves"} {
					if strings.Contains(text, word) {
						t.Errorf("%s says %q:\n%s", args[0], word, text)
					}
				}
			}
			var l run.Search
			succeed(t, "landscape", path, "--starts", "200", "--out", "landscape", "--json").decode(t, &l)
			if l.Proof != "search" || len(l.Minimizers) == 0 || float64(l.Minimum) > float64(r.Value)*(1+1e-9) {
				t.Errorf("%s: least %v, trained to %v, %s", l.Proof, l.Minimum, r.Value, l.Reason)
			}
			o := call(t, "certify", path, "--gain", "run/gain.csv")
			contains(t, "certify", o.stderr, "LQR tasks on an infinite horizon; this family has tasks of kind "+name)
			if o.exit != 2 {
				t.Errorf("exit %d", o.exit)
			}
		})
	}
}
