package parallel

import (
	"sync/atomic"
	"testing"
)

// Every index is handed out once; after a refusal all below the lowest refused
// have been, whatever the number of workers.
func TestEach(t *testing.T) {
	for workers := 1; workers <= 5; workers++ {
		for _, refuse := range []int{-1, 0, 17, 99} {
			var seen [100]atomic.Int32
			Each(len(seen), workers, func(w, i int) bool {
				if w < 0 || w >= workers {
					t.Errorf("worker %d of %d", w, workers)
				}
				seen[i].Add(1)
				return refuse < 0 || i != refuse && i != refuse+3
			})
			for i := range seen {
				n := seen[i].Load()
				if n > 1 || n == 0 && (refuse < 0 || i <= refuse) {
					t.Fatalf("%d workers, refusing %d: index %d was handed out %d times", workers, refuse, i, n)
				}
			}
		}
	}
	Each(0, 3, func(int, int) bool { t.Error("called for nothing"); return true })
}
