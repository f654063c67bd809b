package run

import (
	"context"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Landscape is the proved landscape of a family with one scalar gain. Where a
// number has an enclosure beside it, it is the enclosure's middle.
type Landscape struct {
	Family   string    `json:"family"`
	Rates    []Number  `json:"rates"`
	RateFrom string    `json:"rate_from"` // as for an Evaluation
	Domain   []segment `json:"domain"`    // where h is finite

	Minimizers []Minimizer  `json:"minimizers"`
	Maximizers []Stationary `json:"maximizers"`
	Minimum    Number       `json:"minimum"`       // inf h
	LowerBound Number       `json:"lower_bound"`   // Σ λᵢ Cᵢ*
	Epsilon    Number       `json:"epsilon"`       // proved: every local minimum is at most this above inf h; null where there is no bound
	EpsilonLow Number       `json:"epsilon_lower"` // proved: one is at least this above it

	Verdict    certificate.Verdict `json:"verdict"`
	Spurious   bool                `json:"spurious"`
	Equal      bool                `json:"equal"` // the minima are proved to have one value
	Reason     string              `json:"reason"`
	Proof      string              `json:"proof"`           // "interval"
	Undecided  int                 `json:"undecided_boxes"` // how many Unresolved has
	Unresolved []segment           `json:"unresolved"`

	Singular []Singular `json:"singular"`
	Enclosed Enclosed   `json:"enclosures"`
	Boxes    int        `json:"boxes"` // examined
	Spent    bool       `json:"budget_spent"`

	problem *Problem
	proof   *landscape.Landscape
	meta    *maml.Meta
	parts   []*maml.Meta // one for each task
}

// segment is [from, to]; an unbounded end is null.
type segment [2]Number

func toSegment(x interval.Interval) segment { return segment{Number(x.Lo()), Number(x.Hi())} }

// middle stands for an enclosure: zero where it may be that, else its middle.
func middle(x interval.Interval) float64 {
	if x.Contains(0) && x.Width() < 1e-9 {
		return 0
	}
	return x.Mid()
}

// Enclosed holds what the numbers of a [Landscape] are the middles of.
type Enclosed struct {
	Domain  [][2]segment `json:"domain"` // of both ends of every component
	Minimum segment      `json:"minimum"`
}

// A Stationary point of h.
type Stationary struct {
	Gain   matrixeq.Matrix `json:"gain"`
	Value  Number          `json:"value"`
	Gap    Number          `json:"gap"`    // h − Σ λᵢ Cᵢ*
	Radius Number          `json:"radius"` // the gain is known to ± this; no other is in its enclosure

	GainEnclosure  segment `json:"gain_enclosure"`
	ValueEnclosure segment `json:"value_enclosure"`
	GapEnclosure   segment `json:"gap_enclosure"`
	Singular       Number  `json:"singular_distance"` // no singular point of a task is nearer; null where there is none
}

// A Minimizer is a local minimiser of h.
type Minimizer struct {
	Stationary
	Excess  Number  `json:"excess"`  // value − inf h; where undetermined, at most this
	Kind    string  `json:"kind"`    // "global", "spurious", or "undetermined" where the values are not told apart
	Optimal bool    `json:"optimal"` // each adapted gain is its task's optimum
	Basin   segment `json:"basin"`   // descent on h ends here from the gains in between
	Share   Number  `json:"share"`   // of the domain that the basin is; null where points are unresolved
}

// Singular is where a task's inner map is not locally open.
type Singular struct {
	Task       string    `json:"task"`
	Gains      []Number  `json:"gains"`
	Enclosures []segment `json:"enclosures"`
	Unresolved int       `json:"unresolved"`
}

// landscapeRates are the inner rates of a landscape, which is judged at no gain.
// Tasks that exclude each other leave auto without a start: an
// *[ExclusionError].
func (p *Problem) landscapeRates(ctx context.Context) (rates []float64, from string, err error) {
	if p.Family.Meta.Inner.Rate.Auto {
		if err := p.excluded(); err != nil {
			return nil, "", err
		}
	}
	return p.ratesFor(ctx, p.center())
}

// Landscape proves the landscape of a problem with one scalar gain. With rate:
// auto the rate is that of the family's start. Errors are those of
// [landscape.New] and of [landscape.Problem.Prove].
func (p *Problem) Landscape(ctx context.Context, o landscape.Options) (*Landscape, error) {
	if has := p.Family.Beyond(); has != "" {
		return nil, &landscape.KindError{Has: has}
	}
	if p.Dim() != 1 {
		return nil, &landscape.DimensionError{Inputs: p.rows, States: p.cols}
	}
	rates, from, err := p.landscapeRates(ctx)
	if err != nil {
		return nil, err
	}
	enclosed, err := landscape.New(p.Family, rates)
	if err != nil {
		return nil, err
	}
	found, err := enclosed.Prove(ctx, o)
	if err != nil {
		return nil, err
	}
	return p.document(found, rates, from)
}

func (p *Problem) document(found *landscape.Landscape, rates []float64, from string) (*Landscape, error) {
	l := &Landscape{
		Family: p.Family.Name, Rates: numbers(rates), RateFrom: from,
		Domain: []segment{}, Minimizers: []Minimizer{}, Maximizers: []Stationary{}, Unresolved: []segment{}, Singular: []Singular{},
		Minimum: infinite, LowerBound: Number(found.LowerBound.Mid()),
		Epsilon: Number(found.Epsilon.Hi()), EpsilonLow: Number(found.Epsilon.Lo()),
		Verdict: found.Verdict, Spurious: found.Spurious(), Equal: found.Equal(), Reason: found.Reason(), Proof: "interval",
		Boxes: found.Boxes, Spent: found.Spent, Undecided: len(found.Unresolved),
		Enclosed: Enclosed{Domain: [][2]segment{}, Minimum: toSegment(found.Infimum)},
		problem:  p, proof: found,
	}
	var err error
	if l.meta, err = p.meta(rates); err != nil {
		return nil, err
	}
	for i := range p.Tasks {
		one := &Problem{Family: p.Family, Tasks: p.Tasks[i : i+1], rows: p.rows, cols: p.cols}
		m, err := one.meta(rates)
		if err != nil {
			return nil, err
		}
		l.parts = append(l.parts, m)
	}
	if found.Infimum.Hi() < math.MaxFloat64 { // some value of h is known
		l.Minimum = Number(found.Infimum.Mid())
	}
	for _, d := range found.Domain {
		s := segment{Number(middle(d.Low)), Number(middle(d.High))}
		if !d.Low.IsBounded() {
			s[0] = Number(math.Inf(-1))
		}
		if !d.High.IsBounded() {
			s[1] = infinite
		}
		l.Domain = append(l.Domain, s)
		l.Enclosed.Domain = append(l.Enclosed.Domain, [2]segment{toSegment(d.Low), toSegment(d.High)})
	}
	for _, u := range found.Unresolved {
		l.Unresolved = append(l.Unresolved, toSegment(u))
	}
	for _, s := range found.Stationary {
		point := Stationary{
			Gain: matrixeq.Scalar(middle(s.Gain)), Value: Number(s.Value.Mid()), Gap: Number(middle(s.Gap)), Radius: Number(s.Gain.Sub(interval.Of(middle(s.Gain))).Mag()),
			GainEnclosure: toSegment(s.Gain), ValueEnclosure: toSegment(s.Value), GapEnclosure: toSegment(s.Gap), Singular: Number(s.Singular),
		}
		if s.Kind != certificate.Minimum {
			l.Maximizers = append(l.Maximizers, point)
			continue
		}
		m := Minimizer{Stationary: point, Excess: Number(max(0, s.Value.Mid()-found.Infimum.Mid())), Optimal: s.Optimal, Kind: found.KindOf(s), Share: infinite}
		if s.Optimal {
			m.Excess = 0
		}
		if m.Kind == "undetermined" {
			m.Excess = Number(max(0, s.Value.Hi()-found.Infimum.Lo()))
		}
		if len(found.Unresolved) == 0 {
			m.Basin, m.Share = segment{Number(s.Basin[0].Mid()), Number(s.Basin[1].Mid())}, Number(s.Share)
		}
		l.Minimizers = append(l.Minimizers, m)
	}
	for _, s := range found.Singular {
		set := Singular{Task: s.Task, Gains: []Number{}, Enclosures: []segment{}, Unresolved: len(s.Unresolved)}
		for _, x := range s.Points {
			set.Gains = append(set.Gains, Number(middle(x)))
			set.Enclosures = append(set.Enclosures, toSegment(x))
		}
		l.Singular = append(l.Singular, set)
	}
	return l, nil
}

// Certificate is the proof, as a file that metalqr check verifies.
func (l *Landscape) Certificate() ([]byte, error) {
	return certificate.Encode(l.proof.Certificate())
}

// Problem is what the landscape is that of.
func (l *Landscape) Problem() *Problem { return l.problem }

// Objective evaluates h at a gain in floating point, for drawing; +Inf outside
// the domain.
func (l *Landscape) Objective(w float64) float64 { return valueAt(l.meta, w) }

// Tasks is how many tasks there are.
func (l *Landscape) Tasks() int { return len(l.parts) }

// Task evaluates the cost of task i after its inner steps, not weighted, in
// floating point; +Inf outside its domain.
func (l *Landscape) Task(i int, w float64) float64 { return valueAt(l.parts[i], w) }

func valueAt(m *maml.Meta, w float64) float64 {
	at, err := m.Evaluate([]float64{w})
	if err != nil {
		return math.Inf(1)
	}
	return at.Value()
}

// Keep writes the files of a landscape into a directory, which is made where
// there is none: landscape.json, certificate.json and the family as it was
// proved, with any other files given. Where one exists, nothing is written and the
// error is a *[DirectoryError].
func (l *Landscape) Keep(dir string, others map[string][]byte) error {
	return keepProof(dir, l.proof.Certificate(), l, others)
}
