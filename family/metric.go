package family

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// four holds what the metric measures and generators change: A, B, Q, R.
type four [4]matrixeq.Matrix

func fourOf(s *lqr.Spec) four { return four{s.A, s.B, s.Q, s.R} }

// Distance is the paper's metric between two tasks,
//
//	‖A − A′‖₂ + ‖B − B′‖₂ + ‖Q − Q′‖₂ + ‖R − R′‖₂,
//
// of the matrices as stated (continuous ones where there is a sample time);
// N, Sigma0, x0, noise and discount do not enter. It is +Inf between tasks of
// different shapes. Cost: up to four singular value decompositions.
func Distance(a, b lqr.Spec) float64 { return fourOf(&a).distance(fourOf(&b)) }

func (a four) distance(b four) (sum float64) {
	for i := range a {
		sum += normOfDifference(a[i], b[i])
	}
	return sum
}

// Diameter is the largest distance between two tasks of the family, as they
// count, and the first pair (i < j) that attains it; 0, 0, 0 for one task. The
// cost is quadratic in the number of tasks; pairs that the Frobenius norm
// (never below the 2-norm) already rules out need no decomposition.
func Diameter(f *Family) (diameter float64, i, j int) {
	tasks := make([]four, len(f.Tasks))
	for k := range f.Tasks {
		tasks[k] = fourOf(&f.Tasks[k].Outer)
	}
	for k := range tasks {
		for l := k + 1; l < len(tasks); l++ {
			bound := 0.0
			for m := range tasks[k] {
				bound += frobeniusOfDifference(tasks[k][m], tasks[l][m])
			}
			// The slack covers the rounding of both norms.
			if bound*(1+1e-12) <= diameter {
				continue
			}
			if d := tasks[k].distance(tasks[l]); d > diameter {
				diameter, i, j = d, k, l
			}
		}
	}
	return diameter, i, j
}

// normOfDifference is ‖a − b‖₂, +Inf for different shapes.
func normOfDifference(a, b matrixeq.Matrix) float64 {
	if a.Rows != b.Rows || a.Cols != b.Cols {
		return math.Inf(1)
	}
	if len(a.Data) == 1 {
		return math.Abs(a.Data[0] - b.Data[0])
	}
	d := matrixeq.New(a.Rows, a.Cols)
	for i, x := range a.Data {
		d.Data[i] = x - b.Data[i]
	}
	return norm2(d)
}

func frobeniusOfDifference(a, b matrixeq.Matrix) (norm float64) {
	if a.Rows != b.Rows || a.Cols != b.Cols {
		return math.Inf(1)
	}
	for i, x := range a.Data {
		norm = math.Hypot(norm, x-b.Data[i])
	}
	return norm
}

// norm2 is the largest singular value of m; +Inf if an entry is not finite.
// The zero matrix and vectors need no decomposition.
func norm2(m matrixeq.Matrix) float64 {
	frobenius := 0.0
	for _, x := range m.Data {
		if math.IsNaN(x) {
			return math.Inf(1)
		}
		frobenius = math.Hypot(frobenius, x)
	}
	if m.Rows == 1 || m.Cols == 1 || frobenius == 0 || math.IsInf(frobenius, 0) {
		return frobenius
	}
	// Scaled by a power of two, so that squares neither overflow nor vanish.
	_, e := math.Frexp(frobenius)
	scaled := mat.NewDense(m.Rows, m.Cols, nil)
	for i, x := range m.Data {
		scaled.Set(i/m.Cols, i%m.Cols, math.Ldexp(x, -e))
	}
	var svd mat.SVD
	if !svd.Factorize(scaled, mat.SVDNone) {
		return frobenius // the iteration did not converge: an upper bound
	}
	return math.Ldexp(svd.Values(nil)[0], e)
}
