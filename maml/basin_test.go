package maml_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// A basin is an interval between two zeros of h′ where it changes from + to −
// (or ends of the domain), around one minimiser.
type basin struct {
	lo, hi, min float64
}

// basins finds those of a one-dimensional objective on a grid over [lo, hi],
// by the sign of h′, and refines its zeros by bisection.
func basins(o objective.Objective, lo, hi float64, grid int) []basin {
	slope := func(x float64) float64 {
		p, err := o.At([]float64{x})
		if err != nil {
			return math.NaN()
		}
		g := []float64{0}
		p.Grad(g)
		return g[0]
	}
	// zero bisects between two points where slope differs in sign, or where
	// one of them is outside the domain.
	zero := func(a, b float64, left func(float64) bool) float64 {
		for range 200 {
			m := a + (b-a)/2
			if left(m) {
				a = m
			} else {
				b = m
			}
		}
		return a
	}
	var found []basin
	start, bottom := math.NaN(), math.NaN()
	last, lastSlope := lo, math.NaN()
	for i := range grid {
		x := lo + (hi-lo)*(float64(i)+0.5)/float64(grid)
		s := slope(x)
		switch {
		case math.IsNaN(lastSlope) && !math.IsNaN(s): // the domain begins
			start = zero(last, x, func(m float64) bool { return math.IsNaN(slope(m)) })
		case !math.IsNaN(lastSlope) && math.IsNaN(s): // and ends
			end := zero(last, x, func(m float64) bool { return !math.IsNaN(slope(m)) })
			found = append(found, basin{start, end, bottom})
			start, bottom = math.NaN(), math.NaN()
		case lastSlope < 0 && s >= 0:
			bottom = zero(last, x, func(m float64) bool { return slope(m) < 0 })
		case lastSlope > 0 && s <= 0:
			top := zero(last, x, func(m float64) bool { return slope(m) > 0 })
			found = append(found, basin{start, top, bottom})
			start, bottom = top, math.NaN()
		}
		last, lastSlope = x, s
	}
	if !math.IsNaN(lastSlope) {
		found = append(found, basin{start, hi, bottom})
	}
	return found
}

// starts spreads over a basin, crowded towards both ends down to 1e-9 of its
// width.
func (b basin) starts() []float64 {
	var s []float64
	for _, f := range []float64{1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, .03} {
		s = append(s, b.lo+f*(b.hi-b.lo), b.hi-f*(b.hi-b.lo))
	}
	for i := 1; i < 40; i++ {
		s = append(s, b.lo+(b.hi-b.lo)*float64(i)/40)
	}
	return s
}

// The minimisers and values are those of the reconstructed families of the
// paper's figures, known to the digits given.
var figures = []struct {
	name  string
	rate  float64
	tasks []scalar
	at, h []float64
	digit float64 // unit of the last digit of at and h
}{
	{"1", 0.05, []scalar{{1, 1, 1, 1}}, []float64{.2462, .618034, 1.6542}, []float64{1.618034, 1.618034, 1.618034}, 1e-4},
	{"2", 0.01, []scalar{{1, 1, 1, 1}, {1, 1, 2, 2}}, []float64{.1318, .618034, 1.8030}, []float64{2.427051 + .10078, 2.427051, 2.427051 + .42950}, 1e-4},
	{"3b", 0.05, []scalar{{1, 1, 1, .1}, {1, 1, .1, 1}}, []float64{.1838, .5434, 1.7389}, []float64{.7341, .8455, .7964}, 1e-4},
	{"3c", 0.01, spread(5), []float64{.2732, .7402, 1.7435}, []float64{3.7581, 3.6699, 5.0244}, 1e-4},
	{"no common optimum", 0.1, []scalar{{1, 1, 1, 1}, {2.2, 1, 1, 1}}, []float64{1.56051}, []float64{4.24942}, 1e-5},
	{"3d", 0.01, spread(11), []float64{.2531, .7231, 1.7605}, []float64{3.3293, 3.1826, 4.4479}, 1e-4},
}

// Every minimiser of a figure's family is where it should be, and NewtonCG
// ends at the minimiser of the basin in which it starts. 1e-8 is what h asks;
// the zeros of h′ are bisected to rounding.
func TestNewtonStaysInItsBasin(t *testing.T) {
	for _, f := range figures {
		t.Run(f.name, func(t *testing.T) {
			meta := family(t, f.rate, 1, f.tasks...)
			found := basins(meta, -0.5, 2.5, 30000)
			if len(found) != len(f.at) {
				t.Fatalf("%d basins, want %d: %v", len(found), len(f.at), found)
			}
			for i, b := range found {
				near(t, "minimiser", b.min, f.at[i], 0.5000001*f.digit)
				p, err := meta.Evaluate([]float64{b.min})
				if err != nil {
					t.Fatal(err)
				}
				near(t, "value", p.Value(), f.h[i], 0.5000001*f.digit)
			}
			follow(t, meta, maml.NewtonCG{}, found)
		})
	}
}

// follow runs a method from every start of every basin.
func follow(t *testing.T, o objective.Objective, m maml.Method, found []basin) {
	t.Helper()
	runs, most, total := 0, 0, 0
	for _, b := range found {
		for _, x := range b.starts() {
			if _, err := o.At([]float64{x}); err != nil {
				t.Fatalf("start %v: %v", x, err)
			}
			s := maml.NewState([]float64{x})
			r, err := maml.Minimize(context.Background(), o, m, s, maml.Stop{}, nil)
			if err != nil {
				t.Fatalf("from %v: %v", x, err)
			}
			runs++
			most = max(most, s.Evaluations)
			total += s.Evaluations
			if r.Status != maml.Converged || r.Kind != maml.Minimum || math.Abs(s.X[0]-b.min) > 1e-8 {
				t.Errorf("from %.17g in [%.6g, %.6g]: %v, %v at %.12g after %d iterations, gradient %.3g; want %.12g",
					x, b.lo, b.hi, r.Status, r.Kind, s.X[0], s.Iteration, r.GradientNorm, b.min)
			}
		}
	}
	t.Logf("%d runs in %d basins, %d evaluations at most, %.1f in the mean", runs, len(found), most, float64(total)/float64(runs))
}

// wave is c + ½x² + A cos(ωx + φ): about 2Aω²/π basins when Aω² > 1.
type wave struct {
	c, amplitude, omega, phase float64
}

func (w wave) Dim() int { return 1 }

func (w wave) At(x []float64) (objective.Point, error) { return wavePoint{w, x[0]}, nil }

type wavePoint struct {
	w wave
	x float64
}

func (p wavePoint) Value() float64 {
	return p.w.c + p.x*p.x/2 + p.w.amplitude*math.Cos(p.w.omega*p.x+p.w.phase)
}
func (p wavePoint) Grad(dst []float64) {
	dst[0] = p.x - p.w.amplitude*p.w.omega*math.Sin(p.w.omega*p.x+p.w.phase)
}
func (p wavePoint) HessVec(dst, v []float64) {
	dst[0] = (1 - p.w.amplitude*p.w.omega*p.w.omega*math.Cos(p.w.omega*p.x+p.w.phase)) * v[0]
}

// Landscapes with up to a hundred narrow basins, some a hundredth of the
// first trust radius wide.
func TestNewtonStaysInNarrowBasins(t *testing.T) {
	for _, w := range []wave{
		{3, 1, 7, 0.3}, {3, .05, 10, 1}, {3, .01, 40, 2}, {3, .3, 30, .1},
		{3, .002, 300, 0}, {10, .0005, 1000, .7}, {1, .02, 100, .2}, {100, .0002, 1500, 0.5},
	} {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			reach := w.amplitude*w.omega + 0.5
			var inner []basin
			for _, b := range basins(w, -reach, reach, 200000) {
				if !math.IsNaN(b.min) {
					inner = append(inner, b)
				}
			}
			if len(inner) > 60 {
				inner = inner[:60]
			}
			follow(t, w, maml.NewtonCG{}, inner)
		})
	}
}
