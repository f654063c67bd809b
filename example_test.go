package metalqr_test

import (
	"context"
	"fmt"
	"log"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A cart that may be light or heavy: the gain from which one gradient step is
// best for either.
func Example() {
	var members []maml.Member
	for _, mass := range []float64{1, 1.25} {
		a, _ := matrixeq.FromRows([][]float64{{1, 0.1}, {0, 1}})
		b, _ := matrixeq.FromRows([][]float64{{0}, {0.1 / mass}})
		task, err := lqr.New(lqr.Spec{A: a, B: b, Q: matrixeq.Identity(2), R: matrixeq.Scalar(1)})
		if err != nil {
			log.Fatal(err)
		}
		step := maml.Gradient{Objective: task, Rate: 0.01}
		members = append(members, maml.Member{Weight: 1, Outer: task, Inner: []objective.Rule{step}})
	}
	h, err := maml.NewMeta(members)
	if err != nil {
		log.Fatal(err)
	}
	run := maml.NewState([]float64{1, 2}) // a stabilising gain to begin with
	result, err := maml.Minimize(context.Background(), h, maml.NewtonCG{}, run, maml.Stop{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("W = %.5f, h = %.5f, at most %.1e above the minimum\n", run.X, result.Value, *result.Gap)
	// Output: W = [0.92619 1.75964], h = 41.12769, at most 2.4e-02 above the minimum
}
