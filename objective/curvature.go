package objective

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
)

// DenseHessian returns H = ∇²f(x), dim×dim row by row, from dim products.
//
// H is symmetrised, (H + Hᵀ)/2; asymmetry is ‖H − Hᵀ‖_F / ‖H‖_F as measured
// before, a few ε where HessVec is exact and far more where it is wrong or
// ill-conditioned. It is 0 for H = 0.
func DenseHessian(p Point, dim int) (h []float64, asymmetry float64) {
	h = make([]float64, dim*dim)
	e := make([]float64, dim)
	for j := range dim {
		e[j] = 1
		p.HessVec(h[j*dim:(j+1)*dim], e)
		e[j] = 0
	}
	scale := dense.Norm(h)
	for i := range dim {
		for j := range i {
			a, b := h[i*dim+j], h[j*dim+i]
			asymmetry = math.Hypot(asymmetry, a-b)
			m := a/2 + b/2
			h[i*dim+j], h[j*dim+i] = m, m
		}
	}
	if scale > 0 {
		asymmetry *= math.Sqrt2 / scale
	}
	return h, asymmetry
}

// Extremes are the extreme eigenvalues of a Hessian.
//
// When Exact, they are those of the dense symmetrised Hessian, each within a
// small multiple of ε·Norm. Otherwise they are Ritz values, which lie inside
// the spectrum: Min ≥ λ_min, Max ≤ λ_max and Norm ≤ ‖H‖₂, so that Norm is
// known only from below.
type Extremes struct {
	Min, Max  float64
	Norm      float64   // ‖H‖₂ = max(|Min|, |Max|)
	MinVec    []float64 // unit vector belonging to Min
	Asymmetry float64   // as DenseHessian measures it; 0 when not Exact
	Exact     bool
}

// DenseLimit is the dimension up to which Spectrum is exact by default.
const DenseLimit = 500

// Spectrum returns the extreme eigenvalues of ∇²f(x). Up to limit parameters
// (0 means DenseLimit) they come from the dense Hessian: dim products and one
// symmetric eigenproblem. Above, they are Ritz values of at most 120 Lanczos
// steps with full reorthogonalisation, from a fixed start. Where the Hessian
// is not finite, so is nothing of the answer: all three numbers are NaN.
func Spectrum(p Point, dim, limit int) Extremes {
	if limit == 0 {
		limit = DenseLimit
	}
	if dim > limit {
		return lanczos(p, dim)
	}
	h, asymmetry := DenseHessian(p, dim)
	x := symmetricExtremes(h, dim)
	x.Asymmetry, x.Exact = asymmetry, true
	return x
}

// symmetricExtremes solves the dense symmetric eigenproblem.
func symmetricExtremes(h []float64, dim int) Extremes {
	nan := Extremes{Min: math.NaN(), Max: math.NaN(), Norm: math.NaN()}
	if !dense.Finite(h) || dim == 0 {
		return nan
	}
	if dim == 1 {
		return Extremes{Min: h[0], Max: h[0], Norm: math.Abs(h[0]), MinVec: []float64{1}}
	}
	var eig mat.EigenSym
	if !eig.Factorize(mat.NewSymDense(dim, h), true) {
		return nan
	}
	values := eig.Values(nil)
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	lo, hi := values[0], values[dim-1]
	return Extremes{
		Min: lo, Max: hi,
		Norm:   math.Max(math.Abs(lo), math.Abs(hi)),
		MinVec: mat.Col(nil, 0, &vectors),
	}
}

// lanczosSteps bounds the Krylov dimension, lanczosTol is the residual of the
// two extreme Ritz pairs, relative to the norm, at which the search ends.
const (
	lanczosSteps = 120
	lanczosTol   = 1e-10
)

// lanczos builds an orthonormal basis q_0 … q_{m−1} of the Krylov space of H,
// with Qᵀ H Q = T tridiagonal, and returns the extremes of T's spectrum.
// C. Lanczos, J. Res. Nat. Bur. Standards 45 (1950), 255–282.
func lanczos(p Point, dim int) Extremes {
	random := rand.New(rand.NewPCG(1, uint64(dim)))
	q := make([]float64, dim)
	for i := range q {
		q[i] = random.NormFloat64()
	}
	dense.Scale(q, 1/dense.Norm(q), q)

	var basis [][]float64
	var alpha, beta []float64 // diagonal and subdiagonal of T
	var best Extremes
	for m := 1; m <= min(lanczosSteps, dim); m++ {
		basis = append(basis, q)
		w := make([]float64, dim)
		p.HessVec(w, q)
		alpha = append(alpha, dense.Dot(q, w))
		// Twice is enough to be orthogonal to working precision, however much
		// cancels (B. N. Parlett, The Symmetric Eigenvalue Problem, §6.9).
		for range 2 {
			for _, b := range basis {
				dense.AddScaled(w, -dense.Dot(b, w), b)
			}
		}
		residual := dense.Norm(w)
		if m%10 == 0 || m == min(lanczosSteps, dim) || !(residual > lanczosTol*best.Norm) {
			ritz, last := ritzExtremes(alpha, beta, basis)
			best = ritz
			if math.IsNaN(ritz.Norm) || residual*last <= lanczosTol*ritz.Norm {
				break
			}
		}
		beta = append(beta, residual)
		dense.Scale(w, 1/residual, w)
		q = w
	}
	return best
}

// ritzExtremes returns the extremes of the spectrum of the tridiagonal T, and
// the larger modulus of the last components of their eigenvectors, to which
// the residuals of the Ritz pairs are proportional.
func ritzExtremes(alpha, beta []float64, basis [][]float64) (Extremes, float64) {
	m, dim := len(alpha), len(basis[0])
	t := mat.NewSymDense(m, nil)
	for i, a := range alpha {
		t.SetSym(i, i, a)
		if i > 0 {
			t.SetSym(i-1, i, beta[i-1])
		}
	}
	var eig mat.EigenSym
	if !dense.Finite(alpha) || !dense.Finite(beta) || !eig.Factorize(t, true) {
		return Extremes{Min: math.NaN(), Max: math.NaN(), Norm: math.NaN()}, 0
	}
	values := eig.Values(nil)
	var y mat.Dense
	eig.VectorsTo(&y)
	v := make([]float64, dim)
	for i, b := range basis {
		dense.AddScaled(v, y.At(i, 0), b)
	}
	lo, hi := values[0], values[m-1]
	last := math.Max(math.Abs(y.At(m-1, 0)), math.Abs(y.At(m-1, m-1)))
	return Extremes{Min: lo, Max: hi, Norm: math.Max(math.Abs(lo), math.Abs(hi)), MinVec: v}, last
}

// DenseJacobian returns J = ∂F/∂x, dim×dim row by row, from dim pushes. The
// Jacobian of a general rule is not symmetric.
func DenseJacobian(s Step, dim int) []float64 {
	j := make([]float64, dim*dim)
	e, col := make([]float64, dim), make([]float64, dim)
	for k := range dim {
		e[k] = 1
		s.Push(col, e)
		e[k] = 0
		for i, c := range col {
			j[i*dim+k] = c
		}
	}
	return j
}

// SingularValues returns the smallest and the largest singular value of the
// dim×dim matrix a, which is not modified, each within a small multiple of
// ε·max. A step is locally open where the smallest is positive. Where a is not
// finite, both are NaN.
func SingularValues(a []float64, dim int) (smallest, largest float64) {
	if !dense.Finite(a) || dim == 0 {
		return math.NaN(), math.NaN()
	}
	if dim == 1 {
		return math.Abs(a[0]), math.Abs(a[0])
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(dim, dim, a), mat.SVDNone) {
		return math.NaN(), math.NaN()
	}
	values := svd.Values(nil)
	return values[dim-1], values[0]
}
