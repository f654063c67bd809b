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
	"time"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// carts are two plants with two states, of different mass.
const planarCarts = `
tasks:
  - {A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]], Q: [[1, 0], [0, 0.5]], R: 0.5}
  - {A: [[1, 0.4], [0, 0.9]], B: [[0.06], [0.3]], Q: [[1, 0], [0, 0.5]], R: 0.5}
meta:
  inner: {rule: %s, rate: %g}
`

func provePlanar(t testing.TB, f *family.Family, rates []float64, o PlanarOptions) *PlanarLandscape {
	t.Helper()
	p, err := NewPlanar(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Prove(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What a search from a grid that is finer than the prover's own finds below the
// level is in the list or in what is left, and each minimiser of the list is one
// to packages lqr and maml: the gradient there is within the Hessian times the
// width of the box, and the Hessian is positive definite.
//
// For hours: METALQR_PLANAR=1000 go test ./landscape -run TestPlanarAgrees -timeout 0
func TestPlanarAgrees(t *testing.T) {
	families, budget := uint64(9), 12_000
	if s := os.Getenv("METALQR_PLANAR"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		families, budget = n, 3_000_000
	}
	complete := 0
	for seed := range families {
		r := rand.New(rand.NewPCG(seed, 11))
		rule := planarRules[(seed/3)%3]
		kind := []string{"near", "factors", "costs", "cross", "everything"}[seed%5]
		share := math.Exp(math.Log(0.05) * r.Float64())
		if rule == "gauss-newton" {
			share = 0.05 + 0.4*r.Float64()
		}
		f, rates := planarSized(t, r, 1+int(seed%3), rule, share, kind)
		p, err := NewPlanar(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		l, err := p.Prove(context.Background(), PlanarOptions{Options: Options{Boxes: budget}})
		if errors.Is(err, ErrEmpty) { // nor did the search find anything, or the alarm were heard
			t.Logf("seed %d: %v", seed, err)
			complete++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if l.Left == 0 {
			complete++
		}
		if families > 9 {
			t.Logf("seed %d: %s %s of %d at %.3g: %s, %d minima, ε %v, %d boxes, %d left, %.1f s", seed, rule, kind, len(f.Tasks), share, l.Verdict, len(l.Minima), l.Epsilon, l.Boxes, l.Left, time.Since(begun).Seconds())
		}
		m := metaOf(t, f, rates)
		grid := 10
		if families > 9 {
			grid = 40
		}
		for _, k := range p.known(grid) {
			if k.value > l.Level*(1-1e-9) {
				continue
			}
			held := false
			wide := func(b interval.Box) bool {
				for i, x := range b {
					slack := 1e-6 * (1 + math.Abs(k.gain[i]))
					if k.gain[i] < x.Lo()-slack || k.gain[i] > x.Hi()+slack {
						return false
					}
				}
				return true
			}
			for _, x := range l.Minima {
				held = held || wide(x.Gain)
			}
			for _, b := range l.Unresolved {
				held = held || wide(b)
			}
			if !held {
				t.Errorf("seed %d: the minimiser %v, h = %v ≤ %v, is not listed: %v", seed, k.gain, k.value, l.Level, l.Minima)
			}
		}
		for _, x := range l.Minima {
			at, err := m.Evaluate(x.Gain.Mid())
			if err != nil {
				t.Fatalf("seed %d: %v: %v", seed, x.Gain, err)
			}
			if v := at.Value(); math.Abs(v-x.Value.Mid()) > 1e-6*v+x.Value.Width() {
				t.Errorf("seed %d: h = %v is not in %v", seed, v, x.Value)
			}
			a, b := make([]float64, 2), make([]float64, 2)
			at.HessVec(a, []float64{1, 0})
			at.HessVec(b, []float64{0, 1})
			// What float64 makes of the Hessian beside the border, where it has a
			// condition of 1e11 (seed 202), is told by its asymmetry.
			noise := 4 * math.Abs(a[1]-b[0])
			if low, high, _ := symmetricEigen(a[0], a[1], b[1]); !(low > -noise) || !(high > 0) {
				t.Errorf("seed %d: ∇²h has the eigenvalue %v, ± %v, at %v", seed, low, noise, x.Gain)
			}
		}
	}
	t.Logf("%d of %d complete", complete, families)
	if complete < int(families)/2 {
		t.Errorf("only %d of %d families are proved within %d boxes", complete, families, budget)
	}
}

// The certificate has the same bytes for any number of workers, and its tree
// covers the square.
func TestPlanarWorkers(t *testing.T) {
	for _, rule := range planarRules {
		f, rates := parse(t, fmt.Sprintf(planarCarts, rule, 0.1))
		var first []byte
		for _, workers := range []int{1, 2, 5} {
			l := provePlanar(t, f, rates, PlanarOptions{Options: Options{Workers: workers, Boxes: 4_000}})
			b, err := certificate.Encode(l.Certificate())
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b
				wholeTree(t, b, l)
			} else if !bytes.Equal(b, first) {
				t.Fatalf("%s: %d workers give another certificate", rule, workers)
			}
		}
	}
}

// wholeTree decodes a certificate and walks its tree.
func wholeTree(t *testing.T, b []byte, l *PlanarLandscape) {
	t.Helper()
	c, err := certificate.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	tree, meets, unknown := c.Planar.Cover, 0, 0
	var walk func(area float64) float64
	walk = func(area float64) float64 {
		if tree == "" {
			t.Fatal("the tree ends early")
		}
		tag := tree[0]
		tree = tree[1:]
		switch tag {
		case planarFirst, planarSecond:
			return walk(area/2) + walk(area/2)
		case planarMeets:
			if n := c.Planar.Meets[meets]; n < 0 || n >= len(c.Planar.Minima) {
				t.Fatalf("box %d meets minimiser %d", meets, n)
			}
			meets++
		case planarUnknown:
			unknown++
		default:
			if !strings.ContainsRune("oacslgnjv", rune(tag)) {
				t.Fatalf("tag %q", tag)
			}
		}
		return area
	}
	if area := walk(4); area != 4 || tree != "" || meets != len(c.Planar.Meets) || unknown != l.Left {
		t.Fatalf("the tree covers %v of 4; %q is left, %d of %d meet a minimiser, %d of %d unknown", area, tree, meets, len(c.Planar.Meets), unknown, l.Left)
	}
}

// The minima of one task below its singular set are zeros of F − W*, and so of one
// value, exactly. Spurious ones are on the singular set: at these rates the natural
// rule has some, the others have none.
func TestPlanarOneTask(t *testing.T) {
	for rule, rate := range map[string]float64{"gradient": 0.02, "natural": 0.02, "gauss-newton": 0.1} {
		f, rates := parse(t, strings.Replace(fmt.Sprintf(planarCarts, rule, rate), "\n  - {A: [[1, 0.4], [0, 0.9]], B: [[0.06], [0.3]], Q: [[1, 0], [0, 0.5]], R: 0.5}", "", 1))
		l := provePlanar(t, f, rates, PlanarOptions{})
		want, ε := certificate.Global, interval.Of(0)
		if rule == "natural" {
			want, ε = certificate.NotGlobal, interval.New(0.1023, 0.1024)
		}
		if !l.OneMap || l.Left != 0 || l.Verdict != want || !l.Epsilon.Subset(ε) {
			t.Errorf("%s: one map %v, %d boxes left, %s, ε %v", rule, l.OneMap, l.Left, l.Verdict, l.Epsilon)
		}
		optimal := 0
		for _, m := range l.Minima {
			if m.Optimal {
				optimal++
			}
			if m.Optimal != (m.Value == l.LowerBound) {
				t.Errorf("%s: optimal %v, and a minimum of %v; the optimum's is %v", rule, m.Optimal, m.Value, l.LowerBound)
			}
		}
		if least := map[string]int{"gradient": 7, "natural": 3, "gauss-newton": 1}[rule]; optimal != least {
			t.Errorf("%s: %d preimages of W*, want %d", rule, optimal, least)
		}
	}
}

// The remedy: for two tasks identical up to a factor, the gradient rule has a
// spurious minimum, the Gauss–Newton rule has none.
func TestPlanarFactors(t *testing.T) {
	const twice = `
tasks:
  - {A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]], Q: [[1, 0], [0, 0.5]], R: 0.5}
  - {A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]], Q: [[2, 0], [0, 1]], R: 1}
meta:
  inner: {rule: %s, rate: %g}
`
	f, rates := parse(t, fmt.Sprintf(twice, "gradient", 0.005))
	l := provePlanar(t, f, rates, PlanarOptions{})
	if l.OneMap || l.Left != 0 || l.Verdict != certificate.NotGlobal || !l.Spurious() {
		t.Errorf("gradient: one map %v, %d boxes left, %s, ε %v", l.OneMap, l.Left, l.Verdict, l.Epsilon)
	}
	f, rates = parse(t, fmt.Sprintf(twice, "gauss-newton", 0.1))
	l = provePlanar(t, f, rates, PlanarOptions{})
	if !l.OneMap || l.Left != 0 || l.Verdict != certificate.Global || l.Epsilon != interval.Of(0) {
		t.Errorf("Gauss–Newton: one map %v, %d boxes left, %s, ε %v", l.OneMap, l.Left, l.Verdict, l.Epsilon)
	}
}

// Errors of sign and size are planted in the enclosures. The search does not use
// them, and its minimisers stop the proof.
func TestPlanarAlarm(t *testing.T) {
	for _, plant := range []struct {
		name string
		slip func(t *planarTask)
	}{
		{"the step goes uphill", func(t *planarTask) {
			for i := range t.shift {
				for j := range t.shift[i] {
					t.shift[i][j] = t.shift[i][j].neg()
				}
			}
		}},
		{"q₊ and q₋ change places", func(t *planarTask) {
			g := *t.g
			g.hq[0], g.hq[1] = g.hq[1], g.hq[0]
			t.f, t.g = &g, &g
		}},
		{"e₀ has the other sign", func(t *planarTask) {
			g := *t.g
			g.e0 = g.e0.neg()
			t.f, t.g = &g, &g
		}},
	} {
		f, rates := parse(t, fmt.Sprintf(planarCarts, "gradient", 0.02))
		p, err := NewPlanar(f, rates)
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
			_, err := p.Prove(context.Background(), PlanarOptions{Options: Options{Boxes: 100_000}})
			t.Errorf("%s: a proof, %v", plant.name, err)
		}()
	}
}

func TestPlanarRefuses(t *testing.T) {
	one := func(task, meta string) string {
		return "tasks:\n  - {" + task + "}\nmeta:\n  inner: {" + meta + "}\n"
	}
	const plain = "A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]], Q: [[1, 0], [0, 0.5]], R: 0.5"
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"one state", one("A: 1, B: 1, Q: 1, R: 1", "rate: 0.1"), ErrUnsupported},
		{"two steps", one(plain, "rate: 0.1, steps: 2"), ErrUnsupported},
		{"a known initial state", one(plain+", x0: [1, 2]", "rate: 0.1"), ErrTask},
		{"an uncontrollable mode", one("A: [[0.5, 0], [0, 1.2]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1", "rate: 0.1"), ErrTask},
	} {
		f, rates := parse(t, tt.text)
		if _, err := NewPlanar(f, rates); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	f, rates := parse(t, one(plain, "rate: 0.1"))
	p, err := NewPlanar(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prove(context.Background(), PlanarOptions{Level: 0.1}); !errors.Is(err, ErrLevel) {
		t.Errorf("a level below C*: %v", err)
	}
}

// Two tasks, proved: the target is a minute on two cores.
func BenchmarkPlanar(b *testing.B) {
	for _, rule := range planarRules {
		rates := []float64{0.005, 0.02, 0.1}
		if rule == "gauss-newton" {
			rates = []float64{0.1, 0.4}
		}
		for _, rate := range rates {
			b.Run(fmt.Sprintf("%s/%g", rule, rate), func(b *testing.B) {
				f, rates := parse(b, fmt.Sprintf(planarCarts, rule, rate))
				b.ReportAllocs()
				var boxes int
				for b.Loop() {
					l := provePlanar(b, f, rates, PlanarOptions{})
					if l.Left != 0 {
						b.Fatalf("%d boxes are left", l.Left)
					}
					boxes = l.Boxes
				}
				b.ReportMetric(float64(boxes), "boxes")
			})
		}
	}
}
