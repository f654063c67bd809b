package maml

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/objective"
)

// A Point is the meta-objective at one x: every member's path, the outer
// objective at its end, and the gradient pulled back along it. It is immutable
// and safe for concurrent use.
type Point struct {
	meta  *Meta
	paths []Path
	value float64
	grad  []float64
}

// A Path is one member's adaptation from x, and what it came to.
type Path struct {
	X     [][]float64      // x_0 … x_K
	Steps []objective.Step // F_1 at x_0, …, F_K at x_{K−1}
	Outer objective.Point  // f at x_K

	adjoints []float64
}

// adjoint is J_{k+1}ᵀ … J_Kᵀ ∇f(x_K), from k = 0, the gradient of the member, to
// k = K, ∇f(x_K).
func (p *Path) adjoint(k int) []float64 {
	dim := len(p.adjoints) / len(p.X)
	return p.adjoints[k*dim : (k+1)*dim : (k+1)*dim]
}

// Adapted is x_K.
func (p *Path) Adapted() []float64 { return p.X[len(p.X)-1] }

// Gradient is the gradient of f ∘ F_K ∘ … ∘ F_1 at x. It is not to be modified.
func (p *Path) Gradient() []float64 { return p.adjoint(0) }

// Evaluate evaluates every member at x: its inner steps, its outer objective,
// and its gradient by K pulls,
//
//	v ← ∇f(x_K),   then v ← J_kᵀ v for k = K … 1.
//
// The error is a *MemberError for the member of lowest index that has one; it
// matches objective.ErrDomain where x, or a point of the path, is outside the
// domain, and where a value or a gradient is not finite. A wrong length of x
// is a *DimensionError.
func (m *Meta) Evaluate(x []float64) (*Point, error) {
	if len(x) != m.dim {
		return nil, &DimensionError{What: "x", Dim: len(x), Want: m.dim}
	}
	n := len(m.members)
	p := &Point{meta: m, paths: make([]Path, n)}
	start := append([]float64(nil), x...)
	failed := make([]error, n)
	parallel.Each(n, m.workers(), func(_, i int) bool {
		failed[i] = p.paths[i].follow(&m.members[i], i, start)
		return failed[i] == nil
	})
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	p.value = objective.Sum(n, func(i int) float64 { return m.members[i].Weight * p.paths[i].Outer.Value() })
	p.grad = make([]float64, m.dim)
	for j := range p.grad {
		p.grad[j] = objective.Sum(n, func(i int) float64 { return m.members[i].Weight * p.paths[i].adjoint(0)[j] })
	}
	return p, nil
}

// follow fills the path of member t, whose index is i, from x.
func (p *Path) follow(t *Member, i int, x []float64) error {
	k := len(t.Inner)
	fail := func(step int, err error) error {
		return &MemberError{Member: t.Name, Index: i, Step: step, Err: err}
	}
	p.X = append(make([][]float64, 0, k+1), x)
	p.Steps = make([]objective.Step, k)
	for j, rule := range t.Inner {
		s, err := rule.At(p.X[j])
		if err != nil {
			return fail(j, err)
		}
		if !dense.Finite(s.To()) {
			return fail(j+1, &NotFiniteError{What: "adapted parameter"})
		}
		p.Steps[j] = s
		p.X = append(p.X, s.To())
	}
	f, err := t.Outer.At(p.X[k])
	if err != nil {
		return fail(k, err)
	}
	if v := f.Value(); math.IsNaN(v) || math.IsInf(v, 0) {
		return fail(k, &NotFiniteError{What: "value"})
	}
	p.Outer = f
	p.adjoints = make([]float64, (k+1)*len(x))
	f.Grad(p.adjoint(k))
	for j := k; j > 0; j-- {
		p.Steps[j-1].Pull(p.adjoint(j-1), p.adjoint(j))
	}
	if !dense.Finite(p.adjoint(0)) {
		return fail(0, &NotFiniteError{What: "gradient"})
	}
	return nil
}

// Value is h(x).
func (p *Point) Value() float64 { return p.value }

// Direction says why Grad is not the gradient of h: a rule leaves something out
// of its Jacobian, or an outer objective has no gradient itself. It is empty
// where it is.
func (p *Point) Direction() string {
	why := p.meta.direction
	for i := 0; why == "" && i < len(p.paths); i++ {
		why = direction(p.paths[i].Outer)
	}
	return why
}

// Grad: dst ← ∇h(x), or what Direction says.
func (p *Point) Grad(dst []float64) { copy(dst, p.grad) }

// Gap is h(x) − LowerBound(), the sum of the members' own gaps, accurate
// however small if theirs are. A bounded member whose points know no gap
// contributes the difference of two numbers. It is +∞ where there is no bound.
func (p *Point) Gap() float64 {
	if math.IsInf(p.meta.bound, -1) {
		return math.Inf(1)
	}
	return objective.Sum(len(p.paths), func(i int) float64 {
		t := &p.meta.members[i]
		if g, ok := p.paths[i].Outer.(objective.Gapped); ok {
			return t.Weight * g.Gap()
		}
		return t.Weight * (p.paths[i].Outer.Value() - lowerBound(t.Outer))
	})
}

// Len is the number of members.
func (p *Point) Len() int { return len(p.paths) }

// Weight is the normalised weight of member i.
func (p *Point) Weight(i int) float64 { return p.meta.members[i].Weight }

// Path is the path of member i.
func (p *Point) Path(i int) *Path { return &p.paths[i] }

// Adapted is x_K of member i, not to be modified.
func (p *Point) Adapted(i int) []float64 { return p.paths[i].Adapted() }

// MemberGrad returns the gradient of member i, not weighted and not to be
// modified.
func (p *Point) MemberGrad(i int) []float64 { return p.paths[i].Gradient() }

// HessVec: dst ← ∇²h(x) v, exactly. With z_0 = v, z_k = J_k z_{k−1} and the
// adjoints a_k of the gradient,
//
//	u ← ∇²f(x_K) z_K,   then u ← J_kᵀ u + d(J_kᵀ a_k)[z_{k−1}] for k = K … 1.
//
// Cost per member: one Hessian product, and K pushes, pulls and derivatives of
// pulls.
func (p *Point) HessVec(dst, v []float64) {
	n, dim := len(p.paths), len(p.grad)
	terms := make([]float64, n*dim)
	workers := p.meta.workers()
	scratch := make([][]float64, workers)
	parallel.Each(n, workers, func(w, i int) bool {
		path := &p.paths[i]
		if need := (len(path.Steps) + 3) * dim; len(scratch[w]) < need {
			scratch[w] = make([]float64, need)
		}
		path.hessVec(terms[i*dim:(i+1)*dim], v, scratch[w])
		return true
	})
	for j := range dst {
		dst[j] = objective.Sum(n, func(i int) float64 { return p.meta.members[i].Weight * terms[i*dim+j] })
	}
}

// hessVec is HessVec of one member; scratch has (K+3)·dim entries.
func (p *Path) hessVec(dst, v, scratch []float64) {
	k, dim := len(p.Steps), len(dst)
	z := func(j int) []float64 { return scratch[j*dim : (j+1)*dim] }
	u, d := z(k+1), z(k+2)
	copy(z(0), v)
	for j, s := range p.Steps {
		s.Push(z(j+1), z(j))
	}
	p.Outer.HessVec(dst, z(k))
	for j := k; j > 0; j-- {
		copy(u, dst)
		p.Steps[j-1].Pull(dst, u)
		p.Steps[j-1].PullDeriv(d, z(j-1), p.adjoint(j))
		for c := range dst {
			dst[c] += d[c]
		}
	}
}
