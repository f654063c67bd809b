package lqr

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// Sampling a continuous plant ṡ = A s + B a under the cost
// ∫(sᵀQs + 2sᵀNa + aᵀRa)dt, with a held constant for a time h. With
//
//	M = [ A  B ]     Γ = [ Q   N ]
//	    [ 0  0 ]         [ Nᵀ  R ]
//
// the sampled plant is the upper part of exp(M h), and the sampled weights are
// the blocks of
//
//	G(h) = ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt.
//
// Both are summed by Taylor's series for a time τ = h/2ᵏ so short that
// ‖M‖τ ≤ ¼, and doubled: exp(2Mτ) = exp(Mτ)², G(2τ) = G(τ) + exp(Mτ)ᵀ G(τ) exp(Mτ).
// Van Loan's exponential of a block matrix with −Mᵀ in it would overflow for
// stiff plants; here nothing grows that the result does not contain.
//
// C. Van Loan, IEEE Trans. Automatic Control 23 (1978), 395–404.

// propagate returns exp(M h) and ∫₀ʰ exp(Mᵀt) Γ exp(Mt) dt for m×m matrices, Γ
// symmetric.
func propagate(mm, gamma []float64, m int, h float64) (exp, gram []float64, err error) {
	const terms = 22 // (2·¼)²²/22! < 1e-27
	norm := dense.Norm(mm) * h
	if math.IsInf(norm, 0) {
		return nil, nil, &SpecError{Field: "sample_time", Problem: "times the norm of the plant overflows"}
	}
	k := 0
	if norm > 0.25 {
		k = int(math.Ceil(math.Log2(norm / 0.25)))
	}
	τ := math.Ldexp(h, -k)

	exp = make([]float64, m*m)
	gram = make([]float64, m*m)
	pow := make([]float64, m*m)  // (Mτ)ʲ/j!
	term := make([]float64, m*m) // τʲ⁺¹/(j+1)! · (X ↦ MᵀX + XM)ʲ Γ
	t1 := make([]float64, m*m)
	t2 := make([]float64, m*m)
	for i := 0; i < m; i++ {
		exp[i*m+i], pow[i*m+i] = 1, 1
	}
	for i := range gamma {
		term[i] = τ * gamma[i]
		gram[i] = term[i]
	}
	for j := 1; j <= terms; j++ {
		dense.Mul(t1, pow, mm, m, m, m)
		for i := range t1 {
			pow[i] = t1[i] * τ / float64(j)
			exp[i] += pow[i]
		}
		dense.MulTN(t1, mm, term, m, m, m)
		dense.Mul(t2, term, mm, m, m, m)
		for i := range t1 {
			term[i] = (t1[i] + t2[i]) * τ / float64(j+1)
			gram[i] += term[i]
		}
	}
	for ; k > 0; k-- {
		dense.CongruenceT(t1, exp, gram, t2, m)
		for i := range gram {
			gram[i] += t1[i]
		}
		dense.Mul(t1, exp, exp, m, m, m)
		copy(exp, t1)
	}
	dense.Symmetrize(gram, m)
	if x := dense.MaxAbs(exp) + dense.MaxAbs(gram); math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, nil, &SpecError{Field: "sample_time", Problem: "is so long that the sampled plant overflows", Value: h, HasValue: true}
	}
	return exp, gram, nil
}

// sample replaces a continuous plant by its zero-order hold over h. A nil
// cross term or noise stands for zero; a nil noise stays nil.
func sample(a, b, q, r, cross, noise []float64, n, nu int, h float64) (da, db, dq, dr, dcross, dnoise []float64, err error) {
	m := n + nu
	mm := make([]float64, m*m)
	gamma := make([]float64, m*m)
	for i := 0; i < n; i++ {
		copy(mm[i*m:], a[i*n:(i+1)*n])
		copy(mm[i*m+n:], b[i*nu:(i+1)*nu])
		copy(gamma[i*m:], q[i*n:(i+1)*n])
		for j := 0; cross != nil && j < nu; j++ {
			gamma[i*m+n+j] = cross[i*nu+j]
			gamma[(n+j)*m+i] = cross[i*nu+j]
		}
	}
	for i := 0; i < nu; i++ {
		copy(gamma[(n+i)*m+n:], r[i*nu:(i+1)*nu])
	}
	exp, gram, err := propagate(mm, gamma, m, h)
	if err != nil {
		return nil, nil, nil, nil, nil, nil, err
	}
	block := func(src []float64, row, col, rows, cols int) []float64 {
		dst := make([]float64, rows*cols)
		for i := 0; i < rows; i++ {
			copy(dst[i*cols:(i+1)*cols], src[(row+i)*m+col:])
		}
		return dst
	}
	if noise != nil {
		at := make([]float64, n*n)
		for i := 0; i < n; i++ {
			for j := 0; j < n; j++ {
				at[j*n+i] = a[i*n+j]
			}
		}
		if _, dnoise, err = propagate(at, noise, n, h); err != nil {
			return nil, nil, nil, nil, nil, nil, err
		}
	}
	return block(exp, 0, 0, n, n), block(exp, 0, n, n, nu),
		block(gram, 0, 0, n, n), block(gram, n, n, nu, nu), block(gram, 0, n, n, nu), dnoise, nil
}
