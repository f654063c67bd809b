package risk

import (
	"math"
	"math/rand/v2"
)

// Generators of synthetic families. Each is a value; Task(i) is member i, from
// a random stream of its own keyed by the seed and i, so that a family does not
// change when members are added. What all members share is drawn from the
// stream keyed by the seed and 2⁶⁴ − 1.

const sharedStream = math.MaxUint64

func stream(seed, task uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, task)) }

// Sinusoids is the regression family of Finn, Abbeel and Levine (ICML 2017):
// y = a sin(x + φ) + noise, a uniform in [0.1, 5], φ in [0, π], x in [−5, 5],
// each task with its own a and φ. A row's features are p Gaussian bumps of x,
//
//	exp(−(x − m_j)²/w²),   m_j equally spaced over [−5, 5],   w = 20/(p − 1),
//
// of which twelve fit a sinusoid to a percent of its amplitude.
type Sinusoids struct {
	Rows     int     // n of a task; 0 means 100
	Features int     // p ≥ 2; 0 means 12
	Noise    float64 // standard deviation, 0 or more
	Seed     uint64
}

// Task is member i of the family.
func (g Sinusoids) Task(i uint64) (Data, error) {
	n, p := orDefault(g.Rows, 100), orDefault(g.Features, 12)
	if err := checkGenerator("sinusoids", n, p, 2, g.Noise); err != nil {
		return Data{}, err
	}
	random := stream(g.Seed, i)
	a := 0.1 + 4.9*random.Float64()
	phase := math.Pi * random.Float64()
	gap := 10 / float64(p-1)
	d := Data{X: make([]float64, n*p), Y: make([]float64, n), Rows: n, Cols: p}
	for r := range n {
		x := -5 + 10*random.Float64()
		for j := range p {
			t := (x - (-5 + float64(gap*float64(j)))) / (2 * gap)
			d.X[r*p+j] = math.Exp(-t * t)
		}
		d.Y[r] = a*math.Sin(x+phase) + g.Noise*random.NormFloat64()
	}
	return d, nil
}

// Lines is linear regression: y = xᵀ(w + Within·w_i) + noise, with x, the
// shared w and each task's w_i standard normal.
type Lines struct {
	Rows     int     // n of a task; 0 means 100
	Features int     // p; 0 means 5
	Within   float64 // how far tasks are from one another
	Noise    float64 // standard deviation, 0 or more
	Seed     uint64
}

// Task is member i of the family.
func (g Lines) Task(i uint64) (Data, error) {
	n, p := orDefault(g.Rows, 100), orDefault(g.Features, 5)
	if err := checkGenerator("lines", n, p, 1, g.Noise); err != nil {
		return Data{}, err
	}
	if !(g.Within >= 0) || math.IsInf(g.Within, 1) {
		return Data{}, &ModelError{Of: "lines", Field: "Within", Value: g.Within, Want: "a finite number, 0 or more"}
	}
	shared, random := stream(g.Seed, sharedStream), stream(g.Seed, i)
	w := make([]float64, p)
	for j := range w {
		w[j] = shared.NormFloat64() + float64(g.Within*random.NormFloat64())
	}
	d := Data{X: make([]float64, n*p), Y: make([]float64, n), Rows: n, Cols: p}
	for r := range n {
		for j := range p {
			x := random.NormFloat64()
			d.X[r*p+j] = x
			d.Y[r] += float64(x * w[j])
		}
		d.Y[r] += float64(g.Noise * random.NormFloat64())
	}
	return d, nil
}

// Blobs is classification or clustering: row r is of class r mod Classes, at
// the centre of its class plus a standard normal. The centres are shared,
// normal with standard deviation Apart in every coordinate; each task moves
// each of them by a normal of standard deviation Within.
type Blobs struct {
	Rows     int     // n of a task; 0 means 100
	Features int     // p; 0 means 2
	Classes  int     // 0 means 2
	Apart    float64 // 0 means 3
	Within   float64 // how far tasks are from one another
	Seed     uint64
}

// Task is member i of the family.
func (g Blobs) Task(i uint64) (Data, error) {
	n, p, k := orDefault(g.Rows, 100), orDefault(g.Features, 2), orDefault(g.Classes, 2)
	apart := g.Apart
	if apart == 0 {
		apart = 3
	}
	if err := checkGenerator("blobs", n, p, 1, g.Within); err != nil {
		return Data{}, err
	}
	if k < 1 || k > maxClasses || k > math.MaxInt32/p {
		return Data{}, &ModelError{Of: "blobs", Field: "Classes", Value: g.Classes, Want: "a positive number"}
	}
	if !(apart > 0) || math.IsInf(apart, 1) {
		return Data{}, &ModelError{Of: "blobs", Field: "Apart", Value: g.Apart, Want: "a positive number, or 0 for 3"}
	}
	shared, random := stream(g.Seed, sharedStream), stream(g.Seed, i)
	centers := make([]float64, k*p)
	for j := range centers {
		centers[j] = float64(apart*shared.NormFloat64()) + float64(g.Within*random.NormFloat64())
	}
	d := Data{X: make([]float64, n*p), Y: make([]float64, n), Rows: n, Cols: p}
	for r := range n {
		c := r % k
		d.Y[r] = float64(c)
		for j := range p {
			d.X[r*p+j] = centers[c*p+j] + random.NormFloat64()
		}
	}
	return d, nil
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// maxGenerated bounds the numbers of one task.
const maxGenerated = 1 << 30

func checkGenerator(of string, n, p, least int, deviation float64) error {
	switch {
	case n < 1 || n > maxGenerated:
		return &ModelError{Of: of, Field: "Rows", Value: n, Want: "a positive number"}
	case p < least || p > maxGenerated/n:
		return &ModelError{Of: of, Field: "Features", Value: p, Want: "a number that is possible for so many rows"}
	case !(deviation >= 0) || math.IsInf(deviation, 1):
		return &ModelError{Of: of, Field: "deviation", Value: deviation, Want: "a finite number, 0 or more"}
	}
	return nil
}
