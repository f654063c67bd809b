package fleet

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
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

// leastSquare is the least sum of squares that is believed: of less, much may have
// vanished below the normal numbers.
const leastSquare = 0x1p-900

// Norms are 2-norms of the Hessians ∇²gᵢ(W) of the tasks as inner steps see them,
// at one gain, or of another matrix of each task.
//
// When Exact, each is within 1e-11 relative of that of the matrix as computed: with
// Hₖ the 2ᵏ-th power of H, ‖H‖₂ ≤ ‖Hₖ‖_F^(2⁻ᵏ) ≤ (r d)^(2⁻ᵏ⁻¹) ‖H‖₂, and k is large. Otherwise it is
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
	out, err := f.norms(x, Gradient, []float64{0})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// StepNorms computes for every inner step k of the fleet how fast the step moves
// against its start, for each unit of rate,
//
//	‖(I − J_k)/η_k‖₂   at W_k = F_{k−1} ∘ … ∘ F_0 (W):
//
// ‖∇²gᵢ(W_k)‖₂ with gradient steps. The rates of the steps before count, that of
// the last does not. Dim must not exceed ExactNorms; else the error is an
// *UnsupportedError. The other errors are those of Evaluate, but that a task may
// be outside its domain after its last step.
func (f *Fleet) StepNorms(x []float64) ([]*Norms, error) {
	if f.Dim() > ExactNorms {
		return nil, &UnsupportedError{What: fmt.Sprintf("the Jacobians of %d parameters are too large; %d is the most", f.Dim(), ExactNorms)}
	}
	return f.norms(x, f.options.Rule, f.options.Rates)
}

func (f *Fleet) norms(x []float64, rule Rule, rates []float64) ([]*Norms, error) {
	if len(x) != f.Dim() {
		panic("fleet: gain has the wrong length")
	}
	h := newSlopes(f, rule, rates)
	out := make([]*Norms, len(rates))
	for k := range out {
		out[k] = &Norms{Norms: make([]float64, f.tasks), Exact: h.exact}
	}
	blocks := f.inner.blocks()
	errs, redone := make([]error, blocks), make([]int, blocks)
	slabs := make([][]kernel.Vec, f.workers())
	parallel.Each(blocks, f.workers(), func(w, i int) bool {
		if slabs[w] == nil {
			slabs[w] = h.slab()
			broadcast(h.e.slots[0].w.Of(slabs[w]), x)
		}
		redone[i], errs[i] = h.block(slabs[w], f, i, x, out)
		return errs[i] == nil
	})
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		for _, n := range out {
			n.Redone += redone[i]
		}
	}
	for _, n := range out {
		for i, v := range n.Norms {
			if v > n.Max {
				n.Max, n.At = v, i
			}
		}
	}
	return out, nil
}

// slopes is an engine for the gains W_0 … W_{K−1} alone, and the programs for
// the matrix M = (I − J)/η of the step at each of them, which for gradient steps
// is the Hessian.
type slopes struct {
	e     *engine
	rule  Rule
	rates []float64
	exact bool
	point [][2]*kernel.Program // for each k: the step to W_k, and what is known there

	// All of M, or of MᵀM where M is not symmetric, its powers and their norms
	// squared.
	unit, h, h2 kernel.Mat
	norms       kernel.Mat
	power       *kernel.Program

	// z ← M z, and its norm squared; of one step, and of a symmetric M.
	z       kernel.Mat
	norm    kernel.Mat
	product *kernel.Program
}

func newSlopes(f *Fleet, rule Rule, rates []float64) *slopes {
	n, r := f.n, f.r
	dim := n * r
	// A rate for every slot but the last, which has no step after it.
	between := rates[:max(0, len(rates)-1)]
	h := &slopes{e: newEngine(n, r, rule, between, false, f.inner.form, nil), rule: rule, rates: rates, exact: dim <= ExactNorms}
	e := h.e
	l, d := &e.layout, &e.outer
	inverse := l.Mat(1, 1)
	h.z, h.norm = l.Mat(r, n), l.Mat(1, 1)
	if h.exact {
		h.unit, h.h, h.h2, h.norms = l.Mat(dim, dim), l.Mat(dim, dim), l.Mat(dim, dim), l.Mat(1, squarings+1)
	}
	// dst ← M z.
	column := func(p *kernel.Program, s *slot, dst, z kernel.Mat) {
		t := &e.side
		switch rule {
		case Gradient:
			e.along(p, s, d, z, t)
			p.MulScale(dst, 2, t.de, s.x)
			p.MulFMA(dst, dst, 2, s.e, t.dx)
		case Natural:
			e.cost(p, s, d, z, t)
			p.Scale(dst, 2, t.de)
		case GaussNewton:
			e.cost(p, s, d, z, t)
			e.dU(p, s, d, t, e.g2)
			p.Scale(dst, 2, e.g2)
		}
	}
	for k := range rates {
		s := &e.slots[k]
		var programs [2]*kernel.Program
		for i := range programs {
			p := new(kernel.Program)
			if k > 0 {
				e.step(p, s.w, &e.slots[k-1], d, rates[k-1])
			}
			e.at(p, s, d, i == 1)
			if rule == GaussNewton { // for U, and the factor of S
				e.step(p, h.z, s, d, 0)
			}
			p.Dot(e.size, s.e, s.e)
			if h.exact {
				for j := range dim { // rows of Mᵀ
					column(p, s, h.h.Tail(j*dim, r, n), h.unit.Tail(j*dim, r, n))
				}
				if rule != Gradient {
					p.SymMul(h.h2, h.h, h.h.T())
					p.Copy(h.h, h.h2)
				}
			}
			programs[i] = p.Done()
		}
		h.point = append(h.point, programs)
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
	p.Times(e.direction, h.z, inverse)
	column(p, &e.slots[0], h.z, e.direction)
	p.Dot(h.norm, h.z, h.z)
	h.product = p.Done()
	return h
}

func (h *slopes) slab() []kernel.Vec {
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

// block writes the norms of block i, and returns how many tasks lqr computed.
func (h *slopes) block(slab []kernel.Vec, f *Fleet, i int, x []float64, norms []*Norms) (redone int, err error) {
	e := h.e
	f.inner.load(slab, &e.outer, i)
	variant := 0
	if f.inner.uncertain[i] {
		variant = 1
	}
	var lanes uint
	found := make([]kernel.Vec, len(h.point))
	for k, programs := range h.point {
		kernel.Run(slab, programs[variant])
		lanes |= e.doubtfulAt(slab, e.size, k)
		if h.rule == GaussNewton {
			lanes |= e.drowned(slab, &e.slots[k]) // of the last step, too
		}
		switch {
		case h.exact:
			kernel.Run(slab, h.power)
			for l, v := range h.norms.Of(slab)[0] {
				if v < leastSquare {
					lanes |= 1 << l
				}
			}
			found[k] = rootOfPowers(h.norms.Of(slab))
			if h.rule != Gradient { // of MᵀM
				for l, v := range found[k] {
					found[k][l] = math.Sqrt(v)
				}
			}
		default:
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
				if v < leastSquare {
					lanes |= 1 << l
				}
				found[k][l] = math.Sqrt(v)
			}
		}
		for l, v := range found[k] {
			if v-v != 0 {
				lanes |= 1 << l
			}
		}
	}
	for l := range kernel.Lanes {
		t := i*kernel.Lanes + l
		if t >= f.tasks {
			break
		}
		if lanes>>l&1 == 0 {
			for k := range found {
				norms[k].Norms[t] = found[k][l]
			}
			continue
		}
		if err := h.redo(f, t, x, norms); err != nil {
			return redone, err
		}
		redone++
	}
	return redone, nil
}

// redo is block for task t, by lqr.
func (h *slopes) redo(f *Fleet, t int, x []float64, norms []*Norms) error {
	task, err := f.task(t, true)
	if err != nil {
		return &MemberError{Index: t, Err: err}
	}
	fail := func(k int, err error) error {
		return &MemberError{Member: task.Name(), Index: t, Step: k, Err: err}
	}
	dim := f.Dim()
	for k := range norms {
		if h.rule == Gradient {
			p, err := task.Evaluate(x)
			if err != nil {
				return fail(k, err)
			}
			norms[k].Norms[t] = objective.Spectrum(p, dim, 0).Norm
		} else {
			norm, err := stepNorm(h.rule, task, x, dim)
			if err != nil {
				return fail(k, err)
			}
			norms[k].Norms[t] = norm
		}
		if k+1 == len(norms) {
			return nil
		}
		s, err := rule(h.rule, task, h.rates[k]).At(x)
		if err != nil {
			return fail(k, err)
		}
		if x = s.To(); !dense.Finite(x) {
			return fail(k+1, &NotFiniteError{"adapted parameter"})
		}
	}
	return nil
}

// stepNorm is ‖(I − J)/η‖₂ of a task's step, at a rate at which I leaves enough of
// η times it in J: three digits less at most.
func stepNorm(kind Rule, task *lqr.Task, x []float64, dim int) (float64, error) {
	for η := 1.0; ; η *= 0x1p40 {
		s, err := rule(kind, task, η).At(x)
		if err != nil {
			return 0, err
		}
		m := objective.DenseJacobian(s, dim)
		for j := range dim {
			m[j*dim+j]--
		}
		if _, norm := objective.SingularValues(m, dim); !(norm < 0x1p-10) || η > 0x1p900 {
			return norm / η, nil
		}
	}
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
