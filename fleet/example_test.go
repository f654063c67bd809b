package fleet_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/maml"
)

// carts are n carts, each of another friction and motor, drawn anew whenever they
// are asked for: none is kept. An NPZ file is read in their place by
//
//	Open: func() (fleet.Source, error) { return fleet.OpenNPZ("carts.npz", 0) }
type carts struct{ at, n int }

func (c *carts) Next() (fleet.Arrays, error) {
	count := min(1000, c.n-c.at)
	if count == 0 {
		return fleet.Arrays{}, io.EOF
	}
	a := fleet.Arrays{Tasks: count, States: 2, Inputs: 1, Q: []float64{1, 0, 0, 1}, R: []float64{1}}
	for range count {
		random := rand.New(rand.NewPCG(1, uint64(c.at)))
		a.A = append(a.A, 1, 0.1, 0, 1-0.1*random.Float64())
		a.B = append(a.B, 0, 0.1*(0.8+0.4*random.Float64()))
		c.at++
	}
	return a, nil
}

func (*carts) Close() error { return nil }

// A fleet that is never all in memory is trained on by passing over it: one pass
// for each evaluation, and one for each product with the Hessian.
func ExampleStreaming() {
	h := fleet.Streaming{
		States: 2, Inputs: 1,
		Open: func() (fleet.Source, error) { return &carts{n: 20_000}, nil },
		Options: fleet.StreamOptions{
			Options: fleet.Options{Rates: []float64{0.002}},
			Total:   20_000,
			Progress: func(p fleet.Progress) {
				_ = p // p.Rate tasks a second, p.Left to go in this pass
			},
		},
	}
	state := maml.NewState([]float64{0.8, 1.4})
	result, err := maml.Minimize(context.Background(), h, maml.LBFGS{}, state, maml.Stop{Tolerance: 1e-8}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v: W = %.4f\n", result.Status, state.X)
	// Output:
	// converged: W = [0.9486 1.3479]
}
