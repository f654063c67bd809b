package main

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// BenchmarkOwn times our side of every case alone, for profiles:
//
//	go test ./bench -run '^$' -bench Own/meta -cpuprofile meta.prof
func BenchmarkOwn(b *testing.B) {
	for _, c := range cases() {
		b.Run(c.name, func(b *testing.B) {
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
		if !slices.Equal(c.a, second[i].a) || !slices.Equal(c.b, second[i].b) || !slices.Equal(c.w, second[i].w) {
			t.Errorf("%s: drawn differently the second time", c.name)
		}
		if c.n > 20 {
			continue
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
		if c.kind != meta {
			continue
		}
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

// A side that answers zeros is refused before anything is timed, and one that
// dies is quoted.
func TestMeasureRefusesWrongAndDeadSides(t *testing.T) {
	c := problem{name: "case", kind: stein, n: 2, tasks: 1}
	c.draw(0.9)
	play := func(script string) *side {
		s, err := launch("player", []string{stein}, []string{"sh", "-c", script})
		if err != nil {
			t.Skip("no shell to play a side:", err)
		}
		return s
	}
	const right = `echo ready; IFS=$(printf '\t') read w k d n r t out; cp "$d/m.f64" "$out"; printf 'loaded\tI\n'; cat >/dev/null`
	for _, tt := range []struct{ name, second, want string }{
		{"zeros", `echo ready; IFS=$(printf '\t') read w k d n r t out; head -c 32 /dev/zero >"$out"; echo loaded; cat >/dev/null`, "more than 1e-08"},
		{"short result", `echo ready; IFS=$(printf '\t') read w k d n r t out; head -c 24 /dev/zero >"$out"; echo loaded; cat >/dev/null`, "want 4 numbers"},
		{"death", `echo ready; read l; echo the reason >&2; exit 3`, "the reason"},
	} {
		sides := []*side{play(right), play(tt.second)}
		_, err := measure(c, sides, t.TempDir(), 1, 0)
		for _, s := range sides {
			s.close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestReport(t *testing.T) {
	c := problem{name: "case", kind: riccati, n: 4}
	rows := []row{{c: c, entries: []*entry{
		{side: ours, seconds: []float64{1e-5, 3e-5, 2e-5}, residual: 1e-15},
		{side: octaveName, seconds: []float64{1e-4, 2e-3, 2e-4}, residual: 2e-16, distance: 1e-15},
		nil,
		{side: scipyName, seconds: []float64{2e-4, 2e-4, 2e-4}, residual: 2e-15},
	}}}
	text := render(rows, about{versions: []string{"x 1", "x 1", "y 2"}})
	for _, want := range []string{
		"8: met", "20: MISSED", "Targets met: 1 of 2.", "100 %", "20 µs", "- x 1\n- y 2\n",
		"missed: case against SciPy: 10, target 20",
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
