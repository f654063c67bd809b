//go:build unix

package fleet

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/maml"
)

// cpu is the processor time of the process so far, which other processes do not
// lengthen.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// many is tasks tasks, 500 different ones again and again, and a gain.
func many(b *testing.B, tasks, n, r int) sample {
	s := draw(b, 3, min(tasks, 500), n, r, 0.02, false)
	s.arrays.Weights = nil
	a := s.arrays
	for t, size := range map[*[]float64]int{&s.arrays.A: n * n, &s.arrays.B: n * r, &s.arrays.Q: n * n, &s.arrays.R: r * r} {
		long := make([]float64, tasks*size)
		for k := 0; k < len(long); {
			k += copy(long[k:], (*t)[:a.Tasks*size])
		}
		*t = long
	}
	s.arrays.Tasks = tasks
	return s
}

// best is the least time that peak has seen; what else runs on the machine can
// only lengthen it.
var best = math.Inf(1)

// peak is the rate of one core at a batched 4×4 product, in operations a second:
// the best of many short runs, in this call or an earlier one.
func peak() float64 {
	var l kernel.Layout
	x, y, z := l.Mat(4, 4), l.Mat(4, 4), l.Mat(4, 4)
	p := new(kernel.Program)
	for range 50 {
		p.Mul(z, x, y)
		p.Mul(y, x, z)
	}
	p.Done()
	slab := make([]kernel.Vec, 1024)
	flops := float64(kernel.Count(slab, p))
	for range 20000 {
		begin := time.Now()
		kernel.Run(slab, p)
		best = min(best, time.Since(begin).Seconds())
	}
	return flops / best
}

// rate reports operations a second and core, and their share of the peak.
func rate(b *testing.B, flops float64, tasks int, spent time.Duration) {
	perTask := spent.Seconds() / float64(b.N) / float64(tasks)
	b.ReportMetric(1e9*perTask, "cpu-ns/task")
	b.ReportMetric(flops/perTask/1e9, "GFLOP/s/core")
	b.ReportMetric(100*flops/perTask/peak(), "%peak")
}

// BenchmarkFleet is value and gradient, and the Hessian-vector product, of 1e5
// tasks with one gradient step; "times-meta" is how much longer maml.Meta takes
// for one of them, by processor time in the same run.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{1, 2, 4, 8, 12} {
		r := max(1, n/2)
		const tasks = 100_000
		s := many(b, tasks, n, r)
		small := s
		small.arrays.Tasks = 100
		small.arrays.A, small.arrays.B = s.arrays.A[:100*n*n], s.arrays.B[:100*n*r]
		small.arrays.Q, small.arrays.R = s.arrays.Q[:100*n*n], s.arrays.R[:100*r*r]
		list := small.tasks(b)
		o := Options{Rates: rates(b, list, s.x, Gradient, 1)}
		f, err := FromArrays(s.arrays, nil, o)
		if err != nil {
			b.Fatal(err)
		}
		p, err := f.Evaluate(s.x)
		if err != nil {
			b.Fatal(err)
		}
		// Operations a task, from the first 512.
		var flops [2]float64
		w := f.worker()
		w.start(s.x, s.x)
		for i := range 64 {
			w.load(i)
			flops[0] += float64(kernel.Count(w.slab, f.engine.evaluate[0])) / 512
			flops[1] += float64(kernel.Count(w.slab, f.engine.hessian[0])) / 512
		}
		h := meta(b, list, nil, nil, o)
		q, err := h.Evaluate(s.x)
		if err != nil {
			b.Fatal(err)
		}
		v := make([]float64, f.Dim())
		slow := func(body func()) float64 {
			begin := cpu()
			for range 10 {
				body()
			}
			return (cpu() - begin).Seconds() / 10 / 100
		}
		for k, c := range []struct {
			name        string
			fleet, meta func()
		}{
			{"gradient", func() { f.Evaluate(s.x) }, func() { h.Evaluate(s.x) }},
			{"product", func() { p.HessVec(v, s.x) }, func() { q.HessVec(v, s.x) }},
		} {
			b.Run(fmt.Sprintf("d=%d/%s", n, c.name), func(b *testing.B) {
				ours := slow(c.meta)
				begin := cpu()
				for b.Loop() {
					c.fleet()
				}
				spent := cpu() - begin
				rate(b, flops[k], tasks, spent)
				b.ReportMetric(ours/(spent.Seconds()/float64(b.N)/tasks), "times-meta")
			})
		}
	}
}

// BenchmarkMillion makes a fleet of a million tasks with d = 4, r = 2, and
// evaluates value and gradient.
func BenchmarkMillion(b *testing.B) {
	const tasks = 1_000_000
	s := many(b, tasks, 4, 2)
	few := s
	few.arrays.Tasks = 5
	few.arrays.A, few.arrays.B, few.arrays.Q, few.arrays.R = s.arrays.A[:80], s.arrays.B[:40], s.arrays.Q[:80], s.arrays.R[:20]
	o := Options{Rates: rates(b, few.tasks(b), s.x, Gradient, 1)}
	var f *Fleet
	b.Run("make", func(b *testing.B) {
		begin := cpu()
		for b.Loop() {
			var err error
			if f, err = FromArrays(s.arrays, nil, o); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpu()-begin).Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(f.Bytes())/1e6, "MB")
		b.ReportMetric(float64(f.Redone()), "redone")
	})
	b.Run("gradient", func(b *testing.B) {
		begin := cpu()
		for b.Loop() {
			if _, err := f.Evaluate(s.x); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpu()-begin).Seconds()/float64(b.N), "cpu-s/op")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/1e6, "process-MB")
	})
	b.Run("stream-of-10-million", func(b *testing.B) {
		begin := cpu()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for b.Loop() {
			left := 1000
			next := func() (Arrays, error) {
				if left--; left < 0 {
					return Arrays{}, io.EOF
				}
				a := s.arrays
				a.Tasks = tasks / 100
				a.A, a.B, a.Q, a.R = a.A[:16*a.Tasks], a.B[:8*a.Tasks], a.Q[:16*a.Tasks], a.R[:4*a.Tasks]
				return a, nil
			}
			out, err := Stream(s.x, next, StreamOptions{Options: o})
			if err != nil || out.Tasks != 10*tasks {
				b.Fatal(err)
			}
			b.ReportMetric(float64(out.Bytes)/1e6, "held-MB")
		}
		runtime.ReadMemStats(&after)
		b.ReportMetric((cpu()-begin).Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(after.Sys-before.Sys)/1e6, "grown-MB")
	})
	b.Run("stream", func(b *testing.B) {
		begin := cpu()
		for b.Loop() {
			if _, err := Stream(s.x, chunks(s.arrays, 10_000), StreamOptions{Options: o}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpu()-begin).Seconds()/float64(b.N), "cpu-s/op")
	})
}

// BenchmarkTrain is a whole training of 1e5 tasks with d = 4, r = 2, from
// another gain to a gradient norm of 1e-8 relative.
func BenchmarkTrain(b *testing.B) {
	s := many(b, 100_000, 4, 2)
	few := s
	few.arrays.Tasks = 5
	few.arrays.A, few.arrays.B, few.arrays.Q, few.arrays.R = s.arrays.A[:80], s.arrays.B[:40], s.arrays.Q[:80], s.arrays.R[:20]
	f, err := FromArrays(s.arrays, nil, Options{Rates: rates(b, few.tasks(b), s.x, Gradient, 1)})
	if err != nil {
		b.Fatal(err)
	}
	begin := cpu()
	for b.Loop() {
		iterations := -1
		state := &maml.State{X: append([]float64(nil), s.x...)}
		result, err := maml.Minimize(context.Background(), f, maml.NewtonCG{}, state, maml.Stop{Tolerance: 1e-8}, func(maml.Record) error {
			iterations++
			return nil
		})
		if err != nil || result.Status != maml.Converged {
			b.Fatal(result.Status, err)
		}
		b.ReportMetric(float64(iterations), "iterations")
	}
	b.ReportMetric((cpu()-begin).Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkHessianNorms is the norms of 1e5 Hessians with d = 4, r = 2.
func BenchmarkHessianNorms(b *testing.B) {
	const tasks = 100_000
	s := many(b, tasks, 4, 2)
	f, err := FromArrays(s.arrays, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	begin := cpu()
	for b.Loop() {
		if _, err := f.HessianNorms(s.x); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-begin).Seconds()/float64(b.N)/tasks*1e9, "cpu-ns/task")
}
