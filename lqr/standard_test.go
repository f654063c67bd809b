package lqr_test

import (
	"math"
	"testing"

	linear "github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// The equations of Standard's documentation, summed term by term from
// P = Σ_t (A_Wᵀ)ᵗ (Q + VᵀRV) A_Wᵗ, give the cost of tasks of every form. The sums end when the
// terms do; what is left is rounding, some 1e-13 after hundreds of terms.
func TestStandardIsTheTask(t *testing.T) {
	m := func(rows, cols int, x ...float64) matrixeq.Matrix {
		return matrixeq.Matrix{Rows: rows, Cols: cols, Data: x}
	}
	base := lqr.Spec{A: m(2, 2, 1, 0.1, 0, 0.95), B: m(2, 1, 0, 0.1), Q: m(2, 2, 2, 0.3, 0.3, 1), R: m(1, 1, 0.5)}
	for name, change := range map[string]func(s *lqr.Spec){
		"plain":           func(*lqr.Spec) {},
		"cross":           func(s *lqr.Spec) { s.N = m(2, 1, 0.2, -0.1) },
		"discount":        func(s *lqr.Spec) { s.Discount = 0.9 },
		"cross, discount": func(s *lqr.Spec) { s.Discount, s.N = 0.9, m(2, 1, 0.2, -0.1) },
		"noise":           func(s *lqr.Spec) { s.Discount, s.Noise = 0.9, m(2, 2, 1, 0.2, 0.2, 0.3) },
		"average":         func(s *lqr.Spec) { s.AverageCost, s.Noise = true, m(2, 2, 1, 0.2, 0.2, 0.3) },
		"sampled":         func(s *lqr.Spec) { s.A, s.SampleTime = m(2, 2, 0, 1, -1, -0.3), 0.2 },
		"sampled, averaged": func(s *lqr.Spec) {
			s.A, s.SampleTime, s.AverageCost, s.Noise = m(2, 2, 0, 1, -1, -0.3), 0.2, true, m(2, 2, 1, 0, 0, 1)
		},
	} {
		spec := base
		change(&spec)
		task, err := lqr.New(spec)
		if err != nil {
			t.Fatal(name, err)
		}
		s := task.Standard()
		x := task.Minimizer()
		x[0] += 0.05
		p, err := task.Evaluate(x)
		if err != nil {
			t.Fatal(name, err)
		}
		v := append([]float64(nil), x...)
		for i, c := range s.Shift.Data {
			v[i] -= c
		}
		aw, power, term, next := make([]float64, 4), []float64{1, 0, 0, 1}, make([]float64, 4), make([]float64, 4)
		linear.Mul(aw, s.B.Data, x, 2, 1, 2)
		linear.Sub(aw, s.Loop.Data, aw)
		cost := append([]float64(nil), s.Q.Data...)
		for i := range 2 {
			for j := range 2 {
				cost[2*i+j] += v[i] * s.R.Data[0] * v[j]
			}
		}
		sum := s.Constant
		for range 4000 { // tr(Mᵀ cost M Σ₀) = ⟨cost, M Σ₀ Mᵀ⟩
			linear.Congruence(term, power, s.Sigma0.Data, next, 2)
			sum += linear.Dot(cost, term)
			linear.Mul(next, aw, power, 2, 2, 2)
			copy(power, next)
		}
		if d := math.Abs(sum - p.Value()); !(d <= 1e-12*math.Abs(sum)) {
			t.Errorf("%s: cost %v, summed %v", name, p.Value(), sum)
		}
		ρ, err := matrixeq.SpectralRadius(m(2, 2, aw...))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := task.Radius(x); err != nil || math.Abs(got-ρ/s.SqrtDiscount) > 1e-12 {
			t.Errorf("%s: radius %v, %v; from the standard form %v", name, got, err, ρ/s.SqrtDiscount)
		}
	}
}
