package lqr_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// Four steps on an integrator whose last state counts ten times: the best gain
// for each time, and what is lost by using one gain for all.
func ExampleNewHorizon() {
	one := lqr.Series{matrixeq.Scalar(1)}
	h, err := lqr.NewHorizon(lqr.HorizonSpec{
		Name: "braking", Horizon: 4,
		A: one, B: one, Q: one, R: one, Terminal: matrixeq.Scalar(10),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := h.Optimum()
	fmt.Printf("a gain for each time: %.4f costs %.4f\n", o.Gains, o.Cost)
	p, err := h.Stationary().Evaluate([]float64{0.62})
	if err != nil {
		fmt.Println(err)
		return
	}
	grad := make([]float64, 1)
	p.Grad(grad)
	fmt.Printf("0.62 at all times costs %.4f, %.1e above; gradient %.4f\n", p.Value(), p.Gap(), grad)
	// Output:
	// a gain for each time: [0.6188 0.6235 0.6562 0.9091] costs 1.6188
	// 0.62 at all times costs 1.6217, 2.9e-03 above; gradient [-0.0647]
}

// A plant whose input alternates between strong and weak, with a gain for
// either.
func ExampleHorizon_Tie() {
	one := lqr.Series{matrixeq.Scalar(1)}
	spec := lqr.HorizonSpec{Name: "alternating", Horizon: 6, A: one, Q: one, R: one}
	var slots []int
	for t := range spec.Horizon {
		spec.B = append(spec.B, matrixeq.Scalar([]float64{1, 0.1}[t%2]))
		slots = append(slots, t%2)
	}
	h, err := lqr.NewHorizon(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	tied, err := h.Tie(slots)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := tied.Evaluate([]float64{0.7, 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d gains cost %.4f, %.4f above a gain for each time\n", tied.Dim(), p.Value(), p.Gap())
	// Output: 2 gains cost 1.7327, 0.0041 above a gain for each time
}

// Meta-learning one gain from which a gradient step serves two tasks of ten
// steps: nothing but the objective differs from the infinite horizon.
func ExampleHorizon_Stationary() {
	one := lqr.Series{matrixeq.Scalar(1)}
	var members []maml.Member
	for _, q := range []float64{0.5, 2} {
		h, err := lqr.NewHorizon(lqr.HorizonSpec{
			Name: fmt.Sprintf("Q = %v", q), Horizon: 10,
			A: one, B: one, Q: lqr.Series{matrixeq.Scalar(q)}, R: one,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		task := h.Stationary()
		step := maml.Gradient{Objective: task, Rate: 0.05}
		members = append(members, maml.Member{Name: h.Name(), Weight: 1, Outer: task, Inner: []objective.Rule{step}})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		fmt.Println(err)
		return
	}
	state := maml.NewState([]float64{0.5})
	result, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v at a %v: W = %.4f, h = %.4f\n", result.Status, result.Kind, state.X[0], result.Value)
	// Output: converged at a minimum: W = 0.5897, h = 1.8835
}

// An input that costs nothing and does nothing has no best gain.
func ExampleHorizonSpec() {
	one, zero := matrixeq.Scalar(1), matrixeq.Scalar(0)
	_, err := lqr.NewHorizon(lqr.HorizonSpec{
		Name: "idle", Horizon: 2,
		A: lqr.Series{one}, B: lqr.Series{one, zero}, Q: lqr.Series{one}, R: lqr.Series{one, zero},
	})
	fmt.Println(errors.Is(err, matrixeq.ErrNotPositiveDefinite))
	fmt.Println(err)
	// Output:
	// true
	// task "idle": matrixeq: R + BᵀPB at time 1 is not positive definite: smallest eigenvalue 0, must exceed 0
}
