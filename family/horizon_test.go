package family

import (
	"bytes"
	"math"
	"testing"

	"github.com/metalqr/metalqr/lqr"
)

var horizonFamilies = map[string]string{
	"one gain": "defaults: {R: 1, terminal: 2, discount: 0.9}\ntasks:\n  - {name: a, A: 1, B: 1, Q: 1, horizon: 3}\n" +
		"  - {name: b, A: {over_time: [1, -0, 1e-3, 5e-324]}, B: 1, Q: {over_time: [[[1]], 2, 3, 4]}, noise: 0.1, x0: 2, horizon: 4, weight: 2, inner: {A: 2, Sigma0: 3}}\n",
	"per time": "gains: per-time\ndefaults: {horizon: 2, Q: [[1, 0], [0, 1]], R: 1, N: {over_time: [[[0.1], [0]], [[0], [0.2]]]}}\n" +
		"tasks: [{A: [[1, 1], [0, 1]], B: [[0], [1]], Sigma0: [[1, 0], [0, 2]], inner: {R: {over_time: [1, 3]}}}]\n" +
		"meta: {inner: {rule: gauss-newton, rate: 0.3}, normalize: optimal-cost, start: [[1, 2], [3, 4]]}\n",
}

func TestFormatOfHorizons(t *testing.T) {
	for name, text := range horizonFamilies {
		f, err := Parse("x.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		formatted := Format(f)
		again, err := Parse("x.yaml", formatted)
		if err != nil {
			t.Fatalf("%s, formatted: %v\n%s", name, err, formatted)
		}
		identical(t, f, again)
		if !bytes.Equal(Format(again), formatted) {
			t.Errorf("%s: formatting is not idempotent", name)
		}
		tr, err := parse("x", formatted)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, tr)
	}
}

func TestHorizons(t *testing.T) {
	f, err := Parse("x", []byte(horizonFamilies["per time"]))
	if err != nil {
		t.Fatal(err)
	}
	if r, c := f.Shape(); r != 2 || c != 2 || f.States() != 2 || f.Inputs() != 1 || f.Beyond() == "" {
		t.Errorf("shape %d×%d, %d states, %d inputs", r, c, f.States(), f.Inputs())
	}
	if outer, inner := f.Tasks[0].Objectives(); outer == inner {
		t.Error("the inner view is lost")
	} else if _, ok := outer.(*lqr.Horizon); !ok {
		t.Errorf("%T", outer)
	}
	// Tasks of different lengths, and one without an end, share one gain.
	f, err = Parse("x", []byte("defaults: {A: 1, B: 1, Q: 1, R: 1}\ntasks: [{horizon: 1}, {horizon: 9, weight: 3}, {name: c}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r, c := f.Shape(); r != 1 || c != 1 || f.Tasks[2].F == nil || f.Tasks[1].Unsolved() == "" || f.Tasks[2].Unsolved() != "" {
		t.Errorf("shape %d×%d", r, c)
	}
	// The mean of gains that would be optimal without an end, all alike here.
	if w, kind := f.Guess(); len(w) != 1 || math.Abs(w[0]-f.Tasks[2].F.Optimum().Gain.Data[0]) > 1e-15 || kind != "infinite-horizon" {
		t.Errorf("%v, %s", w, kind)
	}
	// A plant that nothing reaches has none, and a horizon none the less.
	f, err = Parse("x", []byte("tasks: [{horizon: 3, A: 2, B: 0, Q: 1, R: 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := f.Guess(); w != nil {
		t.Errorf("%v", w)
	}
}

var horizonRefusals = []struct {
	name, text   string
	line, column int
	path         string
	kind         error
	message      string
}{
	{"no steps", "tasks:\n" + taskOf("horizon: 0"), 2, 48, "tasks[0].horizon", ErrValue, "at least 1"},
	{"too many steps", "tasks:\n" + taskOf("horizon: 2000000000"), 2, 48, "tasks[0].horizon", ErrLimit, "at most 100000"},
	{"steps and average cost", "tasks:\n" + taskOf("horizon: 2, average_cost: true, noise: 1"), 2, 65, "tasks[0].average_cost", ErrValue, "contradicts horizon"},
	{"steps and sample time", "defaults: {sample_time: 0.1}\ntasks:\n" + taskOf("horizon: 2"), 1, 25, "defaults.sample_time", ErrValue, "contradicts horizon"},
	{"end of no horizon", "tasks:\n" + taskOf("terminal: 1"), 2, 49, "tasks[0].terminal", ErrValue, "contradicts an infinite horizon"},
	{"series of no horizon", "tasks: [{A: {over_time: [1, 2]}, B: 1, Q: 1, R: 1}]\n", 1, 13, "tasks[0].A", ErrValue, "over_time contradicts an infinite horizon"},
	{"inner series of no horizon", "tasks:\n" + taskOf("inner: {Q: {over_time: [1, 2]}}"), 2, 50, "tasks[0].inner.Q", ErrValue, "over_time contradicts an infinite horizon"},
	{"series too short", "tasks: [{horizon: 3, A: {over_time: [1, 2]}, B: 1, Q: 1, R: 1}]\n", 1, 25, "tasks[0].A", ErrTask, "must be one matrix or 3"},
	{"series of nothing", "tasks: [{horizon: 3, A: {over_time: []}, B: 1, Q: 1, R: 1}]\n", 1, 37, "tasks[0].A.over_time", ErrValue, "a list of matrices"},
	{"series and more", "tasks: [{horizon: 3, A: {over_time: [1], x: 1}, B: 1, Q: 1, R: 1}]\n", 1, 42, "tasks[0].A.x", ErrKey, "unknown key"},
	{"shape in a series", "tasks: [{horizon: 2, A: {over_time: [1, [[1, 2]]]}, B: 1, Q: 1, R: 1}]\n", 1, 25, "tasks[0].A", ErrTask, "A[1]"},
	{"indefinite at the end", "tasks:\n" + taskOf("horizon: 2, terminal: -1"), 2, 61, "tasks[0].terminal", ErrTask, "terminal is not positive semidefinite"},
	{"gains of no horizon", "gains: one\n" + oneTask, 1, 8, "gains", ErrValue, "contradicts tasks without a horizon"},
	{"no such gains", "gains: many\n" + oneTask, 1, 8, "gains", ErrValue, "expected one or per-time"},
	{"gains per time without an end", "gains: per-time\ndefaults: {A: 1, B: 1, Q: 1, R: 1}\ntasks: [{horizon: 2}, {name: b}]\n", 1, 8, "gains", ErrValue, `per-time contradicts the infinite horizon of task "b"`},
	{"gains per time of two lengths", "gains: per-time\ndefaults: {A: 1, B: 1, Q: 1, R: 1}\ntasks: [{name: a, horizon: 2}, {name: b, horizon: 3}]\n", 1, 8, "gains", ErrValue, `per-time contradicts horizons that differ: 2 of task "a", 3 of "b"`},
	{"natural rule of one gain", "tasks:\n" + taskOf("horizon: 2") + "meta: {inner: {rule: natural}}\n", 3, 22, "meta.inner.rule", ErrValue, "natural contradicts gains: one"},
	{"margin of stability", "tasks:\n" + taskOf("horizon: 2") + "meta: {radius_limit: 0.9}\n", 3, 22, "meta.radius_limit", ErrValue, "contradicts horizon"},
	{"optimal costs of one gain", "tasks:\n" + taskOf("horizon: 2") + "meta: {normalize: optimal-cost}\n", 3, 19, "meta.normalize", ErrValue, "contradicts gains: one"},
	{"mean optimum of one gain", "tasks:\n" + taskOf("horizon: 2") + "meta: {start: mean-optimal}\n", 3, 15, "meta.start", ErrValue, "contradicts gains: one"},
	{"start of one time", "gains: per-time\ntasks:\n" + taskOf("horizon: 2") + "meta: {start: 1}\n", 4, 15, "meta.start", ErrValue, "the start is 1×1; a gain of this family is 2×1"},
	{"drawn horizons", "generate: {nominal: {A: 1, B: 1, Q: 1, R: 1, horizon: 2}, count: 2, within: 1}\n", 1, 11, "generate", ErrValue, "contradicts horizon"},
	{"horizon of data", "kind: ridge\ntasks: [{horizon: 2}]\n", 2, 10, "tasks[0].horizon", ErrKey, "contradicts kind ridge"},
	{"gains of data", "kind: ridge\ngains: one\ntasks: [{l2: 1, x: [[1]], y: 1}]\n", 2, 8, "gains", ErrValue, "contradicts tasks without a horizon"},
}

func TestHorizonRefusals(t *testing.T) {
	for _, tt := range horizonRefusals {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.text, tt.line, tt.column, tt.path, tt.kind, tt.message) })
	}
}
