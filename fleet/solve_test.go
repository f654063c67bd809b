package fleet_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// someSpecs are tasks of d states and r inputs, with everything a spec may have;
// with flaws, some are none.
func someSpecs(count, d, r int, flaws bool) []lqr.Spec {
	rng := rand.New(rand.NewPCG(uint64(d), uint64(r)))
	gaussian := func(rows, cols int, s float64) matrixeq.Matrix {
		m := matrixeq.New(rows, cols)
		for i := range m.Data {
			m.Data[i] = s * rng.NormFloat64()
		}
		return m
	}
	positive := func(n int) matrixeq.Matrix { // I + G Gᵀ/n
		g, m := gaussian(n, n, 1/math.Sqrt(float64(n))), matrixeq.New(n, n)
		for i := range n {
			for j := range n {
				for k := range n {
					m.Data[i*n+j] += g.At(i, k) * g.At(j, k)
				}
			}
			m.Data[i*n+i]++
		}
		return m
	}
	specs := make([]lqr.Spec, count)
	for i := range specs {
		s := lqr.Spec{Name: fmt.Sprint("task ", i), A: gaussian(d, d, 0.8/math.Sqrt(float64(d))), B: gaussian(d, r, 1), Q: positive(d), R: positive(r)}
		switch i % 7 {
		case 1:
			s.N = gaussian(d, r, 0.1)
		case 2:
			s.Discount = 0.9
		case 3:
			s.SampleTime, s.N = 0.1, gaussian(d, r, 0.1)
		case 4:
			s.X0 = gaussian(d, 1, 1).Data
		case 5:
			s.Noise, s.AverageCost = positive(d), true
		case 6:
			s.Sigma0 = positive(d)
		}
		if flaws {
			switch i % 20 {
			case 3: // not stabilisable
				s.A, s.B, s.SampleTime = matrixeq.New(d, d), matrixeq.New(d, r), 0
				for k := range d {
					s.A.Data[k*d+k] = 2
				}
			case 6: // a mode on the unit circle that Q does not see
				s.A, s.Q = matrixeq.New(d, d), matrixeq.New(d, d)
				for k := range d {
					s.A.Data[k*d+k] = 1
				}
			case 9:
				s.R.Data[0] = -1
			case 12:
				s.Q.Data[d*d-1] = math.NaN()
			case 15: // an unstable mode that Q does not see: doubling finds P = 0
				s.A, s.Q, s.N, s.SampleTime = matrixeq.New(d, d), matrixeq.New(d, d), matrixeq.Matrix{}, 0
				s.A.Data[0] = 2
			case 18: // of another size
				s = lqr.Spec{Name: s.Name, A: matrixeq.New(33, 33), B: gaussian(33, 1, 1), Q: positive(33), R: positive(1)}
			}
		}
		specs[i] = s
	}
	return specs
}

func distance(x, y matrixeq.Matrix) float64 {
	most, size := 0.0, 0.0
	for i := range x.Data {
		most, size = max(most, math.Abs(x.Data[i]-y.Data[i])), max(size, math.Abs(x.Data[i]))
	}
	if most == 0 {
		return 0
	}
	return most / size
}

// What lanes solve is what lqr.New solves, flaws and all, in its words, and by
// another way where d ≤ 8: some bits differ. They do not depend on workers or neighbours.
func TestSolve(t *testing.T) {
	for _, size := range []struct{ d, r int }{{1, 1}, {2, 1}, {4, 2}, {8, 8}, {12, 3}} {
		for _, flaws := range []bool{false, true} {
			specs := someSpecs(201, size.d, size.r, flaws)
			tasks, errs := fleet.Solve(specs, 1)
			differ := 0
			for i, s := range specs {
				want, err := lqr.New(s)
				if err != nil {
					if errs[i] == nil || errs[i].Error() != err.Error() || fmt.Sprintf("%T", errs[i]) != fmt.Sprintf("%T", err) || tasks[i] != nil {
						t.Errorf("%v, %s: %v, want %v", size, s.Name, errs[i], err)
					}
					continue
				}
				if errs[i] != nil {
					t.Fatalf("%v, %s: %v, want none", size, s.Name, errs[i])
				}
				if tasks[i].Name() != s.Name || !tasks[i].Same(want) {
					t.Errorf("%v, %s: another task", size, s.Name)
				}
				a, b := want.Optimum(), tasks[i].Optimum()
				if a.Cost != b.Cost {
					differ++
				}
				// Both are solved to rounding; the inverse of 1 − ρ² is what it grows by.
				limit := 1e-13 / (1 - min(a.Radius*a.Radius, 0.99))
				if g, p, c, ρ := distance(a.Gain, b.Gain), distance(a.P, b.P), math.Abs(a.Cost-b.Cost)/math.Abs(a.Cost), math.Abs(a.Radius-b.Radius); g > limit || p > limit || c > limit || ρ > 1e-7 || b.Residual > 1e-12 {
					t.Errorf("%v, %s: relative differences of gain %.1e, P %.1e, cost %.1e, radius %.1e, residual %.1e, limit %.1e", size, s.Name, g, p, c, ρ, b.Residual, limit)
				}
			}
			if (differ > 0) != (size.d <= 8) {
				t.Errorf("%v: %d costs differ from those of lqr.New: lanes are used up to 8 states", size, differ)
			}
			for _, workers := range []int{0, 2, 5} {
				again, _ := fleet.Solve(specs, workers)
				for i := range specs {
					if tasks[i] != nil && !sameOptimum(tasks[i], again[i]) {
						t.Fatalf("%v, %s: other bits with %d workers", size, specs[i].Name, workers)
					}
				}
			}
			if !flaws { // the others in another order, and fewer
				moved, _ := fleet.Solve(specs[3:], 2)
				for i, m := range moved {
					if !sameOptimum(tasks[i+3], m) {
						t.Fatalf("%v, %s: other bits beside other tasks", size, specs[i+3].Name)
					}
				}
			}
		}
	}
	if tasks, errs := fleet.Solve(nil, 0); len(tasks) != 0 || len(errs) != 0 {
		t.Error("nothing to solve, and something is")
	}
}

func sameOptimum(x, y *lqr.Task) bool {
	a, b := x.Optimum(), y.Optimum()
	return a.Gain.Equal(b.Gain) && a.P.Equal(b.P) && a.Cost == b.Cost && a.Radius == b.Radius && a.Residual == b.Residual
}

// By Solve and by lqr.New: says from how many tasks on, and up to how many states,
// Solve uses lanes (with other limits than solveTasks and solveStates).
func BenchmarkSolve(b *testing.B) {
	for _, size := range []struct{ d, r int }{{1, 1}, {4, 2}, {12, 6}, {24, 12}} {
		for _, count := range []int{8, 16, 32, 64, 256} {
			specs := someSpecs(count, size.d, size.r, false)
			b.Run(fmt.Sprintf("d=%d/tasks=%d/lanes", size.d, count), func(b *testing.B) {
				for b.Loop() {
					fleet.Solve(specs, 1)
				}
			})
			b.Run(fmt.Sprintf("d=%d/tasks=%d/lqr", size.d, count), func(b *testing.B) {
				for b.Loop() {
					for _, s := range specs {
						_, _ = lqr.New(s)
					}
				}
			})
		}
	}
}
