package family

import (
	"runtime"

	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
)

// together is how many tasks are solved at a time.
const together = 4096

// A solver is Reader.Solve.
type solver func(specs []lqr.Spec) ([]*lqr.Task, []error)

func (rd Reader) solver() solver {
	if rd.Solve != nil {
		return rd.Solve
	}
	return oneByOne
}

// oneByOne is the solver that has no other idea than lqr.New.
func oneByOne(specs []lqr.Spec) ([]*lqr.Task, []error) {
	tasks, errs := make([]*lqr.Task, len(specs)), make([]error, len(specs))
	parallel.Each(len(specs), runtime.GOMAXPROCS(0), func(_, i int) bool {
		tasks[i], errs[i] = lqr.New(specs[i])
		return true
	})
	return tasks, errs
}

// solveAll fills F and G of tasks on an infinite horizon. errs[i] is that of task
// i, marked by innerError where G is the cause, and nil where it has none.
func (s solver) solveAll(tasks []*Task) (errs []error) {
	specs := make([]lqr.Spec, 0, len(tasks))
	for _, t := range tasks {
		specs = append(specs, t.Outer)
		if t.Inner != nil {
			specs = append(specs, *t.Inner)
		}
	}
	solved, failed := s(specs)
	errs = make([]error, len(tasks))
	k := 0
	for i, t := range tasks {
		t.F, errs[i] = solved[k], failed[k]
		t.G = t.F
		k++
		if t.Inner == nil {
			continue
		}
		t.G = solved[k]
		if errs[i] == nil && failed[k] != nil {
			errs[i] = innerError{failed[k]}
		}
		k++
	}
	return errs
}

// A queue is tasks of the list that are read and not solved yet.
type queue struct {
	tree     *tree
	defaults *taskDoc
	solve    solver
	docs     []taskDoc
	tasks    []int // where they are in Family.Tasks
}

// settle empties the queue. The error is that of the first task that has one.
func (f *Family) settle(q *queue) error {
	tasks := make([]*Task, len(q.tasks))
	for k, i := range q.tasks {
		tasks[k] = &f.Tasks[i]
	}
	for k, err := range q.solve.solveAll(tasks) {
		if err != nil {
			return f.taskError(q.tree, &q.docs[k], q.defaults, err)
		}
	}
	q.docs, q.tasks = q.docs[:0], q.tasks[:0]
	return nil
}
