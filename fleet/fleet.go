package fleet

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// A Rule is a kind of inner step.
type Rule int

// The rules, as package lqr defines them.
const (
	Gradient    Rule = iota // W − η ∇C
	Natural                 // W − 2η E
	GaussNewton             // W − 2η S⁻¹E
)

func (r Rule) String() string {
	switch r {
	case Gradient:
		return "gradient"
	case Natural:
		return "natural"
	case GaussNewton:
		return "gauss-newton"
	}
	return fmt.Sprintf("Rule(%d)", int(r))
}

// Options say how tasks adapt. The zero value is no adaptation: h is then the
// mean cost.
type Options struct {
	Rule  Rule
	Rates []float64 // η of each of the K inner steps, finite

	// FirstOrder leaves the Jacobians of the inner steps out, as
	// maml.FirstOrder does: Grad is then a direction, no gradient.
	FirstOrder bool

	Workers int // goroutines; 0 means GOMAXPROCS
}

func (o *Options) check() error {
	if o.Rule < Gradient || o.Rule > GaussNewton {
		return &SettingError{Field: "Rule", Value: int(o.Rule), Want: "Gradient, Natural or GaussNewton"}
	}
	for k, η := range o.Rates {
		if math.IsNaN(η) || math.IsInf(η, 0) {
			return &SettingError{Field: fmt.Sprintf("Rates[%d]", k), Value: η, Want: "a finite number"}
		}
	}
	return nil
}

// direction says why gradients are none, if they are not.
func (o *Options) direction() string {
	if o.FirstOrder && len(o.Rates) > 0 {
		return "the Jacobian of the inner steps is left out"
	}
	return ""
}

// A Fleet is the meta-objective over its tasks. It is immutable and safe for
// concurrent use.
type Fleet struct {
	n, r, tasks int
	options     Options
	outer       *store
	inner       *store // what inner steps see; outer where they see the same
	engine      *engine
	sums        [2]summer // of value, gap and gradient; of a product
	bound       float64
	total       float64 // Σ weights, in the unit of the store
	redone      int
	given       [2][]*lqr.Task // outer and inner tasks, where the caller had them
	built       *sync.Map      // carefulKey → *lqr.Task
	pool        sync.Pool      // *worker
}

// given is tasks of lqr as a source.
type given struct {
	tasks   []*lqr.Task
	weights []float64
}

func (g *given) size() (tasks, n, r int) {
	return len(g.tasks), g.tasks[0].States(), g.tasks[0].Inputs()
}

func (g *given) weigh(i int) float64 {
	if g.weights == nil {
		return 1
	}
	return g.weights[i]
}

func (g *given) one(i int) (numbers, error) {
	s := g.tasks[i].Standard()
	return numbers{a: s.Loop.Data, b: s.B.Data, q: s.Q.Data, r: s.R.Data, s0: s.Sigma0.Data, shift: s.Shift.Data, constant: s.Constant}, nil
}

// form is what some of the tasks have.
func (g *given) form() (f form) {
	for _, t := range g.tasks {
		s := t.Standard()
		f.sigma = f.sigma || !slices.Equal(s.Sigma0.Data, identity[t.States()])
		f.shift = f.shift || !s.Shift.IsZero()
		f.constant = f.constant || s.Constant != 0
	}
	return f
}

// New makes a fleet of tasks that exist already; their optima are taken from
// them. weights may be nil: equal. inner is what the inner steps see, task by
// task; nil: the tasks themselves.
//
// All tasks have the same numbers of states, at most 32, and of inputs, at most
// that of states: else *UnsupportedError within a *TaskError, which matches
// ErrUnsupported. Cross terms, sample times, discounts, noise and average costs
// are what lqr made of them. maml.Meta takes the rest.
func New(tasks []*lqr.Task, weights []float64, inner []*lqr.Task, o Options) (*Fleet, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		return nil, &ArraysError{Name: "tasks", Task: -1, Problem: "are none"}
	}
	if weights != nil && len(weights) != len(tasks) {
		return nil, &ArraysError{Name: "weights", Task: -1, Problem: fmt.Sprintf("are %d for %d tasks", len(weights), len(tasks))}
	}
	if inner != nil && len(inner) != len(tasks) {
		return nil, &ArraysError{Name: "inner tasks", Task: -1, Problem: fmt.Sprintf("are %d for %d tasks", len(inner), len(tasks))}
	}
	n, r := tasks[0].States(), tasks[0].Inputs()
	if n > maxStates || r > n {
		return nil, &TaskError{Err: &UnsupportedError{What: fmt.Sprintf("%d states and %d inputs are not 1 to %d states and no more inputs", n, r, maxStates)}}
	}
	for _, list := range [][]*lqr.Task{tasks, inner} {
		for i, t := range list {
			if t.States() != n || t.Inputs() != r {
				return nil, &TaskError{Index: i, Err: &UnsupportedError{What: fmt.Sprintf("%d states and %d inputs where the first task has %d and %d", t.States(), t.Inputs(), n, r)}}
			}
		}
	}
	f := newFleet(len(tasks), n, r, o)
	f.given = [2][]*lqr.Task{tasks, inner}
	load := func(list []*lqr.Task, w []float64) (*store, error) {
		src := &given{list, w}
		s := newStore(len(list), n, r, src.form())
		s.unit = unit(src, len(list))
		return s, f.fill(s, src, nil)
	}
	var err error
	if f.outer, err = load(tasks, weights); err != nil {
		return nil, err
	}
	for i, t := range tasks {
		f.outer.setOptimum(i, t)
	}
	f.inner = f.outer
	if inner != nil {
		if f.inner, err = load(inner, nil); err != nil {
			return nil, err
		}
	}
	return f.finish()
}

// FromArrays makes a fleet of tensors, solving the Riccati equations of all
// tasks in lanes; those that cannot be vouched for there are solved by lqr.New,
// and counted by Redone. inner, which may be nil, is what the inner steps see;
// its Weights are ignored.
//
// The errors are *ArraysError, and of lowest index a *TaskError around what
// lqr.New says of a task that is not one.
func FromArrays(tasks Arrays, inner *Arrays, o Options) (*Fleet, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := tasks.check(); err != nil {
		return nil, err
	}
	f := newFleet(tasks.Tasks, tasks.States, tasks.Inputs, o)
	f.outer = newStore(tasks.Tasks, tasks.States, tasks.Inputs, tasks.form())
	f.outer.unit = unit(&tasks, tasks.Tasks)
	if err := f.fill(f.outer, &tasks, newSolver(f.n, f.r, tasks.form())); err != nil {
		return nil, err
	}
	f.inner = f.outer
	if inner != nil {
		if err := inner.check(); err != nil {
			return nil, err
		}
		if inner.Tasks != tasks.Tasks || inner.States != tasks.States || inner.Inputs != tasks.Inputs {
			return nil, &ArraysError{Name: "inner", Task: -1, Problem: "has other dimensions"}
		}
		seen := *inner
		seen.Weights = nil
		f.inner = newStore(inner.Tasks, inner.States, inner.Inputs, inner.form())
		if err := f.fill(f.inner, &seen, nil); err != nil {
			return nil, err
		}
	}
	return f.finish()
}

func newFleet(tasks, n, r int, o Options) *Fleet {
	o.Rates = append([]float64(nil), o.Rates...)
	return &Fleet{n: n, r: r, tasks: tasks, options: o, built: new(sync.Map)}
}

// prepare lays out the workers' slabs, when the stores are there.
func (f *Fleet) prepare() {
	var inner *form
	if f.inner != f.outer {
		inner = &f.inner.form
	}
	f.engine = newEngine(f.n, f.r, f.options.Rule, f.options.Rates, f.options.FirstOrder, f.outer.form, inner)
	l := &f.engine.layout
	f.sums[0] = newSummer(l, f.engine.out, f.engine.weight)
	f.sums[1] = newSummer(l, f.engine.product, f.engine.weight)
	f.pool.New = func() any { return &worker{fleet: f, slab: f.engine.slab()} }
}

// With is the fleet of the same tasks under other options. The tasks are shared,
// and are not held twice.
func (f *Fleet) With(o Options) (*Fleet, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	g := newFleet(f.tasks, f.n, f.r, o)
	g.outer, g.inner, g.bound, g.total, g.redone, g.given, g.built = f.outer, f.inner, f.bound, f.total, f.redone, f.given, f.built
	g.prepare()
	return g, nil
}

// fill fills a store from a source and, where there is a solver, its optima.
func (f *Fleet) fill(s *store, src source, solver *solver) error {
	redone, err := s.fill(0, src, 0, s.tasks, solver, f.workers())
	f.redone += redone
	return err
}

// fill writes the tasks lo … hi−1 of a source as task first and following, and
// solves them where there is a solver; first is a multiple of 8. It returns how
// many lqr solved, and the error of lowest index.
func (s *store) fill(first int, src source, lo, hi int, solver *solver, workers int) (redone int, err error) {
	const chunk = 64 * kernel.Lanes
	errs := make([]error, (hi-lo+chunk-1)/chunk)
	slabs := make([][]kernel.Vec, workers)
	_, vouched := src.(*given)
	var solved atomic.Int64
	parallel.Each(len(errs), workers, func(w, c int) bool {
		if slabs[w] == nil && solver != nil {
			slabs[w] = solver.slab()
		}
		for t := lo + c*chunk; t < min(hi, lo+(c+1)*chunk); t += kernel.Lanes {
			var doubt uint
			count := min(kernel.Lanes, hi-t)
			at := first + t - lo
			for lane := range count {
				ok, err := s.set(at+lane, src, t+lane)
				if err != nil {
					errs[c] = err
					return false
				}
				if !ok && !vouched {
					doubt |= 1 << lane
				}
			}
			s.seal(at/kernel.Lanes, count)
			k, err := solver.block(slabs[w], s, at, count, src, t, doubt)
			if err != nil {
				errs[c] = err
				return false
			}
			solved.Add(int64(k))
		}
		return true
	})
	for _, err := range errs {
		if err != nil {
			return int(solved.Load()), err
		}
	}
	return int(solved.Load()), nil
}

// finish sums weights and bounds, and prepares.
func (f *Fleet) finish() (*Fleet, error) {
	var t tree
	for i := range f.outer.blocks() {
		f.outer.leaf(&t, i)
	}
	sums := t.total(nil)
	f.total = sums[1]
	f.bound = sums[0] / f.total
	f.prepare()
	return f, nil
}

// leaf adds block i to a tree for Σ weight·cost and Σ weight.
func (s *store) leaf(t *tree, i int) {
	block := s.block(i)
	x := t.node(2)
	clear(x)
	for l, w := range block[s.weight] {
		x[0][l], x[1][l] = float64(w*block[s.cost][l]), w
	}
	t.add(x)
}

// Dim is r·d, the number of entries of a gain.
func (f *Fleet) Dim() int { return f.n * f.r }

// Len is the number of tasks.
func (f *Fleet) Len() int { return f.tasks }

// States and Inputs are d and r.
func (f *Fleet) States() int { return f.n }

// Inputs is r.
func (f *Fleet) Inputs() int { return f.r }

// LowerBound is Σ λᵢ Cᵢ*, which h cannot fall below and need not attain.
func (f *Fleet) LowerBound() float64 { return f.bound }

// Weight is the normalised weight λᵢ.
func (f *Fleet) Weight(i int) float64 { return f.outer.weightOf(i) / f.total }

// Optimum is the optimal gain W* of task i, r×d row by row, and its cost.
func (f *Fleet) Optimum(i int) (gain []float64, cost float64) { return f.outer.optimum(i) }

// Redone is how many Riccati equations lqr solved, because the lanes did not
// vouch for their own solution.
func (f *Fleet) Redone() int { return f.redone }

// Bytes is the memory that the tasks take.
func (f *Fleet) Bytes() int {
	b := f.outer.bytes()
	if f.inner != f.outer {
		b += f.inner.bytes()
	}
	return b
}

// At is Evaluate, as an objective.Objective has it.
func (f *Fleet) At(x []float64) (objective.Point, error) {
	p, err := f.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (f *Fleet) workers() int {
	if f.options.Workers > 0 {
		return f.options.Workers
	}
	return runtime.GOMAXPROCS(0)
}

var (
	_ objective.Bounded = (*Fleet)(nil)
	_ objective.Gapped  = (*Point)(nil)
)
