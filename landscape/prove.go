package landscape

import (
	"context"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A Landscape is what is known of a meta-objective with one scalar gain. Every
// interval is an enclosure.
type Landscape struct {
	Domain     []Component
	Stationary []Stationary        // ascending
	Unresolved []interval.Interval // where a stationary point or an end of the domain may hide
	Infimum    interval.Interval   // of h over its domain
	LowerBound interval.Interval   // Σ λᵢ Cᵢ*, which h need not attain

	// Every local minimum lies at most Epsilon.Hi() above inf h, and one at
	// least Epsilon.Lo(); Hi is +Inf where that is not known.
	Epsilon interval.Interval
	Verdict certificate.Verdict
	OneMap  bool // the family comes to one task, whose optima have one value

	Singular []Singular
	Boxes    int  // examined
	Spent    bool // the budget ran out

	family string
	proof  certificate.Landscape
}

// A Component is a maximal interval of the domain, its ends enclosed.
type Component struct {
	Low, High interval.Interval
	// LowBorder and HighBorder are enclosures of h at an end towards which it
	// falls without a minimum, as it may at the border of stability with the
	// Gauss–Newton rule; nil at an end where it rises.
	LowBorder, HighBorder *interval.Interval
}

// A Stationary point: h′ has exactly one zero in Gain.
type Stationary struct {
	Gain    interval.Interval
	Value   interval.Interval // of h
	Gap     interval.Interval // h − Σ λᵢ Cᵢ*, without subtracting
	Kind    certificate.Kind
	Optimal bool // the adapted gain is the one task's optimum

	// Of a minimum: the gains from which descent on h ends there, and their
	// share of the domain.
	Basin [2]interval.Interval // its ends, enclosed
	Share float64              // an estimate from the enclosures, exact to rounding

	// Distance to the nearest singular point of any task, or to the nearest box
	// in which one may be: none is nearer. +Inf where there is none.
	Singular float64
}

// Singular is where the derivative of a task's inner map is zero: with one
// gradient step, where η C″(w) = 1. The map is not locally open there.
type Singular struct {
	Task       string
	Points     []interval.Interval // exactly one zero in each
	Unresolved []interval.Interval
}

// Minima are the local minimisers.
func (l *Landscape) Minima() []Stationary {
	var m []Stationary
	for _, s := range l.Stationary {
		if s.Kind == certificate.Minimum {
			m = append(m, s)
		}
	}
	return m
}

// Spurious reports whether a local minimum above inf h is proved to exist.
func (l *Landscape) Spurious() bool { return l.Epsilon.Lo() > 0 }

// Prove finds and proves the landscape: the domain, all stationary points, and
// what follows. Where the budget ends first, or points are degenerate, boxes
// are left in Unresolved and the verdict may be undecided. The only error is an
// [*EmptyError], for a domain proved empty, or that of ctx.
//
// The result depends on o.Boxes, not on o.Workers. A box costs about a
// microsecond for each task and inner step; a family of a dozen tasks takes
// some hundred boxes.
func (p *Problem) Prove(ctx context.Context, o Options) (*Landscape, error) {
	m := newMeter(ctx, o)
	cover, err := p.domain(m)
	if err != nil {
		return nil, err
	}
	l := &Landscape{OneMap: p.oneMap}
	l.proof.DomainCover = cover
	components, unknown := componentsOf(cover)
	if len(components) == 0 && len(unknown) == 0 {
		return nil, p.empty(ctx, cover)
	}
	for _, c := range components {
		l.Domain = append(l.Domain, Component{Low: c.low(), High: c.high()})
	}
	l.Unresolved = unknown
	l.LowerBound = zero
	for i := range p.tasks {
		l.LowerBound = l.LowerBound.Add(p.tasks[i].weight.Mul(p.tasks[i].f.best))
	}
	l.LowerBound = spared(l.LowerBound)
	s := &scratch{}
	if p.oneMap {
		l.proof.Mode = certificate.OneMap
		p.factors(l, components, m, s)
	} else {
		l.proof.Mode = certificate.Sum
		p.zeros(l, components, m, s)
	}
	l.Unresolved = joined(l.Unresolved)
	p.conclude(l, components, s)
	p.singular(l, components, m)
	l.basins()
	l.Boxes, l.Spent = m.examined, m.spent
	l.family = string(family.Format(p.family))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// zeros isolates the zeros of h′ itself.
func (p *Problem) zeros(l *Landscape, components []component, m *meter, s *scratch) {
	cover := certificate.Cover{Of: certificate.Slope}
	for ci, c := range components {
		blocks := c.isolate(p.slope, m, "stationary points")
		for _, b := range blocks {
			cover.Pieces = append(cover.Pieces, certificate.Piece{Box: b.box, Is: b.is})
			switch b.is {
			case certificate.Unknown:
				l.Unresolved = append(l.Unresolved, b.box)
			case certificate.Zero:
				gain := c.narrow(p.slope, b, s)
				st := Stationary{Gain: gain, Kind: certificate.Minimum}
				if b.low > 0 {
					st.Kind = certificate.Maximum
				}
				st.Value, st.Gap = p.worth(l, gain, s)
				l.Stationary = append(l.Stationary, st)
			}
		}
		first, last := blocks[0], blocks[len(blocks)-1]
		if len(blocks) == 1 { // h is monotone
			at, _, _ := p.slope(c.center(), true, s)
			first.high, last.low = at.Sign(), at.Sign()
		}
		if first.is == certificate.Unknown {
			first.high = 0
		}
		if last.is == certificate.Unknown {
			last.low = 0
		}
		p.borders(l, ci, c, first.high, last.low, s)
	}
	l.proof.Covers = []certificate.Cover{cover}
}
