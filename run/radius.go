package run

import (
	"context"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
)

// A Radius says how similar tasks must be to a nominal one for every family of
// them to be ε-global, whatever its size and its weights.
type Radius struct {
	Family   string   `json:"family"`
	Task     string   `json:"task"` // the nominal one
	Rates    []Number `json:"rates"`
	RateFrom string   `json:"rate_from"` // as for an Evaluation
	Epsilon  Number   `json:"epsilon"`

	Verdict  string `json:"verdict"`        // "bracketed", "proved", "searched", "none" or "undecided"
	Proved   Number `json:"delta_proved"`   // every family within it is ε-global; null where nothing is proved, and where the nominal task itself is not
	Searched Number `json:"delta_searched"` // one within it is not; null where none was found
	Worst    *Worst `json:"worst"`          // that one
	Reason   string `json:"reason"`

	Tasks   []RadiusTask `json:"tasks"`            // of the family
	Largest Number       `json:"largest_distance"` // of one of them; null where they differ in more than A, B, Q and R
	Within  bool         `json:"family_within"`    // all are within delta_proved: the family itself is proved ε-global

	Proof   string  `json:"proof"` // "interval": both ends are proved; "search": neither is
	Nominal segment `json:"nominal_epsilon"`
	Boxes   int     `json:"boxes"`    // examined
	Tried   int     `json:"families"` // evaluated

	Curve []RadiusPoint `json:"curve,omitempty"` // the same for other ε, and for this one

	problem *Problem
	worst   *family.Family
	proof   []byte // a certificate; nil where no δ is proved
}

// A RadiusTask is a task of the family.
type RadiusTask struct {
	Name     string `json:"name"`
	Distance Number `json:"distance"` // from the nominal task, at most; null where it differs in more than A, B, Q and R
}

// A RadiusPoint is the radius for another ε.
type RadiusPoint struct {
	Epsilon  Number `json:"epsilon"`
	Proved   Number `json:"delta_proved"`
	Searched Number `json:"delta_searched"`
}

// Worst is the nearest family found that is not ε-global.
type Worst struct {
	Epsilon segment     `json:"epsilon"` // of that family: an enclosure, or as found by a search twice the same
	Tasks   []WorstTask `json:"tasks"`
}

// A WorstTask is a member of it.
type WorstTask struct {
	Name     string `json:"name"`
	Weight   Number `json:"weight"`
	Distance Number `json:"distance"` // from the nominal task
}

// RadiusOptions bound and watch the work of [Problem.Radius].
type RadiusOptions struct {
	landscape.Options
	Seed   uint64
	Rounds int                  // of the search for families; 0: a default
	Curve  []float64            // other ε
	Search func(done, most int) // progress of the search for matrix gains
}

// Radius takes the family's first task as the nominal one, with its rule and
// rates. For a scalar gain the result is a bracket proved at both ends; for
// others it is what a search found. Errors: ErrInput for an ε that is not
// positive; those of [landscape.NewNominal], [landscape.Nominal.Radius] and
// [landscape.SearchRadius].
func (p *Problem) Radius(ctx context.Context, ε float64, o RadiusOptions) (*Radius, error) {
	for _, e := range append([]float64{ε}, o.Curve...) {
		if !(e > 0) || math.IsInf(e, 1) {
			return nil, fmt.Errorf("%w: epsilon must be a positive number, got %v", ErrInput, e)
		}
	}
	if has := p.Family.Beyond(); has != "" {
		return nil, &landscape.KindError{Has: has}
	}
	rates, from, err := p.landscapeRates(ctx)
	if err != nil {
		return nil, err
	}
	nominal := p.Family.Tasks[0]
	r := &Radius{
		Family: p.Family.Name, Task: nominal.Name, Rates: numbers(rates), RateFrom: from, Epsilon: Number(ε),
		Proved: infinite, Searched: infinite, problem: p,
	}
	if p.Dim() != 1 {
		var distances []float64
		for _, t := range p.Family.Tasks {
			distances = append(distances, family.Distance(nominal.Outer, t.Outer))
		}
		r.measure(distances)
		return r, r.search(ctx, p, rates, ε, o)
	}
	n, err := landscape.NewNominal(p.Family, rates)
	if err != nil {
		return nil, err
	}
	at := func(ε float64) (*landscape.Radius, error) {
		return n.Radius(ctx, ε, landscape.RadiusOptions{Options: o.Options, Seed: o.Seed, Rounds: o.Rounds})
	}
	found, err := at(ε)
	if err != nil {
		return nil, err
	}
	r.Proof, r.Nominal, r.Boxes, r.Tried = "interval", toSegment(found.Nominal), found.Boxes, found.Tried
	r.Searched, r.worst = Number(found.Searched), found.Worst
	if found.Proved > 0 {
		r.Proved = Number(found.Proved)
	}
	r.describe(nominal, found.Excess)
	var distances []float64
	for _, d := range n.Distances() {
		distances = append(distances, d.Hi())
	}
	r.measure(distances)
	if c, ok := found.Certificate(); ok {
		if r.proof, err = certificate.Encode(c); err != nil {
			return nil, err
		}
		r.Within = c.Radius.Family
	}
	switch {
	case found.None:
		r.Verdict = "none"
		r.Reason = "no δ exists: " + found.Why
	case found.Proved == 0:
		r.Verdict = "undecided"
		r.Reason = "no δ is proved: " + found.Why
	case found.Worst == nil:
		r.Verdict = "proved"
		r.Reason = fmt.Sprintf("every family within delta_proved is ε-global; no family further away was found that is not; the proof goes no further because %s", found.Why)
	default:
		r.Verdict = "bracketed"
		r.Reason = fmt.Sprintf("every family within delta_proved is ε-global, and the worst one found, within delta_searched, is not, both proved; the proof goes no further because %s", found.Why)
	}
	for _, e := range o.Curve {
		found := found
		if e != ε {
			if found, err = at(e); err != nil {
				return nil, err
			}
			r.Boxes += found.Boxes
			r.Tried += found.Tried
		}
		c := RadiusPoint{Number(e), infinite, Number(found.Searched)}
		if found.Proved > 0 {
			c.Proved = Number(found.Proved)
		}
		r.Curve = append(r.Curve, c)
	}
	return r, nil
}

// search is the part for gains that are not scalar.
func (r *Radius) search(ctx context.Context, p *Problem, rates []float64, ε float64, o RadiusOptions) error {
	if p.Family.Meta.Algorithm.Proximal() {
		return &landscape.AlgorithmError{Algorithm: p.Family.Meta.Algorithm.String()}
	}
	if t := p.Family.Tasks[0]; t.G != t.F {
		return &landscape.RadiusError{Task: t.Name, Why: "its inner steps see another task"}
	}
	mix := func(tasks []family.Task) (*maml.Meta, error) {
		q, err := NewProblem(&family.Family{Name: p.Family.Name, Meta: p.Family.Meta, Tasks: tasks})
		if err != nil {
			return nil, err
		}
		return q.meta(rates)
	}
	nominal := p.Family.Tasks[0]
	for i, e := range append([]float64{ε}, o.Curve...) {
		if i > 0 && e == ε {
			r.Curve = append(r.Curve, RadiusPoint{r.Epsilon, infinite, r.Searched})
			continue
		}
		found, err := landscape.SearchRadius(ctx, nominal, mix, e, landscape.SearchOptions{Seed: o.Seed, Workers: o.Workers, Progress: o.Search}, o.Rounds)
		if err != nil {
			return err
		}
		r.Tried += found.Tried
		if i > 0 {
			r.Curve = append(r.Curve, RadiusPoint{Number(e), infinite, Number(found.Searched)})
			continue
		}
		r.Proof, r.Nominal = "search", segment{Number(found.Nominal), Number(found.Nominal)}
		r.Searched = Number(found.Searched)
		if found.Worst != nil {
			f := *found.Worst
			f.Name, f.Meta = p.Family.Name+"-worst", p.Family.Meta
			f.Meta.Inner.Rate, f.Meta.Inner.Steps = family.Rate{Steps: rates}, len(rates)
			r.worst = &f
			r.describe(nominal, interval.New(found.Excess, found.Excess))
		}
		const label = "found by a search, nothing is proved for gains of more than one number"
		switch {
		case !found.Told():
			r.Verdict = "undecided"
			r.Reason = fmt.Sprintf("ε is no more than %.2g, what rounding leaves of gaps that are equal: float64 does not tell whether the local minima of the nominal task (%d, %.6g apart as found) differ by more than ε (%s)", found.Rounding, found.Minima, found.Nominal, label)
		case found.Searched == 0:
			r.Verdict = "none"
			r.Reason = fmt.Sprintf("no δ exists: the nominal task by itself has local minima %.6g apart (%s)", found.Nominal, label)
		case found.Worst == nil:
			r.Verdict = "undecided"
			r.Reason = fmt.Sprintf("no family that is not ε-global was found; %d local minimisers of the nominal task were followed (%s)", found.Minima, label)
		default:
			r.Verdict = "searched"
			r.Reason = fmt.Sprintf("the worst family found, within delta_searched, is not ε-global; %d local minimisers of the nominal task were followed (%s)", found.Minima, label)
		}
	}
	return nil
}

// measure fills the distances of the family's tasks.
func (r *Radius) measure(distances []float64) {
	for i, d := range distances {
		r.Tasks = append(r.Tasks, RadiusTask{r.problem.Family.Tasks[i].Name, Number(d)})
		r.Largest = max(r.Largest, Number(d))
	}
}

// describe says what the worst family is.
func (r *Radius) describe(nominal family.Task, excess interval.Interval) {
	if r.worst == nil {
		return
	}
	r.Worst = &Worst{Epsilon: toSegment(excess)}
	for _, t := range r.worst.Tasks {
		r.Worst.Tasks = append(r.Worst.Tasks, WorstTask{t.Name, Number(t.Weight), Number(family.Distance(nominal.Outer, t.Outer))})
	}
}

// Problem is what the radius is about.
func (r *Radius) Problem() *Problem { return r.problem }

// WorstFamily is the worst family found, nil where there is none.
func (r *Radius) WorstFamily() *family.Family { return r.worst }

// Certificate is the proof of δ, as a file that metalqr check verifies; nil where
// none is proved.
func (r *Radius) Certificate() []byte { return r.proof }

// Keep writes the files of a radius into a directory, which is made where there is
// none: radius.json, the family as spec.yaml, where there are any the certificate
// of δ as certificate.json and the worst family as worst.yaml, with any other files
// given. Where one exists, nothing is written
// and the error is a *[DirectoryError].
func (r *Radius) Keep(dir string, others map[string][]byte) error {
	document, err := encode(r)
	if err != nil {
		return err
	}
	files := map[string][]byte{radiusFile: document, specFile: family.Format(r.problem.Family)}
	if r.proof != nil {
		files[certificateFile] = r.proof
	}
	if r.worst != nil {
		files[worstFile] = family.Format(r.worst)
	}
	for name, data := range others {
		files[name] = data
	}
	return Keep(dir, files)
}

const (
	radiusFile = "radius.json"
	worstFile  = "worst.yaml"
)
