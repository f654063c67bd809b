package landscape

import (
	"fmt"
	"math"
	"strconv"

	"github.com/metalqr/metalqr/certificate"
)

// Equal reports whether all local minima are proved to have one value: there is
// one, or they are all optima of the one task that the family comes to.
func (l *Landscape) Equal() bool {
	minima := l.Minima()
	if len(l.Unresolved) > 0 || len(minima) == 0 {
		return false
	}
	for _, m := range minima {
		if !m.Optimal && len(minima) > 1 {
			return false
		}
	}
	return true
}

// KindOf tells of a local minimum whether it is "global", "spurious", or
// "undetermined" where the enclosures do not tell its value from the infimum.
func (l *Landscape) KindOf(s Stationary) string {
	switch {
	case s.Value.Lo() > l.Infimum.Hi():
		return "spurious"
	case s.Optimal:
		return "global"
	case len(l.Unresolved) > 0:
		return "undetermined"
	}
	for _, m := range l.Minima() {
		if m.Gain != s.Gain && m.Value.Lo() <= s.Value.Hi() {
			return "undetermined"
		}
	}
	for _, d := range l.Domain {
		for _, b := range []bool{d.LowBorder != nil && d.LowBorder.Lo() <= s.Value.Hi(), d.HighBorder != nil && d.HighBorder.Lo() <= s.Value.Hi()} {
			if b {
				return "undetermined"
			}
		}
	}
	return "global"
}

// Reason says in a sentence why the verdict is what it is.
func (l *Landscape) Reason() string {
	minima := l.Minima()
	n := fmt.Sprintf("%d local minimisers", len(minima))
	switch len(minima) {
	case 0:
		n = "no local minimiser"
	case 1:
		n = "one local minimiser"
	}
	border := false
	for _, d := range l.Domain {
		border = border || d.LowBorder != nil || d.HighBorder != nil
	}
	tail := ""
	if border {
		tail = "; towards an end of the domain h falls to a finite limit, so that descent may also run there"
	}
	if u := len(l.Unresolved); u > 0 {
		left := fmt.Sprintf("%d boxes are", u)
		if u == 1 {
			left = "one box is"
		}
		why := "which may hold degenerate points"
		if l.Spent {
			why = "as the budget ran out"
		}
		tail = fmt.Sprintf("; %s undecided, %s", left, why) + tail
	} else if l.Spent {
		tail = "; the budget ran out before the singular set was finished" + tail
	}
	there := "there are " + n
	if len(minima) <= 1 {
		there = "there is " + n
	}
	switch l.Verdict {
	case certificate.Global:
		if len(minima) == 1 {
			return "there is one local minimiser, and it is the global one" + tail
		}
		return there + ", all of one value: each adapts to the task's optimum" + tail
	case certificate.NotGlobal:
		which := ", and one"
		if len(minima) == 1 {
			which = ", which"
		}
		return there + which + " lies at least " + AtLeast(l.Epsilon.Lo()) + " above the infimum" + tail
	case certificate.EpsilonGlobal:
		if len(minima) == 0 {
			return there + tail
		}
		return there + ", at most " + AtMost(l.Epsilon.Hi()) + " above the infimum; intervals cannot prove equality" + tail
	}
	return n + " isolated" + tail
}

// AtLeast and AtMost write a proved bound in six digits, rounded so that it
// stays true.
func AtLeast(x float64) string { return directed(x, -1, 6) }
func AtMost(x float64) string  { return directed(x, 1, 6) }

// Between writes the ends of an interval, rounded outwards: in six digits, or as many
// as it takes for what is written to be at most a hundredth wider than the interval.
func Between(low, high float64) string {
	for digits := 6; ; digits++ {
		from, to := directed(low, -1, digits), directed(high, 1, digits)
		a, _ := strconv.ParseFloat(from, 64) // ±Inf where it is out of range
		b, _ := strconv.ParseFloat(to, 64)
		if digits == 17 || (low-a)+(b-high) <= 0.01*(high-low) {
			return "[" + from + ", " + to + "]"
		}
	}
}

// directed writes x in so many digits, at most 17, which is all of a float64, rounded
// up where way is 1 and down where it is −1.
func directed(x, way float64, digits int) string {
	quarter := 2.5 * math.Pow10(-digits) // of the last digit, or less
	for y := x; ; y += way * quarter * math.Abs(x) {
		s := strconv.FormatFloat(y, 'g', digits, 64)
		if v, err := strconv.ParseFloat(s, 64); err != nil || way*(v-x) >= 0 {
			return s
		}
	}
}
