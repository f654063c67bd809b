package interval_test

import (
	"encoding/json"
	"fmt"

	"github.com/metalqr/metalqr/interval"
)

// No float64 is 0.1, 0.2 or their sum; the sum of the two float64s nearest to
// them lies between these ends.
func ExampleInterval_Add() {
	fmt.Println(interval.Of(0.1).Add(interval.Of(0.2)))
	// Output: [0.3, 0.30000000000000004]
}

// The root of x² − 2 by Newton's method on intervals: N(X) = m − f(m)/f′(X).
// When N(X) lies in the interior of X, the root exists and is unique in X.
func Example_newton() {
	x := interval.New(1, 2)
	for {
		m := interval.Of(x.Mid())
		f := m.Sqr().AddFloat(-2)
		n := m.Sub(f.Div(x.Scale(2)))
		if n.Interior(x) {
			fmt.Println("proved:", n)
		}
		next := n.Intersect(x)
		if next == x {
			break
		}
		x = next
	}
	// Output:
	// proved: [1.375, 1.4375]
	// proved: [1.4140625, 1.4144176136363638]
	// proved: [1.414213559294524, 1.414213565947179]
	// proved: [1.4142135623730947, 1.4142135623730951]
}

// A quotient by an interval that reaches 0 is a half-line, and by one that has
// 0 inside, nothing is known.
func ExampleInterval_Div() {
	one := interval.Of(1)
	fmt.Println(one.Div(interval.New(0, 4)))
	fmt.Println(one.Div(interval.New(-1, 4)))
	fmt.Println(one.Div(interval.Of(0)))
	// Output:
	// [0.25, +Inf]
	// [-Inf, +Inf]
	// []
}

func ExampleInterval_Exp() {
	fmt.Println(interval.Of(1).Exp())
	fmt.Println(interval.New(700, 800).Exp())
	// Output:
	// [2.718281828459045, 2.7182818284590455]
	// [1.0142320547350045e+304, +Inf]
}

func ExampleInterval_MarshalJSON() {
	b, _ := json.Marshal(interval.New(0.1, 3).Div(interval.New(0, 2)))
	fmt.Println(string(b))
	var a interval.Interval
	fmt.Println(json.Unmarshal([]byte("[2,1]"), &a))
	// Output:
	// [0.05,null]
	// interval: lower end 2 is above the upper end 1
}

// Where a curve cannot be, by bisection: boxes on which x² + y² − 1 keeps its
// sign do not meet the unit circle.
func ExampleBox_Split() {
	image := func(b interval.Box) interval.Interval { // x² + y² − 1
		return b[0].Sqr().Add(b[1].Sqr()).AddFloat(-1)
	}
	undecided := []interval.Box{{interval.New(0, 1), interval.New(0, 1)}}
	dropped := 0
	for range 8 {
		var next []interval.Box
		for _, b := range undecided {
			lower, upper := b.Split(b.Widest())
			for _, half := range []interval.Box{lower, upper} {
				if image(half).Sign() != 0 {
					dropped++
					continue
				}
				next = append(next, half)
			}
		}
		undecided = next
	}
	fmt.Println(len(undecided), "boxes may meet the circle,", dropped, "do not")
	// Output: 31 boxes may meet the circle, 37 do not
}

// A discrete Lyapunov certificate: X ≻ 0 and X − A X Aᵀ ≻ 0 prove that every
// eigenvalue of A is inside the unit circle.
func ExampleMatrix_PositiveDefinite() {
	a := interval.FromFloats(2, 2, []float64{0.9, 1, 0, 0.8})
	x := interval.FromFloats(2, 2, []float64{95, 8, 8, 3})
	left := x.Sub(a.Mul(x).MulNT(a)).Symmetrize()
	fmt.Println(x.PositiveDefinite(), left.PositiveDefinite())
	// Output: true true
}
