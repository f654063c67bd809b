package check

import (
	"math/big"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// The oracle computes h(W) − Σ λᵢ Cᵢ* in 600 bits by other formulas than the
// enclosures: costs are subtracted, the cross term is eliminated, sampling is
// Van Loan's block exponential, and optima come from structure-preserving
// doubling. Its own error is far below any enclosure's.
const oracleBits = 600

func bf(x float64) *big.Float { return new(big.Float).SetPrec(oracleBits).SetFloat64(x) }
func bzero() *big.Float       { return new(big.Float).SetPrec(oracleBits) }

// A bigm is a matrix of such numbers.
type bigm struct {
	rows, cols int
	d          []*big.Float
}

func newBig(rows, cols int) bigm {
	m := bigm{rows, cols, make([]*big.Float, rows*cols)}
	for i := range m.d {
		m.d[i] = bzero()
	}
	return m
}

func bigEye(n int) bigm {
	m := newBig(n, n)
	for i := range n {
		m.at(i, i).SetInt64(1)
	}
	return m
}

func bigOf(a matrixeq.Matrix) bigm {
	m := newBig(a.Rows, a.Cols)
	for i, x := range a.Data {
		m.d[i].SetFloat64(x)
	}
	return m
}

func (a bigm) at(i, j int) *big.Float { return a.d[i*a.cols+j] }

func (a bigm) mul(b bigm) bigm {
	c := newBig(a.rows, b.cols)
	t := bzero()
	for i := range a.rows {
		for k := range a.cols {
			x := a.at(i, k)
			if x.Sign() == 0 {
				continue
			}
			for j := range b.cols {
				if y := b.at(k, j); y.Sign() != 0 {
					c.at(i, j).Add(c.at(i, j), t.Mul(x, y))
				}
			}
		}
	}
	return c
}

func (a bigm) add(b bigm) bigm {
	c := newBig(a.rows, a.cols)
	for i := range c.d {
		c.d[i].Add(a.d[i], b.d[i])
	}
	return c
}

func (a bigm) scale(x *big.Float) bigm {
	c := newBig(a.rows, a.cols)
	for i := range c.d {
		c.d[i].Mul(a.d[i], x)
	}
	return c
}

func (a bigm) sub(b bigm) bigm { return a.add(b.scale(bf(-1))) }

func (a bigm) t() bigm {
	c := newBig(a.cols, a.rows)
	for i := range a.rows {
		for j := range a.cols {
			c.at(j, i).Set(a.at(i, j))
		}
	}
	return c
}

func (a bigm) sym() bigm { return a.add(a.t()).scale(bf(0.5)) }

func (a bigm) dot(b bigm) *big.Float {
	s, t := bzero(), bzero()
	for i := range a.d {
		s.Add(s, t.Mul(a.d[i], b.d[i]))
	}
	return s
}

func (a bigm) max() *big.Float {
	s := bzero()
	for _, x := range a.d {
		if y := bzero().Abs(x); y.Cmp(s) > 0 {
			s = y
		}
	}
	return s
}

func (a bigm) block(row, col, rows, cols int) bigm {
	c := newBig(rows, cols)
	for i := range rows {
		for j := range cols {
			c.at(i, j).Set(a.at(row+i, col+j))
		}
	}
	return c
}

func (a bigm) put(row, col int, b bigm) {
	for i := range b.rows {
		for j := range b.cols {
			a.at(row+i, col+j).Set(b.at(i, j))
		}
	}
}

// solve is a⁻¹ b.
func (a bigm) solve(b bigm) bigm {
	n, m := a.rows, a.cols+b.cols
	w := newBig(n, m)
	w.put(0, 0, a)
	w.put(0, n, b)
	t := bzero()
	for k := range n {
		p := k
		for i := k; i < n; i++ {
			if bzero().Abs(w.at(i, k)).Cmp(bzero().Abs(w.at(p, k))) > 0 {
				p = i
			}
		}
		for j := range m {
			w.d[k*m+j], w.d[p*m+j] = w.d[p*m+j], w.d[k*m+j]
		}
		pivot := bzero().Set(w.at(k, k))
		for j := range m {
			w.at(k, j).Quo(w.at(k, j), pivot)
		}
		for i := range n {
			if i == k || w.at(i, k).Sign() == 0 {
				continue
			}
			c := bzero().Set(w.at(i, k))
			for j := k; j < m; j++ {
				w.at(i, j).Sub(w.at(i, j), t.Mul(c, w.at(k, j)))
			}
		}
	}
	return w.block(0, n, n, b.cols)
}

// exp is e^a, by Taylor's series of a/2⁶⁰ and squaring.
func (a bigm) exp() bigm {
	const k = 60
	a = a.scale(bf(0x1p-60))
	e, term := bigEye(a.rows), bigEye(a.rows)
	for j := 1; j <= 12; j++ { // entries up to 2¹⁰: 2^(−50·12) and less is left
		term = term.mul(a).scale(bzero().Quo(bf(1), bf(float64(j))))
		e = e.add(term)
	}
	for range k {
		e = e.mul(e)
	}
	return e
}

// bigStein is the solution of X = A X Aᵀ + V.
func bigStein(t testing.TB, a, v bigm) bigm {
	t.Helper()
	x, tiny := v, bf(0x1p-500)
	for range 60 {
		by := a.mul(x).mul(a.t())
		x = x.add(by)
		a = a.mul(a)
		if a.max().Cmp(tiny) < 0 {
			return x
		}
	}
	t.Fatal("the oracle's gain is not stabilising")
	return x
}

// A bigTask is a task in the standard form without cross term.
type bigTask struct {
	a, b, q, r, s0, shift bigm
	constant              *big.Float
}

func newBigTask(t testing.TB, s lqr.Spec) *bigTask {
	t.Helper()
	n, r := s.A.Rows, s.B.Cols
	a, b, q, rr, cross := bigOf(s.A), bigOf(s.B), bigOf(s.Q).sym(), bigOf(s.R).sym(), newBig(n, r)
	if !s.N.IsZero() {
		cross = bigOf(s.N)
	}
	v := newBig(n, n)
	if !s.Noise.IsZero() {
		v = bigOf(s.Noise).sym()
	}
	task := &bigTask{constant: bzero()}
	if s.SampleTime != 0 {
		h, m := bf(s.SampleTime), n+r
		mm, gamma := newBig(m, m), newBig(m, m)
		mm.put(0, 0, a)
		mm.put(0, n, b)
		gamma.put(0, 0, q)
		gamma.put(0, n, cross)
		gamma.put(n, 0, cross.t())
		gamma.put(n, n, rr)
		e, g := vanLoan(mm, gamma, h)
		if v.max().Sign() > 0 {
			task.constant = betweenSamples(a, q, v, h)
			_, v = vanLoan(a.t(), v, h)
		}
		a, b = e.block(0, 0, n, n), e.block(0, n, n, r)
		q, cross, rr = g.block(0, 0, n, n), g.block(0, n, n, r), g.block(n, n, r, r)
	}
	task.shift = rr.solve(cross.t())
	a = a.sub(b.mul(task.shift))
	q = q.sub(cross.mul(task.shift))
	s0 := bigEye(n)
	switch {
	case s.AverageCost:
		s0 = v
	case !s.Sigma0.IsZero():
		s0 = bigOf(s.Sigma0).sym()
	case s.X0 != nil:
		x := bigOf(matrixeq.Matrix{Rows: n, Cols: 1, Data: s.X0})
		s0 = x.mul(x.t())
	}
	if γ := s.Discount; γ != 0 && γ != 1 {
		rest := bzero().Sub(bf(1), bf(γ))
		s0 = s0.add(v.scale(bzero().Quo(bf(γ), rest)))
		task.constant.Quo(task.constant, rest)
		a, b = a.scale(bzero().Sqrt(bf(γ))), b.scale(bzero().Sqrt(bf(γ)))
	}
	task.a, task.b, task.q, task.r, task.s0 = a, b, q, rr, s0
	return task
}

// vanLoan is exp(M h) and ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt.
func vanLoan(m, gamma bigm, h *big.Float) (e, g bigm) {
	n := m.rows
	block := newBig(2*n, 2*n)
	block.put(0, 0, m.t().scale(bf(-1)))
	block.put(0, n, gamma)
	block.put(n, n, m)
	x := block.scale(h).exp()
	e = x.block(n, n, n, n)
	return e, e.t().mul(x.block(0, n, n, n))
}

// betweenSamples is ∫₀ʰ tr(Q S) dt with S′ = A S + S Aᵀ + V, S(0) = 0, as one
// linear equation for the entries of S and the integral.
func betweenSamples(a, q, v bigm, h *big.Float) *big.Float {
	n := a.rows
	m := newBig(n*n+2, n*n+2)
	for i := range n {
		for j := range n {
			row := i*n + j
			for k := range n {
				x := m.at(row, k*n+j)
				x.Add(x, a.at(i, k))
				x = m.at(row, i*n+k)
				x.Add(x, a.at(j, k))
			}
			m.at(row, n*n+1).Set(v.at(i, j))
			m.at(n*n, row).Set(q.at(i, j))
		}
	}
	return m.scale(h).exp().at(n*n, n*n+1)
}

func (f *bigTask) evaluate(t testing.TB, w bigm) (p, e, aw bigm) {
	t.Helper()
	aw = f.a.sub(f.b.mul(w))
	p = bigStein(t, aw.t(), f.q.add(w.t().mul(f.r).mul(w)))
	return p, f.r.mul(w).sub(f.b.t().mul(p).mul(aw)), aw
}

func (f *bigTask) cost(t testing.TB, w bigm) *big.Float {
	t.Helper()
	p, _, _ := f.evaluate(t, w.sub(f.shift))
	return bzero().Add(p.dot(f.s0), f.constant)
}

// best is P*, W* (in the caller's coordinates) and C*: policy iteration from a
// stabilising gain.
func (f *bigTask) best(t testing.TB, start matrixeq.Matrix) (p, w bigm, cost *big.Float) {
	t.Helper()
	w = bigOf(start).sub(f.shift)
	for range 100 {
		p, _, _ = f.evaluate(t, w)
		next := f.r.add(f.b.t().mul(p).mul(f.b)).solve(f.b.t().mul(p).mul(f.a))
		change := next.sub(w).max()
		w = next
		if change.Cmp(bf(0x1p-300)) < 0 { // quadratic: the next one is below 2⁻⁵⁰⁰
			p, _, _ = f.evaluate(t, w)
			return p, w.add(f.shift), bzero().Add(p.dot(f.s0), f.constant)
		}
	}
	t.Fatal("the oracle's policy iteration does not end")
	return
}

func (f *bigTask) step(t testing.TB, rule family.Rule, rate float64, divisor *big.Float, w bigm) bigm {
	t.Helper()
	p, e, aw := f.evaluate(t, w.sub(f.shift))
	by := bzero().Quo(bf(2*rate), divisor)
	switch rule {
	case family.RuleGradient:
		e = e.mul(bigStein(t, aw, f.s0))
	case family.RuleGaussNewton:
		e = f.r.add(f.b.t().mul(p).mul(f.b)).solve(e)
		by = bf(2 * rate)
	}
	return w.sub(e.scale(by))
}

// oracleGap is h(W) − Σ λᵢ Cᵢ*, and the adapted gains.
func oracleGap(t testing.TB, f *family.Family, rates []float64, w matrixeq.Matrix) (*big.Float, []bigm) {
	t.Helper()
	sum, total := bzero(), bzero()
	var adapted []bigm
	for _, task := range f.Tasks {
		outer := newBigTask(t, task.Outer)
		inner := outer
		if task.Inner != nil {
			inner = newBigTask(t, *task.Inner)
		}
		_, _, best := outer.best(t, task.F.Optimum().Gain)
		divisor := bf(1)
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			divisor = best
		}
		to := bigOf(w)
		for _, rate := range rates {
			to = inner.step(t, f.Meta.Inner.Rule, rate, divisor, to)
		}
		gap := bzero().Sub(outer.cost(t, to), best)
		gap.Quo(gap, divisor)
		sum.Add(sum, gap.Mul(gap, bf(task.Weight)))
		total.Add(total, bf(task.Weight))
		adapted = append(adapted, to)
	}
	return sum.Quo(sum, total), adapted
}
