package run

import (
	"context"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
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
}

// Missing says why a claim cannot be made.
type Missing struct {
	Claim  string `json:"claim"`
	Reason string `json:"reason"`
}

// Claim gathers what can be claimed of a gain: its gap, and for a scalar gain
// the stationary point next to it with the theorems that hold there. The error is
// that of a gain outside the domain of the meta-objective.
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
		for _, claim := range []string{"stationary", "theorem-2", "proposition-1"} {
			miss(claim, "it is proved for scalar gains only")
		}
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
	try := func(p certificate.Point) (bool, error) {
		one := c.Certificate
		one.Point = &p
		data, err := certificate.Encode(one)
		if err != nil {
			return false, err
		}
		valid, reason, err := verify(data)
		why = reason
		return valid, err
	}
	for _, slack := range slacks {
		gap := c.Gap*(1+slack) + slack*slack*math.Abs(c.LowerBound)
		ok, err := try(certificate.Point{Gain: claimed.Gain, Gap: &gap})
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
	if claimed.Stationary != nil {
		at := certificate.Point{Gain: claimed.Gain, Stationary: claimed.Stationary}
		for _, claim := range []struct {
			name string
			add  func(p *certificate.Point)
			made bool
		}{
			{"stationary", func(p *certificate.Point) { p.Stationary = claimed.Stationary }, true},
			{"theorem-2", func(p *certificate.Point) { p.Theorem2 = true }, claimed.Theorem2},
			{"proposition-1", func(p *certificate.Point) { p.Proposition1 = true }, claimed.Proposition1},
		} {
			if !claim.made {
				continue
			}
			with := at
			claim.add(&with)
			ok, err := try(with)
			if err != nil {
				return nil, err
			}
			if ok {
				claim.add(&proved)
			} else {
				c.Missing = append(c.Missing, Missing{claim.name, why})
			}
		}
	}
	if proved.Gap == nil && proved.Stationary == nil {
		return nil, fmt.Errorf("nothing can be proved of this gain: %s", why)
	}
	c.Certificate.Point = &proved
	return certificate.Encode(c.Certificate)
}
