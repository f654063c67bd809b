package dense

// Congruence sets dst ← A X Aᵀ for symmetric X, all n×n. The result is exactly
// symmetric. tmp has n² entries; dst may be X.
func Congruence(dst, a, x, tmp []float64, n int) {
	switch n {
	case 1:
		dst[0] = a[0] * x[0] * a[0]
		return
	case 2:
		congruence2((*[4]float64)(dst), a[0], a[1], a[2], a[3], (*[4]float64)(x))
		return
	}
	Mul(tmp, a, x, n, n, n)
	if n > midPanel {
		// A (A X)ᵀ, entry by entry the chain of the X Aᵀ formed below.
		tiled(dst, n, a, n, 1, tmp, n, n, n, n, true, true)
		mirror(dst, n)
		return
	}
	transposeSquare(tmp, n) // X Aᵀ, X being symmetric
	switch {
	case n == 4:
		panel4(dst, 4, a, 4, 1, tmp, 4, 4, 1, set)
	case n > 4:
		tiled(dst, n, a, n, 1, tmp, n, n, n, n, true, false)
	default:
		mulNN(dst, a, tmp, n, n, n)
	}
	mirror(dst, n)
}

// congruence2 sets dst ← [[a, b], [c, d]] X [[a, b], [c, d]]ᵀ.
func congruence2(dst *[4]float64, a, b, c, d float64, x *[4]float64) {
	p, q, r := x[0], x[2], x[3]
	t0, t1 := float64(a*p)+float64(b*q), float64(a*q)+float64(b*r)
	t2, t3 := float64(c*p)+float64(d*q), float64(c*q)+float64(d*r)
	dst[0] = float64(t0*a) + float64(t1*b)
	dst[2] = float64(t2*a) + float64(t3*b)
	dst[1] = dst[2]
	dst[3] = float64(t2*c) + float64(t3*d)
}

// CongruenceT sets dst ← Aᵀ X A for symmetric X, all n×n. The result is exactly
// symmetric. tmp has n² entries; dst may be X.
func CongruenceT(dst, a, x, tmp []float64, n int) {
	switch n {
	case 1:
		dst[0] = a[0] * x[0] * a[0]
		return
	case 2:
		congruence2((*[4]float64)(dst), a[0], a[2], a[1], a[3], (*[4]float64)(x))
		return
	}
	Mul(tmp, x, a, n, n, n)
	SymmetricTN(dst, a, tmp, n, n)
}

// SymmetricTN sets C ← Aᵀ B, n×n, where A and B are k×n and the product is
// known to be symmetric: the lower triangle is computed and mirrored.
func SymmetricTN(c, a, b []float64, k, n int) {
	switch {
	case n == 4 && k > 0:
		panel4(c, 4, a, 1, 4, b, 4, k, 1, set)
	case n > 4 && k > 0:
		tiled(c, n, a, 1, n, b, n, n, k, n, true, false)
	default:
		mulTN(c, a, b, n, k, n)
	}
	mirror(c, n)
}

// SymmetricNT sets C ← A Bᵀ, n×n, where A and B are n×k and the product is
// known to be symmetric: the lower triangle is computed and mirrored.
func SymmetricNT(c, a, b []float64, k, n int) {
	if n >= 4 && k > 0 && (n > 4 || k != 4) {
		tiled(c, n, a, k, 1, b, k, n, k, n, true, true)
	} else {
		MulNT(c, a, b, n, k, n)
	}
	mirror(c, n)
}

// transposeSquare sets X ← Xᵀ.
func transposeSquare(x []float64, n int) {
	if n == 4 {
		x := (*[16]float64)(x)
		x[1], x[4] = x[4], x[1]
		x[2], x[8] = x[8], x[2]
		x[3], x[12] = x[12], x[3]
		x[6], x[9] = x[9], x[6]
		x[7], x[13] = x[13], x[7]
		x[11], x[14] = x[14], x[11]
		return
	}
	for i := 1; i < n; i++ {
		row := x[i*n : i*n+i]
		o := i
		for j, v := range row {
			row[j] = x[o]
			x[o] = v
			o += n
		}
	}
}

// mirror copies the lower triangle to the upper.
func mirror(c []float64, n int) {
	if n == 4 {
		c := (*[16]float64)(c)
		c[1], c[2], c[3], c[6], c[7], c[11] = c[4], c[8], c[12], c[9], c[13], c[14]
		return
	}
	for i := 0; i < n; i += 4 {
		h := min(4, n-i)
		if h == 4 && i > 0 {
			pack4(c[i:], n, c[i*n:], n, i)
			for p := i + 1; p < i+4; p++ {
				for j := i; j < p; j++ {
					c[j*n+p] = c[p*n+j]
				}
			}
			continue
		}
		for p := i; p < i+h; p++ {
			for j, v := range c[p*n : p*n+p] {
				c[j*n+p] = v
			}
		}
	}
}
