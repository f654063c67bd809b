package matrixeq

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
)

const (
	// powersEnd: squaring ends when ‖A^(2^k)‖_F² is below it. What is then
	// left out of X is below powersEnd² = 2⁻⁶² of X.
	powersEnd = 0x1p-31
	// maxPowers: 2⁶⁰ steps of a matrix with ρ = 1 − ε decay below powersEnd,
	// and nothing closer to 1 can be certified.
	maxPowers = 60
	// maxPower: a larger ‖A^(2^k)‖_F is not squared; its square, and the
	// solution it enters, would come near overflow.
	maxPower = 0x1p240
	// provedBelow: ‖A^(2^k)‖_F and the bound on its error, when they are together
	// below it rather than below 1, leave room for what rounds the two.
	provedBelow = 0.5
	// onStack: up to this order workspace lives on the stack.
	onStack = 4
)

// An Operator is the map X ↦ X − A X Aᵀ (and its adjoint X ↦ X − Aᵀ X A) of one
// A that is certified stable, prepared for any number of right-hand sides. It
// is immutable and safe for concurrent use.
type Operator struct {
	n         int
	powers    []float64 // A, A², A⁴, … one after another
	contracts bool      // the norm of a power proves ρ(A) < 1
	refine    bool      // the measured error of doubling warrants a correction
}

// Prepare certifies that ρ(A) < 1 and computes the powers A^(2^k) that every
// solution shares. A is copied.
//
// The certificate is ‖A^(2ᵏ)‖_F < 1 for one of them, a bound on its rounding
// errors included; or, where these grow too fast, X ≻ 0 with X − A X Aᵀ ≻ 0,
// checked by Cholesky with a margin above all rounding, X being the computed
// solution of X = A X Aᵀ + M with M = I, or, where that fails because A's
// coordinates are badly scaled, with M = diag(X) of the attempt before.
//
// Errors: *ShapeError, *NotFiniteError, *UnstableError.
//
// Cost: K = log₂(20/(1 − ρ)) or so products, and K congruences to measure what
// doubling loses.
func Prepare(a Matrix) (*Operator, error) { return PrepareNamed("A", a) }

// PrepareNamed is Prepare with the name that errors give the matrix.
func PrepareNamed(name string, a Matrix) (*Operator, error) { return prepare(name, a, nil) }

// prepare certifies every matrix within g of a, entry by entry.
func prepare(name string, a Matrix, g []float64) (*Operator, error) {
	o, err := newOperator(name, a, g)
	if err != nil {
		return nil, err
	}
	if !o.prove(g) {
		return nil, o.unstable(name)
	}
	return o, nil
}

// prove looks for a right-hand side that certifies every matrix within g of A, the
// first being enough where a power did, and measures what doubling loses with it.
func (o *Operator) prove(g []float64) bool {
	n := o.n
	var small [5*onStack*onStack + 4*onStack]float64
	w := small[:]
	if n > onStack {
		w = make([]float64, 5*n*n+4*n)
	}
	m, x, s, rest := w[:n*n], w[n*n:2*n*n], w[2*n*n:3*n*n], w[3*n*n:]
	dense.Identity(m, n)
	for range 3 {
		if o.certify(g, x, s, m, rest, o.contracts) {
			return true
		}
		// Equilibrate: in units of √Xᵢᵢ the transient growth that
		// belongs to the units alone is gone.
		clear(m)
		for i := range n {
			v := x[i*n+i]
			if !(v > 0) || v > math.MaxFloat64 {
				return false
			}
			m[i*n+i] = v
		}
	}
	return false
}

// PrepareWithin is Prepare for an A known up to rounding: it certifies every Ã
// with
//
//	|Ã − A| ≤ bound,    entry by entry, n×n (the zero Matrix: A alone).
//
// A symmetric witness ≻ 0, n×n, makes X = A X Aᵀ + witness the certificate, and
// X is returned: one solution less for a caller who needs that one anyway. A
// witness that proves nothing, because it is singular or too badly scaled, costs
// that saving, no more. Without one (the zero Matrix) no X is returned.
//
// Errors: those of Prepare, for every argument by its name, and
// *NotSymmetricError for a witness that is not symmetric to the bit.
func PrepareWithin(a, bound, witness Matrix) (*Operator, Matrix, error) {
	if !bound.IsZero() {
		if err := CheckShape("bound", bound, a.Rows, a.Rows); err != nil {
			return nil, Matrix{}, err
		}
		if err := CheckFinite("bound", bound); err != nil {
			return nil, Matrix{}, err
		}
	}
	if witness.IsZero() {
		o, err := prepare("A", a, bound.Data)
		return o, Matrix{}, err
	}
	if err := checkMirrored("witness", witness, a.Rows); err != nil {
		return nil, Matrix{}, err
	}
	o, err := newOperator("A", a, bound.Data)
	if err != nil {
		return nil, Matrix{}, err
	}
	n := o.n
	var small [3*onStack*onStack + 4*onStack]float64
	w := small[:]
	if n > onStack {
		w = make([]float64, 3*n*n+4*n)
	}
	x := New(n, n)
	if o.certify(bound.Data, x.Data, w[:n*n], witness.Data, w[n*n:], false) {
		if o.refine {
			o.Solve(x.Data, witness.Data)
		}
		return o, x, nil
	}
	if !o.prove(bound.Data) {
		return nil, Matrix{}, o.unstable("A")
	}
	o.Solve(x.Data, witness.Data)
	return o, x, nil
}

// checkMirrored returns an error unless m is n×n, finite and symmetric to the bit.
func checkMirrored(name string, m Matrix, n int) error {
	if err := CheckShape(name, m, n, n); err != nil {
		return err
	}
	if err := CheckFinite(name, m); err != nil {
		return err
	}
	for i := range n {
		for j := range i {
			if x, y := m.Data[i*n+j], m.Data[j*n+i]; x != y {
				return &NotSymmetricError{Name: name, Row: i, Col: j, Value: x, Other: y}
			}
		}
	}
	return nil
}

// newOperator computes the powers until they end, and says whether one of them
// proves the stability of every matrix within g of A (nil: of A itself).
func newOperator(name string, a Matrix, g []float64) (*Operator, error) {
	if err := checkSquare(name, a); err != nil {
		return nil, err
	}
	n := a.Rows
	// Room for the powers of ρ up to about 0.96.
	o := &Operator{n: n, powers: make([]float64, n*n, 8*n*n)}
	copy(o.powers, a.Data)
	blur := 0.0 // how far the power may be from those of the matrices within g
	if g != nil {
		blur = dense.Norm(g)
	}
	for {
		p := o.power(o.count() - 1)
		norm := dense.Norm(p)
		o.contracts = o.contracts || norm+blur <= provedBelow
		if norm*norm <= powersEnd {
			return o, nil
		}
		if traceLower(p, blur, n) > 1 || !(norm <= maxPower) || o.count() > maxPowers {
			return nil, o.unstable(name)
		}
		o.square()
		blur = squareBlur(blur, norm, n)
	}
}

// count is the number of powers, and power(k) is A^(2^k).
func (o *Operator) count() int { return len(o.powers) / (o.n * o.n) }

func (o *Operator) power(k int) []float64 {
	nn := o.n * o.n
	return o.powers[k*nn : (k+1)*nn : (k+1)*nn]
}

// square adds the square of the last power.
func (o *Operator) square() {
	k := o.count()
	if cap(o.powers) < len(o.powers)+o.n*o.n {
		o.powers = append(make([]float64, 0, 2*cap(o.powers)), o.powers...)
	}
	o.powers = o.powers[:len(o.powers)+o.n*o.n]
	p := o.power(k - 1)
	dense.Mul(o.power(k), p, p, o.n, o.n, o.n)
}

// squareBlur bounds ‖fl(P²) − T²‖_F given norm = ‖P‖_F and blur ≥ ‖P − T‖_F, the
// error of P as a power T of A, underflow included.
func squareBlur(blur, norm float64, n int) float64 {
	return blur*(2*norm+blur) + float64(n+2)*dense.Eps*norm*norm + float64(n*n)*0x1p-1000
}

// traceLower is a lower bound on ρ(A)^m from P, which is Aᵐ but for an error of
// Frobenius norm blur: (|tr P| − √n blur)/n, less the rounding of the trace.
func traceLower(p []float64, blur float64, n int) float64 {
	t := math.Abs(dense.Trace(p, n)) - math.Sqrt(float64(n))*blur
	for i := range n {
		t -= float64(n) * dense.Eps * math.Abs(p[i*n+i])
	}
	return t / float64(n)
}

// unstable is the error for A, with the bounds its powers give.
func (o *Operator) unstable(name string) *UnstableError {
	e := &UnstableError{Name: name, Upper: math.Inf(1)}
	exponent, blur := 1.0, 0.0 // 2⁻ᵏ, the error of the power
	for k := range o.count() {
		p := o.power(k)
		norm := dense.Norm(p)
		e.Lower = max(e.Lower, math.Pow(max(0, traceLower(p, blur, o.n)), exponent))
		e.Upper = min(e.Upper, math.Pow(norm+blur, exponent))
		exponent /= 2
		blur = squareBlur(blur, norm, o.n)
	}
	var err error
	if e.Radius, err = SpectralRadius(Matrix{Rows: o.n, Cols: o.n, Data: o.power(0)}); err != nil {
		e.Radius = math.NaN()
	}
	return e
}

// certify solves x = A x Aᵀ + m, sets s ← x − A x Aᵀ and says whether they
// prove ρ(A) < 1, for every matrix within g of A, unless that is proved. w has
// 2n² + 4n entries.
func (o *Operator) certify(g, x, s, m, w []float64, proved bool) bool {
	n := o.n
	copy(x, m)
	o.double(x, s, w)
	dense.Congruence(s, o.power(0), x, w, n)
	dense.Sub(s, x[:n*n], s[:n*n])
	if !proved && !lyapunov(o.power(0), g, x, s, w, n, false) {
		return false
	}
	dense.Sub(s, s[:n*n], m[:n*n])
	o.refine = dense.Norm(s) > evaluating(n)*dense.Norm(x[:n*n])
	return true
}

// evaluating bounds what evaluating a residual leaves of it beside ‖x‖; only what
// exceeds that can be corrected.
func evaluating(n int) float64 { return float64(16*n) * dense.Eps }

// double runs x ← x + A_k x A_kᵀ over the powers. t and w have n² entries.
func (o *Operator) double(x, t, w []float64) {
	for k := range o.count() {
		p := o.power(k)
		dense.Congruence(t, p, x, w, o.n)
		dense.Add(x[:o.n*o.n], x, t)
	}
}

// doubleT runs x ← x + A_kᵀ x A_k.
func (o *Operator) doubleT(x, t, w []float64) {
	for k := range o.count() {
		p := o.power(k)
		dense.CongruenceT(t, p, x, w, o.n)
		dense.Add(x[:o.n*o.n], x, t)
	}
}

// N is the order of A.
func (o *Operator) N() int { return o.n }

// Solve sets dst to the symmetric X with X = A X Aᵀ + M, for symmetric M
// (n×n, row-major); dst may be m.
//
// Squared Smith doubling: R. A. Smith, SIAM J. Appl. Math. 16 (1968), 198–201.
// Where the certificate showed that doubling loses digits (A far from normal),
// steps of iterative refinement follow while each divides the residual by 4; one
// that makes it larger is taken back. A solution beyond the range of float64
// comes out as infinities or NaN; Stein makes an error of that.
func (o *Operator) Solve(dst, m []float64) { o.solve(dst, m, false) }

// SolveT sets dst to the symmetric X with X = Aᵀ X A + M; dst may be m.
func (o *Operator) SolveT(dst, m []float64) { o.solve(dst, m, true) }

// solve branches on the direction rather than call through a function value, for
// which the workspace of a small problem could not stay on the stack.
func (o *Operator) solve(dst, m []float64, transposed bool) {
	n := o.n
	var small [4 * onStack * onStack]float64
	w := small[:]
	if n > onStack {
		w = make([]float64, 4*n*n)
	}
	t, u, rhs, r := w[:n*n], w[n*n:2*n*n], w[2*n*n:3*n*n], w[3*n*n:4*n*n]
	dst = dst[:n*n]
	copy(rhs, m[:n*n])
	copy(dst, rhs)
	o.run(dst, t, u, transposed)
	if !o.refine {
		return
	}
	before := make([]float64, n*n)
	copy(before, dst)
	for last := math.Inf(1); ; {
		o.image(t, dst, u, transposed)
		for i := range r {
			r[i] = (rhs[i] - dst[i]) + t[i]
		}
		norm := dense.Norm(r)
		if !(norm <= last) {
			copy(dst, before)
			return
		}
		if norm > last/4 || norm == 0 {
			return
		}
		last = norm
		o.run(r, t, u, transposed)
		copy(before, dst)
		dense.Add(dst, dst, r)
	}
}

func (o *Operator) run(x, t, w []float64, transposed bool) {
	if transposed {
		o.doubleT(x, t, w)
		return
	}
	o.double(x, t, w)
}

// image sets t ← A x Aᵀ, or Aᵀ x A.
func (o *Operator) image(t, x, w []float64, transposed bool) {
	if transposed {
		dense.CongruenceT(t, o.power(0), x, w, o.n)
		return
	}
	dense.Congruence(t, o.power(0), x, w, o.n)
}

// Residual is ‖X − A X Aᵀ − M‖_F / (‖X‖_F + ‖A X Aᵀ‖_F + ‖M‖_F), and 0 when
// all are zero.
func (o *Operator) Residual(x, m []float64) float64 {
	norm, size := o.residual(x, m, false)
	return quotient(norm, size)
}

// ResidualT is ‖X − Aᵀ X A − M‖_F / (‖X‖_F + ‖Aᵀ X A‖_F + ‖M‖_F).
func (o *Operator) ResidualT(x, m []float64) float64 {
	norm, size := o.residual(x, m, true)
	return quotient(norm, size)
}

func quotient(norm, size float64) float64 {
	if size == 0 {
		return 0
	}
	return norm / size
}

// residual is ‖X − A X Aᵀ − M‖_F and what it is relative to.
func (o *Operator) residual(x, m []float64, transposed bool) (norm, size float64) {
	nn := o.n * o.n
	w := make([]float64, 2*nn)
	return o.residualWith(x[:nn], m[:nn], w[:nn], w[nn:], transposed)
}

func (o *Operator) residualWith(x, m, t, w []float64, transposed bool) (norm, size float64) {
	o.image(t, x, w, transposed)
	size = dense.Norm(x) + dense.Norm(t) + dense.Norm(m)
	for i := range t {
		t[i] = x[i] - t[i] - m[i]
	}
	return dense.Norm(t), size
}

// InverseNorm is the norm of the inverse map M ↦ X on symmetric matrices with
// the operator 2-norm, which a positive map attains at M = I: λ_max(X) where
// X = A X Aᵀ + I.
func (o *Operator) InverseNorm() float64 {
	n := o.n
	x := make([]float64, n*n)
	dense.Identity(x, n)
	o.Solve(x, x)
	_, e := math.Frexp(dense.MaxAbs(x))
	vals, ok := eigenSym(x, n, -e)
	if !ok {
		return dense.Norm(x)
	}
	return math.Ldexp(vals[n-1], e)
}

// SpectralRadius is max |λ| over the eigenvalues of A, computed by the QR
// algorithm. It proves nothing: the eigenvalues of a defective A of order n
// carry errors of order ε^(1/n). Prepare decides stability.
func SpectralRadius(a Matrix) (float64, error) {
	if err := checkSquare("A", a); err != nil {
		return 0, err
	}
	vals, err := eigenvalues(a)
	if err != nil {
		return 0, err
	}
	r := 0.0
	for _, l := range vals {
		r = max(r, abs(l))
	}
	return r, nil
}

func abs(z complex128) float64 { return math.Hypot(real(z), imag(z)) }

// eigenvalues scales A by a power of two away from overflow.
func eigenvalues(a Matrix) ([]complex128, error) {
	n := a.Rows
	size := dense.MaxAbs(a.Data)
	if size == 0 {
		return make([]complex128, n), nil
	}
	_, e := math.Frexp(size)
	m := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, math.Ldexp(a.Data[i*n+j], -e))
		}
	}
	var eig mat.Eigen
	if !eig.Factorize(m, mat.EigenNone) {
		return nil, &NoConvergenceError{Residual: math.NaN(), Correction: math.NaN(), Uncontrollable: math.NaN(), UnitUnobservable: math.NaN()}
	}
	vals := eig.Values(nil)
	for i, l := range vals {
		vals[i] = complex(math.Ldexp(real(l), e), math.Ldexp(imag(l), e))
	}
	return vals, nil
}
