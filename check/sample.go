package check

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A discrete encloses a task as its user states it, in discrete time: sampled if
// it was stated in continuous time, and before discount, noise and the cross
// term are dealt with. Q, R and Noise stand for their symmetric members.
type discrete struct {
	A, B, Q, R, N interval.Matrix   // N is zero where the task has none
	Noise         interval.Matrix   // V; no rows where the task has none
	Between       interval.Interval // what noise costs between two samples, whatever the gain
}

var errSample = errors.New("the plant cannot be sampled in float64")

// sampled encloses the plant and cost of a task, which are exact for a plant
// stated in discrete time. Under a zero-order hold of h, with
//
//	M = [ A  B ]     Γ = [ Q   N ]
//	    [ 0  0 ]         [ Nᵀ  R ]
//
// the sampled A and B are the upper rows of exp(M h), the sampled Q, N and R
// the blocks of G(h) = ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt, and noise of intensity V
// becomes ∫₀ʰ exp(At) V exp(Aᵀt) dt and costs tr(V ∫₀ʰ(h−u) exp(Aᵀu) Q exp(Au) du)
// between two samples.
//
// The error matches errSample, or errUnbounded where s has a NaN or an infinity.
func sampled(s lqr.Spec) (discrete, error) {
	for _, m := range []matrixeq.Matrix{s.A, s.B, s.Q, s.R, s.N, s.Noise} {
		if !isFinite(m) {
			return discrete{}, errUnbounded
		}
	}
	n, r := s.A.Rows, s.B.Cols
	p := discrete{A: thin(s.A), B: thin(s.B), Q: symmetrized(s.Q), R: symmetrized(s.R), N: interval.NewMatrix(n, r)}
	if !s.N.IsZero() {
		p.N = thin(s.N)
	}
	if !s.Noise.IsZero() {
		p.Noise = symmetrized(s.Noise)
	}
	if s.SampleTime == 0 {
		return p, nil
	}
	h := s.SampleTime
	if !(h > 0 && h-h == 0) {
		return discrete{}, errUnbounded
	}

	// Inputs in units c in which they move the state as fast as it moves itself,
	// so that their units alone do not ask for more doublings.
	c := 1.0
	if na, nb := norm(s.A), norm(s.B); nb > 0 {
		if na == 0 {
			na = 1 / h
		}
		_, e := math.Frexp(na / nb)
		c = math.Ldexp(1, e)
	}
	if !(c > 0 && 1/c > 0) || c-c != 0 {
		return discrete{}, errUnbounded
	}
	m := n + r
	mm, gamma := interval.NewMatrix(m, m), interval.NewMatrix(m, m)
	for i := range m {
		for j := range m {
			switch {
			case i < n && j < n:
				mm.Set(i, j, p.A.At(i, j))
				gamma.Set(i, j, p.Q.At(i, j))
			case i < n:
				mm.Set(i, j, p.B.At(i, j-n).Scale(c))
				x := p.N.At(i, j-n).Scale(c)
				gamma.Set(i, j, x)
				gamma.Set(j, i, x)
			case j >= n:
				gamma.Set(i, j, p.R.At(i-n, j-n).Scale(c).Scale(c))
			}
		}
	}
	exp, gram, _, err := propagate(mm, gamma, h, taylor)
	if err != nil {
		return discrete{}, err
	}
	for i := range n {
		for j := range n {
			p.A.Set(i, j, exp.At(i, j))
			p.Q.Set(i, j, gram.At(i, j))
		}
		for j := range r {
			p.B.Set(i, j, exp.At(i, n+j).Scale(1/c))
			p.N.Set(i, j, gram.At(i, n+j).Scale(1/c))
		}
	}
	for i := range r {
		for j := range r {
			p.R.Set(i, j, gram.At(n+i, n+j).Scale(1/c).Scale(1/c))
		}
	}
	if !s.Noise.IsZero() {
		a, v := thin(s.A), p.Noise
		if _, p.Noise, _, err = propagate(a.T(), v, h, taylor); err != nil {
			return discrete{}, err
		}
		_, _, mean, err := propagate(a, symmetrized(s.Q), h, taylor)
		if err != nil {
			return discrete{}, err
		}
		p.Between = inner(v, mean)
	}
	return p, nil
}

// symmetrized encloses (m + mᵀ)/2.
func symmetrized(m matrixeq.Matrix) interval.Matrix {
	s := thin(m)
	for i := range m.Rows {
		for j := range i {
			x := s.At(i, j).Add(s.At(j, i)).Scale(0.5)
			s.Set(i, j, x)
			s.Set(j, i, x)
		}
	}
	return s
}

// inner is Σᵢⱼ aᵢⱼ bᵢⱼ.
func inner(a, b interval.Matrix) interval.Interval {
	var s interval.Interval
	for i, x := range a.Data {
		s = s.Add(x.Mul(b.Data[i]))
	}
	return s
}

// taylor is the order of the series summed: (2·¼)²⁰/21! is 2e-26.
const taylor = 20

// propagate encloses exp(M h), G(h) = ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt and
// K(h) = ∫₀ʰ G(t) dt, for symmetric Γ.
//
// With L X = MᵀX + X M, Taylor's series for a time τ are
//
//	exp(Mτ) = Σ Mʲτʲ/j!,   G(τ) = Σ LʲΓ τʲ⁺¹/(j+1)!,   K(τ) = Σ LʲΓ τʲ⁺²/(j+2)!.
//
// From one term to the next the norm falls by ‖M‖τ/j or more, and by
// 2‖M‖τ/(j+1), 2‖M‖τ/(j+2): the terms after the last one summed are bounded by a
// geometric series from it, in the Frobenius norm, and so is each of their
// entries. τ = h/2ᵏ, ‖M‖τ ≤ ¼; then
//
//	K(2τ) = K(τ) + τ G(τ) + exp(Mτ)ᵀ K(τ) exp(Mτ)
//	G(2τ) = G(τ) + exp(Mτ)ᵀ G(τ) exp(Mτ)
//	exp(2Mτ) = exp(Mτ)².
//
// Each doubling can double the relative width and adds a few units in the last
// place, much as it would the error of floating point.
func propagate(mm, gamma interval.Matrix, h float64, terms int) (exp, gram, mean interval.Matrix, err error) {
	const most = 64 // doublings
	none := interval.Matrix{}
	ν := mm.NormFro()
	if math.IsInf(ν, 1) || !bounded(gamma) {
		return none, none, none, errUnbounded
	}
	k := 0
	for k < most && ν*math.Ldexp(h, -k) > 0.25 {
		k++
	}
	τ := math.Ldexp(h, -k)
	z := interval.MulUp(ν, τ) // bounds ‖M‖τ
	if z > 0.5 || math.Ldexp(τ, k) != h {
		return none, none, none, fmt.Errorf("%w: ‖A‖ times sample_time is %.3g", errSample, ν*h)
	}

	// rest bounds the sum of all terms after one of norm last, where each is at
	// most ratio times the one before it.
	rest := func(last, ratio float64) float64 {
		return interval.DivUp(interval.MulUp(last, ratio), interval.SubDown(1, ratio))
	}
	t := interval.Of(τ)
	pow, term := thin(matrixeq.Identity(mm.Rows)), gamma.Scale(t)
	pows, grams := []interval.Matrix{pow}, []interval.Matrix{term}
	means := []interval.Matrix{term.Scale(t.Scale(0.5))}
	for j := 1; j <= terms; j++ {
		j := float64(j)
		pow = pow.Mul(mm).Scale(t.Div(interval.Of(j)))
		lx := term.Mul(mm)
		term = lx.Add(lx.T()).Scale(t.Div(interval.Of(j + 1)))
		pows, grams = append(pows, pow), append(grams, term)
		means = append(means, term.Scale(t.Div(interval.Of(j+2))))
	}
	z2 := interval.MulUp(2, z)
	exp = sumBackwards(pows, rest(pow.NormFro(), interval.DivUp(z, float64(terms+1))))
	gram = sumBackwards(grams, rest(term.NormFro(), interval.DivUp(z2, float64(terms+2))))
	mean = sumBackwards(means, rest(means[terms].NormFro(), interval.DivUp(z2, float64(terms+3))))

	for ; k > 0; k-- {
		mean = mean.Add(gram.Scale(interval.Of(τ))).Add(exp.MulTN(mean).Mul(exp)).Symmetrize()
		gram = gram.Add(exp.MulTN(gram).Mul(exp)).Symmetrize()
		exp = exp.Mul(exp)
		τ *= 2
	}
	if !bounded(exp) || !bounded(gram) || !bounded(mean) {
		return none, none, none, errUnbounded
	}
	return exp, gram, mean, nil
}

// sumBackwards is Σ terms, the last of them first because they are the smallest,
// and ± rest in every entry.
func sumBackwards(terms []interval.Matrix, rest float64) interval.Matrix {
	s := interval.NewMatrix(terms[0].Rows, terms[0].Cols)
	for i := range s.Data {
		s.Data[i] = interval.New(-rest, rest)
	}
	for i := len(terms) - 1; i >= 0; i-- {
		s = s.Add(terms[i])
	}
	return s
}
