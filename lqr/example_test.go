package lqr_test

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// An unstable scalar plant: its optimum, and its cost beside it.
func ExampleNew() {
	task, err := lqr.New(lqr.Spec{
		Name: "reactor",
		A:    matrixeq.Scalar(2), B: matrixeq.Scalar(1),
		Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := task.Optimum()
	fmt.Printf("W* = %.4f costs %.4f, radius %.4f\n", o.Gain.Data, o.Cost, o.Radius)

	p, err := task.Evaluate([]float64{1.7})
	if err != nil {
		fmt.Println(err)
		return
	}
	grad := make([]float64, 1)
	p.Grad(grad)
	fmt.Printf("W = 1.7 costs %.4f, %.1e above; gradient %.4f\n", p.Value(), p.Gap(), grad)
	// Output:
	// W* = [1.6180] costs 4.2361, radius 0.3820
	// W = 1.7 costs 4.2747, 3.9e-02 above; gradient [0.9178]
}

func ExampleUnstableError() {
	one := matrixeq.Scalar(1)
	task, err := lqr.New(lqr.Spec{Name: "reactor", A: matrixeq.Scalar(2), B: one, Q: one, R: one})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = task.Evaluate([]float64{0.5})
	var u *lqr.UnstableError
	fmt.Println(errors.As(err, &u), u.Task, u.Radius)
	fmt.Println(err)
	// Output:
	// true reactor 1.5
	// the gain does not stabilise: the spectral radius of A - B W is 1.5, not below 1
}

// A mode that no input reaches, and settings that contradict each other.
func ExampleTaskError() {
	one, zero := matrixeq.Scalar(1), matrixeq.Scalar(0)
	_, err := lqr.New(lqr.Spec{Name: "adrift", A: matrixeq.Scalar(2), B: zero, Q: one, R: one})
	fmt.Println(errors.Is(err, matrixeq.ErrNotStabilizable))
	_, err = lqr.New(lqr.Spec{Name: "noisy", A: one, B: one, Q: one, R: one, Noise: one})
	fmt.Println(err)
	// Output:
	// true
	// task "noisy": noise makes the undiscounted cost infinite: set average_cost, or a discount below 1
}

// Policy iteration is Gauss–Newton with η = ½: the gap squares at every step.
func ExampleTask_Descend() {
	one := matrixeq.Scalar(1)
	task, err := lqr.New(lqr.Spec{A: one, B: one, Q: one, R: one})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := task.Descend([]float64{1.5}, lqr.GaussNewtonGradient, 0.5, 1e-15, 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1e\n", d.Gaps)
	// Output: [2.7e+00 1.0e-01 6.3e-04 2.6e-08 4.3e-17]
}

// Half of the Gauss–Newton step of a rule, and how it moves with the gain.
func ExampleGaussNewton() {
	one := matrixeq.Scalar(1)
	task, err := lqr.New(lqr.Spec{A: one, B: one, Q: one, R: one})
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := lqr.GaussNewton{Task: task, Rate: 0.25}.At([]float64{1})
	if err != nil {
		fmt.Println(err)
		return
	}
	push := make([]float64, 1)
	step.Push(push, []float64{1})
	fmt.Printf("F(1) = %.4f, J = %.4f\n", step.To(), push)
	// Output: F(1) = [0.8333], J = [0.6111]
}
