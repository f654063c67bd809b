package report

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"testing"
)

// scalarTask has C(w) = (q + r w²)/(1 − (a − b w)²), derivatives by the quotient rule.
type scalarTask struct{ a, b, q, r float64 }

func (t scalarTask) cost(w float64) (c, d1, d2 float64) {
	z := t.a - t.b*w
	n, n1, n2 := t.q+t.r*w*w, 2*t.r*w, 2*t.r
	m, m1, m2 := 1-z*z, 2*t.b*z, -2*t.b*t.b
	if m <= 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	c = n / m
	d1 = (n1 - c*m1) / m
	d2 = (n2 - 2*d1*m1 - c*m2) / m
	return c, d1, d2
}

func (t scalarTask) adapted(w, eta float64) float64 {
	_, g, _ := t.cost(w)
	c, _, _ := t.cost(w - eta*g)
	return c
}

// scalarLandscape finds domain, stationary points and folds on a grid: good enough to
// draw.
func scalarLandscape(eta float64, tasks ...scalarTask) Landscape {
	h := func(w float64) float64 {
		sum := 0.0
		for _, t := range tasks {
			sum += t.adapted(w, eta)
		}
		return sum / float64(len(tasks))
	}
	l := Landscape{Objective: h}
	lo, hi := math.Inf(-1), math.Inf(1)
	for _, t := range tasks {
		l.Tasks = append(l.Tasks, func(w float64) float64 { return t.adapted(w, eta) })
		lo, hi = max(lo, (t.a-1)/t.b), min(hi, (t.a+1)/t.b)
	}
	n := 40000
	if len(tasks) > 20 {
		n = 4000
	}
	at := func(i int) float64 { return lo + (hi-lo)*(float64(i)+.5)/float64(n) }
	start := math.NaN()
	var prev [2]float64
	prevFold := make([]float64, len(tasks))
	least := math.Inf(1)
	for i := range n {
		w := at(i)
		v := h(w)
		if finite(v) && math.IsNaN(start) {
			start = w
		}
		if !finite(v) && !math.IsNaN(start) {
			l.Domain = append(l.Domain, Interval{start, w})
			start = math.NaN()
		}
		if i > 1 && finite(v) && finite(prev[0]) && finite(prev[1]) {
			if prev[1] < prev[0] && prev[1] <= v {
				l.Points = append(l.Points, Mark{X: at(i - 1), Y: prev[1], Kind: GlobalMinimiser})
				least = min(least, prev[1])
			}
			if prev[1] > prev[0] && prev[1] >= v {
				l.Points = append(l.Points, Mark{X: at(i - 1), Y: prev[1], Kind: Maximiser})
			}
		}
		prev[0], prev[1] = prev[1], v
		for k, t := range tasks {
			_, _, c2 := t.cost(w)
			f := eta*c2 - 1
			if finite(v) && i > 0 && f*prevFold[k] < 0 {
				l.Folds = append(l.Folds, w)
			}
			prevFold[k] = f
		}
	}
	if !math.IsNaN(start) {
		l.Domain = append(l.Domain, Interval{start, hi})
	}
	for i, m := range l.Points {
		if m.Kind == GlobalMinimiser && m.Y > least*(1+1e-7) {
			l.Points[i].Kind = SpuriousMinimiser
		}
	}
	sum := 0.0
	for _, t := range tasks {
		best := math.Inf(1)
		for i := range 4000 {
			if c, _, _ := t.cost((t.a-1)/t.b + 2/t.b*(float64(i)+.5)/4000); c < best {
				best = c
			}
		}
		sum += best
	}
	l.Bound = sum / float64(len(tasks))
	return l
}

func mustPanel(t testing.TB, l Landscape) Panel {
	t.Helper()
	p, err := l.Panel()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func spreadTasks() (out []scalarTask) {
	for i := range 11 {
		out = append(out, scalarTask{1, 1, math.Pow(10, float64(i-5)/5), 1})
	}
	return out
}

func randomTasks(n int) (out []scalarTask) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		out = append(out, scalarTask{1 + .1*r.NormFloat64(), 1, math.Exp(.8 * r.NormFloat64()), math.Exp(.3 * r.NormFloat64())})
	}
	return out
}

// gallery is one figure of each kind that the module draws.
func gallery(t testing.TB) map[string]Figure {
	t.Helper()
	galleryOnce.Do(func() { galleryFigures = makeGallery(t) })
	return galleryFigures
}

var (
	galleryOnce    sync.Once
	galleryFigures map[string]Figure
)

func makeGallery(t testing.TB) map[string]Figure {
	g := map[string]Figure{}
	one := scalarLandscape(.05, scalarTask{1, 1, 1, 1})
	two := scalarLandscape(.01, scalarTask{1, 1, 1, 1}, scalarTask{1, 1, 2, 2})
	mirror := scalarLandscape(.05, scalarTask{1, 1, 1, .1}, scalarTask{1, 1, .1, 1})
	eleven := scalarLandscape(.01, spreadTasks()...)
	many := scalarLandscape(.01, randomTasks(200)...)

	g["one"] = Figure{Panels: []Panel{mustPanel(t, one)}}
	g["two"] = Figure{Panels: []Panel{mustPanel(t, two)}}
	g["mirror"] = Figure{Panels: []Panel{mustPanel(t, mirror)}}
	g["eleven"] = Figure{Panels: []Panel{mustPanel(t, eleven)}}
	g["many"] = Figure{Panels: []Panel{mustPanel(t, many)}}
	g["screen"] = Figure{Title: "Two tasks, one gain", Width: Screen, DPI: 144, Panels: []Panel{mustPanel(t, two)}}

	// Not an LQR task, but with a domain in three pieces, as several steps make it.
	apart := Landscape{
		Objective: func(w float64) float64 {
			p := math.Sin(5 * w)
			return (2 + w) / (p * p)
		},
		Domain: []Interval{{0, math.Pi / 5}, {math.Pi / 5, 2 * math.Pi / 5}, {1.4, 3 * math.Pi / 5}},
		Points: []Mark{
			{X: .30549, Y: 2.3195, Kind: GlobalMinimiser}, {X: .9355, Y: 2.9423, Kind: SpuriousMinimiser},
			{X: 1.56, Y: 3.5699, Kind: Degenerate},
		},
		Bound: 1.9,
	}
	g["apart"] = Figure{Panels: []Panel{mustPanel(t, apart)}}
	crowd := Panel{X: Axis{Label: "𝑥"}, Y: Axis{Label: "𝑦"}}
	wave := Curve{Label: "sin 12𝑥", Weight: Strong}
	wave.X, wave.Y = Sample(func(x float64) float64 { return math.Sin(12 * x) }, 0, 3, 1e-3, 0)
	crowd.Curves = []Curve{wave}
	for i := range 11 {
		x := math.Pi / 24 * float64(2*i+1)
		crowd.Marks = append(crowd.Marks, Mark{X: x, Y: math.Sin(12 * x), Kind: Kind(i % int(kinds)), Text: "𝑥 = " + Number(x, 4) + "\n𝑦 = " + Number(math.Sin(12*x), 3)})
	}
	g["crowd"] = Figure{Panels: []Panel{crowd}}

	zoom := two
	zoom.X = Axis{Min: .08, Max: .2}
	zoom.Title = "spurious minimum, enlarged"
	two.Title = "whole domain"
	g["zoom"] = Figure{Width: Page, Columns: 2, Panels: []Panel{mustPanel(t, two), mustPanel(t, zoom)}}

	gap := Curve{Label: "spurious gap", Shape: Disc}
	fit := Curve{Label: "2.6 𝜂²", Dash: Dashed, Ink: Black}
	other := Curve{Label: "bound of Proposition 2", Shape: Diamond, Dash: DashDot}
	for i := range 13 {
		e := math.Pow(10, -4+float64(i)/4)
		gap.X, gap.Y = append(gap.X, e), append(gap.Y, 2.6*e*e*(1+.2*math.Sin(float64(3*i))))
		fit.X, fit.Y = append(fit.X, e), append(fit.Y, 2.6*e*e)
		other.X, other.Y = append(other.X, e), append(other.Y, 30*e*e)
	}
	g["loglog"] = Figure{Panels: []Panel{{
		X:      Axis{Label: "inner rate 𝜂", Log: true, Grid: true},
		Y:      Axis{Label: "gap ℎ(𝑤) − min ℎ", Log: true, Grid: true},
		Curves: []Curve{gap, fit, other}, Slopes: []Slope{{Exponent: 2}},
	}}}

	r := rand.New(rand.NewPCG(7, 7))
	ks := []float64{2, 3, 5, 8, 11, 21}
	var measured []Panel
	for j, name := range []string{"gap 𝜀", "radius 𝛿", "spurious minimisers"} {
		whole, half := Band{Label: "full range", Alpha: .15}, Band{Label: "quartiles", Alpha: .3}
		med := Curve{Label: "median of 200 families", Weight: Strong, Shape: Disc}
		det := Curve{Label: "evenly spaced family", Dash: Dashed, Shape: Triangle, Ink: Vermilion}
		for _, k := range ks {
			var v []float64
			for range 200 {
				v = append(v, float64(j+1)/math.Sqrt(k)*math.Exp(.4*r.NormFloat64()))
			}
			sort.Float64s(v)
			whole.X, whole.Lo, whole.Hi = append(whole.X, k), append(whole.Lo, v[0]), append(whole.Hi, v[199])
			half.X, half.Lo, half.Hi = append(half.X, k), append(half.Lo, v[50]), append(half.Hi, v[149])
			med.X, med.Y = append(med.X, k), append(med.Y, v[100])
			det.X, det.Y = append(det.X, k), append(det.Y, 1.2*float64(j+1)/math.Sqrt(k))
		}
		measured = append(measured, Panel{
			X:     Axis{Label: "number of tasks 𝑘", Log: true, Ticks: ks, Min: 1.8, Max: 23},
			Y:     Axis{Label: name, Log: j == 1},
			Bands: []Band{whole, half}, Curves: []Curve{med, det},
		})
	}
	g["measured"] = Figure{ShareX: true, Panels: measured}
	return g
}

// TestGallery draws every kind of figure in every format. With REPORT_GALLERY set to a
// directory it leaves them there to be looked at.
func TestGallery(t *testing.T) {
	dir, dpi := os.Getenv("REPORT_GALLERY"), 150.0
	if dir == "" {
		dir, dpi = t.TempDir(), 50
	}
	for name, f := range gallery(t) {
		for _, ext := range []string{".svg", ".png", ".pdf"} {
			if f.DPI == 0 {
				f.DPI = dpi
			}
			if err := f.Save(filepath.Join(dir, name+ext)); err != nil {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
	}
}
