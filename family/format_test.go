package family

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// identical checks that two families are the same, bit for bit, but for how
// they were drawn.
func identical(t *testing.T, a, b *Family) {
	t.Helper()
	bits := func(v []float64) (u []uint64) {
		for _, x := range v {
			u = append(u, math.Float64bits(x))
		}
		return u
	}
	spec := func(a, b *lqr.Spec) {
		t.Helper()
		if (a == nil) != (b == nil) {
			t.Fatalf("one inner view is absent: %v, %v", a, b)
		}
		if a == nil {
			return
		}
		for i, m := range specMatrices(a) {
			if !m.Equal(*specMatrices(b)[i]) {
				t.Errorf("task %s, matrix %d: %v, then %v", a.Name, i, *m, *specMatrices(b)[i])
			}
		}
		if a.Name != b.Name || !a.Noise.Equal(b.Noise) || !reflect.DeepEqual(bits(a.X0), bits(b.X0)) ||
			a.Discount != b.Discount || a.AverageCost != b.AverageCost || a.SampleTime != b.SampleTime {
			t.Errorf("%+v, then %+v", a, b)
		}
	}
	if a.Name != b.Name || a.Kind != b.Kind || a.Gains != b.Gains || len(a.Tasks) != len(b.Tasks) {
		t.Fatalf("%s with %d tasks, then %s with %d", a.Name, len(a.Tasks), b.Name, len(b.Tasks))
	}
	if !reflect.DeepEqual(a.Meta, b.Meta) {
		t.Errorf("meta %+v, then %+v", a.Meta, b.Meta)
	}
	for i := range a.Tasks {
		x, y := &a.Tasks[i], &b.Tasks[i]
		if x.Name != y.Name || math.Float64bits(x.Weight) != math.Float64bits(y.Weight) {
			t.Errorf("task %s of weight %v, then %s of %v", x.Name, x.Weight, y.Name, y.Weight)
		}
		if (x.Sets == nil) != (y.Sets == nil) {
			t.Fatalf("task %s: one is over data", x.Name)
		}
		if (x.Finite == nil) != (y.Finite == nil) {
			t.Fatalf("task %s: one is on a finite horizon", x.Name)
		}
		if x.Finite != nil {
			if !reflect.DeepEqual(x.Finite.Outer, y.Finite.Outer) || !reflect.DeepEqual(x.Finite.Inner, y.Finite.Inner) {
				t.Errorf("%+v, then %+v", x.Finite, y.Finite)
			}
			continue
		}
		if x.Sets != nil {
			sameSets(t, x.Sets, y.Sets)
			continue
		}
		spec(&x.Outer, &y.Outer)
		spec(x.Inner, y.Inner)
		if !x.F.Same(y.F) || !x.G.Same(y.G) || (x.F == x.G) != (y.F == y.G) {
			t.Errorf("task %s: other cost functions", x.Name)
		}
	}
}

func TestFormat(t *testing.T) {
	texts := map[string]string{
		"everything": `
family: "true"
defaults: {Q: [[1, 0], [0, 1e-06]], R: 1, inner: {R: 2, Q: [[1, 0], [0, 1]]}, x0: [-0, 1e-3], weight: 3}
tasks:
  - {name: "a \u00e9 \"b\"", A: [[1.1, .5], [0, 010]], B: [[0], [1.]]}
  - {name: n, A: [[+.5, 0], [-0, 5e-324]], B: [[1], [0.1]], N: [[1e-3], [0]], Sigma0: [[1, 0], [0, 1]], inner: {Sigma0: [[2, 0], [0, 2]]}}
  - {name: "1e5", A: [[0.1, 1], [0, 0.2]], B: [[0], [1]], noise: [[1, 0], [0, 0.3333333333333333]], discount: 0.9, weight: 1e-3}
  - {name: null-ish, A: [[0, 1], [2, 3]], B: [[0], [1]], sample_time: 1e-2, discount: 1}
meta: {start: [[0.1, -0]], seed: 9223372036854775808, normalize: optimal-cost,
  inner: {rule: natural, rate: [0.1, 1e-05]}, outer: {method: algorithm-1, rate: 1e-3, reduce: sum, batch: 2, tolerance: 1e-12, iterations: 1e3}}
`,
		"average":    "tasks: [{name: a, A: 1.5, B: 1, Q: 1, R: 1, noise: 0.1, average_cost: true}]\nmeta: {inner: {rate: 0}}",
		"same inner": "tasks: [{name: a, A: 1.5, B: 1, Q: 1, R: 1, inner: {A: 1.5}}]",
		"drawn":      "generate: {nominal: {A: 1.5, B: 1, Q: 1, R: 1}, count: 20, pairwise: 0.3}",
		"template":   string(Template()),
	}
	paths, _ := filepath.Glob("../examples/*.yaml")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[p] = string(text)
	}
	for name, text := range texts {
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
		again.Drawn = f.Drawn
		if !bytes.Equal(Format(again), formatted) {
			t.Errorf("%s: formatting is not idempotent", name)
		}
		tr, err := parse("x", formatted)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, tr)
	}

	// What each number must have become.
	f, err := Parse("x", []byte(texts["everything"]))
	if err != nil {
		t.Fatal(err)
	}
	a, n := f.Tasks[0].Outer, f.Tasks[1]
	for _, c := range []struct{ got, want float64 }{
		{a.A.At(1, 1), 10}, {a.A.At(0, 1), 0.5}, {a.B.At(1, 0), 1}, {a.Q.At(1, 1), 1e-6}, {a.X0[0], math.Copysign(0, -1)}, {a.X0[1], 1e-3},
		{n.Outer.A.At(1, 1), 5e-324}, {n.Outer.A.At(1, 0), math.Copysign(0, -1)}, {n.Inner.Sigma0.At(0, 0), 2}, {n.Inner.R.At(0, 0), 2},
		{f.Tasks[0].Weight, 3}, {f.Tasks[2].Weight, 1e-3}, {f.Meta.Start.Gain.At(0, 1), math.Copysign(0, -1)},
	} {
		if math.Float64bits(c.got) != math.Float64bits(c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if f.Name != "true" || a.Name != `a é "b"` || f.Tasks[2].Name != "1e5" || f.Meta.Seed != 1<<63 || f.Meta.Outer.Iterations != 1000 || f.Meta.Inner.Steps != 2 {
		t.Errorf("%+v", f)
	}
	if n.Outer.X0 != nil || a.Sigma0.Rows != 0 || f.Tasks[0].Inner.X0 == nil || n.Inner.X0 != nil {
		t.Error("initial states of task and defaults are mixed up")
	}
	same, err := Parse("x", []byte(texts["same inner"]))
	if err != nil || same.Tasks[0].Inner != nil || same.Tasks[0].F != same.Tasks[0].G {
		t.Errorf("an inner view equal to the task: %+v, %v", same, err)
	}
}

func TestDefaults(t *testing.T) {
	f, err := Parse("x", []byte(oneTask))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Meta, DefaultMeta()) {
		t.Errorf("%+v", f.Meta)
	}
	want := Meta{Algorithm: MAML, Normalize: NormalizeNone, Start: Start{Kind: StartAuto}, Seed: 1,
		Inner: Inner{Rule: RuleGradient, Rate: Rate{Auto: true}, Steps: 1},
		Outer: Outer{Method: MethodNewtonCG, Tolerance: 1e-10, Iterations: 1000}}
	if !reflect.DeepEqual(f.Meta, want) || f.Tasks[0].Weight != 1 || f.Name != "x" || f.Drawn != nil {
		t.Errorf("%+v", f)
	}
	// The optimal cost of (1, 1, 1, 1) with Sigma0 = 1 is the golden ratio.
	if c := f.Tasks[0].F.Optimum().Cost; math.Abs(c-math.Phi) > 4e-16 {
		t.Errorf("cost %v", c)
	}
	// Scalars stand for 1×1 matrices.
	g, err := Parse("x", []byte("tasks: [{name: a, A: [[1]], B: [[1]], Q: [[1]], R: [[1]]}]"))
	if err != nil || !g.Tasks[0].F.Same(f.Tasks[0].F) || !g.Tasks[0].Outer.A.Equal(matrixeq.Scalar(1)) {
		t.Errorf("%+v, %v", g, err)
	}
	// An empty mapping may be left out altogether.
	if _, err := Parse("x", []byte("meta:\ndefaults:\n"+oneTask)); err != nil {
		t.Error(err)
	}
}

// A family that training draws from keeps its generator, which draws the same
// tasks again, and the same ones after them.
func TestFormatKeepsAGeneratorInUse(t *testing.T) {
	const two = "nominal: {A: [[1, 0.1], [0, 1]], B: [[0], [0.1]], Q: [[1, 0], [0, 1]], R: 1, inner: {R: 2}}"
	for _, generator := range []string{
		"within: 0.1", "pairwise: {A: 0.1, R: 0.2}", "masks: {A: [[0, 0], [1, 1]], R: 1, scale: 0.05}",
		"ranges: {B: [[0], [[0.07, 0.12]]], R: [1, 2]}", "factors: {B: [0.7, 1.2]}",
	} {
		text := "tasks: [{name: first, A: [[1, 0.1], [0, 1]], B: [[0], [0.2]], Q: [[1, 0], [0, 1]], R: 1}]\n" +
			"generate: {" + two + ", count: 3, seed: 7, " + generator + "}\n" +
			"meta: {outer: {method: algorithm-1, sampling: fresh, batch: 2}}\n"
		f, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("f", Format(f))
		if err != nil {
			t.Fatalf("%v\n%s", err, Format(f))
		}
		if !bytes.Equal(Format(again), Format(f)) || len(again.Tasks) != len(f.Tasks) {
			t.Fatalf("%s\nbecomes\n%s", Format(f), Format(again))
		}
		for i := range f.Tasks {
			if !reflect.DeepEqual(again.Tasks[i].Outer, f.Tasks[i].Outer) || !reflect.DeepEqual(again.Tasks[i].Inner, f.Tasks[i].Inner) {
				t.Errorf("%s: task %d is another", generator, i)
			}
		}
		for _, i := range []int{1, 2, 3, 1000} {
			x, err := f.Draw(i)
			if err != nil {
				t.Fatal(err)
			}
			y, err := again.Draw(i)
			if err != nil {
				t.Fatal(err)
			}
			if !x.Outer.A.Equal(y.Outer.A) || !x.Outer.B.Equal(y.Outer.B) || !x.Outer.R.Equal(y.Outer.R) {
				t.Errorf("%s: draw %d is another", generator, i)
			}
			if i < 3 && !x.Outer.B.Equal(f.Tasks[1+i].Outer.B) {
				t.Errorf("%s: draw %d is not the task listed", generator, i)
			}
		}
	}
}
