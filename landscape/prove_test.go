package landscape

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/metalqr/metalqr/certificate"
)

// shown are families with something to prove: one map and several, every rule,
// two components, ends to which h falls, three steps.
var shown = []string{
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.05}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.2}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.02, steps: 3}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: [0.5, 0.4], rule: gauss-newton}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1, inner: {Q: 2}}]\nmeta: {inner: {rate: 0.05, steps: 2}}",
	"tasks: [{A: 1, B: 1, Q: 1e-6, R: 1}]\nmeta: {inner: {rate: 0.01}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.01}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.25, rule: gauss-newton}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.05, rule: natural, steps: 2}}",
	"tasks: [{A: 1, B: 1, Q: 1, R: .1}, {A: 1, B: 1, Q: .1, R: 1}]\nmeta: {inner: {rate: 0.01, steps: 3}}",
	"tasks: [{A: .9, B: 1, Q: 1, R: 1}, {A: .9, B: -1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.003}}",
	"tasks: [{A: 1, B: 0.1, Q: 1, R: 1, inner: {B: 1}}]\nmeta: {inner: {rate: 0.01, rule: gauss-newton}}",
	"tasks: [{A: 1, B: 0.1, Q: 1, R: 1, inner: {B: 1}}, {A: 1.01, B: 0.1, Q: 1, R: 1, inner: {B: 1}}]\nmeta: {inner: {rate: 0.01, rule: gauss-newton}}",
}

func prove(t testing.TB, yaml string, o Options) *Landscape {
	t.Helper()
	f, rates := parse(t, yaml)
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Prove(context.Background(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return l
}

// Each family of the list survives the search whatever the budget: what a small
// one leaves undone is in Unresolved, and every claim beside it is true.
func TestBudget(t *testing.T) {
	for i, y := range shown {
		f, rates := parse(t, y)
		full := prove(t, y, Options{Workers: 1})
		if full.Spent || len(full.Unresolved) > 0 || full.Verdict == certificate.Undecided && full.Infimum.IsBounded() && len(full.Minima()) > 0 {
			t.Errorf("not proved with the default budget:\n%s%s", y, full.dump())
		}
		stride := 16
		if testing.Short() {
			stride = 40
		}
		stride = min(stride, 1+full.Boxes/6)
		spent := 0
		for boxes := 1 + i%stride; boxes < full.Boxes+stride; boxes += stride {
			x := newTrial(f, rates, uint64(boxes))
			l, err := x.run(Options{Boxes: boxes, Workers: 1}, 50)
			if err != nil {
				t.Fatalf("%d boxes: %v\n%s", boxes, err, x)
			}
			if s := x.report(); s != "" {
				t.Errorf("%d boxes: %s", boxes, s)
				break
			}
			if l.Boxes > boxes {
				t.Errorf("%d boxes examined of %d", l.Boxes, boxes)
			}
			if l.Spent {
				spent++
			}
		}
		if spent < 3 {
			t.Errorf("the budget bound %d times only for\n%s", spent, y)
		}
	}
}

// A limit of time, a context and a budget of one box end in what is known, or
// in the context's error.
func TestEnds(t *testing.T) {
	f, rates := parse(t, shown[9])
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Prove(context.Background(), Options{Boxes: 1})
	if err != nil || l.Verdict != certificate.Undecided || !l.Spent || len(l.Unresolved) == 0 || l.Spurious() {
		t.Errorf("one box: %v\n%s", err, l.dump())
	}
	l, err = p.Prove(context.Background(), Options{Time: time.Nanosecond})
	if err != nil || l.Verdict != certificate.Undecided || !l.Spent {
		t.Errorf("a nanosecond: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Prove(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var doing []string
	last := -1
	if _, err := p.Prove(context.Background(), Options{Progress: func(what string, examined, waiting int) {
		if len(doing) == 0 || doing[len(doing)-1] != what {
			doing = append(doing, what)
		}
		if examined < last || waiting <= 0 {
			t.Errorf("progress %d after %d, %d waiting", examined, last, waiting)
		}
		last = examined
	}}); err != nil {
		t.Error(err)
	}
	if len(doing) < 2 {
		t.Errorf("progress: %q", doing)
	}
}

// The number of workers changes no bit.
func TestWorkers(t *testing.T) {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	families := append([]string(nil), shown...)
	families = append(families, mix(40))
	for _, y := range families {
		for _, boxes := range []int{0, 150} {
			want := prove(t, y, Options{Workers: 1, Boxes: boxes})
			wantBytes, err := certificate.Encode(want.Certificate())
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{2, 7, 16} {
				got := prove(t, y, Options{Workers: workers, Boxes: boxes})
				gotBytes, err := certificate.Encode(got.Certificate())
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) || !bytes.Equal(gotBytes, wantBytes) {
					t.Errorf("%d workers give another result than one:\n%s%s%s", workers, y, want.dump(), got.dump())
				}
			}
			if _, err := certificate.Decode(wantBytes); err != nil {
				t.Errorf("the certificate is refused: %v", err)
			}
		}
	}
}

// Proving twice gives the same, and leaves the family as it was.
func TestInputsUnchanged(t *testing.T) {
	f, rates := parse(t, shown[9])
	g, _ := parse(t, shown[9])
	want := append([]float64(nil), rates...)
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Prove(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rates {
		rates[i] = 99 // the problem keeps its own
	}
	b, err := p.Prove(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("another result the second time:\n%s%s", a.dump(), b.dump())
	}
	if x, y := newTrial(f, want, 0).String(), newTrial(g, want, 0).String(); x != y {
		t.Errorf("the family has changed:\n%s%s", x, y)
	}
}

// An empty domain is an error that names tasks that exclude each other, and no
// more of them than it takes.
func TestEmptyDomain(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		want       []string
	}{
		{"stable sets apart", "tasks: [{name: one, A: 3, B: 1, Q: 1, R: 1}, {name: two, A: 0, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}", []string{"one", "two"}},
		{"stable sets that touch", "tasks: [{name: one, A: 2, B: 1, Q: 1, R: 1}, {name: two, A: 0, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}", []string{"one", "two"}},
		{"among others", "tasks: [{name: a, A: 1, B: 1, Q: 1, R: 1}, {name: one, A: 2.5, B: 1, Q: 1, R: 1}, {name: b, A: 1, B: 1, Q: 2, R: 1}, {name: two, A: 0, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.001}}", []string{"one", "two"}},
		{"stable sets that touch, after a step", "tasks: [{name: one, A: 0.9999999900877089, B: 3.4, Q: 52000, R: 206.3014672106179}, {name: two, A: 0.9999999900877089, B: -3.4, Q: 52000, R: 206.3014672106179}]\nmeta: {inner: {rate: 1e-9}}", []string{"one", "two"}},
		{"one task after its step", "tasks: [{name: one, A: 1, B: 0.1, Q: 1, R: 1, inner: {A: -5, B: 1}}]\nmeta: {inner: {rate: 0.5, rule: gauss-newton}}", []string{"one"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, rates := parse(t, tt.yaml)
			x := newTrial(f, rates, 1)
			_, err := x.run(Options{}, 1000)
			var e *EmptyError
			if !errors.Is(err, ErrEmpty) || !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if !reflect.DeepEqual(e.Tasks, tt.want) {
				t.Errorf("names %q, want %q", e.Tasks, tt.want)
			}
			for _, name := range tt.want {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%q does not name %s", err, name)
				}
			}
			if s := x.report(); s != "" {
				t.Error(s)
			}
		})
	}
}

// What a proof needs and does not have is refused with the task and the reason.
func TestRefuses(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"Σ₀ that underflows", "tasks: [{name: tiny, A: 1, B: 1, Q: 1, R: 1, x0: [1.6e-162]}]\nmeta: {inner: {rate: 0.1}}", "Σ₀"},
		{"a weight that drowns", "tasks: [{name: big, A: 1, B: 1, Q: 1, R: 1, weight: 1e308}, {name: tiny, A: 1, B: 1, Q: 1, R: 1, weight: 1e-308}]\nmeta: {inner: {rate: 0.1}}", "weight"},
		{"no optimal cost to divide by", "tasks: [{name: tiny, A: 0.5, B: 1, Q: 0, R: 1}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.1}}", "optimal cost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, rates := parse(t, tt.yaml)
			_, err := New(f, rates)
			var e *TaskError
			if !errors.Is(err, ErrTask) || !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Task != "tiny" || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "tiny") {
				t.Errorf("error %q, want one about %s of task tiny", err, tt.want)
			}
		})
	}
	f, rates := parse(t, "tasks: [{A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.1}}")
	var e *DimensionError
	if _, err := New(f, rates); !errors.Is(err, ErrUnsupported) || !errors.As(err, &e) || e.Inputs != 1 || e.States != 2 {
		t.Errorf("two states: %v", err)
	}
}

// mix is Q = 10ˣ, x equally spaced in [−1, 1], as in MATH's section 2.4.
func mix(n int) string {
	return mixed(n, "rate: 0.01")
}

// Discarded boxes hold no minimiser that Newton's method finds for the
// meta-objective of packages lqr and maml.
func TestFreeBoxesHoldNoMinimiser(t *testing.T) {
	limit := 700 * time.Millisecond
	if testing.Short() {
		limit = 200 * time.Millisecond
	}
	begun, found := time.Now(), 0
	for seed := uint64(1 << 20); time.Since(begun) < limit; seed++ {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 1))}
		f, rates, err := d.family()
		if err != nil || len(f.Tasks) > 6 {
			continue
		}
		p, err := New(f, rates)
		if err != nil {
			continue
		}
		l, err := p.Prove(context.Background(), Options{Boxes: 100_000, Workers: 1})
		if err != nil {
			continue
		}
		m := metaOf(t, f, rates)
		c := l.Certificate().Landscape
		for range 30 {
			dom := l.Domain
			if len(dom) == 0 {
				break
			}
			k := d.IntN(len(dom))
			low, high := max(dom[k].Low.Hi(), -1e6), min(dom[k].High.Lo(), 1e6)
			w := low + d.Float64()*(high-low)
			g, h := make([]float64, 1), make([]float64, 1)
			settled := false
			for range 60 {
				at, err := m.Evaluate([]float64{w})
				if err != nil {
					break
				}
				at.Grad(g)
				at.HessVec(h, []float64{1})
				if !(h[0] > 0) {
					break
				}
				next := w - g[0]/h[0]
				if settled = abs(next-w) <= 1e-13*(abs(w)+1e-3); settled {
					break
				}
				w = next
			}
			if !settled {
				continue
			}
			// A little either way: Newton's gain is rounded, h′ changes its sign
			// from − to + there in exact arithmetic.
			δ := 1e-9 * (abs(w) + 1e-3)
			x := newTrial(f, rates, seed)
			a, b := x.exact.at(exactly(w-δ), false), x.exact.at(exactly(w+δ), false)
			if !a.inside || !b.inside || a.slope.sign() != -1 || b.slope.sign() != 1 {
				continue
			}
			found++
			low, high = w-δ, w+δ
			near := false // a piece that may hold a zero is near
			for _, cover := range c.Covers {
				for _, p := range cover.Pieces {
					if p.Is != certificate.Free && p.Box.Lo() <= high && p.Box.Hi() >= low {
						near = true
					}
				}
			}
			listed := false
			for _, s := range l.Stationary {
				listed = listed || s.Kind == certificate.Minimum && s.Gain.Lo() <= high && s.Gain.Hi() >= low
			}
			for _, u := range l.Unresolved {
				listed = listed || u.Lo() <= high && u.Hi() >= low
			}
			if !near || !listed {
				t.Errorf("seed %d: a minimiser at %v lies in a discarded box\n%s%s", seed, w, x, l.dump())
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d minimisers found", found)
	}
	t.Logf("%d minimisers", found)
}

func abs(x float64) float64 { return max(x, -x) }
