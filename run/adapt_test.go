package run

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/matrixeq"
)

func adapt(t *testing.T, text string, gain float64, steps int) *Adaptation {
	t.Helper()
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Adapt(context.Background(), matrixeq.Scalar(gain), steps)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The meta-objective asks of x_K only that f is finite there, whatever g is:
// training and adapting agree. g's plant 2.2 needs gains in (1.2, 3.2), f's
// optimum 0.618 is outside.
func TestAdaptAgreesWithTrain(t *testing.T) {
	text := `family: misled
tasks: [{name: misled, A: 1, B: 1, Q: 1, R: 1, inner: {A: 2.2}}]
meta: {inner: {rate: 0.03547}, start: 2.9}
`
	r := train(t, text)
	if w := r.Tasks[0].AdaptedGain.Data[0]; !(w < 1.2) {
		t.Fatalf("adapted gain %v does not leave g's domain: the test is to", w)
	}
	a := adapt(t, text, r.Gain.Data[0], 1)
	if len(a.Tasks[0].Refused) != 0 || a.MeanCosts[1] != r.Value {
		t.Errorf("adapt: %+v, trained to %v", a.Tasks[0], r.Value)
	}
	// Were a second step to follow it would not exist: the first is refused, and
	// the last taken.
	a = adapt(t, text, r.Gain.Data[0], 2)
	if refused := a.Tasks[0].Refused; len(refused) != 1 || refused[0].Step != 1 || !(math.Abs(float64(refused[0].Radius)-(2.2-r.Tasks[0].AdaptedGain.Data[0])) < 1e-12) {
		t.Errorf("two steps: %+v", a.Tasks[0])
	}
	if a.MeanCosts[2] != r.Value {
		t.Errorf("two steps: costs %v, trained to %v", a.MeanCosts, r.Value)
	}
}

// A step at a rate that is refused is refused again; another rate is tried, and
// the rate of a step is its own.
func TestAdaptTriesEveryRate(t *testing.T) {
	const text = `family: one
tasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1}]
meta: {inner: {rate: [%v, %v, %v], steps: 3}}
`
	c := curve{q: []float64{1}, r: []float64{1}}
	const w = 0.2
	land := w - .01*c.slope(w)
	if far := w - 9*c.slope(w); far < 2 {
		t.Fatalf("a rate of 9 lands at %v, inside", far)
	}
	a := adapt(t, fmt.Sprintf(text, 9, .01, 0), w, 4).Tasks[0]
	if len(a.Refused) != 1 || a.Refused[0].Step != 1 {
		t.Errorf("refused %+v, want step 1", a.Refused)
	}
	if got := a.AdaptedGain.Data[0]; math.Abs(got-land) > 1e-14 {
		t.Errorf("adapted to %v, want %v", got, land)
	}
	// The same rate again is refused without a new evaluation, under its own
	// number, and every cost stays.
	a = adapt(t, fmt.Sprintf(text, 9, 9, 9), w, 4).Tasks[0]
	for k, r := range a.Refused {
		if r.Step != k+1 || r.Reason != a.Refused[0].Reason {
			t.Errorf("refusal %d: %+v", k, r)
		}
	}
	if len(a.Refused) != 4 || len(a.Costs) != 5 || a.Costs[4] != a.Costs[0] || a.AdaptedGain.Data[0] != w {
		t.Errorf("%+v", a)
	}
}

// A gain from which f is not finite has no cost, but is adapted where g is: with
// f's plant 2.2 a gain of 1 has none, and g's step brings it back.
func TestAdaptChecksTheOuterTask(t *testing.T) {
	const text = "family: one\ntasks: [{name: f, A: 2.2, B: 1, Q: 1, R: 1, inner: {A: %v}}]\nmeta: {inner: {rate: %v}}\n"
	a := adapt(t, fmt.Sprintf(text, 1.5, .25), 1, 1).Tasks[0]
	if !math.IsInf(float64(a.Costs[0]), 1) || len(a.Refused) != 1 && math.IsInf(float64(a.Costs[1]), 1) {
		t.Errorf("%+v", a)
	}
	// g's step from 1.3 goes to g's optimum, out of f's domain: refused.
	a = adapt(t, fmt.Sprintf(text, 1, .1), 1.3, 1).Tasks[0]
	if len(a.Refused) != 1 || a.AdaptedGain.Data[0] != 1.3 || math.IsInf(float64(a.Costs[1]), 1) {
		t.Errorf("%+v", a)
	}
}
