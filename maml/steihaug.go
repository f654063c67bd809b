package maml

import (
	"context"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// cgPath is the broken line 0 = z_0, z_1, …, along which conjugate gradients
// lower m(s) = gᵀs + ½ sᵀHs, with its image under H. ‖z_j‖ grows along it, so
// that one path serves every smaller trust region without another product.
type cgPath struct {
	legs     []leg
	products int
}

// A leg runs from z to z + length·p.
type leg struct {
	z, hz, p, hp []float64
	length       float64 // +∞ along negative curvature
}

// steihaug follows conjugate gradients on H s = −g from s = 0 until the border
// of the region, a direction of negative curvature, or a residual
//
//	‖g + H s‖ ≤ min(1/10, √γ) ‖g‖,   γ = ‖g‖ (1 + ‖x‖) / |h|,
//
// which makes Newton's method converge superlinearly; at most 2·dim + 10
// products (dim suffice in exact arithmetic).
func steihaug(ctx context.Context, from *Iterate, radius float64) (cgPath, error) {
	n := len(from.X)
	var path cgPath
	gamma := from.Norm * (1 + dense.Norm(from.X)) / math.Abs(from.Value)
	target := math.Min(0.1, math.Sqrt(gamma)) * from.Norm

	z, hz := make([]float64, n), make([]float64, n)
	r := from.Gradient // g + H z
	p := opposite(r)
	rr := dense.Dot(r, r)
	for range 2*n + 10 {
		if err := ctx.Err(); err != nil {
			return path, err
		}
		hp := make([]float64, n)
		from.Point.HessVec(hp, p)
		path.products++
		curvature := dense.Dot(p, hp)
		if !(curvature > 0) {
			path.legs = append(path.legs, leg{z, hz, p, hp, math.Inf(1)})
			return path, nil
		}
		alpha := rr / curvature
		path.legs = append(path.legs, leg{z, hz, p, hp, alpha})
		z, hz, r = along(z, alpha, p), along(hz, alpha, hp), along(r, alpha, hp)
		next := dense.Dot(r, r)
		if dense.Norm(z) >= radius || math.Sqrt(next) <= target {
			break
		}
		q := along(opposite(r), next/rr, p)
		p, rr = q, next
	}
	return path, nil
}

// cut returns the end of the path, or where it leaves ‖s‖ ≤ radius.
func (c cgPath) cut(radius float64) trial {
	for i, l := range c.legs {
		t := l.length
		crossing := exit(l.z, l.p, radius)
		border := crossing <= t
		if !border && i < len(c.legs)-1 {
			continue
		}
		t = math.Min(t, crossing)
		return trial{step: along(l.z, t, l.p), image: along(l.hz, t, l.hp), border: border}
	}
	return trial{}
}

// exit is the t ≥ 0 with ‖z + t p‖ = radius, for ‖z‖ ≤ radius: the larger root
// of a quadratic, in the form without cancellation.
func exit(z, p []float64, radius float64) float64 {
	scale := dense.Norm(p)
	b := dense.Dot(z, p) / scale
	c := radius*radius - dense.Dot(z, z)
	if c <= 0 {
		return 0
	}
	root := math.Sqrt(b*b + c)
	if b > 0 {
		return c / (b + root) / scale
	}
	return (root - b) / scale
}
