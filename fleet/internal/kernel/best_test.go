package kernel

import (
	"os"
	"testing"
	"time"
)

func TestBest(t *testing.T) {
	if os.Getenv("BEST") == "" {
		t.Skip()
	}
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 16} {
		for k, path := range Paths()[1:] {
			for sym := range 2 {
				var l Layout
				x, y, z := l.Mat(n, n), l.Mat(n, n), l.Mat(n, n)
				const times = 100
				p := new(Program)
				for range times / 2 {
					if sym == 1 {
						p.SymAdd(z, z, x, y.T())
						p.SymAdd(y, y, x, z.T())
					} else {
						p.Mul(z, x, y)
						p.Mul(y, x, z)
					}
				}
				p.Done()
				slab := make([]Vec, max(l.Size(), 1024))
				old := Use(k + 1)
				best := time.Hour
				for range 20000 {
					s := time.Now()
					Run(slab, p)
					best = min(best, time.Since(s))
				}
				Use(old)
				e := n * n
				if sym == 1 {
					e = n * (n + 1) / 2
				}
				flops := 2 * float64(Lanes*e*n) * times
				t.Logf("n=%d %s sym=%d: %.1f ns each, %.1f GFLOP/s", n, path, sym, float64(best.Nanoseconds())/times, flops/float64(best.Nanoseconds()))
			}
		}
	}
}
