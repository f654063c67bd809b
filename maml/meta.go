package maml

import (
	"fmt"
	"math"
	"runtime"

	"github.com/metalqr/metalqr/objective"
)

// A Member is one task of a mixture: what counts, and how it adapts.
type Member struct {
	Name   string
	Weight float64             // positive; normalised over the mixture
	Outer  objective.Objective // f
	Inner  []objective.Rule    // F_1 … F_K, in order; none: no adaptation
}

// Meta is the meta-objective
//
//	h(x) = Σᵢ λᵢ fᵢ( Fᵢ,K ∘ … ∘ Fᵢ,1 (x) ).
//
// It is finite only where every inner step and every outer objective is. Its
// bits do not depend on Workers: sums run along a fixed tree over the index.
type Meta struct {
	Workers int // goroutines; 0 means GOMAXPROCS

	members   []Member // weights normalised
	dim       int
	bound     float64
	direction string // why the gradients are none; empty where they are
}

// NewMeta checks the members and normalises their weights. The errors are
// ErrEmpty, *MissingError, *WeightError and *DimensionError.
func NewMeta(members []Member) (*Meta, error) {
	if len(members) == 0 {
		return nil, fmt.Errorf("maml: %w", ErrEmpty)
	}
	m := &Meta{members: append([]Member(nil), members...)}
	var top float64
	for i, t := range m.members {
		if t.Outer == nil {
			return nil, &MissingError{Member: t.Name, Index: i}
		}
		for k, r := range t.Inner {
			if r == nil {
				return nil, &MissingError{Member: t.Name, Index: i, Step: k + 1}
			}
			if r, ok := r.(Truncated); ok && m.direction == "" {
				m.direction = r.Truncation()
			}
		}
		if !(t.Weight > 0) || math.IsInf(t.Weight, 1) {
			return nil, &WeightError{Member: t.Name, Index: i, Weight: t.Weight}
		}
		if d := t.Outer.Dim(); i == 0 {
			m.dim = d
		} else if d != m.dim {
			return nil, &DimensionError{What: "task " + label(t.Name, i), Dim: d, Want: m.dim}
		}
		top = math.Max(top, t.Weight)
	}
	// Divided by the largest first, so that the sum cannot overflow.
	total := objective.Sum(len(m.members), func(i int) float64 { return m.members[i].Weight / top })
	for i := range m.members {
		w := m.members[i].Weight / top / total
		if w == 0 {
			return nil, &WeightError{Member: m.members[i].Name, Index: i, Weight: members[i].Weight}
		}
		m.members[i].Weight = w
	}
	m.bound = objective.Sum(len(m.members), func(i int) float64 {
		return m.members[i].Weight * lowerBound(m.members[i].Outer)
	})
	if math.IsNaN(m.bound) {
		m.bound = math.Inf(-1)
	}
	return m, nil
}

// lowerBound is that of a Bounded objective, and −∞ of any other.
func lowerBound(o objective.Objective) float64 {
	if b, ok := o.(objective.Bounded); ok {
		return b.LowerBound()
	}
	return math.Inf(-1)
}

// Dim is the number of parameters.
func (m *Meta) Dim() int { return m.dim }

// Len is the number of members.
func (m *Meta) Len() int { return len(m.members) }

// Member returns a member, its weight normalised.
func (m *Meta) Member(i int) Member { return m.members[i] }

// LowerBound returns Σ λᵢ min fᵢ, which h cannot fall below and need not
// attain; −∞ where an outer objective knows no bound.
func (m *Meta) LowerBound() float64 { return m.bound }

// At is Evaluate, as an objective.Objective has it.
func (m *Meta) At(x []float64) (objective.Point, error) {
	p, err := m.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// workers is how many goroutines to use.
func (m *Meta) workers() int {
	w := m.Workers
	if w <= 0 {
		w = runtime.GOMAXPROCS(0)
	}
	return min(w, len(m.members))
}
