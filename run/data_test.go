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

// trained is a training run on a family in memory, which must end well.
func trained(t *testing.T, text string) (*Problem, *Result) {
	t.Helper()
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tr.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

// Ridge on one feature is fᵢ(θ) = Hᵢ/2 (θ − aᵢ)² + fᵢ*, with Hᵢ = 2(mean x² + λ)
// and aᵢ = mean xy/(mean x² + λ). K steps at the rate η take θ − aᵢ to
// (1 − ηHᵢ)ᴷ(θ − aᵢ), so that with wᵢ = λᵢ Hᵢ (1 − ηHᵢ)²ᴷ
//
//	argmin h = Σ wᵢ aᵢ / Σ wᵢ,   h(θ) − Σ λᵢ fᵢ* = Σ wᵢ (θ − aᵢ)²/2.
//
// Here mean x² is 14/3, 5/2 and 25/2.
func TestRidgeReachesItsClosedForm(t *testing.T) {
	const l2, η, K = 0.5, 0.03, 3
	_, r := trained(t, fmt.Sprintf(`kind: ridge
defaults: {l2: %v}
tasks:
  - {name: a, x: [[1], [2], [3]], y: [2, 4, 7], weight: 2}
  - {name: b, x: [[1], [-2]], y: [5, 1]}
  - {name: c, x: [[3], [4]], y: [-1, 3]}
meta: {inner: {rate: %v, steps: %d}}
`, l2, η, K))
	weights := []float64{0.5, 0.25, 0.25}
	moments := []struct{ xx, xy float64 }{{14. / 3, 31. / 3}, {2.5, 1.5}, {12.5, 4.5}}
	var top, bottom float64
	w, a := make([]float64, 3), make([]float64, 3)
	for i, m := range moments {
		h := 2 * (m.xx + l2)
		a[i] = m.xy / (m.xx + l2)
		w[i] = weights[i] * h * math.Pow(1-η*h, 2*K)
		top += w[i] * a[i]
		bottom += w[i]
	}
	gap := 0.0
	for i := range a {
		gap += w[i] * (top/bottom - a[i]) * (top/bottom - a[i]) / 2
	}
	const tol = 1e-11 // where training stops, ‖∇h‖ ≤ 1e-10 h/(1 + θ)
	if got := r.Gain.Data[0]; math.Abs(got-top/bottom) > tol {
		t.Errorf("θ = %v, want %v", got, top/bottom)
	}
	if math.Abs(float64(r.Gap)-gap) > 1e-12*gap {
		t.Errorf("gap %v, want %v", r.Gap, gap)
	}
	if r.Start.Kind != "mean-optimal" || r.Certificate.Verdict != DoesNotApply || r.Certificate.Epsilon != nil {
		t.Errorf("start %s, %+v", r.Start.Kind, r.Certificate)
	}
	for i, task := range r.Tasks {
		if !math.IsNaN(float64(task.RadiusAfter)) || math.Abs(float64(task.AdaptedGain.Data[0])-(a[i]+math.Pow(1-η*2*(moments[i].xx+l2), K)*(top/bottom-a[i]))) > tol {
			t.Errorf("%+v", task)
		}
	}
}

// Proposition 1 by what f is: a convex f has ε = 0 and h attains its minimum;
// one that is not has the ε that is declared, or none. The data are one task's.
func TestProposition1OverData(t *testing.T) {
	const one = "tasks: [{x: [[1, 0], [0, 1], [2, 1], [1, 1]], y: [0, 1, 1, 0]}]\n"
	const points = "tasks: [{x: [[0, 0], [0, 1], [5, 5], [5, 6]]}]\n"
	for _, tt := range []struct {
		name, text, verdict, from string
		ε                         float64
	}{
		{"ridge", "kind: ridge\ndefaults: {l2: 0.1}\n" + one, Met, "convex", 0},
		{"regression", "kind: regression\n" + one, Met, "convex", 0},
		{"logistic", "kind: logistic\ndefaults: {l2: 0.1, bias: free}\n" + one, Met, "convex", 0},
		{"softmax", "kind: softmax\ndefaults: {l2: 0.1, classes: 2}\n" + one, Met, "convex", 0},
		{"declared", "kind: kmeans\ndefaults: {centers: 2, temperature: 1, epsilon: 0.25}\n" + points, Met, "declared", 0.25},
		{"not declared", "kind: kmeans\ndefaults: {centers: 2, temperature: 1}\n" + points, DoesNotApply, "", 0},
		{"rate too large", "kind: ridge\ndefaults: {l2: 0.1}\n" + one + "meta: {inner: {rate: 0.4}}\n", NotMet, "convex", 0},
		{"proximal", "kind: ridge\ndefaults: {l2: 0.1}\n" + one + "meta: {algorithm: imaml, inner: {strength: 2}}\n", DoesNotApply, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, r := trained(t, tt.text)
			c := r.Certificate
			if c.Verdict != tt.verdict {
				t.Errorf("verdict %s: %s\n%+v", c.Verdict, c.Reason, c.Conditions)
			}
			if (c.Epsilon == nil) != (tt.from == "") || c.Epsilon != nil && (c.Epsilon.From != tt.from || float64(c.Epsilon.Value) != tt.ε) {
				t.Errorf("ε %+v", c.Epsilon)
			}
			for _, th := range c.Theorems {
				if th.Name == theorem2 && th.Verdict != DoesNotApply {
					t.Errorf("Theorem 2, about LQR, is %s", th.Verdict)
				}
			}
			// What Proposition 1 says of a convex f that knows its minimum. The
			// bound of the gap is that of a gradient of 1e-10.
			if tt.verdict == Met && tt.from == "convex" && !(r.Gap <= 1e-10*r.Value) {
				t.Errorf("gap %v", r.Gap)
			}
		})
	}
}

// Where optima are not known, what is made of them says so.
func TestUnknownOptima(t *testing.T) {
	const text = "kind: logistic\ntasks: [{name: a, x: [[1], [2]], y: [0, 1]}]\n"
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	var unknown *UnknownOptimumError
	if _, err := p.MeanOptimal(); !errors.As(err, &unknown) || unknown.Task != "a" || !errors.Is(err, ErrInput) {
		t.Errorf("%v", err)
	}
	s, err := p.start(context.Background())
	if err != nil || s.Kind != "zero" {
		t.Errorf("%+v, %v", s, err)
	}
	if s := Solve(p.Family); s.Tasks[0].Reason == "" || !s.Tasks[0].Gain.IsZero() || !math.IsNaN(float64(s.Tasks[0].Cost)) {
		t.Errorf("%+v", s.Tasks[0])
	}
	a, err := p.Adapt(context.Background(), matrixeq.Scalar(0), 2)
	if err != nil || a.Baselines.MeanOptimal.Gain != nil || a.Baselines.MeanOptimal.Reason == "" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, meta := range []string{"meta: {start: mean-optimal}\n", "meta: {normalize: optimal-cost}\n"} {
		p, err := NewProblem(parse(t, text+meta))
		if err == nil {
			_, err = p.start(context.Background())
		}
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", meta, err)
		}
	}
	// Centres that are all alike would stay so.
	p, err = NewProblem(parse(t, "kind: kmeans\ndefaults: {centers: 2, temperature: 1}\ntasks: [{x: [[0], [1], [5]]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.start(context.Background()); err != nil || s.Kind != "rows" || s.Gain.Data[0] == s.Gain.Data[1] {
		t.Errorf("%+v, %v", s, err)
	}
	if p, err = NewProblem(parse(t, "kind: kmeans\ndefaults: {centers: 2, temperature: 1}\ntasks: [{x: [[0], [1], [5]]}]\nmeta: {start: random}\n")); err != nil {
		t.Fatal(err)
	}
	if s, err := p.start(context.Background()); err != nil || s.Kind != "random" {
		t.Errorf("%+v, %v", s, err)
	}
}

// A cost divided by its optimum has all its derivatives divided, and the same
// minimiser; several parameters that one row cannot determine are said so.
func TestNormalizedData(t *testing.T) {
	const text = "kind: ridge\ntasks: [{l2: 0.5, x: [[1, 2], [3, 1], [0, 1]], y: [1, 2, 4], split: {count: 2}}]\n"
	plain, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(parse(t, text+"meta: {normalize: optimal-cost, inner: {rate: 0.01}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	best := float64(minimum(plain.Tasks[0].Outer))
	if one := float64(minimum(p.Tasks[0].Outer)); math.Abs(one-1) > 1e-15 {
		t.Errorf("optimal cost %v", one)
	}
	e, err := p.Evaluate(context.Background(), matrixeq.Matrix{Rows: 1, Cols: 2, Data: []float64{1, -1}}, true)
	if err != nil || e.Meta == nil {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, c := range e.GradCheck {
		if !(c.Relative < 1e-9) {
			t.Errorf("%+v", c)
		}
	}
	f, err := plain.Evaluate(context.Background(), e.Gain, false)
	if err != nil || math.Abs(float64(f.Tasks[0].Cost)/best-float64(e.Tasks[0].Cost)) > 1e-14*float64(e.Tasks[0].Cost) {
		t.Errorf("%v, %v divided by %v", e.Tasks[0].Cost, f.Tasks[0].Cost, best)
	}
	many := Solve(parse(t, "kind: regression\ntasks: [{x: [[1, 2]], y: 5}]\n")).Tasks[0]
	if many.Reason != "one of many: the data determine 1 of the 2 parameters" || many.Gain.Cols != 2 {
		t.Errorf("%+v", many)
	}
}

// What is proved is proved of LQR.
func TestNothingIsProvedOverData(t *testing.T) {
	p, err := NewProblem(parse(t, "kind: ridge\ntasks: [{x: [[1]], y: 1, l2: 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var kind *landscape.KindError
	if _, err := p.Landscape(context.Background(), landscape.Options{}); !errors.As(err, &kind) || kind.Has != "tasks of kind ridge" {
		t.Errorf("%v", err)
	}
	if _, err := p.Claim(context.Background(), matrixeq.Scalar(1)); !errors.Is(err, landscape.ErrUnsupported) {
		t.Errorf("%v", err)
	}
	if _, err := landscape.New(p.Family, []float64{0.1}); !errors.Is(err, landscape.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// A comparison counts evaluations where there are no matrix equations, and
// what it looks at itself is not charged.
func TestCompareOverData(t *testing.T) {
	p, err := NewProblem(parse(t, "kind: ridge\ndefaults: {l2: 0.1, split: {count: 5}}\ngenerate: {lines: {rows: 20, within: 1}, count: 3}\nmeta: {inner: {rate: 0.05}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Compare(context.Background(), nil, Budget{Iterations: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Work != "evaluations and products" || len(c.Algorithms) != 7 || len(c.Skipped) != 1 {
		t.Errorf("%s, %d algorithms, skipped %v", c.Work, len(c.Algorithms), c.Skipped)
	}
	for _, a := range c.Algorithms {
		if a.Algorithm == "fo-maml" && a.Solves != 4*3*2 { // four gradients of three tasks, g and f each
			t.Errorf("%s: %d", a.Algorithm, a.Solves)
		}
		if !(a.Gap > 0) || a.Solves == 0 {
			t.Errorf("%+v", a)
		}
	}
}
