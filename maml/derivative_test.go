package maml_test

import (
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// bent is a rule in three parameters whose Jacobian is not symmetric:
//
//	F(x) = x − η ( S x + ‖x‖² u ),   S not symmetric.
type bent struct {
	rate              float64
	push, pull, deriv float64 // added errors
}

var (
	bentMatrix = [9]float64{1, .5, -.3, .2, .8, .4, -.6, .1, 1.2}
	bentVector = [3]float64{.3, -.2, .5}
)

func (r bent) At(x []float64) (objective.Step, error) {
	s := &bentStep{r: r, x: append([]float64(nil), x...), to: make([]float64, 3)}
	sq := x[0]*x[0] + x[1]*x[1] + x[2]*x[2]
	for i := range s.to {
		s.to[i] = x[i] - r.rate*(bentMatrix[3*i]*x[0]+bentMatrix[3*i+1]*x[1]+bentMatrix[3*i+2]*x[2]+sq*bentVector[i])
	}
	return s, nil
}

type bentStep struct {
	r     bent
	x, to []float64
}

func (s *bentStep) To() []float64 { return s.to }

func dot3(a, b []float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func (s *bentStep) Push(dst, z []float64) {
	for i := range dst {
		dst[i] = z[i] - s.r.rate*(dot3(bentMatrix[3*i:3*i+3], z)+(2+s.r.push)*dot3(s.x, z)*bentVector[i])
	}
}

func (s *bentStep) Pull(dst, v []float64) {
	uv := dot3(bentVector[:], v)
	for j := range dst {
		dst[j] = v[j] - s.r.rate*(bentMatrix[j]*v[0]+bentMatrix[3+j]*v[1]+bentMatrix[6+j]*v[2]+(2+s.r.pull)*uv*s.x[j])
	}
}

func (s *bentStep) PullDeriv(dst, z, v []float64) {
	uv := dot3(bentVector[:], v)
	for j := range dst {
		dst[j] = -s.r.rate * (2 + s.r.deriv) * uv * z[j]
	}
}

// mixed is a family in three parameters with K = 0 … 3 steps, of both kinds,
// different weights and f ≠ g; wrong is planted in each of its bent rules.
func mixed(t testing.TB, wrong bent, third float64) *maml.Meta {
	t.Helper()
	wrong.rate = 0.1
	var members []maml.Member
	for k := range 4 {
		f := poly{n: 3, coef: []float64{4, 0.3 * float64(k-2), 1, 0.1, 0.5}, m: 0.3, l: 0.05}
		g := crooked{poly{n: 3, coef: []float64{0, 0.2, 0.7, -0.2, 0.3}, m: -0.2, l: 0.03}, third}
		m := maml.Member{Weight: float64(k + 1), Outer: f}
		for j := range k {
			if j%2 == 0 {
				m.Inner = append(m.Inner, maml.Gradient{Objective: g, Rate: 0.05 * float64(j+1)})
			} else {
				m.Inner = append(m.Inner, wrong)
			}
		}
		members = append(members, m)
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// crooked is a polynomial whose third derivative is multiplied by 1 + third.
type crooked struct {
	poly
	third float64
}

func (c crooked) At(x []float64) (objective.Point, error) {
	p, err := c.poly.At(x)
	return crookedPoint{p.(objective.Point3), c.third}, err
}

type crookedPoint struct {
	objective.Point3
	third float64
}

func (p crookedPoint) Third(dst, y, z []float64) {
	p.Point3.Third(dst, y, z)
	for i := range dst {
		dst[i] *= 1 + p.third
	}
}

func worst(t testing.TB, o objective.Objective, x []float64) map[string]float64 {
	t.Helper()
	found, err := objective.CheckPoint(o, x, 5)
	if err != nil {
		t.Fatal(err)
	}
	w := map[string]float64{}
	for _, d := range found {
		w[d.Derivative] = d.Relative
	}
	return w
}

// Gradient and Hessian of h agree with differences; a wrong term of 1 % in any
// part of any step is caught: Pull in the gradient, the others in the Hessian.
func TestMetaDerivativesCatchPlantedErrors(t *testing.T) {
	x := []float64{0.7, -0.5, 0.4}
	for _, tt := range []struct {
		name           string
		wrong          bent
		third          float64
		gradient, hess bool // caught there
	}{
		{name: "right"},
		{name: "push", wrong: bent{push: 0.02}, hess: true},
		{name: "pull", wrong: bent{pull: 0.02}, gradient: true, hess: true},
		{name: "pull derivative", wrong: bent{deriv: 0.02}, hess: true},
		{name: "third", third: 0.01, hess: true},
		{name: "no third at all", third: -1, hess: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worst(t, mixed(t, tt.wrong, tt.third), x)
			// 1e-9: what Ridders' differences of a polynomial reach; a planted
			// 1 % of one term is above 1e-5 of the whole.
			for what, caught := range map[string]bool{"gradient": tt.gradient, "hessian": tt.hess} {
				if caught != (w[what] > 1e-5) || !caught && w[what] > 1e-9 {
					t.Errorf("%s off by %.2g", what, w[what])
				}
			}
			t.Logf("gradient %.1e, Hessian %.1e", w["gradient"], w["hessian"])
		})
	}
	if _, asymmetry := objective.DenseHessian(must(mixed(t, bent{}, 0).At(x)), 3); asymmetry > 1e-14 {
		t.Errorf("Hessian asymmetric by %g", asymmetry)
	}
}

func must(p objective.Point, err error) objective.Point {
	if err != nil {
		panic(err)
	}
	return p
}

// The gradient step's own parts, at a place where they are not trivial.
func TestGradientStep(t *testing.T) {
	f := poly{n: 3, coef: []float64{4, 0.3, 1, 0.1, 0.5}, m: 0.3, l: 0.05}
	x := []float64{0.7, -0.5, 0.4}
	for _, rate := range []float64{0, 0.05, -0.3, 10} {
		found, err := objective.CheckRule(maml.Gradient{Objective: f, Rate: rate}, x, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < 1e-9) {
				t.Errorf("rate %g: %s off by %.2g", rate, d.Derivative, d.Relative)
			}
		}
	}
	found, err := objective.CheckRule(maml.Gradient{Objective: crooked{f, 0.01}, Rate: 0.05}, x, 5)
	if err != nil || !(found[2].Relative > 1e-4) || math.Max(found[0].Relative, found[1].Relative) > 1e-9 {
		t.Errorf("planted in the third derivative: %v, %v", found, err)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for name, meta := range benchmarks(b) {
		b.Run(name, func(b *testing.B) {
			x := benchmarkStart(meta)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := meta.Evaluate(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHessVec(b *testing.B) {
	for name, meta := range benchmarks(b) {
		b.Run(name, func(b *testing.B) {
			x := benchmarkStart(meta)
			p, err := meta.Evaluate(x)
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]float64, len(x))
			b.ReportAllocs()
			for b.Loop() {
				p.HessVec(dst, x)
			}
			if !(dst[0] != 0) {
				b.Fatal("no product")
			}
		})
	}
}

func BenchmarkMinimize(b *testing.B) {
	meta := family(b, 0.01, 1, spread(11)...)
	for name, m := range methods(1e-3) {
		if name == "algorithm-1 batch" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := maml.NewState([]float64{0.6})
				r, err := maml.Minimize(b.Context(), meta, m, s, maml.Stop{Iterations: 100000}, nil)
				if err != nil || r.Status != maml.Converged || math.Abs(s.X[0]-0.7231) > 1e-4 {
					b.Fatalf("%v %v at %v", err, r.Status, s.X)
				}
			}
		})
	}
}

func benchmarks(b *testing.B) map[string]*maml.Meta {
	return map[string]*maml.Meta{
		"scalar-1":    family(b, 0.01, 1, spread(3)[:1]...),
		"scalar-11":   family(b, 0.01, 1, spread(11)...),
		"scalar-1000": family(b, 0.01, 1, spread(1000)...),
		"mixed-4":     mixed(b, bent{}, 0),
	}
}

func benchmarkStart(m *maml.Meta) []float64 {
	if m.Dim() == 1 {
		return []float64{0.7231}
	}
	return []float64{0.7, -0.5, 0.4}
}
