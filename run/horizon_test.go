package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/matrixeq"
)

const cart = "A: [[1, 0.1], [0, 1]], B: [[0], [0.1]], Q: [[1, 0], [0, 0.1]], R: 0.5"

// As the horizon grows, everything tends to what it is without an end: with the
// error of the closed loop's powers, ρ^{2T}, ρ = 0.954 at the optimum.
func TestHorizonTendsToInfinity(t *testing.T) {
	limit := Solve(parse(t, "tasks: [{"+cart+"}]\n")).Tasks[0]
	_, forever := trained(t, "defaults: {B: [[0], [0.1]], Q: [[1, 0], [0, 0.1]], R: 0.5}\ntasks: [{A: [[1, 0.1], [0, 1]]}, {A: [[1, 0.1], [-0.1, 1]]}]\nmeta: {inner: {rate: 1e-4}}\n")
	before := []float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	for _, T := range []int{20, 80, 320} {
		perTime := Solve(parse(t, fmt.Sprintf("gains: per-time\ntasks: [{horizon: %d, %s}]\n", T, cart))).Tasks[0]
		if perTime.Gain.Rows != T || perTime.Gain.Cols != 2 || !math.IsNaN(float64(perTime.Radius)) {
			t.Errorf("%d×%d gains, radius %v", perTime.Gain.Rows, perTime.Gain.Cols, perTime.Radius)
		}
		_, tied := trained(t, fmt.Sprintf("tasks: [{horizon: %d, %s}]\nmeta: {inner: {rate: 0}}\n", T, cart))
		_, meta := trained(t, fmt.Sprintf("defaults: {horizon: %d, B: [[0], [0.1]], Q: [[1, 0], [0, 0.1]], R: 0.5}\ntasks: [{A: [[1, 0.1], [0, 1]]}, {A: [[1, 0.1], [-0.1, 1]]}]\nmeta: {inner: {rate: 1e-4}}\n", T))
		now := []float64{
			math.Abs(float64(perTime.Cost - limit.Cost)),
			math.Abs(tied.Gain.Data[0]-limit.Gain.Data[0]) + math.Abs(tied.Gain.Data[1]-limit.Gain.Data[1]),
			math.Abs(float64(meta.Value-forever.Value)) + math.Abs(meta.Gain.Data[0]-forever.Gain.Data[0]),
		}
		for i := range now {
			if !(now[i] < before[i]/2) {
				t.Errorf("T = %d: quantity %d is %v from its limit, %v before", T, i, now[i], before[i])
			}
		}
		if T == 320 { // 0.954^640 is 1e-13, and values are near 30
			for i, d := range now {
				if d > 1e-8 {
					t.Errorf("quantity %d ends %v from its limit", i, d)
				}
			}
		}
		before = now
		if tied.Start.Kind != "infinite-horizon" || tied.Certificate.Verdict != DoesNotApply {
			t.Errorf("start %s, %s", tied.Start.Kind, tied.Certificate.Verdict)
		}
	}
}

// With a gain for each time policy iteration, Gauss–Newton steps at the rate ½,
// reaches the Riccati recursion's gains after T steps, whatever the start.
func TestPolicyIterationOverAHorizon(t *testing.T) {
	p, err := NewProblem(parse(t, "gains: per-time\ntasks: [{horizon: 4, terminal: [[2, 0], [0, 2]], "+cart+"}]\nmeta: {inner: {rule: gauss-newton, rate: 0.5}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Solve(p.Family).Tasks[0]
	gain := matrixeq.New(4, 2)
	for i := range gain.Data {
		gain.Data[i] = float64(i%3) - 1
	}
	a, err := p.Adapt(context.Background(), gain, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range a.Tasks[0].AdaptedGain.Data {
		if math.Abs(x-want.Gain.Data[i]) > 1e-12 { // gains near 1, a few dozen operations each
			t.Errorf("entry %d is %v, want %v", i, x, want.Gain.Data[i])
		}
	}
	if g := a.Tasks[0].Gaps[4]; !(g >= 0 && g < 1e-20) {
		t.Errorf("gap %v", g)
	}
}

// Every derivative, for both kinds of gains, each rule and costs divided by
// their optimum; and a mixture of tasks with and without an end.
func TestHorizonDerivatives(t *testing.T) {
	for _, text := range []string{
		"tasks: [{name: a, horizon: 5, " + cart + "}, {name: b, horizon: 9, weight: 2, noise: [[0.1, 0], [0, 0.1]], " + cart + ", inner: {R: 1}}, {name: c, " + cart + "}]\nmeta: {inner: {rate: 1e-3, steps: 2}}\n",
		"gains: per-time\ntasks: [{horizon: 2, " + cart + "}]\nmeta: {inner: {rule: natural, rate: 0.01}}\n",
		"gains: per-time\ntasks: [{horizon: 2, " + cart + "}]\nmeta: {normalize: optimal-cost, inner: {rule: gauss-newton, rate: 0.2}}\n",
	} {
		p, err := NewProblem(parse(t, text))
		if err != nil {
			t.Fatal(err)
		}
		gain := matrixeq.New(p.rows, p.cols)
		for i := range gain.Data {
			gain.Data[i] = 0.8 + 0.1*float64(i)
		}
		e, err := p.Evaluate(context.Background(), gain, true)
		if err != nil || e.Meta == nil {
			t.Fatalf("%+v, %v", e, err)
		}
		for _, c := range e.GradCheck {
			if !(c.Relative < 1e-8) { // what differences reach
				t.Errorf("%s: %+v", text, c)
			}
		}
	}
}

func TestNothingIsProvedOverAHorizon(t *testing.T) {
	p, err := NewProblem(parse(t, "tasks: [{horizon: 2, A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.1}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var kind *landscape.KindError
	if _, err := p.Landscape(context.Background(), landscape.Options{}); !errors.As(err, &kind) || kind.Has != "tasks on a finite horizon" {
		t.Errorf("%v", err)
	}
	if _, err := p.Claim(context.Background(), matrixeq.Scalar(1)); !errors.As(err, &kind) {
		t.Errorf("%v", err)
	}
	if _, err := p.Radius(context.Background(), 0.1, RadiusOptions{}); !errors.As(err, &kind) {
		t.Errorf("%v", err)
	}
}
