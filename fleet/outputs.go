package fleet

import (
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/matrixeq"
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
}

// Tasks evaluates the tasks at the point again, one by one.
func (p *Point) Tasks(want Want) (*Tasks, error) {
	f := p.fleet
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
	errs := make([]error, f.outer.blocks())
	each(len(errs), f.workers(), func(_, i int) bool {
		w := f.worker()
		defer f.pool.Put(w)
		w.start(p.x, nil)
		errs[i] = w.outputs(i, p, t)
		return errs[i] == nil
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// outputs writes what block i gives into t.
func (w *worker) outputs(i int, p *Point, t *Tasks) error {
	f, e := w.fleet, w.fleet.engine
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
		if redo := p.paths[at]; lanes>>l&1 == 1 || redo != nil {
			if redo == nil {
				var err error
				if redo, err = f.follow(at, p.x); err != nil {
					return err
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
	return nil
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
