// Package parallel hands out indices to goroutines.
package parallel

import (
	"sync"
	"sync/atomic"
)

// Each calls body(worker, i) for i = 0 … n−1 on at most workers goroutines,
// numbered from 0, the caller among them. Indices are handed out in order; after a
// false answer no more are, but those below it have been and are finished, so
// that the lowest index to answer false is the same for any number of workers.
func Each(n, workers int, body func(worker, i int) bool) {
	var next atomic.Int64
	var refused atomic.Bool
	work := func(worker int) {
		for !refused.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if !body(worker, i) {
				refused.Store(true)
			}
		}
	}
	var wg sync.WaitGroup
	for w := 1; w < min(workers, n); w++ {
		wg.Go(func() { work(w) })
	}
	work(0)
	wg.Wait()
}
