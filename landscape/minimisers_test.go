package landscape

import (
	"context"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// The 100 seeds: go test ./landscape -run TestPlantedMinimisers -args -planted 100
var plantedSeeds = flag.Int("planted", 1, "seeds of TestPlantedMinimisers")

// turn is a random orthogonal matrix: a product of plane rotations.
func turn(rng *rand.Rand, n int) matrixeq.Matrix {
	q := matrixeq.Identity(n)
	for i := range n {
		for j := range i {
			sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
			for k := range n {
				x, y := q.Data[k*n+i], q.Data[k*n+j]
				q.Data[k*n+i], q.Data[k*n+j] = cos*x-sin*y, sin*x+cos*y
			}
		}
	}
	return q
}

func times(a, b matrixeq.Matrix) matrixeq.Matrix {
	c := matrixeq.New(a.Rows, b.Cols)
	dense.Mul(c.Data, a.Data, b.Data, a.Rows, a.Cols, b.Cols)
	return c
}

func transposed(a matrixeq.Matrix) matrixeq.Matrix {
	c := matrixeq.New(a.Cols, a.Rows)
	dense.Transpose(c.Data, a.Data, a.Rows, a.Cols)
	return c
}

// Four states and two inputs: two scalar plants that do not interact and two
// states that no input reaches, seen in coordinates that are turned. A preimage of
// W* is then known for each pair of preimages of the scalar plants' w*, which the
// scan below finds from their own formulas: three times three at η = 0.05, as in
// Figure 1. There are more, which this does not know of.
func TestPlantedMinimisers(t *testing.T) {
	const η = 0.05
	var known [2][]float64
	for i, a := range []float64{1, 1.1} {
		// C = (1 + w²)/(1 − (a − w)²), w* from w² + aw − 1... by bisection of C′.
		cost := func(w float64) (c1 float64) {
			u := a - w
			n, d := 1+w*w, 1-u*u
			return (2*w*d - n*2*u) / (d * d)
		}
		root := func(f func(float64) float64, lo, hi float64) float64 {
			rises := f(lo) < 0
			for range 100 {
				mid := (lo + hi) / 2
				if (f(mid) < 0) == rises {
					lo = mid
				} else {
					hi = mid
				}
			}
			return lo
		}
		best := root(cost, a-1+1e-6, a+1-1e-6)
		f := func(w float64) float64 { return w - η*cost(w) - best }
		const n = 20000
		for k := 1; k < n-1; k++ {
			lo, hi := a-1+2*float64(k)/n, a-1+2*float64(k+1)/n
			if f(lo)*f(hi) < 0 {
				known[i] = append(known[i], root(f, lo, hi))
			}
		}
		if len(known[i]) != 3 {
			t.Fatalf("preimages %v", known[i])
		}
	}
	complete := 0
	for seed := range *plantedSeeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		states, inputs := turn(rng, 4), turn(rng, 2)
		a, b := matrixeq.New(4, 4), matrixeq.New(4, 2)
		a.Data[0], a.Data[5], a.Data[10], a.Data[15] = 1, 1.1, 0.5, 0.3
		b.Data[0], b.Data[3] = 1, 1
		task, err := lqr.New(lqr.Spec{
			A: times(times(states, a), transposed(states)), B: times(times(states, b), transposed(inputs)),
			Q: matrixeq.Identity(4), R: matrixeq.Identity(2),
		})
		if err != nil {
			t.Fatal(err)
		}
		m, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: task, Inner: []objective.Rule{maml.Gradient{Objective: task, Rate: η}}}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Search(context.Background(), m, SearchOptions{Seed: uint64(seed)})
		if err != nil {
			t.Fatal(err)
		}
		all := true
		for _, x := range known[0] {
			for _, y := range known[1] {
				w := matrixeq.New(2, 4)
				w.Data[0], w.Data[5] = x, y
				w = times(times(inputs, w), transposed(states))
				found := false
				for _, f := range s.Minima {
					found = found || apart(f.Gain, w.Data) < 1e-6*(1+dense.Norm(w.Data)) && f.Kind == maml.Minimum
				}
				all = all && found
			}
		}
		for _, f := range s.Minima { // each is one: it adapts to the optimum
			at, err := m.Evaluate(f.Gain)
			if err != nil || at.Gap() > 1e-18 && f.Gap > 1e-18 && f.Least <= 0 {
				t.Errorf("seed %d: %+v, %v", seed, f, err)
			}
		}
		if all {
			complete++
		}
	}
	if need := *plantedSeeds * 99 / 100; complete < need || *plantedSeeds == 1 && complete < 1 {
		t.Errorf("all planted minimisers found for %d of %d seeds", complete, *plantedSeeds)
	}
}

// On the paper's families, of scalar gains, the search finds what is proved: all
// minimisers, and no other.
func TestSearchFindsWhatIsProved(t *testing.T) {
	for _, name := range []string{"1", "2", "3a", "3b", "3c", "3d", "2-gauss-newton"} {
		data, err := os.ReadFile("../examples/paper/figure-" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		f, rates := parse(t, string(data))
		p, err := New(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Prove(context.Background(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Search(context.Background(), metaOf(t, f, rates), SearchOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		minima := l.Minima()
		if len(s.Minima) != len(minima) {
			t.Errorf("figure %s: %d minimisers found, %d proved", name, len(s.Minima), len(minima))
		}
		for _, m := range minima {
			found := false
			for _, x := range s.Minima {
				if math.Abs(x.Gain[0]-m.Gain.Mid()) < 1e-7 && x.Kind == maml.Minimum && math.Abs(x.Value-m.Value.Mid()) < 1e-9*x.Value {
					found = true
				}
			}
			if !found {
				t.Errorf("figure %s: %v, proved, was not found", name, m.Gain)
			}
		}
	}
}

const twoCarts = `
tasks:
  - {A: [[1.0, 0.1], [0, 1.0]], B: [[0], [0.1]], Q: [[1, 0], [0, 1]], R: 1, weight: 2}
  - {A: [[1.0, 0.1], [0, 0.9]], B: [[0], [0.08]], Q: [[1, 0], [0, 1]], R: 1}
meta: {inner: {rate: 0.01}}
`

// Ends are minimisers: from a grid of two gains, descent by signs of the gradient
// finds no other, and values nearby are higher.
func TestSearchOfTwoGains(t *testing.T) {
	f, rates := parse(t, twoCarts)
	m := metaOf(t, f, rates)
	var first *Searched
	for _, workers := range []int{1, 3} {
		s, err := Search(context.Background(), m, SearchOptions{Seed: 4, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		}
		if !reflect.DeepEqual(s, first) {
			t.Errorf("%d workers: another result", workers)
		}
	}
	if len(first.Minima) != 5 || first.Unseen != 0 || first.Preimages < 4 {
		t.Fatalf("%+v", first)
	}
	total := first.Lost
	for _, x := range first.Minima {
		total += x.Reached
		if x.Reached != x.Samples+x.Preimages+x.Given {
			t.Errorf("%+v", x)
		}
		for k := range 16 {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / 16)
			at, err := m.Evaluate([]float64{x.Gain[0] + 1e-4*cos, x.Gain[1] + 1e-4*sin})
			if err != nil || !(at.Value() > x.Value) {
				t.Errorf("%v is no minimiser", x.Gain)
			}
		}
	}
	if total != first.Starts {
		t.Errorf("%d ends of %d starts", total, first.Starts)
	}
	// A dense grid: a point lower than its eight neighbours is within a step of a
	// minimiser found, and inside the domain of the grid.
	const n, width, height = 150, 2.5, 3.0
	value := func(i, j int) float64 {
		at, err := m.Evaluate([]float64{width * float64(i) / n, height * float64(j) / n})
		if err != nil {
			return math.Inf(1)
		}
		return at.Value()
	}
	h := make([]float64, n*n)
	for i := range n {
		for j := range n {
			h[i*n+j] = value(i, j)
		}
	}
	for i := 1; i < n-1; i++ {
		for j := 1; j < n-1; j++ {
			low := !math.IsInf(h[i*n+j], 1)
			for di := -1; di <= 1; di++ {
				for dj := -1; dj <= 1; dj++ {
					low = low && (di == 0 && dj == 0 || h[i*n+j] < h[(i+di)*n+j+dj])
				}
			}
			if !low {
				continue
			}
			// Descent from it ends at one of the list.
			s := maml.NewState([]float64{width * float64(i) / n, height * float64(j) / n})
			if _, err := maml.Minimize(context.Background(), m, maml.NewtonCG{}, s, maml.Stop{}, nil); err != nil {
				t.Fatal(err)
			}
			found := false
			for _, x := range first.Minima {
				found = found || apart(x.Gain, s.X) < 1e-6
			}
			if !found {
				t.Errorf("grid: %v was not found by the search", s.X)
			}
		}
	}
}

func TestSearchErrors(t *testing.T) {
	// Two plants with no common stabilising gain.
	f, rates := parse(t, "tasks: [{A: 3, B: 1, Q: 1, R: 1}, {A: -3, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}\n")
	m := metaOf(t, f, rates)
	_, err := Search(context.Background(), m, SearchOptions{})
	var sample *SampleError
	if !errors.Is(err, ErrNoGain) || !errors.As(err, &sample) || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("%v", err)
	}
	f, rates = parse(t, twoCarts)
	m = metaOf(t, f, rates)
	if _, err := Search(context.Background(), m, SearchOptions{Given: [][]float64{{1}}}); !errors.Is(err, maml.ErrDimension) {
		t.Errorf("%v", err)
	}
	cancelled, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Search(cancelled, m, SearchOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// In every coordinate of base p, pᵏ points from a multiple of pᵏ on have one in each
// interval [j/pᵏ, (j + 1)/pᵏ): what a sequence of low discrepancy is.
func TestHalton(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		h := newHalton(6, seed)
		for i, p := range primes[:6] {
			n := p * p
			seen := make([]bool, n)
			for k := range n {
				u := h.point(3*n - 1 + k)[i] // point k has the digits of k + 1
				if !(u > 0 && u < 1) {
					t.Fatalf("%v", u)
				}
				// A scrambled zero digit adds a tail to every point: intervals are
				// told apart within it.
				j := int(u * float64(n))
				if seen[j] {
					t.Errorf("seed %d, base %d: two points in interval %d", seed, p, j)
				}
				seen[j] = true
			}
		}
	}
	if x := normal(0.5); x != 0 {
		t.Errorf("the median is %v", x)
	}
	if x := normal(0.975); math.Abs(x-1.959963984540054) > 1e-12 { // tables
		t.Errorf("%v", x)
	}
}

// All minimisers of a motor are mapped to its optimum, so their gaps are 0: what they
// have in float64 is no excess, however small ε. Those of the cart differ by more than
// 1, and do at any ε; and above the rounding δ ∝ √ε as before.
func TestMatrixRadiusOfRounding(t *testing.T) {
	search := func(text string, ε float64) *MatrixRadius {
		f, rates := parse(t, text)
		mix := func(tasks []family.Task) (*maml.Meta, error) {
			return metaOf(t, &family.Family{Meta: f.Meta, Tasks: tasks}, rates), nil
		}
		r, err := SearchRadius(context.Background(), f.Tasks[0], mix, ε, SearchOptions{Seed: 1}, 20)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const motor = "tasks: [{A: [[0, 1], [0, -2]], B: [[0], [4]], Q: [[10, 0], [0, 0.1]], R: 0.1, sample_time: 0.1}]\nmeta: {inner: {rate: 0.494567}}\n"
	r := search(motor, 1e-300)
	if r.Told() || r.Searched != math.Inf(1) || r.Worst != nil || r.Minima < 2 || !(r.Nominal > 1e-300 && r.Nominal < 1e-26) || !(r.Rounding < 1e-20) {
		t.Errorf("motor, ε = 1e-300: %+v", r)
	}
	some, small := search(motor, 1e-8), search(motor, 1e-16)
	if !small.Told() || small.Worst == nil || some.Worst == nil || math.Abs(some.Searched/small.Searched/1e4-1) > 0.5 {
		t.Errorf("motor: δ = %v for 1e-8, %v for 1e-16", some.Searched, small.Searched)
	}
	if r := search(twoCarts, 1e-300); !r.Told() || r.Searched != 0 || !(r.Nominal > 1) {
		t.Errorf("cart, ε = 1e-300: %+v", r)
	}
}

// Of a task whose nominal minimisers are known, the worst pair is not ε-global by
// a search of its own.
func TestMatrixRadius(t *testing.T) {
	f, rates := parse(t, "tasks: [{A: [[1.1, 0.3], [0, 0.8]], B: [[0.5], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.01}}\n")
	mix := func(tasks []family.Task) (*maml.Meta, error) {
		return metaOf(t, &family.Family{Meta: f.Meta, Tasks: tasks}, rates), nil
	}
	const ε = 0.01
	r, err := SearchRadius(context.Background(), f.Tasks[0], mix, ε, SearchOptions{Seed: 1}, 40)
	if err != nil {
		t.Fatal(err)
	}
	if r.Worst == nil || !(r.Searched > 0 && r.Searched < 1) || !(r.Excess > ε && r.Excess < 1.1*ε) || r.Minima < 2 {
		t.Fatalf("%+v", r)
	}
	for _, x := range r.Worst.Tasks {
		if d := family.Distance(f.Tasks[0].Outer, x.Outer); d > r.Searched*(1+1e-9) {
			t.Errorf("a task at %v, beyond %v", d, r.Searched)
		}
	}
	m, _ := mix(r.Worst.Tasks)
	s, err := Search(context.Background(), m, SearchOptions{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	most := 0.0
	for _, x := range s.Minima {
		most = max(most, x.Gap-s.Minima[0].Gap)
	}
	if most < r.Excess*(1-1e-6) {
		t.Errorf("by its own search the worst pair has %v, not %v", most, r.Excess)
	}
	// MATH.md: excess ∝ δ².
	smaller, err := SearchRadius(context.Background(), f.Tasks[0], mix, ε/100, SearchOptions{Seed: 1}, 40)
	if err != nil || math.Abs(r.Searched/smaller.Searched-10) > 1 {
		t.Errorf("δ = %v for ε, %v for ε/100, %v", r.Searched, smaller.Searched, err)
	}
	// The two carts' first: it has local minima of different values by itself.
	f, rates = parse(t, twoCarts)
	if r, err = SearchRadius(context.Background(), f.Tasks[0], mix, ε, SearchOptions{Seed: 1}, 4); err != nil || r.Searched != 0 || !(r.Excess > 1) || len(r.Worst.Tasks) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
