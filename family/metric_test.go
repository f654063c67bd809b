package family

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Norms with known values: rotations times diagonal times rotations, vectors,
// the golden ratio of [[1, 1], [1, 0]], and scales near the ends of float64.
func TestNorm2(t *testing.T) {
	const tol = 1e-14 // a few rounding errors of a small SVD
	rot := func(θ float64) [4]float64 {
		return [4]float64{math.Cos(θ), -math.Sin(θ), math.Sin(θ), math.Cos(θ)}
	}
	mul := func(a, b [4]float64) [4]float64 {
		return [4]float64{a[0]*b[0] + a[1]*b[2], a[0]*b[1] + a[1]*b[3], a[2]*b[0] + a[3]*b[2], a[2]*b[1] + a[3]*b[3]}
	}
	for _, s := range []float64{1, 3, 1e150, 0x1p-1000, 0x1p1000} {
		m := mul(mul(rot(0.7), [4]float64{s, 0, 0, s / 3}), rot(-2.1))
		near(t, "rotated diagonal", norm2(matrixeq.Matrix{Rows: 2, Cols: 2, Data: m[:]})/s, 1, tol)
		near(t, "column", norm2(matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{3 * s, 4 * s}})/s, 5, tol)
	}
	near(t, "golden", norm2(matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 1, 1, 0}}), math.Phi, tol)
	near(t, "ones", norm2(matrixeq.Matrix{Rows: 2, Cols: 3, Data: []float64{1, 1, 1, 1, 1, 1}}), math.Sqrt(6), tol)
	if norm2(matrixeq.New(2, 2)) != 0 || !math.IsInf(norm2(matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, math.NaN(), 0, 0}}), 1) {
		t.Error("zero or NaN")
	}
}

// By hand for the two carts: ‖ΔA‖ = 0.1, ‖ΔB‖ = 0.02, Q and R equal.
func TestDistance(t *testing.T) {
	f, err := Read("../examples/carts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, b := f.Tasks[0].Outer, f.Tasks[1].Outer
	near(t, "carts", Distance(a, b), 0.12, 1e-15)
	if Distance(a, b) != Distance(b, a) || Distance(a, a) != 0 {
		t.Error("not symmetric, or not zero from a task to itself")
	}
	scalar := lqr.Spec{A: matrixeq.Scalar(1), B: matrixeq.Scalar(2), Q: matrixeq.Scalar(3), R: matrixeq.Scalar(4)}
	other := lqr.Spec{A: matrixeq.Scalar(1.5), B: matrixeq.Scalar(0), Q: matrixeq.Scalar(4), R: matrixeq.Scalar(0.5)}
	if d := Distance(scalar, other); d != 0.5+2+1+3.5 {
		t.Errorf("scalar: %v", d)
	}
	if !math.IsInf(Distance(scalar, a), 1) {
		t.Error("tasks of different shapes are at a finite distance")
	}
	// The triangle inequality.
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() (m four) {
		for i, s := range [4][2]int{{3, 3}, {3, 2}, {3, 3}, {2, 2}} {
			m[i] = matrixeq.New(s[0], s[1])
			for k := range m[i].Data {
				m[i].Data[k] = rng.NormFloat64()
			}
		}
		return m
	}
	for range 50 {
		x, y, z := random(), random(), random()
		if x.distance(z) > (x.distance(y)+y.distance(z))*(1+1e-14) {
			t.Fatal("triangle inequality")
		}
	}
}

// Against all pairs without the shortcut.
func TestDiameter(t *testing.T) {
	f, err := Parse("x", []byte(`generate: {nominal: {A: [[1, 0.1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}, count: 40, within: 0.3}`))
	if err != nil {
		t.Fatal(err)
	}
	want, wi, wj := 0.0, 0, 0
	for i := range f.Tasks {
		for j := range i {
			if d := Distance(f.Tasks[i].Outer, f.Tasks[j].Outer); d > want {
				want, wi, wj = d, j, i
			}
		}
	}
	if d, i, j := Diameter(f); d != want || i != wi || j != wj || d > 0.6 {
		t.Errorf("%v between %d and %d, want %v between %d and %d", d, i, j, want, wi, wj)
	}
	one := &Family{Tasks: f.Tasks[:1]}
	if d, i, j := Diameter(one); d != 0 || i != 0 || j != 0 {
		t.Errorf("one task: %v, %d, %d", d, i, j)
	}
}

// Of tasks at 0, 1 and −½ the last pair is the farthest, by less than twice: a
// bound that rules out more than it may loses it.
func TestDiameterRulesOutNoMoreThanItMay(t *testing.T) {
	f := &Family{}
	for _, a := range []float64{0, 1, -0.5} {
		one := matrixeq.Scalar(1)
		f.Tasks = append(f.Tasks, Task{Outer: lqr.Spec{A: matrixeq.Scalar(a), B: one, Q: one, R: one}})
	}
	if d, i, j := Diameter(f); d != 1.5 || i != 1 || j != 2 {
		t.Errorf("%v between %d and %d, want 1.5 between 1 and 2", d, i, j)
	}
}
