package run

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Search is what a search found of a landscape, of gains of any dimension. It
// proves nothing: Proof says "search", the verdict is undecided, and the bounds
// that would be proved are those of ignorance. What was found is Estimate.
type Search struct {
	Family   string    `json:"family"`
	Rates    []Number  `json:"rates"`
	RateFrom string    `json:"rate_from"` // as for an Evaluation
	Domain   []segment `json:"domain"`    // empty: not known

	Minimizers []SearchedMinimizer `json:"minimizers"`
	Minimum    Number              `json:"minimum"`       // the least value found
	LowerBound Number              `json:"lower_bound"`   // Σ λᵢ Cᵢ*
	Epsilon    Number              `json:"epsilon"`       // as found: the highest local minimum less the least
	EpsilonLow Number              `json:"epsilon_lower"` // 0: nothing is proved

	Verdict   certificate.Verdict `json:"verdict"`        // undecided
	Spurious  bool                `json:"spurious"`       // false: none is proved to be
	Found     bool                `json:"found_spurious"` // local minimisers of different values were found
	Estimate  bool                `json:"estimate"`       // true: epsilon and minimum are as found
	Reason    string              `json:"reason"`
	Proof     string              `json:"proof"`              // "search"
	Unproved  string              `json:"unproved,omitempty"` // why no proof was attempted, where one was wanted
	Undecided int                 `json:"undecided_boxes"`

	Seed      uint64 `json:"seed"`
	Starts    int    `json:"starts"`    // descents
	Lost      int    `json:"lost"`      // of these, without an end
	Preimages int    `json:"preimages"` // different preimages of a task's optimum that were started from
	Unseen    Number `json:"unseen"`    // estimated share of descents that would end at minimisers not found

	Slice *Slice `json:"slice,omitempty"` // that was drawn

	problem *Problem
	found   *landscape.Searched
	h       objective.Objective
}

// A SearchedMinimizer is a local minimiser as Newton's method left it.
type SearchedMinimizer struct {
	Gain   matrixeq.Matrix `json:"gain"`
	Value  Number          `json:"value"`
	Gap    Number          `json:"gap"`    // h − Σ λᵢ Cᵢ*
	Radius Number          `json:"radius"` // ‖∇h‖/λ_min, the Newton step that remains: an estimate
	Excess Number          `json:"excess"` // value − minimum
	Kind   string          `json:"kind"`   // "lowest", "higher", or "degenerate" where ∇²h is singular to working precision

	Least Number `json:"least_curvature"` // extreme eigenvalues of ∇²h
	Most  Number `json:"most_curvature"`

	Reached   int `json:"reached"` // descents that ended here
	Samples   int `json:"samples"` // of these, from samples of the domain
	Preimages int `json:"from_preimages"`
}

// Search searches the landscape of gains of any dimension, and of tasks of any
// kind. With rate: auto the rate is that of the family's start. Errors:
// *[landscape.AlgorithmError], those of the start where none of the optima is
// inside the domain, and those of [landscape.Search].
func (p *Problem) Search(ctx context.Context, o landscape.SearchOptions) (*Search, error) {
	if err := p.afterSteps(); err != nil {
		return nil, err
	}
	rates, from, err := p.landscapeRates(ctx)
	if err != nil {
		return nil, err
	}
	m, err := p.meta(rates)
	if err != nil {
		return nil, err
	}
	h := p.narrow(m, rates)
	o.As = h
	found, err := landscape.Search(ctx, m, o)
	if errors.Is(err, landscape.ErrNoGain) {
		start, failed := p.start(ctx)
		if failed != nil {
			return nil, failed
		}
		o.Given = append(o.Given, start.Gain.Data)
		found, err = landscape.Search(ctx, m, o)
	}
	if err != nil {
		return nil, err
	}
	s := &Search{
		Family: p.Family.Name, Rates: numbers(rates), RateFrom: from, Domain: []segment{},
		Minimizers: []SearchedMinimizer{}, Minimum: infinite, LowerBound: Number(m.LowerBound()),
		Verdict: certificate.Undecided, Estimate: true, Proof: "search", Seed: o.Seed,
		Starts: found.Starts, Lost: found.Lost, Preimages: found.Preimages, Unseen: Number(found.Unseen),
		problem: p, found: found,
	}
	s.h = h
	higher := 0
	for i, f := range found.Minima {
		if i == 0 {
			s.Minimum = Number(f.Value)
		}
		x := SearchedMinimizer{
			Gain: p.gain(f.Gain), Value: Number(f.Value), Gap: Number(f.Gap), Radius: infinite, Kind: "lowest",
			Excess: Number(max(0, f.Gap-found.Minima[0].Gap)),
			Least:  Number(f.Least), Most: Number(f.Most), Reached: f.Reached, Samples: f.Samples, Preimages: f.Preimages,
		}
		if f.Least > 0 {
			x.Radius = Number(f.Norm / f.Least)
		}
		// Values are known to some 1e-11 of themselves.
		switch {
		case f.Kind != maml.Minimum:
			x.Kind = "degenerate"
		case float64(x.Excess) > 1e-9*math.Abs(f.Value):
			x.Kind = "higher"
			higher++
		default:
			x.Excess = 0
		}
		s.Epsilon = max(s.Epsilon, x.Excess)
		s.Minimizers = append(s.Minimizers, x)
	}
	s.Found = higher > 0
	n := len(s.Minimizers)
	switch {
	case n == 0:
		s.Epsilon = infinite
		s.Reason = fmt.Sprintf("no local minimiser was found from %d starts", s.Starts)
	case higher == 0:
		s.Reason = fmt.Sprintf("%s found from %d starts, all of the least value, to rounding; a search proves nothing", plural(n, "local minimiser"), s.Starts)
	default:
		s.Reason = fmt.Sprintf("%s found from %d starts, %d of them above the lowest, by %.6g at most; a search proves nothing", plural(n, "local minimiser"), s.Starts, higher, float64(s.Epsilon))
	}
	return s, nil
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Problem is what was searched.
func (s *Search) Problem() *Problem { return s.problem }

// Keep writes the files of a search into a directory, which is made where there is
// none: landscape.json and the family as it was searched, with any other files
// given. Where one exists, nothing is written and the error is a
// *[DirectoryError].
func (s *Search) Keep(dir string, others map[string][]byte) error {
	document, err := encode(s)
	if err != nil {
		return err
	}
	files := map[string][]byte{landscapeFile: document, specFile: family.Format(s.problem.Family)}
	for name, data := range others {
		files[name] = data
	}
	return Keep(dir, files)
}
