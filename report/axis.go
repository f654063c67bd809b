package report

import (
	"math"
)

// An Axis is one side of a panel.
type Axis struct {
	Label string
	Log   bool
	// Min and Max are the window; both zero: chosen to hold what is drawn.
	Min, Max float64
	// Ticks are where numbers stand; nil: chosen. Those outside the window are left out.
	Ticks []float64
	// Grid draws light lines at the numbered ticks.
	Grid bool
}

// A scale takes data to the page along one axis: lo to from, hi to to.
type scale struct {
	log      bool
	lo, hi   float64
	from, to float64
}

// at is NaN where v has no place on the scale.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		if v <= 0 {
			return math.NaN()
		}
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// A tick has text if it is a numbered one.
type tick struct {
	value float64
	text  string
}

// ticks chooses at most about count numbers.
func (a Axis) ticks(s scale, count int) []tick {
	var out []tick
	if a.Ticks != nil {
		for _, v := range a.Ticks {
			if v >= s.lo && v <= s.hi {
				out = append(out, tick{v, trimmedOrZero(v)})
			}
		}
		return out
	}
	if s.log {
		return logTicks(s, count)
	}
	step := niceStep((s.hi - s.lo) / float64(max(count, 2)))
	slack := 1e-9 * step
	for i := math.Ceil((s.lo - slack) / step); i*step <= s.hi+slack && len(out) < 100; i++ {
		out = append(out, tick{i * step, plain(i*step, step)})
	}
	return out
}

func trimmedOrZero(v float64) string {
	if v == 0 {
		return "0"
	}
	return trimmed(v)
}

// niceStep is the least of 1, 2, 5 times a power of ten that is not below raw.
func niceStep(raw float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*p >= raw*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// logTicks numbers decades, every so many if they are many; the rest are minor. Below
// two decades it numbers 1, 2, 5 as well.
func logTicks(s scale, count int) []tick {
	const slack = 1e-9
	first := int(math.Ceil(math.Log10(s.lo) - slack))
	last := int(math.Floor(math.Log10(s.hi) + slack))
	var out []tick
	in := func(v float64) bool { return v >= s.lo*(1-slack) && v <= s.hi*(1+slack) }
	few := last-first < 2
	every := 1
	for count > 0 && (last-first)/every+1 > count {
		every++
	}
	for e := first - 1; e <= last; e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow10(e)
			if e < 0 {
				v = float64(m) / math.Pow10(-e)
			}
			if !in(v) {
				continue
			}
			t := tick{value: v}
			switch {
			case few && (m == 1 || m == 2 || m == 5):
				t.text = trimmed(v)
			case m == 1 && ((e%every)+every)%every == 0:
				t.text = power(e)
			}
			if t.text != "" || every == 1 || m == 1 {
				out = append(out, t)
			}
		}
	}
	return out
}

// A span collects the values that an axis is to hold.
type span struct {
	lo, hi float64
	log    bool
}

func newSpan(log bool) span { return span{math.Inf(1), math.Inf(-1), log} }

func (s *span) add(vs ...float64) {
	for _, v := range vs {
		if finite(v) && (!s.log || v > 0) {
			s.lo, s.hi = min(s.lo, v), max(s.hi, v)
		}
	}
}

func (s span) empty() bool { return s.lo > s.hi }

// padded is the span with a margin, and never of width zero.
func (s span) padded(margin float64) (lo, hi float64) {
	lo, hi = s.lo, s.hi
	if s.log {
		if lo == hi {
			return lo / 2, hi * 2
		}
		k := math.Pow(hi/lo, margin)
		return lo / k, hi * k
	}
	d := hi - lo
	if d <= 1e-12*max(math.Abs(lo), math.Abs(hi)) {
		d = max(math.Abs(lo), 1)
		return lo - d/2, hi + d/2
	}
	return lo - margin*d, hi + margin*d
}
