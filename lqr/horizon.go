package lqr

import (
	"fmt"
	"slices"
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Horizon is a checked [HorizonSpec] with its optimum: the cost of T steps
// under a gain for each time, aₜ = −Wₜ sₜ,
//
//	C(W₀, …, W_{T−1}),
//
// as an [objective.Objective] of Dim = T·r·d parameters, W₀ row by row, then
// W₁, and so on. [Horizon.Stationary] and [Horizon.Tie] are the same cost where
// times share a gain.
//
// The cost is a polynomial in the gains and so finite everywhere: there is no
// stabilising set to leave, only float64, whose limits are an [*OverflowError].
// With the discount inside A and B, and P_T = Q_T,
//
//	Fₜ = Aₜ − Bₜ Wₜ
//	Pₜ = Qₜ − NₜWₜ − WₜᵀNₜᵀ + WₜᵀRₜWₜ + Fₜᵀ Pₜ₊₁ Fₜ       cost to go
//	Σₜ₊₁ = Fₜ Σₜ Fₜᵀ + γᵗ⁺¹ Vₜ                         state correlation, γᵗ E[sₜsₜᵀ]
//	Sₜ = Rₜ + Bₜᵀ Pₜ₊₁ Bₜ
//	Eₜ = Rₜ Wₜ − Nₜᵀ − Bₜᵀ Pₜ₊₁ Fₜ
//	C  = tr(P₀ Σ₀) + Σₜ γᵗ⁺¹ tr(Pₜ₊₁ Vₜ),   ∂C/∂Wₜ = 2 Eₜ Σₜ.
//
// Every time and memory is linear in T. Per step, in products of d×d matrices
// where d > r: an evaluation three, a Hessian-vector product three and a half,
// a third derivative ten and a half.
//
// It is immutable and safe for concurrent use.
type Horizon struct {
	spec    HorizonSpec
	std     *stages
	optimum HorizonOptimum
	lStar   []float64 // Cholesky factors of Sₜ*, r×r each
	scratch sync.Pool // *horizonWorkspace
}

// A HorizonOptimum is the best gain for each time, by the backward Riccati
// recursion
//
//	Wₜ* = Sₜ*⁻¹ (Bₜᵀ Pₜ₊₁* Aₜ + Nₜᵀ),   P_T* = Q_T.
//
// It does not depend on Σ₀ and V. Where some Σₜ is singular, other gains cost
// the same.
type HorizonOptimum struct {
	Gains []float64         // W₀* … W_{T−1}*, as one vector of Dim parameters
	P     []matrixeq.Matrix // P₀* … P_T*, d×d
	Cost  float64           // C* = tr(P₀* Σ₀) + Σₜ γᵗ⁺¹ tr(Pₜ₊₁* Vₜ)
}

// NewHorizon checks a spec and solves it. Every error is a [*TaskError] with
// the task's name around a [*SpecError], or around an error of matrixeq about a
// matrix (shape, symmetry, definiteness, NaN), which names the time. That
// Rₜ + Bₜᵀ Pₜ₊₁ Bₜ is not positive definite is a
// *matrixeq.NotPositiveDefiniteError: no gain at t would be best. The cost is
// that of about two evaluations, and T checks of definiteness.
func NewHorizon(spec HorizonSpec) (*Horizon, error) {
	f, err := spec.stages()
	if err != nil {
		return nil, &TaskError{Task: spec.Name, Err: err}
	}
	h := &Horizon{spec: spec.clone(), std: f}
	h.scratch.New = func() any { return newHorizonWorkspace(f.n, f.r, f.T) }
	if err := h.solve(); err != nil {
		return nil, &TaskError{Task: spec.Name, Err: err}
	}
	return h, nil
}

// solve is the backward Riccati recursion. Pₜ is formed from the gain, as any
// gain's cost to go is: an error δ of the gain enters it as δᵀSδ only.
func (h *Horizon) solve() error {
	f := h.std
	n, r := f.n, f.r
	nn, rn := n*n, r*n
	gains, p := make([]float64, f.T*rn), make([]float64, (f.T+1)*nn)
	h.lStar = make([]float64, f.T*r*r)
	loop, e, s := make([]float64, nn), make([]float64, rn), make([]float64, r*r)
	ws := h.workspace()
	defer h.scratch.Put(ws)
	copy(p[f.T*nn:], f.terminal)
	for t := f.T - 1; t >= 0; t-- {
		pt, next, w := p[t*nn:(t+1)*nn], p[(t+1)*nn:(t+2)*nn], gains[t*rn:(t+1)*rn]
		// E at W = 0 is −(BᵀPA + Nᵀ), so a Newton step from there is W*; a
		// second one takes away what forming and solving rounded.
		var l []float64
		for range 2 {
			f.step(t, w, next, loop, e, s, pt, ws)
			if !dense.Finite(s) || !dense.Finite(e) {
				return h.unbounded(t)
			}
			if l == nil {
				name := fmt.Sprintf("R + BᵀPB at time %d", t)
				if err := matrixeq.CheckPositiveDefinite(name, matrixeq.Matrix{Rows: r, Cols: r, Data: s}); err != nil {
					return err
				}
				l = h.lStar[t*r*r : (t+1)*r*r]
				if !dense.Cholesky(l, s, r) {
					return &SpecError{Field: "R", Problem: fmt.Sprintf("drowns in the rounding of BᵀPB at time %d", t)}
				}
			}
			dense.CholeskySolve(l, e, r, n)
			dense.Sub(w, w, e)
		}
		f.step(t, w, next, loop, e, s, pt, ws)
		if !dense.Finite(pt) {
			return h.unbounded(t)
		}
	}
	h.optimum = HorizonOptimum{Gains: gains, Cost: f.cost(p)}
	for t := range f.T + 1 {
		h.optimum.P = append(h.optimum.P, matrixeq.Matrix{Rows: n, Cols: n, Data: p[t*nn : (t+1)*nn : (t+1)*nn]})
	}
	if c := h.optimum.Cost; c-c != 0 {
		return h.unbounded(0)
	}
	return nil
}

func (h *Horizon) unbounded(t int) error {
	return &SpecError{Field: "horizon", Problem: fmt.Sprintf("is too long for float64: even with the best gains the cost to go from time %d overflows; the horizon is", t), Value: float64(h.std.T), HasValue: true}
}

// step computes the quantities of time t at the gain w from next = Pₜ₊₁:
// loop ← Fₜ, e ← Eₜ, s ← Sₜ, p ← Pₜ.
func (f *stages) step(t int, w, next, loop, e, s, p []float64, ws *horizonWorkspace) {
	n, r := f.n, f.r
	a, b := f.a[t], f.b[t]
	k, m, g, g2 := ws.m1, ws.m2, ws.g1, ws.g2
	dense.Mul(loop, b, w, n, r, n)
	dense.Sub(loop, a, loop)
	dense.MulTN(g, b, next, r, n, n)
	dense.Mul(s, g, b, r, n, r)
	dense.Add(s, s, f.rr[t])
	dense.Symmetrize(s, r)
	dense.Mul(e, g, loop, r, n, n)
	dense.Mul(g, f.rr[t], w, r, r, n)
	dense.Sub(e, g, e)
	// Q − NW − WᵀNᵀ + WᵀRW = Q + X + Xᵀ with X = Wᵀ(½RW − Nᵀ).
	dense.Scale(g2, 0.5, g)
	if f.cross != nil {
		dense.Sub(e, e, f.cross[t])
		dense.Sub(g2, g2, f.cross[t])
	}
	dense.MulTN(m, w, g2, n, r, n)
	addTranspose(m, n)
	dense.Mul(k, next, loop, n, n, n)
	dense.SymmetricTN(p, loop, k, n, n)
	dense.Add(p, p, m)
	dense.Add(p, p, f.q[t])
}

// cost is tr(P₀ Σ₀) + Σₜ γᵗ⁺¹ tr(Pₜ₊₁ Vₜ), from P₀ … P_T one after another.
func (f *stages) cost(p []float64) float64 {
	nn := f.n * f.n
	c := dense.Dot(p[:nn], f.initial)
	for t, v := range f.noise {
		c += f.noiseWeight[t] * dense.Dot(p[(t+1)*nn:(t+2)*nn], v)
	}
	return c
}

// Name is the task's name.
func (h *Horizon) Name() string { return h.spec.Name }

// Steps is T, the number of inputs given.
func (h *Horizon) Steps() int { return h.std.T }

// States is d, the number of states.
func (h *Horizon) States() int { return h.std.n }

// Inputs is r, the number of inputs.
func (h *Horizon) Inputs() int { return h.std.r }

// Dim is T·r·d, the number of entries of the gains of all times.
func (h *Horizon) Dim() int { return h.std.T * h.std.r * h.std.n }

// LowerBound is C*, the cost of the optimal gains.
func (h *Horizon) LowerBound() float64 { return h.optimum.Cost }

// Minimizer is W₀* … W_{T−1}*, as one vector of Dim parameters.
func (h *Horizon) Minimizer() []float64 { return slices.Clone(h.optimum.Gains) }

// Optimum returns the best gain for each time. It is shared; do not modify it.
func (h *Horizon) Optimum() HorizonOptimum { return h.optimum }

// Spec returns the task as its user stated it. It is shared; do not modify it.
func (h *Horizon) Spec() HorizonSpec { return h.spec }

var (
	_ objective.Minimized = (*Horizon)(nil)
	_ objective.Gapped    = (*HorizonPoint)(nil)
	_ objective.Point3    = (*HorizonPoint)(nil)
)

// A horizonWorkspace holds the temporaries of one derivative.
type horizonWorkspace struct {
	m1, m2, m3, m4, m5, m6 []float64 // n×n
	g1, g2, g3, g4         []float64 // r×n
	u1                     []float64 // r×r
	all1, all2             []float64 // T times r×n
}

func newHorizonWorkspace(n, r, T int) *horizonWorkspace {
	arena := make([]float64, 6*n*n+4*r*n+r*r+2*T*r*n)
	take := func(k int) []float64 {
		s := arena[:k:k]
		arena = arena[k:]
		return s
	}
	nn, rn, rr := n*n, r*n, r*r
	return &horizonWorkspace{
		m1: take(nn), m2: take(nn), m3: take(nn), m4: take(nn), m5: take(nn), m6: take(nn),
		g1: take(rn), g2: take(rn), g3: take(rn), g4: take(rn),
		u1: take(rr), all1: take(T * rn), all2: take(T * rn),
	}
}

func (h *Horizon) workspace() *horizonWorkspace { return h.scratch.Get().(*horizonWorkspace) }
