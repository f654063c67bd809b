package report

import (
	"math"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/run"
)

// derivatives encloses those of the cost of a scalar task over a box of gains,
//
//	C = n/m,   n = q + r w²,   m = 1 − z²,   z = a − b w,
//
// by the quotient rule: C′ = (n′ − C m′)/m, C″ = (n″ − 2C′m′ − C m″)/m. They are
// the whole line where the box is not seen to stabilise the task.
func (t PaperTask) derivatives(w interval.Interval) (first, second interval.Interval) {
	of := func(x run.Number) interval.Interval { return interval.Of(float64(x)) }
	a, b, q, r := of(t.A), of(t.B), of(t.Q), of(t.R)
	z := a.Sub(b.Mul(w))
	m := interval.Of(1).Sub(z.Sqr())
	if !m.Positive() {
		return interval.Entire(), interval.Entire()
	}
	n := q.Add(r.Mul(w.Sqr()))
	n1, n2 := r.Mul(w).Scale(2), r.Scale(2)
	m1, m2 := b.Mul(z).Scale(2), b.Sqr().Scale(-2)
	c := n.Div(m)
	first = n1.Sub(c.Mul(m1)).Div(m)
	second = n2.Sub(first.Mul(m1).Scale(2)).Sub(c.Mul(m2)).Div(m)
	return first, second
}

// gainOf is the enclosure of a minimiser.
func gainOf(m run.Minimizer) interval.Interval {
	return interval.New(float64(m.GainEnclosure[0]), float64(m.GainEnclosure[1]))
}

// gain is the middle of that enclosure.
func gain(m run.Minimizer) float64 { return m.Gain.Data[0] }

// excess encloses how far a minimiser lies above the infimum, from below 0 on.
func excess(m run.Minimizer, l *run.Landscape) interval.Interval {
	v := interval.New(float64(m.ValueEnclosure[0]), float64(m.ValueEnclosure[1]))
	return v.Sub(interval.New(float64(l.Enclosed.Minimum[0]), float64(l.Enclosed.Minimum[1])))
}

// spurious are the minimisers proved to lie above the infimum.
func spurious(l *run.Landscape) (list []run.Minimizer) {
	for _, m := range l.Minimizers {
		if m.Kind == "spurious" {
			list = append(list, m)
		}
	}
	return list
}

// global is the one minimiser proved to be global, if there is one.
func global(l *run.Landscape) (m run.Minimizer, ok bool) {
	for _, x := range l.Minimizers {
		if x.Kind == "global" {
			if ok {
				return m, false
			}
			m, ok = x, true
		}
	}
	return m, ok
}

// nearest is the minimiser nearest to a gain.
func nearest(l *run.Landscape, w float64) (at run.Minimizer) {
	least := math.Inf(1)
	for _, m := range l.Minimizers {
		if d := math.Abs(gain(m) - w); d < least {
			least, at = d, m
		}
	}
	return at
}

// meanOptimum is Σ λᵢ Wᵢ*.
func meanOptimum(p *run.Problem) float64 {
	w := 0.0
	for _, t := range p.Tasks {
		w += t.Weight * t.Outer.(objective.Minimized).Minimizer()[0]
	}
	return w
}

// gainsOf lists the gains of minimisers.
func gainsOf(list []run.Minimizer) []string {
	var words []string
	for _, m := range list {
		words = append(words, six(gain(m)))
	}
	return words
}
