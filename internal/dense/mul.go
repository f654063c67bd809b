package dense

// Mul sets C ← A B for A m×k, B k×n.
//
// Where m, n ≥ 4 every entry is a chain of fused multiply-adds along k;
// elsewhere products and sums are rounded separately. Which it is depends on
// the dimensions alone, not on the machine.
func Mul(c, a, b []float64, m, k, n int) {
	if m >= 4 && n >= 4 && k > 0 {
		if m == 4 && n == 4 {
			panel4(c, 4, a, k, 1, b, 4, k, 1, set)
			return
		}
		tiled(c, n, a, k, 1, b, n, m, k, n, false, false)
		return
	}
	if m == 2 && k == 2 && n == 2 {
		mul2((*[4]float64)(c), (*[4]float64)(a), (*[4]float64)(b))
		return
	}
	mulNN(c, a, b, m, k, n)
}

func mul2(c, a, b *[4]float64) {
	c[0], c[1] = float64(a[0]*b[0])+float64(a[1]*b[2]), float64(a[0]*b[1])+float64(a[1]*b[3])
	c[2], c[3] = float64(a[2]*b[0])+float64(a[3]*b[2]), float64(a[2]*b[1])+float64(a[3]*b[3])
}

// MulTN sets C ← Aᵀ B for A k×m, B k×n.
func MulTN(c, a, b []float64, m, k, n int) {
	if m >= 4 && n >= 4 && k > 0 {
		if m == 4 && n == 4 {
			panel4(c, 4, a, 1, 4, b, 4, k, 1, set)
			return
		}
		tiled(c, n, a, 1, m, b, n, m, k, n, false, false)
		return
	}
	mulTN(c, a, b, m, k, n)
}

// MulNT sets C ← A Bᵀ for A m×k, B n×k.
func MulNT(c, a, b []float64, m, k, n int) {
	if m >= 4 && n >= 4 && k > 0 {
		if m == 4 && n == 4 && k == 4 {
			var pack [16]float64
			pack4(pack[:], 4, b, 4, 4)
			panel4(c, 4, a, 4, 1, pack[:], 4, 4, 1, set)
			return
		}
		tiled(c, n, a, k, 1, b, k, m, k, n, false, true)
		return
	}
	mulNT(c, a, b, m, k, n)
}

// mulNN keeps a 2×4 block of C in registers while it runs along k.
func mulNN(c, a, b []float64, m, k, n int) {
	i := 0
	for ; i+2 <= m; i += 2 {
		a0, a1 := a[i*k:i*k+k], a[(i+1)*k:(i+1)*k+k]
		c0, c1 := c[i*n:i*n+n], c[(i+1)*n:(i+1)*n+n]
		j := 0
		for ; j+4 <= n; j += 4 {
			var s00, s01, s02, s03, s10, s11, s12, s13 float64
			o := j
			for p, x := range a0 {
				y := a1[p]
				r := b[o : o+4 : o+4]
				s00 += float64(x * r[0])
				s01 += float64(x * r[1])
				s02 += float64(x * r[2])
				s03 += float64(x * r[3])
				s10 += float64(y * r[0])
				s11 += float64(y * r[1])
				s12 += float64(y * r[2])
				s13 += float64(y * r[3])
				o += n
			}
			d := c0[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s00, s01, s02, s03
			d = c1[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s10, s11, s12, s13
		}
		for ; j < n; j++ {
			var s0, s1 float64
			o := j
			for p, x := range a0 {
				v := b[o]
				s0 += float64(x * v)
				s1 += float64(a1[p] * v)
				o += n
			}
			c0[j], c1[j] = s0, s1
		}
	}
	if i < m {
		a0, c0 := a[i*k:i*k+k], c[i*n:i*n+n]
		for j := range c0 {
			s, o := 0.0, j
			for _, x := range a0 {
				s += float64(x * b[o])
				o += n
			}
			c0[j] = s
		}
	}
}

func mulTN(c, a, b []float64, m, k, n int) {
	i := 0
	for ; i+2 <= m; i += 2 {
		c0, c1 := c[i*n:i*n+n], c[(i+1)*n:(i+1)*n+n]
		j := 0
		for ; j+4 <= n; j += 4 {
			var s00, s01, s02, s03, s10, s11, s12, s13 float64
			o, q := j, i
			for range k {
				l := a[q : q+2 : q+2]
				x, y := l[0], l[1]
				r := b[o : o+4 : o+4]
				s00 += float64(x * r[0])
				s01 += float64(x * r[1])
				s02 += float64(x * r[2])
				s03 += float64(x * r[3])
				s10 += float64(y * r[0])
				s11 += float64(y * r[1])
				s12 += float64(y * r[2])
				s13 += float64(y * r[3])
				o += n
				q += m
			}
			d := c0[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s00, s01, s02, s03
			d = c1[j : j+4 : j+4]
			d[0], d[1], d[2], d[3] = s10, s11, s12, s13
		}
		for ; j < n; j++ {
			var s0, s1 float64
			o, q := j, i
			for range k {
				v := b[o]
				s0 += float64(a[q] * v)
				s1 += float64(a[q+1] * v)
				o += n
				q += m
			}
			c0[j], c1[j] = s0, s1
		}
	}
	if i < m {
		c0 := c[i*n : i*n+n]
		for j := range c0 {
			s, o, q := 0.0, j, i
			for range k {
				s += float64(a[q] * b[o])
				o += n
				q += m
			}
			c0[j] = s
		}
	}
}

func mulNT(c, a, b []float64, m, k, n int) {
	for i := range m {
		mulNTRow(c[i*n:i*n+n], a[i*k:i*k+k], b, k)
	}
}

// mulNTRow sets row ← a Bᵀ for the first len(row) rows of B.
func mulNTRow(row, a, b []float64, k int) {
	j := 0
	for ; j+4 <= len(row); j += 4 {
		b0 := b[j*k : j*k+k]
		b1 := b[(j+1)*k : (j+1)*k+k]
		b2 := b[(j+2)*k : (j+2)*k+k]
		b3 := b[(j+3)*k : (j+3)*k+k]
		b0, b1, b2, b3 = b0[:len(a)], b1[:len(a)], b2[:len(a)], b3[:len(a)]
		var s0, s1, s2, s3 float64
		for p, x := range a {
			s0 += float64(x * b0[p])
			s1 += float64(x * b1[p])
			s2 += float64(x * b2[p])
			s3 += float64(x * b3[p])
		}
		row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
	}
	for ; j < len(row); j++ {
		b0 := b[j*k : j*k+k][:len(a)]
		s := 0.0
		for p, x := range a {
			s += float64(x * b0[p])
		}
		row[j] = s
	}
}
