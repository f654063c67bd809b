package matrixeq_test

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/matrixeq"
)

// The stationary variance of s⁺ = s/2 + w with cov(w) = 3: x = x/4 + 3.
func ExampleStein() {
	x, err := matrixeq.Stein(matrixeq.Scalar(0.5), matrixeq.Scalar(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.X.At(0, 0), x.Residual)
	// Output: 4 0
}

// Two right-hand sides share the preparation of A.
func ExamplePrepare() {
	a, _ := matrixeq.FromRows([][]float64{{0.5, 1}, {0, 0.5}})
	o, err := matrixeq.Prepare(a)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := make([]float64, 4)
	o.Solve(x, matrixeq.Identity(2).Data)
	fmt.Printf("%.4f\n", x)
	o.SolveT(x, matrixeq.Identity(2).Data)
	fmt.Printf("%.4f\n", x)
	fmt.Printf("%.4f\n", o.InverseNorm())
	// Output:
	// [4.2963 0.8889 0.8889 1.3333]
	// [1.3333 0.8889 0.8889 4.2963]
	// 4.5425
}

// Keeping an unstable plant bounded costs something even where the state costs
// nothing: P = 3, not the other root 0.
func ExampleRiccati() {
	one := matrixeq.Scalar(1)
	s, err := matrixeq.Riccati(matrixeq.Scalar(2), one, matrixeq.Scalar(0), one)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("P = %.6g, W = %.6g, closed loop %.6g\n", s.P.At(0, 0), s.Gain.At(0, 0), s.ClosedLoop().At(0, 0))
	// Output: P = 3, W = 1.5, closed loop 0.5
}

// The second state grows and no input reaches it.
func ExampleRiccati_notStabilizable() {
	b, _ := matrixeq.FromRows([][]float64{{1}, {0}})
	_, err := matrixeq.Riccati(matrixeq.Diagonal(0.5, 1.25), b, matrixeq.Identity(2), matrixeq.Scalar(1))
	var e *matrixeq.NotStabilizableError
	if errors.As(err, &e) {
		fmt.Println("cannot move", real(e.Eigenvalue))
	}
	// Output: cannot move 1.25
}

// Every gain 0 < w < 2 works and a smaller one is always cheaper: the infimum 0
// is reached by none.
func ExampleRiccati_unitCircle() {
	one := matrixeq.Scalar(1)
	_, err := matrixeq.Riccati(one, one, matrixeq.Scalar(0), one)
	fmt.Println(errors.Is(err, matrixeq.ErrUnitCircle))
	// Output: true
}

func ExampleUnstableError() {
	_, err := matrixeq.Prepare(matrixeq.Scalar(1.5))
	var e *matrixeq.UnstableError
	if errors.As(err, &e) {
		fmt.Println(e.Radius, e.Lower > 1)
	}
	// Output: 1.5 true
}
