package maml

// along returns x + t d, newly allocated.
func along(x []float64, t float64, d []float64) []float64 {
	y := make([]float64, len(x))
	for i := range y {
		y[i] = x[i] + t*d[i]
	}
	return y
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}
