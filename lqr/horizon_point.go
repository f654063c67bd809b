package lqr

import (
	"fmt"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A HorizonPoint is a [Horizon] evaluated at a gain for each time. It holds F,
// P, Σ, E and S of every time, so that a derivative costs one sweep back in
// time and one forth. It is immutable and safe for concurrent use.
type HorizonPoint struct {
	h     *Horizon
	wAll  []float64 // T times r×n
	fAll  []float64 // T times n×n, Fₜ
	eAll  []float64 // T times r×n
	sAll  []float64 // T times r×r
	pAll  []float64 // T+1 times n×n
	σAll  []float64 // T+1 times n×n
	value float64
}

// The quantities of one time.
func (p *HorizonPoint) loop(t int) []float64  { return part(p.fAll, t, p.h.std.n*p.h.std.n) }
func (p *HorizonPoint) e(t int) []float64     { return part(p.eAll, t, p.h.std.r*p.h.std.n) }
func (p *HorizonPoint) s(t int) []float64     { return part(p.sAll, t, p.h.std.r*p.h.std.r) }
func (p *HorizonPoint) p(t int) []float64     { return part(p.pAll, t, p.h.std.n*p.h.std.n) }
func (p *HorizonPoint) sigma(t int) []float64 { return part(p.σAll, t, p.h.std.n*p.h.std.n) }

// part is the t-th of equal parts.
func part(x []float64, t, size int) []float64 { return x[t*size : (t+1)*size : (t+1)*size] }

// At implements [objective.Objective]; see [Horizon.Evaluate].
func (h *Horizon) At(x []float64) (objective.Point, error) {
	p, err := h.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Evaluate runs the two recursions of the documentation of [Horizon] at the
// gains x, P backward in time and Σ forward. Where one of them leaves float64
// the error is an [*OverflowError]; a NaN or an infinity in x is a
// matrixeq.NotFiniteError within a [*TaskError]. x of another length than Dim
// is a mistake of the program and panics.
func (h *Horizon) Evaluate(x []float64) (*HorizonPoint, error) {
	f := h.std
	n, r, T := f.n, f.r, f.T
	nn, rn, rr := n*n, r*n, r*r
	if len(x) != T*rn {
		panic("lqr: gains have the wrong length")
	}
	if !dense.Finite(x) {
		for t := range T {
			if err := matrixeq.CheckFinite(fmt.Sprintf("gain[%d]", t), matrixeq.Matrix{Rows: r, Cols: n, Data: part(x, t, rn)}); err != nil {
				return nil, &TaskError{Task: h.spec.Name, Err: err}
			}
		}
	}
	arena := make([]float64, T*(2*rn+nn+rr)+2*(T+1)*nn)
	take := func(k int) []float64 {
		s := arena[:k:k]
		arena = arena[k:]
		return s
	}
	p := &HorizonPoint{h: h, wAll: take(T * rn), fAll: take(T * nn), eAll: take(T * rn), sAll: take(T * rr), pAll: take((T + 1) * nn), σAll: take((T + 1) * nn)}
	copy(p.wAll, x)
	ws := h.workspace()
	defer h.scratch.Put(ws)

	copy(p.p(T), f.terminal)
	for t := T - 1; t >= 0; t-- {
		f.step(t, part(x, t, rn), p.p(t+1), p.loop(t), p.e(t), p.s(t), p.p(t), ws)
	}
	copy(p.sigma(0), f.initial)
	for t := range T {
		dense.Congruence(p.sigma(t+1), p.loop(t), p.sigma(t), ws.m1, n)
		if f.noise != nil {
			dense.AddScaled(p.sigma(t+1), f.noiseWeight[t], f.noise[t])
		}
	}
	p.value = f.cost(p.pAll)
	switch {
	case !dense.Finite(p.pAll), !dense.Finite(p.sAll), !dense.Finite(p.eAll), p.value-p.value != 0:
		return nil, &OverflowError{Task: h.spec.Name, Quantity: "the cost"}
	case !dense.Finite(p.σAll):
		return nil, &OverflowError{Task: h.spec.Name, Quantity: "the state correlation"}
	}
	return p, nil
}

// Value is C(W₀, …, W_{T−1}).
func (p *HorizonPoint) Value() float64 { return p.value }

// Gap is
//
//	C(W) − C* = Σₜ tr(Σₜ (Wₜ−Wₜ*)ᵀ Sₜ* (Wₜ−Wₜ*)),
//
// by completing the square at every time from the last: never negative, and
// accurate however small it is, as [Point.Gap] is.
func (p *HorizonPoint) Gap() float64 {
	h := p.h
	n, r, T := h.std.n, h.std.r, h.std.T
	ws := h.workspace()
	defer h.scratch.Put(ws)
	gap := 0.0
	for t := range T {
		dense.Sub(ws.g1, part(p.wAll, t, r*n), part(h.optimum.Gains, t, r*n))
		dense.MulTN(ws.g2, part(h.lStar, t, r*r), ws.g1, r, r, n)
		if dense.Cholesky(ws.m1, p.sigma(t), n) {
			dense.Mul(ws.g3, ws.g2, ws.m1, r, n, n)
			gap += dense.Dot(ws.g3, ws.g3)
		} else {
			dense.Mul(ws.g3, ws.g2, p.sigma(t), r, n, n)
			gap += max(0, dense.Dot(ws.g3, ws.g2))
		}
	}
	return gap
}

// Grad sets dst ← 2 Eₜ Σₜ for every t.
func (p *HorizonPoint) Grad(dst []float64) {
	f := p.h.std
	for t := range f.T {
		d := part(dst, t, f.r*f.n)
		dense.Mul(d, p.e(t), p.sigma(t), f.r, f.n, f.n)
		dense.Scale(d, 2, d)
	}
}

// NaturalGrad sets dst ← 2 Eₜ for every t, the natural gradient.
func (p *HorizonPoint) NaturalGrad(dst []float64) {
	copy(dst, p.eAll)
	dense.Scale(dst, 2, dst)
}

// P returns Pₜ, 0 ≤ t ≤ T, shared; do not modify it.
func (p *HorizonPoint) P(t int) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: p.h.std.n, Cols: p.h.std.n, Data: p.p(t)}
}

// Sigma returns Σₜ = γᵗ E[sₜsₜᵀ], 0 ≤ t ≤ T, shared; do not modify it.
func (p *HorizonPoint) Sigma(t int) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: p.h.std.n, Cols: p.h.std.n, Data: p.sigma(t)}
}
