package check

import (
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// An expansion is h around the middle of a box of gains, all of which are in the domain:
//
//	∇h(W) ∈ ∇h(c) + ∇²h(box) (W − c).
type expansion struct {
	proof    *gainProof
	centers  []*route
	off      interval.Matrix // the box less its middle, as a column
	gradient interval.Matrix // in the middle, as a column
	hessian  interval.Matrix
}

// expand encloses h's derivatives over a box.
func (p *gainProblem) expand(box interval.Matrix) (*expansion, error) {
	middle := thin(mid(box))
	x := &expansion{proof: &gainProof{}, off: flat(box.Sub(middle))}
	value := interval.NewMatrix(box.Rows, box.Cols)
	for _, t := range p.tasks {
		center, err := t.follow(middle, nil)
		if err != nil {
			return nil, err
		}
		r, err := t.follow(box, center)
		if err != nil {
			return nil, err
		}
		if value, err = t.gradient(center, value); err != nil {
			return nil, err
		}
		x.centers, x.proof.routes = append(x.centers, center), append(x.proof.routes, r)
	}
	if err := p.curvature(x.proof); err != nil {
		return nil, err
	}
	x.gradient, x.hessian = flat(value), *x.proof.hessian
	if !bounded(x.gradient) || !bounded(x.hessian) {
		return nil, errUnbounded
	}
	return x, nil
}

// widest is the entry along which the gradient varies most over a box.
func (x *expansion) widest(b interval.Box) int {
	axis, most := b.Widest(), 0.0
	for k := range b {
		s := 0.0
		for i := range b {
			s += x.hessian.At(i, k).Mag()
		}
		if s *= b[k].Width(); s > most && s-s == 0 {
			axis, most = k, s
		}
	}
	return axis
}

// steep reports whether ∇h is zero nowhere in the box: along one of the entries, along
// ∇h in the middle, or along a row of the inverse Hessian there. Along v it is
// v·∇h(c) + vᵀ∇²h (W − c).
func (x *expansion) steep() bool {
	n := x.gradient.Rows
	rows := []matrixeq.Matrix{matrixeq.Identity(n), mid(x.gradient).T()}
	if inv, ok := inverse(mid(x.hessian)); ok {
		rows = append(rows, inv)
	}
	for _, m := range rows {
		if !isFinite(m) {
			continue
		}
		v := thin(m)
		for _, y := range v.Mul(x.gradient).Add(v.Mul(x.hessian).Mul(x.off)).Data {
			if y.Sign() != 0 {
				return true
			}
		}
	}
	return false
}

// saddle reports whether ∇²h has a direction of negative curvature all over the box:
// one of the entries, or an approximate eigenvector in the middle, from power
// iteration with ‖∇²h‖ I − ∇²h.
func (x *expansion) saddle() bool {
	n := x.hessian.Rows
	m := mid(x.hessian)
	size := norm(m)
	for k := range n {
		if x.hessian.At(k, k).Negative() {
			return true
		}
	}
	if !(size > 0) {
		return false
	}
	s := plus(matrixeq.Identity(n), -1/size, symmetric(m))
	for range 8 { // to the power 256
		s = product(s, s)
		y := norm(s)
		if !(y > 0) {
			return false
		}
		s = plus(s, 1/y-1, s)
	}
	best := 0
	for k := range n {
		if s.At(k, k) > s.At(best, best) {
			best = k
		}
	}
	v := matrixeq.Matrix{Rows: n, Cols: 1, Data: make([]float64, n)}
	for i := range n {
		v.Data[i] = s.At(i, best)
	}
	if !isFinite(v) {
		return false
	}
	e := thin(v)
	return e.MulTN(x.hessian.Mul(e)).At(0, 0).Negative()
}

// curved reports whether every symmetric matrix of m is positive definite.
func curved(m interval.Matrix) bool {
	s := m.Symmetrize()
	return bounded(s) && s.PositiveDefinite()
}

// apart reports whether, one map F being all tasks', F′ is nonsingular and F ≠ W* in the
// box, where ∇h = (F′)ᵀ2E(F)Σ̃ then has no zero.
func (p *gainProblem) apart(x *expansion) bool {
	j := x.proof.routes[0].all
	inv, ok := inverse(mid(j))
	if !ok || !bounded(j) {
		return false
	}
	c := thin(inv)
	if !(thin(matrixeq.Identity(j.Rows)).Sub(c.Mul(j)).NormInf() < 1) {
		return false
	}
	miss := flat(x.centers[0].end.Sub(p.tasks[0].best.gain))
	for _, m := range []interval.Matrix{thin(matrixeq.Identity(j.Rows)), c} {
		for _, y := range m.Mul(miss).Add(m.Mul(j).Mul(x.off)).Data {
			if y.Sign() != 0 {
				return true
			}
		}
	}
	return false
}

// value encloses h over the box: that in the middle, and the gradient over the box.
func (x *expansion) value(p *gainProblem) (interval.Interval, error) {
	var h interval.Interval
	for i, t := range p.tasks {
		g, err := t.outer.gapFrom(x.centers[i].end, t.best)
		if err != nil {
			return h, err
		}
		h = h.Add(t.λ.Mul(t.best.cost.Add(g)))
	}
	slope := x.gradient.Add(x.hessian.Mul(x.off))
	return h.Add(slope.MulTN(x.off).At(0, 0)), nil
}

// above reports whether h > level in the box.
func (x *expansion) above(p *gainProblem, level float64) bool {
	h, err := x.value(p)
	return err == nil && h.Lo() > level
}

// neverStable reports whether no matrix of l is stable. Where all eigenvalues λ of L
// are inside the unit circle, the factors of
//
//	det(I − L) = Π(1 − λᵢ),   det(I + L) = Π(1 + λᵢ),   det(I − Λ²L) = Π_{i<j}(1 − λᵢλⱼ)
//
// are positive or come in conjugate pairs, so that these are positive; and |det L| < 1,
// |tr Lᵐ| < n.
func neverStable(l interval.Matrix) bool {
	n := l.Rows
	if !bounded(l) {
		return false
	}
	one := thin(matrixeq.Identity(n))
	if determinant(one.Sub(l)).Hi() <= 0 || determinant(one.Add(l)).Hi() <= 0 || determinant(l).Mig() >= 1 {
		return true
	}
	if n > 1 {
		m := n * (n - 1) / 2
		compound := interval.NewMatrix(m, m)
		for r, i := 0, 0; i < n; i++ {
			for j := i + 1; j < n; j++ {
				for s, k := 0, 0; k < n; k++ {
					for q := k + 1; q < n; q++ {
						compound.Set(r, s, l.At(i, k).Mul(l.At(j, q)).Sub(l.At(i, q).Mul(l.At(j, k))))
						s++
					}
				}
				r++
			}
		}
		if determinant(thin(matrixeq.Identity(m)).Sub(compound)).Hi() <= 0 {
			return true
		}
	}
	power := l
	for range 5 {
		if power.Trace().Mig() >= float64(n) {
			return true
		}
		if power = power.Mul(power); !bounded(power) {
			return false
		}
	}
	return false
}

// determinant encloses det M by elimination, with the pivots that are surest not to be
// zero; everything where one may be.
func determinant(m interval.Matrix) interval.Interval {
	n := m.Rows
	a := interval.NewMatrix(n, n)
	copy(a.Data, m.Data)
	d := interval.Of(1)
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if a.At(i, k).Mig() > a.At(p, k).Mig() {
				p = i
			}
		}
		if k == n-1 {
			return d.Mul(a.At(k, k))
		}
		if a.At(p, k).Mig() == 0 {
			return interval.Entire()
		}
		if p != k {
			d = d.Neg()
			for j := range n {
				x, y := a.At(p, j), a.At(k, j)
				a.Set(p, j, y)
				a.Set(k, j, x)
			}
		}
		d = d.Mul(a.At(k, k))
		for i := k + 1; i < n; i++ {
			c := a.At(i, k).Div(a.At(k, k))
			for j := k + 1; j < n; j++ {
				a.Set(i, j, a.At(i, j).Sub(c.Mul(a.At(k, j))))
			}
		}
	}
	return d
}

// atLeast is a number not above C at those gains of w that stabilise the task; C* or
// more. Suppose Y ⪰ 0 and, for every W of w,
//
//	Y ⪯ M_W + A_WᵀYA_W,   M_W = Q − NW − WᵀNᵀ + WᵀRW.
//
// Where A_W is stable, P_W − Y is the sum of (A_Wᵀ)ᵏ(M_W + A_WᵀYA_W − Y)A_Wᵏ, and
// so C ≥ tr(YΣ₀) + constant. Y is a share of what the gain in the middle costs in
// finitely many steps.
func (t *linearTask) atLeast(w interval.Matrix) interval.Interval {
	best := interval.Interval{}
	found := false
	middle := mid(w)
	wc := thin(middle)
	loop := t.loop(wc)
	l := mid(loop)
	nw := product(mid(t.cross), middle)
	y := symmetric(plus(plus(mid(t.q), -2, nw), 1, product(product(middle.T(), mid(t.r)), middle)))
	power := l
	spread := w.Sub(wc)
	stage := t.q.Sub(t.cross.Mul(wc)).Sub(t.cross.Mul(wc).T()).Add(wc.MulTN(t.r.Mul(wc))).Symmetrize()
	for range 14 {
		if !isFinite(y) || !isFinite(power) {
			break
		}
		for _, share := range [...]float64{1 - 0x1p-20, 0.98, 0.9, 0.75, 0.5} {
			z := thin(plus(matrixeq.New(y.Rows, y.Cols), share, y))
			c := inner(z, t.s0).Add(t.constant)
			if found && c.Lo() <= best.Lo() {
				break
			}
			if !z.PositiveDefinite() {
				break
			}
			// (W_c + D): M and AᵀYA in the middle, D'E + EᵀD, and Dᵀ(R + BᵀYB)D ⪰ 0.
			za := z.Mul(loop)
			e := t.r.Mul(wc).Sub(t.cross.T()).Sub(t.b.MulTN(za))
			cross := spread.MulTN(e)
			rest := stage.Add(loop.MulTN(za)).Sub(z).Add(cross).Add(cross.T()).Symmetrize()
			if bounded(rest) && rest.PositiveDefinite() {
				best, found = c, true
				break
			}
		}
		y = symmetric(plus(y, 1, product(product(power.T(), y), power)))
		power = product(power, power)
	}
	if !found {
		return interval.New(math.Inf(-1), math.Inf(1))
	}
	return best
}

// A border says how far from W* a task's adapted gain may be where h ≤ Level, and how
// much the cost that its inner step sees may be then.
//
// The other tasks cost at least their optima, so that C_f(F) − C_f* ≤ x with
// λx = Level − Σ λᵢCᵢ*, and
//
//	C_f(F) − C_f* = tr(Σ_F (F − W*)ᵀS*(F − W*)) ≥ λ(Σ₀)λ(S*)‖F − W*‖²
//
// bounds ‖F − W*‖ by a reach; λ( ) is the least eigenvalue. Of one step W − F = rE, or
// rEΣ with ‖EΣ‖ ≥ λ(Σ₀)‖E‖; and with W_g* and Σ_g* the optimum of the cost it sees,
//
//	C_g(W) − C_g* = tr(Σ_g*(2DᵀE − DᵀSD)) ≤ 2‖DΣ_g*‖‖E‖,   D = W − W_g*.
//
// So C_g(W) ≤ C_g* + 2‖DΣ_g*‖(reach + ‖W − W*‖)/(r λ(Σ₀)).
type border struct {
	applies      bool
	reach        float64
	gain, sigma  interval.Matrix // W_g*, Σ_g*
	best, factor interval.Interval
}

func newBorder(t *gainMember, level float64, optimum interval.Interval) (border, error) {
	var b border
	if len(t.steps) != 1 {
		return b, nil
	}
	rule := t.steps[0]
	factor := rule.r
	switch {
	case !rule.r.Positive():
		return b, nil
	case rule.kind == family.RuleGaussNewton:
		return b, nil
	case rule.kind == family.RuleGradient:
		factor = factor.Mul(interval.Of(smallest(t.seen.s0)))
	}
	best, err := t.seen.optimum(mid(t.best.gain))
	if err != nil {
		return b, err
	}
	l, err := newLyapunov(t.seen.loop(best.gain))
	if err != nil {
		return b, err
	}
	if b.sigma, err = l.solve(t.seen.s0); err != nil {
		return b, err
	}
	b.gain, b.best, b.factor = best.gain, best.cost, factor
	excess := interval.Of(level).Sub(optimum).Div(t.λ)
	size := interval.Of(smallest(t.outer.s0)).Mul(interval.Of(smallest(t.best.s)))
	if !size.Positive() || !factor.Positive() {
		return b, nil
	}
	b.reach = interval.SqrtUp(max(0, excess.Div(size).Hi()))
	b.applies = b.reach-b.reach == 0
	return b, nil
}

// beyond reports whether no gain of w that is in the task's domain has h ≤ Level.
func (b *border) beyond(t *gainMember, w interval.Matrix) bool {
	if !b.applies {
		return false
	}
	most := interval.AddUp(b.reach, w.Sub(t.best.gain).NormFro())
	far := interval.MulUp(2, w.Sub(b.gain).Mul(b.sigma).NormFro())
	if math.IsInf(most, 1) || math.IsInf(far, 1) {
		return false // the squares of the box leave the range of float64
	}
	limit := b.best.Add(interval.Of(far).Mul(interval.Of(most)).Div(b.factor))
	return limit.IsBounded() && t.seen.atLeast(w).Lo() > limit.Hi()
}

// smallest is a number below the eigenvalues of every symmetric matrix of m; 0 where
// none above 0 is found.
func smallest(m interval.Matrix) float64 {
	x := math.Inf(1)
	for i := range m.Rows {
		x = min(x, m.At(i, i).Lo())
	}
	for range 60 {
		d := make([]float64, m.Rows)
		for i := range d {
			d[i] = x
		}
		if x > 0 && minusDiagonal(m, d).PositiveDefinite() {
			return x
		}
		x *= 0.8
	}
	return 0
}
