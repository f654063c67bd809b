package fleet

import (
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
)

// A worker is a slab with what one goroutine does in it.
type worker struct {
	fleet *Fleet
	slab  []kernel.Vec
}

func (f *Fleet) worker() *worker { return f.pool.Get().(*worker) }

// start sets the gain of slot 0, and the direction where there is one, in all
// lanes.
func (w *worker) start(x, v []float64) {
	broadcast(w.fleet.engine.slots[0].w.Of(w.slab), x)
	broadcast(w.fleet.engine.direction.Of(w.slab), v)
}

func broadcast(dst []kernel.Vec, x []float64) {
	for i, v := range x {
		for l := range dst[i] {
			dst[i][l] = v
		}
	}
}

// load brings block i into the slab.
func (w *worker) load(i int) {
	f := w.fleet
	f.outer.load(w.slab, &f.engine.outer, i)
	f.outer.loadOptimum(w.slab, &f.engine.outer, i)
	if f.inner != f.outer {
		f.inner.load(w.slab, &f.engine.inner, i)
	}
}

// variant is the program for block i: 1 where some Σ₀ does not prove stability.
func (f *Fleet) variant(i int) int {
	if f.outer.uncertain[i] || f.inner.uncertain[i] {
		return 1
	}
	return 0
}

// doubtful returns a bit for every lane whose path cannot be believed: see the
// package comment. out is what was computed last, one number a lane, and has to
// be finite.
func (e *engine) doubtful(slab []kernel.Vec, out kernel.Mat) (lanes uint) {
	for k := range e.slots {
		lanes |= e.doubtfulAt(slab, out, k)
	}
	return lanes
}

// doubtfulAt is doubtful for slot k alone.
func (e *engine) doubtfulAt(slab []kernel.Vec, out kernel.Mat, k int) (lanes uint) {
	for l, v := range out.Of(slab)[0] {
		if v-v != 0 {
			lanes |= 1 << l
		}
	}
	s := &e.slots[k]
	lanes |= e.unproved(slab, s)
	if e.rule == GaussNewton && k < len(e.rates) {
		lanes |= e.drowned(slab, s)
	}
	return lanes
}

// unproved returns a bit for every lane of a slot whose closed loop was not
// shown to be stable, or whose residual lqr would correct.
//
// With X − A X Aᵀ = M + D as computed, ‖D‖_F ≤ ρ ‖X‖_F with ρ = 16 n ε (what
// evaluating D leaves, see matrixeq), and xᵢ = √Xᵢᵢ, y = |A| x, v = G x for the
// rounding G of A − B W, the true X − A′ X A′ᵀ is within
//
//	(2n + 4) ε yᵢ yⱼ + 2ε xᵢ xⱼ + vᵢ yⱼ + yᵢ vⱼ + vᵢ vⱼ
//
// of that, which is of norm at most τ ‖x‖², ‖x‖² = tr X ≤ √n ‖X‖_F, with
// τ = (2n + 4) ε ‖A‖² + 2ε + 2g‖A‖ + g² and g = (r + 4) ε (‖A‖ + ‖B‖ ‖W‖) ≥ ‖G‖.
func (e *engine) unproved(slab []kernel.Vec, s *slot) (lanes uint) {
	ρ := 16 * float64(e.n) * dense.Eps
	check, known := s.check.Of(slab), s.known.Of(slab)
	sum, bad := &s.pow.Sum.Of(slab)[0], &s.pow.Bad.Of(slab)[0]
	// The worst of all lanes, together: almost always good enough for all.
	var x, w, loop, a, b float64
	λ := math.Inf(1)
	for l := range kernel.Lanes {
		pivot := check[3][l]
		if ok := math.Float64bits(bad[l]) == 0 && check[0][l] <= ρ*ρ*check[1][l] && pivot > 0 && pivot <= math.MaxFloat64; !ok {
			lanes |= 1 << l
		}
		x, w, loop = max(x, check[1][l]), max(w, check[2][l]), max(loop, sum[l])
		λ, a, b = min(λ, known[0][l]), max(a, known[1][l]), max(b, known[2][l])
	}
	if e.positive(x, w, loop, λ, a, b) {
		return lanes
	}
	for l := range kernel.Lanes {
		if !e.positive(check[1][l], check[2][l], sum[l], known[0][l], known[1][l], known[2][l]) {
			lanes |= 1 << l
		}
	}
	return lanes
}

// positive says whether X − A′ X A′ᵀ ≻ 0 follows, from ‖X‖², ‖W‖², a bound on
// ‖A_W‖², λ, ‖A‖ and ‖B‖: see unproved.
func (e *engine) positive(x, w, loop, λ, a, b float64) bool {
	n, r := float64(e.n), float64(e.r)
	const slack = 1 + 1e-9 // for the rounding of the norms themselves
	g := (r + 4) * dense.Eps * (a + b*math.Sqrt(w))
	τ := (2*n+4)*dense.Eps*loop + 2*dense.Eps + g*(2*math.Sqrt(loop)+g)
	c := slack * (16*n*dense.Eps + math.Sqrt(n)*τ)
	return c*c*x < λ*λ
}

// drowned returns a bit for every lane in which S has lost R to rounding, by the
// test of lqr: a pivot that elimination reduces to the rounding of S.
func (e *engine) drowned(slab []kernel.Vec, s *slot) (lanes uint) {
	r := e.r
	c := 8 * float64(r+1) * dense.Eps
	ls, ss := s.ls.Of(slab), s.s.Of(slab)
	for i := range r {
		inverse, size := &ls[i*r+i], &ss[i*r+i]
		for l, v := range inverse {
			if !(1 > c*size[l]*(v*v)) {
				lanes |= 1 << l
			}
		}
	}
	return lanes
}

// evaluate computes value, gap and gradient of block i, redoing what lanes
// cannot be trusted with. paths receives what was redone.
func (w *worker) evaluate(i int, x []float64, paths *map[int]*path) error {
	f, e := w.fleet, w.fleet.engine
	w.load(i)
	kernel.Run(w.slab, e.evaluate[f.variant(i)])
	lanes := e.doubtful(w.slab, e.size)
	if lanes == 0 {
		return nil
	}
	out := e.out.Of(w.slab)
	for l := range kernel.Lanes {
		if lanes>>l&1 == 0 {
			continue
		}
		t := i*kernel.Lanes + l
		if t >= f.tasks { // of weight 0, and wanted finite
			for j := range out {
				out[j][l] = 0
			}
			continue
		}
		p, err := f.follow(t, x)
		if err != nil {
			return err
		}
		if *paths == nil {
			*paths = make(map[int]*path)
		}
		(*paths)[t] = p
		out[0][l], out[1][l] = p.outer.Value(), p.outer.Gap()
		for j, v := range p.gradient() {
			out[2+j][l] = v
		}
	}
	return nil
}

// product computes the Hessian-vector product of block i.
func (w *worker) product(i int, x, v []float64, known map[int]*path) error {
	f, e := w.fleet, w.fleet.engine
	w.load(i)
	kernel.Run(w.slab, e.hessian[f.variant(i)])
	lanes := e.doubtful(w.slab, e.size)
	if lanes == 0 && known == nil {
		return nil
	}
	out := e.product.Of(w.slab)
	for l := range kernel.Lanes {
		t := i*kernel.Lanes + l
		p := known[t]
		if lanes>>l&1 == 0 && p == nil {
			continue
		}
		if t >= f.tasks {
			for j := range out {
				out[j][l] = 0
			}
			continue
		}
		if p == nil {
			var err error
			if p, err = f.follow(t, x); err != nil {
				return err
			}
		}
		h := make([]float64, len(v))
		p.hessVec(h, v)
		for j, y := range h {
			out[j][l] = y
		}
	}
	return nil
}
