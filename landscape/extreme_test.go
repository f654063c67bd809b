package landscape

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
)

var extremes = flag.Uint64("extremes", 0, "how many more families TestExtremes tries")

// Numbers as far apart as float64 has them: refused, proved or undecided, and
// neither wrong nor a panic.
func TestExtremes(t *testing.T) {
	n := 150
	if testing.Short() {
		n = 60
	}
	counts := tally{}
	for seed := range uint64(n) + *extremes {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 77))}
		span := []float64{8, 20, 100, 320}[d.IntN(4)]
		any := func() float64 { return math.Pow(10, d.between(-span, span)) }
		y := "tasks:\n"
		for range 1 + d.IntN(3) {
			a := d.between(-2, 2)
			if d.pick(3) {
				a = any()
			}
			y += fmt.Sprintf("  - {A: %g, B: %g, Q: %g, R: %g", a, any(), any(), any())
			if d.pick(3) {
				y += fmt.Sprintf(", Sigma0: %g", any())
			}
			if d.pick(3) {
				y += fmt.Sprintf(", weight: %g", any())
			}
			if d.pick(5) {
				y += fmt.Sprintf(", sample_time: %g", any())
			}
			if d.pick(5) {
				y += fmt.Sprintf(", discount: %g", math.Min(1, any()))
			}
			y += "}\n"
		}
		y += fmt.Sprintf("meta: {normalize: %s, inner: {rule: %v, rate: %g, steps: %d}}\n", []string{"none", "optimal-cost"}[d.IntN(2)], rules[d.IntN(3)], any(), 1+d.IntN(3))
		f, err := family.Parse("extreme", []byte(y))
		if err != nil {
			counts["refused by family"]++
			continue
		}
		rates := ratesOf(f)
		if d.pick(2) && f.Meta.Normalize == family.NormalizeNone {
			rates = d.rates(f, len(rates))
		}
		if _, err := New(f, rates); err != nil {
			if !errors.Is(err, ErrTask) {
				t.Errorf("seed %d: %v\n%s", seed, err, y)
			}
			counts["refused by New"]++
			continue
		}
		x := newTrial(f, rates, seed)
		x.noise = 0x1p-150
		l, err := x.run(Options{Boxes: 3000, Workers: 1}, 50)
		switch {
		case errors.Is(err, ErrEmpty):
			counts["empty"]++
		case err != nil:
			t.Errorf("seed %d: %v\n%s", seed, err, y)
		default:
			counts[string(l.Verdict)]++
			if _, err := certificate.Encode(l.Certificate()); err != nil {
				t.Errorf("seed %d: %v\n%s", seed, err, y)
			}
		}
		// Beyond, 256 bits are not enough to judge.
		if s := x.report(); s != "" && span <= 20 {
			t.Errorf("seed %d: %s", seed, s)
		}
	}
	t.Log(counts)
}
