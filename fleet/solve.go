package fleet

import (
	"runtime"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

const (
	// solveTasks is how many tasks of one size there are at least where Solve
	// solves them in lanes: below it, preparing the programs takes what lanes save.
	solveTasks = 64
	// solveStates is up to how many states: from a dozen on the elimination in the
	// doubling, which is plain Go, takes what the kernels save, and at 24 more.
	// BenchmarkSolve shows both.
	solveStates = 8
)

// Solve is lqr.New of many specs: tasks[i] or errs[i] of specs[i], the same errors
// and, to rounding, the same tasks. Riccati equations of the size of the first
// task are solved in lanes where that is faster: d ≤ 8, r ≤ d, and 64 tasks or more. A lane is
// believed where its closed loop is certified, the residual is rounding, and what
// another step of policy iteration would gain is below it, as in a fleet but with
// Σ₀ = I throughout; what cannot be vouched for is solved by lqr.
//
// workers is how many goroutines there are; 0 means GOMAXPROCS. The bits do not
// depend on it.
func Solve(specs []lqr.Spec, workers int) (tasks []*lqr.Task, errs []error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	tasks, errs = make([]*lqr.Task, len(specs)), make([]error, len(specs))
	checked := make([]*lqr.Checked, len(specs))
	const grain = 64 // specs handed out at a time
	parallel.Each((len(specs)+grain-1)/grain, workers, func(_, c int) bool {
		for i := c * grain; i < min(len(specs), (c+1)*grain); i++ {
			checked[i], errs[i] = lqr.Check(specs[i])
		}
		return true
	})
	u := unsolved{}
	var rest []int
	for i, c := range checked {
		if c == nil {
			continue
		}
		s := c.Standard()
		if u.n == 0 && s.A.Rows <= solveStates && s.B.Cols <= s.A.Rows {
			u.n, u.r = s.A.Rows, s.B.Cols
		}
		if s.A.Rows != u.n || s.B.Cols != u.r {
			rest = append(rest, i)
			continue
		}
		u.index = append(u.index, i)
		u.tasks = append(u.tasks, c)
	}
	if len(u.index) < solveTasks {
		rest, u.index = append(rest, u.index...), nil
	}
	parallel.Each(len(rest), workers, func(_, k int) bool {
		i := rest[k]
		tasks[i], errs[i] = checked[i].Solve()
		return true
	})
	if len(u.index) == 0 {
		return tasks, errs
	}

	solver := newSolver(u.n, u.r, form{})
	blocks := (len(u.index) + kernel.Lanes - 1) / kernel.Lanes
	slabs, stores := make([][]kernel.Vec, workers), make([]*store, workers)
	parallel.Each(blocks, workers, func(w, b int) bool {
		if slabs[w] == nil {
			slabs[w], stores[w] = solver.slab(), newStore(kernel.Lanes, u.n, u.r, form{solution: true})
		}
		first := b * kernel.Lanes
		pending := solver.specs(slabs[w], stores[w], &u, first)
		for lane := range min(kernel.Lanes, len(u.index)-first) {
			i, c := u.index[first+lane], u.tasks[first+lane]
			if pending>>lane&1 == 1 {
				tasks[i], errs[i] = c.Solve()
				continue
			}
			tasks[i], errs[i] = c.Accept(stores[w].solution(lane))
		}
		return true
	})
	return tasks, errs
}

// unsolved is checked tasks of one size as a source; index is where the caller
// has them.
type unsolved struct {
	n, r  int
	index []int
	tasks []*lqr.Checked
}

func (u *unsolved) size() (tasks, n, r int) { return len(u.tasks), u.n, u.r }

func (u *unsolved) weigh(int) float64 { return 1 }

// one has neither shift nor Σ₀: the Riccati equation does not.
func (u *unsolved) one(i int) (numbers, error) {
	s := u.tasks[i].Standard()
	return numbers{a: s.A.Data, b: s.B.Data, q: s.Q.Data, r: s.R.Data}, nil
}

// specs solves the block of tasks first and following in a store of one block,
// and returns a bit for every lane that it did not.
func (s *solver) specs(slab []kernel.Vec, st *store, u *unsolved, first int) (pending uint) {
	count := min(kernel.Lanes, len(u.tasks)-first)
	var doubt uint
	for lane := range count {
		if ok, err := st.set(lane, u, first+lane); err != nil || !ok {
			doubt |= 1 << lane
		}
	}
	st.seal(0, count)
	st.load(slab, &s.e.outer, 0)
	return doubt | s.solve(slab, st, 0)
}

// solution is what the solver found for a lane of the first block.
func (s *store) solution(lane int) (p, gain matrixeq.Matrix) {
	p, gain = matrixeq.New(s.n, s.n), matrixeq.New(s.r, s.n)
	getTriangle(p.Data, s.block(0), s.p, lane, s.n)
	get(gain.Data, s.block(0), s.gain, lane)
	return p, gain
}
