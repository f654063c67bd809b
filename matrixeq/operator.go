package matrixeq

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
)

const (
	// powersEnd: squaring ends when ‖A^(2^k)‖_F is below it. What is then
	// left out of X is below powersEnd² = 2⁻⁶² of X.
	powersEnd = 0x1p-31
	// maxPowers: 2⁶⁰ steps of a matrix with ρ = 1 − ε decay below powersEnd,
	// and nothing closer to 1 can be certified.
	maxPowers = 60
	// maxPower: a larger ‖A^(2^k)‖_F is not squared; its square, and the
	// solution it enters, would come near overflow.
	maxPower = 0x1p240
)

// An Operator is the map X ↦ X − A X Aᵀ (and its adjoint X ↦ X − Aᵀ X A) of one
// A that is certified stable, prepared for any number of right-hand sides. It
// is immutable and safe for concurrent use.
type Operator struct {
	n      int
	powers [][]float64 // A, A², A⁴, …
	refine bool        // the measured error of doubling warrants a correction
}

// Prepare certifies that ρ(A) < 1 and computes the powers A^(2^k) that every
// solution shares. A is copied.
//
// The certificate is X ≻ 0 with X − A X Aᵀ ≻ 0, checked by Cholesky with a
// margin above all rounding, X being the computed solution of X = A X Aᵀ + M
// with M = I, or, where that fails because A's coordinates are badly scaled,
// with M = diag(X) of the attempt before.
//
// Errors: *ShapeError, *NotFiniteError, *UnstableError.
//
// Cost: K = log₂(20/(1 − ρ)) or so products, K congruences.
func Prepare(a Matrix) (*Operator, error) { return PrepareNamed("A", a) }

// PrepareNamed is Prepare with the name that errors give the matrix.
func PrepareNamed(name string, a Matrix) (*Operator, error) {
	o, lower, upper, err := newOperator(name, a)
	if err != nil {
		return nil, err
	}
	n := o.n
	w := make([]float64, 5*n*n+3*n)
	m, x, s, rest := w[:n*n], w[n*n:2*n*n], w[2*n*n:3*n*n], w[3*n*n:]
	dense.Identity(m, n)
	for range 3 {
		if o.certify(x, s, m, rest) {
			return o, nil
		}
		// Equilibrate: in units of √Xᵢᵢ the transient growth that
		// belongs to the units alone is gone.
		clear(m)
		for i := range n {
			v := x[i*n+i]
			if !(v > 0) || v > math.MaxFloat64 {
				return nil, unstable(name, a, lower, upper)
			}
			m[i*n+i] = v
		}
		o.extend(m)
	}
	return nil, unstable(name, a, lower, upper)
}

// PrepareWith is Prepare whose certificate is the solution of X = A X Aᵀ + witness
// for a symmetric witness ≻ 0 of the caller's, which is returned: one solution
// less where the caller needs that one anyway.
func PrepareWith(a, witness Matrix) (*Operator, Matrix, error) {
	o, lower, upper, err := newOperator("A", a)
	if err != nil {
		return nil, Matrix{}, err
	}
	n := o.n
	if err := CheckPositiveDefinite("witness", witness); err != nil {
		return nil, Matrix{}, err
	}
	if err := CheckShape("witness", witness, n, n); err != nil {
		return nil, Matrix{}, err
	}
	w := make([]float64, 3*n*n+3*n)
	x := New(n, n)
	if !o.certify(x.Data, w[:n*n], witness.Data, w[n*n:]) {
		// A witness of the wrong scale proves nothing; Prepare finds one.
		if o, err = Prepare(a); err != nil {
			err.(*UnstableError).Lower = lower
			err.(*UnstableError).Upper = upper
			return nil, Matrix{}, err
		}
		o.Solve(x.Data, witness.Data)
		return o, x, nil
	}
	if o.refine {
		o.Solve(x.Data, witness.Data)
	}
	return o, x, nil
}

// newOperator computes the powers, and bounds lower ≤ ρ(A) ≤ upper from them.
func newOperator(name string, a Matrix) (o *Operator, lower, upper float64, err error) {
	if err := checkSquare(name, a); err != nil {
		return nil, 0, 0, err
	}
	n := a.Rows
	o = &Operator{n: n, powers: make([][]float64, 1, 12)}
	p := make([]float64, n*n)
	copy(p, a.Data)
	o.powers[0] = p
	upper = math.Inf(1)
	exponent := 1.0 // 2⁻ᵏ
	for k := 0; ; k++ {
		norm := dense.Norm(p)
		if norm < 0x1p-500 {
			// A power of zero, or as good as.
			return o, lower, min(upper, math.Pow(norm, exponent)), nil
		}
		// Only the part of the trace that rounding cannot have made counts.
		if t := math.Abs(dense.Trace(p, n)) - 0x1p-40*norm; t > 0 {
			lower = max(lower, math.Pow(t/float64(n), exponent))
		}
		upper = min(upper, math.Pow(norm, exponent))
		if norm*norm <= powersEnd {
			return o, lower, upper, nil
		}
		if lower > 1 || norm > maxPower || k == maxPowers {
			return nil, lower, upper, unstable(name, a, lower, upper)
		}
		q := make([]float64, n*n)
		dense.Mul(q, p, p, n, n, n)
		o.powers = append(o.powers, q)
		p = q
		exponent /= 2
	}
}

// extend adds powers until they end in the units √mᵢᵢ.
func (o *Operator) extend(m []float64) {
	n := o.n
	for range 8 {
		p := o.powers[len(o.powers)-1]
		s := 0.0
		for i := range n {
			for j := range n {
				v := p[i*n+j]
				s += v * v * (m[j*n+j] / m[i*n+i])
			}
		}
		if !(s > powersEnd) {
			return
		}
		q := make([]float64, n*n)
		dense.Mul(q, p, p, n, n, n)
		o.powers = append(o.powers, q)
	}
}

// certify solves x = A x Aᵀ + m, sets s ← x − A x Aᵀ and says whether they
// prove ρ(A) < 1. w has 2n² + 3n entries.
func (o *Operator) certify(x, s, m, w []float64) bool {
	n := o.n
	copy(x, m)
	o.double(x, s, w)
	dense.Congruence(s, o.powers[0], x, w, n)
	dense.Sub(s, x[:n*n], s[:n*n])
	if !lyapunov(o.powers[0], x, s, w, n, false) {
		return false
	}
	// The inverse is monotone, so the error of x is at most ‖s − m‖ / λ_min(m)
	// times x.
	least := math.Inf(1)
	for i := range n {
		least = min(least, m[i*n+i])
	}
	dense.Sub(s, s[:n*n], m[:n*n])
	o.refine = dense.Norm(s) > 1e-13*float64(n)*least
	return true
}

// double runs x ← x + A_k x A_kᵀ over the powers. t and w have n² entries.
func (o *Operator) double(x, t, w []float64) {
	for _, p := range o.powers {
		dense.Congruence(t, p, x, w, o.n)
		dense.Add(x[:o.n*o.n], x, t)
	}
}

func (o *Operator) doubleT(x, t, w []float64) {
	for _, p := range o.powers {
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
// one step of iterative refinement follows.
func (o *Operator) Solve(dst, m []float64) { o.solve(dst, m, (*Operator).double, dense.Congruence) }

// SolveT sets dst to the symmetric X with X = Aᵀ X A + M; dst may be m.
func (o *Operator) SolveT(dst, m []float64) { o.solve(dst, m, (*Operator).doubleT, dense.CongruenceT) }

func (o *Operator) solve(dst, m []float64, double func(o *Operator, x, t, w []float64), congruence func(dst, a, x, tmp []float64, n int)) {
	n := o.n
	w := make([]float64, 3*n*n)
	t, u, r := w[:n*n], w[n*n:2*n*n], w[2*n*n:]
	copy(r, m[:n*n])
	copy(dst[:n*n], r)
	double(o, dst, t, u)
	if !o.refine {
		return
	}
	congruence(t, o.powers[0], dst, u, n)
	for i := range r {
		r[i] += t[i] - dst[i]
	}
	double(o, r, t, u)
	dense.Add(dst[:n*n], dst, r)
}

// Residual is ‖X − A X Aᵀ − M‖_F / (‖X‖_F + ‖A X Aᵀ‖_F + ‖M‖_F), and 0 when
// all are zero.
func (o *Operator) Residual(x, m []float64) float64 { return o.residual(x, m, dense.Congruence) }

// ResidualT is ‖X − Aᵀ X A − M‖_F / (‖X‖_F + ‖Aᵀ X A‖_F + ‖M‖_F).
func (o *Operator) ResidualT(x, m []float64) float64 { return o.residual(x, m, dense.CongruenceT) }

func (o *Operator) residual(x, m []float64, congruence func(dst, a, x, tmp []float64, n int)) float64 {
	n := o.n
	w := make([]float64, 2*n*n)
	t := w[:n*n]
	congruence(t, o.powers[0], x, w[n*n:], n)
	size := dense.Norm(x[:n*n]) + dense.Norm(t) + dense.Norm(m[:n*n])
	if size == 0 {
		return 0
	}
	for i := range t {
		t[i] = x[i] - t[i] - m[i]
	}
	return dense.Norm(t) / size
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
	vals, _, ok := eigenSym(x, n, -e)
	if !ok {
		return dense.Norm(x)
	}
	return math.Ldexp(vals[n-1], e)
}

func unstable(name string, a Matrix, lower, upper float64) *UnstableError {
	r, err := SpectralRadius(a)
	if err != nil {
		r = math.NaN()
	}
	return &UnstableError{Name: name, Radius: r, Lower: lower, Upper: upper}
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
