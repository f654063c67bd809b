package lqr

import "github.com/metalqr/metalqr/internal/dense"

// The derivatives along Z = (Z₀, …, Z_{T−1}), by differentiating the recursions
// of [Horizon]; backward from dP_T = 0 and forward from dΣ₀ = 0:
//
//	dEₜ   = Sₜ Zₜ − Bₜᵀ dPₜ₊₁ Fₜ
//	dPₜ   = Fₜᵀ dPₜ₊₁ Fₜ + ZₜᵀEₜ + EₜᵀZₜ
//	dΣₜ₊₁ = X + Xᵀ,   X = (½ Fₜ dΣₜ − Bₜ Zₜ Σₜ) Fₜᵀ

// back takes dp from dPₜ₊₁[Z] to dPₜ[Z], z being Zₜ, and sets de ← dEₜ[Z],
// bk ← Bₜᵀ dPₜ₊₁ Fₜ and k ← dPₜ₊₁ Fₜ. m (n×n) is a temporary.
func (p *HorizonPoint) back(t int, dp, de, bk, z, k, m []float64) {
	f := p.h.std
	n, r := f.n, f.r
	dense.Mul(k, dp, p.loop(t), n, n, n)
	dense.MulTN(bk, f.b[t], k, r, n, n)
	dense.Mul(de, p.s(t), z, r, r, n)
	dense.Sub(de, de, bk)
	dense.MulTN(m, z, p.e(t), n, r, n)
	addTranspose(m, n)
	dense.SymmetricTN(dp, p.loop(t), k, n, n)
	dense.Add(dp, dp, m)
}

// forth takes ds from dΣₜ[Z] to dΣₜ₊₁[Z], z being Zₜ; x, m (n×n) and g (r×n)
// are temporaries.
func (p *HorizonPoint) forth(t int, ds, z, x, m, g []float64) {
	n, r := p.h.std.n, p.h.std.r
	dense.Mul(g, z, p.sigma(t), r, n, n)
	p.close(t, ds, g, x, m)
	addTranspose(ds, n)
}

// close sets ds ← (½ Fₜ ds − Bₜ g) Fₜᵀ; x and m are temporaries.
func (p *HorizonPoint) close(t int, ds, g, x, m []float64) {
	f := p.h.std
	n, r := f.n, f.r
	dense.Mul(x, p.loop(t), ds, n, n, n)
	dense.Mul(m, f.b[t], g, n, r, n)
	for i, v := range m {
		x[i] = 0.5*x[i] - v
	}
	dense.MulNT(ds, x, p.loop(t), n, n, n)
}

// HessVec sets dst ← ∇²C[Z], at every time 2 (dEₜ Σₜ + Eₜ dΣₜ).
func (p *HorizonPoint) HessVec(dst, z []float64) {
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	d := ws.m1
	clear(d)
	for t := f.T - 1; t >= 0; t-- {
		p.back(t, d, ws.g1, ws.g2, part(z, t, rn), ws.m2, ws.m3)
		dense.Mul(part(dst, t, rn), ws.g1, p.sigma(t), r, n, n)
	}
	clear(d)
	for t := range f.T {
		out := part(dst, t, rn)
		dense.Mul(ws.g1, p.e(t), d, r, n, n)
		for i, x := range ws.g1 {
			out[i] = 2 * (out[i] + x)
		}
		if t+1 < f.T {
			p.forth(t, d, part(z, t, rn), ws.m2, ws.m3, ws.g1)
		}
	}
}

// Third sets dst ← ∇³C[Y, Z], symmetric in Y and Z, at every time
//
//	2 ( d²Eₜ Σₜ + dEₜ[Z] dΣₜ[Y] + dEₜ[Y] dΣₜ[Z] + Eₜ d²Σₜ )
//
// with, the time t left out where it is everywhere and a prime for t+1,
//
//	d²E  = Bᵀ dP′[Y] B Z + Bᵀ dP′[Z] B Y − Bᵀ d²P′ F
//	d²P  = Fᵀ d²P′ F + M + Mᵀ,   M = Zᵀ dE[Y] − Yᵀ Bᵀ dP′[Z] F
//	d²Σ′ = X + Xᵀ,   X = (½ F d²Σ − B (Y dΣ[Z] + Z dΣ[Y])) Fᵀ + B Z Σ Yᵀ Bᵀ
//
// from d²P_T = 0 and d²Σ₀ = 0.
func (p *HorizonPoint) Third(dst, y, z []float64) {
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	dy, dz, dd, k, m, m2 := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	g1, g2, g3, g4 := ws.g1, ws.g2, ws.g3, ws.g4
	clear(dy)
	clear(dz)
	clear(dd)
	for t := f.T - 1; t >= 0; t-- {
		b, loop := f.b[t], p.loop(t)
		yt, zt, out := part(y, t, rn), part(z, t, rn), part(dst, t, rn)
		dey, dez := part(ws.all1, t, rn), part(ws.all2, t, rn)
		// g1 ← Bᵀ dP′[Y] B Z + Bᵀ dP′[Z] B Y, before back moves dP′ to dP.
		p.squeeze(g1, dy, b, zt, g3, ws.u1)
		p.squeeze(g2, dz, b, yt, g3, ws.u1)
		dense.Add(g1, g1, g2)
		p.back(t, dy, dey, g3, yt, k, m)
		p.back(t, dz, dez, g2, zt, k, m) // g2 = Bᵀ dP′[Z] F
		dense.Mul(k, dd, loop, n, n, n)
		dense.MulTN(g4, b, k, r, n, n)
		dense.Sub(g1, g1, g4)
		dense.Mul(out, g1, p.sigma(t), r, n, n)

		dense.MulTN(m, zt, dey, n, r, n)
		dense.MulTN(m2, yt, g2, n, r, n)
		dense.Sub(m, m, m2)
		addTranspose(m, n)
		dense.SymmetricTN(dd, loop, k, n, n)
		dense.Add(dd, dd, m)
	}
	clear(dy)
	clear(dz)
	clear(dd)
	for t := range f.T {
		b := f.b[t]
		yt, zt, out := part(y, t, rn), part(z, t, rn), part(dst, t, rn)
		dense.Mul(g1, part(ws.all2, t, rn), dy, r, n, n)
		dense.Mul(g2, part(ws.all1, t, rn), dz, r, n, n)
		dense.Mul(g3, p.e(t), dd, r, n, n)
		for i := range out {
			out[i] = 2 * (out[i] + g1[i] + g2[i] + g3[i])
		}
		if t+1 == f.T {
			break
		}
		dense.Mul(g1, yt, dz, r, n, n)
		dense.Mul(g2, zt, dy, r, n, n)
		dense.Add(g1, g1, g2)
		p.close(t, dd, g1, k, m)
		dense.Mul(g1, zt, p.sigma(t), r, n, n)
		dense.MulNT(ws.u1, g1, yt, r, n, r)
		dense.MulNT(g2, ws.u1, b, r, r, n)
		dense.Mul(m, b, g2, n, r, n)
		dense.Add(dd, dd, m)
		addTranspose(dd, n)
		p.forth(t, dy, yt, k, m, g1)
		p.forth(t, dz, zt, k, m, g1)
	}
}

// squeeze sets dst ← Bᵀ X B Z for symmetric X; g (r×n) and u (r×r) are
// temporaries.
func (p *HorizonPoint) squeeze(dst, x, b, z, g, u []float64) {
	n, r := p.h.std.n, p.h.std.r
	dense.MulTN(g, b, x, r, n, n)
	dense.Mul(u, g, b, r, n, r)
	dense.Mul(dst, u, z, r, r, n)
}
