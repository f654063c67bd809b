package maml_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// two is a mixture of the valleys at −½ and 1, the second twice as important,
// each adapting by steps of the kind given.
func two(steps func(task valley) []objective.Rule) *maml.Meta {
	var members []maml.Member
	for i, c := range []float64{-0.5, 1} {
		members = append(members, maml.Member{Name: fmt.Sprint(c), Weight: float64(i + 1), Outer: valley{c}, Inner: steps(valley{c})})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		panic(err) // the members are right
	}
	return meta
}

// show runs a method from 0 and prints where it ends.
func show(name string, o objective.Objective, m maml.Method) {
	state := maml.NewState(make([]float64, o.Dim()))
	r, err := maml.Minimize(context.Background(), o, m, state, maml.Stop{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%-8s %v at x = %.6f, h = %.6f\n", name, r.Status, state.X[0], r.Value)
}

// MAML and its relatives on the same tasks: what stands between them is the
// inner rule, or what is followed in place of the gradient.
func Example_algorithms() {
	const rate = 0.1
	descent := maml.Algorithm1{Rate: 0.2}
	exact := two(func(task valley) []objective.Rule {
		step := maml.Gradient{Objective: task, Rate: rate}
		return []objective.Rule{step, step}
	})
	show("MAML", exact, descent)
	show("FO-MAML", two(func(task valley) []objective.Rule {
		step := maml.FirstOrder{Rule: maml.Gradient{Objective: task, Rate: rate}}
		return []objective.Rule{step, step}
	}), descent)
	show("HF-MAML", two(func(task valley) []objective.Rule {
		step := maml.HessianFree{Objective: task, Rate: rate}
		return []objective.Rule{step, step}
	}), descent)
	show("Reptile", maml.Reptile{Meta: exact}, maml.Algorithm1{Rate: 0.5, Last: 0.1, Over: 100})
	show("iMAML", two(func(task valley) []objective.Rule {
		return []objective.Rule{maml.Proximal{Objective: task, Strength: 5}}
	}), descent)
	// Output:
	// MAML     converged at x = 0.878844, h = 1.141147
	// FO-MAML  converged at x = 0.522384, h = 1.159365
	// HF-MAML  converged at x = 0.878844, h = 1.141147
	// Reptile  converged at x = 0.447832, h = 1.167192
	// iMAML    converged at x = 0.509153, h = 1.251639
}

// An envelope is an objective; a Meta over envelopes has no inner steps.
func ExampleMoreau() {
	m := maml.Moreau{Proximal: maml.Proximal{Objective: valley{1}, Strength: 5}}
	p, err := m.At([]float64{0})
	if err != nil {
		fmt.Println(err)
		return
	}
	g := []float64{0}
	p.Grad(g)
	// ∇m = κ(x − φ) says where φ is.
	fmt.Printf("m = %.6f, gradient %.6f: φ = %.6f\n", p.Value(), g[0], -g[0]/5)
	// Output:
	// m = 1.771523, gradient -1.644468: φ = 0.328894
}

// κ is too small where the least eigenvalue says so: at 0 the double well's
// curvature is −1.
func ExampleBreakdownError() {
	double := poly{n: 1, coef: []float64{1.25, 0, -0.5, 0, 0.25}} // ¼(x² − 1)² + 1
	_, err := maml.Proximal{Objective: double, Strength: 0.5}.At([]float64{0})
	var b *maml.BreakdownError
	fmt.Println(errors.As(err, &b), b.Curvature)
	fmt.Println(err)
	// Output:
	// true -0.5
	// the proximal problem breaks down: the least eigenvalue of the Hessian of g + (κ/2)‖φ − x‖² is -0.5, not positive: κ = 0.5 would have to exceed 1
}

// The error of an HF-MAML product, measured.
func ExampleHessianFree() {
	for _, delta := range []float64{1e-1, 1e-2, 1e-3} {
		step, err := maml.HessianFree{Objective: valley{1}, Rate: 0.1, Delta: delta}.At([]float64{0})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("Delta %g: %.0e\n", delta, step.(maml.Approximate).Error([]float64{1}))
	}
	// Output:
	// Delta 0.1: 2e-03
	// Delta 0.01: 2e-05
	// Delta 0.001: 2e-07
}

// Meta-SGD: the rate is learned with the start, from 0 and 0.
func ExampleLearnedRates() {
	var members []maml.Member
	for _, c := range []float64{-0.5, 1} {
		task := valley{c}
		members = append(members, maml.Member{
			Weight: 1,
			Outer:  maml.WithRates{Objective: task},
			Inner:  []objective.Rule{maml.LearnedRates{Objective: task}},
		})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		fmt.Println(err)
		return
	}
	state := maml.NewState([]float64{0, 0})
	r, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("start %.6f, rate %.6f, at the lower bound: %v\n", state.X[0], state.X[1], *r.Gap < 1e-15)
	// Output:
	// start 0.250000, rate 0.390244, at the lower bound: true
}

// Tasks arrive one a round. The regret against the best fixed start flattens.
func ExampleFTML() {
	var stream []maml.Member
	for i := range 64 {
		task := valley{float64(i%4) / 4}
		stream = append(stream, maml.Member{Name: fmt.Sprint(i), Weight: 1, Outer: task,
			Inner: []objective.Rule{maml.Gradient{Objective: task, Rate: 0.1}}})
	}
	rounds, err := maml.FTML{}.Run(context.Background(), stream, []float64{0}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range []int{4, 16, 64} {
		r := rounds[n-1]
		fmt.Printf("after %2d rounds: leader %.4f, regret %.4f\n", r.Round, r.Leader[0], r.Regret)
	}
	// Output:
	// after  4 rounds: leader 0.3750, regret 0.0868
	// after 16 rounds: leader 0.3750, regret 0.1596
	// after 64 rounds: leader 0.3750, regret 0.2299
}

// Batches without replacement, a rate that falls, gradients of length 5 at most.
func ExampleAlgorithm1() {
	meta := two(func(task valley) []objective.Rule { return nil })
	method := maml.Algorithm1{Rate: 0.2, Last: 0.01, Over: 200, Batch: 1, Epochs: true, Seed: 1, Clip: 5}
	state := maml.NewState([]float64{4})
	r, err := maml.Minimize(context.Background(), meta, method, state, maml.Stop{Iterations: 400}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v, %d steps clipped, x = %.2f\n", r.Status, state.Clipped, state.X[0])

	method.Batch = 3
	_, err = maml.Minimize(context.Background(), meta, method, maml.NewState([]float64{4}), maml.Stop{}, nil)
	fmt.Println(err)
	// Output:
	// iteration-limit, 3 steps clipped, x = 0.43
	// maml: Algorithm 1: batch is 3, want 2 at most, as epochs draw each task once
}

// What only Algorithm 1 can follow, no other method pretends to minimise.
func ExampleDirected() {
	meta := two(func(task valley) []objective.Rule {
		return []objective.Rule{maml.FirstOrder{Rule: maml.Gradient{Objective: task, Rate: 0.1}}}
	})
	_, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, maml.NewState([]float64{0}), maml.Stop{}, nil)
	fmt.Println(errors.Is(err, maml.ErrSetting))
	fmt.Println(err)
	// Output:
	// true
	// maml: outer method: method is maml.NewtonCG, want Algorithm1, which needs no function that falls along its steps: the Jacobian of the inner steps is left out
}

// What a meta-gradient costs: K = 2 steps, two tasks.
func ExampleTally() {
	var tally maml.Tally
	var members []maml.Member
	for _, c := range []float64{-0.5, 1} {
		task := tally.Of(valley{c})
		step := maml.Gradient{Objective: task, Rate: 0.1}
		members = append(members, maml.Member{Weight: 1, Outer: task, Inner: []objective.Rule{step, step}})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := meta.Evaluate([]float64{0}); err != nil {
		fmt.Println(err)
		return
	}
	c := tally.Counts()
	fmt.Printf("%d evaluations, %d products; LQR tasks would take %d matrix equations\n", c.Evaluations, c.Products, c.Solves(2, 2, 6))
	// Output:
	// 6 evaluations, 4 products; LQR tasks would take 20 matrix equations
}
