package kernel

import "math"

// twin runs a program in plain Go. The assembly gives the same bits. It returns
// the number of floating-point operations of the products.
func twin(slab []Vec, ops []op) (flops int64) {
	var idx int32 // what the loop adds to offsets
	var count int64
	var alive uint
	for pc := 0; ; {
		o := &ops[pc]
		pc++
		switch kind(o.kind) {
		case kindEnd:
			return flops
		case kindMul, kindTile:
			flops += twinMul(slab, o, idx)
		case kindDot:
			a, b := slab[(o.a+shift(o, flagA, idx))/vecBytes:], slab[(o.b+shift(o, flagB, idx))/vecBytes:]
			twinDot(&slab[o.c/vecBytes], a[:o.n], b[:o.n])
		case kindLin:
			twinLin(slab, o)
		case kindCholesky:
			n := int(o.n)
			twinCholesky(slab[o.c/vecBytes:][:n*n], slab[o.a/vecBytes:][:n*n], n, o.s)
		case kindSolve:
			twinSolve(slab[o.a/vecBytes:][:o.m*o.m], slab[o.c/vecBytes:][:o.m*o.n], int(o.m), int(o.n))
		case kindLoop:
			idx = 0
			count = int64(math.Float64bits(slab[o.c/vecBytes][0]))
			if count == 0 {
				pc += int(o.m) - 1
			}
		case kindNext:
			idx += o.ci
			if count--; count != 0 {
				pc += int(o.m) - 1
			}
		case kindReset:
			idx, count = 0, 1
			slab[o.c/vecBytes], slab[o.c0/vecBytes] = Vec{}, Vec{}
		case kindKeep:
			alive = 0
			norm, sum, mask, bad := &slab[o.a/vecBytes], &slab[o.b/vecBytes], &slab[o.c/vecBytes], &slab[o.c0/vecBytes]
			full := count == int64(o.k)
			for l, v := range norm {
				sum[l] += v
				keep := v > PowersEnd && v <= PowersMax
				mask[l] = bits(keep)
				if keep {
					alive |= 1 << l
				}
				if !(v <= PowersMax) || full && keep {
					bad[l] = bits(true)
				}
			}
			if alive == 0 || full {
				slab[o.ai/vecBytes][0] = math.Float64frombits(uint64(count))
				pc += int(o.m) - 1
			}
		case kindMask:
			if alive != 1<<Lanes-1 {
				c, mask := slab[(o.c+idx)/vecBytes:], &slab[o.a/vecBytes]
				for i := range c[:o.n] {
					for l, m := range mask {
						c[i][l] = math.Float64frombits(math.Float64bits(c[i][l]) & math.Float64bits(m))
					}
				}
			}
			idx += o.ci
			count++
			pc += int(o.m) - 1
		case kindSquares, kindDouble:
			// What they do follows, operation by operation.
		case kindTwoSum:
			n := int(o.n)
			twinTwoSum(slab[o.c/vecBytes:][:2*n], slab[o.a/vecBytes:][:2*n], slab[o.b/vecBytes:][:2*n], n)
		}
	}
}

// bits is a lane of a mask: all ones or all zeros.
func bits(b bool) float64 {
	if b {
		return math.Float64frombits(math.MaxUint64)
	}
	return 0
}

func shift(o *op, flag, idx int32) int32 {
	if o.flags&flag != 0 {
		return idx
	}
	return 0
}

func twinMul(slab []Vec, o *op, idx int32) int64 {
	a0, b0 := (o.a+shift(o, flagA, idx))/vecBytes, (o.b+shift(o, flagB, idx))/vecBytes
	c0, cc := o.c0/vecBytes, (o.c+shift(o, flagC, idx))/vecBytes
	ai, ap, bp, bj := o.ai/vecBytes, o.ap/vecBytes, o.bp/vecBytes, o.bj/vecBytes
	ci, cj := o.ci/vecBytes, o.cj/vecBytes
	entries := int64(0)
	for i := range o.m {
		n := o.n
		if o.flags&flagSym != 0 {
			n = i + 1
		}
		entries += int64(n)
		for j := range n {
			a, b := a0+i*ai, b0+j*bj
			var acc Vec
			x, y := &slab[a], &slab[b]
			for l := range acc {
				acc[l] = float64(x[l] * y[l])
			}
			for range o.k - 1 {
				a += ap
				b += bp
				x, y := &slab[a], &slab[b]
				for l := range acc {
					acc[l] = math.FMA(x[l], y[l], acc[l])
				}
			}
			from := &slab[c0+i*ci+j*cj]
			to := &slab[cc+i*ci+j*cj]
			switch o.mode {
			case modeSet:
				*to = acc
			case modeAdd:
				for l, v := range from {
					to[l] = v + acc[l]
				}
			case modeSub:
				for l, v := range from {
					to[l] = v - acc[l]
				}
			case modeFMA:
				for l, v := range from {
					to[l] = math.FMA(o.s, acc[l], v)
				}
			case modeScale:
				for l, v := range acc {
					to[l] = float64(o.s * v)
				}
			}
			if o.flags&flagSym != 0 {
				slab[cc+j*ci+i*cj] = *to
			}
		}
	}
	return 2 * Lanes * int64(o.k) * entries
}

func twinDot(c *Vec, a, b []Vec) {
	var s [4]Vec
	for i := range a {
		t, x, y := &s[i%4], &a[i], &b[i]
		for l := range t {
			t[l] = math.FMA(x[l], y[l], t[l])
		}
	}
	for l := range c {
		c[l] = float64(s[0][l]+s[1][l]) + float64(s[2][l]+s[3][l])
	}
}

func twinLin(slab []Vec, o *op) {
	c, c0, a := slab[o.c/vecBytes:][:o.n], slab[o.c0/vecBytes:][:o.n], slab[o.a/vecBytes:][:o.n]
	w := slab[o.b/vecBytes]
	for i := range c {
		x, from, to := &a[i], &c0[i], &c[i]
		switch o.mode {
		case modeSet:
			*to = *x
		case modeAdd:
			for l, v := range x {
				to[l] = from[l] + v
			}
		case modeSub:
			for l, v := range x {
				to[l] = from[l] - v
			}
		case modeFMA:
			for l, v := range x {
				to[l] = math.FMA(o.s, v, from[l])
			}
		case modeScale:
			for l, v := range x {
				to[l] = float64(o.s * v)
			}
		case modeLanes:
			for l, v := range x {
				to[l] = float64(v * w[l])
			}
		}
	}
}

func twinCholesky(c, a []Vec, n int, s float64) {
	for i := range n {
		for j := range i {
			t := a[i*n+j]
			for p := range j {
				x, y := &c[i*n+p], &c[j*n+p]
				for l := range t {
					t[l] = math.FMA(-x[l], y[l], t[l])
				}
			}
			d := &c[j*n+j]
			for l := range t {
				c[i*n+j][l] = float64(t[l] * d[l])
			}
		}
		var d Vec
		for l, v := range a[i*n+i] {
			d[l] = float64(s * v)
		}
		for p := range i {
			x := &c[i*n+p]
			for l := range d {
				d[l] = math.FMA(-x[l], x[l], d[l])
			}
		}
		for l, v := range d {
			c[i*n+i][l] = 1 / math.Sqrt(v)
		}
	}
}

func twinSolve(lo, b []Vec, n, m int) {
	row := func(i, p, j int, factor *Vec) {
		x, y := &b[p*m+j], &b[i*m+j]
		for l := range y {
			y[l] = math.FMA(-factor[l], x[l], y[l])
		}
	}
	scale := func(i, j int) {
		d, y := &lo[i*n+i], &b[i*m+j]
		for l := range y {
			y[l] = float64(y[l] * d[l])
		}
	}
	for i := range n {
		for j := range m {
			for p := range i {
				row(i, p, j, &lo[i*n+p])
			}
			scale(i, j)
		}
	}
	for i := n - 1; i >= 0; i-- {
		for j := range m {
			for p := i + 1; p < n; p++ {
				row(i, p, j, &lo[p*n+i])
			}
			scale(i, j)
		}
	}
}

func twinTwoSum(c, a, b []Vec, n int) {
	for i := range n {
		for l := range Lanes {
			x, y := a[i][l], b[i][l]
			s := float64(x + y)
			t := float64(s - x)
			e := float64(float64(x-float64(s-t)) + float64(y-t))
			ea := float64(a[n+i][l] + b[n+i][l])
			c[i][l] = s
			c[n+i][l] = e + ea
		}
	}
}

// AddSums is Program.TwoSum on slices, sums first and errors after them.
func AddSums(c, a, b []Vec) { twinTwoSum(c, a, b, len(c)/2) }
