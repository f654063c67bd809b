package landscape

import (
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// What is said of a verdict over two gains names the minimisers that it is about, and
// says of numbers no more than is proved.
func TestPlanarReason(t *testing.T) {
	at := func(low, high float64) PlanarMinimum { return PlanarMinimum{Value: interval.New(low, high)} }
	one, two := []PlanarMinimum{at(1, 1)}, []PlanarMinimum{at(1, 1), at(2, 2)}
	region := interval.Box{interval.New(0, 1), interval.New(0, 1)}
	for _, tt := range []struct {
		l    PlanarLandscape
		want string
	}{
		{PlanarLandscape{Level: 30.71390514, Verdict: certificate.Global, Minima: one}, "of all local minimisers with h ≤ 30.7139: there is one, and it is the global one"},
		{PlanarLandscape{Level: 3, Verdict: certificate.Global, Minima: two}, "of all local minimisers with h ≤ 3: there are 2, all of one value: each adapts to the task's optimum"},
		{PlanarLandscape{Level: 3, Verdict: certificate.NotGlobal, Minima: two, Epsilon: interval.New(0.0175581768, 1)},
			"of all local minimisers with h ≤ 3: there are 2, and one lies at least 0.0175581 above the infimum"},
		{PlanarLandscape{Level: 1.5, Verdict: certificate.NotGlobal, Minima: two, Epsilon: interval.New(0.5, 1), Region: region}, // the second is above L
			"of all local minimisers with h ≤ 1.5 in the region: there is one, and it lies at least 0.5 above the infimum"},
		{PlanarLandscape{Level: 3, Verdict: certificate.EpsilonGlobal, Minima: two, Epsilon: interval.New(0, 1.23456749e-15)},
			"of all local minimisers with h ≤ 3: there are 2, at most 1.23457e-15 above the infimum; that they are equal is not proved"},
		{PlanarLandscape{Level: 1.5, Verdict: certificate.EpsilonGlobal, Minima: two}, "of all local minimisers with h ≤ 1.5: there is one, none above the infimum"},
		{PlanarLandscape{Level: 0.5, Verdict: certificate.EpsilonGlobal, Region: region}, "no local minimiser with h ≤ 0.5 is in the region, which says nothing about others"},
		{PlanarLandscape{Level: 3, Verdict: certificate.Undecided, Left: 7, Spent: true}, "of all local minimisers with h ≤ 3: none is isolated; 7 boxes are undecided, as the budget ran out"},
		{PlanarLandscape{Level: 3, Verdict: certificate.Undecided, Minima: one, Left: 1}, "of all local minimisers with h ≤ 3: one is isolated; one box is undecided, which may hold degenerate points"},
		{PlanarLandscape{Level: 3, Verdict: certificate.NotGlobal, Minima: two, Epsilon: interval.New(0.5, 1), Left: 2, Spent: true},
			"of all local minimisers with h ≤ 3: 2 are isolated, and one lies at least 0.5 above the infimum; 2 boxes are undecided, as the budget ran out"},
	} {
		if got := tt.l.Reason(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// A kind is claimed of a minimum only where what is proved decides it.
func TestPlanarKinds(t *testing.T) {
	at := func(low, high float64) PlanarMinimum { return PlanarMinimum{Value: interval.New(low, high)} }
	lone, near, far := at(1, 1.1), at(1.05, 1.2), at(2, 2.1)
	optimal := at(1, 1.1)
	optimal.Optimal = true
	whole := PlanarLandscape{Level: 3, Infimum: interval.New(1, 1.1), Attained: true}
	with := func(change func(l *PlanarLandscape), minima ...PlanarMinimum) PlanarLandscape {
		l := whole
		l.Minima = minima
		change(&l)
		return l
	}
	same := func(*PlanarLandscape) {}
	for _, tt := range []struct {
		name  string
		l     PlanarLandscape
		kinds []string
		equal bool
	}{
		{"the only one", with(same, lone), []string{"global"}, true},
		{"told apart", with(same, lone, far), []string{"global", "spurious"}, false},
		{"not told apart", with(same, lone, near), []string{"undetermined", "undetermined"}, false},
		{"two optima", with(same, optimal, optimal), []string{"global", "global"}, true},
		{"an optimum, and a value like it", with(same, optimal, near), []string{"global", "undetermined"}, false},
		{"boxes are left", with(func(l *PlanarLandscape) { l.Left = 1 }, lone, far), []string{"undetermined", "spurious"}, false},
		{"of a region", with(func(l *PlanarLandscape) { l.Region = interval.Box{} }, lone), []string{"undetermined"}, true},
		{"less at the border", with(func(l *PlanarLandscape) { l.Attained = false }, lone), []string{"undetermined"}, true},
		{"above the level", with(func(l *PlanarLandscape) { l.Level = 0.5 }, lone), []string{"undetermined"}, true},
	} {
		for i, m := range tt.l.Minima {
			if got := tt.l.KindOf(m); got != tt.kinds[i] {
				t.Errorf("%s: minimum %d is %s, want %s", tt.name, i+1, got, tt.kinds[i])
			}
		}
		if tt.l.Equal() != tt.equal {
			t.Errorf("%s: equal %v", tt.name, !tt.equal)
		}
	}
}

// Below a level between the minima the one minimiser is global, whichever above it are
// listed beside it.
func TestPlanarLevelBetween(t *testing.T) {
	f, rates := parse(t, "tasks: [{A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]], Q: [[1, 0], [0, 0.5]], R: 0.5}, {A: [[1, 0.4], [0, 0.9]], B: [[0.06], [0.3]], Q: [[1, 0], [0, 0.5]], R: 0.5}]\nmeta: {inner: {rule: gauss-newton, rate: 0.3}}\n")
	l := provePlanar(t, f, rates, PlanarOptions{Level: 7.24})
	if l.Left != 0 || l.Verdict != certificate.Global || len(l.Minima) != 3 || l.Epsilon != (interval.Interval{}) || l.KindOf(l.Minima[0]) != "global" {
		t.Errorf("%s, ε %v, %v", l.Verdict, l.Epsilon, l.Minima)
	}
}
