package landscape

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/interval"
)

// A planarWeighing is a plant with two states and one input and its quadratic cost,
// entry by entry; symmetric matrices as m₁₁, m₁₂, m₂₂.
type planarWeighing struct {
	a       [4]interval.Interval
	b       [2]interval.Interval
	q       [3]interval.Interval
	n       [2]interval.Interval
	r       interval.Interval
	noise   [3]interval.Interval
	between interval.Interval // what noise costs between two samples
}

// sample replaces a continuous plant by its exact samples under zero-order hold for
// a time h: with
//
//	M = [ A  B ]     Γ = [ Q   N ]
//	    [ 0  0 ]         [ Nᵀ  R ]
//
// A and B are the upper rows of exp(M h), Q, N and R the blocks of
// G(h) = ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt. Noise of intensity V adds
// ∫₀ʰ exp(At) V exp(Aᵀt) dt to the state in a sample, and costs tr(V K(h)) in between,
// K(h) = ∫₀ʰ G(t) dt for M = A and Γ = Q.
func (p *planarWeighing) sample(h float64, terms int) error {
	// Inputs in units c in which they move the state as fast as it moves itself, so that
	// units do not ask for more doublings.
	c := 1.0
	na, nb := 0.0, max(p.b[0].Mag(), p.b[1].Mag())
	for _, x := range p.a {
		na = max(na, x.Mag())
	}
	if na == 0 {
		na = 1 / h
	}
	if ratio := na / nb; ratio > 0x1p-500 && ratio < 0x1p500 {
		_, e := math.Frexp(ratio)
		c = math.Ldexp(1, e)
	}
	m, γ := interval.NewMatrix(3, 3), interval.NewMatrix(3, 3)
	state, weight := interval.NewMatrix(2, 2), interval.NewMatrix(2, 2)
	for i := range 2 {
		for j := range 2 {
			state.Set(i, j, p.a[2*i+j])
			weight.Set(i, j, p.q[i+j])
			m.Set(i, j, p.a[2*i+j])
			γ.Set(i, j, p.q[i+j])
		}
		m.Set(i, 2, p.b[i].Scale(c))
		γ.Set(i, 2, p.n[i].Scale(c))
		γ.Set(2, i, p.n[i].Scale(c))
	}
	γ.Set(2, 2, p.r.Scale(c).Scale(c))
	exp, gram, _, err := held(m, γ, h, terms)
	if err != nil {
		return err
	}
	for i := range 2 {
		for j := range 2 {
			p.a[2*i+j] = exp.At(i, j)
			p.q[i+j] = gram.At(i, j)
		}
		p.b[i] = exp.At(i, 2).Scale(1 / c)
		p.n[i] = gram.At(i, 2).Scale(1 / c)
	}
	p.r = gram.At(2, 2).Scale(1 / c).Scale(1 / c)
	if p.noise == [3]interval.Interval{} {
		return nil
	}
	v := interval.NewMatrix(2, 2)
	for i := range 2 {
		for j := range 2 {
			v.Set(i, j, p.noise[i+j])
		}
	}
	_, _, mean, err := held(state, weight, h, terms)
	if err != nil {
		return err
	}
	_, added, _, err := held(state.T(), v, h, terms)
	if err != nil {
		return err
	}
	p.between = v.Mul(mean).Trace()
	p.noise = [3]interval.Interval{added.At(0, 0), added.At(0, 1), added.At(1, 1)}
	return nil
}

// heldTerms is the order of the series summed: (2·¼)²⁰/21! < 2e-26.
const heldTerms = 20

// held encloses exp(M h), G(h) = ∫₀ʰ exp(Mᵀt) Γ exp(M t) dt and K(h) = ∫₀ʰ G(t) dt for
// symmetric Γ. For τ = h/2ᵏ with ‖M‖τ ≤ ¼ and LX = MᵀX + XM,
//
//	exp(Mτ) = Σ Mʲτʲ/j!,   G(τ) = Σ LʲΓ τʲ⁺¹/(j+1)!,   K(τ) = Σ LʲΓ τʲ⁺²/(j+2)!,
//
// where from term to term the norm falls by 2‖M‖τ/(j+1) ≤ ¼ at least from j = 1 on: what
// is left out is less than the last term. Then
//
//	K(2τ) = K + τG + exp(Mτ)ᵀ K exp(Mτ),  G(2τ) = G + exp(Mτ)ᵀ G exp(Mτ),  exp(2Mτ) = exp(Mτ)².
func held(m, γ interval.Matrix, h float64, terms int) (exp, gram, mean interval.Matrix, err error) {
	const most = 30 // doublings
	norm := m.NormFro()
	k := 0
	for k <= most && !(interval.MulUp(norm, math.Ldexp(h, -k)) <= 0.25) {
		k++
	}
	τ := math.Ldexp(h, -k)
	if k > most || !(τ > 0x1p-1000) {
		return exp, gram, mean, fmt.Errorf("its plant cannot be sampled in intervals: ‖A‖ times sample_time is %.3g", norm*h)
	}
	t := interval.Of(τ)
	exp = interval.NewMatrix(m.Rows, m.Rows)
	for i := range m.Rows {
		exp.Set(i, i, one)
	}
	power, term := exp, γ.Scale(t)
	gram, mean = term, term.Scale(t.Mul(half))
	var last interval.Matrix
	for j := 1; j <= terms; j++ {
		power = power.Mul(m).Scale(t.Div(interval.Of(float64(j))))
		x := m.MulTN(term)
		term = x.Add(x.T()).Scale(t.Div(interval.Of(float64(j + 1))))
		last = term.Scale(t.Div(interval.Of(float64(j + 2))))
		exp, gram, mean = exp.Add(power), gram.Add(term), mean.Add(last)
	}
	widen := func(x, last interval.Matrix) {
		r := last.NormFro()
		for i := range x.Data {
			x.Data[i] = x.Data[i].Add(interval.New(-r, r))
		}
	}
	widen(exp, power)
	widen(gram, term)
	widen(mean, last)
	for ; k > 0; k-- {
		mean = mean.Add(gram.Scale(interval.Of(τ))).Add(exp.MulTN(mean).Mul(exp)).Symmetrize()
		gram = gram.Add(exp.MulTN(gram).Mul(exp)).Symmetrize()
		exp = exp.Mul(exp)
		τ *= 2
	}
	return exp, gram, mean, nil
}
