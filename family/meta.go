package family

import (
	"fmt"

	"github.com/metalqr/metalqr/matrixeq"
)

// Meta says how to train. Values not written have the defaults of the file
// format, which [DefaultMeta] returns.
type Meta struct {
	Algorithm Algorithm     `json:"algorithm,omitempty" jsonschema:"maml: minimise the mean cost after the inner steps, differentiated exactly; fo-maml, hf-maml, imaml, moreau, reptile, ftml: its relatives"`
	Normalize Normalization `json:"normalize,omitempty" jsonschema:"optimal-cost: divide each task's cost by its optimum; omitted: none"`
	Start     Start         `json:"start,omitzero" jsonschema:"auto (the mean of the optima, else a bounded search for a gain inside the domain), mean-optimal, zero, random, or a gain (r rows of d numbers)"`
	// RadiusLimit refuses steps to a gain at which a task's spectral radius is
	// not below it; 0 means the border of stability.
	RadiusLimit float64 `json:"radius_limit,omitempty" jsonschema:"refuse steps to gains at which a task's spectral radius is not below this; omitted: only to those that do not stabilise"`

	Seed  uint64 `json:"seed,omitempty" jsonschema:"of the random numbers of training; omitted: 1"`
	Inner Inner  `json:"inner,omitzero" jsonschema:"the inner steps"`
	Outer Outer  `json:"outer,omitzero" jsonschema:"the outer method"`
}

// Inner is meta.inner: K = Steps steps of one rule.
type Inner struct {
	Rule  Rule `json:"rule,omitempty" jsonschema:"gradient: W − η∇g(W); natural: W − 2ηE; gauss-newton: W − 2ηS⁻¹E (½ is policy iteration)"`
	Rate  Rate `json:"rate,omitzero" jsonschema:"η; a list gives one rate per step; auto (or omitted): ½ / max ‖∇²C(start)‖ over the tasks"`
	Steps int  `json:"steps,omitempty" jsonschema:"number of inner steps; omitted: 1, or as many as there are rates"`

	Learn     Learning `json:"learn,omitempty" jsonschema:"rate: one inner rate is learned with the gain; rates: one for each of its entries (Meta-SGD); omitted: none"`
	Delta     float64  `json:"delta,omitempty" jsonschema:"of hf-maml: the step of its differences, relative to 1 + ‖W‖; omitted: 4.8e-6"`
	Strength  float64  `json:"strength,omitempty" jsonschema:"κ of imaml and moreau; omitted: 1/rate"`
	Tolerance float64  `json:"tolerance,omitempty" jsonschema:"of imaml's and moreau's inner problem, relative; omitted: 1e-12"`
}

// Outer is meta.outer. What stands below Iterations belongs to Algorithm 1
// alone.
type Outer struct {
	Method     Method    `json:"method,omitempty" jsonschema:"newton-cg (exact Hessian), lbfgs, gradient (safeguarded), or algorithm-1 (the paper's, with a constant rate)"`
	Tolerance  float64   `json:"tolerance,omitempty" jsonschema:"converged when ‖∇h‖ (1 + ‖W‖) is at most this times |h|; omitted: 1e-10"`
	Iterations int       `json:"iterations,omitempty" jsonschema:"stop after this many; omitted: 1000"`
	Rate       float64   `json:"rate,omitempty" jsonschema:"β of algorithm-1; omitted: 1/‖∇²h(start)‖"`
	LastRate   float64   `json:"last_rate,omitempty" jsonschema:"β falls linearly from rate to this; omitted: constant"`
	Over       int       `json:"over,omitempty" jsonschema:"over this many iterations; required with last_rate"`
	Reduce     Reduction `json:"reduce,omitempty" jsonschema:"algorithm-1 takes the mean or the sum over a batch; omitted: mean"`
	Batch      int       `json:"batch,omitempty" jsonschema:"algorithm-1 samples this many tasks per iteration; omitted or 0: all"`
	Sampling   Sampling  `json:"sampling,omitempty" jsonschema:"how batches are drawn: with-replacement, epochs (without replacement), or fresh (new tasks from generate at every iteration); omitted: with-replacement"`
	Clip       float64   `json:"clip,omitempty" jsonschema:"algorithm-1 shortens a longer direction to this length; omitted: none"`
}

// MaxSteps and maxBatch bound the memory that a short file can ask for.
const (
	MaxSteps = 10_000
	maxBatch = 1_000_000
)

// A Rate is the inner rate η: the same for all steps, or one for each step, or
// to be chosen from the tasks.
type Rate struct {
	Auto  bool
	Steps []float64 // one η for all steps, or one per step; nil if Auto
}

// At is η for inner step k, from 0. It must not be called if Auto.
func (r Rate) At(k int) float64 {
	if len(r.Steps) == 1 {
		return r.Steps[0]
	}
	return r.Steps[k]
}

// IsZero reports whether nothing was written; it is for package json.
func (r Rate) IsZero() bool { return !r.Auto && r.Steps == nil }

func (r *Rate) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind == plain && string(t.raw(n)) == "auto" {
		*r = Rate{Auto: true}
		return nil
	}
	if t.nodes[n].kind != list && (t.nodes[n].kind != plain || !isNumber(t.raw(n))) {
		return t.notNumber(n, "a number, a list of numbers or auto")
	}
	v, err := t.vector(n)
	if err != nil {
		return err
	}
	for _, η := range v {
		if η < 0 {
			return t.failAt(n, ErrValue, "an inner rate must not be negative, got %v", η)
		}
	}
	*r = Rate{Steps: v}
	return nil
}

// A Start is where training starts.
type Start struct {
	Kind StartKind
	Gain matrixeq.Matrix // r×d; only with StartGain
}

// IsZero reports whether nothing was written; it is for package json.
func (s Start) IsZero() bool { return s.Kind == StartAuto }

func (s *Start) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind == list || t.nodes[n].kind == plain && isNumber(t.raw(n)) {
		w, err := t.matrix(n)
		*s = Start{StartGain, w}
		return err
	}
	text, err := t.scalarText(n)
	if err != nil {
		return err
	}
	*s = Start{}
	if err := parseWord(&s.Kind, "start", text, startWords); err != nil {
		return t.failAt(n, ErrValue, "%v, or a gain", err)
	}
	return nil
}

// DefaultMeta is what a file without meta asks for.
func DefaultMeta() Meta {
	return Meta{
		Seed:  1,
		Inner: Inner{Rate: Rate{Auto: true}, Steps: 1},
		Outer: Outer{Tolerance: 1e-10, Iterations: 1000},
	}
}

func (m *Meta) decodeNode(t *tree, n int) error {
	if err := t.fields(n, m); err != nil {
		return err
	}
	if at := t.find(n, "radius_limit"); at >= 0 && !(m.RadiusLimit > 0) {
		return t.failAt(at, ErrValue, "must be positive, got %v", m.RadiusLimit)
	}
	if err := m.checkAlgorithm(t, n); err != nil {
		return err
	}
	return m.checkMethod(t, n)
}

// checkAlgorithm refuses what contradicts the algorithm.
func (m *Meta) checkAlgorithm(t *tree, n int) error {
	a, in := m.Algorithm, &m.Inner
	for _, c := range []struct {
		wrong bool
		why   string
		path  []string
	}{
		{a != HFMAML, "belongs to algorithm hf-maml", []string{"inner", "delta"}},
		{!a.Proximal(), "belongs to algorithms imaml and moreau", []string{"inner", "strength"}},
		{!a.Proximal(), "belongs to algorithms imaml and moreau", []string{"inner", "tolerance"}},
		{a.Proximal() && in.Strength > 0, "contradicts strength, which is κ = 1/rate: give one of them", []string{"inner", "rate"}},
		{a.Proximal() && in.Rule != RuleGradient, "contradicts the algorithm, whose inner problem takes no steps of a rule", []string{"inner", "rule"}},
		{a.Proximal() && in.Steps != 1, "contradicts the algorithm, whose inner problem is solved, not stepped", []string{"inner", "steps"}},
		{a.Proximal() && in.Steps != 1, "contradicts the algorithm, whose inner problem is solved, not stepped: give one rate, κ = 1/rate", []string{"inner", "rate"}},
		{a == HFMAML && in.Rule != RuleGradient, "contradicts algorithm hf-maml, which is about gradient steps", []string{"inner", "rule"}},
		{in.Learn != LearnNone && a != MAML, "is for algorithm maml; the algorithm is " + a.String(), []string{"inner", "learn"}},
		{in.Learn != LearnNone && in.Rule != RuleGradient, "is for gradient steps; the rule is " + in.Rule.String(), []string{"inner", "learn"}},
		{in.Learn != LearnNone && len(in.Rate.Steps) > 1, "contradicts a list of rates: a rate learned is that of every step", []string{"inner", "learn"}},
	} {
		if at := t.find(n, c.path...); at >= 0 && c.wrong {
			return t.failAt(at, ErrValue, "%s", c.why)
		}
	}
	return nil
}

// checkMethod refuses what contradicts the outer method, which for an
// algorithm that no other can serve is algorithm-1 unless written.
func (m *Meta) checkMethod(t *tree, n int) error {
	o := &m.Outer
	at := t.find(n, "outer", "method")
	switch {
	case m.Algorithm.Directed() && at < 0:
		o.Method = MethodAlgorithm1
	case m.Algorithm.Directed() && o.Method != MethodAlgorithm1:
		return t.failAt(at, ErrValue, "contradicts algorithm %s, whose steps are along no gradient: only algorithm-1 can take them", m.Algorithm)
	case m.Algorithm == FTML && o.Method == MethodAlgorithm1:
		return t.failAt(at, ErrValue, "contradicts algorithm ftml, which minimises in every round: newton-cg, lbfgs or gradient")
	}
	if o.Method != MethodAlgorithm1 {
		for _, key := range []string{"rate", "last_rate", "over", "reduce", "batch", "sampling", "clip"} {
			if at := t.find(n, "outer", key); at >= 0 {
				return t.failAt(at, ErrValue, "belongs to method algorithm-1; the method is %s", o.Method)
			}
		}
		return nil
	}
	switch {
	case o.LastRate > 0 && o.Over == 0:
		return t.failAt(t.find(n, "outer", "last_rate"), ErrValue, "needs over, the number of iterations on the way to it")
	case o.Over > 0 && o.LastRate == 0:
		return t.failAt(t.find(n, "outer", "over"), ErrValue, "needs last_rate, the rate to end with")
	case o.Sampling != SampleReplacing && o.Batch == 0:
		return t.failAt(t.find(n, "outer", "sampling"), ErrValue, "%s needs batch, the number of tasks to draw at a time", o.Sampling)
	}
	return nil
}

func (in *Inner) decodeNode(t *tree, n int) error {
	in.Steps = 0
	if err := t.fields(n, in); err != nil {
		return err
	}
	for _, c := range []struct {
		key string
		ok  bool
	}{{"delta", in.Delta > 0 && in.Delta < 1}, {"strength", in.Strength > 0}, {"tolerance", in.Tolerance > 0 && in.Tolerance < 1}} {
		if at := t.find(n, c.key); at >= 0 && !c.ok {
			return t.failAt(at, ErrValue, "must be positive%s", map[bool]string{true: " and below 1"}[c.key != "strength"])
		}
	}
	rates := len(in.Rate.Steps)
	switch at := t.find(n, "steps"); {
	case at < 0:
		in.Steps = max(1, rates)
	case in.Steps == 0:
		return t.failAt(at, ErrValue, "there must be at least 1 inner step")
	case in.Steps > MaxSteps:
		return t.failAt(at, ErrLimit, "%d inner steps; at most %d", in.Steps, MaxSteps)
	case rates > 1 && rates != in.Steps:
		return t.failAt(at, ErrValue, "%d steps, but %d rates", in.Steps, rates)
	}
	return nil
}

func (o *Outer) decodeNode(t *tree, n int) error {
	if err := t.fields(n, o); err != nil {
		return err
	}
	for _, c := range []struct {
		key  string
		ok   bool
		want string
	}{
		{"tolerance", o.Tolerance > 0, "must be positive"},
		{"iterations", o.Iterations > 0, "must be at least 1"},
		{"rate", o.Rate > 0, "must be positive"},
		{"last_rate", o.LastRate > 0, "must be positive"},
		{"over", o.Over > 0, "must be at least 1"},
		{"clip", o.Clip > 0, "must be positive"},
		{"batch", o.Batch <= maxBatch, fmt.Sprintf("must be at most %d", maxBatch)},
	} {
		if at := t.find(n, c.key); at >= 0 && !c.ok {
			return t.failAt(at, ErrValue, "%s", c.want)
		}
	}
	return nil
}

// find goes down the mappings from n by keys to a value, or returns −1.
func (t *tree) find(n int, keys ...string) int {
next:
	for _, key := range keys {
		if t.nodes[n].kind != mapping {
			return -1
		}
		for k := range t.entries(n) {
			if t.keyText(k) == key {
				n = k + 1
				continue next
			}
		}
		return -1
	}
	return n
}
