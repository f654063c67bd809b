package landscape

import (
	"context"
	"fmt"
	"testing"

	"github.com/metalqr/metalqr/certificate"
)

// BenchmarkProve measures whole proofs, New included; the verdict, the number
// of minima and ε are checked each time.
func BenchmarkProve(b *testing.B) {
	for _, bb := range []struct {
		name, yaml string
		minima     int
		ε          float64 // to three digits; 0 exactly
	}{
		{"figure-1", tasks("rate: 0.05", [4]float64{1, 1, 1, 1}), 3, 0},
		{"tasks-11", mixed(11, "rate: 0.01"), 3, 1.265},
		{"tasks-50", mixed(50, "rate: 0.01"), 3, 1.138},
		{"tasks-200", mixed(200, "rate: 0.01"), 3, 1.104},
		{"tasks-11/K-3", mixed(11, "rate: 0.003, steps: 3"), 0, -1},
		{"tasks-200/K-3", mixed(200, "rate: 0.003, steps: 3"), 0, -1},
		{"tasks-200/natural", mixed(200, "rate: 0.02, rule: natural"), 0, -1},
		{"tasks-200/gauss-newton", mixed(200, "rate: 0.25, rule: gauss-newton"), 1, 0},
	} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers-%d", bb.name, workers), func(b *testing.B) {
				f, rates := parse(b, bb.yaml)
				b.ReportAllocs()
				boxes := 0
				for b.Loop() {
					p, err := New(f, rates)
					if err != nil {
						b.Fatal(err)
					}
					l, err := p.Prove(context.Background(), Options{Workers: workers})
					if err != nil {
						b.Fatal(err)
					}
					boxes = l.Boxes
					if l.Verdict == certificate.Undecided || len(l.Unresolved) > 0 || bb.ε >= 0 && (len(l.Minima()) != bb.minima || !rounds(l.Epsilon, bb.ε, 1e-3)) {
						b.Fatalf("%d minima, want %d, ε %v\n%s", len(l.Minima()), bb.minima, bb.ε, l.dump())
					}
				}
				b.ReportMetric(float64(boxes), "boxes")
			})
		}
	}
}
