package risk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/risk"
)

// Sinusoids in few shots: what counts is the fit of all rows of a task, what an
// inner step sees is ten of them. After ten steps the start that was learned
// beats the fit of all tasks together.
func Example() {
	family := risk.Sinusoids{Rows: 100, Noise: 0.1, Seed: 1}
	model := risk.Regression{L2: 1e-3}
	var members, plain []maml.Member
	for i := range uint64(20) {
		data, err := family.Task(i)
		if err != nil {
			fmt.Println(err)
			return
		}
		split, err := risk.Draw{Count: 10, Seed: 1, Task: i}.Split(data)
		if err != nil {
			fmt.Println(err)
			return
		}
		task, err := split.Objectives(model, model)
		if err != nil {
			fmt.Println(err)
			return
		}
		step := maml.Gradient{Objective: task.Inner, Rate: 0.3}
		members = append(members, maml.Member{Weight: 1, Outer: task.Outer, Inner: slices.Repeat([]objective.Rule{step}, 10)})
		plain = append(plain, maml.Member{Weight: 1, Outer: task.Outer})
	}
	learn := func(members []maml.Member) []float64 {
		meta, err := maml.NewMeta(members)
		if err != nil {
			fmt.Println(err)
			return nil
		}
		state := maml.NewState(make([]float64, meta.Dim()))
		if _, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{}, nil); err != nil {
			fmt.Println(err)
			return nil
		}
		return state.X
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, start := range []struct {
		name string
		x    []float64
	}{{"one fit for all tasks", learn(plain)}, {"meta-learned", learn(members)}} {
		at, err := meta.Evaluate(start.x)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %.4f after ten steps\n", start.name, at.Value())
	}
	// Output:
	// one fit for all tasks: 0.8183 after ten steps
	// meta-learned: 0.6949 after ten steps
}

// The minimum of a convex classification, with a bound that needs no
// subtraction.
func ExampleCrossEntropy_Solve() {
	data, err := risk.Blobs{Rows: 200, Classes: 3, Seed: 7}.Task(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := risk.Softmax{Classes: 3, L2: 0.01, Bias: risk.Free}.CrossEntropy(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	solved, err := f.Solve()
	if err != nil {
		fmt.Println(err)
		return
	}
	x := solved.Minimizer()
	x[0] += 1e-6
	p, err := solved.At(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("minimum %.6f, known to 1e-28: %v\n", solved.LowerBound(), solved.Slack < 1e-28)
	fmt.Printf("a millionth away the gap is %.4g\n", p.(objective.Gapped).Gap())
	// Output:
	// minimum 0.627473, known to 1e-28: true
	// a millionth away the gap is 1.751e-13
}

// Features of one file, standardised by what the training rows are.
func ExampleFormat() {
	file := "height,weight,age\n1.80,80,30\n1.60,60,20\n1.70,70,25\n"
	data, err := risk.Format{Target: "weight"}.Parse("people.csv", []byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	scaler, err := risk.Standardize(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	scaled, err := scaler.Apply(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(data.Names, data.Y)
	fmt.Printf("%.4f\n", scaled.Row(0))
	// Output:
	// [height age] [80 60 70]
	// [1.2247 1.2247]
}

// What a file contains that cannot be used is named with its place.
func ExampleDataError() {
	_, err := risk.Parse("people.csv", []byte("height,weight\n1.80,80\n1.60,n/a\n"))
	var bad *risk.DataError
	fmt.Println(errors.Is(err, risk.ErrData), errors.As(err, &bad), bad.Line, bad.Column)
	fmt.Println(err)
	_, err = risk.Parse("people.csv", []byte("1.80,80\n1.60,+Inf\n"))
	fmt.Println(errors.Is(err, risk.ErrNotFinite), err)
	_, err = risk.Format{MaxNumbers: 3}.Parse("people.csv", []byte("1.80,80\n1.60,60\n"))
	fmt.Println(errors.Is(err, risk.ErrLimit), err)
	_, err = risk.Logistic{}.On(risk.Data{X: []float64{1, 2}, Y: []float64{1, 2}, Rows: 2, Cols: 1})
	fmt.Println(err)
	// Output:
	// true true 3 6
	// people.csv:3:6: "weight": expected a number, found "n/a"
	// true people.csv:2:6: "+Inf" is not finite
	// true people.csv:2: more than 3 numbers
	// risk: row 2: logistic: the target is 2, want a class 0 to 1
}

// A setting that makes no sense is named.
func ExampleModelError() {
	_, err := risk.KMeans{Centers: 3}.On(risk.Data{X: []float64{1}, Rows: 1, Cols: 1})
	fmt.Println(errors.Is(err, risk.ErrModel), err)
	// Output:
	// true risk: clusters: Temperature is 0, want a positive number whose inverse is finite
}

// With one class only a bias that costs nothing has no best value.
func ExampleUnsolvedError() {
	f, err := risk.Logistic{L2: 1, Bias: risk.Free}.CrossEntropy(risk.Data{X: []float64{1, 2}, Y: []float64{1, 1}, Rows: 2, Cols: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = f.Solve()
	fmt.Println(errors.Is(err, risk.ErrUnsolved))
	// Output:
	// true
}

// Where a value overflows the objective counts as infinite.
func ExampleValueError() {
	f, err := risk.Regression{}.LeastSquares(risk.Data{X: []float64{1}, Y: []float64{0}, Rows: 1, Cols: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = f.At([]float64{1e200})
	fmt.Println(errors.Is(err, objective.ErrDomain), err)
	// Output:
	// true risk: least squares: the value is +Inf
}

// Soft clustering is not convex: what it is worth to Proposition 1 only the
// user can say.
func ExampleDeclare() {
	data, err := risk.Blobs{Rows: 60, Classes: 2, Seed: 3}.Task(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := risk.KMeans{Centers: 2, Temperature: 1}.On(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(risk.Epsilon(f))
	g, err := risk.Declare(f, 0.25)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(risk.Epsilon(g))
	// Output:
	// 0 false
	// 0.25 true
}

// The large set decides, the small one is what an inner step sees; here two
// rows of each class, and the rest.
func ExampleDraw_Split() {
	data, err := risk.Blobs{Rows: 12, Classes: 3, Seed: 1}.Task(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	split, err := risk.Draw{Count: 2, PerClass: true, Disjoint: true, Seed: 1}.Split(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(split.Small.Y)
	fmt.Println(split.Large.Y)
	// Output:
	// [2 0 1 1 2 0]
	// [0 1 2 0 1 2]
}
