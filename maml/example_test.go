package maml_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// valley is (x − c)² + ¼(x − c)⁴ + 1: anything with a value and three
// derivatives can be meta-learned.
type valley struct{ c float64 }

func (v valley) Dim() int                                { return 1 }
func (v valley) At(x []float64) (objective.Point, error) { return valleyPoint(x[0] - v.c), nil }
func (v valley) LowerBound() float64                     { return 1 }

type valleyPoint float64

func (p valleyPoint) Value() float64            { return 1 + p.Gap() }
func (p valleyPoint) Gap() float64              { d := float64(p); return d*d + d*d*d*d/4 }
func (p valleyPoint) Grad(dst []float64)        { d := float64(p); dst[0] = 2*d + d*d*d }
func (p valleyPoint) HessVec(dst, v []float64)  { d := float64(p); dst[0] = (2 + 3*d*d) * v[0] }
func (p valleyPoint) Third(dst, y, z []float64) { dst[0] = 6 * float64(p) * y[0] * z[0] }

// Two tasks, the second twice as important, each adapting by two gradient
// steps; the start that is best after adaptation.
func Example() {
	var members []maml.Member
	for i, c := range []float64{-0.5, 1} {
		task := valley{c}
		step := maml.Gradient{Objective: task, Rate: 0.1}
		members = append(members, maml.Member{
			Name:   fmt.Sprintf("valley at %v", c),
			Weight: float64(i + 1),
			Outer:  task,
			Inner:  []objective.Rule{step, step},
		})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		fmt.Println(err)
		return
	}
	state := maml.NewState([]float64{0})
	result, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v at a %v: x = %.6f, h = %.6f, %.6f above the lower bound\n",
		result.Status, result.Kind, state.X[0], result.Value, *result.Gap)
	at := result.Point.(*maml.Point)
	for i := range at.Len() {
		fmt.Printf("%s adapts to %.6f\n", meta.Member(i).Name, at.Adapted(i)[0])
	}
	// Output:
	// converged at a minimum: x = 0.878844, h = 1.141147, 0.141147 above the lower bound
	// valley at -0.5 adapts to 0.113275
	// valley at 1 adapts to 0.922693
}

// Each documented error of a mixture can be matched, and carries its numbers.
func ExampleWeightError() {
	_, err := maml.NewMeta([]maml.Member{{Name: "heavy", Outer: valley{0}}})
	var bad *maml.WeightError
	fmt.Println(errors.Is(err, maml.ErrWeight), errors.As(err, &bad), bad.Weight)
	fmt.Println(err)
	// Output:
	// true true 0
	// maml: task "heavy": weight 0 is not positive and finite
}

// A member that cannot be evaluated is named, with the inner step after which.
func ExampleMemberError() {
	task := scalar{a: 1, b: 1, q: 1, r: 1} // stable for 0 < w < 2
	meta, err := maml.NewMeta([]maml.Member{{
		Name: "nominal", Weight: 1, Outer: task,
		Inner: []objective.Rule{maml.Gradient{Objective: task, Rate: 0.05}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = meta.Evaluate([]float64{1.95})
	fmt.Println(errors.Is(err, objective.ErrDomain))
	fmt.Println(err)
	// Output:
	// true
	// task "nominal", after inner step 1: radius 49.04 is not below 1
}
