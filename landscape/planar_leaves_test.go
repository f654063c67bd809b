package landscape

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/interval"
)

// Where a box across the border of stability, or at a corner of a task's triangle,
// is discarded because adapted gains do not stabilise, or because C_g is above the
// limit, packages lqr and maml find no gain of it that adapts to a stabilising one.
func TestPlanarLeaves(t *testing.T) {
	var left, turned, steep, stays int
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 17))
		rule := planarRules[seed%2] // the Gauss–Newton rule has no poles
		kind := []string{"near", "everything", "cross"}[seed%3]
		f, rates := planarSized(t, r, 2, rule, math.Exp(-4*r.Float64()), kind)
		p, err := NewPlanar(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		m := metaOf(t, f, rates)
		w := &tape{}
		for range 400 {
			// Near an edge or a corner of one task, in its own chart, taken to the first's.
			i := r.IntN(2)
			c := &p.tasks[i].g.chart
			size := math.Exp(-9 * r.Float64())
			k := [2]float64{2*r.Float64() - 1, 2*r.Float64() - 1}
			side := func(x float64) float64 { return math.Copysign(1-size*r.Float64(), x) }
			switch r.IntN(3) {
			case 0:
				k[0] = side(k[0])
			case 1:
				k[1] = side(k[1])
			default:
				k[0], k[1] = side(k[0]), side(k[1])
			}
			g := c.gain([2]interval.Interval{interval.Of(k[0] * (1 + k[1])), interval.Of(k[1])})
			at := p.chartAt([]float64{g[0].Mid(), g[1].Mid()})
			if !(math.Abs(at[0]) < 1.5 && math.Abs(at[1]) < 1) {
				continue
			}
			var b planarBox
			for j := range b {
				lo := at[j] - size*r.Float64()
				b[j] = interval.New(lo, lo+size)
			}
			task := &p.tasks[i]
			forms := b.ranges(&task.pg)
			if !(forms[formU].Hi() > 0 && forms[formV].Hi() > 0 && forms[formZ].Hi() > 0) {
				continue
			}
			out := true
			switch {
			case task.leaves(w, b, &forms):
				left++
			case task.turns(b, &forms):
				turned++
			default:
				cost, ok := task.g.cost5(forms)
				if out = ok && cost.Lo() > task.limit; out {
					steep++
				} else {
					stays++
				}
			}
			if !out {
				continue
			}
			for range 30 {
				x := planarGain(p, [2]float64{b[0].Lo() + size*r.Float64(), b[1].Lo() + size*r.Float64()})
				if _, err := m.Evaluate(x); err == nil {
					t.Fatalf("seed %d, task %d: the gain %v of %v adapts to a stabilising one", seed, i, x, b)
				}
			}
		}
	}
	t.Logf("%d left, %d turned, %d steep, %d stay", left, turned, steep, stays)
	if left < 100 || turned < 100 {
		t.Error("too few boxes were discarded for a test")
	}
}
