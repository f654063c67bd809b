package family

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/matrixeq"
)

// plant is a nominal task of 3 states and 2 inputs.
const plant = `nominal: {A: [[1.2, 0.5, 0.4], [0.01, 0.75, 0.3], [0.1, 0.02, 1.5]], B: [[1, 0], [0, 1], [0.5, 1]],
  Q: [[2, 0.1, 0], [0.1, 2, 0], [0, 0, 2]], R: [[0.5, 0.1], [0.1, 0.5]], inner: {R: [[1, 0], [0, 1]]}, weight: 3, discount: 0.99}`

func mustParse(t testing.TB, text string) *Family {
	t.Helper()
	f, err := Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What every generator promises: the nominal task first and unchanged, the
// names, Q and R exactly symmetric, fields that are not drawn inherited, the
// same tasks from the same seed whatever the count, others from another seed.
func TestGenerators(t *testing.T) {
	for _, gen := range []string{
		"within: 0.2",
		"pairwise: 0.2",
		"pairwise: {A: 0.2, R: 0.1}",
		"masks: {A: [[3.5, 0, 0], [0, 1, 0], [0, 0, 0.1]], B: [[1.5, 0], [0, 0.1], [0, 0]], Q: [[0, 1, 0], [1, 0, 0], [0, 0, 0]], scale: 0.1}",
		"ranges: {A: [[[1.1, 1.3], 0.5, 0.4], [0.01, 0.75, 0.3], [0.1, [0, 0.1], 1.5]], R: [[1, [0.1, 0.2]], [[0.1, 0.2], 2]]}",
		"factors: {A: [0.9, 1.1], B: [0.8, 1.2], Q: [1, 1], R: [0.5, 2]}",
	} {
		text := func(count, seed int) string {
			return fmt.Sprintf("generate: {%s, %s, count: %d, seed: %d}", plant, gen, count, seed)
		}
		f := mustParse(t, text(30, 7))
		base := f.Tasks[0].Outer
		if len(f.Tasks) != 30 || f.Tasks[0].Name != "nominal" || f.Tasks[1].Name != "task-001" || f.Tasks[29].Name != "task-029" {
			t.Fatalf("%s: %d tasks", gen, len(f.Tasks))
		}
		for i, task := range f.Tasks {
			s := task.Outer
			for _, m := range []matrixeq.Matrix{s.Q, s.R} {
				if !m.Equal(m.T()) {
					t.Errorf("%s: task %d: not symmetric: %v", gen, i, m)
				}
			}
			if s.Name != task.Name || task.Weight != 3 || s.Discount != 0.99 || task.Inner == nil || task.Inner.Name != task.Name ||
				!task.Inner.R.Equal(matrixeq.Identity(2)) || !task.Inner.A.Equal(s.A) || task.F == task.G {
				t.Errorf("%s: task %d: %+v", gen, i, task)
			}
			if i > 0 && Distance(s, base) == 0 {
				t.Errorf("%s: task %d is the nominal task", gen, i)
			}
		}
		if !bytes.Equal(Format(f), Format(mustParse(t, text(30, 7)))) {
			t.Errorf("%s: the same seed gave other tasks", gen)
		}
		for i, task := range mustParse(t, text(12, 7)).Tasks {
			if !task.F.Same(f.Tasks[i].F) {
				t.Errorf("%s: task %d depends on the count", gen, i)
			}
		}
		if other := mustParse(t, text(2, 8)); other.Tasks[1].F.Same(f.Tasks[1].F) {
			t.Errorf("%s: the seed does not matter", gen)
		}
		if f.Drawn == nil || f.Drawn.Seed != 7 || f.Drawn.Count != 30 || gen[:len(f.Drawn.Generator)] != f.Drawn.Generator {
			t.Errorf("%s: %+v", gen, f.Drawn)
		}
	}
	// More than a thousand tasks have names of equal length.
	if f := mustParse(t, "generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 1001, within: 0.1}"); f.Tasks[7].Name != "task-0007" {
		t.Error(f.Tasks[7].Name)
	}
}

// Every task is in the ball, and the radius is distributed as for the uniform
// distribution: (distance/δ)^n is uniform on [0, 1], n the number of free
// entries (9 + 6 + 6 + 3 here).
func TestWithin(t *testing.T) {
	const δ, n, count = 0.05, 24, 2001
	f := mustParse(t, fmt.Sprintf("generate: {%s, within: %v, count: %d}", plant, δ, count))
	var u []float64
	for _, task := range f.Tasks[1:] {
		d := Distance(task.Outer, f.Tasks[0].Outer)
		if d > δ {
			t.Fatalf("at distance %v", d)
		}
		u = append(u, math.Pow(d/δ, n))
	}
	slices.Sort(u)
	worst := 0.0 // Kolmogorov–Smirnov: 1.95/√N is exceeded once in a thousand
	for i, x := range u {
		worst = max(worst, math.Abs(x-(float64(i)+0.5)/float64(len(u))))
	}
	if limit := 1.95 / math.Sqrt(count-1); worst > limit {
		t.Errorf("the radii are %v from uniform, limit %v", worst, limit)
	}
	if mustParse(t, "generate: {"+plant+", within: 0, count: 3}").Tasks[2].Name != "task-002" {
		t.Error("a ball of radius 0")
	}
}

// Every matrix is 0.6 ε from the nominal one and less than ε from every other;
// Boeing's nine need redraws, and they are counted.
func TestPairwise(t *testing.T) {
	f, err := Read("../examples/boeing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const ε = 0.01
	for i := range f.Tasks {
		for j := range i {
			a, b := fourOf(&f.Tasks[i].Outer), fourOf(&f.Tasks[j].Outer)
			for k := range a {
				d := normOfDifference(a[k], b[k])
				if d >= ε {
					t.Errorf("%s of tasks %d and %d: %v apart", matrixNames[k], j, i, d)
				}
				if j == 0 {
					near(t, "from nominal", d/(0.6*ε), 1, 1e-12) // A's entries, near 5, are rounded
				}
			}
		}
	}
	if d := f.Drawn; d.Redraws == 0 || len(d.Failed) != 1 || d.Failed[0] != (Failed{conditionPair, d.Redraws}) {
		t.Errorf("%+v", d)
	}
	// A bound of zero for a matrix leaves it alone.
	g := mustParse(t, "generate: {"+plant+", pairwise: {A: 0.1, Q: 0}, count: 4}")
	for _, task := range g.Tasks {
		s, base := task.Outer, g.Tasks[0].Outer
		if !s.B.Equal(base.B) || !s.Q.Equal(base.Q) || !s.R.Equal(base.R) {
			t.Errorf("%s: more than A was drawn", task.Name)
		}
	}
}

// Masks: (X − X₀)/Z is one number in [0, scale) per matrix.
func TestMasks(t *testing.T) {
	f := mustParse(t, `generate: {nominal: {A: [[1, 0.5], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}, count: 200,
  masks: {A: [[0, 2], [0, -1]], Q: [[1, 0], [0, 3]], scale: 0.25}}`)
	different := false
	lo, hi := 1.0, 0.0
	for _, task := range f.Tasks[1:] {
		s := task.Outer
		u, v := (s.A.At(0, 1)-0.5)/2, s.Q.At(0, 0)-1
		near(t, "A", s.A.At(1, 1), 1-u, 1e-15)
		near(t, "Q", s.Q.At(1, 1), 1+3*v, 1e-15)
		if s.A.At(0, 0) != 1 || s.A.At(1, 0) != 0 || s.R.At(0, 0) != 1 || s.B.At(1, 0) != 1 {
			t.Fatalf("unmasked entries changed: %+v", s)
		}
		different = different || math.Abs(u-v) > 0.01
		lo, hi = min(lo, u, v), max(hi, u, v)
	}
	if lo < 0 || hi >= 0.25 || hi < 0.24 || lo > 0.01 || !different {
		t.Errorf("numbers from %v to %v, different for the matrices: %v", lo, hi, different)
	}
}

func TestRangesAndFactors(t *testing.T) {
	f := mustParse(t, `generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 300, ranges: {A: [0.5, 1.5], B: [[[2, 3]]], R: 4}}`)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, task := range f.Tasks[1:] {
		s := task.Outer
		a, b := s.A.At(0, 0), s.B.At(0, 0)
		if a < 0.5 || a > 1.5 || b < 2 || b > 3 || s.R.At(0, 0) != 4 || s.Q.At(0, 0) != 1 {
			t.Fatalf("%+v", s)
		}
		lo, hi = min(lo, a), max(hi, a)
	}
	if lo > 0.52 || hi < 1.48 {
		t.Errorf("A from %v to %v", lo, hi)
	}
	f = mustParse(t, `generate: {nominal: {A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 2}, count: 100, factors: {A: [0.5, 0.9], R: [1, 2]}}`)
	for _, task := range f.Tasks[1:] {
		s := task.Outer
		c := s.A.At(0, 0)
		if c < 0.5 || c > 0.9 || s.A.At(0, 1) != c || s.A.At(1, 0) != 0 || s.R.At(0, 0) < 2 || s.R.At(0, 0) > 4 || s.B.At(1, 0) != 1 {
			t.Fatalf("%+v", s)
		}
	}
}

// Draws that break a condition are drawn again and counted under its name: a
// range of Q over the boundary, one of R, and B = 0 on an unstable plant.
func TestRedraws(t *testing.T) {
	for _, tt := range []struct{ generator, condition string }{
		{"ranges: {Q: [[1, [-2, 2]], [[-2, 2], 1]]}", conditionQ},
		{"ranges: {R: [-1, 1]}", conditionR},
		{"masks: {Q: [[-2, 0], [0, 0]]}", conditionQ},
	} {
		f := mustParse(t, "generate: {nominal: {A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}, count: 101, "+tt.generator+"}")
		// Half of the draws are bad: of 100 tasks, about 100 redraws, with a
		// standard deviation of 14.
		if d := f.Drawn; len(d.Failed) != 1 || d.Failed[0].Condition != tt.condition || d.Redraws < 40 || d.Redraws > 170 {
			t.Errorf("%s: %+v", tt.generator, d)
		}
	}
	for _, tt := range []struct{ text, condition string }{
		{"generate: {nominal: {A: 2, B: 1, Q: 1, R: 1}, count: 3, factors: {B: [0, 0]}}", conditionStabilise},
		{"generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 3, factors: {Q: [0, 0]}}", conditionAttained},
	} {
		_, err := Parse("x", []byte(tt.text))
		var e *DrawError
		if !errors.As(err, &e) || e.Failed[0].Condition != tt.condition || e.Draws != maxDraws {
			t.Errorf("%v", err)
		}
	}
	// Listed tasks come first; the drawn ones follow, under other names.
	f := mustParse(t, oneTask+"defaults: {R: 5}\ngenerate: {nominal: {name: base, A: 1, B: 1, Q: 1}, count: 2, within: 0.1}")
	if len(f.Tasks) != 3 || f.Tasks[0].Name != "a" || f.Tasks[1].Name != "base" || f.Tasks[2].Name != "task-001" || f.Tasks[1].Outer.R.At(0, 0) != 5 {
		t.Errorf("%+v", f.Tasks)
	}
}
