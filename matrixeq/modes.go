package matrixeq

import (
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
)

// maxModes bounds the number of eigenvalues examined by singular values.
const maxModes = 16

// invisible is the relative distance up to which a mode counts as unseen: what
// rounding a rotation of A, and the singular values, leave of zero.
func invisible(n int) float64 { return 64 * float64(n) * dense.Eps }

// defective bounds how far rounding may move an eigenvalue of an n×n matrix, a
// Jordan block of order n being the worst case.
func defective(n int) float64 { return math.Pow(16*dense.Eps, 1/float64(n)) }

// A mode is an eigenvalue of A and how far C is from not seeing it: the least
// singular value of [A − λI; C], both blocks relative to their norms.
type mode struct {
	eigenvalue complex128
	distance   float64
}

// hidden returns, of the eigenvalues of A, the one that C sees least, each moved
// to the place where it counts or left out where place says false. It is the
// Popov–Belevitch–Hautus test with a measured distance. ok is false when no
// eigenvalue counts (or none could be computed).
func hidden(a, c []float64, n, rows int, place func(complex128) (complex128, bool)) (worst mode, ok bool) {
	sa, sc := dense.Norm(a), dense.Norm(c)
	if sa == 0 {
		return mode{}, false
	}
	if sc == 0 {
		sc = 1
	}
	m := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, a[i*n+j]/sa)
		}
	}
	var e mat.Eigen
	if !e.Factorize(m, mat.EigenRight) {
		return mode{}, false
	}
	var vecs mat.CDense
	e.VectorsTo(&vecs)
	type candidate struct {
		value complex128
		seen  float64
	}
	var list []candidate
	for k, l := range e.Values(nil) {
		if imag(l) < 0 {
			continue // its conjugate is as visible
		}
		l, counts := place(l * complex(sa, 0))
		if !counts {
			continue
		}
		seen := 0.0
		for i := range rows {
			var s complex128
			for j := range n {
				s += complex(c[i*n+j]/sc, 0) * vecs.At(j, k)
			}
			seen = math.Hypot(seen, cmplx.Abs(s))
		}
		list = append(list, candidate{l, seen})
	}
	slices.SortStableFunc(list, func(x, y candidate) int {
		switch {
		case x.seen < y.seen:
			return -1
		case x.seen > y.seen:
			return 1
		}
		return 0
	})
	worst.distance = math.Inf(1)
	for _, x := range list[:min(len(list), maxModes)] {
		l := x.value
		// A defective eigenvalue is known to √ε or worse; Newton's method
		// on the singular value improves it.
		for range 8 {
			d, better := visibility(a, c, n, rows, l, sa, sc)
			if !(d < worst.distance) {
				break
			}
			worst, ok = mode{l, d}, true
			var counts bool
			if l, counts = place(better); !counts {
				break
			}
		}
	}
	return worst, ok
}

// visibility is the least singular value σ of [(A − λI)/sa; C/sc], with vectors
// u = (u₁; u₂) and v, and λ + sa σ/u₁ᴴv, where σ vanishes to first order. A complex
// λ = α + iβ is embedded as [[A − αI, βI], [−βI, A − αI]].
func visibility(a, c []float64, n, rows int, l complex128, sa, sc float64) (float64, complex128) {
	re, im := real(l), imag(l)
	k := 1
	if im != 0 {
		k = 2
	}
	m := mat.NewDense(k*(n+rows), k*n, nil)
	for b := range k {
		for i := range n {
			for j := range n {
				m.Set(b*n+i, b*n+j, a[i*n+j]/sa)
			}
			m.Set(b*n+i, b*n+i, (a[i*n+i]-re)/sa)
			if k == 2 {
				m.Set(b*n+i, (1-b)*n+i, float64(1-2*b)*im/sa)
			}
		}
		for i := range rows {
			for j := range n {
				m.Set(k*n+b*rows+i, b*n+j, c[i*n+j]/sc)
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThin) {
		return math.NaN(), l
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	q := k*n - 1
	sigma := svd.Values(nil)[q]
	var slope complex128
	for i := range n {
		if k == 1 {
			slope += complex(u.At(i, q)*v.At(i, q), 0)
			continue
		}
		slope += complex(u.At(i, q), -u.At(n+i, q)) * complex(v.At(i, q), v.At(n+i, q))
	}
	if slope == 0 {
		return sigma, l
	}
	return sigma, l + complex(sa*sigma, 0)/slope
}

func (p *problem) uncontrollable() (mode, bool) {
	n, r := p.n, p.r
	at, bt := make([]float64, n*n), make([]float64, r*n)
	dense.Transpose(at, p.a, n, n)
	dense.Transpose(bt, p.b, n, r)
	return hidden(at, bt, n, r, func(l complex128) (complex128, bool) {
		if abs(l) >= 1 {
			return l, true
		}
		return onCircle(l, n)
	})
}

func (p *problem) unitUnobservable() (mode, bool) {
	return hidden(p.a, p.q, p.n, p.n, func(l complex128) (complex128, bool) { return onCircle(l, p.n) })
}

// onCircle moves an eigenvalue that rounding may have moved off the unit circle
// back to it; the singular value there decides what it was.
func onCircle(l complex128, n int) (complex128, bool) {
	r := abs(l)
	if math.Abs(r-1) > defective(n) {
		return 0, false
	}
	return l / complex(r, 0), true
}

// obstruction names the mode that keeps the equation from having a stabilising
// solution, if there is one up to rounding.
func (p *problem) obstruction() error {
	tol := invisible(p.n)
	if m, ok := p.uncontrollable(); ok && m.distance <= tol {
		return &NotStabilizableError{Eigenvalue: m.eigenvalue, Distance: m.distance}
	}
	if m, ok := p.unitUnobservable(); ok && m.distance <= tol {
		return &UnitCircleError{Eigenvalue: m.eigenvalue, Distance: m.distance}
	}
	return nil
}

func (p *problem) distances() (uncontrollable, unitUnobservable float64) {
	uncontrollable, unitUnobservable = math.Inf(1), math.Inf(1)
	if m, ok := p.uncontrollable(); ok {
		uncontrollable = m.distance
	}
	if m, ok := p.unitUnobservable(); ok {
		unitUnobservable = m.distance
	}
	return
}
