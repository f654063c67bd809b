package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// describe says what was proved.
func describe(l *certificate.Landscape, domain []component, points []stationary, s *summary) string {
	var b strings.Builder
	if len(l.Unresolved) > 0 {
		fmt.Fprintf(&b, "Outside %s left unresolved, ", number(len(l.Unresolved), "box", "boxes"))
	}
	switch {
	case len(domain) == 0:
		b.WriteString("h is finite nowhere")
		return b.String()
	default:
		fmt.Fprintf(&b, "h has exactly %s in its domain ", number(len(points), "stationary point", "stationary points"))
		for i, d := range domain {
			if i > 0 {
				b.WriteString(" ∪ ")
			}
			fmt.Fprintf(&b, "(%v, %v)", d.low, d.high)
		}
		if len(points) > 0 {
			b.WriteString(": " + listed(points))
		}
	}
	switch {
	case l.Verdict == certificate.Global && s.minima > 1:
		fmt.Fprintf(&b, "; all of them adapt to the optimum, so that every local minimiser is global, with h %s", enclosed(l.Infimum))
	case l.Verdict == certificate.Global:
		fmt.Fprintf(&b, "; the local minimiser is the global one, with h %s", enclosed(l.Infimum))
	case l.Verdict == certificate.NotGlobal:
		spurious := "1 local minimiser is"
		if s.spurious != 1 {
			spurious = fmt.Sprintf("%d local minimisers are", s.spurious)
		}
		fmt.Fprintf(&b, "; inf h %s, and %s spurious: the worst is at least %s above it", enclosed(l.Infimum), spurious, atLeast(l.EpsilonLow))
	default:
		fmt.Fprintf(&b, "; inf h %s", enclosed(l.Infimum))
	}
	if l.Verdict != certificate.Global {
		if l.Epsilon != nil {
			fmt.Fprintf(&b, "; every local minimum is at most %s above inf h", atMost(*l.Epsilon))
		} else {
			b.WriteString("; how far a local minimum may be above inf h is not bounded")
		}
	}
	return b.String()
}

// whose says that the objective is that of MAML where the family's algorithm is
// another.
func whose(a family.Algorithm) string {
	if a == family.MAML {
		return ""
	}
	return fmt.Sprintf(" (the algorithm, %v, has the h of maml)", a)
}

// listed counts the points by kind and names the minimisers.
func listed(points []stationary) string {
	count := map[certificate.Kind]int{}
	var at []string
	for i := range points {
		count[points[i].kind]++
		if points[i].kind == certificate.Minimum {
			at = append(at, digits(points[i].gain))
		}
	}
	var parts []string
	if n := count[certificate.Minimum]; n > 0 {
		parts = append(parts, number(n, "local minimiser", "local minimisers")+" ("+strings.Join(at, ", ")+")")
	}
	if n := count[certificate.Maximum]; n > 0 {
		parts = append(parts, number(n, "local maximiser", "local maximisers"))
	}
	if n := count[certificate.Neither]; n > 0 {
		parts = append(parts, number(n, "point that is neither", "points that are neither"))
	}
	return strings.Join(slices.Compact(parts), ", ")
}

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// enclosed says what a narrow interval is equal to, to seven digits, or that it
// holds the number.
func enclosed(a interval.Interval) string {
	if s := digits(a); !strings.HasPrefix(s, "[") {
		return "= " + s
	}
	return "in " + digits(a)
}

// digits is an interval to seven digits, as one number where both ends agree.
func digits(a interval.Interval) string {
	l, h := short(a.Lo()), short(a.Hi())
	if l != h {
		return fmt.Sprintf("[%s, %s]", atLeast(a.Lo()), atMost(a.Hi()))
	}
	return l
}

func (e edge) String() string {
	switch {
	case e.unbounded < 0:
		return "−∞"
	case e.unbounded > 0:
		return "∞"
	}
	return digits(e.box)
}

func short(x float64) string { return fmt.Sprintf("%.7g", x) }

// atMost and atLeast are the shortest of at least seven digits that keep a bound
// true: atMost(x) ≥ x is printed of what is at most x, atLeast(x) ≤ x.
func atMost(x float64) string  { return bound(x, func(y float64) bool { return y >= x }) }
func atLeast(x float64) string { return bound(x, func(y float64) bool { return y <= x }) }

func bound(x float64, keeps func(float64) bool) string {
	for n := 7; n < 17; n++ {
		s := strconv.FormatFloat(x, 'g', n, 64)
		if y, err := strconv.ParseFloat(s, 64); err == nil && keeps(y) {
			return fmt.Sprintf("%.*g", n, x)
		}
	}
	return fmt.Sprint(x)
}
