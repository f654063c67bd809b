package fleet

import (
	"math"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A solver solves the Riccati equations of a block: structure-preserving
// doubling in lanes (matrixeq's doubling.go has the equations) from
// (A, B R⁻¹Bᵀ, Q), then, from the gain W that its limit gives,
//
//	W ← W − U,   U = S⁻¹E,
//
// which is policy iteration: quadratic, and from a gain that stabilises to the
// stabilising solution and no other. A lane is believed when its closed loop is
// certified as at any other gain, the residual of P is rounding, and what the
// step still gains, tr(Σ UᵀS U), is below settled·C. So doubling needs neither
// pivots nor care: where it fails, or finds the minimal solution because Q does
// not see an unstable mode, the certificate fails, and lqr.New decides.
type solver struct {
	e           *engine
	a, g, h     kernel.Mat // of the doubling, n×n
	m, v, u     kernel.Mat // I + G H, V = M⁻¹A, M⁻¹G
	dh, t       kernel.Mat
	bt, z       kernel.Mat // r×n
	change      kernel.Mat // 1×2: ‖dH‖², ‖H‖²
	found       kernel.Mat // 1×4: C, tr(Σ UᵀE), ‖P − Q − WᵀRW − A_WᵀP A_W‖², ‖P‖²
	ls          kernel.Mat // the factor of R, then of S
	begin, head *kernel.Program
	body, gain  *kernel.Program
	polish      [2]*kernel.Program
}

const (
	// doubled: a lane's doubling ends when ‖dH‖² is below this times ‖H‖², the
	// next change being about the square of this one. What matrixeq asks of the
	// root is less by two bits; here a step of policy iteration follows.
	doubled      = 0x1p-54
	maxDoublings = 40
	// settled: see solver. W is then within 1e-9 of W* in the norm of the cost,
	// and W − U within the rounding.
	settled   = 1e-18
	maxPolish = 4
)

func newSolver(n, r int, of form) *solver {
	e := newEngine(n, r, GaussNewton, nil, false, of, nil)
	l := &e.layout
	s := &solver{e: e}
	for _, m := range []*kernel.Mat{&s.a, &s.g, &s.h, &s.m, &s.v, &s.u, &s.dh, &s.t} {
		*m = l.Mat(n, n)
	}
	s.bt, s.z, s.ls = l.Mat(r, n), l.Mat(r, n), l.Mat(r, r)
	s.change, s.found = l.Mat(1, 2), l.Mat(1, 4)
	d, w := &e.outer, e.slots[0].w

	p := new(kernel.Program)
	p.Mul(s.bt, d.b.T(), e.eye)
	p.Cholesky(s.ls, d.rr, 1)
	p.Solve(s.ls, s.bt)
	p.SymMul(s.g, d.b, s.bt)
	p.Copy(s.a, d.a)
	p.Copy(s.h, d.q)
	s.begin = p.Done()

	p = new(kernel.Program)
	p.MulAdd(s.m, e.eye, s.g, s.h)
	p.Copy(s.v, s.a)
	p.Copy(s.u, s.g)
	s.head = p.Done()

	p = new(kernel.Program)
	p.Mul(s.t, s.h, s.v)
	p.SymMul(s.dh, s.a.T(), s.t)
	p.Add(s.h, s.h, s.dh)
	p.Dot(s.change.Entry(0, 0), s.dh, s.dh)
	p.Dot(s.change.Entry(0, 1), s.h, s.h)
	p.Mul(s.t, s.a, s.u)
	p.SymAdd(s.g, s.g, s.t, s.a.T())
	p.Mul(s.t, s.a, s.v)
	p.Copy(s.a, s.t)
	s.body = p.Done()

	p = new(kernel.Program)
	p.Mul(s.z, d.b.T(), s.h)
	p.SymAdd(e.slots[0].s, d.rr, s.z, d.b)
	p.Cholesky(s.ls, e.slots[0].s, 1)
	p.Mul(w, s.z, d.a)
	p.Solve(s.ls, w)
	s.gain = p.Done()

	for i := range 2 {
		p = new(kernel.Program)
		at := &e.slots[0]
		e.at(p, at, d, i == 1)
		p.Cholesky(s.ls, at.s, 1)
		p.Copy(at.u, at.e)
		p.Solve(s.ls, at.u)
		p.Dot(s.found.Entry(0, 0), at.p, d.s0)
		p.Mul(s.z, at.e, at.x)
		p.Dot(s.found.Entry(0, 1), at.u, s.z)
		// The residual of P.
		p.Mul(s.z, d.rr, at.w)
		p.SymAdd(s.t, d.q, at.w.T(), s.z)
		p.Mul(s.v, at.p, at.aw)
		p.SymAdd(s.t, s.t, at.aw.T(), s.v)
		p.Sub(s.t, at.p, s.t)
		p.Dot(s.found.Entry(0, 2), s.t, s.t)
		p.Dot(s.found.Entry(0, 3), at.p, at.p)
		p.Sub(at.w, at.w, at.u)
		s.polish[i] = p.Done()
	}
	return s
}

func (s *solver) slab() []kernel.Vec { return s.e.slab() }

// block solves the block of a store that begins with task at and has count of
// them, task t of a source and following; doubt has a bit for every lane whose
// matrices are not obviously those of a task, and which lqr.New has to accept.
// It returns how many lqr solved; the error is a *TaskError. A nil solver leaves
// it at that.
func (s *solver) block(slab []kernel.Vec, st *store, at, count int, src source, t int, doubt uint) (redone int, err error) {
	pending := doubt
	if s != nil {
		st.load(slab, &s.e.outer, at/kernel.Lanes)
		pending |= s.solve(slab, st, at/kernel.Lanes)
	}
	for lane := range count {
		if pending>>lane&1 == 0 {
			continue
		}
		task, err := lqr.New(specOf(src, t+lane))
		if err != nil {
			return redone, &TaskError{Index: at + lane, Err: err}
		}
		if s != nil {
			st.setOptimum(at+lane, task)
			redone++
		}
	}
	return redone, nil
}

// specOf is a task of a source as it was given.
func specOf(src source, i int) lqr.Spec {
	_, n, r := src.size()
	x, _ := src.one(i)
	matrix := func(rows, cols int, data []float64) matrixeq.Matrix {
		if data == nil {
			return matrixeq.Matrix{}
		}
		return matrixeq.Matrix{Rows: rows, Cols: cols, Data: data}
	}
	return lqr.Spec{A: matrix(n, n, x.a), B: matrix(n, r, x.b), Q: matrix(n, n, x.q), R: matrix(r, r, x.r), Sigma0: matrix(n, n, x.s0)}
}

// solve solves a block, and returns a bit for every lane that it did not.
func (s *solver) solve(slab []kernel.Vec, st *store, i int) (pending uint) {
	e, n := s.e, s.e.n
	kernel.Run(slab, s.begin)
	active := uint(1<<kernel.Lanes - 1)
	for step := 0; active != 0 && step < maxDoublings; step++ {
		kernel.Run(slab, s.head)
		eliminate(s.m.Of(slab), s.v.Of(slab), s.u.Of(slab), n)
		kernel.Run(slab, s.body)
		change, size := &s.change.Of(slab)[0], &s.change.Of(slab)[1]
		for l := range kernel.Lanes {
			if active>>l&1 == 1 && !(change[l] > doubled*size[l]) { // NaN is the end, too
				active &^= 1 << l
				// With A = 0 nothing of the lane changes any more.
				a := s.a.Of(slab)
				for j := range a {
					a[j][l] = 0
				}
			}
		}
	}
	kernel.Run(slab, s.gain)

	variant := 0
	if st.uncertain[i] {
		variant = 1
	}
	at := &e.slots[0]
	block := st.block(i)
	ρ := 64 * float64(n) * dense.Eps
	pending = 1<<kernel.Lanes - 1
	for step := 0; pending != 0 && step < maxPolish; step++ {
		kernel.Run(slab, s.polish[variant])
		good := pending &^ e.unproved(slab, at)
		found := s.found.Of(slab)
		for l := range kernel.Lanes {
			if good>>l&1 == 0 {
				continue
			}
			cost, gain, residual, size := found[0][l], found[1][l], found[2][l], found[3][l]
			if !(math.Abs(gain) <= settled*cost) || !(residual <= ρ*ρ*size) || cost-cost != 0 {
				continue
			}
			pending &^= 1 << l
			block[st.cost][l] = cost
			for j, w := range at.w.Of(slab) {
				block[st.gain+j][l] = w[l]
			}
			if st.form.solution {
				k, p := st.p, at.p.Of(slab)
				for i := range n {
					for j := range i + 1 {
						block[k][l] = p[i*n+j][l]
						k++
					}
				}
			}
			k := st.lStar
			for a := range e.r {
				for b := range a + 1 {
					v := s.ls.Of(slab)[a*e.r+b][l]
					if a == b {
						v = 1 / v
					}
					block[k][l] = v
					k++
				}
			}
		}
	}
	return pending
}

// eliminate sets V ← M⁻¹V and U ← M⁻¹U for n×n matrices by Gauss's elimination
// without pivots, M being lost. For M = I + G H with semidefinite G and H, whose
// eigenvalues are at least 1, that is rarely bad; where it is, the solver
// notices.
func eliminate(m, v, u []kernel.Vec, n int) {
	var d kernel.Vec
	for k := range n {
		for l, x := range m[k*n+k] {
			d[l] = 1 / x
		}
		for j := k + 1; j < n; j++ {
			times(&m[k*n+j], &d)
		}
		for j := range n {
			times(&v[k*n+j], &d)
			times(&u[k*n+j], &d)
		}
		for i := range n {
			if i == k {
				continue
			}
			f := m[i*n+k]
			for j := k + 1; j < n; j++ {
				minus(&m[i*n+j], &f, &m[k*n+j])
			}
			for j := range n {
				minus(&v[i*n+j], &f, &v[k*n+j])
				minus(&u[i*n+j], &f, &u[k*n+j])
			}
		}
	}
}

func times(x, d *kernel.Vec) {
	for l := range x {
		x[l] *= d[l]
	}
}

func minus(x, f, y *kernel.Vec) {
	for l := range x {
		x[l] -= float64(f[l] * y[l])
	}
}
