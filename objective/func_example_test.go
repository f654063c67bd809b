package objective_test

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/objective"
)

// An objective of one's own: its value and its gradient. The curvature is by
// differences, and the point says so.
func ExampleNew() {
	rosenbrock := objective.Problem{
		Dim:   2,
		Value: func(x []float64) float64 { return math.Pow(1-x[0], 2) + 100*math.Pow(x[1]-x[0]*x[0], 2) },
		Grad: func(dst, x []float64) {
			dst[0] = -2*(1-x[0]) - 400*x[0]*(x[1]-x[0]*x[0])
			dst[1] = 200 * (x[1] - x[0]*x[0])
		},
		Bound: new(0.0),
	}
	f, err := objective.New(rosenbrock)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := f.At([]float64{1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	curvature := objective.Spectrum(p, f.Dim(), 0)
	fmt.Printf("f = %v, never below %v\n", p.Value(), f.LowerBound())
	fmt.Printf("eigenvalues of the Hessian from %.4f to %.4f\n", curvature.Min, curvature.Max)
	fmt.Println("by differences:", objective.Approximations(p))
	// Output:
	// f = 0, never below 0
	// eigenvalues of the Hessian from 0.3994 to 1001.6006
	// by differences: [hessian third]
}

// What cannot be replaced by differences is an error that names it.
func ExampleProblemError() {
	_, err := objective.New(objective.Problem{Dim: 1, Value: func(x []float64) float64 { return math.Cosh(x[0]) }})
	fmt.Println(err)
	// Output:
	// objective: problem: Grad is nil, want a function
}
