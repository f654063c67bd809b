package fleet

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
)

func TestWholeBest(t *testing.T) {
	if os.Getenv("BEST") == "" {
		t.Skip()
	}
	for _, n := range []int{1, 2, 4, 8, 12} {
		r := max(1, n/2)
		s := draw(t, 3, 512, n, r, 0.02, false)
		η := rates(t, s.tasks(t)[:3], s.x, Gradient, 1)
		f, err := FromArrays(s.arrays, nil, Options{Rates: η, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		w := f.worker()
		w.start(s.x, nil)
		flops, hflops, cnt := int64(0), int64(0), 0
		for i := range f.outer.blocks() {
			w.load(i)
			flops += kernel.Count(w.slab, f.engine.evaluate[f.variant(i)])
			cnt += f.engine.slots[0].pow.Count(w.slab)
			hflops += kernel.Count(w.slab, f.engine.hessian[f.variant(i)])
		}
		best, bestH, run := time.Hour, time.Hour, time.Hour
		v := make([]float64, n*r)
		for i := range v {
			v[i] = 1
		}
		for range 300 {
			b := time.Now()
			f.Evaluate(s.x)
			best = min(best, time.Since(b))
			b = time.Now()
			p.HessVec(v, v)
			bestH = min(bestH, time.Since(b))
			b = time.Now()
			for i := range f.outer.blocks() {
				kernel.Run(w.slab, f.engine.evaluate[f.variant(i)])
			}
			run = min(run, time.Since(b))
		}
		_ = fmt.Sprint()
		t.Logf("d=%d: %.0f ns/task %.1f GFLOP/s; kernel only %.0f ns %.1f GFLOP/s; hessvec %.0f ns/task %.1f GFLOP/s; powers %.1f; redone %d", n,
			float64(best.Nanoseconds())/512, float64(flops)/float64(best.Nanoseconds()),
			float64(run.Nanoseconds())/512, float64(flops)/float64(run.Nanoseconds()),
			float64(bestH.Nanoseconds())/512, float64(hflops)/float64(bestH.Nanoseconds()), float64(cnt)/64, p.Redone())
	}
}
