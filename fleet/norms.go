package fleet

import (
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/objective"
)

// ExactNorms is the Dim up to which HessianNorms knows norms from both sides.
const ExactNorms = 64

// squarings is how often the Hessian is squared: ‖H‖₂ is then known to within
// the factor (r d)^(2^−(squarings+1)), 1 + 4e-12.
const squarings = 38

// iterations is how many steps of the power iteration are made where Dim
// exceeds ExactNorms.
const iterations = 60

// Norms are the 2-norms of the Hessians ∇²gᵢ(W) of the tasks as inner steps see
// them, at one gain.
//
// When Exact, each is within 1e-11 relative of the truth: with Hₖ the 2ᵏ-th power
// of H, ‖H‖₂ ≤ ‖Hₖ‖_F^(2⁻ᵏ) ≤ (r d)^(2⁻ᵏ⁻¹) ‖H‖₂, and k is large. Otherwise it is
// ‖H z‖ for a unit vector z after some steps of the power iteration, and so known
// from below only.
type Norms struct {
	Norms  []float64
	Max    float64
	At     int // the task of lowest index that has Max
	Exact  bool
	Redone int // tasks that lqr computed
}

// HessianNorms computes ‖∇²gᵢ(W)‖₂ for every task, in lanes: what the largest
// inner rate is chosen by. The errors are those of Evaluate.
func (f *Fleet) HessianNorms(x []float64) (*Norms, error) {
	if len(x) != f.Dim() {
		panic("fleet: gain has the wrong length")
	}
	h := newHessians(f)
	out := &Norms{Norms: make([]float64, f.tasks), Exact: h.exact}
	blocks := f.inner.blocks()
	errs, redone := make([]error, blocks), make([]int, blocks)
	slabs := make([][]kernel.Vec, f.workers())
	each(blocks, f.workers(), func(w, i int) bool {
		if slabs[w] == nil {
			slabs[w] = h.slab()
			broadcast(h.e.slots[0].w.Of(slabs[w]), x)
		}
		redone[i], errs[i] = h.block(slabs[w], f, i, x, out.Norms)
		return errs[i] == nil
	})
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		out.Redone += redone[i]
	}
	for i, v := range out.Norms {
		if v > out.Max {
			out.Max, out.At = v, i
		}
	}
	return out, nil
}

// hessians is an engine whose only slot is a gain, and the programs for its
// Hessian.
type hessians struct {
	e     *engine
	exact bool
	point [2]*kernel.Program

	// All of H, its powers and their norms squared.
	unit, h, h2 kernel.Mat
	norms       kernel.Mat
	power       *kernel.Program

	// z ← H z, and its norm squared.
	z       kernel.Mat
	norm    kernel.Mat
	product *kernel.Program
}

func newHessians(f *Fleet) *hessians {
	n, r := f.n, f.r
	dim := n * r
	h := &hessians{e: newEngine(n, r, Gradient, nil, false, false), exact: dim <= ExactNorms}
	l, s, d := &h.e.layout, &h.e.slots[0], &h.e.outer
	inverse := l.Mat(1, 1)
	h.z, h.norm = l.Mat(r, n), l.Mat(1, 1)
	if h.exact {
		h.unit, h.h, h.h2, h.norms = l.Mat(dim, dim), l.Mat(dim, dim), l.Mat(dim, dim), l.Mat(1, squarings+1)
	}
	column := func(p *kernel.Program, dst, z kernel.Mat) {
		t := &h.e.side
		h.e.along(p, s, d, z, t)
		p.MulScale(dst, 2, t.de, s.x)
		p.MulFMA(dst, dst, 2, s.e, t.dx)
	}
	for i := range 2 {
		p := new(kernel.Program)
		h.e.at(p, s, d, i == 1)
		p.Dot(h.e.size, s.e, s.e)
		if h.exact {
			for j := range dim {
				column(p, h.h.Tail(j*dim, r, n), h.unit.Tail(j*dim, r, n))
			}
		}
		h.point[i] = p.Done()
	}
	if h.exact {
		p := new(kernel.Program)
		for k := range squarings + 1 {
			now, next := h.h, h.h2
			if k%2 == 1 {
				now, next = h.h2, h.h
			}
			at := h.norms.Entry(0, k)
			p.Dot(at, now, now)
			if k == squarings {
				break
			}
			p.Cholesky(inverse, at, 1)
			p.Times(now, now, inverse)
			p.SymMul(next, now, now.T())
		}
		h.power = p.Done()
		return h
	}
	p := new(kernel.Program)
	p.Dot(h.norm, h.z, h.z)
	p.Cholesky(inverse, h.norm, 1)
	p.Times(h.e.direction, h.z, inverse)
	column(p, h.z, h.e.direction)
	p.Dot(h.norm, h.z, h.z)
	h.product = p.Done()
	return h
}

func (h *hessians) slab() []kernel.Vec {
	slab := h.e.slab()
	if h.exact {
		unit := h.unit.Of(slab)
		for j := range h.unit.Rows {
			for l := range kernel.Lanes {
				unit[j*h.unit.Rows+j][l] = 1
			}
		}
	}
	return slab
}

// block writes the norms of block i, and returns how many lqr computed.
func (h *hessians) block(slab []kernel.Vec, f *Fleet, i int, x, norms []float64) (redone int, err error) {
	e := h.e
	f.inner.load(slab, &e.outer, i)
	variant := 0
	if f.inner.uncertain[i] {
		variant = 1
	}
	kernel.Run(slab, h.point[variant])
	lanes := e.doubtful(slab, e.size)
	var found kernel.Vec
	if h.exact {
		kernel.Run(slab, h.power)
		found = rootOfPowers(h.norms.Of(slab))
	} else {
		z := h.z.Of(slab)
		for j := range z {
			for l := range kernel.Lanes {
				z[j][l] = 1 + math.Sin(float64(j)) // any vector will do
			}
		}
		for range iterations {
			kernel.Run(slab, h.product)
		}
		for l, v := range h.norm.Of(slab)[0] {
			found[l] = math.Sqrt(v)
		}
	}
	for l, v := range found {
		t := i*kernel.Lanes + l
		if t >= f.tasks {
			break
		}
		if v-v == 0 && lanes>>l&1 == 0 {
			norms[t] = v
			continue
		}
		task, err := f.task(t, true)
		if err != nil {
			return redone, &MemberError{Index: t, Err: err}
		}
		p, err := task.Evaluate(x)
		if err != nil {
			return redone, &MemberError{Member: task.Name(), Index: t, Err: err}
		}
		norms[t] = objective.Spectrum(p, task.Dim(), 0).Norm
		redone++
	}
	return redone, nil
}

// rootOfPowers is ‖H_k‖_F^(2⁻ᵏ) for the last k, from the squares of
// νⱼ = ‖Hⱼ‖_F, each Hⱼ being the square of the one before divided by its norm:
// the logarithm is Σ 2⁻ʲ log νⱼ.
func rootOfPowers(norms []kernel.Vec) (found kernel.Vec) {
	for l := range found {
		if norms[0][l] == 0 {
			continue
		}
		sum := 0.0
		for j := len(norms) - 1; j > 0; j-- {
			sum = (sum + 0.5*math.Log(norms[j][l])) / 2
		}
		found[l] = math.Sqrt(norms[0][l]) * math.Exp(sum)
	}
	return found
}
