package lqr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/lqr"
)

// One task of each size, r = max(1, d/2), near its optimum; the result of every
// call is checked to be finite.
func BenchmarkTask(b *testing.B) {
	for _, n := range []int{1, 2, 4, 12, 50, 100, 200} {
		rng := rand.New(rand.NewPCG(uint64(n), 0))
		r := max(1, n/2)
		spec := lqr.Spec{A: random(rng, n, n), B: random(rng, n, r), Q: gram(rng, n, n, .1), R: gram(rng, r, r, .5)}
		for i := range spec.A.Data {
			spec.A.Data[i] *= 0.9 / math.Sqrt(float64(n))
		}
		task, err := lqr.New(spec)
		if err != nil {
			b.Fatal(err)
		}
		x := append([]float64(nil), task.Optimum().Gain.Data...)
		for i := range x {
			x[i] *= 1.01
		}
		p, err := task.Evaluate(x)
		if err != nil {
			b.Fatal(err)
		}
		y, z, dst := vector(rng, len(x)), vector(rng, len(x)), make([]float64, len(x))
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"New", func() { task, err = lqr.New(spec) }},
			{"Evaluate", func() { p, err = task.Evaluate(x) }},
			{"Grad", func() { p.Grad(dst) }},
			{"HessVec", func() { p.HessVec(dst, z) }},
			{"Third", func() { p.Third(dst, y, z) }},
		} {
			b.Run(fmt.Sprintf("%s/d=%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.run()
				}
				if err != nil || math.IsNaN(dst[0]+p.Value()) {
					b.Fatal(err, dst[0])
				}
			})
		}
	}
}
