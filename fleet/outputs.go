package fleet

import (
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// Want says what [Point.Tasks] is asked for beside values and gaps.
type Want struct {
	Gains     bool // W_K
	Gradients bool // of each task's part of h, not weighted
	Radii     bool // ρ(A − B W_K), by eigenvalues: some microseconds a task
}

// Tasks are the tasks one by one, by index.
type Tasks struct {
	Values    []float64 // Cᵢ(W_K)
	Gaps      []float64 // Cᵢ(W_K) − Cᵢ*, accurate however small
	Gains     []float64 // N×Dim
	Gradients []float64 // N×Dim
	Radii     []float64 // undiscounted; NaN where the eigenvalues did not converge

	// Errs has the *MemberError of every task that has one, all its numbers being
	// NaN. It is nil where none has, and of Point.Tasks.
	Errs []error
}

// Tasks evaluates the tasks at the point again, one by one.
func (p *Point) Tasks(want Want) (*Tasks, error) {
	t := p.fleet.each(p.x, p.paths, want)
	for _, err := range t.Errs { // a number that Evaluate had no need of
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Each evaluates every task by itself, at one gain, r·d numbers, or each at a
// gain of its own, N times as many. A task that fails, as outside its domain, has
// its error in Errs, and does not keep the others from theirs. gains of another
// length are a mistake of the program and panic.
func (f *Fleet) Each(gains []float64, want Want) *Tasks {
	if len(gains) != f.Dim() && len(gains) != f.Dim()*f.tasks {
		panic("fleet: gains have the wrong length")
	}
	return f.each(gains, nil, want)
}

func (f *Fleet) each(gains []float64, known map[int]*path, want Want) *Tasks {
	n, dim := f.tasks, f.Dim()
	t := &Tasks{Values: make([]float64, n), Gaps: make([]float64, n)}
	for _, c := range []struct {
		wanted bool
		dst    *[]float64
		size   int
	}{{want.Gains, &t.Gains, dim}, {want.Gradients, &t.Gradients, dim}, {want.Radii, &t.Radii, 1}} {
		if c.wanted {
			*c.dst = make([]float64, n*c.size)
		}
	}
	errs := make([][]error, f.outer.blocks())
	parallel.Each(len(errs), f.workers(), func(_, i int) bool {
		w := f.worker()
		defer f.pool.Put(w)
		errs[i] = w.outputs(i, gains, known, t)
		return true
	})
	for i, list := range errs {
		for l, err := range list {
			if err != nil {
				if t.Errs == nil {
					t.Errs = make([]error, n)
				}
				t.Errs[i*kernel.Lanes+l] = err
			}
		}
	}
	return t
}

// startAt sets the gains of slot 0 for block i, of one gain or one for each task.
func (w *worker) startAt(i int, gains []float64) {
	dim := w.fleet.Dim()
	if len(gains) == dim {
		w.start(gains, nil)
		return
	}
	x := w.fleet.engine.slots[0].w.Of(w.slab)
	for l := range kernel.Lanes {
		at := min(i*kernel.Lanes+l, w.fleet.tasks-1)
		for j := range dim {
			x[j][l] = gains[at*dim+j]
		}
	}
}

// gainOf is that of task i, of one gain or one for each.
func gainOf(gains []float64, i, dim int) []float64 {
	if len(gains) == dim {
		return gains
	}
	return gains[i*dim : (i+1)*dim : (i+1)*dim]
}

// outputs writes what block i gives into t, and returns the lanes' errors, if
// any.
func (w *worker) outputs(i int, gains []float64, known map[int]*path, t *Tasks) (errs []error) {
	f, e := w.fleet, w.fleet.engine
	w.startAt(i, gains)
	w.load(i)
	programs := e.values
	if t.Gradients != nil {
		programs = e.evaluate
	}
	kernel.Run(w.slab, programs[f.variant(i)])
	lanes := e.doubtful(w.slab, e.size)
	dim := f.Dim()
	out, gain, loop := e.out.Of(w.slab), e.last().w.Of(w.slab), e.last().aw.Of(w.slab)
	for l := range kernel.Lanes {
		at := i*kernel.Lanes + l
		if at >= f.tasks {
			break
		}
		if redo := known[at]; lanes>>l&1 == 1 || redo != nil {
			if redo == nil {
				var err error
				if redo, err = f.follow(at, gainOf(gains, at, dim)); err != nil {
					if errs == nil {
						errs = make([]error, kernel.Lanes)
					}
					errs[l] = err
					t.spoil(at, dim)
					continue
				}
			}
			t.Values[at], t.Gaps[at] = redo.outer.Value(), redo.outer.Gap()
			if t.Gains != nil {
				copy(t.Gains[at*dim:], redo.at[len(redo.at)-1])
			}
			if t.Gradients != nil {
				copy(t.Gradients[at*dim:], redo.gradient())
			}
			if t.Radii != nil {
				ρ, err := redo.outer.Radius()
				if err != nil {
					ρ = math.NaN()
				}
				t.Radii[at] = ρ
			}
			continue
		}
		t.Values[at], t.Gaps[at] = out[0][l], out[1][l]
		for j := range dim {
			if t.Gains != nil {
				t.Gains[at*dim+j] = gain[j][l]
			}
			if t.Gradients != nil {
				t.Gradients[at*dim+j] = out[2+j][l]
			}
		}
		if t.Radii != nil {
			t.Radii[at] = radius(loop, l, f.n)
			if list := f.given[0]; list != nil {
				t.Radii[at] /= math.Sqrt(list[at].Discount())
			}
		}
	}
	return errs
}

// spoil makes the numbers of task i NaN.
func (t *Tasks) spoil(i, dim int) {
	t.Values[i], t.Gaps[i] = math.NaN(), math.NaN()
	for _, list := range [][]float64{t.Gains, t.Gradients} {
		for j := i * dim; j < min(len(list), (i+1)*dim); j++ {
			list[j] = math.NaN()
		}
	}
	if t.Radii != nil {
		t.Radii[i] = math.NaN()
	}
}

// Jacobians writes those of all inner steps of the tasks lo … hi−1 at the point:
// for each task and step the Dim×Dim numbers of J, row by row. dst has
// (hi − lo)·K·Dim² of them. Each costs Dim products, as objective.DenseJacobian
// has it. A first-order fleet answers with J all the same.
func (p *Point) Jacobians(dst []float64, lo, hi int) error {
	f := p.fleet
	steps, dim := len(f.options.Rates), f.Dim()
	if lo < 0 || hi > f.tasks || lo > hi || len(dst) != (hi-lo)*steps*dim*dim {
		panic("fleet: no such tasks, or dst has the wrong length")
	}
	if lo == hi || steps == 0 {
		return nil
	}
	e := f.engine
	e.pushOnce.Do(e.preparePushes)
	first, last := lo/kernel.Lanes, (hi-1)/kernel.Lanes
	errs := make([]error, last-first+1)
	parallel.Each(len(errs), f.workers(), func(_, k int) bool {
		w := f.worker()
		defer f.pool.Put(w)
		w.start(p.x, nil)
		errs[k] = w.jacobians(first+k, p, dst, lo, hi)
		return errs[k] == nil
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) jacobians(i int, p *Point, dst []float64, lo, hi int) error {
	f, e := w.fleet, w.fleet.engine
	steps, dim := len(f.options.Rates), f.Dim()
	w.load(i)
	kernel.Run(w.slab, e.values[f.variant(i)])
	lanes := e.doubtful(w.slab, e.size)
	to := func(task, k int) []float64 {
		at := ((task-lo)*steps + k) * dim * dim
		return dst[at : at+dim*dim]
	}
	first := i * kernel.Lanes
	z, out := e.direction.Of(w.slab), e.product.Of(w.slab)
	for k, push := range e.pushes {
		for c := range dim {
			for j := range z {
				for l := range z[j] {
					z[j][l] = 0
					if j == c {
						z[j][l] = 1
					}
				}
			}
			kernel.Run(w.slab, push)
			for l := range kernel.Lanes {
				if t := first + l; t >= lo && t < hi {
					j := to(t, k)
					for r := range dim {
						j[r*dim+c] = out[r][l]
					}
				}
			}
		}
	}
	for l := range kernel.Lanes {
		t := first + l
		redo := p.paths[t]
		if t < lo || t >= hi || lanes>>l&1 == 0 && redo == nil {
			continue
		}
		if redo == nil {
			var err error
			if redo, err = f.follow(t, p.x); err != nil {
				return err
			}
		}
		for k, s := range redo.steps {
			copy(to(t, k), objective.DenseJacobian(s, dim))
		}
	}
	return nil
}

// Len is the number of tasks, as Algorithm 1 of package maml asks it.
func (p *Point) Len() int { return p.fleet.tasks }

// Weight is the normalised weight of task i.
func (p *Point) Weight(i int) float64 { return p.fleet.Weight(i) }

// MemberGrad is the gradient of task i, not weighted and not to be modified; of
// a first-order fleet, its direction. The first question evaluates all tasks
// again and keeps N·Dim numbers; an overflow since Evaluate leaves NaN.
func (p *Point) MemberGrad(i int) []float64 {
	p.memberOnce.Do(func() { p.members = p.fleet.each(p.x, p.paths, Want{Gradients: true}).Gradients })
	return gainOf(p.members, i, p.fleet.Dim())
}

// radius is ρ of one lane of an n×n matrix, by eigenvalues; NaN where they did
// not converge.
func radius(a []kernel.Vec, lane, n int) float64 {
	switch n {
	case 1:
		return math.Abs(a[0][lane])
	case 2:
		// λ = m ± √(m² − det), m² − det = ((a − d)/2)² + b c.
		p, q, r, s := a[0][lane], a[1][lane], a[2][lane], a[3][lane]
		m, h := (p+s)/2, (p-s)/2
		if d := h*h + q*r; d >= 0 {
			return math.Abs(m) + math.Sqrt(d)
		}
		return math.Sqrt(math.Abs(p*s - q*r))
	}
	m := matrixeq.New(n, n)
	get(m.Data, a, 0, lane)
	ρ, err := matrixeq.SpectralRadius(m)
	if err != nil {
		return math.NaN()
	}
	return ρ
}
