package lqr

import (
	"fmt"
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
// Noise of intensity V adds ∫₀ʰ exp(At) V exp(Aᵀt) dt to the state at every
// sample. Between two samples it costs, whatever the gain,
//
//	∫₀ʰ tr(Q S(t)) dt = tr(V K(h)),   S(t) = ∫₀ᵗ exp(Au) V exp(Aᵀu) du,
//
// where K(h) = ∫₀ʰ G(t) dt for M = A, Γ = Q.
//
// All are summed by Taylor's series for a time τ = h/2ᵏ so short that
// ‖M‖τ ≤ ¼, and doubled:
//
//	exp(2Mτ) = exp(Mτ)²
//	G(2τ)    = G(τ) + exp(Mτ)ᵀ G(τ) exp(Mτ)
//	K(2τ)    = K(τ) + τ G(τ) + exp(Mτ)ᵀ K(τ) exp(Mτ)
//
// Van Loan's exponential of a block matrix with −Mᵀ in it would overflow for
// stiff plants; here nothing grows that the result does not contain.
//
// C. Van Loan, IEEE Trans. Automatic Control 23 (1978), 395–404.

// propagate returns exp(M h), G(h) and K(h) for m×m matrices, Γ symmetric.
func propagate(mm, gamma []float64, m int, h float64) (exp, gram, mean []float64, err error) {
	const terms = 22 // (2·¼)²²/22! < 1e-27
	norm := dense.Norm(mm) * h
	if math.IsInf(norm, 0) {
		return nil, nil, nil, &SpecError{Field: "sample_time", Problem: "times the norm of the plant overflows"}
	}
	k := 0
	if norm > 0.25 {
		k = int(math.Ceil(math.Log2(norm / 0.25)))
	}
	τ := math.Ldexp(h, -k)

	exp = make([]float64, m*m)
	gram = make([]float64, m*m)
	mean = make([]float64, m*m)
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
		mean[i] = term[i] * τ / 2
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
			mean[i] += term[i] * τ / float64(j+2)
		}
	}
	for ; k > 0; k-- {
		dense.CongruenceT(t1, exp, mean, t2, m)
		for i := range mean {
			mean[i] += τ*gram[i] + t1[i]
		}
		τ *= 2
		dense.CongruenceT(t1, exp, gram, t2, m)
		for i := range gram {
			gram[i] += t1[i]
		}
		dense.Mul(t1, exp, exp, m, m, m)
		copy(exp, t1)
	}
	dense.Symmetrize(gram, m)
	dense.Symmetrize(mean, m)
	if x := dense.MaxAbs(exp) + dense.MaxAbs(gram) + dense.MaxAbs(mean); math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, nil, nil, &SpecError{Field: "sample_time", Problem: "is so long that the sampled plant overflows", Value: h, HasValue: true}
	}
	return exp, gram, mean, nil
}

// stiff bounds ‖A‖h: doubling loses log₂ of it in bits of the slowest mode, and
// at 2²⁶ half of them are left.
const stiff = 0x1p26

// sampled is a continuous plant under zero-order hold.
type sampled struct {
	a, b, q, r, cross []float64
	noise             []float64 // nil when there is none
	between           float64   // what the noise costs between two samples
}

// sample holds the inputs over h. A nil cross term stands for zero.
func sample(a, b, q, r, cross, noise []float64, n, nu int, h float64) (s sampled, err error) {
	// Inputs in units c in which they move the state as fast as it moves itself:
	// units must not make the plant look stiff.
	c := 1.0
	if na, nb := dense.Norm(a), dense.Norm(b); nb > 0 {
		if na == 0 {
			na = 1 / h
		}
		_, e := math.Frexp(na / nb)
		c = math.Ldexp(1, e)
	}
	if fast := dense.Norm(a) * h; fast > stiff {
		return s, &SpecError{Field: "sample_time", Problem: fmt.Sprintf("times ‖A‖ is %.3g, above %.3g: the fastest mode of the plant is too far from the slowest for float64", fast, float64(stiff))}
	}
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
	for i := range m {
		for j := n; j < m; j++ {
			mm[i*m+j] *= c
			gamma[i*m+j] *= c
			gamma[j*m+i] *= c
		}
	}
	exp, gram, _, err := propagate(mm, gamma, m, h)
	if err != nil {
		return s, err
	}
	for i := range m {
		for j := n; j < m; j++ {
			exp[i*m+j] /= c
			gram[i*m+j] /= c
			gram[j*m+i] /= c
		}
	}
	block := func(src []float64, row, col, rows, cols int) []float64 {
		dst := make([]float64, rows*cols)
		for i := 0; i < rows; i++ {
			copy(dst[i*cols:(i+1)*cols], src[(row+i)*m+col:])
		}
		return dst
	}
	s = sampled{
		a: block(exp, 0, 0, n, n), b: block(exp, 0, n, n, nu),
		q: block(gram, 0, 0, n, n), r: block(gram, n, n, nu, nu), cross: block(gram, 0, n, n, nu),
	}
	if noise == nil {
		return s, nil
	}
	at := make([]float64, n*n)
	dense.Transpose(at, a, n, n)
	if _, s.noise, _, err = propagate(at, noise, n, h); err != nil {
		return s, err
	}
	_, _, mean, err := propagate(a, q, n, h)
	if err != nil {
		return s, err
	}
	s.between = dense.Dot(noise, mean)
	return s, nil
}
