package family

import (
	"fmt"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// Finite is an LQR task on a finite horizon.
type Finite struct {
	Outer lqr.HorizonSpec  // the task that counts
	Inner *lqr.HorizonSpec // the task as its inner step sees it; nil: the same

	F objective.Objective // Outer, checked: *lqr.Tied with one gain, *lqr.Horizon with one for each time
	G objective.Objective // Inner, likewise; F itself where Inner is nil
}

// maxHorizon bounds the time and memory that a short file can ask for.
const maxHorizon = 100_000

func (h *Finite) tied() bool {
	_, ok := h.F.(*lqr.Tied)
	return ok
}

func seriesOf(s *lqr.HorizonSpec) []*lqr.Series {
	return []*lqr.Series{&s.A, &s.B, &s.Q, &s.R, &s.N}
}

// finite is the task as stated; d has been merged with the defaults.
func (d *taskDoc) finite() *Finite {
	h := &Finite{Outer: lqr.HorizonSpec{
		Name: d.Name, Horizon: *d.Horizon, A: d.A.series(), B: d.B.series(), Q: d.Q.series(), R: d.R.series(), N: d.N.series(),
		Noise: d.Noise.series(), Terminal: d.Terminal, Sigma0: d.Sigma0, X0: d.X0, Discount: value(d.Discount),
	}}
	if d.Inner == nil {
		return h
	}
	inner, differs := h.Outer, false
	for i, m := range seriesOf(&inner) {
		if from := d.Inner.series()[i].series(); from != nil && !equalSeries(from, *m) {
			*m, differs = from, true
		}
	}
	if s := d.Inner.Sigma0; !s.IsZero() && !s.Equal(inner.Sigma0) {
		inner.Sigma0, inner.X0, differs = s, nil, true
	}
	if differs {
		h.Inner = &inner
	}
	return h
}

func equalSeries(a, b lqr.Series) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

// solve fills F and G.
func (h *Finite) solve(gains Gains) error {
	make := func(s lqr.HorizonSpec) (objective.Objective, error) {
		task, err := lqr.NewHorizon(s)
		switch {
		case err != nil:
			return nil, err
		case gains == GainsPerTime:
			return task, nil
		}
		return task.Stationary(), nil
	}
	var err error
	if h.F, err = make(h.Outer); err != nil {
		return err
	}
	h.G = h.F
	if h.Inner != nil {
		if h.G, err = make(*h.Inner); err != nil {
			return innerError{err}
		}
	}
	return nil
}

// checkHorizon refuses what contradicts a horizon, or needs one, in a task that
// has been merged with its defaults.
func (f *Family) checkHorizon(t *tree, d, defaults, full *taskDoc) error {
	at := func(keys ...string) int {
		if n := t.find(d.node, keys...); n >= 0 {
			return n
		}
		if defaults != nil {
			if n := t.find(defaults.node, keys...); n >= 0 {
				return n
			}
		}
		return d.node
	}
	if full.Horizon == nil {
		if !full.Terminal.IsZero() {
			return t.failAt(at("terminal"), ErrValue, "contradicts an infinite horizon, which has no end: it needs horizon")
		}
		names := []string{"A", "B", "Q", "R", "N", "noise"}
		for i, m := range []*seriesDoc{&full.A, &full.B, &full.Q, &full.R, &full.N, &full.Noise} {
			if m.over != nil {
				return t.failAt(at(names[i]), ErrValue, "over_time contradicts an infinite horizon: it needs horizon")
			}
		}
		if full.Inner != nil {
			for i, m := range full.Inner.series() {
				if m.over != nil {
					return t.failAt(at("inner", names[i]), ErrValue, "over_time contradicts an infinite horizon: it needs horizon")
				}
			}
		}
		return nil
	}
	switch {
	case *full.Horizon < 1:
		return t.failAt(at("horizon"), ErrValue, "must be at least 1")
	case *full.Horizon > maxHorizon:
		return t.failAt(at("horizon"), ErrLimit, "%d steps; at most %d", *full.Horizon, maxHorizon)
	case value(full.AverageCost):
		return t.failAt(at("average_cost"), ErrValue, "contradicts horizon: it is the cost per step of an infinite one")
	case full.SampleTime != nil:
		return t.failAt(at("sample_time"), ErrValue, "contradicts horizon, which counts the steps of a discrete plant")
	}
	return nil
}

// checkHorizons refuses settings of the family that contradict the horizons of
// its tasks.
func (f *Family) checkHorizons(t *tree) error {
	finite := -1
	for i := range f.Tasks {
		if f.Tasks[i].Finite != nil {
			finite = i
			break
		}
	}
	if finite < 0 {
		if at := t.find(0, "gains"); at >= 0 {
			return t.failAt(at, ErrValue, "contradicts tasks without a horizon: it says which of its times share a gain")
		}
		return nil
	}
	first := &f.Tasks[finite]
	perTime := f.Gains == GainsPerTime
	for i := range f.Tasks {
		task := &f.Tasks[i]
		switch {
		case !perTime:
		case task.Finite == nil:
			return t.failAt(t.find(0, "gains"), ErrValue, "per-time contradicts the infinite horizon of task %s", quote(task.Name))
		case task.Finite.Outer.Horizon != first.Finite.Outer.Horizon:
			return t.failAt(t.find(0, "gains"), ErrValue, "per-time contradicts horizons that differ: %d of task %s, %d of %s",
				first.Finite.Outer.Horizon, quote(first.Name), task.Finite.Outer.Horizon, quote(task.Name))
		}
	}
	for _, c := range []struct {
		wrong bool
		path  []string
		why   string
	}{
		{!perTime && f.Meta.Inner.Rule != RuleGradient, []string{"inner", "rule"}, fmt.Sprintf("%v contradicts gains: one, of which there is no such rule: per-time has it", f.Meta.Inner.Rule)},
		{f.Meta.RadiusLimit > 0, []string{"radius_limit"}, "contradicts horizon: nothing has to be stable for finitely many steps"},
		{!perTime && f.Meta.Normalize != NormalizeNone, []string{"normalize"}, "optimal-cost contradicts gains: one, whose optimal costs are not known"},
		{!perTime && f.Meta.Start.Kind == StartMeanOptimal, []string{"start"}, "mean-optimal contradicts gains: one, whose optima are not known"},
	} {
		if c.wrong {
			return t.failAt(t.find(0, append([]string{"meta"}, c.path...)...), ErrValue, "%s", c.why)
		}
	}
	return nil
}

// withoutEnd is the weighted mean of the gains that would be optimal if the
// horizons had no end, of the tasks that do not vary with time and have such a
// gain; nil where none has.
func (f *Family) withoutEnd() []float64 {
	var sum []float64
	total := 0.0
	for i := range f.Tasks {
		t := &f.Tasks[i]
		task := t.F
		if h := t.Finite; h != nil {
			s := h.Outer
			single := func(m lqr.Series) matrixeq.Matrix {
				if len(m) == 0 {
					return matrixeq.Matrix{}
				}
				return m[0]
			}
			if max(len(s.A), len(s.B), len(s.Q), len(s.R), len(s.N)) > 1 {
				continue
			}
			var err error
			if task, err = lqr.New(lqr.Spec{A: s.A[0], B: s.B[0], Q: s.Q[0], R: s.R[0], N: single(s.N), Discount: s.Discount}); err != nil {
				continue // no such gain: it was only a place to begin
			}
		}
		if task == nil {
			continue
		}
		if w := task.Optimum().Gain.Data; sum == nil {
			sum = make([]float64, len(w))
		}
		dense.AddScaled(sum, t.Weight, task.Optimum().Gain.Data)
		total += t.Weight
	}
	if sum != nil {
		dense.Scale(sum, 1/total, sum)
	}
	return sum
}

// appendFinite writes the fields of a task on a finite horizon.
func appendFinite(b []byte, h *Finite) []byte {
	s := h.Outer
	b = fmt.Appendf(b, "    horizon: %d\n", s.Horizon)
	keys := []string{"A", "B", "Q", "R", "N"}
	for i, m := range seriesOf(&s) {
		b = appendSeries(b, "    ", keys[i], *m)
	}
	b = appendKey(b, "    ", "Sigma0", s.Sigma0)
	if s.X0 != nil {
		b = append(appendVector(append(b, "    x0: "...), s.X0), '\n')
	}
	b = appendSeries(b, "    ", "noise", s.Noise)
	b = appendKey(b, "    ", "terminal", s.Terminal)
	if s.Discount != 0 {
		b = fmt.Appendf(b, "    discount: %s\n", number(s.Discount))
	}
	if h.Inner == nil {
		return b
	}
	b = append(b, "    inner:\n"...)
	in := *h.Inner
	for i, m := range seriesOf(&in) {
		if !equalSeries(*m, *seriesOf(&s)[i]) {
			b = appendSeries(b, "      ", keys[i], *m)
		}
	}
	if !in.Sigma0.Equal(s.Sigma0) {
		b = appendKey(b, "      ", "Sigma0", in.Sigma0)
	}
	return b
}

func appendSeries(b []byte, indent, key string, s lqr.Series) []byte {
	if len(s) == 0 {
		return b
	}
	if len(s) == 1 {
		return appendKey(b, indent, key, s[0])
	}
	b = fmt.Appendf(b, "%s%s:\n%s  over_time:\n", indent, key, indent)
	for _, m := range s {
		b = append(appendMatrix(fmt.Appendf(b, "%s    - ", indent), m), '\n')
	}
	return b
}
