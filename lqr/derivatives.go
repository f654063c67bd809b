package lqr

import "github.com/metalqr/metalqr/internal/dense"

// The derivatives along Z of the quantities of the package comment:
//
//	dP[Z]   dP = A_Wᵀ dP A_W + ZᵀE + EᵀZ
//	dΣ[Z]   dΣ = A_W dΣ A_Wᵀ − B Z Σ A_Wᵀ − A_W Σ ZᵀBᵀ
//	dE[Z]   S Z − Bᵀ dP A_W
//
// They follow by differentiating the equations of P, Σ and E; the terms in dP
// of E itself cancel. Each function below names the temporaries it spoils.

// dP sets dst ← dP[Z].
func (p *Point) dP(dst, z []float64) {
	n, r := p.t.std.n, p.t.std.r
	dense.MulTN(dst, z, p.e, n, r, n)
	addTranspose(dst, n)
	p.solveT(dst, dst)
}

// dSigma sets dst ← dΣ[Z], and bz ← B Z (n×n).
func (p *Point) dSigma(dst, bz, z []float64) {
	f := p.t.std
	dense.Mul(bz, f.b, z, f.n, f.r, f.n)
	dense.Mul(dst, bz, p.sa, f.n, f.n, f.n)
	dense.Scale(dst, -1, dst)
	addTranspose(dst, f.n)
	p.solve(dst, dst)
}

// dE sets dst ← dE[Z] given dp = dP[Z]; g (r×n) is a temporary.
func (p *Point) dE(dst, z, dp, g []float64) {
	f := p.t.std
	dense.MulTN(g, f.b, dp, f.r, f.n, f.n)
	dense.Mul(dst, g, p.aw, f.r, f.n, f.n)
	dense.Mul(g, p.s, z, f.r, f.r, f.n)
	for i, x := range g {
		dst[i] = x - dst[i]
	}
}

// HessVec sets dst ← ∇²C(W)[Z] = 2 (dE[Z] Σ + E dΣ[Z]). Two solutions.
func (p *Point) HessVec(dst, z []float64) {
	n, r := p.t.std.n, p.t.std.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	p.dP(ws.m1, z)
	p.dE(ws.g1, z, ws.m1, ws.g2)
	dense.Mul(ws.g2, ws.g1, p.sigma, r, n, n)
	p.dSigma(ws.m1, ws.m2, z)
	dense.Mul(ws.g1, p.e, ws.m1, r, n, n)
	for i, x := range ws.g1 {
		dst[i] = 2 * (x + ws.g2[i])
	}
}

// Third sets dst ← ∇³C(W)[Y, Z]
//
//	= 2 ( d²E Σ + dE[Z] dΣ[Y] + dE[Y] dΣ[Z] + E d²Σ ),
//
// symmetric in Y and Z, with
//
//	M    = −YᵀBᵀ dP[Z] A_W + Zᵀ dE[Y]
//	d²P  = A_Wᵀ d²P A_W + M + Mᵀ
//	d²E  = Bᵀ dP[Y] B Z + Bᵀ dP[Z] B Y − Bᵀ d²P A_W
//	N    = −B Y dΣ[Z] A_Wᵀ − B Z dΣ[Y] A_Wᵀ + B Z Σ YᵀBᵀ
//	d²Σ  = A_W d²Σ A_Wᵀ + N + Nᵀ.
//
// Six solutions.
func (p *Point) Third(dst, y, z []float64) {
	f := p.t.std
	n, r := f.n, f.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	dpy, dpz, dsy, dsz, by, bz := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	dey, dez, acc, g1, g2 := ws.g1, ws.g2, ws.g3, ws.g4, ws.g5

	p.dP(dpy, y)
	p.dP(dpz, z)
	p.dE(dey, y, dpy, g1)
	p.dE(dez, z, dpz, g1)
	p.dSigma(dsy, by, y)
	p.dSigma(dsz, bz, z)

	// acc ← dE[Z] dΣ[Y] + dE[Y] dΣ[Z].
	dense.Mul(acc, dez, dsy, r, n, n)
	dense.Mul(g1, dey, dsz, r, n, n)
	dense.Add(acc, acc, g1)

	ws2 := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws2)
	t1, t2, t3 := ws2.m1, ws2.m2, ws2.m3

	// d²Σ into t1, while dΣ and BY, BZ stand; then E d²Σ.
	dense.MulNT(t2, dsz, p.aw, n, n, n)
	dense.Mul(t1, by, t2, n, n, n)
	dense.MulNT(t2, dsy, p.aw, n, n, n)
	dense.Mul(t3, bz, t2, n, n, n)
	dense.Add(t1, t1, t3)
	dense.MulNT(t2, p.sigma, by, n, n, n)
	dense.Mul(t3, bz, t2, n, n, n)
	for i, x := range t3 {
		t1[i] = x - t1[i]
	}
	addTranspose(t1, n)
	p.solve(t1, t1)
	dense.Mul(g1, p.e, t1, r, n, n)
	dense.Add(acc, acc, g1)

	// d²P into t1.
	dense.Mul(t2, dpz, p.aw, n, n, n)
	dense.MulTN(t3, by, t2, n, n, n) // YᵀBᵀ dP[Z] A_W
	dense.MulTN(t1, z, dey, n, r, n)
	for i, x := range t3 {
		t1[i] -= x
	}
	addTranspose(t1, n)
	p.solveT(t1, t1)

	// d²E = Bᵀ (dP[Y] B Z + dP[Z] B Y − d²P A_W).
	dense.Mul(t2, dpy, bz, n, n, n)
	dense.Mul(t3, dpz, by, n, n, n)
	dense.Add(t2, t2, t3)
	dense.Mul(t3, t1, p.aw, n, n, n)
	for i, x := range t3 {
		t2[i] -= x
	}
	dense.MulTN(g1, f.b, t2, r, n, n)
	dense.Mul(g2, g1, p.sigma, r, n, n)
	for i, x := range g2 {
		dst[i] = 2 * (x + acc[i])
	}
}

// addTranspose sets X ← X + Xᵀ.
func addTranspose(x []float64, n int) {
	for i := range n {
		x[i*n+i] *= 2
		for j := range i {
			v := x[i*n+j] + x[j*n+i]
			x[i*n+j], x[j*n+i] = v, v
		}
	}
}
