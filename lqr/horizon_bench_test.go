package lqr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// Tasks of 50 steps of each size, r = max(1, d/2), and of each length, near
// their optimum; the result of every call is checked to be finite.
func BenchmarkHorizon(b *testing.B) {
	for _, size := range [][2]int{{1, 50}, {2, 50}, {4, 50}, {12, 50}, {50, 50}, {4, 10}, {4, 1000}} {
		n, T := size[0], size[1]
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		r := max(1, n/2)
		spec := lqr.HorizonSpec{Horizon: T, A: lqr.Series{random(rng, n, n)}, B: lqr.Series{random(rng, n, r)}, Q: lqr.Series{gram(rng, n, n, .1)}, R: lqr.Series{gram(rng, r, r, .5)}}
		for i := range spec.A[0].Data {
			spec.A[0].Data[i] *= 0.9 / math.Sqrt(float64(n))
		}
		h := horizon(b, spec)
		x := beside(rng, h, 0.001)
		p, err := h.Evaluate(x)
		if err != nil {
			b.Fatal(err)
		}
		one, err := h.Stationary().Evaluate(x[:n*r])
		if err != nil {
			b.Fatal(err)
		}
		var step objective.Step
		y, z, dst := vector(rng, len(x)), vector(rng, len(x)), make([]float64, len(x))
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"NewHorizon", func() { h, err = lqr.NewHorizon(spec) }},
			{"Evaluate", func() { p, err = h.Evaluate(x) }},
			{"Grad", func() { p.Grad(dst) }},
			{"HessVec", func() { p.HessVec(dst, z) }},
			{"Third", func() { p.Third(dst, y, z) }},
			{"Stationary/HessVec", func() { one.HessVec(dst[:n*r], z[:n*r]) }},
			{"GaussNewton", func() { step, err = lqr.HorizonGaussNewton{Task: h, Rate: .1}.At(x) }},
			{"GaussNewton/PullDeriv", func() { step.PullDeriv(dst, y, z) }},
		} {
			b.Run(fmt.Sprintf("%s/d=%d/T=%d", c.name, n, T), func(b *testing.B) {
				if c.name == "GaussNewton/PullDeriv" && step == nil {
					step, err = lqr.HorizonGaussNewton{Task: h, Rate: .1}.At(x)
				}
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
