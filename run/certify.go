package run

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Claim is what can be claimed of a gain, before it is proved.
type Claim struct {
	Certificate certificate.Certificate
	Gap         float64 // h(W) − Σ λᵢ Cᵢ*, in floating point; the claim has to be somewhat more
	LowerBound  float64 // Σ λᵢ Cᵢ*
	Rates       []Number
	RateFrom    string
	Missing     []Missing // claims that cannot be made

	// For gains of more than one number, a stationary point next to it, and how far it
	// is moved by an error of ∇h, entry by entry, relative to the most.
	near, moves []float64
}

// Missing says why a claim cannot be made.
type Missing struct {
	Claim  string `json:"claim"`
	Reason string `json:"reason"`
}

// Claim gathers what can be claimed of a gain: its gap, and the stationary point
// next to it with the theorems that hold there. For a scalar gain package landscape
// proves these; for others a stationary point is found by Newton's method, and what is
// proved of a box around the two is left to the checker. The error is that of a gain
// outside the domain of the meta-objective.
func (p *Problem) Claim(ctx context.Context, gain matrixeq.Matrix) (*Claim, error) {
	if has := p.Family.Beyond(); has != "" {
		return nil, &landscape.KindError{Has: has}
	}
	if err := p.checkGain(gain); err != nil {
		return nil, err
	}
	if err := p.afterSteps(); err != nil {
		return nil, err
	}
	rates, from, err := p.ratesFor(ctx, gain.Data)
	if err != nil {
		return nil, err
	}
	m, err := p.meta(rates)
	if err != nil {
		return nil, err
	}
	at, err := m.Evaluate(gain.Data)
	if err != nil {
		return nil, err
	}
	fixed := *p.Family
	fixed.Drawn = nil
	fixed.Meta.Inner.Rate, fixed.Meta.Inner.Steps = family.Rate{Steps: rates}, len(rates)
	rows := make([][]float64, gain.Rows)
	for i := range rows {
		rows[i] = gain.Row(i)
	}
	point := &certificate.Point{Gain: rows}
	c := &Claim{Gap: at.Gap(), LowerBound: m.LowerBound(), Rates: numbers(rates), RateFrom: from}
	c.Certificate = certificate.Certificate{Family: string(family.Format(&fixed)), Point: point}
	miss := func(claim, reason string) { c.Missing = append(c.Missing, Missing{claim, reason}) }
	if p.Dim() != 1 {
		c.near, c.moves = polished(m, gain.Data)
		return c, nil
	}
	enclosed, err := landscape.New(p.Family, rates)
	if err != nil {
		return nil, err
	}
	found, err := enclosed.Locate(gain.Data[0])
	if err != nil {
		for _, claim := range []string{"stationary", "theorem-2", "proposition-1"} {
			miss(claim, err.Error())
		}
		return c, nil
	}
	point.Stationary, point.Theorem2, point.Proposition1 = &found.Gain, found.Theorem2, found.Proposition1
	if !found.Theorem2 {
		miss("theorem-2", found.Theorem2Why)
	}
	if !found.Proposition1 {
		miss("proposition-1", found.Proposition1Why)
	}
	return c, nil
}

// slacks are how much more than the measured gap is claimed, relative to it and
// to the lower bound: enclosures are wider than rounding, more so in higher
// dimensions.
var slacks = []float64{0x1p-40, 0x1p-30, 0x1p-20, 0x1p-10}

// A Verifier puts a certificate to a checker: whether all of it is verified, and
// if not, why.
type Verifier func(data []byte) (valid bool, reason string, err error)

// Prove puts each claim by itself to a checker, and returns the certificate of
// those that it verifies; the others join Missing. The error says that none is.
func (c *Claim) Prove(verify Verifier) ([]byte, error) {
	claimed := *c.Certificate.Point
	proved := certificate.Point{Gain: claimed.Gain}
	var why string
	try := func(p certificate.Point) (valid bool, reason string, err error) {
		one := c.Certificate
		one.Point = &p
		data, err := certificate.Encode(one)
		if err != nil {
			return false, "", err
		}
		valid, why, err = verify(data)
		return valid, why, err
	}
	for _, slack := range slacks {
		gap := c.Gap*(1+slack) + slack*slack*math.Abs(c.LowerBound)
		ok, _, err := try(certificate.Point{Gain: claimed.Gain, Gap: &gap})
		if err != nil {
			return nil, err
		}
		if ok {
			proved.Gap = &gap
			break
		}
	}
	if proved.Gap == nil {
		c.Missing = append(c.Missing, Missing{"gap", why})
	}
	at := certificate.Point{Gain: claimed.Gain, Stationary: claimed.Stationary}
	type part struct {
		name string
		add  func(p *certificate.Point)
		made bool
	}
	parts := []part{
		{"stationary", func(*certificate.Point) {}, true},
		{"theorem-2", func(p *certificate.Point) { p.Theorem2 = true }, claimed.Theorem2},
		{"proposition-1", func(p *certificate.Point) { p.Proposition1 = true }, claimed.Proposition1},
	}
	if c.near != nil {
		parts = slices.Insert(parts, 1, part{"minimum", func(p *certificate.Point) { p.Minimum = true }, true})
		parts[2].made, parts[3].made = true, true
		var none string
		var err error
		if at.Box, none, err = c.box(try); err != nil {
			return nil, err
		}
		if at.Box == nil {
			why = none
			c.Missing = append(c.Missing, Missing{"stationary", none})
			for _, p := range parts[1:] {
				c.Missing = append(c.Missing, Missing{p.name, "it is about a stationary point, and none is proved"})
			}
		}
	}
	if at.Stationary != nil || at.Box != nil {
		proved.Stationary, proved.Box = at.Stationary, at.Box
		all := at
		for _, p := range parts {
			if p.made {
				p.add(&all)
			}
		}
		whole, _, err := try(all)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			if !p.made {
				continue
			}
			ok := whole
			if !ok {
				one := at
				p.add(&one)
				if ok, _, err = try(one); err != nil {
					return nil, err
				}
			}
			switch {
			case ok:
				p.add(&proved)
			case p.name == "stationary":
				proved.Stationary, proved.Box = nil, nil
				fallthrough
			default:
				c.Missing = append(c.Missing, Missing{p.name, why})
			}
		}
	}
	if proved.Gap == nil && proved.Stationary == nil && proved.Box == nil {
		return nil, fmt.Errorf("nothing can be proved of this gain: %s", why)
	}
	c.Certificate.Point = &proved
	return certificate.Encode(c.Certificate)
}

// margins are how far a box reaches beyond the gain and the stationary point next to
// it, relative to their largest entry and in the direction that ∇h determines least:
// it has to be wider than rounding, as the equations at hand multiply it, and as
// narrow as possible beside that.
var margins = []float64{0x1p-42, 0x1p-39, 0x1p-36, 0x1p-34, 0x1p-32, 0x1p-30, 0x1p-28, 0x1p-26, 0x1p-24, 0x1p-20, 0x1p-16, 0x1p-12}

// box is the narrowest box around the gain that is verified to hold exactly one
// stationary point. Where none is, it is nil, and why is what try says of the
// narrowest one.
func (c *Claim) box(try func(certificate.Point) (ok bool, reason string, err error)) (box [][]interval.Interval, why string, err error) {
	rows := c.Certificate.Point.Gain
	size := 0.0
	for i, row := range rows {
		for j, x := range row {
			size = max(size, math.Abs(x), math.Abs(c.near[i*len(row)+j]))
		}
	}
	for _, margin := range margins {
		reach := margin * size
		if !(reach > 0) {
			reach = margin
		}
		box = make([][]interval.Interval, len(rows))
		for i, row := range rows {
			box[i] = make([]interval.Interval, len(row))
			for j, x := range row {
				y, by := c.near[i*len(row)+j], reach*c.moves[i*len(row)+j]
				box[i][j] = interval.New(interval.SubDown(min(x, y), by), interval.AddUp(max(x, y), by))
			}
		}
		ok, reason, err := try(certificate.Point{Gain: rows, Box: box})
		if ok || err != nil {
			return box, "", err
		}
		if why == "" {
			why = reason
		}
	}
	return nil, why, nil
}

// polished is a stationary point of h next to x by Newton's method with the whole
// ∇²h, or x itself where that does not lower ‖∇h‖: a step that does not is the last.
// moves are the row sums of |(∇²h)⁻¹| there, relative to the largest, and at least 1/64.
func polished(m *maml.Meta, x []float64) (near, moves []float64) {
	n := len(x)
	near, moves = slices.Clone(x), make([]float64, n)
	for i := range moves {
		moves[i] = 1
	}
	at, err := m.Evaluate(near)
	if err != nil {
		return near, moves
	}
	g, next, unit, column := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	hessian, inverse, piv := make([]float64, n*n), make([]float64, n*n), make([]int, n)
	at.Grad(g)
	for range 30 {
		for j := range n {
			clear(unit)
			unit[j] = 1
			at.HessVec(column, unit)
			for i, y := range column {
				hessian[i*n+j] = y
			}
		}
		if !dense.Finite(hessian) || !dense.LU(hessian, piv, n) {
			break
		}
		dense.Identity(inverse, n)
		dense.LUSolve(hessian, piv, inverse, n, n)
		if !dense.Finite(inverse) {
			break
		}
		top := 0.0
		to := make([]float64, n)
		for i := range n {
			moves[i] = 0
			row := inverse[i*n : (i+1)*n]
			for _, y := range row {
				moves[i] += math.Abs(y)
			}
			top = max(top, moves[i])
			to[i] = near[i] - dense.Dot(row, g)
		}
		for i := range moves {
			moves[i] = max(moves[i]/top, 1./64)
		}
		if at, err = m.Evaluate(to); err != nil {
			break
		}
		at.Grad(next)
		if !(dense.Norm(next) < dense.Norm(g)) {
			break
		}
		copy(g, next)
		near = to
	}
	return near, moves
}
