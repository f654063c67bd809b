package landscape

import (
	"fmt"

	"github.com/metalqr/metalqr/certificate"
)

// Equal reports whether all minima of the list are proved to have one value, and
// no other has h ≤ Level: there is one, or they are all optima of the one task that
// the family comes to.
func (l *PlanarLandscape) Equal() bool {
	if l.Left > 0 || len(l.Minima) == 0 {
		return false
	}
	for _, m := range l.Minima {
		if !m.Optimal && len(l.Minima) > 1 {
			return false
		}
	}
	return true
}

// KindOf tells of a minimum whether it is "global", "spurious", or "undetermined"
// where the enclosures do not tell its value from the infimum of h.
func (l *PlanarLandscape) KindOf(m PlanarMinimum) string {
	switch {
	case m.Value.Lo() > l.Infimum.Hi():
		return "spurious"
	case m.Optimal:
		return "global"
	case l.Left > 0, l.Region != nil, !l.Attained, m.Value.Hi() > l.Level:
		return "undetermined"
	}
	others := -1 // m is one of them
	for _, x := range l.Minima {
		if x.Value.Lo() <= m.Value.Hi() {
			others++
		}
	}
	if others > 0 {
		return "undetermined"
	}
	return "global"
}

// below counts the minima that may have h ≤ Level.
func (l *PlanarLandscape) below() (n int) {
	for _, m := range l.Minima {
		if m.Value.Lo() <= l.Level {
			n++
		}
	}
	return n
}

// Empty reports whether it is proved that no local minimiser has h ≤ Level in Region.
func (l *PlanarLandscape) Empty() bool { return l.Left == 0 && l.below() == 0 }

// Reason says in a sentence why the verdict is what it is. It is about the minimisers
// with h ≤ Level in Region, and says so.
func (l *PlanarLandscape) Reason() string {
	n := l.below()
	about := "of all local minimisers with h ≤ " + AtLeast(l.Level)
	if l.Region != nil {
		about += " in the region"
	}
	there := fmt.Sprintf(": there are %d", n)
	if n == 1 {
		there = ": there is one"
	}
	left := ""
	if l.Left > 0 {
		there = fmt.Sprintf(": %d are isolated", n)
		switch n {
		case 0:
			there = ": none is isolated"
		case 1:
			there = ": one is isolated"
		}
		left = fmt.Sprintf("; %d boxes are undecided, ", l.Left)
		if l.Left == 1 {
			left = "; one box is undecided, "
		}
		if l.Spent {
			left += "as the budget ran out"
		} else {
			left += "which may hold degenerate points"
		}
	}
	switch {
	case l.Empty():
		where := " is anywhere"
		if l.Region != nil {
			where = " is in the region, which says nothing about others"
		}
		return "no local minimiser with h ≤ " + AtLeast(l.Level) + where
	case l.Verdict == certificate.Global && n == 1:
		return about + there + ", and it is the global one"
	case l.Verdict == certificate.Global:
		return about + there + ", all of one value: each adapts to the task's optimum"
	case l.Verdict == certificate.NotGlobal && n == 1:
		return about + there + ", and it lies at least " + AtLeast(l.Epsilon.Lo()) + " above the infimum" + left
	case l.Verdict == certificate.NotGlobal:
		return about + there + ", and one lies at least " + AtLeast(l.Epsilon.Lo()) + " above the infimum" + left
	case l.Verdict == certificate.EpsilonGlobal && l.Epsilon.Hi() == 0:
		return about + there + ", none above the infimum"
	case l.Verdict == certificate.EpsilonGlobal:
		return about + there + ", at most " + AtMost(l.Epsilon.Hi()) + " above the infimum; that they are equal is not proved"
	}
	return about + there + left
}
