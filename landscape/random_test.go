package landscape

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/family"
)

// For hours: go test ./landscape -run TestNoWrongProof -timeout 0 -args -soak 2h
// One family again: -soak 1ns -soak-seed N.
var (
	soak     = flag.Duration("soak", 0, "how long TestNoWrongProof tries random families")
	soakSeed = flag.Uint64("soak-seed", 1, "the first family that TestNoWrongProof tries")
)

// A draw writes random families, one task after another.
type draw struct {
	*rand.Rand
	kind string
}

func (d draw) pick(n int) bool              { return d.IntN(n) == 0 }
func (d draw) between(x, y float64) float64 { return x + d.Float64()*(y-x) }

// log is log-uniform.
func (d draw) log(x, y float64) float64 { return math.Exp(d.between(math.Log(x), math.Log(y))) }

// round keeps few digits of some numbers, so that coincidences occur.
func (d draw) round(x float64) float64 {
	if d.pick(2) {
		return x
	}
	var y float64
	fmt.Sscanf(fmt.Sprintf("%.2g", x), "%g", &y)
	return y
}

type plantDraw struct{ a, b, q, r, n float64 }

func (d draw) plant() plantDraw {
	var p plantDraw
	switch d.IntN(8) {
	case 0:
		p.a = []float64{1, -1, 0, 2, 0.5}[d.IntN(5)]
	case 1:
		p.a = 1 + math.Copysign(d.log(1e-9, 1e-1), d.Float64()-0.5)
	case 2:
		p.a = d.log(2, 60)
	default:
		p.a = d.round(d.between(-2, 2))
	}
	p.b = 1
	switch d.IntN(6) {
	case 0:
		p.b = d.log(1e-3, 1e3)
	case 1, 2:
		p.b = d.round(d.log(0.2, 5))
	}
	if d.pick(3) {
		p.b = -p.b
	}
	if d.pick(40) {
		p.b, p.a = 0, d.between(-0.99, 0.99)
	}
	p.q, p.r = d.round(d.log(1e-2, 1e2)), d.round(d.log(1e-2, 1e2))
	switch d.IntN(12) {
	case 0:
		p.q, p.r = 1, 1
	case 1:
		p.q = d.log(1e-9, 1e-2)
	case 2:
		if math.Abs(p.a) != 1 {
			p.q = 0
		}
	case 3, 4:
		s := []float64{1e4, 1e-3}[d.IntN(2)]
		p.q, p.r = p.q*s, p.r*s
	}
	if d.pick(5) {
		p.n = d.round(d.between(-0.95, 0.95)) * math.Sqrt(p.q*p.r)
	}
	return p
}

// relative is a task of the same family.
func (d draw) relative(p plantDraw) plantDraw {
	shift := func(x *float64, by float64) { *x += by * d.NormFloat64() }
	switch d.kind {
	case "twins":
		δ := d.log(1e-12, 1e-2)
		shift(&p.a, δ)
		shift(&p.q, δ*p.q)
		shift(&p.r, δ*p.r)
		if d.pick(2) {
			shift(&p.b, δ*p.b)
		}
	case "signs":
		if d.pick(2) {
			p.b, p.n = -p.b, -p.n
		}
	case "factors":
		c := d.log(1e-2, 1e2)
		if d.pick(2) {
			c = math.Exp2(float64(d.IntN(9) - 4))
		}
		p.q, p.r, p.n = c*p.q, c*p.r, c*p.n
	case "same plant":
		q := d.plant()
		p.q, p.r, p.n = q.q, q.r, q.n
		if math.Abs(p.a) == 1 && p.q == 0 {
			p.q = 1
		}
	case "near":
		p.a += 0.15 * d.NormFloat64()
		p.b *= math.Exp(0.15 * d.NormFloat64())
		p.q *= math.Exp(d.NormFloat64())
		p.r *= math.Exp(d.NormFloat64())
		p.n = 0
	default:
		return d.plant()
	}
	return p
}

// family writes a family, its rates measured by what the rule does at the
// optima.
func (d draw) family() (f *family.Family, rates []float64, err error) {
	kinds := []string{"twins", "signs", "factors", "same plant", "near", "near", "others"}
	d.kind = kinds[d.IntN(len(kinds))]
	count := []int{1, 1, 2, 2, 2, 3, 4, 6}[d.IntN(8)]
	if d.pick(60) {
		count, d.kind = 12+d.IntN(30), kinds[d.IntN(6)]
	}
	var b strings.Builder
	number := func(key string, x float64) { fmt.Fprintf(&b, ", %s: %g", key, x) }
	base := d.plant()
	discount, average, sampled, noise := 1.0, false, 0.0, false
	switch d.IntN(10) {
	case 0, 1:
		discount = d.round(d.between(0.3, 0.999))
		noise = d.pick(2)
	case 2:
		average, noise = true, true
	}
	if d.pick(12) {
		sampled = d.log(1e-3, 2)
		base.a = d.between(-3, 2)
	}
	seenAs := d.pick(6)
	fmt.Fprintln(&b, "tasks:")
	for i := range count {
		p := base
		if i > 0 {
			p = d.relative(base)
		}
		fmt.Fprintf(&b, "  - {A: %g", p.a)
		number("B", p.b)
		number("Q", p.q)
		number("R", p.r)
		if p.n != 0 {
			number("N", p.n)
		}
		if d.pick(4) {
			number("weight", d.log(1e-3, 1e3))
		}
		if discount != 1 {
			number("discount", discount)
		}
		if sampled != 0 {
			number("sample_time", sampled)
		}
		if noise {
			number("noise", d.log(1e-3, 1e2))
		}
		switch {
		case average:
			fmt.Fprint(&b, ", average_cost: true")
		case d.pick(6):
			fmt.Fprintf(&b, ", x0: [%g]", d.between(0.1, 3))
		case d.pick(6):
			number("Sigma0", d.log(1e-2, 1e2))
		}
		if seenAs && d.pick(2) || seenAs && i == 0 {
			fmt.Fprint(&b, ", inner: {")
			var in []string
			for _, k := range []struct {
				key string
				x   float64
			}{{"A", p.a + 0.2*d.NormFloat64()}, {"B", p.b * math.Exp(0.4*d.NormFloat64())}, {"Q", p.q * d.log(0.1, 10)}, {"R", p.r * d.log(0.1, 10)}} {
				if d.pick(2) {
					in = append(in, fmt.Sprintf("%s: %g", k.key, k.x))
				}
			}
			fmt.Fprint(&b, strings.Join(in, ", "), "}")
		}
		fmt.Fprintln(&b, "}")
	}
	rule := []string{"gradient", "natural", "gauss-newton"}[d.IntN(3)]
	steps := []int{1, 1, 1, 2, 2, 3}[d.IntN(6)]
	fmt.Fprintf(&b, "meta: {inner: {rule: %s, rate: 1, steps: 1}", rule)
	if d.pick(6) && !strings.Contains(b.String(), "Q: 0,") {
		fmt.Fprint(&b, ", normalize: optimal-cost")
	}
	fmt.Fprintln(&b, "}")
	if f, err = family.Parse("random", []byte(b.String())); err != nil {
		return nil, nil, err
	}
	return f, d.rates(f, steps), nil
}

// rates are such that something happens: from a thousandth of what is singular
// at the steepest optimum.
func (d draw) rates(f *family.Family, steps int) []float64 {
	steepest := 0.0
	o := newOracle(f, []float64{1})
	for _, g := range floats(o).g {
		at, ok := g.at(g.optimum())
		if !ok {
			continue
		}
		_, j := g.step(f.Meta.Inner.Rule, 1, g.optimum(), &at)
		steepest = max(steepest, math.Abs(1-float64(j)))
	}
	if !(steepest > 1e-200 && steepest < 1e200) {
		steepest = 1
	}
	one := func() float64 {
		if f.Meta.Inner.Rule == family.RuleGaussNewton {
			switch d.IntN(6) {
			case 0:
				return 0.5
			case 1:
				return 0.5 + math.Copysign(d.log(1e-12, 1e-2), d.Float64()-0.5)
			case 2:
				return d.round(d.between(0, 1.3))
			}
			return d.round(d.log(1e-3, 1))
		}
		if d.pick(30) {
			return 0
		}
		return d.round(d.log(1e-3, 1.5)) / steepest
	}
	rates := make([]float64, steps)
	η := one()
	for k := range rates {
		if rates[k] = η; d.pick(4) {
			rates[k] = one()
		}
	}
	return rates
}

// A tally counts outcomes.
type tally map[string]int

func (c tally) String() string {
	var keys []string
	for k := range c {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "\n  %-60s %d", k, c[k])
	}
	return b.String()
}

// checked has package check verify a certificate. Its refusal of a true one is
// a weakness of the one or the other, and no wrong proof.
func checked(t *testing.T, seed uint64, x *trial, l *Landscape, counts tally, key string) {
	data, err := certificate.Encode(l.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	var r *check.Report
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("seed %d: check panics: %v\n%s%s", seed, p, x, l.dump())
				err = check.ErrUnsupported
			}
		}()
		r, err = check.Check(data)
	}()
	switch {
	case errors.Is(err, check.ErrUnsupported):
		counts["check: unsupported"]++
	case err != nil:
		t.Errorf("seed %d: %v", seed, err)
	case !r.Valid:
		if counts["check: refused"]++; counts["check: refused"] <= 20 {
			t.Logf("seed %d: check refuses: %s\n%s%s", seed, r.Reason, x, l.dump())
		}
	default:
		counts["check: verified"]++
	}
}

// TestNoWrongProof proves random families and searches each for a contradiction.
func TestNoWrongProof(t *testing.T) {
	limit := 4 * time.Second
	if testing.Short() {
		limit = 1000 * time.Millisecond
	}
	if *soak > 0 {
		limit = *soak
	}
	counts := tally{}
	begun, told, tried := time.Now(), time.Now(), 0
	slowest, slowestSeed := time.Duration(0), uint64(0)
	for seed := *soakSeed; seed == *soakSeed || time.Since(begun) < limit; seed++ {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 1))}
		f, rates, err := d.family()
		if err != nil {
			counts["refused by family"]++
			continue
		}
		x := newTrial(f, rates, seed)
		before := time.Now()
		l, err := x.run(Options{Boxes: 100_000, Workers: 1}, 300)
		if took := time.Since(before); took > slowest {
			slowest, slowestSeed = took, seed
		}
		tried++
		key := fmt.Sprintf("%s K=%d: ", f.Meta.Inner.Rule, len(rates))
		switch {
		case errors.Is(err, ErrTask):
			counts["refused by New"]++
			if *soak > 0 {
				counts["refused by New: "+err.Error()[:min(len(err.Error()), 120)]]++
			}
		case errors.Is(err, ErrEmpty):
			counts[key+"empty"]++
		case err != nil:
			t.Fatalf("seed %d: %v\n%s", seed, err, x)
		default:
			counts[key+string(l.Verdict)]++
			if len(l.Unresolved) > 0 && l.Verdict != certificate.Undecided {
				counts[key+string(l.Verdict)+" with unresolved boxes"]++
			}
			if *soak > 0 {
				checked(t, seed, x, l, counts, key)
			}
			if os.Getenv("LANDSCAPE_UNDECIDED") != "" && l.Verdict == certificate.Undecided {
				t.Logf("undecided, seed %d (%s):\n%s%s", seed, d.kind, x, l.dump())
			}
		}
		if s := x.report(); s != "" {
			t.Errorf("seed %d: %s", seed, s)
			if counts["wrong"]++; counts["wrong"] == 10 {
				t.FailNow()
			}
		}
		if *soak > 0 && time.Since(told) > time.Minute {
			told = time.Now()
			t.Logf("%v: %d families, next seed %d", time.Since(begun).Round(time.Second), tried, seed+1)
		}
	}
	if tried < 20 && !testing.Short() && *soak == 0 {
		t.Errorf("only %d families tried", tried)
	}
	t.Logf("%d families; the slowest took %v (seed %d)%s", tried, slowest, slowestSeed, counts)
}
