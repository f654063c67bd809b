package matrixeq

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// A RiccatiSolution is the stabilising solution of a discrete algebraic Riccati
// equation.
type RiccatiSolution struct {
	P    Matrix // n×n
	Gain Matrix // r×n, W = (R + Bᵀ P B)⁻¹ Bᵀ P A

	// Residual is ‖Q + WᵀRW + FᵀPF − P‖_F / ‖P‖_F with F = A − B W, measured
	// on the P and W returned; 0 when P = 0. Every term is positive
	// semidefinite and at most P, so no larger scale hides an error.
	Residual float64

	// Doublings and Refinements count the steps of structure-preserving
	// doubling and of Newton's method.
	Doublings, Refinements int

	a, b, q, r Matrix
}

// Riccati returns the symmetric P ⪰ 0 that solves
//
//	P = Q + Aᵀ P A − Aᵀ P B (R + Bᵀ P B)⁻¹ Bᵀ P A
//
// and for which ρ(A − B W) < 1, W = (R + Bᵀ P B)⁻¹ Bᵀ P A: the optimal cost
// sᵀ P s of s⁺ = A s + B a under Σ sᵀQs + aᵀRa, reached by a = −W s.
//
// A is n×n, singular or not, B n×r, Q n×n with Q ⪰ 0 up to rounding beside the
// larger of Q and CostScale(B, R), or of Q and P where CostScale(B, R) exceeds R
// (−1e-17 beside 1 is zero), R r×r with R ≻ 0. None is modified.
//
// P exists, and is unique, when every eigenvalue of A with |λ| ≥ 1 is
// controllable and every one with |λ| = 1 is seen by Q. Otherwise the error is
// a *NotStabilizableError or a *UnitCircleError naming the eigenvalue; a
// *NoConvergenceError where double precision cannot tell, cannot solve, or has no
// room for the exponents of P and W.
// Bad input: *ShapeError, *NotFiniteError, *NotSymmetricError,
// *NotPositiveDefiniteError (R), *NotPositiveSemidefiniteError (Q), with the
// names A, B, Q, R.
//
// Method: structure-preserving doubling, then Newton's method (Kleinman, Hewer)
// in correction form until neither residual nor correction falls. What is
// returned has a certified closed loop (see Prepare), a last Newton correction
// below 1e-6 of the entries of P, a residual below 1e-6, and is told from a double
// root, for which no stabilising solution exists, by the test of Newton and
// Kantorovich. Where doubling fails, or found the minimal solution because Q does
// not see an unstable mode, Newton's method starts from the gain of Q + δI.
//
// Cost: five to ten doublings of about 15 n³ operations each, then 8 n³ to measure
// the residual and, where it is not yet rounding, some 25 n³ to correct it.
//
// G. A. Hewer, IEEE Trans. Automat. Control 16 (1971), 382–384.
func Riccati(a, b, q, r Matrix) (*RiccatiSolution, error) {
	if err := checkSquare("A", a); err != nil {
		return nil, err
	}
	n := a.Rows
	if err := CheckShape("B", b, n, max(b.Cols, 1)); err != nil {
		return nil, err
	}
	if err := CheckFinite("B", b); err != nil {
		return nil, err
	}
	if err := CheckShape("Q", q, n, n); err != nil {
		return nil, err
	}
	if err := CheckShape("R", r, b.Cols, b.Cols); err != nil {
		return nil, err
	}
	if err := CheckPositiveDefinite("R", r); err != nil {
		return nil, err
	}
	given := q
	q, sure, err := semidefinite("Q", q, CostScale(b, r))
	if err != nil {
		return nil, err
	}
	p := newProblem(a, b, q, symmetrised(r))
	s, err := p.solve()
	if err != nil {
		return nil, err
	}
	// Where inputs are all but dead, the scale lets everything pass: what did
	// must be rounding beside R as it is, or beside the answer.
	size := math.Ldexp(dense.MaxAbs(s.p), p.costExp)
	if !sure {
		if err := CheckPositiveSemidefiniteAt("Q", given, max(size, min(CostScale(b, r), dense.MaxAbs(r.Data)))); err != nil {
			return nil, err
		}
	}
	sol := &RiccatiSolution{
		P: New(n, n), Gain: New(b.Cols, n),
		Residual: s.residual, Doublings: p.doublings, Refinements: p.refinements,
		a: a.Clone(), b: b.Clone(), q: q, r: symmetrised(r),
	}
	shift(sol.P.Data, s.p, p.costExp)
	shift(sol.Gain.Data, s.w, -p.inputExp)
	if !representable(sol.P.Data, s.p) || !representable(sol.Gain.Data, s.w) {
		return nil, p.noConvergence(s.residual, math.Inf(1))
	}
	return sol, nil
}

// representable says whether x, which is y in other units, kept its digits: no
// overflow, and the largest entry well above the subnormal numbers.
func representable(x, y []float64) bool {
	m := dense.MaxAbs(x)
	return m <= math.MaxFloat64 && (m >= 0x1p-960 || dense.MaxAbs(y) == 0)
}

// ClosedLoop is F = A − B W.
func (s *RiccatiSolution) ClosedLoop() Matrix {
	n, r := s.b.Rows, s.b.Cols
	f := New(n, n)
	dense.Mul(f.Data, s.b.Data, s.Gain.Data, n, r, n)
	dense.Sub(f.Data, s.a.Data, f.Data)
	return f
}

// Radius is ρ(A − B W), from computed eigenvalues: a report, not the proof of
// stability.
func (s *RiccatiSolution) Radius() float64 {
	r, err := SpectralRadius(s.ClosedLoop())
	if err != nil {
		return math.NaN()
	}
	return r
}

// Condition estimates how much a relative perturbation of the data can change P:
//
//	‖L⁻¹‖ (‖Q‖ + 2 ‖A‖ ‖P F‖ + 2 ‖B‖ ‖W‖ ‖P F‖ + ‖WᵀRW‖) / ‖P‖,   L(X) = X − Fᵀ X F,
//
// the first-order bound dP = L⁻¹(dQ + dAᵀPF + FᵀP dA − (dB W)ᵀPF − FᵀP dB W +
// WᵀdR W) with every block measured in the Frobenius norm. It is at least 1, and
// +Inf where it has no finite value.
func (s *RiccatiSolution) Condition() float64 {
	f := s.ClosedLoop()
	o, err := PrepareNamed("A - B W", f.T())
	if err != nil {
		return math.Inf(1)
	}
	size := dense.Norm(s.P.Data)
	if size == 0 {
		return 1
	}
	n, r := s.b.Rows, s.b.Cols
	pf, rw, wrw := make([]float64, n*n), make([]float64, r*n), make([]float64, n*n)
	dense.Mul(pf, s.P.Data, f.Data, n, n, n)
	dense.Mul(rw, s.r.Data, s.Gain.Data, r, r, n)
	dense.SymmetricTN(wrw, s.Gain.Data, rw, r, n)
	plant := dense.Norm(s.a.Data) + dense.Norm(s.b.Data)*dense.Norm(s.Gain.Data)
	c := dense.Norm(s.q.Data)/size + 2*plant*(dense.Norm(pf)/size) + dense.Norm(wrw)/size
	return max(1, o.InverseNorm()*c)
}

// A problem is a Riccati equation in units in which ‖B‖ is about 1 and Q and R
// are of like size: P = 2^costExp P′, W = 2^−inputExp W′, exact but for
// underflow.
type problem struct {
	n, r              int
	a, b, q, rr       []float64
	g                 []float64 // B R⁻¹ Bᵀ; nil when R underflowed
	costExp, inputExp int

	doublings, refinements int

	work []float64 // see scratch
}

// scratch returns k entries to be used up to its next call, nothing cleared.
func (p *problem) scratch(k int) []float64 {
	if cap(p.work) < k {
		p.work = make([]float64, k)
	}
	return p.work[:k]
}

func exponent(x []float64) (e int, zero bool) {
	m := dense.MaxAbs(x)
	if m == 0 {
		return 0, true
	}
	_, e = math.Frexp(m)
	return e, false
}

// shift sets y ← 2ᵉ x, rounded once where it is subnormal.
func shift(y, x []float64, e int) {
	if e >= -1022 && e <= 1023 {
		dense.Scale(y, math.Ldexp(1, e), x[:len(y)])
		return
	}
	for i, v := range x {
		y[i] = math.Ldexp(v, e)
	}
}

func newProblem(a, b, q, r Matrix) *problem {
	p := &problem{n: b.Rows, r: b.Cols, a: a.Data}
	n, m := p.n, p.r
	eb, _ := exponent(b.Data)
	er, _ := exponent(r.Data)
	eq, zero := exponent(q.Data)
	er -= 2 * eb
	if zero {
		eq = er
	}
	p.inputExp, p.costExp = eb, (eq+er)/2
	p.b, p.q, p.rr = make([]float64, n*m), make([]float64, n*n), make([]float64, m*m)
	shift(p.b, b.Data, -eb)
	shift(p.q, q.Data, -p.costExp)
	shift(p.rr, r.Data, -2*eb-p.costExp)

	l := make([]float64, m*m)
	if !dense.Cholesky(l, p.rr, m) {
		return p
	}
	t := make([]float64, m*n)
	dense.Transpose(t, p.b, n, m)
	dense.ForwardSolve(l, t, m, n) // G = (L⁻¹Bᵀ)ᵀ (L⁻¹Bᵀ)
	p.g = make([]float64, n*n)
	dense.SymmetricTN(p.g, t, t, m, n)
	return p
}

// A state is a candidate P with what follows from it.
type state struct {
	p, w, f  []float64 // P, W, F = A − B W
	fpf, e   []float64 // FᵀPF; the residual E = Q + WᵀRW + FᵀPF − P
	residual float64   // ‖E‖_F / ‖P‖_F
}

// at evaluates P; nil when S = R + BᵀPB is not positive definite or a number
// overflowed.
func (p *problem) at(x []float64) *state {
	n, r := p.n, p.r
	buf := make([]float64, 3*n*n+r*n)
	cut := func(k int) []float64 {
		c := buf[:k:k]
		buf = buf[k:]
		return c
	}
	s := &state{p: x, f: cut(n * n), fpf: cut(n * n), e: cut(n * n), w: cut(r * n)}
	buf = p.scratch(max(n*n, r) + max(n*n, r*n) + 2*r*n + r*r)
	t, u, bp, rw, ss := cut(max(n*n, r)), cut(max(n*n, r*n)), cut(r*n), cut(r*n), cut(r*r)
	dense.MulTN(bp, p.b, x, r, n, n)
	dense.Mul(ss, bp, p.b, r, n, r)
	dense.Symmetrize(ss, r)
	dense.Add(ss, ss, p.rr)
	dense.Mul(s.w, bp, p.a, r, n, n)
	for i := range r {
		t[i] = ss[i*r+i]
	}
	if !dense.Cholesky(ss, ss, r) {
		return nil
	}
	dense.CholeskySolve(ss, s.w, r, n)
	dense.Mul(s.f, p.b, s.w, n, r, n)
	dense.Sub(s.f, p.a, s.f)
	shrink := 1.0
	for i := range r {
		shrink = max(shrink, t[i]/(ss[i*r+i]*ss[i*r+i]))
	}
	if shrink > redundant {
		// W ← W + S⁻¹ (BᵀP F − R W): the defect is small where F is, and
		// what rounding F does to it lies where S is large.
		d := u[:r*n]
		dense.Mul(rw, p.rr, s.w, r, r, n)
		dense.Mul(d, bp, s.f, r, n, n)
		dense.Sub(d, d, rw)
		dense.CholeskySolve(ss, d, r, n)
		dense.Add(s.w, s.w, d)
		dense.Mul(s.f, p.b, s.w, n, r, n)
		dense.Sub(s.f, p.a, s.f)
	}
	dense.CongruenceT(s.fpf, s.f, x, t, n)
	dense.Mul(rw, p.rr, s.w, r, r, n)
	dense.SymmetricTN(u, s.w, rw, r, n)
	for i := range s.e {
		s.e[i] = ((p.q[i] + u[i]) - x[i]) + s.fpf[i]
	}
	size := dense.Norm(x)
	if s.residual = dense.Norm(s.e); size > 0 {
		s.residual /= size
	}
	if !dense.Finite(s.f) || s.residual-s.residual != 0 {
		return nil
	}
	return s
}

const (
	// falling: Newton's method goes on while a step divides the residual or
	// the correction by more than this. Where it converges it squares the
	// error; a smaller gain is rounding, or a double root.
	falling = 4
	// accepted: the largest Newton correction of an answer, relative to the
	// entries of P, and its largest residual.
	accepted  = 1e-6
	maxNewton = 80
	// coarse: see polish; its correction lacks coarse² of itself or so. After
	// maxPolish squarings it gives up.
	coarse    = 1. / 8
	maxPolish = 8
	// redundant: a pivot of S = R + BᵀPB that elimination shrinks by more than
	// this says that inputs do nearly the same, and costs W as many digits.
	redundant = 1e3
	// isolation: see isolated. A double root has the ratio 1/4.
	isolation = 1. / 16
)

func (p *problem) solve() (*state, error) {
	if p.g == nil {
		return nil, p.noConvergence(math.NaN(), math.NaN())
	}
	n := p.n
	last := &attempt{correction: math.NaN()}
	if x, ok := p.double(p.q); ok {
		if s := p.refine(x, last); s != nil {
			return s, nil
		}
	}
	// The closed loop of what doubling found, if anything, is not certified.
	if err := p.obstruction(); err != nil {
		return nil, err
	}
	eg, zero := exponent(p.g)
	if zero {
		eg = 0
	}
	x := make([]float64, n*n)
	for _, delta := range []float64{math.Ldexp(1, -eg), math.Ldexp(0x1p-10, -eg), math.Ldexp(0x1p10, -eg)} {
		copy(x, p.q)
		for i := range n {
			x[i*n+i] += delta
		}
		h, ok := p.double(x)
		if !ok {
			continue
		}
		start := p.at(h)
		if start == nil {
			continue
		}
		f := Matrix{Rows: n, Cols: n, Data: start.f}
		o, err := Prepare(f)
		if err != nil {
			continue
		}
		// P = Q + WᵀRW + FᵀPF for that gain: P = H + (the residual of H
		// in the equation with Q).
		c := make([]float64, n*n)
		o.SolveT(c, start.e)
		dense.Add(c, c, h)
		if s := p.refine(c, last); s != nil {
			return s, nil
		}
	}
	residual := math.NaN()
	if last.s != nil {
		residual = last.s.residual
	}
	return nil, p.noConvergence(residual, last.correction)
}

// double runs doubling from H = q on copies.
func (p *problem) double(q []float64) ([]float64, bool) {
	n := p.n
	w := p.scratch(7 * n * n)
	a, g := w[:n*n], w[n*n:2*n*n]
	copy(a, p.a)
	copy(g, p.g)
	h := make([]float64, n*n)
	copy(h, q)
	steps, ok := doubling(a, g, h, w[2*n*n:], n)
	p.doublings += steps
	return h, ok
}

// settled is a relative residual at which nothing is left to gain: rounding n
// terms leaves about √n ε/2 on the random plants of BenchmarkRiccati.
func settled(n int) float64 { return (4 + math.Sqrt(float64(n))) * dense.Eps }

// An attempt is an iterate with its certified closed loop and the relative size
// of the Newton correction from it.
type attempt struct {
	s          *state
	o          *Operator
	x, z       []float64 // see rounding
	correction float64
}

// refine runs Newton's method from P = x as long as residual or correction falls,
// and returns the best iterate if its closed loop is certified, its correction
// accepted and the solution isolated; nil otherwise.
func (p *problem) refine(x []float64, last *attempt) *state {
	n, r := p.n, p.r
	s := p.at(x)
	if s != nil && s.residual > settled(n) {
		s = p.polish(s)
		p.refinements++
	}
	var best *attempt
	var c []float64
	for range maxNewton {
		if s == nil {
			break
		}
		done := s.residual <= settled(n)
		if done && p.quick(s) {
			return s
		}
		g := make([]float64, n*n)
		p.blur(g, s, p.scratch(2*r*n))
		o, err := prepare("A - B W", Matrix{Rows: n, Cols: n, Data: s.f}, g)
		if err != nil {
			break
		}
		if c == nil {
			c = make([]float64, n*n)
		}
		o.SolveT(c, s.e)
		x, z := p.rounding(s, g)
		now := &attempt{s, o, x, z, correction(c, x, z, n)}
		before := last.correction
		*last = *now
		falls := best == nil || s.residual < best.s.residual/falling || now.correction < best.correction/falling
		if best == nil || s.residual < best.s.residual || now.correction < best.correction/2 {
			best = now
		}
		if best.correction <= accepted && (done || !falls) || now.correction == 0 {
			if p.isolated(best) && best.s.residual <= accepted {
				return best.s
			}
			if !(now.correction < before*.75) {
				return nil
			}
		}
		p.refinements++
		next := make([]float64, n*n)
		dense.Add(next, c, s.p)
		s = p.at(next)
	}
	if best != nil && best.correction <= accepted && best.s.residual <= accepted && p.isolated(best) {
		return best.s
	}
	return nil
}

// polish takes a step of Newton's method with a correction of a few digits,
//
//	C = Σ (Fᵀ)ʲ E Fʲ over j < 2ᵏ,    ‖F^(2ᵏ)‖_F ≤ coarse,
//
// enough where E is little more than rounding, at a third of the cost of a solved
// one. It proves nothing: what it returns is measured, and is s where that is no
// worse or the powers do not end.
func (p *problem) polish(s *state) *state {
	n := p.n
	w := p.scratch(4 * n * n)
	f, next, t, tmp := w[:n*n], w[n*n:2*n*n], w[2*n*n:3*n*n], w[3*n*n:]
	c := make([]float64, n*n)
	copy(f, s.f)
	copy(c, s.e)
	for k := 0; dense.Norm(f) > coarse; k++ {
		if k == maxPolish {
			return s
		}
		dense.CongruenceT(t, f, c, tmp, n)
		dense.Add(c, c, t)
		dense.Mul(next, f, f, n, n, n)
		f, next = next, f
	}
	dense.Add(c, c, s.p)
	if better := p.at(c); better != nil && better.residual < s.residual {
		return better
	}
	return s
}

// rounding returns x and z: xᵢ = √Pᵢᵢ, and zᵢ zⱼ bounds what rounding did to Eᵢⱼ
// (see spread), WᵀRW included.
func (p *problem) rounding(s *state, g []float64) (x, z []float64) {
	n, r := p.n, p.r
	buf := make([]float64, 3*n)
	x, z = buf[:n], buf[n:2*n]
	for i := range n {
		x[i] = math.Sqrt(max(0, s.p[i*n+i]))
	}
	spread(z, s.f, g, x, buf[2*n:], n, true)
	for k := range r {
		size := math.Sqrt(float64(2*r+4) * dense.Eps * p.rr[k*r+k])
		for i, w := range s.w[k*n : k*n+n] {
			z[i] += size * math.Abs(w)
		}
	}
	return x, z
}

// correction is the size of a Newton correction C relative to the entries of P,
//
//	max |Cᵢⱼ| / (dᵢ dⱼ),    dᵢ² = Pᵢᵢ + zᵢ² / accepted,
//
// where an entry that is itself nothing but rounding counts as no less than that
// rounding allows it to be known.
func correction(c, x, z []float64, n int) float64 {
	worst := 0.0
	for i := range n {
		for j := range i + 1 {
			if v := math.Abs(c[i*n+j]); v != 0 {
				di, dj := math.Hypot(x[i], z[i]/math.Sqrt(accepted)), math.Hypot(x[j], z[j]/math.Sqrt(accepted))
				worst = max(worst, v/di/dj)
			}
		}
	}
	return worst
}

// isolated is the test of Newton and Kantorovich: with C a bound on the
// correction that counts what E is and what rounding may have hidden of it,
//
//	C = FᵀCF + diag(zᵢ² + Σⱼ |Eᵢⱼ| xⱼ/xᵢ),
//	C′ = FᵀC′F + Fᵀ C B S⁻¹ Bᵀ C F,
//
// the step after C is at most C′. It must be smaller by the factor isolation.
// Next to a double root, which is what a mode on the unit circle that Q does not
// see makes of P, every step halves the last, and C′ is C/4 or more.
func (p *problem) isolated(t *attempt) bool {
	n, r, s := p.n, p.r, t.s
	c, e := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		v := t.z[i] * t.z[i]
		for j := range n {
			if w := math.Abs(s.e[i*n+j]); w != 0 {
				v += w * (t.x[j] / t.x[i])
			}
		}
		c[i*n+i] = v
	}
	t.o.SolveT(c, c)
	bc, l, v := make([]float64, r*n), make([]float64, r*r), make([]float64, r*n)
	dense.MulTN(bc, p.b, s.p, r, n, n)
	dense.Mul(l, bc, p.b, r, n, r)
	dense.Symmetrize(l, r)
	dense.Add(l, l, p.rr)
	if !dense.Cholesky(l, l, r) {
		return false
	}
	dense.MulTN(bc, p.b, c, r, n, n)
	dense.Mul(v, bc, s.f, r, n, n)
	dense.ForwardSolve(l, v, r, n)
	dense.SymmetricTN(e, v, v, r, n)
	t.o.SolveT(e, e)
	for i := range n {
		if !(e[i*n+i] <= isolation*c[i*n+i]) {
			return false
		}
	}
	return true
}

// quick certifies the closed loop with P itself as the witness, P − FᵀPF ≻ 0,
// and bounds the error by it: where D (P − FᵀPF) D ⪰ θ I and ‖D E D‖_F ≤ θ τ,
// the Newton correction is at most τ P in the order of symmetric matrices,
// because X ↦ X − FᵀXF has a monotone inverse.
func (p *problem) quick(s *state) bool {
	n, r := p.n, p.r
	const theta, tau = 1e-4, 1e-8
	w := p.scratch(3*n*n + 4*n + 2*r*n)
	m, g, rest := w[:n*n], w[n*n:2*n*n], w[2*n*n:]
	dense.Sub(m, s.p, s.fpf)
	d := rest[:n] // the diagonal of D, at most 2⁵³⁷
	for i := range n {
		d[i] = 1 / math.Sqrt(m[i*n+i])
	}
	t := 0.0
	for i := range n {
		for j, e := range s.e[i*n : i*n+n] {
			v := e * d[i] * d[j]
			t += v * v
		}
	}
	if !(math.Sqrt(t) <= theta*tau) {
		return false
	}
	for i := range n {
		m[i*n+i] *= 1 - theta
	}
	p.blur(g, s, rest)
	return lyapunov(s.f, g, s.p, m, rest, n, true)
}

// blur sets g to a bound on the rounding of F = A − B W entry by entry,
// (r + 2) ε (|A| + |B| |W|), so that what is certified is A − B W itself, not
// only what floating point makes of it. buf has 2rn entries.
func (p *problem) blur(g []float64, s *state, buf []float64) {
	n, r := p.n, p.r
	b, w := buf[:n*r], buf[n*r:2*n*r]
	for i, v := range p.b {
		b[i] = math.Abs(v)
	}
	for i, v := range s.w {
		w[i] = math.Abs(v)
	}
	dense.Mul(g, b, w, n, r, n)
	c := float64(r+2) * dense.Eps
	for i, v := range p.a {
		g[i] = c * (g[i] + math.Abs(v))
	}
}

func (p *problem) noConvergence(residual, correction float64) error {
	e := &NoConvergenceError{Iterations: p.doublings + p.refinements, Residual: residual, Correction: correction}
	e.Uncontrollable, e.UnitUnobservable = p.distances()
	return e
}
