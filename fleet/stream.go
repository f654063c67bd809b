package fleet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
)

// batch is how many tasks of a stream are held at a time.
const batch = 8192

// StreamOptions say how to evaluate a stream of tasks.
type StreamOptions struct {
	Options

	// Bound asks for the lower bound and the gap, and so for the Riccati
	// equation of every task: some three times the work.
	Bound bool

	Total    int            // tasks to come, if known
	Progress func(Progress) // called after every batch; may be nil
}

// Progress is how far a stream has come.
type Progress struct {
	Tasks, Total int           // Total is 0 where it is not known
	Rate         float64       // tasks a second, since the beginning
	Elapsed      time.Duration // since the beginning
	Left         time.Duration // at that rate; 0 where Total is not known
}

// A Streamed is the meta-objective over a stream of tasks at one gain.
type Streamed struct {
	Tasks           int
	Value           float64
	Grad            []float64
	LowerBound, Gap float64 // NaN unless asked for
	Redone          int     // evaluations that lqr did
	RiccatiRedone   int     // and Riccati equations
	Weights         float64 // their sum, which everything is divided by
	Bytes           int     // of tasks held at a time
}

// Stream evaluates the meta-objective at the gain x over tasks that come in
// chunks and are not kept: memory does not grow with their number. next returns
// the next chunk, of any size, and io.EOF after the last; the arrays of a chunk
// are not used after the following call. All chunks have the same dimensions.
//
// The bits of value and gradient, and of gap and bound, are those of a Fleet of
// the same tasks held. The errors are those of FromArrays and of Evaluate, with
// the index of the task in the stream, and those of next; what was read until
// then is lost.
func Stream(x []float64, next func() (Arrays, error), o StreamOptions) (*Streamed, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return stream{o: o, x: x, begin: time.Now()}.run(next)
}

// run takes all chunks.
func (s stream) run(next func() (Arrays, error)) (*Streamed, error) {
	for {
		chunk, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := s.take(&chunk); err != nil {
			return nil, err
		}
	}
	return s.finish()
}

type stream struct {
	o      StreamOptions
	x      []float64
	v      []float64 // of a product with the Hessian, in place of the rest; or nil
	begin  time.Time
	fleet  *Fleet // holds one batch
	solver *solver
	held   int // tasks in it
	gone   int // tasks evaluated before it
	level  int
	doubt  uint // lanes of a block set task by task, for which lqr has to solve
	sum    tree // of value, gap and gradient
	rest   node
	bounds tree // of costs and weights
	out    Streamed
}

// start makes the fleet when the first chunk says what it is about.
func (s *stream) start(a *Arrays) error {
	n, r := a.States, a.Inputs
	if len(s.x) != n*r {
		return &ArraysError{Name: "gain", Task: -1, Problem: fmt.Sprintf("has %d numbers, want %d", len(s.x), n*r)}
	}
	f := newFleet(batch, n, r, s.o.Options)
	f.outer = newStore(batch, n, r, a.form())
	f.outer.unit = unit(a, 1)
	f.inner = f.outer
	f.prepare()
	s.fleet = f
	if s.o.Bound {
		s.solver = newSolver(n, r, a.form())
	}
	s.level = run(f.outer.blocks(), f.workers())
	return nil
}

// take copies a chunk into the batch, evaluating it whenever it is full.
func (s *stream) take(a *Arrays) error {
	if err := a.check(); err != nil {
		return err
	}
	if s.fleet == nil {
		if err := s.start(a); err != nil {
			return err
		}
	}
	f := s.fleet
	if a.States != f.n || a.Inputs != f.r || a.form() != f.outer.form {
		return &ArraysError{Name: "chunk", Task: -1, Problem: "has other dimensions, or another choice of Sigma0, than the first"}
	}
	for lo := 0; lo < a.Tasks; {
		// Complete a block that an earlier chunk began, task by task; then
		// whole blocks, and the beginning of another.
		count := min(a.Tasks-lo, batch-s.held)
		if s.held%kernel.Lanes != 0 {
			count = min(count, kernel.Lanes-s.held%kernel.Lanes)
		} else if count >= kernel.Lanes {
			count -= count % kernel.Lanes
		}
		if err := s.put(a, lo, count); err != nil {
			return err
		}
		lo += count
		s.held += count
		if s.held == batch {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// put writes count tasks of a chunk behind those held.
func (s *stream) put(a *Arrays, lo, count int) error {
	f := s.fleet
	if s.held%kernel.Lanes == 0 && count%kernel.Lanes == 0 {
		redone, err := f.outer.fill(s.held, a, lo, lo+count, s.solver, f.workers())
		s.out.RiccatiRedone += redone
		return s.moved(err)
	}
	for t := lo; t < lo+count; t++ {
		ok, err := f.outer.set(s.held+t-lo, a, t)
		if err == nil && !ok {
			// lqr.New has to accept the task.
			_, err = (*solver)(nil).block(nil, f.outer, s.held+t-lo, 1, a, t, 1)
			s.doubt |= 1 << ((s.held + t - lo) % kernel.Lanes)
		}
		if err != nil {
			return s.moved(err)
		}
	}
	if i := (s.held + count - 1) / kernel.Lanes; (s.held+count)%kernel.Lanes == 0 {
		return s.solve(i, kernel.Lanes)
	}
	return nil
}

// solve seals block i, which was set task by task, and solves it.
func (s *stream) solve(i, count int) error {
	f := s.fleet
	f.outer.seal(i, count)
	if s.solver == nil {
		s.doubt = 0
		return nil
	}
	held := &held{f.outer}
	redone, err := s.solver.block(s.solver.slab(), f.outer, i*kernel.Lanes, count, held, i*kernel.Lanes, s.doubt)
	s.doubt = 0
	s.out.RiccatiRedone += redone
	return s.moved(err)
}

// held is a store as a source.
type held struct{ *store }

func (h *held) size() (tasks, n, r int) { return h.tasks, h.n, h.r }
func (h *held) weigh(i int) float64     { return h.weightOf(i) }
func (h *held) one(i int) (numbers, error) {
	s := h.spec(i)
	return numbers{a: s.A.Data, b: s.B.Data, q: s.Q.Data, r: s.R.Data, s0: s.Sigma0.Data}, nil
}

// moved adds the tasks that came before the batch to an error's index.
func (s *stream) moved(err error) error {
	var task *TaskError
	var member *MemberError
	var arrays *ArraysError
	switch {
	case errors.As(err, &task):
		task.Index += s.gone
	case errors.As(err, &member):
		member.Index += s.gone
	case errors.As(err, &arrays) && arrays.Task >= 0:
		arrays.Task += s.gone
	}
	return err
}

// flush evaluates the batch and forgets it.
func (s *stream) flush() error {
	f := s.fleet
	blocks := (s.held + kernel.Lanes - 1) / kernel.Lanes
	f.tasks = s.held
	counts := make([]int, blocks)
	which := 0
	if s.v != nil {
		which = 1
	}
	rest, err := f.into(&s.sum, blocks, s.level, which, s.x, s.v, func(w *worker, i int) error {
		if s.v != nil {
			return w.product(i, s.x, s.v, nil)
		}
		var paths map[int]*path
		err := w.evaluate(i, s.x, &paths)
		counts[i] = len(paths)
		return err
	})
	if err != nil {
		return s.moved(err)
	}
	s.rest = rest
	for i := range blocks {
		s.out.Redone += counts[i]
		f.outer.leaf(&s.bounds, i)
	}
	f.built.Clear()
	s.gone += s.held
	s.held = 0
	if s.o.Progress != nil {
		p := Progress{Tasks: s.gone, Total: s.o.Total, Elapsed: time.Since(s.begin)}
		p.Rate = float64(p.Tasks) / p.Elapsed.Seconds()
		if left := p.Total - p.Tasks; left > 0 {
			p.Left = time.Duration(float64(left) / p.Rate * float64(time.Second))
		}
		s.o.Progress(p)
	}
	return nil
}

func (s *stream) finish() (*Streamed, error) {
	if s.fleet == nil {
		return nil, &ArraysError{Name: "stream", Task: -1, Problem: "has no tasks"}
	}
	if s.held > 0 {
		if k := s.held % kernel.Lanes; k != 0 {
			if err := s.solve(s.held/kernel.Lanes, k); err != nil {
				return nil, err
			}
		}
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	sums := s.sum.total(s.rest)
	weights := s.bounds.total(nil)
	total := weights[1]
	for j := range sums {
		sums[j] /= total
	}
	s.out.Tasks = s.gone
	if s.v != nil {
		s.out.Grad = sums
		return &s.out, nil
	}
	s.out.Value, s.out.Gap, s.out.Grad = sums[0], sums[1], sums[2:]
	s.out.LowerBound = weights[0] / total
	s.out.Weights = math.Ldexp(total, s.fleet.outer.unit)
	s.out.Bytes = s.fleet.Bytes()
	if !s.o.Bound {
		s.out.LowerBound, s.out.Gap = math.NaN(), math.NaN()
	}
	if s.out.Value-s.out.Value != 0 || !dense.Finite(s.out.Grad) {
		return nil, &NotFiniteError{"the sum over tasks"}
	}
	return &s.out, nil
}
