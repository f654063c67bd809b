package landscape

import (
	"math"

	"github.com/metalqr/metalqr/certificate"
)

// Certificate is the proof as package check verifies it.
func (l *Landscape) Certificate() certificate.Certificate {
	c := l.proof
	for _, d := range l.Domain {
		c.Domain = append(c.Domain, certificate.Component{Low: d.Low, High: d.High})
	}
	for _, s := range l.Stationary {
		c.Stationary = append(c.Stationary, certificate.Stationary{Gain: s.Gain, Value: s.Value, Kind: s.Kind, Optimal: s.Optimal})
	}
	c.Unresolved = l.Unresolved
	c.Infimum = l.Infimum
	c.EpsilonLow = l.Epsilon.Lo()
	if e := l.Epsilon.Hi(); !math.IsInf(e, 1) {
		c.Epsilon = &e
	}
	c.Verdict = l.Verdict
	return certificate.Certificate{Family: l.family, Landscape: &c}
}
