package landscape

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// crowdedPlants change little in a step.
const crowdedPlants = `
tasks:
  - {A: [[1, 0.1], [0, 1]], B: [[0.005], [0.1]], Q: [[1, 0.2], [0.2, 1]], R: 1, N: [[0.1], [0.05]], discount: 0.98, noise: [[0.1, 0], [0, 0.2]]}
  - {A: [[1, 0.1], [0.02, 0.9]], B: [[0], [0.08]], Q: [[1, 0], [0, 1]], R: 1, Sigma0: [[1, 0.3], [0.3, 2]], weight: 2}
meta:
  normalize: optimal-cost
  inner: {rule: gradient, rate: 0.002}
`

// About the corner, h, its gradient and a lower bound of the cost hold what packages
// lqr and maml compute.
func TestPlanarCrowdedContains(t *testing.T) {
	f, rates := parse(t, crowdedPlants)
	p, err := NewPlanar(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.tasks {
		if p.tasks[i].f.crowd == nil {
			t.Fatalf("task %d is not taken to be crowded", i)
		}
	}
	m, w, r := metaOf(t, f, rates), &tape{}, rand.New(rand.NewPCG(1, 2))
	checked := 0
	inv := p.tasks[0].g.chart.inv
	for range 3000 {
		var box planarBox
		var at [2]float64
		for i := range box {
			gap := math.Exp(-6 * r.Float64())
			size := 0.3 * gap * r.Float64()
			box[i] = interval.New(1-gap, 1-gap+size)
			at[i] = box[i].Lo() + size*r.Float64()
		}
		x := planarGain(p, at)
		point, err := m.Evaluate(x)
		if err != nil {
			continue
		}
		for i := range p.tasks {
			task := &p.tasks[i]
			c, ok := task.g.cost5(box.ranges(&task.pg))
			if g, err := scaledCost(f, i, x); err == nil && (!ok || !(g >= c.Lo()-1e-9*g && g <= c.Hi()+1e-9*g)) {
				t.Fatalf("cost %v not in %v over %v", g, c, box)
			}
		}
		j, ok := p.h(w, box, 1)
		if !ok {
			continue
		}
		checked++
		near(t, "h", 0, j.v.span(), point.Value(), 1e-9*point.Value())
		g := make([]float64, 2)
		point.Grad(g)
		for k := range 2 { // W = W₀ + L⁻¹(τ, δ), τ = k₁(1 + k₂), δ = k₂
			want, size := 0.0, 0.0
			for i := range 2 {
				d := inv[i][0].Mid() * (1 + at[1])
				if k == 1 {
					d = inv[i][0].Mid()*at[0] + inv[i][1].Mid()
				}
				want, size = want+g[i]*d, size+math.Abs(g[i]*inv[i][0].Mid())
			}
			near(t, "gradient", 0, j.d[k].span(), want, 1e-9*(size+point.Value()))
		}
	}
	if checked < 200 {
		t.Fatalf("only %d boxes were checked", checked)
	}
}

// The carts of the examples are proved at the usual level, and their minimisers are
// isolated to what 16 digits allow.
func TestPlanarCarts(t *testing.T) {
	text, err := os.ReadFile("../examples/carts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := family.Parse("carts.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlanar(f, []float64{0.0102931})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Prove(context.Background(), PlanarOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Left != 0 || len(l.Minima) != 5 {
		t.Fatalf("%d boxes left of %d, %d minima", l.Left, l.Boxes, len(l.Minima))
	}
	for _, m := range l.Minima {
		if w := max(m.Gain[0].Width(), m.Gain[1].Width()); w > 1e-8 {
			t.Errorf("%v is %.2g wide", m.Gain, w)
		}
	}
	t.Logf("%d boxes", l.Boxes)
}
