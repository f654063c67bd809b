package lqr

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Task is a checked [Spec] with its optimum: the cost C(W) on the set of
// stabilising gains, as an [objective.Objective] of Dim = r·d parameters, W row
// by row. It is immutable and safe for concurrent use.
type Task struct {
	spec    Spec
	std     *standard
	optimum Optimum
	lStar   []float64  // Cholesky factor of S* = R + BᵀP*B, r×r, of the standard form
	wStar   []float64  // W* in the standard form's coordinates
	scratch *sync.Pool // of *workspace; shared by all tasks of these dimensions
	solves  atomic.Int64
}

// An Optimum is a task's best gain.
type Optimum struct {
	Gain     matrixeq.Matrix // W*, r×d, in the caller's coordinates
	P        matrixeq.Matrix // P*, d×d
	Cost     float64         // C* = tr(P* Σ₀), and what noise costs between samples
	Radius   float64         // ρ(A − B W*), undiscounted
	Residual float64         // of the Riccati equation, relative, as measured by matrixeq
}

// New checks a spec, reduces it to the standard form and solves it. Every
// error is a [*TaskError] with the task's name around a [*SpecError], or around
// an error of matrixeq about a matrix (shape, symmetry, definiteness, NaN) or
// about the Riccati equation: a task that has no stabilising optimum is not a
// task. The cost is one Riccati solution.
func New(spec Spec) (*Task, error) {
	c, err := Check(spec)
	if err != nil {
		return nil, err
	}
	return c.Solve()
}

// Checked is a spec that passed the checks of [New] and was reduced to the
// standard form, before its Riccati equation is solved.
type Checked struct {
	spec Spec
	std  *standard
}

// Check is the part of [New] before the Riccati equation, with the same errors.
func Check(spec Spec) (*Checked, error) {
	f, err := spec.standard()
	if err != nil {
		return nil, &TaskError{Task: spec.Name, Err: err}
	}
	return &Checked{spec.clone(), f}, nil
}

// Standard returns the standard form. Its matrices are shared; do not modify
// them.
func (c *Checked) Standard() Standard { return c.std.export() }

// Solve is the rest of [New].
func (c *Checked) Solve() (*Task, error) {
	f := c.std
	n, r := f.n, f.r
	sol, err := matrixeq.Riccati(f.matrix(n, n, f.a), f.matrix(n, r, f.b), f.matrix(n, n, f.q), f.matrix(r, r, f.rr))
	if err != nil {
		return nil, &TaskError{Task: c.spec.Name, Err: err}
	}
	return c.with(sol.P, sol.Gain, sol.Residual, sol.Radius())
}

// Accept is Solve for who has solved the Riccati equation already: P and the
// gain W = (R + BᵀPB)⁻¹BᵀPA, r×d, of the standard form, which are kept and not
// copied. The caller vouches that A − B W is stable and that W is optimal to
// rounding; the residual is measured here, as matrixeq does. The error is a
// [*TaskError] as New has it, of an R that drowns in the rounding of BᵀPB.
//
// Cost: five products, and the eigenvalues of A − B W.
func (c *Checked) Accept(p, gain matrixeq.Matrix) (*Task, error) {
	f := c.std
	n, r := f.n, f.r
	if p.Rows != n || p.Cols != n || gain.Rows != r || gain.Cols != n {
		panic("lqr: a solution of other dimensions than the task")
	}
	loop := matrixeq.New(n, n)
	t, u := make([]float64, n*n), make([]float64, n*n)
	dense.Mul(loop.Data, f.b, gain.Data, n, r, n)
	dense.Sub(loop.Data, f.a, loop.Data)
	dense.CongruenceT(t, loop.Data, p.Data, u, n) // A_WᵀP A_W
	rw := make([]float64, r*n)
	dense.Mul(rw, f.rr, gain.Data, r, r, n)
	dense.SymmetricTN(u, gain.Data, rw, r, n)
	for i := range t {
		t[i] = ((f.q[i] + u[i]) - p.Data[i]) + t[i]
	}
	residual := dense.Norm(t)
	if size := dense.Norm(p.Data); size > 0 {
		residual /= size
	}
	radius, err := matrixeq.SpectralRadius(loop)
	if err != nil {
		radius = math.NaN() // as RiccatiSolution.Radius has it
	}
	return c.with(p, gain, residual, radius)
}

// with makes the task of a solution of its standard form; radius is that of the
// closed loop there.
func (c *Checked) with(p, gain matrixeq.Matrix, residual, radius float64) (*Task, error) {
	t, err := c.std.task(c.spec, p, gain, residual, radius)
	if err != nil {
		return nil, &TaskError{Task: c.spec.Name, Err: err}
	}
	return t, nil
}

func (f *standard) matrix(rows, cols int, data []float64) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: rows, Cols: cols, Data: data}
}

// task attaches a solution of the standard form, and the spec it came from.
func (f *standard) task(spec Spec, p, v matrixeq.Matrix, residual, radius float64) (*Task, error) {
	n, r := f.n, f.r
	f.absB = make([]float64, n*r)
	for i, x := range f.b {
		f.absB[i] = math.Abs(x)
	}
	t := &Task{spec: spec, std: f, wStar: v.Data}
	t.scratch = workspaces(n, r)

	bp := make([]float64, r*n)
	dense.MulTN(bp, f.b, p.Data, r, n, n)
	t.lStar = make([]float64, r*r)
	dense.Mul(t.lStar, bp, f.b, r, n, r)
	dense.Add(t.lStar, t.lStar, f.rr)
	dense.Symmetrize(t.lStar, r)
	if !dense.Cholesky(t.lStar, t.lStar, r) {
		return nil, &SpecError{Field: "R", Problem: "drowns in the rounding of BᵀP*B"}
	}

	gain := v.Clone()
	if f.shift != nil {
		for i := range gain.Data {
			gain.Data[i] += f.shift[i]
		}
	}
	t.optimum = Optimum{
		Gain: gain, P: p,
		Cost:     dense.Dot(p.Data, f.s0) + f.constant,
		Radius:   radius / f.sqrtDiscount,
		Residual: residual,
	}
	return t, nil
}

func (s Spec) clone() Spec {
	for _, m := range []*matrixeq.Matrix{&s.A, &s.B, &s.Q, &s.R, &s.N, &s.Sigma0, &s.Noise} {
		if !m.IsZero() {
			*m = m.Clone()
		}
	}
	s.X0 = slices.Clone(s.X0)
	return s
}

// Name is the task's name.
func (t *Task) Name() string { return t.spec.Name }

// States is d, the number of states.
func (t *Task) States() int { return t.std.n }

// Inputs is r, the number of inputs.
func (t *Task) Inputs() int { return t.std.r }

// Dim is r·d, the number of entries of a gain.
func (t *Task) Dim() int { return t.std.n * t.std.r }

// LowerBound is C*, the cost of the optimal gain.
func (t *Task) LowerBound() float64 { return t.optimum.Cost }

// Minimizer is W*, row by row.
func (t *Task) Minimizer() []float64 { return slices.Clone(t.optimum.Gain.Data) }

// Optimum returns the task's optimum. Its matrices are shared; do not modify
// them.
func (t *Task) Optimum() Optimum { return t.optimum }

// Spec returns the task as its user stated it. Its matrices are shared; do not
// modify them.
func (t *Task) Spec() Spec { return t.spec }

// Definite reports whether Σ₀ ≻ 0: what coercivity, a unique W* and every
// statement about the landscape need. A known initial state x₀ satisfies it
// only when d = 1.
func (t *Task) Definite() bool { return t.std.definite }

// Sigma0 returns the Σ₀ that the cost sees, noise and average cost included. It
// is shared; do not modify it.
func (t *Task) Sigma0() matrixeq.Matrix {
	return matrixeq.Matrix{Rows: t.std.n, Cols: t.std.n, Data: t.std.s0}
}

// Same reports whether two tasks have equal data in standard form, and so the
// same cost function. Their names may differ.
func (t *Task) Same(u *Task) bool {
	f, g := t.std, u.std
	return f.n == g.n && f.r == g.r && slices.Equal(f.a, g.a) && slices.Equal(f.b, g.b) &&
		slices.Equal(f.q, g.q) && slices.Equal(f.rr, g.rr) && slices.Equal(f.s0, g.s0) &&
		slices.Equal(f.shift, g.shift) && f.sqrtDiscount == g.sqrtDiscount && f.constant == g.constant
}

// Plant returns A and B as the gain acts on them: sampled, undiscounted, in the
// caller's coordinates. They are shared; do not modify them.
func (t *Task) Plant() (a, b matrixeq.Matrix) {
	f := t.std
	return matrixeq.Matrix{Rows: f.n, Cols: f.n, Data: f.plantA}, matrixeq.Matrix{Rows: f.n, Cols: f.r, Data: f.plantB}
}

// Discount is γ; 1 when there is none.
func (t *Task) Discount() float64 {
	if t.spec.Discount == 0 {
		return 1
	}
	return t.spec.Discount
}

// Solves is how many linear matrix equations have been solved for the task since
// it was made, the Riccati equation not among them: the unit in which methods are
// compared. An evaluation takes two, a Hessian product two, a third derivative
// six; a step of the natural or Gauss–Newton rule one for each product with its
// Jacobian or the transpose, and three for the derivative of that.
func (t *Task) Solves() int64 { return t.solves.Load() }

// Radius is ρ(A − B W) of the undiscounted plant at any gain, stabilising or
// not, by eigenvalues; +∞ where A − B W overflows. gain is W row by row.
func (t *Task) Radius(gain []float64) (float64, error) {
	f := t.std
	if len(gain) != f.n*f.r {
		panic("lqr: gain has the wrong length")
	}
	m := matrixeq.New(f.n, f.n)
	dense.Mul(m.Data, f.plantB, gain, f.n, f.r, f.n)
	for i, a := range f.plantA {
		m.Data[i] = a - m.Data[i]
	}
	if !dense.Finite(m.Data) {
		return math.Inf(1), nil
	}
	return matrixeq.SpectralRadius(m)
}

// standardGain returns the gain in the standard form's coordinates: x itself,
// or dst filled with x − R⁻¹Nᵀ.
func (t *Task) standardGain(dst, x []float64) []float64 {
	if t.std.shift == nil {
		return x
	}
	for i, s := range t.std.shift {
		dst[i] = x[i] - s
	}
	return dst
}

// closedLoop sets dst ← √γ (A − B W) for a gain in the caller's coordinates:
// the cross term cancels in it, and would only leave rounding.
func (f *standard) closedLoop(dst, gain []float64) {
	dense.Mul(dst, f.b, gain, f.n, f.r, f.n)
	dense.Sub(dst, f.loopA, dst)
}

// closedLoopRounding sets dst to a bound, entry by entry, on what floating
// point adds to √γ (A − B W), the scaling by √γ included:
// (r + 4) ε (|A| + |B| |W|). g (r×n) is a temporary.
func (f *standard) closedLoopRounding(dst, gain, g []float64) {
	for i, x := range gain {
		g[i] = math.Abs(x)
	}
	dense.Mul(dst, f.absB, g, f.n, f.r, f.n)
	c := float64(f.r+4) * dense.Eps
	for i, x := range f.loopA {
		dst[i] = c * (dst[i] + math.Abs(x))
	}
}

var (
	_ objective.Minimized = (*Task)(nil)
	_ objective.Gapped    = (*Point)(nil)
	_ objective.Point3    = (*Point)(nil)
)

// Damped returns the task with A and B multiplied by √γ, 0 < γ ≤ 1, on top of
// any discount of its own; Spec, Discount and Radius remain those of the task
// itself. Every gain is in the domain for γ small enough: raising γ step by
// step leads a search from any gain into the domain of the task.
//
// J. Perdomo, J. Umenberger, M. Simchowitz, NeurIPS 2021 (discount annealing).
func (t *Task) Damped(γ float64) (*Task, error) {
	if !(γ > 0 && γ <= 1) {
		return nil, &TaskError{Task: t.spec.Name, Err: &SpecError{Field: "damping", Problem: "must lie in (0, 1]", Value: γ, HasValue: true}}
	}
	f := *t.std
	c := math.Sqrt(γ)
	f.a, f.loopA, f.b = slices.Clone(f.a), slices.Clone(f.loopA), slices.Clone(f.b)
	dense.Scale(f.a, c, f.a)
	dense.Scale(f.loopA, c, f.loopA)
	dense.Scale(f.b, c, f.b)
	f.sqrtDiscount *= c
	return (&Checked{t.spec, &f}).Solve()
}
