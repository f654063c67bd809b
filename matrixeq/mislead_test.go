package matrixeq

import "testing"

// The shift of order 100 is nilpotent. Seen through the reflection I − 2uuᵀ, u
// the constant unit vector, its eigenvalues, all zero, are computed with errors
// of order ε^(1/100) = 0.7. The Lyapunov certificate is not misled.
func TestEigenvaluesMislead(t *testing.T) {
	const n = 100
	shift, h := New(n, n), Identity(n)
	for i := range n - 1 {
		shift.Set(i, i+1, 1)
	}
	for i := range h.Data {
		h.Data[i] -= 2. / n
	}
	product := func(x, y Matrix) Matrix {
		z := New(n, n)
		for i := range n {
			for k := range n {
				for j := range n {
					z.Data[i*n+j] += x.At(i, k) * y.At(k, j)
				}
			}
		}
		return z
	}
	a := product(product(h, shift), h)
	radius, err := SpectralRadius(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("spectral radius by eigenvalues: %.2f, truly 0", radius)
	if radius < .5 {
		t.Errorf("eigenvalues are better than they can be: %v", radius)
	}
	if _, err := Prepare(a); err != nil {
		t.Error(err)
	}
}
