package run

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// A PlanarLandscape is the proved landscape of a family with two gains, or of up to four
// in a region: of all local
// minimisers with h ≤ Level in Region, what there is and how far above inf h they
// lie. Where a number has an enclosure beside it, it is the enclosure's middle.
type PlanarLandscape struct {
	Family   string    `json:"family"`
	Rates    []Number  `json:"rates"`
	RateFrom string    `json:"rate_from"` // as for an Evaluation
	Domain   []segment `json:"domain"`    // empty: of several gains it is no product of intervals
	Level    Number    `json:"level"`     // L
	Region   box       `json:"region"`    // of gains, to which the claim is restricted; null: all that h is finite at

	Minimizers []PlanarMinimizer `json:"minimizers"`
	Minimum    Number            `json:"minimum"`       // inf h, over the whole domain
	LowerBound Number            `json:"lower_bound"`   // Σ λᵢ Cᵢ*
	Epsilon    Number            `json:"epsilon"`       // proved: every local minimum with h ≤ L in the region is at most this above inf h
	EpsilonLow Number            `json:"epsilon_lower"` // proved: one is at least this above it

	Verdict    certificate.Verdict `json:"verdict"` // of the local minimisers with h ≤ L in the region
	Spurious   bool                `json:"spurious"`
	Equal      bool                `json:"equal"` // the minima are proved to have one value
	Reason     string              `json:"reason"`
	Proof      string              `json:"proof"`           // "interval"
	Undecided  int                 `json:"undecided_boxes"` // of the chart
	Unresolved []box               `json:"unresolved"`      // gains of these boxes, those that touch joined
	OneMap     bool                `json:"one_map"`         // the tasks have one inner map and one optimum

	Enclosed struct {
		Minimum segment `json:"minimum"`
	} `json:"enclosures"`
	Boxes int  `json:"boxes"` // examined
	Spent bool `json:"budget_spent"`

	// Search is what a search found where boxes are undecided; it proves nothing.
	Search *Search `json:"search,omitempty"`

	problem *Problem
	proof   *landscape.PlanarLandscape
	meta    *maml.Meta
}

// box is a product of intervals, one for each entry of a gain.
type box []segment

func toBox(b interval.Box) (x box) {
	for _, v := range b {
		x = append(x, toSegment(v))
	}
	return x
}

// A PlanarMinimizer is a strict local minimiser of h.
type PlanarMinimizer struct {
	Gain   matrixeq.Matrix `json:"gain"`
	Value  Number          `json:"value"`
	Gap    Number          `json:"gap"`    // h − Σ λᵢ Cᵢ*
	Radius Number          `json:"radius"` // each entry of the gain is known to ± this
	Excess Number          `json:"excess"` // value − inf h; where undetermined, at most this, where spurious, at least
	Kind   string          `json:"kind"`   // as for a Minimizer

	Optimal bool `json:"optimal"` // each adapted gain is its task's optimum

	GainEnclosure  box     `json:"gain_enclosure"`
	ValueEnclosure segment `json:"value_enclosure"`
	GapEnclosure   segment `json:"gap_enclosure"`
}

// A RegionError says why two gains are not the corners of a region.
type RegionError struct {
	Entry     int // from 1
	Low, High float64
}

func (e *RegionError) Error() string {
	if e.Low == e.High {
		return fmt.Sprintf("run: a region reaches from a gain to a greater one; the two are equal in entry %d, %v", e.Entry, e.Low)
	}
	return fmt.Sprintf("run: a region reaches from a gain to a greater one; entry %d goes from %v to %v", e.Entry, e.Low, e.High)
}

// Unwrap makes it match [ErrInput].
func (e *RegionError) Unwrap() error { return ErrInput }

// Region is the box of gains between two, for [Problem.Planar]. The error is a
// *[RegionError].
func Region(low, high matrixeq.Matrix) (interval.Box, error) {
	var b interval.Box
	for i, x := range low.Data {
		if y := high.Data[i]; !(x < y) {
			return nil, &RegionError{Entry: i + 1, Low: x, High: y}
		}
		b = append(b, interval.New(x, high.Data[i]))
	}
	return b, nil
}

// TwoGains reports whether the family's gain has two entries, of two states and one
// input, of which landscapes are proved as of scalar ones.
func (p *Problem) TwoGains() bool { return p.Family.Beyond() == "" && p.rows == 1 && p.cols == 2 }

// RegionGains reports whether the landscape of the family can be proved in a region of
// gains: of two to four numbers.
func (p *Problem) RegionGains() bool { return p.Family.Beyond() == "" && 2 <= p.Dim() && p.Dim() <= 4 }

// Planar proves the landscape of a problem with two states, one input and one inner
// step, or, in a region, with gains of two to four numbers and any number of inner
// steps. With rate: auto the rate is that of the family's start. Errors: those that
// match [landscape.ErrUnsupported] or [landscape.ErrTask], where no proof can be
// attempted; those of the start; and those of [landscape.Planar.Prove] and
// [landscape.Gains.Prove].
func (p *Problem) Planar(ctx context.Context, o landscape.PlanarOptions) (*PlanarLandscape, error) {
	if has := p.Family.Beyond(); has != "" {
		return nil, &landscape.KindError{Has: has}
	}
	whole := p.TwoGains() && p.Family.Meta.Inner.Steps == 1
	switch {
	case whole:
	case !p.RegionGains():
		return nil, &landscape.UnsupportedError{Why: fmt.Sprintf("landscapes are proved of gains of at most four numbers; this family's gain has %d×%d entries", p.rows, p.cols)}
	case o.Region == nil:
		return nil, &landscape.UnsupportedError{Why: fmt.Sprintf("of this family (a gain of %d×%d entries, inner steps: %d) a proof needs a region of gains; without one, landscapes are proved of one gain, or of two with one input and one inner step", p.rows, p.cols, p.Family.Meta.Inner.Steps)}
	}
	if err := p.afterSteps(); err != nil {
		return nil, err
	}
	rates, from, err := p.landscapeRates(ctx)
	if err != nil {
		return nil, err
	}
	var prove func(context.Context, landscape.PlanarOptions) (*landscape.PlanarLandscape, error)
	if whole {
		enclosed, err := landscape.NewPlanar(p.Family, rates)
		switch {
		case err == nil:
			prove = enclosed.Prove
		case o.Region == nil || !errors.Is(err, landscape.ErrTask):
			return nil, err
		default: // a plant that is not controllable, say
			whole = false
		}
	}
	if !whole {
		enclosed, err := landscape.NewGains(p.Family, rates)
		if err != nil {
			return nil, err
		}
		prove = enclosed.Prove
	}
	found, err := prove(ctx, o)
	if err != nil {
		return nil, err
	}
	return p.planarDocument(found, rates, from)
}

// afterSteps reports algorithms with another objective than the mean cost after inner
// steps at given rates: an *[landscape.AlgorithmError].
func (p *Problem) afterSteps() error {
	switch m := &p.Family.Meta; {
	case m.Algorithm.Proximal():
		return &landscape.AlgorithmError{Algorithm: m.Algorithm.String()}
	case m.Inner.Learn != family.LearnNone:
		return &landscape.AlgorithmError{Algorithm: "a learned rate"}
	}
	return nil
}

func (p *Problem) planarDocument(found *landscape.PlanarLandscape, rates []float64, from string) (*PlanarLandscape, error) {
	l := &PlanarLandscape{
		Family: p.Family.Name, Rates: numbers(rates), RateFrom: from, Domain: []segment{},
		Level: Number(found.Level), Region: toBox(found.Region),
		Minimizers: []PlanarMinimizer{}, Minimum: infinite, LowerBound: Number(found.LowerBound.Mid()),
		Epsilon: Number(found.Epsilon.Hi()), EpsilonLow: Number(found.Epsilon.Lo()),
		Verdict: found.Verdict, Spurious: found.Spurious(), Equal: found.Equal(), Reason: found.Reason(), Proof: "interval",
		Undecided: found.Left, Unresolved: []box{}, OneMap: found.OneMap, Boxes: found.Boxes, Spent: found.Spent,
		problem: p, proof: found,
	}
	l.Enclosed.Minimum = toSegment(found.Infimum)
	if found.Infimum.Hi() < math.MaxFloat64 { // some value of h is known
		l.Minimum = Number(found.Infimum.Mid())
	}
	for _, u := range found.Unresolved {
		l.Unresolved = append(l.Unresolved, toBox(u))
	}
	for _, m := range found.Minima {
		x := PlanarMinimizer{
			Gain: p.gain(m.Gain.Mid()), Value: Number(m.Value.Mid()), Kind: found.KindOf(m), Optimal: m.Optimal,
			GainEnclosure: toBox(m.Gain), ValueEnclosure: toSegment(m.Value),
		}
		for i, v := range m.Gain {
			x.Radius = max(x.Radius, Number(v.Sub(interval.Of(x.Gain.Data[i])).Mag()))
		}
		gap := m.Value.Sub(found.LowerBound).Intersect(interval.New(0, math.MaxFloat64))
		if m.Optimal {
			gap = interval.Of(0)
		}
		switch x.Kind {
		case "undetermined":
			x.Excess = Number(max(0, interval.SubUp(m.Value.Hi(), found.Infimum.Lo())))
		case "spurious":
			x.Excess = Number(interval.SubDown(m.Value.Lo(), found.Infimum.Hi()))
		}
		x.Gap, x.GapEnclosure = Number(middle(gap)), toSegment(gap)
		l.Minimizers = append(l.Minimizers, x)
	}
	var err error
	if l.meta, err = p.meta(rates); err != nil {
		return nil, err
	}
	l.meta.Workers = 1 // At is called from many
	return l, nil
}

// Empty reports whether it is proved that no local minimiser has h ≤ Level in Region.
func (l *PlanarLandscape) Empty() bool { return l.proof.Empty() }

// Certificate is the proof, as a file that metalqr check verifies.
func (l *PlanarLandscape) Certificate() ([]byte, error) {
	return certificate.Encode(l.proof.Certificate())
}

// Problem is what the landscape is that of.
func (l *PlanarLandscape) Problem() *Problem { return l.problem }

// At evaluates h at a gain in floating point, for drawing; +Inf outside the domain.
// It is safe for concurrent use.
func (l *PlanarLandscape) At(w ...float64) float64 { return heightAt(l.meta, w) }

// Reach is how far the domain reaches from a gain of it in a direction, at most far.
func (l *PlanarLandscape) Reach(from, direction []float64, far float64) float64 {
	return reach(l.At, from, direction, far)
}

// Keep writes the files of a landscape into a directory, as [Landscape.Keep] does.
func (l *PlanarLandscape) Keep(dir string, others map[string][]byte) error {
	return keepProof(dir, l.proof.Certificate(), l, others)
}

// keepProof writes a proved landscape: its document, the certificate and the family in
// it, and other files.
func keepProof(dir string, c certificate.Certificate, document any, others map[string][]byte) error {
	proof, err := certificate.Encode(c)
	if err != nil {
		return err
	}
	text, err := encode(document)
	if err != nil {
		return err
	}
	files := map[string][]byte{landscapeFile: text, certificateFile: proof, specFile: []byte(c.Family)}
	for name, data := range others {
		files[name] = data
	}
	return Keep(dir, files)
}
