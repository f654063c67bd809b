package maml_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// scalar is the cost of the gain w on s⁺ = a s + b u, u = −w s, from s₀² = 1:
//
//	C(w) = (q + r w²) / (1 − (a − b w)²)   where |a − b w| < 1.
type scalar struct {
	a, b, q, r float64
}

// outsideError says by how much a scalar gain fails to stabilise.
type outsideError struct{ radius float64 }

func (e *outsideError) Error() string { return fmt.Sprintf("radius %.4g is not below 1", e.radius) }
func (e *outsideError) Unwrap() error { return objective.ErrDomain }

func (s scalar) Dim() int { return 1 }

func (s scalar) At(x []float64) (objective.Point, error) {
	c := s.a - s.b*x[0]
	if !(math.Abs(c) < 1) {
		return nil, &outsideError{math.Abs(c)}
	}
	// With n = q + r w² and d = 1 − c² the quotient rule is d C = n,
	// differentiated three times; n‴ = d‴ = 0. 1 − c² = (1−c)(1+c).
	d := (1 - c) * (1 + c)
	d1, d2 := 2*s.b*c, -2*s.b*s.b
	p := &scalarPoint{s: s, w: x[0], d: d}
	p.c[0] = (s.q + s.r*x[0]*x[0]) / d
	p.c[1] = (2*s.r*x[0] - p.c[0]*d1) / d
	p.c[2] = (2*s.r - 2*p.c[1]*d1 - p.c[0]*d2) / d
	p.c[3] = (-3*p.c[2]*d1 - 3*p.c[1]*d2) / d
	return p, nil
}

// optimum solves the scalar Riccati equation b²p² + (r − a²r − b²q)p − qr = 0.
func (s scalar) optimum() (w, p float64) {
	m := (s.r - s.a*s.a*s.r - s.b*s.b*s.q) / 2
	root := math.Sqrt(m*m + s.b*s.b*s.q*s.r)
	if m > 0 {
		p = s.q * s.r / (m + root)
	} else {
		p = (root - m) / (s.b * s.b)
	}
	return s.a * s.b * p / (s.r + s.b*s.b*p), p
}

func (s scalar) LowerBound() float64 {
	_, p := s.optimum()
	return p
}

type scalarPoint struct {
	s scalar
	w float64
	d float64
	c [4]float64
}

func (p *scalarPoint) Value() float64            { return p.c[0] }
func (p *scalarPoint) Grad(dst []float64)        { dst[0] = p.c[1] }
func (p *scalarPoint) HessVec(dst, v []float64)  { dst[0] = p.c[2] * v[0] }
func (p *scalarPoint) Third(dst, y, z []float64) { dst[0] = p.c[3] * y[0] * z[0] }

// Gap is (r + b²p*)(w − w*)² / (1 − (a − b w)²).
func (p *scalarPoint) Gap() float64 {
	w, root := p.s.optimum()
	return (p.s.r + p.s.b*p.s.b*root) * (p.w - w) * (p.w - w) / p.d
}

// family is a mixture of equally weighted scalar tasks after k gradient steps.
func family(t testing.TB, rate float64, k int, tasks ...scalar) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i, s := range tasks {
		m := maml.Member{Name: fmt.Sprintf("task-%d", i), Weight: 1, Outer: s}
		for range k {
			m.Inner = append(m.Inner, maml.Gradient{Objective: s, Rate: rate})
		}
		members = append(members, m)
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// spread is n tasks with q = 10^x, x equally spaced in [−1, 1].
func spread(n int) []scalar {
	var tasks []scalar
	for i := range n {
		x := -1 + 2*float64(i)/float64(n-1)
		tasks = append(tasks, scalar{1, 1, math.Pow(10, x), 1})
	}
	return tasks
}

// poly is the separable polynomial Σ_j Σ_k coef[k] x_j^k plus the coupling
// ½ m (Σ_j x_j)² + l (Σ_j x_j)³ on all of ℝⁿ, positive where its minimum
// matters.
type poly struct {
	n    int
	coef []float64
	m, l float64
}

func (f poly) Dim() int { return f.n }

func (f poly) At(x []float64) (objective.Point, error) {
	return &polyPoint{f: f, x: append([]float64(nil), x...)}, nil
}

type polyPoint struct {
	f poly
	x []float64
}

// derivative of order k of the one-dimensional part.
func (p *polyPoint) derivative(k int, x float64) float64 {
	var s float64
	for i := len(p.f.coef) - 1; i >= k; i-- {
		c := p.f.coef[i]
		for j := range k {
			c *= float64(i - j)
		}
		s = s*x + c
	}
	return s
}

func (p *polyPoint) total() float64 {
	var s float64
	for _, x := range p.x {
		s += x
	}
	return s
}

func (p *polyPoint) Value() float64 {
	t := p.total()
	s := p.f.m*t*t/2 + p.f.l*t*t*t
	for _, x := range p.x {
		s += p.derivative(0, x)
	}
	return s
}

func (p *polyPoint) Grad(dst []float64) {
	t := p.total()
	for i, x := range p.x {
		dst[i] = p.derivative(1, x) + p.f.m*t + 3*p.f.l*t*t
	}
}

func (p *polyPoint) HessVec(dst, v []float64) {
	var sum float64
	for _, y := range v {
		sum += y
	}
	for i, x := range p.x {
		dst[i] = p.derivative(2, x)*v[i] + (p.f.m+6*p.f.l*p.total())*sum
	}
}

func (p *polyPoint) Third(dst, y, z []float64) {
	var sy, sz float64
	for i := range y {
		sy += y[i]
		sz += z[i]
	}
	for i, x := range p.x {
		dst[i] = p.derivative(3, x)*y[i]*z[i] + 6*p.f.l*sy*sz
	}
}

// near fails unless |got − want| ≤ tol max(1, |want|).
func near(t testing.TB, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Max(1, math.Abs(want))) {
		t.Errorf("%s = %.17g, want %.17g to %.1g", what, got, want, tol)
	}
}
