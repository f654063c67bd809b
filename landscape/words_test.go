package landscape

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// What is said of a verdict is grammatical, and says of numbers no more than is
// proved.
func TestReason(t *testing.T) {
	minimum := func(v float64) Stationary {
		return Stationary{Gain: interval.Of(v), Value: interval.Of(v), Kind: certificate.Minimum}
	}
	border := interval.Of(0)
	for _, tt := range []struct {
		name string
		l    Landscape
		want string
	}{
		{"one", Landscape{Verdict: certificate.Global, Stationary: []Stationary{minimum(1)}}, "there is one local minimiser, and it is the global one"},
		{"equal", Landscape{Verdict: certificate.Global, Stationary: []Stationary{minimum(1), minimum(2)}}, "there are 2 local minimisers, all of one value"},
		{"spurious", Landscape{Verdict: certificate.NotGlobal, Stationary: []Stationary{minimum(1), minimum(2)}, Epsilon: interval.New(0.0175581768, 1)},
			"there are 2 local minimisers, and one lies at least 0.0175581 above the infimum"},
		{"above a border", Landscape{Verdict: certificate.NotGlobal, Stationary: []Stationary{minimum(1)}, Epsilon: interval.New(7.48e-5, 1), Domain: []Component{{LowBorder: &border}}},
			"there is one local minimiser, which lies at least 7.48e-05 above the infimum; towards an end"},
		{"not told apart", Landscape{Verdict: certificate.EpsilonGlobal, Stationary: []Stationary{minimum(1), minimum(2)}, Epsilon: interval.New(0, 1.23456749e-15)},
			"there are 2 local minimisers, at most 1.23457e-15 above the infimum"},
		{"none", Landscape{Verdict: certificate.EpsilonGlobal, Domain: []Component{{HighBorder: &border}}}, "there is no local minimiser; towards an end"},
		{"budget", Landscape{Verdict: certificate.Undecided, Stationary: []Stationary{minimum(1)}, Unresolved: []interval.Interval{border}, Spent: true},
			"one local minimiser isolated; one box is undecided, as the budget ran out"},
	} {
		if got := tt.l.Reason(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q …", tt.name, got, tt.want)
		}
	}
	for _, x := range []float64{0.01755817682, 1.500144, 0.6264728879, 1e-300, 9.999995, 123456.7, math.Pi * 1e20} {
		if parse := parsed(t, AtLeast(x)); parse > x || parse < x*(1-2e-5) {
			t.Errorf("at least %v of %v", parse, x)
		}
		if parse := parsed(t, AtMost(x)); parse < x || parse > x*(1+2e-5) {
			t.Errorf("at most %v of %v", parse, x)
		}
	}
}

// What is written holds the interval, and little else, however narrow it is.
func TestBetween(t *testing.T) {
	for _, x := range [][2]float64{{7, 7.000000000000001}, {0.1, 0.10001}, {1. / 3, 2. / 3}, {-math.Pi, math.Nextafter(-math.Pi, 0)}, {0, 1e-300}, {-1e-5, 1e5}, {123456.7, 123456.8}, {-2, 2}} {
		s := Between(x[0], x[1])
		from, to, ok := strings.Cut(strings.Trim(s, "[]"), ", ")
		a, b := parsed(t, from), parsed(t, to)
		if !ok || a > x[0] || b < x[1] || (x[0]-a)+(b-x[1]) > 0.01*(x[1]-x[0]) {
			t.Errorf("%s of %v", s, x)
		}
	}
	if s := Between(0.25, 2./3); s != "[0.25, 0.666667]" {
		t.Error(s)
	}
}

func parsed(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
