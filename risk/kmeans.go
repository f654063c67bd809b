package risk

import (
	"math"
	"slices"
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// KMeans is soft clustering around K centres c_k, the parameters, one after
// the other:
//
//	f(c) = −τ/n Σ log( 1/K Σ_k exp(−‖xᵢ − c_k‖²/τ) )
//
// Up to a constant it is τ times the mean negative log-likelihood of a mixture
// of K equally likely isotropic Gaussians of variance τ/2, and it is in the
// unit of squared features. As τ → 0 it tends to the cost of k-means, the mean
// squared distance to the nearest centre.
type KMeans struct {
	Centers     int     // K
	Temperature float64 // τ, positive
}

// On is Clusters, as a Model has it.
func (m KMeans) On(d Data) (objective.Objective, error) {
	o, err := m.Clusters(d)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Clusters is KMeans over data. It is not convex, it is the same for any order
// of the centres, and its ε is not known: Declare states one. It is never below
// 0. Evaluations and products cost n K p operations, less where centres are
// far from a row beyond underflow.
type Clusters struct {
	x    []float64 // n×p
	n, p int
	k    int
	tau  float64
	pool sync.Pool
}

// Clusters makes the objective; targets, if any, are ignored.
func (m KMeans) Clusters(d Data) (*Clusters, error) {
	switch {
	case m.Centers <= 0:
		return nil, &ModelError{Of: "clusters", Field: "Centers", Value: m.Centers, Want: "a positive number"}
	case !(m.Temperature > 0) || math.IsInf(m.Temperature, 1) || math.IsInf(2/m.Temperature, 1):
		return nil, &ModelError{Of: "clusters", Field: "Temperature", Value: m.Temperature, Want: "a positive number whose inverse is finite"}
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	o := &Clusters{x: append([]float64(nil), d.X...), n: d.Rows, p: d.Cols, k: m.Centers, tau: m.Temperature}
	o.pool.New = func() any {
		s := make([]float64, 6*o.k+o.k*o.p)
		return &s
	}
	return o, nil
}

// Dim is K p.
func (o *Clusters) Dim() int { return o.k * o.p }

// LowerBound is 0, which is attained only where every row lies on a centre and
// the centres coincide.
func (o *Clusters) LowerBound() float64 { return 0 }

// Epsilon is not known.
func (o *Clusters) Epsilon() (float64, bool) { return 0, false }

func (o *Clusters) row(i int) []float64 { return o.x[i*o.p : (i+1)*o.p : (i+1)*o.p] }

// take is working space: six vectors of K numbers, then one of K p.
func (o *Clusters) take() (*[]float64, [6][]float64, []float64) {
	whole := o.pool.Get().(*[]float64)
	var v [6][]float64
	for i := range v {
		v[i] = (*whole)[i*o.k : (i+1)*o.k : (i+1)*o.k]
	}
	return whole, v, (*whole)[6*o.k:]
}

// At evaluates at the centres. The error is a *objective.LengthError or a
// *ValueError.
func (o *Clusters) At(c []float64) (objective.Point, error) {
	if err := checkLength(c, o.Dim()); err != nil {
		return nil, err
	}
	p := &clustersPoint{
		o: o, c: append([]float64(nil), c...), grad: make([]float64, o.Dim()),
		q: make([]float64, o.n*o.k), top: make([]int32, o.n), mass: make([]float64, o.k),
	}
	whole, v, sum := o.take()
	defer o.pool.Put(whole)
	a, w := v[0], v[1]
	var value total
	for lo := 0; lo < o.n; lo += block {
		clear(sum)
		var part float64
		for i := lo; i < min(lo+block, o.n); i++ {
			x, q := o.row(i), p.weights(i)
			for k := range a {
				var d float64
				for j, y := range p.center(k) {
					e := y - x[j]
					d += float64(e * e)
				}
				a[k] = -d / o.tau
			}
			top := largest(a)
			p.top[i] = int32(top)
			least := -a[top]
			var near float64 // 1 + tail − K, term by term
			if slices.Min(a)+least > -0.5 {
				for _, x := range a {
					near += math.Expm1(x + least)
				}
			}
			tail, _ := soften(q, a, top)
			// −log(1/K Σ exp a) = least − log((1 + tail)/K); where all exponentials are
			// near 1 the difference to K is summed by itself.
			excess := near
			if excess == 0 {
				excess = 1 + tail - float64(o.k)
			}
			part += least - math.Log1p(excess/float64(o.k))
			for k, y := range q {
				w[k] = 2 * y
				p.mass[k] += y
			}
			p.gather(sum, x, w)
		}
		value.add(part)
		dense.Add(p.grad, p.grad, sum)
	}
	n := float64(o.n)
	p.value = o.tau * (value.value() / n)
	dense.Scale(p.grad, 1/n, p.grad)
	dense.Scale(p.mass, 1/n, p.mass)
	if !isFinite(p.value) || !dense.Finite(p.grad) {
		return nil, &ValueError{Of: "clusters", Value: p.value}
	}
	return p, nil
}

// clustersPoint is a Clusters at one set of centres. With e_k = c_k − x and
// q_k the posterior of centre k for a row,
//
//	α_k  = −2 e_kᵀv_k/τ, the derivative of −‖e_k‖²/τ along v
//	q′_k = q_k (α_k − ᾱ),   ᾱ = Σ q_j α_j
//	q″_k = q_k ( (α_k − ᾱ)(β_k − β̄) − Σ q_j (α_j − ᾱ)(β_j − β̄) + γ_k − γ̄ ),   γ_k = −2 y_kᵀz_k/τ
//
//	∇f_k        = mean of 2 q_k e_k
//	∇²f[v]_k    = mean of 2 q_k v_k + 2 q′_k e_k
//	∇³f[y,z]_k  = mean of 2 q′_k[z] y_k + 2 q′_k[y] z_k + 2 q″_k e_k
type clustersPoint struct {
	o     *Clusters
	c     []float64
	value float64
	grad  []float64
	q     []float64 // n×K
	top   []int32   // index of the largest q of a row
	mass  []float64 // mean of q
}

func (p *clustersPoint) Value() float64     { return p.value }
func (p *clustersPoint) Gap() float64       { return p.value }
func (p *clustersPoint) Grad(dst []float64) { copy(dst, p.grad) }

func (p *clustersPoint) center(k int) []float64 {
	return p.c[k*p.o.p : (k+1)*p.o.p : (k+1)*p.o.p]
}

func (p *clustersPoint) weights(i int) []float64 {
	return p.q[i*p.o.k : (i+1)*p.o.k : (i+1)*p.o.k]
}

// along sets α_k for row x, 0 where q_k is 0.
func (p *clustersPoint) along(alpha, q, x, v []float64) {
	d := p.o.p
	for k := range alpha {
		alpha[k] = 0
		if q[k] == 0 {
			continue
		}
		w := v[k*d : (k+1)*d][:len(x)]
		c := p.c[k*d : (k+1)*d][:len(x)]
		var s0, s1 float64
		j := 0
		for ; j+2 <= len(x); j += 2 {
			s0 += float64((c[j] - x[j]) * w[j])
			s1 += float64((c[j+1] - x[j+1]) * w[j+1])
		}
		if j < len(x) {
			s0 += float64((c[j] - x[j]) * w[j])
		}
		alpha[k] = -2 / p.o.tau * (s0 + s1)
	}
}

// gather sets dst_k ← dst_k + w_k (c_k − x).
func (p *clustersPoint) gather(dst, x, w []float64) {
	d := p.o.p
	for k, f := range w {
		if f == 0 {
			continue
		}
		s := dst[k*d : (k+1)*d][:len(x)]
		c := p.c[k*d : (k+1)*d][:len(x)]
		for j, y := range x {
			s[j] += float64(f * (c[j] - y))
		}
	}
}

func (p *clustersPoint) HessVec(dst, v []float64) {
	o := p.o
	whole, vec, sum := o.take()
	a := vec[0]
	clear(dst)
	for lo := 0; lo < o.n; lo += block {
		clear(sum)
		for i := lo; i < min(lo+block, o.n); i++ {
			x, q := o.row(i), p.weights(i)
			p.along(a, q, x, v)
			spread(a, q, a, int(p.top[i]))
			for k := range a {
				a[k] *= 2 * q[k]
			}
			p.gather(sum, x, a)
		}
		dense.Add(dst, dst, sum)
	}
	o.pool.Put(whole)
	n := float64(o.n)
	for k, m := range p.mass {
		for j := k * o.p; j < (k+1)*o.p; j++ {
			dst[j] = dst[j]/n + 2*m*v[j]
		}
	}
}

func (p *clustersPoint) Third(dst, y, z []float64) {
	o := p.o
	whole, vec, sum := o.take()
	a, b, c, gamma, my, mz := vec[0], vec[1], vec[2], vec[3], vec[4], vec[5]
	for k := range gamma {
		gamma[k] = -2 / o.tau * dense.Dot(y[k*o.p:(k+1)*o.p], z[k*o.p:(k+1)*o.p])
	}
	clear(my)
	clear(mz)
	clear(dst)
	for lo := 0; lo < o.n; lo += block {
		clear(sum)
		for i := lo; i < min(lo+block, o.n); i++ {
			x, q, top := o.row(i), p.weights(i), int(p.top[i])
			p.along(a, q, x, y)
			p.along(b, q, x, z)
			spread(a, q, a, top)
			spread(b, q, b, top)
			for k := range a {
				c[k] = a[k]*b[k] + gamma[k]
				my[k] += q[k] * a[k]
				mz[k] += q[k] * b[k]
			}
			spread(c, q, c, top)
			for k := range c {
				c[k] *= 2 * q[k]
			}
			p.gather(sum, x, c)
		}
		dense.Add(dst, dst, sum)
	}
	n := float64(o.n)
	for k := range my {
		for j := k * o.p; j < (k+1)*o.p; j++ {
			dst[j] = (dst[j] + 2*(my[k]*z[j]+mz[k]*y[j])) / n
		}
	}
	o.pool.Put(whole)
}
