package risk

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Logistic is classification of two classes, 0 and 1, by logistic regression:
// with P(yᵢ = 1) = 1/(1 + exp(−uᵢ)), uᵢ = x̃ᵢᵀθ,
//
//	f(θ) = −1/n Σ log P(yᵢ) + λ ‖Dθ‖²
type Logistic struct {
	L2   float64 // λ ≥ 0
	Bias Bias
}

// Softmax is classification of the classes 0 … Classes−1: with
// P(yᵢ = c) = exp(uᵢc) / Σ_b exp(uᵢb), uᵢ = x̃ᵢᵀΘ,
//
//	f(Θ) = −1/n Σ log P(yᵢ) + λ ‖DΘ‖²
//
// Every class has a column of Θ, so that adding one vector to all of them
// changes the penalty only. With two classes f(Θ) − λ‖DΘ‖² is Logistic's at the
// difference of the columns, and the minimum that of Logistic with λ/2.
type Softmax struct {
	Classes int     // 2 or more
	L2      float64 // λ ≥ 0
	Bias    Bias
}

// On is CrossEntropy, as a Model has it.
func (m Logistic) On(d Data) (objective.Objective, error) { return orNil(m.CrossEntropy(d)) }

// On is CrossEntropy, as a Model has it.
func (m Softmax) On(d Data) (objective.Objective, error) { return orNil(m.CrossEntropy(d)) }

func orNil(o *CrossEntropy, err error) (objective.Objective, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

// CrossEntropy is Logistic or Softmax over data. It is convex, and never below
// 0; Solve makes of it an objective that knows its minimum.
//
// Evaluating costs two passes over the n×p numbers and an exponential for each
// row and class; a product with a derivative two passes. Nothing is formed by
// subtracting from 1: for logits of any size each row's loss, gradient and
// curvature is accurate to a few roundings relative to itself, given the
// logits, until it underflows.
type CrossEntropy struct {
	design  *design
	classes int  // 2 where binary
	binary  bool // one column: the logit of class 1, that of class 0 being 0
	label   []int32
	penalty penalty
	bias    Bias
}

// CrossEntropy makes the objective; every target must be 0 or 1.
func (m Logistic) CrossEntropy(d Data) (*CrossEntropy, error) {
	if err := checkLinear("logistic", m.L2, m.Bias); err != nil {
		return nil, err
	}
	return newCrossEntropy("logistic", d, 2, 1, m.L2, m.Bias)
}

// CrossEntropy makes the objective; every target must be one of 0 … Classes−1.
func (m Softmax) CrossEntropy(d Data) (*CrossEntropy, error) {
	if err := checkLinear("softmax", m.L2, m.Bias); err != nil {
		return nil, err
	}
	if m.Classes < 2 || m.Classes > maxClasses {
		return nil, &ModelError{Of: "softmax", Field: "Classes", Value: m.Classes, Want: fmt.Sprintf("2 to %d", maxClasses)}
	}
	return newCrossEntropy("softmax", d, m.Classes, m.Classes, m.L2, m.Bias)
}

const maxClasses = 1 << 20

func newCrossEntropy(of string, d Data, classes, columns int, l2 float64, b Bias) (*CrossEntropy, error) {
	if err := d.checkTargets(of); err != nil {
		return nil, err
	}
	o := &CrossEntropy{classes: classes, binary: columns == 1, bias: b, label: make([]int32, d.Rows)}
	for i, y := range d.Y {
		if y != math.Trunc(y) || y < 0 || y >= float64(classes) {
			return nil, &DataError{Row: i + 1, Message: fmt.Sprintf("%s: the target is %v, want a class 0 to %d", of, y, classes-1), Value: y, Limit: int64(classes - 1)}
		}
		o.label[i] = int32(y)
	}
	o.design = newDesign(d, b, columns)
	o.penalty = penalty{l2: l2, seen: b.penalised(d.Cols) * columns}
	return o, nil
}

// Dim is the number of parameters: the columns of X̃ times those of Θ.
func (o *CrossEntropy) Dim() int { return o.design.p * o.design.columns }

// LowerBound is 0, which is not attained; Solve finds a sharp one.
func (o *CrossEntropy) LowerBound() float64 { return 0 }

// Epsilon is 0: f is convex.
func (o *CrossEntropy) Epsilon() (float64, bool) { return 0, true }

func (o *CrossEntropy) name() string {
	if o.binary {
		return "logistic"
	}
	return "softmax"
}

// At evaluates at θ. The error is a *objective.LengthError or a *ValueError.
func (o *CrossEntropy) At(theta []float64) (objective.Point, error) {
	p, err := o.at(theta)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (o *CrossEntropy) at(theta []float64) (*classesPoint, error) {
	if err := checkLength(theta, o.Dim()); err != nil {
		return nil, err
	}
	g := o.design
	p := &classesPoint{o: o, grad: make([]float64, o.Dim())}
	p.a = make([]float64, g.n*g.columns)
	if o.binary {
		p.b = make([]float64, g.n)
	} else {
		p.top = make([]int32, g.n)
	}
	s := g.take()
	defer g.give(s)
	var loss total
	for lo := 0; lo < g.n; lo += g.step {
		m := min(g.step, g.n-lo)
		u := s.a[:m*g.columns]
		g.forward(u, lo, m, theta)
		if o.binary {
			loss.add(p.logistic(u, lo, m))
		} else {
			loss.add(p.softmax(u, lo, m))
		}
		g.gather(p.grad, lo, m, u, s.sum)
	}
	n := float64(g.n)
	p.value = loss.value()/n + o.penalty.value(theta)
	o.penalty.add(p.grad, 1/n, theta)
	if !isFinite(p.value) || !dense.Finite(p.grad) {
		return nil, &ValueError{Of: o.name(), Value: p.value}
	}
	return p, nil
}

// classesPoint is a CrossEntropy at one θ. What it keeps of each row is what
// derivatives need: for two classes
//
//	a = σ′ = P₀P₁,   b = σ″ = P₀P₁(P₀ − P₁)
//
// and for more the probabilities, with the index of the largest.
type classesPoint struct {
	o     *CrossEntropy
	value float64
	grad  []float64
	a, b  []float64
	top   []int32
}

func (p *classesPoint) Value() float64     { return p.value }
func (p *classesPoint) Gap() float64       { return p.value }
func (p *classesPoint) Grad(dst []float64) { copy(dst, p.grad) }

// logistic replaces the logits u of m rows from lo by P₁ − y, and returns the
// sum of the losses log(1 + e^{−s}), s = u where y = 1 and −u where y = 0.
func (p *classesPoint) logistic(u []float64, lo, m int) (loss float64) {
	a, b, label := p.a[lo:lo+m], p.b[lo:lo+m], p.o.label[lo:lo+m]
	u = u[:m]
	for i, x := range u {
		s := x
		if label[i] == 0 {
			s = -x
		}
		// P of the other class is 1/(1 + e^s); with e = e^{−|u|} ≤ 1 the two
		// are 1/(1 + e) and e/(1 + e).
		e := math.Exp(-math.Abs(x))
		large := 1 / (1 + e)
		small := e * large
		loss += math.Log1p(e)
		other := small
		if s < 0 {
			loss -= s
			other = large
		}
		a[i] = small * large
		if b[i] = a[i] * ((1 - e) * large); x > 0 {
			b[i] = -b[i]
		}
		if label[i] == 1 {
			other = -other
		}
		u[i] = other
	}
	return loss
}

// softmax replaces the logits of m rows from lo by P − (1 in the row's class),
// and returns the sum of the losses.
func (p *classesPoint) softmax(u []float64, lo, m int) (loss float64) {
	c := p.o.classes
	for i := range m {
		r, q := u[i*c:(i+1)*c:(i+1)*c], p.a[(lo+i)*c:(lo+i+1)*c:(lo+i+1)*c]
		top := largest(r)
		y := int(p.o.label[lo+i])
		p.top[lo+i] = int32(top)
		tail, s := soften(q, r, top)
		loss += math.Log1p(tail) - s[y]
		copy(r, q)
		if y == top {
			r[y] = -tail / (1 + tail)
		} else {
			r[y] = q[y] - 1 // P ≤ ½: nothing cancels
		}
	}
	return loss
}

// largest is the index of the largest entry, the first of equals.
func largest(u []float64) int {
	top := 0
	for k, x := range u {
		if x > u[top] {
			top = k
		}
	}
	return top
}

// soften sets q to the softmax of u, and u ← u − u[top]. With e = exp(u − u[top])
// it returns Σ e over all but top, so that log Σ exp u = u[top] + log1p(tail).
func soften(q, u []float64, top int) (tail float64, shifted []float64) {
	at := u[top]
	for k, x := range u {
		u[k] = x - at
		e := math.Exp(u[k])
		q[k] = e
		if k != top {
			tail += e
		}
	}
	z := 1 / (1 + tail)
	for k := range q {
		q[k] *= z
	}
	return tail, u
}

// spread subtracts from δ its mean under q, Σ q_k δ_k, relative to the entry of
// the largest probability: where that is nearly 1 its own difference is the
// small sum of the others', not 1 minus it.
func spread(dst, q, delta []float64, top int) {
	at := delta[top]
	var mean float64
	for k, d := range delta {
		dst[k] = d - at
		mean += q[k] * dst[k]
	}
	for k := range dst {
		dst[k] -= mean
	}
}

func (p *classesPoint) HessVec(dst, v []float64) {
	g := p.o.design
	s := g.take()
	clear(dst)
	for lo := 0; lo < g.n; lo += g.step {
		m := min(g.step, g.n-lo)
		u := s.a[:m*g.columns]
		g.forward(u, lo, m, v)
		if p.o.binary {
			for i, a := range p.a[lo : lo+m] {
				u[i] *= a
			}
		} else {
			p.tangent(u, lo, m)
		}
		g.gather(dst, lo, m, u, s.sum)
	}
	g.give(s)
	p.o.penalty.add(dst, 1/float64(g.n), v)
}

// tangent replaces the rows δ by the derivative of P along them,
// P_k (δ_k − δ̄), δ̄ = Σ P_j δ_j.
func (p *classesPoint) tangent(u []float64, lo, m int) {
	c := p.o.classes
	for i := range m {
		r, q := u[i*c:(i+1)*c:(i+1)*c], p.a[(lo+i)*c:(lo+i+1)*c:(lo+i+1)*c]
		spread(r, q, r, int(p.top[lo+i]))
		for k := range r {
			r[k] *= q[k]
		}
	}
}

func (p *classesPoint) Third(dst, y, z []float64) {
	g := p.o.design
	s := g.take()
	clear(dst)
	for lo := 0; lo < g.n; lo += g.step {
		m := min(g.step, g.n-lo)
		u, w := s.a[:m*g.columns], s.b[:m*g.columns]
		g.forward(u, lo, m, y)
		g.forward(w, lo, m, z)
		if p.o.binary {
			for i, b := range p.b[lo : lo+m] {
				u[i] *= b * w[i]
			}
		} else {
			p.second(u, w, lo, m)
		}
		g.gather(dst, lo, m, u, s.sum)
	}
	g.give(s)
	n := 1 / float64(g.n)
	for j := range dst {
		dst[j] *= n
	}
}

// second replaces the rows δ by the second derivative of P along δ and γ:
// P_k (a_k b_k − Σ P_j a_j b_j), a = δ − δ̄, b = γ − γ̄.
func (p *classesPoint) second(u, w []float64, lo, m int) {
	c := p.o.classes
	for i := range m {
		a, b := u[i*c:(i+1)*c:(i+1)*c], w[i*c:(i+1)*c:(i+1)*c]
		q, top := p.a[(lo+i)*c:(lo+i+1)*c:(lo+i+1)*c], int(p.top[lo+i])
		spread(a, q, a, top)
		spread(b, q, b, top)
		for k := range a {
			a[k] *= b[k]
		}
		spread(a, q, a, top)
		for k := range a {
			a[k] *= q[k]
		}
	}
}
