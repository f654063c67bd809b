package maml

import "github.com/metalqr/metalqr/objective"

// Reptile is the meta-objective h with Reptile's direction in place of its
// gradient,
//
//	G(x) = Σᵢ λᵢ (x − x_K,ᵢ),
//
// so that a step of [Algorithm1] at a rate ε is x ← x + ε (mean x_K − x). It
// needs no derivative of the inner steps. For K gradient steps at a rate η
//
//	G = η Σᵢ λᵢ Σ_k ∇gᵢ(x_k) = Kη ∇c − η² K(K−1)/2 Σᵢ λᵢ ∇²gᵢ ∇gᵢ + O(η³),   c = Σᵢ λᵢ gᵢ,
//
// at x: with one step it descends the mean cost c, and not h; with several it
// is turned towards where the tasks' gradients agree. G is of the size of η:
// to first order a rate ε of Reptile's is a rate β = εKη of descent on c, and what
// Stop.Tolerance bounds is ‖G‖.
//
// Cost of a direction, per member: K evaluations, and one of the outer
// objective for the value reported; for an LQR task 2K + 2 matrix equations, two
// of them for the report.
//
// A. Nichol, J. Achiam, J. Schulman, arXiv 1803.02999.
type Reptile struct{ *Meta }

// At evaluates h and the direction at x.
func (r Reptile) At(x []float64) (objective.Point, error) {
	p, err := r.bare().Evaluate(x)
	if err != nil {
		return nil, err
	}
	return &reptilePoint{Point: p}, nil
}

// bare is m without the Jacobians of its inner steps, so that evaluating it
// pulls nothing back.
func (m *Meta) bare() *Meta {
	b := *m
	b.members = append([]Member(nil), m.members...)
	for i, t := range m.members {
		b.members[i].Inner = make([]objective.Rule, len(t.Inner))
		for k, r := range t.Inner {
			b.members[i].Inner[k] = FirstOrder{r}
		}
	}
	return &b
}

type reptilePoint struct{ *Point }

// Direction says why Grad is no gradient of h.
func (*reptilePoint) Direction() string {
	return "the direction is that from the adapted parameters to the start"
}

func (p *reptilePoint) Grad(dst []float64) {
	for j := range dst {
		dst[j] = objective.Sum(p.Len(), func(i int) float64 { return p.Weight(i) * p.away(i, j) })
	}
}

func (p *reptilePoint) away(i, j int) float64 {
	path := p.Path(i)
	return path.X[0][j] - path.Adapted()[j]
}

// MemberGrad is x − x_K of member i.
func (p *reptilePoint) MemberGrad(i int) []float64 {
	return difference(p.Path(i).X[0], p.Adapted(i))
}
