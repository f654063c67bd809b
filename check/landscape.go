package check

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
)

// landscape verifies a claim about all stationary points and says what it is.
func (c *checker) landscape(l *certificate.Landscape) (string, error) {
	for i, u := range l.Unresolved {
		if u.IsEmpty() || i > 0 && u.Lo() < l.Unresolved[i-1].Hi() {
			return "", fmt.Errorf("the unresolved boxes are not ascending, or overlap, at %v", u)
		}
	}
	c.unresolved = l.Unresolved
	if _, err := c.problem.required(l.Mode); err != nil {
		return "", err
	}
	shown, err := c.domainCover(l.DomainCover)
	if err != nil {
		return "", err
	}
	domain, err := c.components(l.Domain, shown)
	if err != nil {
		return "", err
	}
	crossings, err := c.covers(l.Mode, l.Covers, domain)
	if err != nil {
		return "", err
	}
	points, err := c.stationary(l.Stationary, crossings, l.Mode)
	if err != nil {
		return "", err
	}
	s, err := c.summarise(points, domain)
	if err != nil {
		return "", err
	}
	if err := c.conclusions(l, s); err != nil {
		return "", err
	}
	return describe(l, domain, points, s), nil
}

// conclusions compares what is stated of the values with what follows.
func (c *checker) conclusions(l *certificate.Landscape, s *summary) error {
	if !s.infimum.Subset(l.Infimum) {
		return fmt.Errorf("inf h lies in %v, as far as can be verified; the stated %v does not hold that", s.infimum, l.Infimum)
	}
	if !(l.EpsilonLow >= 0) || l.EpsilonLow > s.excessLow {
		return fmt.Errorf("that a local minimum is %v above inf h is not verified: at least %v is", l.EpsilonLow, s.excessLow)
	}
	complete := len(l.Unresolved) == 0
	if e := l.Epsilon; e != nil {
		excess := s.excess
		if !complete {
			excess = max(excess, s.hidden(c.top()))
		}
		if !(*e >= excess) {
			return fmt.Errorf("that every local minimum is at most %v above inf h is not verified: at most %v is", *e, excess)
		}
		if *e < l.EpsilonLow {
			return fmt.Errorf("ε is at most %v and at least %v", *e, l.EpsilonLow)
		}
	} else if complete && s.minima > 0 && !math.IsInf(s.excess, 1) {
		return fmt.Errorf("ε is not stated though nothing is unresolved: it is at most %v", s.excess)
	}
	bad := func(want string) error {
		return fmt.Errorf("the verdict %q is not verified: it needs %s", l.Verdict, want)
	}
	switch l.Verdict {
	case certificate.Global:
		switch {
		case !complete:
			return bad("every gain to be resolved")
		case s.minima == 0:
			return bad("a local minimum")
		case s.minima > 1 && !s.optimal:
			return bad("one local minimum, or only such as adapt to the optimum")
		case s.border:
			return bad("an infimum that is not approached at the border of the domain")
		case l.Epsilon == nil || *l.Epsilon != 0:
			return bad("ε = 0")
		}
	case certificate.NotGlobal:
		if !(l.EpsilonLow > 0) {
			return bad("a positive lower bound of ε")
		}
	case certificate.EpsilonGlobal:
		if l.Epsilon == nil {
			return bad("an ε")
		}
	case certificate.Undecided:
	default:
		return fmt.Errorf("unknown verdict %q", l.Verdict)
	}
	return nil
}

// hidden bounds how far a minimum with at most this value is above the infimum.
func (s *summary) hidden(top float64) float64 {
	switch {
	case math.IsInf(top, -1):
		return 0 // there is none
	case math.IsInf(top, 1) || math.IsInf(s.infimum.Lo(), -1):
		return math.Inf(1)
	}
	return exactly(top).sub(exactly(s.infimum.Lo())).high()
}
