package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

func parse(t testing.TB, text string) *family.Family {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func trainer(t testing.TB, text string) *Trainer {
	t.Helper()
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func train(t testing.TB, text string) *Result {
	t.Helper()
	r, err := trainer(t, text).Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Families that reproduce figures 3b and 3c of Molybog & Lavaei.
const figure3b = `family: figure-3b
tasks:
  - {name: light, A: 1, B: 1, Q: 1, R: 0.1}
  - {name: dark, A: 1, B: 1, Q: 0.1, R: 1}
meta: {inner: {rate: 0.05}, start: %v, outer: {method: %s}}
`

var figure3c = func() string {
	var b strings.Builder
	b.WriteString("family: figure-3c\ntasks:\n")
	for _, x := range []float64{-1, -.5, 0, .5, 1} {
		fmt.Fprintf(&b, "  - {name: 'q%v', A: 1, B: 1, Q: %v, R: 1}\n", x, math.Pow(10, x))
	}
	return b.String() + "meta: {inner: {rate: 0.01}, start: %v, outer: {method: %s}}\n"
}()

// curve is h and h′ of a scalar family A = B = 1 in closed form, by exact
// rational functions evaluated in float64 and independent of lqr and maml:
// C = (q + r w²)/(1 − (1−w)²).
type curve struct {
	q, r []float64
	η    float64
}

func (c curve) slope(w float64) float64 {
	s := 0.0
	for i := range c.q {
		d1 := func(w float64) (float64, float64) { // C′, C″
			u := 1 - w
			n, n1, n2 := c.q[i]+c.r[i]*w*w, 2*c.r[i]*w, 2*c.r[i]
			d, d1, d2 := 1-u*u, 2*u, -2.0
			g := (n1*d - n*d1) / (d * d)
			h := (n2*d-n*d2)/(d*d) - 2*d1*g/d
			return g, h
		}
		g, h := d1(w)
		f := w - c.η*g
		if !(f > 0 && f < 2) {
			return math.NaN()
		}
		gf, _ := d1(f)
		s += gf * (1 - c.η*h)
	}
	return s
}

// minimisers brackets the sign changes of h′ from − to + on a grid of 2⁻¹⁶ and
// bisects them; maxima are those from + to −. They bound the basins.
func (c curve) stationary() (minima, maxima []float64) {
	const n = 1 << 17
	last := math.NaN()
	for k := 1; k < n; k++ {
		w := 2 * float64(k) / n
		s := c.slope(w)
		if last*s < 0 {
			lo, hi := w-2.0/n, w
			up := s > 0
			for range 80 {
				mid := (lo + hi) / 2
				if (c.slope(mid) > 0) == up {
					hi = mid
				} else {
					lo = mid
				}
			}
			if up {
				minima = append(minima, lo)
			} else {
				maxima = append(maxima, lo)
			}
		}
		last = s
	}
	return minima, maxima
}

// edge is a point inside the domain 1e-3 of the way from its end, between
// outside and inside, to inside.
func (c curve) edge(outside, inside float64) float64 {
	in := inside
	for range 60 {
		if mid := (outside + inside) / 2; math.IsNaN(c.slope(mid)) {
			outside = mid
		} else {
			inside = mid
		}
	}
	return inside + 1e-3*(in-inside)
}

// From a start anywhere in a basin training ends at that basin's minimiser, to
// 1e-8, and at the digits published for the figure.
func TestTrainFromEachBasin(t *testing.T) {
	for _, tt := range []struct {
		name, family string
		curve        curve
		want         []float64 // four digits, from the figures' reconstruction
	}{
		{"3b", figure3b, curve{q: []float64{1, .1}, r: []float64{.1, 1}, η: .05}, []float64{.1838, .5434, 1.7389}},
		{"3c", figure3c, curve{q: []float64{.1, math.Pow(10, -.5), 1, math.Pow(10, .5), 10}, r: []float64{1, 1, 1, 1, 1}, η: .01}, []float64{.2732, .7402, 1.7435}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			minima, maxima := tt.curve.stationary()
			if len(minima) != 3 || len(maxima) != 2 {
				t.Fatalf("minima %v, maxima %v: want 3 and 2", minima, maxima)
			}
			for i, w := range minima {
				if math.Abs(w-tt.want[i]) > 5e-5 {
					t.Errorf("minimiser %v, want %v", w, tt.want[i])
				}
				starts := []float64{w, w + .005, w - .005}
				if i > 0 {
					starts = append(starts, maxima[i-1]+.001, (maxima[i-1]+w)/2)
				}
				if i < 2 {
					starts = append(starts, maxima[i]-.001, (maxima[i]+w)/2)
				}
				if i == 0 {
					starts = append(starts, tt.curve.edge(0, w))
				}
				if i == 2 {
					starts = append(starts, tt.curve.edge(2, w))
				}
				for _, start := range starts {
					r := train(t, fmt.Sprintf(tt.family, start, "newton-cg"))
					if r.Status != maml.Converged || math.Abs(r.Gain.Data[0]-w) > 1e-8 {
						t.Errorf("from %v: %v at %v, want %v", start, r.Status, r.Gain.Data, w)
					}
					if r.Kind != maml.Minimum {
						t.Errorf("from %v: kind %v", start, r.Kind)
					}
				}
				for _, method := range []string{"lbfgs", "gradient"} {
					r := train(t, fmt.Sprintf(tt.family, w+1e-3, method))
					if math.Abs(r.Gain.Data[0]-w) > 1e-8 {
						t.Errorf("%s: %v at %v, want %v", method, r.Status, r.Gain.Data, w)
					}
				}
			}
		})
	}
}

// At 0.5434 every condition holds for both tasks, and the point is 0.111 above
// the minimum: with several tasks the theorems do not apply.
func TestConditionsOfSeveralTasksDecideNothing(t *testing.T) {
	spurious := train(t, fmt.Sprintf(figure3b, .5434, "newton-cg"))
	global := train(t, fmt.Sprintf(figure3b, .1838, "newton-cg"))
	if d := float64(spurious.Value - global.Value); math.Abs(d-.1114) > 5e-4 {
		t.Errorf("0.5434 is %v above the minimum, want 0.111", d)
	}
	if spurious.Certificate.Verdict != DoesNotApply {
		t.Errorf("verdict %q, want %q", spurious.Certificate.Verdict, DoesNotApply)
	}
	names := map[string]int{}
	for _, c := range spurious.Certificate.Conditions {
		names[c.Name]++
		if !c.Holds {
			t.Errorf("condition %+v does not hold", c)
		}
	}
	for _, name := range []string{"inner-rate", "jacobian-sigma-min", "adapted-radius", "sigma0-min"} {
		if names[name] != 2 {
			t.Errorf("condition %s is there %d times, want once a task", name, names[name])
		}
	}
	if g := spurious.Gap; !(g > .1) {
		t.Errorf("gap %v does not show it either", g)
	}
}

// The mean of the optima is outside the domain; the search finds a gain inside.
func TestAutoStartSearches(t *testing.T) {
	r := train(t, `family: apart
tasks:
  - {name: slow, A: 1, B: 1, Q: 1, R: 1}
  - {name: fast, A: 2.2, B: 1, Q: 1, R: 1}
meta: {inner: {rate: 0.1}}
`)
	if r.Start.Kind != "search" || math.Abs(r.Gain.Data[0]-1.56051) > 5e-6 || math.Abs(float64(r.Value)-4.24942) > 5e-6 {
		t.Errorf("start %q, gain %v, value %v; want a search, 1.56051 and 4.24942", r.Start.Kind, r.Gain.Data, r.Value)
	}
	if r.Baselines.MeanOptimal.Reason == "" || !math.IsInf(float64(r.Baselines.MeanOptimal.CostAfter), 1) {
		t.Errorf("the mean of the optima has no adapted cost, but is given %+v", r.Baselines.MeanOptimal)
	}
}

// Matrix gains: two tasks whose optima differ by far. The mean of the optima
// destabilises both; a common gain exists by construction (the states are
// decoupled and each pair of scalar intervals overlaps).
func TestAutoStartSearchesMatrices(t *testing.T) {
	r := train(t, `family: apart
defaults: {B: [[1, 0], [0, 1]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}
tasks:
  - {name: slow, A: [[1, 0], [0, 2.4]]}
  - {name: fast, A: [[2.4, 0], [0, 1]]}
meta: {inner: {rate: 0.01}}
`)
	if r.Start.Kind != "search" || r.Status != maml.Converged {
		t.Errorf("start %q, status %v", r.Start.Kind, r.Status)
	}
}

func TestNoStart(t *testing.T) {
	text := func(a2, meta string) string {
		return fmt.Sprintf(`family: none
tasks:
  - {name: slow, A: 1, B: 1, Q: 1, R: 1}
  - {name: fast, A: %s, B: 1, Q: 1, R: 1}
meta: %s
`, a2, meta)
	}
	start := func(text string) error {
		p, err := NewProblem(parse(t, text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewTrainer(context.Background(), p)
		return err
	}

	// Stabilising gains (0, 2) and (2, 4): open intervals that touch, 2 = (3 − 1)/1 exactly.
	var ex *ExclusionError
	if err := start(text("3", "{}")); !errors.As(err, &ex) || ex.First != "slow" || ex.Second != "fast" || !errors.Is(err, ErrNoStart) {
		t.Errorf("touching intervals: %v", err)
	}
	if err := start(text("2.999999999999999", "{inner: {rate: 1e-40}}")); errors.As(err, &ex) {
		t.Errorf("intervals that overlap by 1e-15 are not excluded: %v", err)
	}
	// A start of the user's is checked, not mended.
	var named *StartError
	var unstable *lqr.UnstableError
	err := start(text("1", "{start: 2.5, inner: {rate: 0.01}}"))
	if !errors.As(err, &named) || !errors.As(err, &unstable) || unstable.Task != "slow" || unstable.Radius != 1.5 {
		t.Errorf("start 2.5: %v", err)
	}
	if !strings.Contains(err.Error(), `"slow"`) || !strings.Contains(err.Error(), "1.5") {
		t.Errorf("message %q lacks task or radius", err)
	}
	// No gain stabilises ±1.5-unstable mirror images, but for matrices that is
	// only searched for.
	p, err := NewProblem(parse(t, `family: mirrored
defaults: {A: [[1.5, 0], [0, 0.1]], Q: [[1, 0], [0, 1]], R: 1}
tasks:
  - {name: up, B: [[1], [0]]}
  - {name: down, B: [[-1], [0]]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var search *SearchError
	if _, err := NewTrainer(context.Background(), p); !errors.As(err, &search) || search.Evaluations == 0 || !strings.Contains(err.Error(), "bounded search") {
		t.Errorf("mirrored plants: %v", err)
	}
}

// One task: the bound is attained, by every method that is not Algorithm 1, and
// the certificate is met where the rate allows.
func TestOneTaskReachesItsOptimum(t *testing.T) {
	boeing := `family: one
tasks:
  - name: boeing
    A: [[1.22, .03, -.02, -.32], [.01, 4.7, 0, 0], [.02, -.06, .4, 0], [.01, -.04, .72, 1.55]]
    B: [[.01, .99], [-3.44, 1.66], [-.83, .44], [-.47, .25]]
    Q: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    R: [[1, 0], [0, 1]]
meta:
  inner: {rate: 2e-5, steps: %d, rule: %s}
  outer: {method: %s, iterations: 5000}
  start: [[0.38, -1.59, 0.21, 0.23], [0.78, 0.56, -0.27, -0.65]]
`
	for _, tt := range []struct {
		steps        int
		rule, method string
		verdict      string
	}{
		{1, "gradient", "newton-cg", Met}, {3, "gradient", "newton-cg", Met}, {1, "natural", "newton-cg", Met},
		{1, "gauss-newton", "newton-cg", Met}, {1, "gradient", "lbfgs", Met},
	} {
		r := train(t, fmt.Sprintf(boeing, tt.steps, tt.rule, tt.method))
		if !(float64(r.Gap) <= 1e-14*float64(r.LowerBound)) || r.Status != maml.Converged {
			t.Errorf("%+v: gap %v of %v, %v after %d", tt, r.Gap, r.LowerBound, r.Status, r.Iterations)
		}
		if r.Certificate.Verdict != tt.verdict {
			t.Errorf("%+v: verdict %q: %+v", tt, r.Certificate.Verdict, r.Certificate.Conditions)
		}
	}
}

// A = B = Q = R = 1, η = 0.2 has a spurious minimiser near 0.87396, with excess
// 1.728e-4, where 1 − ηC″ = 0: the certificate must refuse it.
func TestSpuriousMinimumOfOneTaskIsNotMet(t *testing.T) {
	r := train(t, `family: one
tasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1}]
meta: {inner: {rate: 0.2}, start: 0.874}
`)
	if math.Abs(r.Gain.Data[0]-.87396) > 1e-5 || math.Abs(float64(r.Gap)-1.728e-4) > 5e-8 {
		t.Fatalf("gain %v, gap %v; want 0.87396 and 1.728e-4", r.Gain.Data, r.Gap)
	}
	if r.Certificate.Verdict != NotMet {
		t.Errorf("verdict %q: %+v", r.Certificate.Verdict, r.Certificate.Conditions)
	}
	for _, c := range r.Certificate.Conditions {
		if c.Name == "jacobian-sigma-min" && (c.Holds || c.Value > 1e-6) {
			t.Errorf("σ_min = %v, want 0 and not held", c.Value)
		}
	}
}

// The modified Boeing experiment at its published rate and start: η‖∇²C‖ = 7.2,
// said before the first step.
func TestRateIsCheckedBeforeTheFirstStep(t *testing.T) {
	text := `family: boeing
tasks:
  - name: nominal
    A: [[1.22, .03, -.02, -.32], [.01, 4.7, 0, 0], [.02, -.06, .4, 0], [.01, -.04, .72, 1.55]]
    B: [[.01, .99], [-3.44, 1.66], [-.83, .44], [-.47, .25]]
    Q: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    R: [[1, 0], [0, 1]]
    Sigma0: [[.250001, .25, .25, .25], [.25, .250001, .25, .25], [.25, .25, .250001, .25], [.25, .25, .25, .250001]]
meta:
  inner: {rate: 8e-6}
  start: [[0.61343269, -1.53543838, 0.30279836, 0.39631415], [0.88802018, 0.60382034, -0.14729954, -0.58220629]]
`
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if c := tr.RateCheck[0]; len(tr.RateCheck) != 1 || math.Abs(float64(c.Value)-7.2) > .05 || !c.Warn || !c.Exact {
		t.Errorf("check %+v, want 7.2", tr.RateCheck)
	}
}

// Closed forms: with K = 0 the mean cost; largest rate = 1/max‖∇²g‖ at the gain.
func TestLargestRate(t *testing.T) {
	r := train(t, fmt.Sprintf(figure3b, .5434, "newton-cg"))
	w := r.Gain.Data[0]
	worst := 0.0
	for i, q := range []float64{1, .1} {
		task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(1), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(q), R: matrixeq.Scalar([]float64{.1, 1}[i])})
		if err != nil {
			t.Fatal(err)
		}
		at, err := task.Evaluate([]float64{w})
		if err != nil {
			t.Fatal(err)
		}
		h := make([]float64, 1)
		at.HessVec(h, []float64{1})
		worst = max(worst, math.Abs(h[0]))
	}
	if d := math.Abs(float64(r.LargestRate.Rate)*worst - 1); d > 1e-14 || r.LargestRate.Task != "light" {
		t.Errorf("largest rate %+v, want %v of light", r.LargestRate, 1/worst)
	}
	// Several steps: just below the rate found the condition holds, just above not.
	tr := trainer(t, strings.Replace(fmt.Sprintf(figure3b, .5434, "newton-cg"), "rate: 0.05", "rate: 0.05, steps: 3", 1))
	var x []float64
	slopes := func(η float64) float64 {
		worst := 0.0
		for i := range tr.Problem.Tasks {
			w := x
			for range 3 {
				s, err := tr.Problem.slope(i, w)
				if err != nil {
					return math.Inf(1)
				}
				worst = max(worst, η*s.norm)
				step, err := tr.Problem.rule(i, η).At(w)
				if err != nil {
					return math.Inf(1)
				}
				w = step.To()
			}
		}
		return worst
	}
	later := 0
	for _, w := range []float64{.25, .4, .6, .9, 1.2} { // at some of them a later step is the first to fail
		x = []float64{w}
		l, err := tr.Problem.largestRate(x, 3)
		if err != nil {
			t.Fatal(err)
		}
		if at := float64(l.Rate); !(slopes(at*(1-1e-10)) < 1) || !(slopes(at*(1+1e-10)) >= 1) {
			t.Errorf("at %v: largest rate %+v: conditions %v and %v either side", w, l, slopes(at*(1-1e-10)), slopes(at*(1+1e-10)))
		}
		if l.Step > 0 {
			later++
		}
	}
	if later == 0 {
		t.Error("the first step was the first to fail everywhere")
	}
}
