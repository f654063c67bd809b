// Package dense holds the dense kernels that everything numerical stands on.
//
// A matrix is a flat row-major []float64 whose dimensions are given with it;
// entry (i, j) of an m×n matrix is x[i*n+j]. Nothing is allocated unless a
// function says so. Slices of one call do not overlap unless the function
// allows it, and a slice shorter than its dimensions say is a bug of the
// caller, answered by a panic.
//
// The order of every sum is fixed by the dimensions alone, so the same input
// gives the same bits whatever the number of processors.
package dense

import "math"

// Eps is the unit roundoff of float64, 2⁻⁵³.
const Eps = 0x1p-53

// Identity sets X ← I.
func Identity(x []float64, n int) {
	clear(x[:n*n])
	for i := range n {
		x[i*n+i] = 1
	}
}

// Transpose sets dst ← Xᵀ for an m×n matrix X.
func Transpose(dst, x []float64, m, n int) {
	for i := range m {
		for j, v := range x[i*n : i*n+n] {
			dst[j*m+i] = v
		}
	}
}

// Symmetrize sets X ← (X + Xᵀ)/2.
func Symmetrize(x []float64, n int) {
	for i := 1; i < n; i++ {
		for j := range i {
			v := float64(0.5*x[i*n+j]) + float64(0.5*x[j*n+i])
			x[i*n+j], x[j*n+i] = v, v
		}
	}
}

// Add sets dst ← X + Y; dst may be either.
func Add(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// Sub sets dst ← X − Y; dst may be either.
func Sub(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

// AddScaled sets dst ← dst + s X.
func AddScaled(dst []float64, s float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += float64(s * x[i])
	}
}

// Scale sets dst ← s X; dst may be X.
func Scale(dst []float64, s float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = s * x[i]
	}
}

// Trace is Σᵢ xᵢᵢ.
func Trace(x []float64, n int) float64 {
	t := 0.0
	for i := range n {
		t += x[i*n+i]
	}
	return t
}

// Dot is Σᵢ xᵢ yᵢ. For symmetric matrices it is tr(X Y).
func Dot(x, y []float64) float64 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += float64(x[i] * y[i])
		s1 += float64(x[i+1] * y[i+1])
		s2 += float64(x[i+2] * y[i+2])
		s3 += float64(x[i+3] * y[i+3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i] * y[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// MaxAbs is max |xᵢ|, and NaN when an entry is.
func MaxAbs(x []float64) float64 {
	// Without the sign bit floats are ordered as integers, NaN last.
	const sign = 1 << 63
	var m0, m1, m2, m3 uint64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		r := x[i : i+4 : i+4]
		m0 = max(m0, math.Float64bits(r[0])&^sign)
		m1 = max(m1, math.Float64bits(r[1])&^sign)
		m2 = max(m2, math.Float64bits(r[2])&^sign)
		m3 = max(m3, math.Float64bits(r[3])&^sign)
	}
	for ; i < len(x); i++ {
		m0 = max(m0, math.Float64bits(x[i])&^sign)
	}
	return math.Float64frombits(max(m0, m1, m2, m3))
}

// Norm is the Frobenius norm (Σ xᵢ²)^½. It neither overflows nor underflows
// unless the result does; it is NaN when an entry is.
func Norm(x []float64) float64 {
	s := Dot(x, x)
	if s > 0x1p-900 && s < 0x1p1000 {
		return math.Sqrt(s)
	}
	m := MaxAbs(x)
	if m == 0 || m != m || math.IsInf(m, 0) {
		return m
	}
	_, e := math.Frexp(m)
	s = 0
	for _, v := range x {
		v = math.Ldexp(v, -e)
		s += float64(v * v)
	}
	return math.Ldexp(math.Sqrt(s), e)
}

// Finite says whether no entry is NaN or infinite.
func Finite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
