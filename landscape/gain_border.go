package landscape

import (
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// dampings and shares are tried for the Y of [gainPlant.floor].
var (
	dampings = []float64{1, 1 - 0x1p-10, 0.99, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2}
	shares   = []float64{1 - 0x1p-30, 1 - 0x1p-10, 0.95, 0.8, 0.5, 0.25}
)

// floor is a lower bound of C over the gains of a box that stabilise the plant;
// others may be in the box, and the box may hold none that does.
//
// If Y ⪯ M_W + LᵀYL, where M_W = Q − NW − WᵀNᵀ + WᵀRW, and L is stable, then
// P − Y ⪰ Lᵀ(P − Y)L, so that P ⪰ Y and C ≥ tr(YΣ₀) + constant. With Δ = W − W_c and
// E_Y = R W_c − Nᵀ − BᵀY L_c,
//
//	M_W + LᵀYL − Y = (M_c + L_cᵀYL_c − Y) + ΔᵀE_Y + E_YᵀΔ + Δᵀ(R + BᵀYB)Δ,
//
// of which the last term is not negative for Y ⪰ 0. Y is a part of the cost-to-go of
// the gain in the middle under a discount: it takes the place of a sum over
// finitely many steps, and one inequality that of many products of intervals.
func (p *gainPlant) floor(w interval.Matrix) float64 {
	least := p.best.Lo()
	n, r := p.a.Rows, p.r.Rows
	wc := interval.FromFloats(r, n, w.Mid())
	Δ := w.Sub(wc)
	loop := p.a.Sub(p.b.Mul(wc))
	nw, rw := p.n.Mul(wc), p.r.Mul(wc)
	m := p.q.Sub(nw).Sub(nw.T()).Add(wc.MulTN(rw)).Symmetrize()
	middle := matrixeq.Matrix{Rows: n, Cols: n, Data: m.Mid()}
	mirror(middle)
	for _, γ := range dampings {
		root := math.Sqrt(γ)
		damped := matrixeq.Matrix{Rows: n, Cols: n, Data: loop.Mid()}
		for k := range damped.Data {
			damped.Data[k] *= root
		}
		op, err := matrixeq.Prepare(damped)
		if err != nil {
			continue
		}
		y := matrixeq.New(n, n)
		op.SolveT(y.Data, middle.Data)
		mirror(y)
		whole := interval.FromFloats(n, n, y.Data)
		if !(interval.Dot(whole.Data, p.s0.Data).Add(p.constant).Hi() > least) || !whole.PositiveDefinite() {
			continue
		}
		for _, share := range shares {
			yy := whole.Scale(interval.Of(share))
			bound := interval.Dot(yy.Data, p.s0.Data).Add(p.constant).Lo()
			if !(bound > least) {
				break
			}
			yl := yy.Mul(loop)
			e := Δ.MulTN(rw.Sub(p.n.T()).Sub(p.b.MulTN(yl)))
			if m.Add(loop.MulTN(yl)).Sub(yy).Add(e).Add(e.T()).Symmetrize().PositiveDefinite() {
				least = bound
				break
			}
		}
	}
	return least
}

// LowerBound is a lower bound of h over the gains of a box that are in its domain,
// whether or not the box is; it is never below Σ λᵢCᵢ*. It takes the place of a
// test whether gains are stable: where it exceeds a level, no gain of the box has h
// below that.
//
// Where a box is not shown to stabilise the cost that an inner step sees, its
// cost c there is large, and with it the step. Comparing with W* step by step
// (M. Fazel, R. Ge, S. Kakade, M. Mesbahi, ICML 2018), with D = W − W*,
//
//	C − C* = tr(Σ*(2DᵀE − DᵀSD)) ≤ 2‖DΣ*‖ ‖E‖,
//	C − C* ≤ tr(Σ*EᵀS⁻¹E) ≤ ‖Σ*‖ ‖E‖²/λ(S*),    ‖∇C‖ = ‖2EΣ‖ ≥ 2λ(Σ₀)‖E‖,
//
// with λ the least eigenvalue, so that ‖F − W‖ ≥ δ for a δ that grows like c, and like
// √c wherever W is; and where F stabilises f,
//
//	C_f(F) − C_f* = tr(Σ_F (F − W*)ᵀS*(F − W*)) ≥ λ(Σ₀)λ(S*) (δ − ‖W − W*‖)².
//
// The Gauss–Newton step does not grow with c: there only Cᵢ* is known.
func (p *Gains) LowerBound(box interval.Box) float64 {
	var sum interval.Interval
	middle := box.Mid()
	off := make([]interval.Interval, len(box))
	point := interval.NewMatrix(p.rows, p.cols)
	for v, x := range box {
		off[v], point.Data[v] = x.AddFloat(-middle[v]), interval.Of(middle[v])
	}
	w := interval.Matrix{Rows: p.rows, Cols: p.cols, Data: box}
	for i := range p.tasks {
		c := p.tasks[i].lowest(w, point, off)
		if math.IsInf(c, 1) {
			return c
		}
		sum = sum.Add(p.tasks[i].λ.Mul(interval.Of(c)))
	}
	return sum.Lo()
}

// lowest is a lower bound of C_f(x_K).
func (t *gainTask) lowest(w, middle interval.Matrix, off []interval.Interval) float64 {
	if len(t.rates) == 0 {
		return t.f.floor(w)
	}
	s := gainSpaceOf(len(off), 1)
	var x, c *gainTrace
	at, steps, ok := t.path(gainSpaceOf(len(off), 0), middle, nil, nil)
	if ok {
		c = at
		at, steps, ok = t.path(s, w, c, off)
	}
	least := t.f.best.Lo()
	if x = at; ok {
		if least = t.f.floor(x.to[len(x.to)-1][0]); least > t.f.best.Lo() {
			return least
		}
		steps = 0
	}
	if steps != 0 || t.rule == family.RuleGaussNewton || len(t.rates) != 1 {
		return least
	}
	cost := interval.Of(t.g.floor(w))
	above := cost.Sub(t.g.best).Intersect(interval.New(0, infinity))
	if above.IsEmpty() {
		return least
	}
	e := above.Mul(interval.Of(leastEigenvalue(t.g.sOpt))).Div(interval.Of(t.g.sigmaOpt.NormFro())).Sqrt()
	if reach := interval.MulUp(2, w.Sub(t.g.opt).Mul(t.g.sigmaOpt).NormFro()); reach > 0 && reach <= maxFloat {
		e = interval.Of(max(e.Lo(), above.Div(interval.Of(reach)).Lo()))
	}
	δ := t.rates[0].Mul(e)
	if t.rule == family.RuleGradient {
		δ = δ.Mul(interval.Of(leastEigenvalue(t.g.s0)))
	}
	far := interval.SubDown(δ.Lo(), w.Sub(t.f.opt).NormFro())
	if !(far > 0) {
		return least
	}
	more := interval.Of(far).Sqr().Mul(interval.Of(leastEigenvalue(t.f.s0))).Mul(interval.Of(leastEigenvalue(t.f.sOpt)))
	return max(least, t.f.best.Add(more).Lo())
}

// leastEigenvalue is a lower bound of the eigenvalues of every symmetric matrix of m,
// 0 if it is not shown to be positive definite.
func leastEigenvalue(m interval.Matrix) float64 {
	low, high := 0.0, infinity
	for i := range m.Rows {
		high = min(high, m.At(i, i).Lo())
	}
	for range 30 {
		mid := high / 2
		if low > 0 {
			if high/low < 1.01 {
				break
			}
			mid = math.Sqrt(low) * math.Sqrt(high)
		}
		less := interval.NewMatrix(m.Rows, m.Cols)
		copy(less.Data, m.Data)
		for i := range m.Rows {
			less.Set(i, i, m.At(i, i).AddFloat(-mid))
		}
		if less.PositiveDefinite() {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
