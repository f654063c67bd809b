package lqr

import (
	"fmt"
	"slices"
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Tied is a [Horizon] whose times share gains: with K gains G₀ … G_{K−1} as
// parameters,
//
//	Wₜ = G_{slot(t)},   C(G) = C_horizon(W),
//
// so a derivative along Z is the horizon's along (Z_{slot(t)})ₜ, and an entry
// of it the sum over the times that use that gain. One gain for all times, a
// gain for each phase of a period, gains held for several steps: all are Tied.
//
// Its LowerBound is that of a gain for each time, C* of the horizon, which tied
// gains do not attain in general; the Gap is measured from there. The best tied
// gains have no closed form and depend on Σ₀: they are for an outer method to
// find.
//
// It is immutable and safe for concurrent use. The cost is that of the horizon.
type Tied struct {
	h       *Horizon
	slots   []int
	gains   int       // K
	scratch sync.Pool // *tiedWorkspace
}

// Stationary returns the task with one gain for all times, Dim = r·d.
func (h *Horizon) Stationary() *Tied {
	return h.tied(make([]int, h.std.T), 1)
}

// Tie returns the task whose time t uses gain slots[t]. Gains are numbered from
// 0 and each is used; anything else, or another length than T, is a
// [*TaskError] around a [*SpecError].
func (h *Horizon) Tie(slots []int) (*Tied, error) {
	bad := func(problem string, value int) error {
		return &TaskError{Task: h.spec.Name, Err: &SpecError{Field: "gains", Problem: problem, Value: float64(value), HasValue: true}}
	}
	if len(slots) != h.std.T {
		return nil, bad(fmt.Sprintf("must say which gain each of the %d times uses", h.std.T), len(slots))
	}
	k := slices.Max(slots) + 1
	used := make([]bool, min(max(k, 1), h.std.T))
	for t, s := range slots {
		if s < 0 || s >= h.std.T {
			return nil, bad(fmt.Sprintf("at time %d must lie in 0 … %d", t, h.std.T-1), s)
		}
		used[s] = true
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, bad("leave one unused: no time uses gain", i)
	}
	return h.tied(slices.Clone(slots), k), nil
}

func (h *Horizon) tied(slots []int, k int) *Tied {
	t := &Tied{h: h, slots: slots, gains: k}
	t.scratch.New = func() any {
		dim := h.Dim()
		x := make([]float64, 3*dim)
		return &tiedWorkspace{x[:dim:dim], x[dim : 2*dim : 2*dim], x[2*dim:]}
	}
	return t
}

// A tiedWorkspace holds gains for all times.
type tiedWorkspace struct{ out, y, z []float64 }

// spread sets dst ← (x_{slot(t)})ₜ.
func (t *Tied) spread(dst, x []float64) {
	size := t.h.std.r * t.h.std.n
	for i, s := range t.slots {
		copy(part(dst, i, size), part(x, s, size))
	}
}

// gather sets dst to the sums of x over the times that share a gain, the
// transpose of spread.
func (t *Tied) gather(dst, x []float64) {
	size := t.h.std.r * t.h.std.n
	clear(dst)
	for i, s := range t.slots {
		d := part(dst, s, size)
		dense.Add(d, d, part(x, i, size))
	}
}

// Horizon is the task with a gain for each time.
func (t *Tied) Horizon() *Horizon { return t.h }

// Slots returns the number of the gain that each time uses. It is shared; do
// not modify it.
func (t *Tied) Slots() []int { return t.slots }

// Dim is K·r·d, the number of entries of the gains.
func (t *Tied) Dim() int { return t.gains * t.h.std.r * t.h.std.n }

// LowerBound is the cost of the best gain for each time.
func (t *Tied) LowerBound() float64 { return t.h.optimum.Cost }

// At implements [objective.Objective]; see [Tied.Evaluate].
func (t *Tied) At(x []float64) (objective.Point, error) {
	p, err := t.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Evaluate is [Horizon.Evaluate] at (x_{slot(t)})ₜ, with its errors.
func (t *Tied) Evaluate(x []float64) (*TiedPoint, error) {
	if len(x) != t.Dim() {
		panic("lqr: gains have the wrong length")
	}
	ws := t.scratch.Get().(*tiedWorkspace)
	defer t.scratch.Put(ws)
	t.spread(ws.z, x)
	p, err := t.h.Evaluate(ws.z)
	if err != nil {
		return nil, err
	}
	return &TiedPoint{t: t, at: p}, nil
}

// A TiedPoint is a [Tied] evaluated at its gains. It is immutable and safe for
// concurrent use.
type TiedPoint struct {
	t  *Tied
	at *HorizonPoint
}

// Horizon is the point of the task with a gain for each time.
func (p *TiedPoint) Horizon() *HorizonPoint { return p.at }

// Value is the cost.
func (p *TiedPoint) Value() float64 { return p.at.value }

// Gap is the cost above that of the best gain for each time; see
// [HorizonPoint.Gap].
func (p *TiedPoint) Gap() float64 { return p.at.Gap() }

// Grad sets dst to the gradient, of gain k the sum of 2 Eₜ Σₜ over the times
// that use it.
func (p *TiedPoint) Grad(dst []float64) {
	ws := p.t.scratch.Get().(*tiedWorkspace)
	defer p.t.scratch.Put(ws)
	p.at.Grad(ws.out)
	p.t.gather(dst, ws.out)
}

// HessVec sets dst ← ∇²C[Z]; see [HorizonPoint.HessVec].
func (p *TiedPoint) HessVec(dst, z []float64) {
	ws := p.t.scratch.Get().(*tiedWorkspace)
	defer p.t.scratch.Put(ws)
	p.t.spread(ws.z, z)
	p.at.HessVec(ws.out, ws.z)
	p.t.gather(dst, ws.out)
}

// Third sets dst ← ∇³C[Y, Z]; see [HorizonPoint.Third].
func (p *TiedPoint) Third(dst, y, z []float64) {
	ws := p.t.scratch.Get().(*tiedWorkspace)
	defer p.t.scratch.Put(ws)
	p.t.spread(ws.y, y)
	p.t.spread(ws.z, z)
	p.at.Third(ws.out, ws.y, ws.z)
	p.t.gather(dst, ws.out)
}

var (
	_ objective.Bounded = (*Tied)(nil)
	_ objective.Gapped  = (*TiedPoint)(nil)
	_ objective.Point3  = (*TiedPoint)(nil)
)
