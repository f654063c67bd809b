package check

import (
	"errors"
	"slices"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A linearTask encloses a task in the form all formulas here use: the discount
// is inside A and B, Σ₀ holds noise, and the cross term N stays where it is.
// With a = −W s,
//
//	A_W = A − B W          cost of a step: sᵀ (Q − N W − WᵀNᵀ + WᵀRW) s
//	P = Q − N W − WᵀNᵀ + WᵀRW + A_WᵀP A_W
//	E = R W − Nᵀ − BᵀP A_W,   S = R + BᵀPB,   Σ = Σ₀ + A_W Σ A_Wᵀ
//	C(W) = tr(P Σ₀) + constant,   ∇C = 2 E Σ.
type linearTask struct {
	a, b, q, r, cross, s0 interval.Matrix
	constant              interval.Interval
}

// newLinearTask encloses the data of a task.
func newLinearTask(s lqr.Spec) (*linearTask, error) {
	p, err := sampled(s)
	if err != nil {
		return nil, err
	}
	t := &linearTask{a: p.A, b: p.B, q: p.Q, r: p.R, cross: p.N, constant: p.Between}
	n := p.A.Rows
	switch {
	case s.AverageCost:
		t.s0 = p.Noise
	case !s.Sigma0.IsZero():
		if !isFinite(s.Sigma0) {
			return nil, errUnbounded
		}
		t.s0 = symmetrized(s.Sigma0)
	case s.X0 != nil:
		x := matrixeq.Matrix{Rows: n, Cols: 1, Data: s.X0}
		if !isFinite(x) {
			return nil, errUnbounded
		}
		t.s0 = thin(x).MulNT(thin(x))
	default:
		t.s0 = thin(matrixeq.Identity(n))
	}
	if γ := s.Discount; γ != 0 && γ != 1 {
		g := interval.Of(γ)
		root, rest := g.Sqrt(), interval.Of(1).Sub(g)
		t.a, t.b = t.a.Scale(root), t.b.Scale(root)
		if p.Noise.Rows > 0 && !s.AverageCost {
			t.s0 = t.s0.Add(p.Noise.Scale(g.Div(rest)))
			t.constant = t.constant.Div(rest)
		}
	}
	for _, m := range []interval.Matrix{t.a, t.b, t.q, t.r, t.cross, t.s0} {
		if !bounded(m) {
			return nil, errUnbounded
		}
	}
	if !t.constant.IsBounded() {
		return nil, errUnbounded
	}
	return t, nil
}

// loop is A − B W.
func (t *linearTask) loop(w interval.Matrix) interval.Matrix { return t.a.Sub(t.b.Mul(w)) }

// An evaluation encloses the matrices of a task for every gain of w, all of
// which are proved to stabilise it.
type evaluation struct {
	w, aw, p, e, s interval.Matrix
	dual           *lyapunov // X = A_WᵀX A_W + V
}

// at evaluates the task for every gain of w.
func (t *linearTask) at(w interval.Matrix) (*evaluation, error) {
	x := &evaluation{w: w, aw: t.loop(w)}
	var err error
	if x.dual, err = newLyapunov(x.aw.T()); err != nil {
		return nil, err
	}
	nw := t.cross.Mul(w)
	rw := t.r.Mul(w)
	if x.p, err = x.dual.solve(t.q.Sub(nw).Sub(nw.T()).Add(w.MulTN(rw)).Symmetrize()); err != nil {
		return nil, err
	}
	x.e, x.s = t.stationarity(x.p, w, x.aw)
	return x, nil
}

// stationarity encloses E and S for given P.
func (t *linearTask) stationarity(p, w, aw interval.Matrix) (e, s interval.Matrix) {
	bp := t.b.MulTN(p)
	e = t.r.Mul(w).Sub(t.cross.T()).Sub(bp.Mul(aw))
	s = t.r.Add(bp.Mul(t.b)).Symmetrize()
	return e, s
}

// An optimum encloses what is needed of a task's best gain.
type optimum struct {
	gain interval.Matrix   // W*
	s    interval.Matrix   // S* = R + BᵀP*B
	cost interval.Interval // C* = tr(P* Σ₀) + constant
}

var (
	errNoStart   = errors.New("no stabilising gain was found")
	errNoOptimum = errors.New("policy iteration finds no optimum inside the stabilising gains")
	errNotProved = errors.New("the best gain found cannot be shown to be near the optimum")
)

// optimum encloses the stabilising solution P* of the Riccati equation
//
//	0 = Ric(P) := Q + AᵀPA − (AᵀPB + N)(R + BᵀPB)⁻¹(BᵀPA + Nᵀ) − P,
//
// W* and C*, and proves that P* exists. starts are gains of which one may
// stabilise the task.
//
// # Method
//
// Let P be the cost matrix of a stabilising gain Ŵ, E, S its other matrices and
// K = Ŵ − S⁻¹E, A′ = A − B K = A_Ŵ + B S⁻¹E. Then Ric(P) = −EᵀS⁻¹E, and for
// symmetric D, with S − BᵀDB ≻ 0,
//
//	Ric(P − D) = −EᵀS⁻¹E + D − A′ᵀDA′ − A′ᵀDB (S − BᵀDB)⁻¹ BᵀDA′.
//
// Suppose this is positive definite for X = P − D. For every stabilising W,
// with S_X = R + BᵀXB = S − BᵀDB ≻ 0 and K_X the gain of X,
//
//	(P_W − X) − A_Wᵀ(P_W − X)A_W = Ric(X) + (W − K_X)ᵀ S_X (W − K_X) ≻ 0,
//
// so that P_W ≻ X. So every S_W ≻ S_X, and the gain W⁺ that policy iteration
// makes of W is defined. It stabilises: with Δ = P_W − X ≻ 0,
//
//	Δ − A_{W⁺}ᵀ Δ A_{W⁺} = Ric(X) + (W⁺ − K_X)ᵀS_X(W⁺ − K_X) + (W − W⁺)ᵀS_W(W − W⁺) ≻ 0.
//
// The cost matrices of policy iteration from Ŵ decrease, bounded below by X, to
// a solution P* of the Riccati equation, for which the last display proves
// stability again. It is the stabilising one; P* ⪯ P_W for all W by completing
// the square, and
//
//	X = P − D ⪯ P* ⪯ P.
//
// Nothing supposes Q ⪰ 0, or any mode of the plant to be stable or seen by Q.
// D = δY, where Y solves Y = A′ᵀYA′ + G for a diagonal G about as large as
// EᵀS⁻¹E: the square of the rounding of Ŵ, far below that of P.
func (t *linearTask) optimum(starts ...matrixeq.Matrix) (*optimum, error) {
	near, err := t.approximateOptimum(starts)
	if err != nil {
		return nil, err
	}
	w := thin(near)
	x, err := t.at(w)
	if err != nil {
		return nil, err
	}
	u, ok := solveSymmetric(x.s, x.e)
	if !ok {
		return nil, errNotProved
	}
	a := x.aw.Add(t.b.Mul(u)) // A′
	loss := x.e.MulTN(u).Symmetrize()
	p, ok := t.below(x, a, loss)
	if !ok {
		return nil, errNotProved
	}
	e, s := t.stationarity(p, w, x.aw)
	if u, ok = solveSymmetric(s, e); !ok {
		return nil, errNotProved
	}
	// S*W* = BᵀP*A + Nᵀ = S*Ŵ − E with E = R Ŵ − Nᵀ − BᵀP*A_Ŵ.
	return &optimum{gain: w.Sub(u), s: s, cost: inner(p, t.s0).Add(t.constant)}, nil
}

// below returns an enclosure of P*, from P of x, A′ and EᵀS⁻¹E.
func (t *linearTask) below(x *evaluation, a, loss interval.Matrix) (interval.Matrix, bool) {
	if !bounded(a) || !bounded(loss) {
		return interval.Matrix{}, false
	}
	for _, g := range weights(dominate(loss, units(mid(x.p))), units(mid(x.p))) {
		y := approximate(x.dual.powers, matrixeq.Diagonal(g...))
		if !isFinite(y) {
			continue
		}
		yy := thin(y)
		ya := yy.Mul(a)
		lyap := yy.Sub(a.MulTN(ya)).Symmetrize() // Y − A′ᵀYA′
		bya := t.b.MulTN(ya)
		byb := t.b.MulTN(yy).Mul(t.b)
		for _, δ := range slacks {
			d := interval.Of(δ)
			s := x.s.Sub(byb.Scale(d)).Symmetrize()
			if !s.PositiveDefinite() {
				continue
			}
			v, ok := solveSymmetric(s, bya)
			if !ok {
				continue
			}
			second := bya.MulTN(v).Scale(d.Sqr())
			if !lyap.Scale(d).Sub(loss).Sub(second).Symmetrize().PositiveDefinite() {
				continue
			}
			// 0 ⪯ P − P* ⪯ δY bounds every entry; Y ⪰ 0 follows.
			p := interval.NewMatrix(y.Rows, y.Cols)
			for i := range p.Rows {
				for j := range p.Cols {
					r := interval.MulUp(δ, interval.SqrtUp(max(0, interval.MulUp(y.At(i, i), y.At(j, j)))))
					by := interval.New(-r, r)
					if i == j {
						by = interval.New(-r, 0)
					}
					p.Set(i, j, x.p.At(i, j).Add(by))
				}
			}
			return p, bounded(p)
		}
	}
	return interval.Matrix{}, false
}

// approximateOptimum finds W* in floating point by policy iteration: from one
// of the starts, or, where none stabilises, from a gain that [floatTask.search]
// finds.
func (t *linearTask) approximateOptimum(starts []matrixeq.Matrix) (matrixeq.Matrix, error) {
	f := floatTask{mid(t.a), mid(t.b), symmetric(mid(t.q)), symmetric(mid(t.r)), mid(t.cross)}
	i := slices.IndexFunc(starts, f.stable)
	var w matrixeq.Matrix
	if i >= 0 {
		w = starts[i]
	} else {
		var ok bool
		if w, ok = f.search(); !ok {
			return w, errNoStart
		}
	}
	w, ok := f.improve(w)
	if !ok {
		return w, errNoOptimum
	}
	return w, nil
}

// A floatTask approximates a linearTask.
type floatTask struct{ a, b, q, r, cross matrixeq.Matrix }

func (f floatTask) scaled(c float64) floatTask {
	f.a, f.b = plus(f.a, c-1, f.a), plus(f.b, c-1, f.b)
	return f
}

func (f floatTask) loop(w matrixeq.Matrix) matrixeq.Matrix { return plus(f.a, -1, product(f.b, w)) }

func (f floatTask) stable(w matrixeq.Matrix) bool {
	if !isFinite(w) {
		return false
	}
	powers, _ := doublings(f.loop(w))
	return powers != nil
}

// search finds a stabilising gain: the optimum of the task with A and B scaled
// down, scaled up again step by step as far as it stabilises. Where Q does not
// see an unstable mode, nothing would move it before that mode is unstable:
// every state is made to cost something.
//
// J. Perdomo, J. Umenberger, M. Simchowitz, NeurIPS 2021 (discount annealing).
func (f floatTask) search() (matrixeq.Matrix, bool) {
	n := f.a.Rows
	f.q, f.cross = plus(f.q, norm(f.q)+norm(f.r), matrixeq.Identity(n)), matrixeq.New(n, f.b.Cols)
	w := matrixeq.New(f.b.Cols, n)
	c := 1.0
	for !f.scaled(c).stable(w) {
		if c /= 2; c < 0x1p-200 {
			return w, false
		}
	}
	for range 200 {
		if c == 1 {
			return w, true
		}
		better, ok := f.scaled(c).improve(w)
		if !ok {
			return w, false
		}
		w = better
		for up := 16.0; ; up = 1 + (up-1)/2 {
			if up < 1+0x1p-20 {
				return w, false
			}
			if next := min(1, c*up); f.scaled(next).stable(w) {
				c = next
				break
			}
		}
	}
	return w, false
}

// improve is policy iteration from a stabilising gain, until the change, which
// falls quadratically in the end, no longer falls.
func (f floatTask) improve(w matrixeq.Matrix) (matrixeq.Matrix, bool) {
	last := -1.0
	for range 100 {
		powers, _ := doublings(f.loop(w).T())
		if powers == nil {
			return w, false
		}
		nw := product(f.cross, w)
		p := approximate(powers, symmetric(plus(plus(f.q, -2, nw), 1, product(product(w.T(), f.r), w))))
		bp := product(f.b.T(), p)
		inv, ok := inverse(plus(f.r, 1, product(bp, f.b)))
		if !ok {
			return w, false
		}
		next := product(inv, plus(product(bp, f.a), 1, f.cross.T()))
		if !isFinite(next) {
			return w, false
		}
		change := norm(plus(next, -1, w))
		settled := change <= 1e-8*norm(next) && last >= 0 && change >= last/2
		w = next
		if settled || change == 0 {
			return w, true
		}
		last = change
	}
	return w, true
}
