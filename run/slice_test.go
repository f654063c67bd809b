package run

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/matrixeq"
)

func searched(t *testing.T, yaml string, starts int) *Search {
	t.Helper()
	f, err := family.Parse("test", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Search(context.Background(), landscape.SearchOptions{Seed: 1, Starts: starts})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const twoInputs = `
tasks:
  - {A: [[1, 0], [0, 1.1]], B: [[1, 0], [0, 1]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}
meta: {inner: {rate: 0.05}}
`

// Distances out of a slice are those of orthogonal projection, and what is drawn is
// h itself.
func TestSlices(t *testing.T) {
	s := searched(t, twoInputs, 200)
	if len(s.Minimizers) < 9 {
		t.Fatalf("%d minimisers", len(s.Minimizers))
	}
	if s.Proof != "search" || s.Spurious || s.EpsilonLow != 0 || s.Verdict != "undecided" || !s.Estimate {
		t.Errorf("%+v", s)
	}
	a, b, c := s.Minimizers[0].Gain, s.Minimizers[1].Gain, s.Minimizers[2].Gain
	line, err := s.Through(a, b)
	if err != nil {
		t.Fatal(err)
	}
	plane, err := s.Through(a, b, c)
	for i := 3; err != nil && i < len(s.Minimizers); i++ { // some are on one line
		plane, err = s.Through(a, b, s.Minimizers[i].Gain)
	}
	if err != nil {
		t.Fatal(err)
	}
	on := 0
	for _, slice := range []*Slice{line, plane} {
		for _, p := range slice.Points {
			w := slice.Origin.Data
			at := make([]float64, len(w))
			copy(at, w)
			var t64 []float64
			for k, axis := range slice.Axes {
				t64 = append(t64, float64(p.At[k]))
				for i := range at {
					at[i] += float64(p.At[k]) * axis.Data[i]
				}
			}
			// The rest is at right angles to the slice, and as long as is said.
			gain := s.Minimizers[p.Index].Gain.Data
			length := 0.0
			for k, axis := range slice.Axes {
				dot := 0.0
				for i := range at {
					dot += (gain[i] - at[i]) * axis.Data[i]
				}
				if math.Abs(dot) > 1e-12 {
					t.Errorf("minimiser %d, axis %d: %v", p.Index, k, dot)
				}
			}
			for i := range at {
				length = math.Hypot(length, gain[i]-at[i])
			}
			if math.Abs(length-float64(p.Distance)) > 1e-12 {
				t.Errorf("minimiser %d: %v off, said %v", p.Index, length, p.Distance)
			}
			if slice.On(p) {
				on++
				if v := slice.At(t64...); math.Abs(v-float64(s.Minimizers[p.Index].Value)) > 1e-9*v {
					t.Errorf("minimiser %d: %v on the slice, %v", p.Index, v, s.Minimizers[p.Index].Value)
				}
			}
		}
	}
	if on < 5 {
		t.Errorf("%d minimisers on their slices", on)
	}
	if !math.IsInf(line.At(1e6), 1) {
		t.Error("far outside the domain h is finite")
	}
	if x := s.Automatic(); x == nil || len(x.Axes) != 2 || x.Whole {
		t.Errorf("automatic: %+v", x)
	}
	for name, points := range map[string][]matrixeq.Matrix{
		"one":     {a},
		"equal":   {a, a},
		"on line": {a, b, a},
		"shape":   {a, matrixeq.Scalar(1)},
	} {
		_, err := s.Through(points...)
		var slice *SliceError
		if !errors.Is(err, ErrInput) || !errors.As(err, &slice) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A task alone at a rate at which its map has one preimage: one minimiser, and a
// line in its softest direction.
func TestSliceOfOneMinimiser(t *testing.T) {
	s := searched(t, "tasks: [{A: [[0.5, 0.1, 0], [0, 0.4, 0], [0, 0, 0.3]], B: [[1], [1], [1]], Q: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], R: 1}]\nmeta: {inner: {rule: gauss-newton, rate: 0.3}}\n", 60)
	if len(s.Minimizers) != 1 || s.Found || s.Epsilon != 0 || s.Minimizers[0].Kind != "lowest" {
		t.Fatalf("%+v", s.Minimizers)
	}
	x := s.Automatic()
	if x == nil || len(x.Axes) != 1 || !x.On(x.Points[0]) {
		t.Errorf("%+v", x)
	}
}

func TestRadiusRefusesEpsilon(t *testing.T) {
	f, err := family.Parse("test", []byte(twoInputs))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, ε := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := p.Radius(context.Background(), ε, RadiusOptions{}); !errors.Is(err, ErrInput) {
			t.Errorf("ε = %v: %v", ε, err)
		}
	}
}
