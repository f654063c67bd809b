package check

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// What newPlanarHold encloses in 256 bits lies in what [sampled] encloses in float64 by
// another series, for random plants, and with few terms it still holds that.
func TestPlanarHold(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 23))
	n := r.NormFloat64
	for range 15 {
		spec := lqr.Spec{
			A:          matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{n(), n(), n(), n()}},
			B:          matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{n(), 10 * n()}},
			Q:          matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 0.3, 0.3, math.Exp(n())}},
			R:          matrixeq.Matrix{Rows: 1, Cols: 1, Data: []float64{math.Exp(n())}},
			N:          matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{0.1 * n(), n()}},
			Noise:      matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{0.4, 0.1, 0.1, 0.2}},
			SampleTime: math.Exp(2 * n()),
		}
		want, err := sampled(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, terms := range []int{6, planarHoldTerms} {
			e := func(m matrixeq.Matrix) (x []fine) {
				for _, y := range m.Data {
					x = append(x, exactly(y))
				}
				return x
			}
			form := func(m matrixeq.Matrix) [3]fine {
				x := e(m)
				return [3]fine{x[0], x[1], x[3]}
			}
			p := planarStatement{a: e(spec.A), b: e(spec.B), q: form(spec.Q), n: e(spec.N), r: exactly(spec.R.Data[0]), noise: form(spec.Noise), noisy: true}
			if err := p.sample(spec.SampleTime, terms); err != nil {
				t.Fatal(err)
			}
			got := []fine{p.a[0], p.a[1], p.a[2], p.a[3], p.b[0], p.b[1], p.q[0], p.q[1], p.q[2], p.n[0], p.n[1], p.r, p.noise[0], p.noise[1], p.noise[2], p.between}
			ref := want.A.Data
			ref = append(ref[:4:4], want.B.Data...)
			ref = append(ref, want.Q.Data[0], want.Q.Data[1], want.Q.Data[3], want.N.Data[0], want.N.Data[1], want.R.Data[0],
				want.Noise.Data[0], want.Noise.Data[1], want.Noise.Data[3], want.Between)
			for i, x := range got {
				y := x.round()
				switch {
				case y.Disjoint(ref[i]):
					t.Errorf("h = %v, %d terms: number %d is in %v, and in %v", spec.SampleTime, terms, i, y, ref[i])
				case terms == planarHoldTerms && !x.within(ref[i]):
					t.Errorf("h = %v: number %d, %v, is wider than %v", spec.SampleTime, i, y, ref[i])
				case terms != planarHoldTerms && y.Width() == 0:
					t.Errorf("%d terms, and number %d is exactly %v", terms, i, y)
				}
			}
		}
	}
}
