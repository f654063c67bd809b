package landscape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// gainsOneState are two plants with one state and two inputs.
const gainsOneState = `
tasks:
  - {A: 1.2, B: [[1, 0.5]], Q: 1, R: [[1, 0.2], [0.2, 0.8]]}
  - {A: 1.1, B: [[0.9, 0.7]], Q: 2, R: [[0.6, 0], [0, 1.2]]}
meta: {inner: {rule: %s, rate: %v}}
`

func proveGains(t testing.TB, f *family.Family, rates []float64, o PlanarOptions) *PlanarLandscape {
	t.Helper()
	p, err := NewGains(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Prove(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// truth checks a landscape by packages lqr and maml: each minimiser of the list is
// one, and every one of others, in the region and with h ≤ L, is in the list or in what
// is left.
func truth(t *testing.T, m *maml.Meta, l *PlanarLandscape, others [][]float64) {
	t.Helper()
	n := m.Dim()
	holds := func(b interval.Box, w []float64) bool {
		for i, x := range b {
			slack := 1e-7 * (1 + math.Abs(w[i]))
			if w[i] < x.Lo()-slack || w[i] > x.Hi()+slack {
				return false
			}
		}
		return true
	}
	for _, x := range l.Minima {
		w := x.Gain.Mid()
		at, err := m.Evaluate(w)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		if v := at.Value(); math.Abs(v-x.Value.Mid()) > 1e-9*v+x.Value.Width() {
			t.Errorf("h = %v at %v, not in %v", v, w, x.Value)
		}
		g := make([]float64, n)
		at.Grad(g)
		for _, y := range g {
			if math.Abs(y) > 1e-6*at.Value() {
				t.Errorf("∇h = %v at %v", g, w)
			}
		}
		h := interval.NewMatrix(n, n)
		for i := range n {
			e, v := make([]float64, n), make([]float64, n)
			e[i] = 1
			at.HessVec(v, e)
			for j := range i + 1 {
				h.Set(i, j, interval.Of(v[j]))
				h.Set(j, i, interval.Of(v[j]))
			}
		}
		if !h.PositiveDefinite() {
			t.Errorf("∇²h at %v: %v", w, h)
		}
	}
	for _, w := range others {
		at, err := m.Evaluate(w)
		if err != nil || !l.Region.Contains(w) || at.Value() > l.Level*(1-1e-9) {
			continue
		}
		held := false
		for _, x := range l.Minima {
			held = held || holds(x.Gain, w)
		}
		for _, b := range l.Unresolved {
			held = held || holds(b, w)
		}
		if !held {
			t.Errorf("the minimiser %v, h = %v ≤ %v, is missing from %v", w, at.Value(), l.Level, l.Minima)
		}
	}
}

// onGrid are the minimisers in cells of a grid at whose corners each entry of ∇h has
// both signs: Newton's method begins in them.
func onGrid(m *maml.Meta, region interval.Box, n int) (found [][]float64) {
	type sample struct {
		g  [2]float64
		ok bool
	}
	at := func(i, j int) []float64 {
		return []float64{
			region[0].Lo() + float64(i)/float64(n)*region[0].Width(),
			region[1].Lo() + float64(j)/float64(n)*region[1].Width(),
		}
	}
	grid := make([]sample, (n+1)*(n+1))
	for i := range n + 1 {
		for j := range n + 1 {
			if p, err := m.Evaluate(at(i, j)); err == nil {
				s := &grid[i*(n+1)+j]
				s.ok = true
				p.Grad(s.g[:])
			}
		}
	}
	for i := range n {
		for j := range n {
			low, high, ok := [2]float64{1, 1}, [2]float64{-1, -1}, true
			for _, c := range []int{i*(n+1) + j, i*(n+1) + j + 1, (i+1)*(n+1) + j, (i+1)*(n+1) + j + 1} {
				ok = ok && grid[c].ok
				for k, y := range grid[c].g {
					low[k], high[k] = min(low[k], y), max(high[k], y)
				}
			}
			if !ok || low[0] > 0 || low[1] > 0 || high[0] < 0 || high[1] < 0 {
				continue
			}
			if k, ok := planarNewton(m, at(i, j)); ok {
				found = append(found, k.gain)
			}
		}
	}
	return found
}

// For hours: METALQR_GAINS=1000 go test ./landscape -run TestGainsAgree -timeout 0
func TestGainsAgree(t *testing.T) {
	families, budget, grid := uint64(6), 4000, 40
	if s := os.Getenv("METALQR_GAINS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		families, budget, grid = n, 100_000, 300
	}
	complete, minima := 0, 0
	for seed := range families {
		r := rand.New(rand.NewPCG(seed, 31))
		rule := planarRules[seed%3]
		kind := "plain"
		if seed%2 == 1 {
			kind = "everything"
		}
		f, rates := gainDraw(t, r, 1, 2, 1+int(seed%3), rule, 0.1+0.5*r.Float64(), kind)
		l := proveGains(t, f, rates, PlanarOptions{Region: gainAround(meanOptimum(f), 0.2+0.3*r.Float64()), Options: Options{Boxes: budget}})
		m := metaOf(t, f, rates)
		m.Workers = 1
		truth(t, m, l, onGrid(m, l.Region, grid))
		if l.Left == 0 {
			complete++
		}
		minima += len(l.Minima)
		if families > 6 {
			t.Logf("seed %d: %s %s of %d: %s, %d minima, ε %v, %d boxes, %d left", seed, rule, kind, len(f.Tasks), l.Verdict, len(l.Minima), l.Epsilon, l.Boxes, l.Left)
		}
	}
	t.Logf("%d of %d complete, %d minima", complete, families, minima)
	if complete < int(families)/2 || minima < int(families)/2 {
		t.Errorf("only %d of %d families are proved within %d boxes, with %d minima", complete, families, budget, minima)
	}
}

// Of one state and two inputs all three rules are proved; the gradient rule has a
// spurious minimum at this rate, the two others have one minimum.
func TestGainsOneState(t *testing.T) {
	for _, tt := range []struct {
		rule    string
		rate    float64
		minima  int
		verdict certificate.Verdict
		ε       interval.Interval
	}{
		{"gradient", 0.05, 2, certificate.NotGlobal, interval.New(0.000522, 0.00315)},
		{"natural", 0.1, 1, certificate.EpsilonGlobal, interval.New(0, 0.000751)},
		{"gauss-newton", 0.3, 1, certificate.EpsilonGlobal, interval.New(0, 0.00133)},
	} {
		f, rates := parse(t, fmt.Sprintf(gainsOneState, tt.rule, tt.rate))
		l := proveGains(t, f, rates, PlanarOptions{Region: gainAround(meanOptimum(f), 0.3)})
		if l.Left != 0 || len(l.Minima) != tt.minima || l.Verdict != tt.verdict || !l.Epsilon.Subset(tt.ε) {
			t.Errorf("%s: %d boxes left, %d minima, %s, ε %v", tt.rule, l.Left, len(l.Minima), l.Verdict, l.Epsilon)
		}
		m := metaOf(t, f, rates)
		truth(t, m, l, onGrid(m, l.Region, 30))
	}
}

// The minima of one task are preimages of W*, all of one value; so are those of two
// tasks that differ by a factor, with the Gauss–Newton rule.
func TestGainsOneMap(t *testing.T) {
	const once = "\n  - {A: 1.1, B: [[0.9, 0.7]], Q: 2, R: [[0.6, 0], [0, 1.2]]}"
	const twice = "\n  - {A: 1.2, B: [[1, 0.5]], Q: 2, R: [[2, 0.4], [0.4, 1.6]]}"
	for _, tt := range []struct {
		rule string
		rate float64
		with string
	}{{"gradient", 0.03, ""}, {"natural", 0.1, ""}, {"gauss-newton", 0.3, twice}} {
		f, rates := parse(t, fmt.Sprintf(strings.Replace(gainsOneState, once, tt.with, 1), tt.rule, tt.rate))
		l := proveGains(t, f, rates, PlanarOptions{Region: gainAround(meanOptimum(f), 0.25), Options: Options{Boxes: 4000}})
		if !l.OneMap || l.Left != 0 || l.Verdict != certificate.Global || l.Epsilon != interval.Of(0) || len(l.Minima) == 0 || !l.Minima[0].Optimal {
			t.Errorf("%s: one map %v, %d boxes left, %s, ε %v, %v", tt.rule, l.OneMap, l.Left, l.Verdict, l.Epsilon, l.Minima)
		}
	}
	f, rates := parse(t, fmt.Sprintf(strings.Replace(gainsOneState, once, twice, 1), "natural", 0.1))
	if l := proveGains(t, f, rates, PlanarOptions{Region: gainAround(meanOptimum(f), 0.25), Options: Options{Boxes: 10}}); l.OneMap {
		t.Error("natural steps of tasks that differ by a factor are taken for one map")
	}
}

// Over two states and one input the proof of the whole chart has the same minimisers.
func TestGainsAgreeWithPlanar(t *testing.T) {
	for _, rule := range planarRules {
		f, rates := parse(t, fmt.Sprintf(planarCarts, rule, 0.1))
		region := gainAround(meanOptimum(f), 0.15)
		p, err := NewPlanar(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		o := PlanarOptions{Region: region, Level: 30, Options: Options{Boxes: 20_000}}
		a, err := p.Prove(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		b := proveGains(t, f, rates, o)
		if a.Left != 0 || b.Left != 0 || len(a.Minima) != len(b.Minima) {
			t.Fatalf("%s: %d and %d boxes left, %d and %d minima", rule, a.Left, b.Left, len(a.Minima), len(b.Minima))
		}
		for i, x := range a.Minima {
			if y := b.Minima[i]; apartFrom(x.Gain, y.Gain) || x.Value.Disjoint(y.Value) {
				t.Errorf("%s: minimiser %d is %v with %v, and %v with %v", rule, i, x.Gain, x.Value, y.Gain, y.Value)
			}
		}
	}
}

// Three and four gains: regions around the optimum are proved.
func TestGainsOfMore(t *testing.T) {
	for _, tt := range []struct {
		states, inputs int
		rule           string
		reach          float64
	}{{3, 1, "natural", 0.02}, {2, 2, "gradient", 0.05}, {2, 2, "natural", 0.1}, {2, 2, "gauss-newton", 0.05}, {4, 1, "gauss-newton", 0.01}} {
		f, rates := gainDraw(t, rand.New(rand.NewPCG(0, 5)), tt.states, tt.inputs, 2, tt.rule, 0.3, "plain")
		region := gainAround(meanOptimum(f), tt.reach)
		l := proveGains(t, f, rates, PlanarOptions{Region: region})
		if l.Left != 0 || len(l.Minima) != 1 {
			t.Errorf("%v: %d boxes left of %d, %d minima", tt, l.Left, l.Boxes, len(l.Minima))
		}
		m := metaOf(t, f, rates)
		r := rand.New(rand.NewPCG(1, 2))
		var others [][]float64
		for range 10 {
			w := make([]float64, m.Dim())
			for k, x := range region {
				w[k] = x.Lo() + r.Float64()*x.Width()
			}
			s := maml.NewState(w)
			if got, err := maml.Minimize(context.Background(), m, maml.NewtonCG{}, s, maml.Stop{Tolerance: 1e-10, Iterations: 100}, nil); err == nil && got.Status == maml.Converged && got.Kind == maml.Minimum {
				others = append(others, s.X)
			}
		}
		if len(others) == 0 {
			t.Errorf("%v: no descent converged", tt)
		}
		truth(t, m, l, others)
	}
}

func TestGainsWorkers(t *testing.T) {
	f, rates := parse(t, fmt.Sprintf(gainsOneState, "gradient", 0.05))
	var first []byte
	for _, workers := range []int{1, 2, 5} {
		l := proveGains(t, f, rates, PlanarOptions{Region: gainAround(meanOptimum(f), 0.5), Options: Options{Workers: workers, Boxes: 600}})
		b, err := certificate.Encode(l.Certificate())
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
			if l.Left == 0 || l.Verdict == certificate.Global || !(l.Epsilon.Hi() > 1) {
				t.Errorf("%d boxes left, %s, ε %v", l.Left, l.Verdict, l.Epsilon)
			}
		} else if !bytes.Equal(b, first) {
			t.Fatalf("%d workers give another certificate", workers)
		}
	}
}

// Errors of sign and size are planted in the enclosures. The search does not use
// them, and its minimisers stop the proof.
func TestGainsAlarm(t *testing.T) {
	for _, plant := range []struct {
		name string
		slip func(t *gainTask)
	}{
		{"the step goes uphill", func(t *gainTask) { t.rates = []interval.Interval{t.rates[0].Neg()} }},
		{"the step is too long", func(t *gainTask) { t.rates = []interval.Interval{t.rates[0].Scale(1.1)} }},
		{"another weight", func(t *gainTask) { t.λ = t.λ.Scale(0.9) }},
		{"an input has the other sign", func(t *gainTask) {
			g := *t.g
			g.b = interval.FromFloats(1, 2, []float64{0.9, -0.7})
			t.g = &g
		}},
	} {
		f, rates := parse(t, fmt.Sprintf(gainsOneState, "gradient", 0.05))
		p, err := NewGains(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		plant.slip(&p.tasks[1])
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "a bug") {
					t.Errorf("%s: the alarm is silent (%v)", plant.name, r)
				}
			}()
			_, err := p.Prove(context.Background(), PlanarOptions{Region: gainAround(meanOptimum(f), 0.3), Options: Options{Boxes: 10_000}})
			t.Errorf("%s: a proof, %v", plant.name, err)
		}()
	}
}

func TestGainsRefuse(t *testing.T) {
	f, rates := parse(t, fmt.Sprintf(gainsOneState, "gradient", 0.05))
	p, err := NewGains(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	region := gainAround(meanOptimum(f), 0.1)
	for _, tt := range []struct {
		name string
		o    PlanarOptions
		want error
	}{
		{"no region", PlanarOptions{}, ErrRegion},
		{"one of three gains", PlanarOptions{Region: append(region, interval.Of(1))}, ErrRegion},
		{"one without an end", PlanarOptions{Region: interval.Box{region[0], interval.New(0, math.Inf(1))}}, ErrRegion},
		{"a level below C*", PlanarOptions{Region: region, Level: 0.1}, ErrLevel},
	} {
		if _, err := p.Prove(context.Background(), tt.o); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	f, rates = gainDraw(t, rand.New(rand.NewPCG(0, 5)), 3, 2, 1, "natural", 0.1, "plain")
	if p, err = NewGains(f, rates); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prove(context.Background(), PlanarOptions{Region: gainAround(meanOptimum(f), 0.1)}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("six gains: %v", err)
	}
}

// A loop is said to be unstable where its spectral radius is above 1, and nowhere else.
func TestGainUnstable(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	yes, no := 0, 0
	for range 2000 {
		n := 1 + r.IntN(4)
		a := matrixeq.New(n, n)
		for k := range a.Data {
			a.Data[k] = r.NormFloat64() / math.Sqrt(float64(n))
		}
		ρ, err := matrixeq.SpectralRadius(a)
		if err != nil {
			t.Fatal(err)
		}
		p := &gainPlant{a: interval.FromFloats(n, n, a.Data), b: interval.NewMatrix(n, 1)}
		said := p.unstable(interval.NewMatrix(1, n))
		switch {
		case said && ρ < 1+1e-12:
			t.Fatalf("%v is said to be unstable; its radius is %v", a, ρ)
		case !said && ρ > 1.001:
			no++
		case said:
			yes++
		}
	}
	if no > yes/20 {
		t.Errorf("%d loops are found to be unstable, %d are not", yes, no)
	}
}

// Regions of gains, proved: how large they may be.
func BenchmarkGains(b *testing.B) {
	type shape struct{ states, inputs int }
	for _, tt := range []struct {
		shape
		rule  string
		reach float64
	}{
		{shape{1, 2}, "gradient", 0.3}, {shape{1, 2}, "gradient", 1}, {shape{1, 2}, "natural", 1}, {shape{1, 2}, "gauss-newton", 0.3},
		{shape{3, 1}, "gradient", 0.02}, {shape{3, 1}, "gradient", 0.05}, {shape{3, 1}, "natural", 0.1}, {shape{3, 1}, "gauss-newton", 0.05},
		{shape{2, 2}, "gradient", 0.05}, {shape{2, 2}, "gradient", 0.1}, {shape{2, 2}, "gradient", 0.2}, {shape{2, 2}, "natural", 0.1}, {shape{2, 2}, "gauss-newton", 0.1},
	} {
		b.Run(fmt.Sprintf("%dx%d/%s/%g", tt.inputs, tt.states, tt.rule, tt.reach), func(b *testing.B) {
			f, rates := gainDraw(b, rand.New(rand.NewPCG(0, 5)), tt.states, tt.inputs, 2, tt.rule, 0.3, "plain")
			if tt.states == 1 {
				rate := map[string]float64{"gradient": 0.05, "natural": 0.1, "gauss-newton": 0.3}[tt.rule]
				f, rates = parse(b, fmt.Sprintf(gainsOneState, tt.rule, rate))
			}
			o := PlanarOptions{Region: gainAround(meanOptimum(f), tt.reach)}
			for b.Loop() {
				l := proveGains(b, f, rates, o)
				b.ReportMetric(float64(l.Boxes), "boxes")
				b.ReportMetric(float64(l.Left), "left")
			}
		})
	}
}
