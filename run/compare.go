package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Comparison is what several algorithms make of one family from one start.
type Comparison struct {
	Family     string          `json:"family"`
	Start      matrixeq.Matrix `json:"start"`
	Rates      []Number        `json:"rates"`
	RateFrom   string          `json:"rate_from"`
	LowerBound Number          `json:"lower_bound"` // Σ λᵢ Cᵢ*
	Work       string          `json:"work"`        // what solves are: linear matrix equations, or where tasks have none evaluations and products
	Algorithms []Compared      `json:"algorithms"`
	Skipped    []Skipped       `json:"skipped"`
}

// Unit is a word for what is counted: solves, or evals.
func (c *Comparison) Unit() string {
	if c.Work == evaluations {
		return "evals"
	}
	return "solves"
}

// Compared is what one algorithm came to. All are measured by the same
// yardstick: h, the mean cost after the family's own inner steps.
type Compared struct {
	Algorithm  string          `json:"algorithm"`
	Method     string          `json:"method"`
	OuterRate  Number          `json:"outer_rate,omitempty"`
	Status     string          `json:"status"` // as of a training run, or "budget"
	Iterations int             `json:"iterations"`
	Gain       matrixeq.Matrix `json:"gain"`
	Value      Number          `json:"value"`         // h at the gain; null where it is infinite
	Gap        Number          `json:"gap"`           // h − Σ λᵢ Cᵢ*
	Excess     Number          `json:"excess"`        // h − the least h that any of them reached
	Gradient   Number          `json:"gradient_norm"` // ‖∇h‖ there, exact
	Reached    string          `json:"reached"`       // which stationary point of h, if one
	Verdict    string          `json:"certificate"`   // the certificate's verdict
	Solves     int64           `json:"solves"`        // linear matrix equations
	Seconds    float64         `json:"seconds"`
	Trace      []Mark          `json:"trace"`
	Reason     string          `json:"reason,omitempty"`
}

// A Mark is one iterate of a compared run.
type Mark struct {
	Solves  int64   `json:"solves"`
	Seconds float64 `json:"seconds"`
	Gap     Number  `json:"gap"`
}

// Skipped says why an algorithm was not run.
type Skipped struct {
	Algorithm string `json:"algorithm"`
	Reason    string `json:"reason"`
}

// A Budget ends each run of a comparison; zeros are no limits.
type Budget struct {
	Iterations int
	Solves     int64
	Time       time.Duration
}

// errBudget ends a run that has used up its budget.
var errBudget = errors.New("budget")

// Compared algorithms, in order; MAML is taken by Newton's method and by
// Algorithm 1, beside which those that only Algorithm 1 can take belong.
var compared = []struct {
	algorithm family.Algorithm
	method    family.Method
}{
	{family.MAML, family.MethodNewtonCG}, {family.MAML, family.MethodAlgorithm1},
	{family.FOMAML, family.MethodAlgorithm1}, {family.HFMAML, family.MethodAlgorithm1}, {family.Reptile, family.MethodAlgorithm1},
	{family.IMAML, family.MethodNewtonCG}, {family.Moreau, family.MethodNewtonCG}, {family.FTML, family.MethodNewtonCG},
}

// Compare runs the algorithms named, or all of them, on a problem from its start
// and with its inner rates. Each is charged its own linear matrix equations and
// its own time; what the comparison itself evaluates is not charged. observe, if
// not nil, is told of each that begins.
func (p *Problem) Compare(ctx context.Context, only []family.Algorithm, b Budget, observe func(algorithm string)) (*Comparison, error) {
	s, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	p, charged := p.counting()
	yard, err := p.as(family.MAML, family.MethodNewtonCG, s).mixture(s.rates)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Family: p.Family.Name, Start: s.Gain, Rates: numbers(s.rates), RateFrom: s.rateFrom(), LowerBound: Number(yard.LowerBound()), Work: charged.unit(),
		Algorithms: []Compared{}, Skipped: []Skipped{}}
	var stationary *landscape.Landscape
	if p.Dim() == 1 {
		if l, err := p.as(family.MAML, family.MethodNewtonCG, s).Landscape(ctx, landscape.Options{Boxes: 100_000}); err == nil {
			stationary = l.proof
		}
	}
	for _, run := range compared {
		if len(only) > 0 && !slices.Contains(only, run.algorithm) {
			continue
		}
		if why := p.unfit(run.algorithm); why != "" {
			c.Skipped = append(c.Skipped, Skipped{run.algorithm.String(), why})
			continue
		}
		if observe != nil {
			observe(run.algorithm.String())
		}
		done, err := p.as(run.algorithm, run.method, s).compare(ctx, yard, s.rates, b, charged)
		if err != nil {
			return nil, err
		}
		done.Reached = reached(stationary, done)
		c.Algorithms = append(c.Algorithms, *done)
	}
	least := math.Inf(1)
	for _, a := range c.Algorithms {
		least = min(least, float64(a.Gap))
	}
	for i := range c.Algorithms {
		a := &c.Algorithms[i]
		if a.Excess = infinite; !math.IsInf(float64(a.Gap), 0) {
			a.Excess = Number(float64(a.Gap) - least)
		}
	}
	return c, nil
}

// as is the problem with another algorithm, from a start that is given.
func (p *Problem) as(a family.Algorithm, m family.Method, s *Start) *Problem {
	f := *p.Family
	f.Meta.Algorithm = a
	f.Meta.Start = family.Start{Kind: family.StartGain, Gain: s.Gain}
	f.Meta.Inner.Rate = family.Rate{Steps: s.rates}
	f.Meta.Inner.Learn, f.Meta.Inner.Delta, f.Meta.Inner.Strength = family.LearnNone, 0, 0
	if a.Proximal() { // κ = 1/η of the first step
		f.Meta.Inner.Rate.Steps, f.Meta.Inner.Steps = s.rates[:1], 1
	}
	own := f.Meta.Outer.Method == m
	f.Meta.Outer.Method = m
	if m == family.MethodAlgorithm1 && (!own || a != p.Family.Meta.Algorithm) {
		f.Meta.Outer.Rate, f.Meta.Outer.LastRate, f.Meta.Outer.Over = 0, 0, 0
	}
	q := *p
	q.Family = &f
	return &q
}

// unfit says why an algorithm makes no sense on this problem, or nothing.
func (p *Problem) unfit(a family.Algorithm) string {
	in := &p.Family.Meta.Inner
	switch {
	case (a == family.HFMAML || a.Proximal()) && in.Rule != family.RuleGradient:
		return "it is about gradient steps; the rule is " + in.Rule.String()
	case a == family.Moreau && slices.ContainsFunc(p.Tasks, func(t Task) bool { return t.Outer != t.Inner }):
		return "its envelope is of the inner cost alone, and tasks have another outer cost"
	}
	return ""
}

// compare runs the problem's algorithm within a budget, with yard, whose inner
// rates are given, as the yardstick and charged as what it costs.
func (p *Problem) compare(ctx context.Context, yard mixture, rates []float64, b Budget, charged *work) (*Compared, error) {
	settings := &p.Family.Meta
	out := &Compared{Algorithm: settings.Algorithm.String(), Method: settings.Outer.Method.String(), Trace: []Mark{}}
	t, err := NewTrainer(ctx, p)
	if errors.Is(err, maml.ErrBreakdown) {
		out.Status, out.Reason, out.Gap, out.Value, out.Gradient = "breakdown", err.Error(), infinite, infinite, infinite
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if b.Iterations > 0 {
		t.stop.Iterations = b.Iterations
	}
	out.OuterRate = Number(t.OuterRate)
	begun, before := time.Now(), charged.done()
	var aside time.Duration
	var asideSolves int64
	at := func(x []float64) (mixed, error) { // not charged
		start, n := time.Now(), charged.done()
		defer func() { aside += time.Since(start); asideSolves += charged.done() - n }()
		return yard.evaluate(x)
	}
	var last []float64
	mark := func() error {
		out.Solves, out.Seconds = charged.done()-before-asideSolves, (time.Since(begun) - aside).Seconds()
		last = slices.Clone(t.state.X)
		m := Mark{Solves: out.Solves, Seconds: out.Seconds, Gap: infinite}
		switch pt, err := at(t.state.X); {
		case err == nil:
			m.Gap = Number(pt.Gap())
		case !isDomain(err):
			return err
		}
		out.Trace = append(out.Trace, m)
		if b.Solves > 0 && out.Solves >= b.Solves || b.Time > 0 && time.Since(begun)-aside >= b.Time {
			return errBudget
		}
		return ctx.Err()
	}
	var res maml.Result
	if settings.Algorithm == family.FTML {
		var done *Result
		if done, err = t.follow(ctx, func(maml.Record) error { return mark() }); err == nil {
			res.Status = done.Status
		}
	} else {
		res, err = maml.Minimize(ctx, t.target, t.method, t.state, t.stop, func(maml.Record) error { return mark() })
	}
	switch {
	case errors.Is(err, errBudget):
		out.Status = "budget"
	case errors.Is(err, maml.ErrBreakdown):
		out.Status, out.Reason = "breakdown", err.Error()
	case err != nil:
		return nil, err
	case res.Status == maml.Stopped:
		return nil, context.Cause(ctx)
	default:
		out.Status = res.Status.String()
		if res.Cause != nil {
			out.Reason = res.Cause.Error()
		}
	}
	if last == nil {
		last = t.state.X
	}
	out.Gain, out.Iterations = p.gain(last), t.state.Iteration
	out.Value, out.Gap, out.Gradient, out.Verdict = infinite, infinite, infinite, DoesNotApply
	pt, err := at(last)
	if isDomain(err) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	g := make([]float64, p.Dim())
	pt.Grad(g)
	out.Value, out.Gap, out.Gradient = Number(pt.Value()), Number(pt.Gap()), Number(dense.Norm(g))
	// The certificate is about MAML's objective at the gain, whoever found it.
	f := *p.Family
	f.Meta.Algorithm = family.MAML
	q := *p
	q.Family = &f
	conditions, err := q.certify(&maml.Result{Value: pt.Value(), Point: pt}, pt, last, rates)
	if err != nil {
		return nil, err
	}
	out.Verdict = conditions.Verdict
	return out, nil
}

// reached names the stationary point of h at a gain: for a scalar gain the
// proved one that is nearest, which that the gain is there is no proof of.
func reached(l *landscape.Landscape, c *Compared) string {
	scale := float64(c.Gradient) * (1 + dense.Norm(c.Gain.Data))
	if !(scale <= 1e-6*math.Abs(float64(c.Value))) {
		return "no stationary point of h"
	}
	if l == nil {
		return "a stationary point of h"
	}
	w := c.Gain.Data[0]
	distance := func(s landscape.Stationary) float64 { return math.Abs(s.Gain.Mid() - w) }
	if len(l.Stationary) == 0 {
		return "a stationary point of h"
	}
	nearest := slices.MinFunc(l.Stationary, func(x, y landscape.Stationary) int { return cmp.Compare(distance(x), distance(y)) })
	if distance(nearest) > 1e-4*(1+math.Abs(w)) {
		return "a stationary point of h"
	}
	kind := string(nearest.Kind)
	if nearest.Kind == certificate.Minimum {
		kind = l.KindOf(nearest) + " minimum"
	}
	return fmt.Sprintf("%s at %.6g", kind, nearest.Gain.Mid())
}
