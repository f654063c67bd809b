package lqr

import (
	"errors"
	"math"
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Point is a task evaluated at a stabilising gain. It holds P, Σ, E, S and
// the powers of A_W, so that every derivative costs only its own right-hand
// sides. It is immutable and safe for concurrent use.
type Point struct {
	t  *Task
	op *matrixeq.Operator // X ↦ X − A_W X A_Wᵀ

	w     []float64 // r×n, standard coordinates
	aw    []float64 // A_W, n×n
	p     []float64 // n×n
	sigma []float64 // n×n
	sa    []float64 // Σ A_Wᵀ, n×n
	e     []float64 // r×n
	s     []float64 // S, r×r
	value float64
}

// At implements [objective.Objective]; see [Task.Evaluate].
func (t *Task) At(x []float64) (objective.Point, error) {
	p, err := t.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Evaluate solves the two equations of the package comment at the gain x, row
// by row. Where the gain does not stabilise, the error is an [*UnstableError].
// Stability is claimed from a power of norm below 1 or a Lyapunov inequality
// checked by Cholesky, for every matrix that A − B W may be within the rounding of
// forming it, not from eigenvalues. A cost beyond float64 is an [*OverflowError], and a NaN or an
// infinity in x a matrixeq.NotFiniteError within a [*TaskError].
// x of another length than Dim is a mistake of the program and panics.
func (t *Task) Evaluate(x []float64) (*Point, error) {
	f := t.std
	n, r := f.n, f.r
	if len(x) != n*r {
		panic("lqr: gain has the wrong length")
	}
	if err := matrixeq.CheckFinite("gain", matrixeq.Matrix{Rows: r, Cols: n, Data: x}); err != nil {
		return nil, &TaskError{Task: t.spec.Name, Err: err}
	}
	arena := make([]float64, 2*n*n+2*r*n+r*r+2*n*n)
	take := func(k int) []float64 {
		s := arena[:k:k]
		arena = arena[k:]
		return s
	}
	p := &Point{t: t, w: take(r * n), aw: take(n * n), p: take(n * n), sa: take(n * n), e: take(r * n), s: take(r * r)}
	copy(p.w, x)
	t.standardGain(p.w, x)
	f.closedLoop(p.aw, x)
	if !dense.Finite(p.aw) {
		inf := math.Inf(1)
		return nil, &UnstableError{Task: t.spec.Name, Radius: inf, Limit: 1 / f.sqrtDiscount, Upper: inf}
	}

	ws := t.scratch.Get().(*workspace)
	defer t.scratch.Put(ws)
	square := func(data []float64) matrixeq.Matrix { return matrixeq.Matrix{Rows: n, Cols: n, Data: data} }
	var err error
	f.closedLoopRounding(ws.m2, x, ws.g1)
	if f.definite {
		var sigma matrixeq.Matrix
		p.op, sigma, err = matrixeq.PrepareWithin(square(p.aw), square(ws.m2), square(f.s0))
		p.sigma = sigma.Data
		t.solves.Add(1)
	} else {
		p.op, _, err = matrixeq.PrepareWithin(square(p.aw), square(ws.m2), matrixeq.Matrix{})
		if err == nil {
			p.sigma = take(n * n)
			p.solve(p.sigma, f.s0)
		}
	}
	if err != nil {
		return nil, t.unstable(err)
	}

	p.stage(ws.m1, ws.g1)
	p.solveT(p.p, ws.m1)

	dense.MulNT(p.sa, p.sigma, p.aw, n, n, n)
	// BᵀP into ws.g2: S = R + BᵀPB, E = R W − BᵀP A_W.
	dense.MulTN(ws.g2, f.b, p.p, r, n, n)
	dense.Mul(p.s, ws.g2, f.b, r, n, r)
	dense.Add(p.s, p.s, f.rr)
	dense.Symmetrize(p.s, r)
	dense.Mul(p.e, ws.g2, p.aw, r, n, n)
	dense.Sub(p.e, ws.g1, p.e)
	p.value = dense.Dot(p.p, f.s0) + f.constant
	if math.IsInf(p.value, 0) || math.IsNaN(p.value) {
		return nil, &OverflowError{Task: t.spec.Name, Quantity: "the cost"}
	}
	return p, nil
}

// unstable turns matrixeq's report about A_W, which has the discount inside,
// into one about the caller's A − B W.
func (t *Task) unstable(err error) error {
	var u *matrixeq.UnstableError
	if !errors.As(err, &u) {
		return &TaskError{Task: t.spec.Name, Err: err}
	}
	c := 1 / t.std.sqrtDiscount
	return &UnstableError{Task: t.spec.Name, Radius: c * u.Radius, Limit: c, Lower: c * u.Lower, Upper: c * u.Upper}
}

// stage sets m ← Q + WᵀRW and g ← R W.
func (p *Point) stage(m, g []float64) {
	f := p.t.std
	dense.Mul(g, f.rr, p.w, f.r, f.r, f.n)
	dense.MulTN(m, p.w, g, f.n, f.r, f.n)
	dense.Add(m, m, f.q)
	dense.Symmetrize(m, f.n)
}

// Value is C(W) = tr(P Σ₀), and for a sampled plant with noise what that costs
// between samples, which no gain changes.
func (p *Point) Value() float64 { return p.value }

// Gap is C(W) − C* = tr(Σ (W−W*)ᵀ S* (W−W*)) = ‖L_Sᵀ (W−W*) L_Σ‖²_F with the
// Cholesky factors of S* and Σ: never negative, and accurate however small it
// is, as far as the rounding of W* and the conditioning of Σ allow. Where Σ is
// singular the trace is taken as it stands.
func (p *Point) Gap() float64 {
	t := p.t
	n, r := t.std.n, t.std.r
	ws := t.scratch.Get().(*workspace)
	defer t.scratch.Put(ws)
	dense.Sub(ws.g1, p.w, t.wStar)
	dense.MulTN(ws.g2, t.lStar, ws.g1, r, r, n)
	if dense.Cholesky(ws.m1, p.sigma, n) {
		dense.Mul(ws.g3, ws.g2, ws.m1, r, n, n)
		return dense.Dot(ws.g3, ws.g3)
	}
	dense.Mul(ws.g3, ws.g2, p.sigma, r, n, n)
	return max(0, dense.Dot(ws.g3, ws.g2))
}

// Grad sets dst ← ∇C(W) = 2 E Σ.
func (p *Point) Grad(dst []float64) {
	dense.Mul(dst, p.e, p.sigma, p.t.std.r, p.t.std.n, p.t.std.n)
	dense.Scale(dst, 2, dst)
}

// NaturalGrad sets dst ← ∇C(W) Σ⁻¹ = 2 E, the natural gradient.
func (p *Point) NaturalGrad(dst []float64) {
	copy(dst, p.e)
	dense.Scale(dst, 2, dst)
}

// GaussNewton sets dst ← 2 S⁻¹E, the Gauss–Newton direction: half of it leads
// to the gain of policy iteration, S⁻¹BᵀPA. The error is an [*OverflowError]
// where S is not positive definite in float64, BᵀPB having swallowed R.
func (p *Point) GaussNewton(dst []float64) error {
	l, err := p.factorS()
	if err != nil {
		return err
	}
	copy(dst, p.e)
	dense.CholeskySolve(l, dst, p.t.std.r, p.t.std.n)
	dense.Scale(dst, 2, dst)
	return nil
}

// factorS is the Cholesky factor of S.
func (p *Point) factorS() ([]float64, error) {
	r := p.t.std.r
	l := make([]float64, r*r)
	if !factorAboveRounding(l, p.s, r) {
		return nil, &OverflowError{Task: p.t.spec.Name, Quantity: "R + BᵀPB, in which R drowns,"}
	}
	return l, nil
}

// factorAboveRounding sets l to the Cholesky factor of S, r×r, or returns
// false. A pivot that elimination reduces to the rounding of S is noise: where
// inputs do nearly the same, R has drowned.
func factorAboveRounding(l, s []float64, r int) bool {
	ok := dense.Cholesky(l, s, r)
	for i := 0; ok && i < r; i++ {
		ok = l[i*r+i]*l[i*r+i] > 8*float64(r+1)*dense.Eps*s[i*r+i]
	}
	return ok
}

// P returns the cost-to-go matrix, shared; do not modify it.
func (p *Point) P() matrixeq.Matrix {
	return matrixeq.Matrix{Rows: p.t.std.n, Cols: p.t.std.n, Data: p.p}
}

// Sigma returns the state correlation Σ, shared; do not modify it.
func (p *Point) Sigma() matrixeq.Matrix {
	return matrixeq.Matrix{Rows: p.t.std.n, Cols: p.t.std.n, Data: p.sigma}
}

// Radius is ρ(A − B W), undiscounted, by eigenvalues: an estimate, where that
// it is below its limit has been checked otherwise. The cost is one
// eigenvalue problem.
func (p *Point) Radius() (float64, error) {
	n := p.t.std.n
	ρ, err := matrixeq.SpectralRadius(matrixeq.Matrix{Rows: n, Cols: n, Data: p.aw})
	return ρ / p.t.std.sqrtDiscount, err
}

// Residual is the greater of the relative residuals of the equations for P and
// Σ, measured: ‖X − A X Aᵀ − M‖_F / (‖X‖_F + ‖A X Aᵀ‖_F + ‖M‖_F).
func (p *Point) Residual() float64 {
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	p.stage(ws.m1, ws.g1)
	return max(p.op.Residual(p.sigma, p.t.std.s0), p.op.ResidualT(p.p, ws.m1))
}

// Condition is ‖(X ↦ X − A_W X A_Wᵀ)⁻¹‖, the factor by which the equation for Σ may
// amplify a residual in the 2-norm, and, by duality, that for P one in the
// trace norm.
func (p *Point) Condition() float64 { return p.op.InverseNorm() }

// A workspace holds the temporaries of one derivative.
type workspace struct {
	m1, m2, m3, m4, m5, m6 []float64 // n×n
	g1, g2, g3, g4, g5     []float64 // r×n
}

// pools are the pools of workspaces, by dimensions: a pool for each task would
// be most of the memory of a large family.
var pools sync.Map // [2]int → *sync.Pool

func workspaces(n, r int) *sync.Pool {
	key := [2]int{n, r}
	if p, ok := pools.Load(key); ok {
		return p.(*sync.Pool)
	}
	p, _ := pools.LoadOrStore(key, &sync.Pool{New: func() any { return newWorkspace(n, r) }})
	return p.(*sync.Pool)
}

func newWorkspace(n, r int) *workspace {
	nn, rn := n*n, r*n
	m := make([]float64, 6*nn+5*rn)
	return &workspace{
		m1: m[0*nn : 1*nn], m2: m[1*nn : 2*nn], m3: m[2*nn : 3*nn],
		m4: m[3*nn : 4*nn], m5: m[4*nn : 5*nn], m6: m[5*nn : 6*nn],
		g1: m[6*nn : 6*nn+rn], g2: m[6*nn+rn : 6*nn+2*rn], g3: m[6*nn+2*rn : 6*nn+3*rn],
		g4: m[6*nn+3*rn : 6*nn+4*rn], g5: m[6*nn+4*rn:],
	}
}

// solve and solveT solve X = A_W X A_Wᵀ + W and X = A_Wᵀ X A_W + W, and count.
func (p *Point) solve(dst, w []float64) {
	p.t.solves.Add(1)
	p.op.Solve(dst, w)
}

func (p *Point) solveT(dst, w []float64) {
	p.t.solves.Add(1)
	p.op.SolveT(dst, w)
}
