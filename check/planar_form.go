package check

import "github.com/metalqr/metalqr/interval"

// An algebra is what the formulas of planar_model.go are computed in: numbers V,
// with constants C. times and plus are the product and the sum with a constant;
// tight may narrow an enclosure.
type algebra[V, C any] interface {
	add(V) V
	sub(V) V
	mul(V) V
	inv() V
	times(C) V
	plus(C) V
	tight() V
}

// The orders of forms. With order 4 the gradient has a remainder of order 3, and the
// Hessian one of order 2.
const (
	usualOrder = 4
	formOrder  = 6
	formTerms  = (formOrder + 1) * (formOrder + 2) / 2
)

// A form encloses a function of t ∈ [−1, 1]² with its Taylor coefficients of order
// up to deg: at holds those at t = 0, over those at every t of the square. The
// coefficient of t₁ⁱt₂ʲ, n = i + j, is at n(n+1)/2 + j.
type form struct {
	deg      int
	bad      bool // an operation had no result
	at, over [formTerms]interval.Interval
}

func termsOf(deg int) int { return (deg + 1) * (deg + 2) / 2 }

// formPairs lists, for each coefficient of a product, what it is the sum of: the
// pair with the whole second factor comes first. formAbove lists for α the
// γ = β − α ≥ 0, as the place of β, the number (β over α), the order of β and
// whether both parts of γ are even.
var (
	formPairs [formTerms][][2]int
	formAbove [formTerms][]aboveTerm
)

type aboveTerm struct {
	from  int
	times float64
	order int
	t     interval.Interval // t^γ over the square
}

func init() {
	place := func(i, j int) int { return (i+j)*(i+j+1)/2 + j }
	choose := func(n, k int) float64 {
		c := 1.0
		for i := range k {
			c = c * float64(n-i) / float64(i+1)
		}
		return c
	}
	for i := range formOrder + 1 {
		for j := range formOrder + 1 - i {
			k := place(i, j)
			for a := range i + 1 {
				for b := range j + 1 {
					formPairs[k] = append(formPairs[k], [2]int{place(a, b), place(i-a, j-b)})
				}
			}
			for a := range formOrder + 1 - i - j {
				for b := range formOrder + 1 - i - j - a {
					t := interval.New(-1, 1)
					switch {
					case a == 0 && b == 0:
						t = unit
					case a%2 == 0 && b%2 == 0:
						t = interval.New(0, 1)
					}
					formAbove[k] = append(formAbove[k], aboveTerm{place(i+a, j+b), choose(i+a, i) * choose(j+b, j), i + j + a + b, t})
				}
			}
		}
	}
}

// coordinate is the form of k = c + r t_axis, which over the square lies in b.
func coordinate(deg, axis int, c, r float64, b interval.Interval) *form {
	f := &form{deg: deg}
	f.at[0], f.over[0] = interval.Of(c), b
	if deg > 0 {
		f.at[1+axis], f.over[1+axis] = interval.Of(r), interval.Of(r)
	}
	return f
}

func (f *form) add(g *form) *form {
	h := &form{deg: f.deg, bad: f.bad || g.bad}
	for i := range termsOf(f.deg) {
		h.at[i], h.over[i] = f.at[i].Add(g.at[i]), f.over[i].Add(g.over[i])
	}
	return h
}

func (f *form) sub(g *form) *form {
	h := &form{deg: f.deg, bad: f.bad || g.bad}
	for i := range termsOf(f.deg) {
		h.at[i], h.over[i] = f.at[i].Sub(g.at[i]), f.over[i].Sub(g.over[i])
	}
	return h
}

var nothing interval.Interval // 0

func (f *form) mul(g *form) *form {
	h := &form{deg: f.deg, bad: f.bad || g.bad}
	for k := range termsOf(f.deg) {
		var a, o interval.Interval
		for _, p := range formPairs[k] {
			i, j := p[0], p[1]
			if f.over[i] == nothing || g.over[j] == nothing {
				continue
			}
			o = o.Add(f.over[i].Mul(g.over[j]))
			a = a.Add(f.at[i].Mul(g.at[j]))
		}
		h.at[k], h.over[k] = a, o
	}
	return h
}

// inv is 1/f, of a function that is shown to be positive.
func (f *form) inv() *form {
	h := &form{deg: f.deg, bad: f.bad || !f.over[0].Positive()}
	if h.bad {
		return h
	}
	h.at[0], h.over[0] = f.at[0].Inv(), f.over[0].Inv()
	a0, o0 := h.at[0].Neg(), h.over[0].Neg()
	for k := 1; k < termsOf(f.deg); k++ {
		var a, o interval.Interval
		for _, p := range formPairs[k] {
			i, j := p[0], p[1]
			if j == k || f.over[i] == nothing {
				continue
			}
			o = o.Add(f.over[i].Mul(h.over[j]))
			a = a.Add(f.at[i].Mul(h.at[j]))
		}
		h.at[k], h.over[k] = a0.Mul(a), o0.Mul(o)
	}
	return h
}

func (f *form) times(c interval.Interval) *form {
	h := &form{deg: f.deg, bad: f.bad}
	for i := range termsOf(f.deg) {
		h.at[i], h.over[i] = f.at[i].Mul(c), f.over[i].Mul(c)
	}
	return h
}

func (f *form) plus(c interval.Interval) *form {
	h := *f
	h.at[0], h.over[0] = f.at[0].Add(c), f.over[0].Add(c)
	return &h
}

// tight narrows over: a coefficient is itself a function of t, with the Taylor
// expansion
//
//	f_α(t) = Σ_{|β| < deg} (β over α) f_β(0) t^{β−α} + Σ_{|β| = deg} (β over α) f_β(ξ) t^{β−α}.
func (f *form) tight() *form {
	h := *f
	for k := range termsOf(f.deg - 1) {
		var s interval.Interval
		for _, x := range formAbove[k] {
			if x.order > f.deg {
				continue
			}
			c := &f.at[x.from]
			if x.order == f.deg {
				c = &f.over[x.from]
			}
			if *c == nothing {
				continue
			}
			s = s.Add(c.Scale(x.times).Mul(x.t))
		}
		if s = s.Intersect(f.over[k]); s.IsEmpty() {
			h.bad = true // cannot be
			return &h
		}
		h.over[k] = s
	}
	return &h
}

// A mixture is Σ cᵢ ∂^αᵢ f of a form, in Taylor coefficients.
type mixture struct {
	deg      int
	at, over [formTerms]interval.Interval
}

// mix adds c ∂₁ᵃ∂₂ᵇ f.
func (m *mixture) mix(f *form, c float64, a, b int) {
	m.deg = f.deg - a - b
	for i := range m.deg + 1 {
		for j := range m.deg + 1 - i {
			n := 1 // of derivatives of powers
			for x := range a {
				n *= i + a - x
			}
			for x := range b {
				n *= j + b - x
			}
			to, from := (i+j)*(i+j+1)/2+j, (i+j+a+b)*(i+j+a+b+1)/2+j+b
			y := interval.Of(c).Scale(float64(n))
			m.at[to] = m.at[to].Add(f.at[from].Mul(y))
			m.over[to] = m.over[to].Add(f.over[from].Mul(y))
		}
	}
}

// bound encloses the mixture over the square.
func (m *mixture) bound() interval.Interval {
	s := m.over[0]
	var y interval.Interval
	for _, x := range formAbove[0] {
		switch {
		case x.order < m.deg:
			y = y.Add(m.at[x.from].Mul(x.t))
		case x.order == m.deg:
			y = y.Add(m.over[x.from].Mul(x.t))
		}
	}
	return s.Intersect(y)
}

// A dual is a number of 256 bits with its two derivatives.
type dual struct {
	v fine
	d [2]fine
}

func (f *dual) add(g *dual) *dual {
	return &dual{f.v.add(g.v), [2]fine{f.d[0].add(g.d[0]), f.d[1].add(g.d[1])}}
}

func (f *dual) sub(g *dual) *dual {
	return &dual{f.v.sub(g.v), [2]fine{f.d[0].sub(g.d[0]), f.d[1].sub(g.d[1])}}
}

func (f *dual) mul(g *dual) *dual {
	h := &dual{v: f.v.mul(g.v)}
	for i := range h.d {
		h.d[i] = f.d[i].mul(g.v).add(f.v.mul(g.d[i]))
	}
	return h
}

func (f *dual) inv() *dual {
	h := &dual{v: exactly(1).div(f.v)}
	if f.v.sign() <= 0 {
		h.v = fine{}
	}
	for i := range h.d {
		h.d[i] = f.d[i].mul(h.v.sqr()).neg()
	}
	return h
}

func (f *dual) times(c fine) *dual {
	return &dual{f.v.mul(c), [2]fine{f.d[0].mul(c), f.d[1].mul(c)}}
}

func (f *dual) plus(c fine) *dual { return &dual{f.v.add(c), f.d} }

func (f *dual) tight() *dual { return f }
