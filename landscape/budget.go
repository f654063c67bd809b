package landscape

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options bound and watch the work of [Problem.Prove]. The zero value has the
// defaults.
type Options struct {
	// Boxes is the most boxes that may be examined, the domain's and every
	// function's together; 0 means DefaultBoxes. Work is done in rounds that are
	// finished once begun.
	Boxes int
	// Time is the longest it may take, looked at between rounds; 0 means no
	// limit. Results limited by Boxes are the same on every machine, results
	// limited by Time are not.
	Time time.Duration
	// Workers is the number of goroutines; 0 means GOMAXPROCS. It changes no
	// bit of the result.
	Workers int
	// Progress, where not nil, is told now and then what is being done, how many
	// boxes have been examined and how many wait.
	Progress func(doing string, examined, waiting int)
}

// DefaultBoxes is the budget where none is given.
const DefaultBoxes = 1_000_000

// A meter counts what is spent.
type meter struct {
	ctx      context.Context
	o        Options
	begun    time.Time
	examined int
	spent    bool // the budget has run out
}

func newMeter(ctx context.Context, o Options) *meter {
	if o.Boxes <= 0 {
		o.Boxes = DefaultBoxes
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &meter{ctx: ctx, o: o, begun: time.Now()}
}

// round asks to examine n more boxes, and reports whether that is allowed.
func (m *meter) round(doing string, n int) bool {
	if m.o.Progress != nil {
		m.o.Progress(doing, m.examined, n)
	}
	if m.examined+n > m.o.Boxes || m.ctx.Err() != nil || m.o.Time > 0 && time.Since(m.begun) > m.o.Time {
		m.spent = true
	}
	if m.spent {
		return false
	}
	m.examined += n
	return true
}

// each calls f(worker, i) for every i below n, in parallel. What f writes must
// depend on i alone.
func (m *meter) each(n int, f func(worker, i int)) {
	workers := min(m.o.Workers, n)
	if workers <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(w, i)
			}
		})
	}
	wait.Wait()
}
