package risk

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Solved is a CrossEntropy that knows its minimum: where it is, to rounding,
// and a lower bound sharp to Slack. Its points are Gapped: with P̂ the
// probabilities at θ̂, P those at θ and d = θ − θ̂,
//
//	f(θ) − f(θ̂) = 1/n Σ KL(P̂ᵢ ‖ Pᵢ) + λ‖Dd‖² + ∇f(θ̂)ᵀd,
//
// a sum of terms none of which is negative but the last, which is nearly 0.
type Solved struct {
	*CrossEntropy

	// Slack bounds f(θ̂) − min f, up to the rounding of the gradient at θ̂.
	Slack float64

	minimum []float64 // θ̂
	grad    []float64 // ∇f(θ̂)
	value   float64   // f(θ̂)
	logits  []float64 // n×columns at θ̂
}

// Solve locates the minimum by Newton's method with the dense Hessian, halving
// steps that do not descend: about ten evaluations and ten times Dim products.
// It works up to objective.DenseLimit parameters, with λ > 0.
//
// Where every parameter is penalised f is strongly convex, ∇²f ⪰ 2λ, and
//
//	f(θ̂) − min f ≤ ‖∇f(θ̂)‖² / 4λ.
//
// With a free bias the bound is Newton's decrement: f is generalised
// self-concordant, |∇³f[d, d, d]| ≤ R‖d‖ ∇²f[d, d], R = max ‖x̃ᵢ‖ (√2 times that
// for Softmax), so that along any ray ∇²f decays no faster than exp(−R‖d‖t);
// integrated twice, with ν² = gᵀH⁻¹g and μ = λ_min(H),
//
//	νR/√μ ≤ ½   ⟹   f(θ̂) − min f ≤ ν².
//
// (F. Bach, Electronic J. Statistics 4 (2010), 384–414.) Softmax's free biases
// may be shifted together without changing f; the direction is left out.
//
// The error is a *ModelError or an *UnsolvedError: f may have no minimum, as
// with a free bias and one class only.
func (o *CrossEntropy) Solve() (*Solved, error) {
	dim := o.Dim()
	if !(o.penalty.l2 > 0) {
		return nil, &ModelError{Of: o.name(), Field: "L2", Value: o.penalty.l2, Want: "a positive number, for a minimum to be located"}
	}
	if dim > objective.DenseLimit {
		return nil, &UnsolvedError{Reason: "too many parameters for a dense Hessian"}
	}
	pin := o.shift()
	x := make([]float64, dim)
	at, err := o.at(x)
	if err != nil {
		return nil, err
	}
	step, trial := make([]float64, dim), make([]float64, dim)
	const limit = 100
	for k := 0; ; k++ {
		h := hessian(at, dim, pin)
		nu := newton(step, h, at.grad)
		norm := dense.Norm(at.grad)
		if math.IsNaN(nu) {
			return nil, &UnsolvedError{Reason: "the Hessian is singular", Iterations: k, GradientNorm: norm}
		}
		// Below the rounding of f a step is judged by the gradient.
		flat := nu*nu < 1e-12*at.value
		var next *classesPoint
		// A minimum at 0 is approached without end: rounding there is relative.
		settled := nu*nu < 0x1p-140*at.value
		for t := 1.0; t > 1e-10 && !settled; t /= 2 {
			for j := range trial {
				trial[j] = x[j] - t*step[j]
			}
			p, err := o.at(trial)
			if err == nil && (flat && dense.Norm(p.grad) < norm || !flat && p.value <= at.value-0.25*t*nu*nu) {
				next = p
				break
			}
			if flat {
				break
			}
		}
		if next == nil {
			s := &Solved{CrossEntropy: o, minimum: x, grad: at.grad, value: at.value}
			if !flat {
				return nil, &UnsolvedError{Reason: "no step descends", Iterations: k, GradientNorm: norm}
			}
			if o.bias != Free {
				s.Slack = norm * norm / (4 * o.penalty.l2)
			} else if s.Slack = nu * nu; !o.concordant(at, pin, nu) {
				return nil, &UnsolvedError{Reason: "Newton's decrement proves nothing", Iterations: k, GradientNorm: norm}
			}
			if s.Slack > at.value/2 { // the bound would say nothing: a cost is not negative
				return nil, &UnsolvedError{Reason: "rounding of the gradient leaves the minimum unlocated", Iterations: k, GradientNorm: norm}
			}
			s.keepLogits()
			return s, nil
		}
		if k == limit {
			return nil, &UnsolvedError{Reason: "iteration limit", Iterations: k, GradientNorm: norm}
		}
		at, x, trial = next, trial, x
	}
}

// shift is the unit vector along which f does not change, or nil.
func (o *CrossEntropy) shift() []float64 {
	if o.binary || o.bias != Free {
		return nil
	}
	u := make([]float64, o.Dim())
	for j := o.penalty.seen; j < len(u); j++ {
		u[j] = 1 / math.Sqrt(float64(o.classes))
	}
	return u
}

// hessian is ∇²f, with uuᵀ added where u is not nil.
func hessian(p objective.Point, dim int, u []float64) []float64 {
	h, _ := objective.DenseHessian(p, dim)
	for i, a := range u {
		dense.AddScaled(h[i*dim:(i+1)*dim], a, u)
	}
	return h
}

// newton sets step ← H⁻¹g and returns (gᵀH⁻¹g)^½, NaN where H is not positive
// definite. h is overwritten.
func newton(step, h, g []float64) float64 {
	copy(step, g)
	if !dense.Cholesky(h, h, len(g)) {
		return math.NaN()
	}
	dense.ForwardSolve(h, step, len(g), 1)
	nu := dense.Norm(step)
	dense.BackwardSolve(h, step, len(g), 1)
	return nu
}

// pinned is a point whose Hessian has uuᵀ added.
type pinned struct {
	*classesPoint
	u []float64
}

func (p pinned) HessVec(dst, v []float64) {
	p.classesPoint.HessVec(dst, v)
	if p.u != nil {
		dense.AddScaled(dst, dense.Dot(p.u, v), p.u)
	}
}

// concordant says whether νR/√μ ≤ ½.
func (o *CrossEntropy) concordant(p *classesPoint, u []float64, nu float64) bool {
	var r float64
	for i := range o.design.n {
		r = math.Max(r, dense.Norm(o.design.row(i)))
	}
	if !o.binary {
		r *= math.Sqrt2
	}
	x := objective.Spectrum(pinned{p, u}, o.Dim(), 0)
	// What the eigenvalue is computed to, and the asymmetry, are taken off.
	mu := x.Min - float64(o.Dim())*(0x1p-50+x.Asymmetry)*x.Norm
	return x.Exact && mu > 0 && nu*r <= 0.5*math.Sqrt(mu)
}

func (s *Solved) keepLogits() {
	g := s.design
	s.logits = make([]float64, g.n*g.columns)
	for lo := 0; lo < g.n; lo += g.step {
		m := min(g.step, g.n-lo)
		g.forward(s.logits[lo*g.columns:(lo+m)*g.columns], lo, m, s.minimum)
	}
}

// Minimizer is θ̂.
func (s *Solved) Minimizer() []float64 { return append([]float64(nil), s.minimum...) }

// LowerBound is f(θ̂) − Slack.
func (s *Solved) LowerBound() float64 { return s.value - s.Slack }

// At is that of the CrossEntropy, with a gap to the minimum.
func (s *Solved) At(theta []float64) (objective.Point, error) {
	p, err := s.at(theta)
	if err != nil {
		return nil, err
	}
	d := make([]float64, len(theta))
	dense.Sub(d, theta, s.minimum)
	return &solvedPoint{classesPoint: p, gap: s.gap(d)}, nil
}

type solvedPoint struct {
	*classesPoint
	gap float64
}

func (p *solvedPoint) Gap() float64 { return p.gap }

// gap is f(θ̂ + d) − f(θ̂) + Slack.
func (s *Solved) gap(d []float64) float64 {
	g := s.design
	w := g.take()
	defer g.give(w)
	var kl total
	var pair, shift [2]float64
	for lo := 0; lo < g.n; lo += g.step {
		m := min(g.step, g.n-lo)
		delta := w.a[:m*g.columns]
		g.forward(delta, lo, m, d)
		var part float64
		for i := range m {
			if s.binary {
				pair[1], shift[1] = s.logits[lo+i], delta[i]
				pair[0], shift[0] = 0, 0
				part += divergence(pair[:], shift[:])
				continue
			}
			c := g.columns
			u := w.c
			copy(u, s.logits[(lo+i)*c:(lo+i+1)*c])
			part += divergence(u, delta[i*c:(i+1)*c])
		}
		kl.add(part)
	}
	seen, l2 := s.penalty.seen, s.penalty.l2
	sum := kl.value() / float64(g.n)
	if s.bias != Free {
		// λ‖d‖² + gᵀd + ‖g‖²/4λ is a square.
		for j := range d {
			d[j] += s.grad[j] / (2 * l2)
		}
		return sum + l2*dense.Dot(d, d)
	}
	return math.Max(0, sum+l2*dense.Dot(d[:seen], d[:seen])+dense.Dot(s.grad, d)+s.Slack)
}

// divergence is KL(P̂ ‖ P) of the softmax P̂ of u and that, P, of u + δ; both
// slices are overwritten. With s_k = log P_k − log P̂_k = δ_k − log Σ P̂_j e^{δ_j},
// and Σ P̂_k = Σ P̂_k e^{s_k},
//
//	KL = −Σ P̂_k s_k = Σ P̂_k (e^{s_k} − 1 − s_k),
//
// in which no term is negative, and an error of s counts in second order only.
func divergence(u, delta []float64) float64 {
	top := largest(u)
	at, shift := u[top], delta[top]
	var tail, move float64 // Σ e^{u − u_top} and Σ e^{u − u_top} (e^{δ − δ_top} − 1)
	for k := range u {
		u[k] -= at
		delta[k] -= shift
		if k == top {
			continue
		}
		tail += math.Exp(u[k])
		move += growth(u[k], delta[k])
	}
	z := math.Log1p(tail) // log P̂_k = u_k − z
	c := math.Log1p(move / (1 + tail))
	if move > 1e100 {
		// The most likely class is another one by far; its term is factored out.
		most := math.Inf(-1)
		for k := range u {
			most = math.Max(most, u[k]+delta[k])
		}
		var sum float64
		for k := range u {
			sum += math.Exp(u[k] + delta[k] - most)
		}
		c = most + math.Log(sum) - z
	}
	var kl float64
	for k := range u {
		kl += excess(u[k]-z, delta[k]-c)
	}
	return kl
}

// growth is e^a (e^s − 1).
func growth(a, s float64) float64 {
	if s < 1 {
		return math.Exp(a) * math.Expm1(s)
	}
	return math.Exp(a+s) - math.Exp(a)
}

// excess is e^a (e^s − 1 − s).
func excess(a, s float64) float64 {
	switch {
	case math.Abs(s) < 0.5:
		// s²/2 (1 + s/3 (1 + s/4 (…))); the 16th term is below 2⁻⁵³.
		t := 1.0
		for k := 16; k >= 3; k-- {
			t = 1 + s/float64(k)*t
		}
		return math.Exp(a) * (s * s / 2 * t)
	case s < 1:
		return math.Exp(a) * (math.Expm1(s) - s)
	}
	return math.Exp(a+s) - math.Exp(a)*(1+s)
}
