package objective

import "math"

func dot(a, b []float64) float64 {
	var s float64
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// norm is the Euclidean norm; where the plain sum of squares over- or
// underflows it is taken again, scaled by the largest entry.
func norm(a []float64) float64 {
	s := dot(a, a)
	if s > 0x1p-960 && s < math.MaxFloat64 {
		return math.Sqrt(s)
	}
	var top float64
	for _, x := range a {
		top = math.Max(top, math.Abs(x))
	}
	if top == 0 || math.IsInf(top, 0) || math.IsNaN(top) {
		return top
	}
	s = 0
	for _, x := range a {
		s += (x / top) * (x / top)
	}
	return top * math.Sqrt(s)
}

// axpy: y ← y + c x.
func axpy(y []float64, c float64, x []float64) {
	for i, v := range x {
		y[i] += c * v
	}
}

func scale(a []float64, c float64) {
	for i := range a {
		a[i] *= c
	}
}

func finite(a []float64) bool {
	for _, x := range a {
		if math.IsNaN(x - x) {
			return false
		}
	}
	return true
}
