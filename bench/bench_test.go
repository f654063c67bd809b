package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

// TestMain makes the test program our side, as main does, where it is started as
// that.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == ownArgument {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// BenchmarkOwn times our side of every case alone, for profiles:
//
//	go test ./bench -run '^$' -bench Own/meta -cpuprofile meta.prof
func BenchmarkOwn(b *testing.B) {
	for _, c := range cases() {
		b.Run(c.name, func(b *testing.B) {
			c.fill()
			call, _, err := c.prepare()
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]float64, c.resultLen())
			b.ReportAllocs()
			for b.Loop() {
				if err := call(dst); err != nil {
					b.Fatal(err)
				}
			}
			if r := c.residual(dst); r > 1e-12 {
				b.Fatalf("residual %g", r)
			}
		})
	}
}

// Sums and products of two dd are compared with exact rationals. The bound is
// 16·2⁻¹⁰⁶, a few roundings of the low word, relative to |x|+|y| for a sum and
// to |xy| for a product.
func TestDoubleDoubleAgainstRationals(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	exact := func(x dd) *big.Rat {
		return new(big.Rat).Add(new(big.Rat).SetFloat64(x.hi), new(big.Rat).SetFloat64(x.lo))
	}
	random := func() dd {
		hi := rng.NormFloat64()
		return dd{hi, hi * 0x1p-54 * (2*rng.Float64() - 1)}
	}
	for range 1000 {
		x, y := random(), random()
		for _, tt := range []struct {
			name  string
			got   dd
			want  *big.Rat
			scale float64
		}{
			{"sum", x.add(y), new(big.Rat).Add(exact(x), exact(y)), math.Abs(x.hi) + math.Abs(y.hi)},
			{"product", x.times(y), new(big.Rat).Mul(exact(x), exact(y)), math.Abs(x.hi * y.hi)},
		} {
			e, _ := tt.want.Sub(tt.want, exact(tt.got)).Float64()
			if math.Abs(e) > 16*0x1p-106*tt.scale {
				t.Fatalf("%s of %v and %v is off by %g", tt.name, x, y, e)
			}
		}
	}
}

// The scalar equations have rational residuals. Stein, A = 1/2, M = 1:
// X − X/4 − 1. Riccati, A = B = Q = R = 1: P − 1 − P/(1 + P). Both are zero at
// no float64 near the root, so what is measured is a rounding error itself;
// 1e-25 absolute is far below it and far above that of the measurement.
func TestResidualAgainstRationals(t *testing.T) {
	rat := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	one := rat(1)
	for _, tt := range []struct {
		c    problem
		x    float64
		want func(x *big.Rat) *big.Rat
	}{
		{
			problem{kind: stein, n: 1, a: []float64{0.5}, m: []float64{1}}, 4. / 3,
			func(x *big.Rat) *big.Rat {
				y := new(big.Rat).Mul(x, big.NewRat(3, 4))
				return y.Sub(y, one)
			},
		},
		{
			problem{kind: riccati, n: 1, r: 1, a: []float64{1}, b: []float64{1}, q: []float64{1}, rr: []float64{1}},
			math.Phi,
			func(p *big.Rat) *big.Rat {
				y := new(big.Rat).Quo(p, new(big.Rat).Add(one, p))
				return y.Sub(new(big.Rat).Sub(p, one), y)
			},
		},
	} {
		for _, x := range []float64{tt.x, tt.x * (1 + 0x1p-40), 2} {
			want, _ := tt.want(rat(x)).Float64()
			want = math.Abs(want) / x
			if got := tt.c.residual([]float64{x}); math.Abs(got-want) > 1e-25 || got == 0 {
				t.Errorf("%s at %v: residual %g, want %g", tt.c.kind, x, got, want)
			}
		}
	}
}

// A wrong entry of 1e-13, relative, in a result of either equation is seen.
func TestResidualSeesPlantedError(t *testing.T) {
	for _, c := range cases() {
		if c.kind == meta || c.n > 20 {
			continue
		}
		c.fill()
		x := solve(t, c)
		clean := c.residual(x)
		x[1] += 1e-13 * norm(double(x, c.n, c.n))
		if planted := c.residual(x); planted < 1e-14 || planted < 10*clean {
			t.Errorf("%s: residual %g with the error, %g without", c.name, planted, clean)
		}
	}
}

func TestCasesAreTheSameEachTimeAndAsDescribed(t *testing.T) {
	first, second := cases(), cases()
	names := map[string]bool{}
	for i, c := range first {
		if names[c.name] {
			t.Errorf("two cases are called %s", c.name)
		}
		names[c.name] = true
		if c.n > 20 {
			continue
		}
		c.fill()
		second[i].fill()
		if !slices.Equal(c.a, second[i].a) || !slices.Equal(c.b, second[i].b) || !slices.Equal(c.w, second[i].w) {
			t.Errorf("%s: drawn differently the second time", c.name)
		}
		var eigen mat.Eigen
		eigen.Factorize(mat.NewDense(c.n, c.n, slices.Clone(c.a[:c.n*c.n])), mat.EigenNone)
		radius := 0.0
		for _, z := range eigen.Values(nil) {
			radius = max(radius, math.Hypot(real(z), imag(z)))
		}
		want := 1.1
		if strings.HasSuffix(c.name, "radius0.9") {
			want = 0.9
		}
		if math.Abs(radius-want) > 1e-12 { // the eigenvalues' rounding
			t.Errorf("%s: spectral radius %v, want %v", c.name, radius, want)
		}
	}
	for _, target := range targets {
		if !slices.ContainsFunc(first, func(c problem) bool { return c.kind == target.kind && c.n == target.n }) {
			t.Errorf("no case for the target %v", target)
		}
	}
}

// The meta-gradient that is timed, against central differences of the
// meta-objective: step 1e-5 leaves about 1e-10 of truncation and 1e-11 of
// rounding, relative.
func TestMetaGradientAgainstDifferences(t *testing.T) {
	for _, c := range cases() {
		if c.kind != meta || c.n > 20 { // entry by entry
			continue
		}
		c.fill()
		gradient := solve(t, c)[1:]
		w := slices.Clone(c.w)
		for i := range w {
			const step = 1e-5
			c.w = slices.Clone(w)
			c.w[i] = w[i] + step
			up := solve(t, c)[0]
			c.w[i] = w[i] - step
			down := solve(t, c)[0]
			if want := (up - down) / (2 * step); math.Abs(gradient[i]-want) > 1e-8*(1+math.Abs(want)) {
				t.Errorf("%s: entry %d of the gradient is %v, differences say %v", c.name, i, gradient[i], want)
			}
		}
	}
}

// Our side, spoken to as the harness speaks to it, answers with the stabilising
// root that value iteration converges to.
func TestConversation(t *testing.T) {
	c := problem{kind: riccati, n: 4, r: 2, tasks: 1}
	c.draw(1.1)
	dir := t.TempDir()
	if err := c.write(dir); err != nil {
		t.Fatal(err)
	}
	result := filepath.Join(dir, "result")
	var out bytes.Buffer
	orders := fmt.Sprintf("load\t%s\t%s\t4\t2\t1\t%s\n\ntime\t0.001\n\n", c.kind, dir, result)
	if err := serve(strings.NewReader(orders), &out); err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(answers) != 3 || !strings.HasPrefix(answers[0], "ready metalqr") ||
		!strings.HasPrefix(answers[1], "loaded\t") || !strings.HasPrefix(answers[2], "timed\t") {
		t.Fatalf("answers %q", answers)
	}
	p, err := readFloats(result, c.resultLen())
	if err != nil {
		t.Fatal(err)
	}
	k := gain(mat.NewDense(4, 4, c.a), mat.NewDense(4, 2, c.b), mat.NewDense(2, 2, c.rr), mat.NewDense(4, 4, p))
	if d := distance(valueIteration(c), k.RawMatrix().Data); !(d < 1e-12) {
		t.Errorf("the gain is %g from value iteration's", d)
	}
	if err := serve(strings.NewReader("sing\n"), &out); err == nil {
		t.Error("an unknown order is accepted")
	}
}

// A side that answers zeros is refused and not timed, and one that dies is quoted;
// either way the others are measured.
func TestMeasureRefusesWrongAndDeadSides(t *testing.T) {
	c := problem{name: "case", kind: stein, n: 2, tasks: 1}
	c.draw(0.9)
	play := func(script string) *side {
		return &side{name: "player", kinds: []string{stein}, threads: 1, argv: []string{"sh", "-c", script}}
	}
	const right = `echo ready; IFS=$(printf '\t') read w k d n r t out; cp "$d/m.f64" "$out"; printf 'loaded\tI\n'; while read w t; do [ "$w" != time ] || printf 'timed\t1\t0.5\n'; done`
	for _, tt := range []struct {
		name, second, absent string
		refused              bool
	}{
		{name: "zeros", absent: "its result is 1 from ours, relative: more than 1e-08", refused: true,
			second: `echo ready; IFS=$(printf '\t') read w k d n r t out; head -c 32 /dev/zero >"$out"; echo loaded; cat >/dev/null`},
		{name: "short result", absent: "want 4 numbers",
			second: `echo ready; IFS=$(printf '\t') read w k d n r t out; head -c 24 /dev/zero >"$out"; echo loaded; cat >/dev/null`},
		{name: "death", second: `echo ready; read l; echo the reason >&2; exit 3`, absent: "ended: the reason"},
		{name: "another language", second: `echo moin; cat >/dev/null`, absent: `began with "moin"`},
	} {
		sides := []*side{play(right), play(tt.second), {name: "stranger", kinds: []string{stein}, missing: "not installed"}}
		s := session{rounds: 1, work: t.TempDir()}
		r, err := s.measure(c, sides)
		for _, s := range sides {
			s.close()
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := r.entries[1].absent; !strings.Contains(got, tt.absent) {
			t.Errorf("%s: the row says %q, want %q", tt.name, got, tt.absent)
		}
		if got := r.entries[1]; got.refused != tt.refused || len(got.seconds) != 0 {
			t.Errorf("%s: refused %v, timed %d times", tt.name, got.refused, len(got.seconds))
		}
		if got := r.entries[2].absent; got != "not installed" {
			t.Errorf("%s: of a side that is not there the row says %q", tt.name, got)
		}
	}
	if _, err := (&session{work: t.TempDir()}).measure(c, []*side{play(`echo ready; exit 1`)}); err == nil {
		t.Error("our own death is no error")
	}
}

// A side that says nothing is given up, and one that ended is started again.
func TestSilence(t *testing.T) {
	s := &side{name: "player", threads: 1, argv: []string{"sh", "-c", "echo ready; while read l; do :; done"}}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	_, err := s.ask(50*time.Millisecond, "loaded", "load")
	var silent *silentError
	if !errors.As(err, &silent) || !strings.Contains(silent.brief(), "no answer in 50ms") {
		t.Fatalf("error %v", err)
	}
	if peak, ok := s.peak(); ok {
		t.Errorf("a process that has ended has %d bytes", peak)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	s.close()
}

func TestReport(t *testing.T) {
	c := problem{name: "case", kind: riccati, n: 4}
	rows := []row{{c: c, entries: []*entry{
		{side: ours, seconds: []float64{1e-5, 3e-5, 2e-5}, residual: 1e-15},
		{side: octaveName, seconds: []float64{1e-4, 2e-3, 2e-4}, residual: 2e-16, distance: 1e-15},
		nil,
		{side: scipyName, seconds: []float64{2e-4, 2e-4, 2e-4}, residual: 2e-15},
	}}}
	rows = append(rows, row{c: problem{name: headline, kind: fleetGradient, n: 4}, entries: []*entry{
		{side: ours, seconds: []float64{1, 1, 2}, residual: math.NaN()},
		{side: jaxName, seconds: []float64{40, 40, 62}, residual: math.NaN()},
		{side: torchName, absent: "not installed"},
		{side: torchName + tasksLast, absent: "1e-3 from ours", refused: true},
	}})
	text := render(nil, rows, nil, about{session: new(session), versions: []string{"x 1", "y 2", "x 1"}})
	for _, want := range []string{
		"8: met", "20: MISSED", "Targets met: 2 of 4.", "100 %", "20 µs", "- x 1\n- y 2\n",
		"30: met", "100: not measured", "not measured: fleet-headline against PyTorch: not installed",
		"missed: case against SciPy: 10, target 20",
		"results that disagree: fleet-headline: PyTorch, tasks last: 1e-3 from ours",
		"residual above a peer's: case against Octave: 1.0e-15, theirs 2.0e-16",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func solve(t *testing.T, c problem) []float64 {
	t.Helper()
	call, _, err := c.prepare()
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float64, c.resultLen())
	if err := call(x); err != nil {
		t.Fatal(err)
	}
	return x
}

// The whole harness without peers: every kind of case and study but the share of
// the peak, which is a benchmark, and no file written.
func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	s := session{rounds: 9, turn: time.Second, longest: time.Second, dir: dir, smoke: true}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if err := s.run("^(fleet-.*(headline|optima|-d[48]-)|study|meta-d4)"); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("a smoke test wrote %v", files)
	}
}

// What our side computes of a fleet, against maml.Meta over the same tasks, which
// package fleet shares no kernels with: the two agree to rounding, 1e-11 with
// room for the conditioning of a Stein equation.
func TestFleetAgainstMeta(t *testing.T) {
	for _, n := range []int{1, 4} {
		c := problem{kind: fleetGradient, n: n, r: inputs(n), tasks: 30}
		if err := c.drawFleet(1); err != nil {
			t.Fatal(err)
		}
		plain := c
		plain.kind = meta
		call, _, err := plain.prepare()
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, 1+c.r*c.n)
		if err := call(want); err != nil {
			t.Fatal(err)
		}
		got := run(t, c, fleetGradient)
		if d := distance(want, got); !(d < 1e-11) {
			t.Errorf("d = %d: value and gradient %g from maml.Meta's", n, d)
		}
		if v := run(t, c, fleetValue)[0]; v != got[0] {
			t.Errorf("d = %d: value %v alone, %v with the gradient", n, v, got[0])
		}
		// The product against central differences of the gradient; the first
		// kept iterate against twenty steps made here.
		product := run(t, c, fleetProduct)
		const step = 1e-6
		up, down := c, c
		up.w, down.w = slices.Clone(c.w), slices.Clone(c.w)
		for i, v := range c.v {
			up.w[i] += step * v
			down.w[i] -= step * v
		}
		g, back := run(t, up, fleetGradient)[1:], run(t, down, fleetGradient)[1:]
		for i := range g {
			g[i] = (g[i] - back[i]) / (2 * step)
		}
		if d := distance(g, product); !(d < 1e-6) { // truncation and rounding of the difference
			t.Errorf("d = %d: product %g from differences", n, d)
		}
		x := c
		x.w = slices.Clone(c.w)
		for range keptEvery {
			for i, v := range run(t, x, fleetGradient)[1:] {
				x.w[i] -= c.step * v
			}
		}
		if kept := run(t, c, fleetTrain)[:len(x.w)]; !slices.Equal(kept, x.w) {
			t.Errorf("d = %d: after %d steps %v, want %v", n, keptEvery, kept, x.w)
		}
		w := run(t, c, fleetOptima)[:len(c.w)] // W is 0.95 of the first
		for i := range w {
			w[i] *= 0.95
		}
		if d := distance(c.w, w); !(d < 1e-11) {
			t.Errorf("d = %d: the optimum is %g from value iteration's", n, d)
		}
	}
}

func run(t *testing.T, c problem, kind string) []float64 {
	t.Helper()
	c.kind = kind
	call, _, err := c.prepareFleet("")
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float64, c.resultLen())
	if err := call(x); err != nil {
		t.Fatal(err)
	}
	return x
}

// A stream of an archive has the bits of the same tasks held.
func TestStreamOfArchive(t *testing.T) {
	c := problem{kind: fleetGradient, n: 4, r: 2, tasks: 1000}
	if err := c.drawFleet(1); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.writeArchive(filepath.Join(dir, archiveName), c.tasks); err != nil {
		t.Fatal(err)
	}
	want := run(t, c, fleetGradient)
	c.kind = fleetStream
	call, _, err := c.prepareFleet(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, c.resultLen())
	if err := call(got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("streamed %v, held %v", got, want)
	}
}

// Trained as a fleet and by the plain route, 200 tasks have the same gain; a fleet of
// other rates has another, which the comparison would see.
func TestTrainedApart(t *testing.T) {
	c := problem{kind: fleetConverge, n: 4, r: 2, tasks: 200}
	apart, err := c.trainedApart()
	if err != nil || !(apart <= sameGain) {
		t.Fatalf("gains %g apart, error %v", apart, err)
	}
	if err := c.drawFleet(1); err != nil {
		t.Fatal(err)
	}
	right := run(t, c, fleetConverge)[2:]
	c.rates[0] *= 1 + 1e-6
	if d := distance(right, run(t, c, fleetConverge)[2:]); d <= sameGain {
		t.Errorf("rates 1e-6 apart give gains %g apart: the comparison sees nothing", d)
	}
}

// What was expected to take 40 s took 15 s: with the ten seconds before, half as
// long, and so does the rest.
func TestProgress(t *testing.T) {
	var p progress
	for _, seconds := range []float64{10, 30, 40} {
		p.plan(seconds)
	}
	if got := p.left(); got != 80*time.Second {
		t.Errorf("before anything is done %v are left, want 80s", got)
	}
	p.done, p.expected, p.took = 2, 40, 15
	if got := p.left(); got != 20*time.Second {
		t.Errorf("%v are left, want 20s", got)
	}
}

// A fleet that is put again, for another kind, is the same; of another size it is
// drawn.
func TestPutReusesTheFleet(t *testing.T) {
	s := session{work: t.TempDir()}
	var first []float64
	for i, tasks := range []int{20, 20, 30} {
		c := problem{name: "x", kind: []string{fleetValue, fleetGradient, fleetGradient}[i], n: 2, r: 1, tasks: tasks}
		dir, err := s.put(&c, 1)
		if err != nil {
			t.Fatal(err)
		}
		back := problem{kind: c.kind, n: 2, r: 1, tasks: tasks}
		if err := back.read(dir); err != nil {
			t.Fatal(err)
		}
		want := problem{kind: c.kind, n: 2, r: 1, tasks: tasks}
		if err := want.drawFleet(1); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.a, want.a) || !slices.Equal(c.w, want.w) || c.step != want.step || !slices.Equal(c.rates, want.rates) {
			t.Errorf("case %d is not what drawing gives", i)
		}
		if i == 1 && !slices.Equal(back.a, first) {
			t.Error("the fleet was changed")
		}
		first = back.a
	}
}

// What is too long or too large is said, with the number it was foretold by.
func TestForetold(t *testing.T) {
	s := session{longest: 3 * time.Second, known: map[string]float64{
		key(jaxName, fleetGradient, 4, 10_000): 0.02,
	}}
	for _, tt := range []struct {
		kind  string
		tasks int
		want  string
	}{
		{fleetGradient, 1_000_000, ""}, // 2 s
		{fleetTrain, 10_000, "not run: some 4 s a call, since a gradient takes 20 ms"},
		{fleetTrain, 1_000_000, "not run: some 400 s a call, since a gradient would take 2 s"},
		{fleetProduct, 10_000, ""}, // not known
	} {
		if got := s.tooLong(jaxName, problem{kind: tt.kind, n: 4, tasks: tt.tasks}); got != tt.want {
			t.Errorf("%s of %d tasks: %q, want %q", tt.kind, tt.tasks, got, tt.want)
		}
	}
	if _, ok := memoryAvailable(); ok {
		if got := tooLarge(problem{kind: fleetValue, n: 32, r: 16, tasks: 1 << 40}, 1); !strings.HasPrefix(got, "not run: 1 sides would need") {
			t.Errorf("10¹² tasks: %q", got)
		}
	}
}

// The peak of this processor is at least that of one multiply-add a nanosecond.
func TestMultiplyAdds(t *testing.T) {
	if rate, ok := multiplyAdds(); ok && !(rate > 2e9 && rate < 1e12) {
		t.Errorf("%g operations a second", rate)
	}
}
