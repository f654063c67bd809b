package fleet

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A store holds tasks in blocks of eight, each block a run of Vecs: A, B, the
// lower triangles of Q, R and Σ₀, the weight, what certificates need, and the
// optimum. At d = 4, r = 2 that is 63 numbers a task, half a gigabyte for a
// million. What is missing in the last block is filled with a task of weight 0
// that any gain stabilises.
type store struct {
	n, r, tasks int
	form        form
	uncertain   []bool
	unit        int // weights are held in units of 2^unit

	// Offsets within a block, and its length.
	a, b, q, rr, s0, shift, constant, weight, known, gain, lStar, cost, p, stride int

	data []kernel.Vec
}

func triangle(n int) int { return n * (n + 1) / 2 }

func newStore(tasks, n, r int, of form) *store {
	s := &store{n: n, r: r, tasks: tasks, form: of}
	place := func(k int) int {
		at := s.stride
		s.stride += k
		return at
	}
	s.a, s.b = place(n*n), place(n*r)
	s.q, s.rr = place(triangle(n)), place(triangle(r))
	if of.sigma {
		s.s0 = place(triangle(n))
	}
	if of.shift {
		s.shift = place(r * n)
	}
	if of.constant {
		s.constant = place(1)
	}
	s.weight, s.known = place(1), place(3)
	s.gain, s.lStar, s.cost = place(r*n), place(triangle(r)), place(1)
	if of.solution {
		s.p = place(triangle(n))
	}
	s.data = make([]kernel.Vec, s.stride*s.blocks())
	s.uncertain = make([]bool, s.blocks())
	return s
}

func (s *store) blocks() int { return (s.tasks + kernel.Lanes - 1) / kernel.Lanes }

func (s *store) block(i int) []kernel.Vec {
	return s.data[i*s.stride : (i+1)*s.stride : (i+1)*s.stride]
}

// put writes a matrix, or the lower triangle of a symmetric one made exactly
// symmetric, into a lane of a block.
func put(block []kernel.Vec, at, lane int, x []float64) {
	for i, v := range x {
		block[at+i][lane] = v
	}
}

func putTriangle(block []kernel.Vec, at, lane int, x []float64, n int) {
	for i := range n {
		for j := range i + 1 {
			block[at][lane] = float64(0.5*x[i*n+j]) + float64(0.5*x[j*n+i])
			at++
		}
	}
}

func get(dst []float64, block []kernel.Vec, at, lane int) {
	for i := range dst {
		dst[i] = block[at+i][lane]
	}
}

func getTriangle(dst []float64, block []kernel.Vec, at, lane, n int) {
	for i := range n {
		for j := range i + 1 {
			v := block[at][lane]
			dst[i*n+j], dst[j*n+i] = v, v
			at++
		}
	}
}

// pad fills a lane with the task A = 0, B = 0, Q = R = Σ₀ = I of weight 0.
func (s *store) pad(block []kernel.Vec, lane int) {
	for i := range s.stride {
		block[i][lane] = 0
	}
	unit := func(at, n int) {
		for i := range n {
			block[at+triangle(i+1)-1][lane] = 1
		}
	}
	unit(s.q, s.n)
	unit(s.rr, s.r)
	unit(s.lStar, s.r)
	if s.form.sigma {
		unit(s.s0, s.n)
	}
	block[s.known][lane] = 1
}

// set writes task t of a source as task i. It returns whether quick vouches for
// the task.
func (s *store) set(i int, src source, t int) (ok bool, err error) {
	block, lane := s.block(i/kernel.Lanes), i%kernel.Lanes
	n, r := s.n, s.r
	x, err := src.one(t)
	if err != nil {
		return false, err
	}
	w := src.weigh(t)
	if !goodWeight(w) {
		return false, &ArraysError{Name: "Weights", Task: i, Problem: fmt.Sprintf("is %v, not positive and finite", w)}
	}
	put(block, s.a, lane, x.a)
	put(block, s.b, lane, x.b)
	putTriangle(block, s.q, lane, x.q, n)
	putTriangle(block, s.rr, lane, x.r, r)
	if s.form.sigma {
		s0 := x.s0
		if s0 == nil {
			s0 = identity[n]
		}
		putTriangle(block, s.s0, lane, s0, n)
	}
	if s.form.shift {
		put(block, s.shift, lane, zeros[:r*n])
		put(block, s.shift, lane, x.shift)
	}
	if s.form.constant {
		block[s.constant][lane] = x.constant
	}
	if w = math.Ldexp(w, -s.unit); math.IsInf(w, 1) {
		return false, &ArraysError{Name: "Weights", Task: i, Problem: "leaves float64 beside the first task's"}
	}
	block[s.weight][lane] = w
	ok, floor := quick(x.a, x.b, x.q, x.r, x.s0, n, r)
	block[s.known][lane] = floor
	block[s.known+1][lane] = dense.Norm(x.a)
	block[s.known+2][lane] = dense.Norm(x.b)
	return ok, nil
}

// seal completes block i, of which the lanes below count were set.
func (s *store) seal(i, count int) {
	block := s.block(i)
	for lane := count; lane < kernel.Lanes; lane++ {
		s.pad(block, lane)
	}
	s.uncertain[i] = false
	for _, floor := range block[s.known] {
		if !(floor > 0) {
			s.uncertain[i] = true
		}
	}
	if s.uncertain[i] {
		// The witness is the solution for I instead.
		for lane := range kernel.Lanes {
			block[s.known][lane] = 1
		}
	}
}

// zeros is the zero matrix of the largest size.
var zeros [maxStates * maxStates]float64

// identity[n] is I, n×n.
var identity = func() (m [maxStates + 1][]float64) {
	for n := range m {
		m[n] = make([]float64, n*n)
		dense.Identity(m[n], n)
	}
	return m
}()

// quick says whether a task surely passes the checks of lqr.New on its
// matrices, and returns λ with Σ₀ ⪰ λ I, 0 where it cannot be shown to be
// positive definite. A nil s0 is I.
func quick(a, b, q, rr, s0 []float64, n, r int) (ok bool, floor float64) {
	if !dense.Finite(a) || !dense.Finite(b) || !symmetric(q, n) || !symmetric(rr, r) {
		return false, 0
	}
	var w [maxStates * maxStates]float64
	if !cholesky(w[:], rr, r, 1-margin(r), 0) {
		return false, 0
	}
	// Semidefinite up to rounding: as lqr has it, 8 n ε of the largest entry.
	if !diagonal(q, n) && !cholesky(w[:], q, n, 1, 4*float64(n)*dense.Eps*dense.MaxAbs(q)) {
		return false, 0
	}
	if s0 == nil {
		return true, 1
	}
	if !symmetric(s0, n) || dense.MaxAbs(s0) == 0 {
		return false, 0
	}
	if diagonal(s0, n) {
		floor = s0[0]
		for i := range n {
			floor = min(floor, s0[i*n+i])
		}
		return true, floor
	}
	if !cholesky(w[:], s0, n, 1-margin(n), 0) {
		return cholesky(w[:], s0, n, 1, 4*float64(n)*dense.Eps*dense.MaxAbs(s0)), 0
	}
	// λ_min ≥ 1/‖L⁻¹‖_F², and half of it is shown by Cholesky.
	var inverse [maxStates * maxStates]float64
	copy(inverse[:n*n], identity[n])
	dense.ForwardSolve(w[:n*n], inverse[:n*n], n, n)
	norm := dense.Norm(inverse[:n*n])
	floor = 0.5 / (norm * norm)
	if !cholesky(w[:], s0, n, 1-margin(n), -floor) {
		floor = 0
	}
	return true, floor
}

// margin covers the rounding of a Cholesky factorisation, as in matrixeq.
func margin(n int) float64 { return 2 * float64(n) * float64(n+4) * dense.Eps }

// cholesky factors A with its diagonal multiplied by s and shifted.
func cholesky(l, a []float64, n int, s, shift float64) bool {
	copy(l, a[:n*n])
	for i := range n {
		l[i*n+i] = float64(s*a[i*n+i]) + shift
	}
	return dense.Cholesky(l[:n*n], l[:n*n], n)
}

// symmetric is matrixeq.CheckSymmetric.
func symmetric(a []float64, n int) bool {
	if !dense.Finite(a) {
		return false
	}
	limit := -1.0
	for i := range n {
		for j := range i {
			if x, y := a[i*n+j], a[j*n+i]; x != y {
				if limit < 0 {
					limit = 1e-12 * dense.MaxAbs(a)
				}
				if math.Abs(x-y) > limit {
					return false
				}
			}
		}
	}
	return true
}

// diagonal says whether a is diagonal without negative entries.
func diagonal(a []float64, n int) bool {
	for i := range n {
		for j := range n {
			if v := a[i*n+j]; i != j && v != 0 || v < 0 {
				return false
			}
		}
	}
	return true
}

// load copies a block into a slab.
func (s *store) load(slab []kernel.Vec, d *data, i int) {
	block := s.block(i)
	copy(d.block.Of(slab), block)
	if s.n > 1 {
		expand(d.q.Of(slab), block[s.q:], s.n)
		if s.form.sigma {
			expand(d.s0.Of(slab), block[s.s0:], s.n)
		}
	}
	if s.r > 1 {
		expand(d.rr.Of(slab), block[s.rr:], s.r)
	}
}

// loadOptimum expands the factor of S*.
func (s *store) loadOptimum(slab []kernel.Vec, d *data, i int) {
	if s.r == 1 {
		return
	}
	l, block, at := d.lStar.Of(slab), s.block(i), s.lStar
	for i := range s.r {
		for j := range i + 1 {
			l[i*s.r+j] = block[at]
			at++
		}
	}
}

func expand(dst, packed []kernel.Vec, n int) {
	at := 0
	for i := range n {
		for j := range i {
			dst[i*n+j] = packed[at]
			dst[j*n+i] = packed[at]
			at++
		}
		dst[i*n+i] = packed[at]
		at++
	}
}

// setOptimum writes a task's optimum, from lqr.
func (s *store) setOptimum(i int, t *lqr.Task) {
	n, r := s.n, s.r
	o := t.Optimum()
	block, lane := s.block(i/kernel.Lanes), i%kernel.Lanes
	put(block, s.gain, lane, o.Gain.Data)
	block[s.cost][lane] = o.Cost
	// S* = R + BᵀP*B.
	b, rr := make([]float64, n*r), make([]float64, r*r)
	get(b, block, s.b, lane)
	getTriangle(rr, block, s.rr, lane, r)
	bp, l := make([]float64, r*n), make([]float64, r*r)
	dense.MulTN(bp, b, o.P.Data, r, n, n)
	dense.Mul(l, bp, b, r, n, r)
	dense.Add(l, l, rr)
	dense.Symmetrize(l, r)
	dense.Cholesky(l, l, r) // lqr.New has done the same and succeeded
	at := s.lStar
	for i := range r {
		for j := range i + 1 {
			block[at][lane] = l[i*r+j]
			at++
		}
	}
}

// spec is task i as lqr states it; it is used of tasks without a shift or a
// constant alone.
func (s *store) spec(i int) lqr.Spec {
	n, r := s.n, s.r
	block, lane := s.block(i/kernel.Lanes), i%kernel.Lanes
	spec := lqr.Spec{A: matrixeq.New(n, n), B: matrixeq.New(n, r), Q: matrixeq.New(n, n), R: matrixeq.New(r, r)}
	get(spec.A.Data, block, s.a, lane)
	get(spec.B.Data, block, s.b, lane)
	getTriangle(spec.Q.Data, block, s.q, lane, n)
	getTriangle(spec.R.Data, block, s.rr, lane, r)
	if s.form.sigma {
		spec.Sigma0 = matrixeq.New(n, n)
		getTriangle(spec.Sigma0.Data, block, s.s0, lane, n)
	}
	return spec
}

// optimum is the gain and cost of task i.
func (s *store) optimum(i int) (gain []float64, cost float64) {
	block, lane := s.block(i/kernel.Lanes), i%kernel.Lanes
	gain = make([]float64, s.r*s.n)
	get(gain, block, s.gain, lane)
	return gain, block[s.cost][lane]
}

func (s *store) weightOf(i int) float64 {
	return s.block(i / kernel.Lanes)[s.weight][i%kernel.Lanes]
}

// bytes is the memory held.
func (s *store) bytes() int { return len(s.data)*8*kernel.Lanes + len(s.uncertain) }
