package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

// near compares relative to want, or to 1 where that is larger.
func near(t *testing.T, what string, got run.Number, want, tol float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > tol*math.Max(1, math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g within %g", what, float64(got), want, tol)
	}
}

// golden is the optimum of (1,1,1,1): w* = (√5 − 1)/2, P = C* = w* + 1.
var golden = (math.Sqrt(5) - 1) / 2

func TestSolve(t *testing.T) {
	path := write(t, "one.yaml", "tasks: [{name: one, A: 1, B: 1, Q: 1, R: 1}]\n")
	var s run.Solution
	succeed(t, "solve", path, "--json").decode(t, &s)
	task := s.Tasks[0]
	const tol = 1e-14 // a few roundings of numbers near 1
	near(t, "gain", run.Number(task.Gain.Data[0]), golden, tol)
	near(t, "P", run.Number(task.P.Data[0]), golden+1, tol)
	near(t, "cost", task.Cost, golden+1, tol)
	near(t, "radius", task.Radius, 1-golden, tol)
	if s.Family != "one" || task.Name != "one" || !(task.Residual < 1e-14) {
		t.Errorf("%+v", s)
	}
	contains(t, "the table", succeed(t, "solve", path).stdout, "family one: 1 task, 1 state, 1 input", "1.61803", "0.381966", "[0.618034]")
	contains(t, "the details", succeed(t, "solve", path, "-v").stdout, "P = [1.61803]")
}

func TestEval(t *testing.T) {
	// f(k) = (q + r k²)/(1 − (1−k)²), f′ by the quotient rule, h(k) = ½ Σ f(k − η f′(k)).
	gain := write(t, "gain.json", "[[0.5]]")
	var e run.Evaluation
	succeed(t, "eval", "testdata/figure-3b.yaml", "--gain", gain, "--json").decode(t, &e)
	const η, tol = 0.05, 1e-13 // a dozen operations on numbers near 1
	f := func(q, r, k float64) float64 { return (q + r*k*k) / (1 - (1-k)*(1-k)) }
	df := func(q, r, k float64) float64 {
		d := 1 - (1-k)*(1-k)
		return (2*r*k*d - (q+r*k*k)*2*(1-k)) / (d * d)
	}
	h := 0.0
	for i, task := range []struct{ q, r float64 }{{1, 0.1}, {0.1, 1}} {
		got := e.Tasks[i]
		near(t, "cost", got.Cost, f(task.q, task.r, 0.5), tol)
		near(t, "gradient", run.Number(got.Gradient.Data[0]), df(task.q, task.r, 0.5), tol)
		near(t, "radius", got.Radius, 0.5, tol)
		if !got.Stable {
			t.Error("not stable")
		}
		h += f(task.q, task.r, 0.5-η*df(task.q, task.r, 0.5)) / 2
	}
	near(t, "meta value", e.Meta.Value, h, tol)
	near(t, "gap", e.Meta.Gap, h-float64(e.Meta.LowerBound), tol)

	o := succeed(t, "eval", "testdata/figure-3b.yaml", "--gain", gain, "--gradcheck")
	contains(t, "the check", o.stdout, "derivatives against differences", "light", "hessian", "third", "pull derivative", "meta")
	succeed(t, "eval", "testdata/figure-3b.yaml", "--gain", gain, "--gradcheck", "--json").decode(t, &e)
	for _, c := range e.GradCheck {
		if !(c.Relative < 1e-9) { // what differences of smooth scalar functions reach
			t.Errorf("%+v", c)
		}
	}
	if len(e.GradCheck) < 10 {
		t.Errorf("only %d derivatives checked", len(e.GradCheck))
	}
}

// A destabilising gain is an answer.
func TestEvalOfADestabilisingGain(t *testing.T) {
	gain := write(t, "gain.csv", "2.5\n")
	for _, args := range [][]string{nil, {"--gradcheck"}} {
		o := succeed(t, append([]string{"eval", "testdata/figure-3b.yaml", "--gain", gain, "--json"}, args...)...)
		top := o.document(t).(map[string]any)
		if meta, ok := top["meta"]; !ok || meta != nil {
			t.Errorf("meta: %v", meta)
		}
		if reason, _ := top["reason"].(string); !strings.Contains(reason, `"light"`) || !strings.Contains(reason, "1.5") {
			t.Errorf("reason %q", reason)
		}
		for _, task := range top["tasks"].([]any) {
			task := task.(map[string]any)
			cost, had := task["cost"]
			if task["stable"] != false || !had || cost != nil || task["gradient"] != nil || task["spectral_radius"] != 1.5 {
				t.Errorf("%v", task)
			}
		}
	}
	contains(t, "the table", succeed(t, "eval", "testdata/figure-3b.yaml", "--gain", gain).stdout, "no", "∞", "infinite")
}

func TestTrain(t *testing.T) {
	path := elsewhere(t, "figure-3b.yaml")[0]
	var r struct {
		run.Result
		Directory string
	}
	o := succeed(t, "train", path, "--json")
	o.decode(t, &r)
	if r.Directory != filepath.Join("runs", "figure-3b", "001") {
		t.Errorf("directory %q", r.Directory)
	}
	near(t, "gain", run.Number(r.Gain.Data[0]), 0.1838, 5e-5) // four digits are known
	near(t, "value", r.Value, 0.7341, 5e-5)
	if r.Certificate.Verdict != run.DoesNotApply {
		t.Errorf("verdict %s", r.Certificate.Verdict)
	}
	contains(t, "standard error", o.stderr, "start: given", "rate 0.05")

	second := succeed(t, "train", path)
	contains(t, "the text", second.stdout, "start: given", "1 gradient step at rate 0.05", "η‖∇²C‖", "converged after", "the Hessian there is positive definite (λ_min = 5.75e+01)",
		"lower bound", "largest rate", "certificate", "does-not-apply", "W = [0.1838", "was it worth it?", "mean of the optima",
		"argmin of the mean cost", "run directory: "+filepath.Join("runs", "figure-3b", "002"))
	for _, name := range []string{"spec.yaml", "result.json", "gain.csv", "gain.npy", "adapted.csv", "adapted.npy", "trace.csv", "timing.csv", "checkpoint.json", "manifest.json"} {
		if _, err := os.Stat(filepath.Join("runs", "figure-3b", "002", name)); err != nil {
			t.Error(err)
		}
	}
	var m run.Manifest
	data, err := os.ReadFile("runs/figure-3b/002/manifest.json")
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil || len(m.Command) != 3 || m.Command[0] != "metalqr" || m.Command[1] != "train" || m.Version != build() {
		t.Errorf("manifest %+v, %v", m, err)
	}

	// Both runs, and a finished one resumed, have the same bits.
	first := hashes(t, "runs/figure-3b/001")
	same(t, hashes(t, "runs/figure-3b/002"), first)
	succeed(t, "train", path, "--out", "runs/figure-3b/002", "--resume", "-q")
	same(t, hashes(t, "runs/figure-3b/002"), first)

	// A new directory under a name, refused the second time.
	succeed(t, "train", path, "--out", "named/deep", "-q")
	same(t, hashes(t, "named/deep"), first)
	if o := call(t, "train", path, "--out", "named/deep"); o.exit != 2 {
		t.Errorf("a directory that exists: exit %d", o.exit)
	}

	// The gain of a run is one for eval, in each format it is kept in.
	for _, name := range []string{"gain.csv", "gain.npy", "result.json"} {
		var e run.Evaluation
		succeed(t, "eval", path, "--gain", filepath.Join("named/deep", name), "--json").decode(t, &e)
		if e.Meta.Value != r.Value {
			t.Errorf("%s: value %v, %v in training", name, e.Meta.Value, r.Value)
		}
	}
	// The spec as run trains to the same.
	succeed(t, "train", "named/deep/spec.yaml", "--out", "again", "-q")
	same(t, hashes(t, "again"), first)
}

func TestResumeRefusesAnotherSpec(t *testing.T) {
	path := elsewhere(t, "figure-3b.yaml")[0]
	succeed(t, "train", path, "--out", "kept", "-q")
	before := hashes(t, "kept")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := write(t, "other.yaml", strings.Replace(string(data), "rate: 0.05", "rate: 0.06", 1))
	o := call(t, "train", other, "--out", "kept", "--resume")
	if o.exit != 2 {
		t.Errorf("exit %d", o.exit)
	}
	contains(t, "standard error", o.stderr, "kept holds a run of another spec", "0.05", "0.06")
	same(t, hashes(t, "kept"), before)

	if err := os.Mkdir("notes", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("notes/todo.txt", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o = call(t, "train", path, "--out", "notes", "--resume")
	if o.exit != 2 {
		t.Errorf("exit %d", o.exit)
	}
	contains(t, "standard error", o.stderr, "not a run directory")
}

// At the published start and rate the inner condition fails sevenfold, and the
// user learns it before the first step. 7.248 is η‖∇²C(K₀)‖₂ there.
func TestTrainWarnsBeforeItStarts(t *testing.T) {
	path := elsewhere(t, "boeing-published.yaml")[0]
	o := succeed(t, "train", path)
	warning := "warning: η‖∇²C‖ = 7.24819 ≥ 1 at the start for task nominal; the largest rate is 1.10372e-06 there\n"
	if o.stderr != warning {
		t.Errorf("standard error: %s", o.stderr)
	}
	contains(t, "the text", o.stdout, "7.24819")
	if o := succeed(t, "train", path, "-q"); o.stderr != "" || strings.Contains(o.stdout, "at the start\n") {
		t.Errorf("-q: %s%s", o.stdout, o.stderr)
	}
	if o := succeed(t, "train", path, "-q", "--json"); o.stderr != "" {
		t.Errorf("-q --json: %s", o.stderr)
	}
	o = succeed(t, "train", path, "-v")
	contains(t, "-v", o.stderr, "gradient norm", "backtracks", warning)
	contains(t, "-v", o.stdout, "theorem-2: ", "jacobian-sigma-min", "inner-rate", "adapted W, task nominal", "started from given")
}

// A run that left the domain has a result, and fails.
func TestTrainThatLeavesTheDomain(t *testing.T) {
	path := elsewhere(t, "leaves.yaml")[0]
	o := call(t, "train", path)
	if o.exit != 1 {
		t.Errorf("exit %d", o.exit)
	}
	contains(t, "standard output", o.stdout, "left the domain after 0 iterations", "W = [0.3]", "run directory")
	contains(t, "standard error", o.stderr, "metalqr: the run left the domain", `task "only"`)
	o = call(t, "train", path, "--json")
	var r run.Result
	o.decode(t, &r)
	if o.exit != 1 || r.Status.String() != "left-domain" || r.Reason == "" {
		t.Errorf("exit %d, %+v", o.exit, r)
	}
}

func TestTrainThatDoesNotConverge(t *testing.T) {
	path := write(t, "short.yaml", `tasks: [{name: one, A: 1, B: 1, Q: 1, R: 1}]
meta: {start: 0.3, inner: {rate: 0.01}, outer: {method: gradient, iterations: 2}}
`)
	t.Chdir(t.TempDir())
	contains(t, "standard output", succeed(t, "train", path).stdout, "not converged: stopped at the limit of 2 iterations")
}

func TestAdapt(t *testing.T) {
	gain := write(t, "gain.csv", "0.5\n")
	path := elsewhere(t, "figure-3b.yaml")[0]
	var a run.Adaptation
	succeed(t, "adapt", path, "--gain", gain, "--steps", "4", "--out", "new/adapted", "--json").decode(t, &a)
	for _, task := range a.Tasks {
		if len(task.Costs) != 5 || len(task.Radii) != 5 || len(task.Refused) != 0 {
			t.Errorf("%+v", task)
		}
		for k := range task.Costs[1:] {
			if !(task.Costs[k+1] < task.Costs[k]) || !(task.Costs[k+1] >= task.OptimalCost) {
				t.Errorf("%s: costs %v", task.Name, task.Costs)
			}
		}
	}
	csvFile, err := os.Open("new/adapted/adapted.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer csvFile.Close()
	rows, err := csv.NewReader(csvFile).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][0] != "light" {
		t.Errorf("%v, %v", rows, err)
	}
	npy, err := os.ReadFile("new/adapted/adapted.npy")
	if err != nil || !bytes.HasPrefix(npy, []byte("\x93NUMPY")) || !bytes.Contains(npy, []byte("(2, 1, 1)")) {
		t.Errorf("%q, %v", npy[:min(len(npy), 80)], err)
	}
	before := hashes(t, "new/adapted")
	o := call(t, "adapt", path, "--gain", gain, "--steps", "1", "--out", "new/adapted")
	if o.exit != 2 {
		t.Errorf("exit %d", o.exit)
	}
	contains(t, "standard error", o.stderr, "adapted.csv exists")
	same(t, hashes(t, "new/adapted"), before)

	o = succeed(t, "adapt", path, "--gain", gain, "--steps", "40", "--out", "more")
	contains(t, "the text", o.stdout, "40 gradient steps at rate 0.05", "  20 ", "mean cost", "this gain", "mean of the optima", "the lower bound",
		"adapted gains: "+filepath.Join("more", "adapted.csv"))
}

// From near the border a step of this rate overshoots, and is refused.
func TestAdaptRefuses(t *testing.T) {
	gain := write(t, "gain.csv", "0.02\n")
	o := succeed(t, "adapt", "testdata/figure-3b.yaml", "--gain", gain, "--steps", "2")
	contains(t, "the text", o.stdout, "refused steps", "light, from step 1: ")
}

func TestManyTasks(t *testing.T) {
	gain := write(t, "gain.csv", "0.6\n")
	path := elsewhere(t, "many.yaml")[0]
	for _, args := range [][]string{
		{"solve", path}, {"train", path}, {"eval", path, "--gain", gain, "--gradcheck"}, {"adapt", path, "--gain", gain, "--steps", "1"},
	} {
		brief := succeed(t, args...).stdout
		contains(t, args[0], brief, "family many: 30 tasks, 1 state, 1 input (30 by within, the nominal one included; seed 1, ", "… and 10 more tasks (-v shows all)")
		all := succeed(t, append(args, "-v")...).stdout
		if strings.Contains(all, "more tasks") || !strings.Contains(all, "task-029") {
			t.Errorf("%s -v:\n%s", args[0], all)
		}
	}
}

func TestInit(t *testing.T) {
	o := succeed(t, "init")
	if o.stdout != string(family.Template()) {
		t.Error("init prints something else than the template")
	}
	path := write(t, "mine.yaml", o.stdout)
	t.Chdir(t.TempDir())
	succeed(t, "train", path, "-q")
	var schema map[string]any
	if err := json.Unmarshal([]byte(succeed(t, "init", "--schema").stdout), &schema); err != nil || schema["properties"] == nil {
		t.Errorf("schema: %v, %v", schema, err)
	}
	var d struct{ Template string }
	succeed(t, "init", "--json").decode(t, &d)
	if d.Template != o.stdout {
		t.Error("the template in JSON differs")
	}
}

func TestVersion(t *testing.T) {
	contains(t, "version", succeed(t, "version").stdout, "metalqr "+version()+" (go1.")
	contains(t, "--version", succeed(t, "--version").stdout, "metalqr "+version()+"\n")
	var v struct{ Version, Build, Go, Platform string }
	succeed(t, "version", "--json").decode(t, &v)
	if v.Version == "" || !strings.HasPrefix(v.Build, v.Version) || v.Go == "" || !strings.Contains(v.Platform, "/") {
		t.Errorf("%+v", v)
	}
}

// Executables that differ in a byte are two builds; one that cannot be read is its
// version. A run begun by one is not resumed by another: see TestDamagedDirectories.
func TestBuild(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"a": "one", "b": "ons", "c": "one"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	of := func(name string) string { return named("v1", filepath.Join(dir, name)) }
	// printf one | sha256sum
	if want := "v1 (build 7692c3ad3540bb80)"; of("a") != want || of("c") != want || of("b") == want || of("none") != "v1" {
		t.Errorf("builds %q, %q, %q and %q", of("a"), of("b"), of("c"), of("none"))
	}
}

func TestHelp(t *testing.T) {
	top := succeed(t, "--help").stdout
	for _, command := range []string{"init", "solve", "eval", "train", "adapt", "version", "completion"} {
		contains(t, "help", top, "\n  "+command+" ")
		one := succeed(t, command, "--help").stdout
		contains(t, command+" --help", one, "Usage:\n  metalqr "+command, "--json", "--quiet", "--verbose")
		if again := succeed(t, "help", command).stdout; again != one {
			t.Errorf("help %s differs from %s --help:\n%s", command, command, again)
		}
	}
	contains(t, "help", top, "Exit status: 0, done; 1,")
	for line := range strings.Lines(top) {
		if width(line) > 101 {
			t.Errorf("a long line: %s", line)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "fish", "powershell", "zsh"} {
		contains(t, shell, succeed(t, "completion", shell).stdout, "metalqr")
	}
	for _, tt := range []struct {
		args []string
		want string // 8: files with these extensions; 4: nothing; 16: directories
	}{
		{[]string{"solve", ""}, "yaml\nyml\njson\n:8\n"},
		{[]string{"train", "x.yaml", ""}, ":4\n"},
		{[]string{"eval", "x.yaml", "--gain", ""}, "csv\nnpy\njson\n:8\n"},
		{[]string{"train", "x.yaml", "--out", ""}, ":16\n"},
		{[]string{"version", ""}, ":4\n"},
	} {
		if got := succeed(t, append([]string{"__complete"}, tt.args...)...).stdout; got != tt.want {
			t.Errorf("%q: %q, want %q", tt.args, got, tt.want)
		}
	}
}

func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for i := range paths {
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Chdir(t.TempDir())
			succeed(t, "solve", path)
			var r run.Result
			succeed(t, "train", path, "--out", "run", "--json").decode(t, &r)
			if r.Status.String() != "converged" || !(r.Gap >= 0) {
				t.Errorf("%s, gap %v", r.Status, r.Gap)
			}
			// The minimiser found is no worse after the inner steps than what one
			// would use without meta-learning; scalar.yaml ends in a spurious one,
			// which is better than both nevertheless.
			for _, b := range []run.Baseline{r.Baselines.MeanOptimal, r.Baselines.ArgminMeanCost} {
				if b.CostAfter < r.Value {
					t.Errorf("%v after the inner steps, a baseline %v", r.Value, b.CostAfter)
				}
			}
			succeed(t, "eval", path, "--gain", "run/gain.npy", "--gradcheck")
			succeed(t, "adapt", path, "--gain", "run/result.json", "--steps", "3")
		})
	}
}
