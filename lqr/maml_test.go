package lqr_test

import (
	"errors"
	"math"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// starts are the reference tasks with their gains, and Boeing's with the
// published start, where the least eigenvalue of ∇²C is −3345 (with the
// covariance that its gradients are taken with).
func starts(t *testing.T) (tasks []*lqr.Task, gains [][]float64) {
	t.Helper()
	for _, ref := range references(t) {
		tasks, gains = append(tasks, ref.task(t)), append(gains, ref.W.Data)
	}
	spec := boeing(t)
	row := []float64{.25, .25, .25, .25}
	spec.Sigma0 = rows(t, row, row, row, row)
	for i := range 4 {
		spec.Sigma0.Data[5*i] += 1e-6
	}
	task, err := lqr.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	p, err := task.At(boeingStart)
	if err != nil {
		t.Fatal(err)
	}
	if least := objective.Spectrum(p, task.Dim(), 0).Min; math.Abs(least+3345) > 0.5 {
		t.Fatalf("least eigenvalue %v at Boeing's start, want −3345", least)
	}
	return append(tasks, task), append(gains, boeingStart)
}

// iMAML's step and the Moreau envelope on LQR tasks: their derivatives agree with
// differences of φ, of m and of each other, solved for anew at every point, for κ
// from far below to far above −λ_min(∇²C). The figures of Proximal's comment are
// upper bounds of the evaluations and products counted here.
func TestProximalOnTasks(t *testing.T) {
	tasks, gains := starts(t)
	for i, task := range tasks {
		for _, κ := range []float64{1e-3, 1, 100, 4000, 1e6} {
			var tally maml.Tally
			r := maml.Proximal{Objective: tally.Of(task), Strength: κ}
			if _, err := r.At(gains[i]); err != nil {
				t.Fatalf("%s, κ = %g: %v", task.Name(), κ, err)
			}
			c := tally.Counts()
			evaluations, products := 11, map[int]int{1: 10, 2: 15, 3: 26, 8: 57}[task.Dim()]
			if i == len(tasks)-1 {
				evaluations, products = 28, 104
			}
			if c.Evaluations > evaluations || c.Products > products {
				t.Errorf("%s, κ = %g: %+v", task.Name(), κ, c)
			}
			t.Logf("%s, %d parameters, κ = %g: %+v", task.Name(), task.Dim(), κ, c)

			r.Objective = task
			rule, err := objective.CheckRule(r, gains[i], 2)
			if err != nil {
				t.Fatal(err)
			}
			point, err := objective.CheckPoint(maml.Moreau{Proximal: r}, gains[i], 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range append(rule, point...) {
				// Ten times what the differences say of themselves, where that is more.
				if !(d.Relative < math.Max(1e-9, 10*d.Noise)) || !(d.Noise < 1e-7) {
					t.Errorf("%s, κ = %g: %s off by %.2g (noise %.2g)", task.Name(), κ, d.Derivative, d.Relative, d.Noise)
				}
			}
		}
	}
}

// The meta-gradient and -Hessian of iMAML against differences of its own value,
// over a mixture of the Boeing plant and of variations of it.
func TestProximalMetaOnTasks(t *testing.T) {
	var members []maml.Member
	for i := range 3 {
		spec := boeing(t)
		spec.A.Data[0] += 0.02 * float64(i)
		spec.Q.Data[5] += float64(i)
		task, err := lqr.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, maml.Member{Weight: float64(i + 1), Outer: task,
			Inner: []objective.Rule{maml.Proximal{Objective: task, Strength: 5000, Start: task.Optimum().Gain.Data}}})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][]float64{boeingStart, make([]float64, 8)} { // zero stabilises nothing
		found, err := objective.CheckPoint(meta, x, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < math.Max(1e-9, 10*d.Noise)) || !(d.Noise < 1e-7) {
				t.Errorf("at %v: %s off by %.2g (noise %.2g)", x[0], d.Derivative, d.Relative, d.Noise)
			}
		}
	}
}

// A gain that does not stabilise: without a start the task's own error, with one
// an answer that stabilises, and derivatives of it.
func TestProximalOutsideOnTasks(t *testing.T) {
	tasks, _ := starts(t)
	for _, task := range tasks {
		x := make([]float64, task.Dim())
		for i := range x {
			x[i] = -3
		}
		r := maml.Proximal{Objective: task, Strength: 0.1}
		if _, err := r.At(x); !errors.Is(err, lqr.ErrUnstable) || !errors.Is(err, objective.ErrDomain) {
			t.Fatalf("%s: %v", task.Name(), err)
		}
		r.Start = task.Optimum().Gain.Data
		s, err := r.At(x)
		if err != nil {
			t.Fatalf("%s: %v", task.Name(), err)
		}
		if _, err := task.At(s.To()); err != nil {
			t.Errorf("%s: %v", task.Name(), err)
		}
		found, err := objective.CheckRule(r, x, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < math.Max(1e-8, 10*d.Noise)) || !(d.Noise < 1e-7) {
				t.Errorf("%s: %s off by %.2g (noise %.2g)", task.Name(), d.Derivative, d.Relative, d.Noise)
			}
		}
	}
}

// With x = φ₀ + ∇C(φ₀)/κ the gain φ₀ is stationary. At Boeing's start, κ = 3300 is
// too small to make it a minimum and 3400 is enough: of the two, F is φ₀ for the
// second only.
func TestProximalNeedsStrengthOnTasks(t *testing.T) {
	tasks, gains := starts(t)
	task, φ := tasks[len(tasks)-1], gains[len(gains)-1]
	p, err := task.At(φ)
	if err != nil {
		t.Fatal(err)
	}
	grad := make([]float64, len(φ))
	p.Grad(grad)
	for _, κ := range []float64{3300, 3400} {
		x := make([]float64, len(φ))
		for i := range x {
			x[i] = φ[i] + grad[i]/κ
		}
		s, err := maml.Proximal{Objective: task, Strength: κ, Start: φ}.At(x)
		var b *maml.BreakdownError
		var away float64
		switch {
		case errors.As(err, &b):
			if κ > 3345 || math.Abs(b.Curvature-(κ-3345)) > 1 {
				t.Errorf("κ = %g: %v", κ, err)
			}
			t.Log(err)
			continue
		case err != nil:
			t.Fatal(err)
		}
		for i, to := range s.To() {
			away = math.Hypot(away, to-φ[i])
		}
		if (κ > 3345) != (away < 1e-9) {
			t.Errorf("κ = %g: φ is %.3g from the stationary gain", κ, away)
		}
		t.Logf("κ = %g: φ is %.3g from the stationary gain", κ, away)
	}
}

// In linear solves: an evaluation 2, a product 2, a third derivative 6; so that a
// meta-gradient over K gradient steps costs 4K + 2, without the Jacobian 2K + 2.
func TestMetaGradientInLinearSolves(t *testing.T) {
	tasks, gains := starts(t)
	for k := range 4 {
		for _, first := range []bool{false, true} {
			var tally maml.Tally
			m := maml.Member{Weight: 1, Outer: tally.Of(tasks[1])}
			for range k {
				var r objective.Rule = maml.Gradient{Objective: tally.Of(tasks[1]), Rate: 1e-4}
				if first {
					r = maml.FirstOrder{Rule: r}
				}
				m.Inner = append(m.Inner, r)
			}
			meta, err := maml.NewMeta([]maml.Member{m})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := meta.Evaluate(gains[1]); err != nil {
				t.Fatal(err)
			}
			want := 4*k + 2
			if first {
				want = 2*k + 2
			}
			if got := tally.Counts().Solves(2, 2, 6); got != want {
				t.Errorf("K = %d, first order %v: %d solves, want %d", k, first, got, want)
			}
		}
	}
}
