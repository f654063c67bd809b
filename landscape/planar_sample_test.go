package landscape

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// The double integrator s̈ = a held for h, of unit weights Q = I and R = 1 and noise of
// unit intensity in the velocity, integrated by hand:
//
//	A = [1 h; 0 1],  B = (h²/2, h),  Q = [h h²/2; h²/2 h + h³/3],  N = (h³/6, h²/2 + h⁴/8),
//	R = h + h³/3 + h⁵/20,   V = [h³/3 h²/2; h²/2 h],   in between h²/2 + h⁴/12.
func TestPlanarSampleDoubleIntegrator(t *testing.T) {
	for _, h := range []float64{0.25, 8} { // dyadic, so that the wants round once or twice
		for _, terms := range []int{3, heldTerms} { // what is left out of the series is enclosed too
			p := planarWeighing{
				a: [4]interval.Interval{zero, one, zero, zero}, b: [2]interval.Interval{zero, one},
				q: [3]interval.Interval{one, zero, one}, r: one,
				noise: [3]interval.Interval{zero, zero, one},
			}
			if err := p.sample(h, terms); err != nil {
				t.Fatal(err)
			}
			h2, h3, h4 := h*h, h*h*h, h*h*h*h
			width := 1e-12 * h4
			if terms < heldTerms {
				width = math.Inf(1)
			}
			for name, x := range map[string]struct {
				got  interval.Interval
				want float64
			}{
				"a11": {p.a[0], 1}, "a12": {p.a[1], h}, "a21": {p.a[2], 0}, "a22": {p.a[3], 1},
				"b1": {p.b[0], h2 / 2}, "b2": {p.b[1], h},
				"q11": {p.q[0], h}, "q12": {p.q[1], h2 / 2}, "q22": {p.q[2], h + h3/3},
				"n1": {p.n[0], h3 / 6}, "n2": {p.n[1], h2/2 + h4/8}, "r": {p.r, h + h3/3 + h4*h/20},
				"v11": {p.noise[0], h3 / 3}, "v12": {p.noise[1], h2 / 2}, "v22": {p.noise[2], h},
				"between": {p.between, h2/2 + h4/12},
			} {
				slack := 4e-16 * math.Abs(x.want)
				if !(x.got.Lo()-slack <= x.want && x.want <= x.got.Hi()+slack) {
					t.Errorf("h = %v, %d terms: %s = %v is not in %v", h, terms, name, x.want, x.got)
				}
				if x.got.Width() > max(width, 1e-12) {
					t.Errorf("h = %v: %s is in %v, %v wide", h, name, x.got, x.got.Width())
				}
			}
		}
	}
}

// C* and W* of sampled plants are those of package lqr, which sums its series in float64
// and solves Riccati equations.
func TestPlanarSampleAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 19))
	n := r.NormFloat64
	compared, narrow := 0, 0
	for range 200 {
		q := matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 0.3, 0.3, math.Exp(n())}}
		spec := lqr.Spec{
			A: matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{n(), n(), n(), n()}},
			B: matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{n(), 10 * n()}},
			Q: q, R: matrixeq.Matrix{Rows: 1, Cols: 1, Data: []float64{math.Exp(n())}},
			N:          matrixeq.Matrix{Rows: 2, Cols: 1, Data: []float64{0.05 * n(), 0}},
			Noise:      matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{0.4, 0.1, 0.1, 0.2}},
			SampleTime: 0.05 + r.Float64(),
		}
		if r.IntN(2) == 0 {
			spec.AverageCost = true
		} else {
			spec.Discount = 0.9
		}
		task, err := lqr.New(spec)
		if err != nil {
			continue
		}
		p, err := planarSpec(spec)
		if err != nil {
			continue
		}
		o := task.Optimum()
		compared++
		if p.best.Width() < 1e-8*o.Cost { // short times and weak inputs are ill conditioned in the chart
			narrow++
		}
		const tol = 1e-9 // of what package lqr computes
		if !(p.best.Lo()-tol*o.Cost <= o.Cost && o.Cost <= p.best.Hi()+tol*o.Cost) {
			t.Errorf("%+v: C* = %v, not in %v", spec, o.Cost, p.best)
		}
		w := p.chart.gain(p.opt)
		for i, x := range o.Gain.Data {
			if slack := tol * (1 + math.Abs(x)); !(w[i].Lo()-slack <= x && x <= w[i].Hi()+slack) {
				t.Errorf("%+v: W* = %v, not in %v", spec, o.Gain.Data, w)
			}
		}
	}
	if compared < 100 || narrow < compared/2 {
		t.Errorf("%d plants were compared, of which %d are enclosed narrowly", compared, narrow)
	}
}

// Of sampled plants Σ₀ and V count, each by itself, and an average cost has no Σ₀:
// noise that is held for a time is not what it is in the file.
func TestPlanarOneMapOfSamples(t *testing.T) {
	for _, c := range []struct {
		first, second string
		one           bool
	}{
		{"", "", true},
		{"", "average_cost: true, noise: [[1, 0], [0, 1]],", false},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "", false},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "average_cost: true, noise: [[1, 0], [0, 1]],", true},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "average_cost: true, noise: [[1, 0], [0, 2]],", false},
		{"discount: 0.9, noise: [[1, 0], [0, 1]],", "discount: 0.9, noise: [[2, 0], [0, 2]],", false},
		{"discount: 0.9, noise: [[1, 0], [0, 1]],", "discount: 0.9,", false},
		{"discount: 0.9,", "discount: 0.9, noise: [[1, 0], [0, 1]],", false},
	} {
		text := "tasks:\n"
		for _, more := range []string{c.first, c.second} {
			text += "  - {sample_time: 0.5, " + more + " A: [[0, 1], [0, -0.3]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}\n"
		}
		f, _ := parse(t, text+"meta: {inner: {rate: 0.01}}\n")
		if one, _ := planarComesToOne(f); one != c.one {
			t.Errorf("%+v: one map: %v", c, one)
		}
	}
}
