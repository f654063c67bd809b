package maml

import (
	"math"
	"testing"

	"github.com/metalqr/metalqr/objective"
)

// parabola is c + x².
type parabola struct{ c float64 }

func (parabola) Dim() int                                  { return 1 }
func (p parabola) At(x []float64) (objective.Point, error) { return parabolaAt{p.c, x[0]}, nil }

type parabolaAt struct{ c, x float64 }

func (p parabolaAt) Value() float64           { return p.c + p.x*p.x }
func (p parabolaAt) Grad(dst []float64)       { dst[0] = 2 * p.x }
func (p parabolaAt) HessVec(dst, v []float64) { dst[0] = 2 * v[0] }

// From x = 1 along −h′ = −2 the trial t lands at 1 − 2t. It lowers h by
// 4t(1 − t), of which Armijo asks 4c₁t: t ≤ 1 − c₁. The slope along the step is
// −4 at the start and −4(1 − 2t) at the end, of which Wolfe asks no more than
// 4(1 − 2c₁): t ≤ 1 − c₁ too. The former decides at c = 1, and the latter at
// 1e11, where all of 4t is within the rounding 1e-10 h.
func TestSearchRefusesBelowItsFraction(t *testing.T) {
	for _, c := range []float64{1, 1e11} {
		for _, tt := range []struct {
			t        float64
			accepted bool
		}{{0.5, true}, {1 - 2*armijo, true}, {1 - armijo/2, false}, {1.5, false}} {
			o := parabola{c}
			from, err := Visit(o, []float64{1})
			if err != nil {
				t.Fatal(err)
			}
			move, err := search(t.Context(), o, from, []float64{-2}, tt.t, &State{})
			if err != nil || move.Status != Running {
				t.Fatalf("%v, %v", err, move.Status)
			}
			if got := move.Backtracks.Total() == 0; got != tt.accepted {
				t.Errorf("h = %g + x², t = %v: accepted %v, want %v", c, tt.t, got, tt.accepted)
			}
		}
	}
}

// Eigenvalues within the rounding of the Hessian, or within its asymmetry, are
// zero; those that lie inside the spectrum show only what is negative.
func TestClassify(t *testing.T) {
	const ε = 0x1p-52
	for _, tt := range []struct {
		name     string
		dim      int
		value    float64
		of       objective.Extremes
		kind     Kind
		downhill bool
	}{
		{"minimum", 1, 1, objective.Extremes{Min: 1, Max: 2, Exact: true}, Minimum, false},
		{"maximum", 1, 1, objective.Extremes{Min: -2, Max: -1, Exact: true}, Maximum, true},
		{"saddle", 1, 1, objective.Extremes{Min: -2, Max: 1, Exact: true}, Saddle, true},
		{"within √τ h", 1, 1, objective.Extremes{Min: 0.9e-5, Max: 1, Exact: true}, Degenerate, false},
		{"above √τ h", 1, 1, objective.Extremes{Min: 1.1e-5, Max: 1, Exact: true}, Minimum, false},
		{"within rounding", 4, 0, objective.Extremes{Min: 3 * ε, Max: 1, Exact: true}, Degenerate, false},
		{"above rounding", 4, 0, objective.Extremes{Min: 5 * ε, Max: 1, Exact: true}, Minimum, false},
		{"negative within rounding", 4, 0, objective.Extremes{Min: -3 * ε, Max: 1, Exact: true}, Degenerate, false},
		{"within asymmetry", 1, 0, objective.Extremes{Min: 0.9e-8, Max: 1, Asymmetry: 1e-8, Exact: true}, Degenerate, false},
		{"above asymmetry", 1, 0, objective.Extremes{Min: 1.1e-8, Max: 1, Asymmetry: 1e-8, Exact: true}, Minimum, false},
		{"flat upwards", 1, 0, objective.Extremes{Min: -1, Max: 0, Exact: true}, Degenerate, true},
		{"positive from inside", 1, 1, objective.Extremes{Min: 1, Max: 2}, Unclassified, false},
		{"negative from inside", 1, 1, objective.Extremes{Min: -2, Max: -1}, Unclassified, true},
		{"both signs from inside", 1, 1, objective.Extremes{Min: -2, Max: 1}, Saddle, true},
		{"not finite", 1, 1, objective.Extremes{Min: math.NaN(), Max: math.NaN(), Exact: true}, Unclassified, false},
	} {
		tt.of.Norm = math.Max(math.Abs(tt.of.Min), math.Abs(tt.of.Max))
		stop := Stop{Tolerance: 1e-10}
		kind, downhill := stop.classify(&Iterate{X: make([]float64, tt.dim), Value: tt.value}, tt.of)
		if kind != tt.kind || downhill != tt.downhill {
			t.Errorf("%s: %v, downhill %v; want %v, %v", tt.name, kind, downhill, tt.kind, tt.downhill)
		}
	}
}
