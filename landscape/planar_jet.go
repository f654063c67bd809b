package landscape

// A jet is a function of the chart's two coordinates with its derivatives up to
// an order, each of them a model over one box.
type jet struct {
	v model
	d [2]model // ∂₁, ∂₂
	h [3]model // ∂₁₁, ∂₁₂, ∂₂₂
}

// A tape computes with jets of one order over one box. Its results stay until it
// is rewound.
type tape struct {
	order int
	jets  []*jet
	used  int
	s, t  model
}

func (w *tape) rewind(order int) { w.order, w.used = order, 0 }

// next is a jet to be written.
func (w *tape) next() *jet {
	if w.used == len(w.jets) {
		w.jets = append(w.jets, new(jet))
	}
	w.used++
	return w.jets[w.used-1]
}

// jetPartials are the indices of the second derivatives.
var jetPartials = [3][2]int{{0, 0}, {0, 1}, {1, 1}}

// A scaled is a term of a linear combination.
type scaled struct {
	by real
	j  *jet
}

// sum is x + Σ byₖ jₖ.
func (w *tape) sum(x real, s ...scaled) *jet {
	r := w.next()
	r.v.constant(x)
	if w.order > 0 {
		r.d = [2]model{}
	}
	if w.order > 1 {
		r.h = [3]model{}
	}
	for _, t := range s {
		r.v.addScaled(t.by, &t.j.v)
		if w.order > 0 {
			for i := range 2 {
				r.d[i].addScaled(t.by, &t.j.d[i])
			}
		}
		if w.order > 1 {
			for i := range 3 {
				r.h[i].addScaled(t.by, &t.j.h[i])
			}
		}
	}
	return r
}

var unity = real{m: 1}

// addProduct adds k a b to p.
func (w *tape) addProduct(p *model, k float64, a, b *model) {
	if a.isZero() || b.isZero() {
		return
	}
	w.s.product(a, b)
	p.addScaled(real{m: k}, &w.s)
}

// mul is a b.
func (w *tape) mul(a, b *jet) *jet {
	r := w.next()
	r.v.product(&a.v, &b.v)
	if w.order > 0 {
		for i := range 2 {
			r.d[i].product(&a.v, &b.d[i])
			w.addProduct(&r.d[i], 1, &a.d[i], &b.v)
		}
	}
	if w.order > 1 {
		for k, ij := range jetPartials {
			i, j := ij[0], ij[1]
			h := &r.h[k]
			h.product(&a.v, &b.h[k])
			w.addProduct(h, 1, &a.h[k], &b.v)
			if i == j {
				w.addProduct(h, 2, &a.d[i], &b.d[i])
			} else {
				w.addProduct(h, 1, &a.d[i], &b.d[j])
				w.addProduct(h, 1, &a.d[j], &b.d[i])
			}
		}
	}
	return r
}

// inv is r = 1/a, with tᵢ = r aᵢ:
//
//	rᵢ = −r tᵢ,    rᵢⱼ = r (2 tᵢtⱼ − r aᵢⱼ).
//
// It reports false where a is not shown to keep its sign.
func (w *tape) inv(a *jet) (*jet, bool) {
	r := w.next()
	if !r.v.inverse(&a.v) {
		return nil, false
	}
	if w.order == 0 {
		return r, true
	}
	var t [2]model
	for i := range 2 {
		t[i].product(&r.v, &a.d[i])
		r.d[i] = model{}
		w.addProduct(&r.d[i], -1, &r.v, &t[i])
	}
	if w.order > 1 {
		for k, ij := range jetPartials {
			w.t = model{}
			w.addProduct(&w.t, 2, &t[ij[0]], &t[ij[1]])
			w.addProduct(&w.t, -1, &r.v, &a.h[k])
			r.h[k].product(&r.v, &w.t)
		}
	}
	return r, true
}
