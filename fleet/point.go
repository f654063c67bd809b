package fleet

import (
	"math"
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/internal/parallel"
)

// A Point is the meta-objective of a fleet at one gain. It is immutable and safe
// for concurrent use.
type Point struct {
	fleet      *Fleet
	x          []float64
	value, gap float64
	grad       []float64
	paths      map[int]*path // of the tasks that lqr computed

	memberOnce sync.Once
	members    []float64 // see MemberGrad
}

// Evaluate evaluates every task at the gain x, row by row: its inner steps, its
// cost and gap, and its gradient pulled back.
//
// The error is a *MemberError for the task of lowest index that has one; it
// matches objective.ErrDomain where x, or a gain of the path, does not stabilise
// the task, and where a number leaves float64. x of another length than Dim is a
// mistake of the program and panics.
func (f *Fleet) Evaluate(x []float64) (*Point, error) {
	if len(x) != f.Dim() {
		panic("fleet: gain has the wrong length")
	}
	p := &Point{fleet: f, x: append([]float64(nil), x...)}
	var mu sync.Mutex
	sums, err := f.over(0, p.x, nil, func(w *worker, i int) error {
		var paths map[int]*path
		if err := w.evaluate(i, p.x, &paths); err != nil {
			return err
		}
		if paths != nil {
			mu.Lock()
			defer mu.Unlock()
			if p.paths == nil {
				p.paths = make(map[int]*path)
			}
			for t, path := range paths {
				p.paths[t] = path
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.value, p.gap, p.grad = sums[0], sums[1], sums[2:]
	if p.value-p.value != 0 || !dense.Finite(p.grad) {
		return nil, &NotFiniteError{"the sum over tasks"}
	}
	return p, nil
}

// over runs body on every block and returns the weighted means of what it leaves
// to be summed.
func (f *Fleet) over(which int, x, v []float64, body func(w *worker, i int) error) ([]float64, error) {
	blocks, workers := f.outer.blocks(), f.workers()
	var t tree
	rest, err := f.into(&t, blocks, run(blocks, workers), which, x, v, body)
	if err != nil {
		return nil, err
	}
	sums := t.total(rest)
	for j := range sums {
		sums[j] /= f.total
	}
	return sums, nil
}

// into runs body on the blocks, and adds what it leaves to a tree whose nodes
// are of 2^level blocks. What is left over is returned.
func (f *Fleet) into(t *tree, blocks, level, which int, x, v []float64, body func(w *worker, i int) error) (rest node, err error) {
	runs := (blocks + 1<<level - 1) >> level
	nodes, errs := make([]node, runs), make([]error, runs)
	parallel.Each(runs, f.workers(), func(_, c int) bool {
		w := f.worker()
		defer f.pool.Put(w)
		w.start(x, v)
		lo, hi := c<<level, min(blocks, (c+1)<<level)
		for i := lo; i < hi; i++ {
			if err := body(w, i); err != nil {
				errs[c] = err
				return false
			}
			f.sums[which].leaf(w.slab, i-lo)
		}
		nodes[c] = f.sums[which].total(w.slab, hi-lo)
		return true
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for c, x := range nodes {
		if (c+1)<<level > blocks {
			return x, nil
		}
		t.add(x)
	}
	return nil, nil
}

// Value is h(W).
func (p *Point) Value() float64 { return p.value }

// Gap is h(W) − LowerBound(), the mean of the tasks' own gaps
// tr(Σ (W_K − W*)ᵀ S* (W_K − W*)): never negative, and accurate however small
// as far as W* is.
func (p *Point) Gap() float64 { return p.gap }

// Grad: dst ← ∇h(W); FO-MAML's direction, which is no gradient, where the
// fleet is FirstOrder.
func (p *Point) Grad(dst []float64) { copy(dst, p.grad) }

// Direction says why Grad is no gradient; it is empty where it is one. It makes
// a first-order fleet a maml.Directed.
func (p *Point) Direction() string {
	return p.fleet.options.direction()
}

// Redone is how many tasks lqr computed because their lanes did not vouch for
// themselves.
func (p *Point) Redone() int { return len(p.paths) }

// HessVec: dst ← ∇²h(W) v, exactly. Every path is evaluated again.
func (p *Point) HessVec(dst, v []float64) {
	if len(v) != p.fleet.Dim() {
		panic("fleet: direction has the wrong length")
	}
	sums, err := p.fleet.over(1, p.x, v, func(w *worker, i int) error { return w.product(i, p.x, v, p.paths) })
	if err != nil {
		// The same gain was evaluated before; only a product that overflows
		// where the value does not comes here.
		for j := range dst {
			dst[j] = math.NaN()
		}
		return
	}
	copy(dst, sums)
}
