package check

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// ErrUnsupported is matched by the errors about an intact certificate that is
// beyond this package: of all gains where they have more than two numbers, or two and
// several inner steps, of the radius of tasks that are sampled, normalised or seen otherwise by
// their inner steps, or of an algorithm with another objective.
var ErrUnsupported = errors.New("this claim cannot be checked")

// A Report is the outcome of checking a certificate.
type Report struct {
	Valid  bool   `json:"valid"`  // everything that the certificate says was verified
	Claim  string `json:"claim"`  // what is proved, in one sentence; empty unless Valid
	Reason string `json:"reason"` // what was not verified; empty if Valid
}

// Check verifies a certificate, given the bytes of its file.
//
// The report is valid only if everything that the certificate claims was
// verified anew, from the family in it. Bytes that are no certificate, or were
// altered, or whose claims are false, or true but not verified within the bounded
// number of evaluations that a piece is given, are a report that is not valid,
// with the reason. The error is for claims that this package cannot judge and
// matches [ErrUnsupported]; the report is then nil.
//
// The cost is an evaluation of all tasks, about 1 µs a step, for every piece and
// each box that it has to be cut into.
func Check(data []byte) (*Report, error) {
	claim, err := check(data)
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, fmt.Errorf("check: %w", err)
	case err != nil:
		return &Report{Reason: err.Error()}, nil
	}
	return &Report{Valid: true, Claim: claim}, nil
}

func check(data []byte) (claim string, err error) {
	cert, err := certificate.Decode(data)
	if err != nil {
		return "", err
	}
	f, err := family.Parse("family", []byte(cert.Family))
	if err != nil {
		return "", fmt.Errorf("the family in it: %w", err)
	}
	if err := hasObjective(f); err != nil {
		return "", err
	}
	if f.Meta.Inner.Rate.Auto {
		return "", fmt.Errorf("the family in it leaves the inner rate open (auto); a claim needs a number")
	}
	if cert.Planar != nil {
		if claim, err = checkPlanar(f, cert.Planar); err != nil {
			return "", err
		}
		return claim + whose(f.Meta.Algorithm), nil
	}
	if cert.Region != nil {
		if claim, err = checkRegion(f, cert.Region); err != nil {
			return "", err
		}
		return claim + whose(f.Meta.Algorithm), nil
	}
	if cert.Radius != nil {
		if claim, err = checkRadius(f, cert.Radius); err != nil {
			return "", err
		}
		return claim + whose(f.Meta.Algorithm), nil
	}
	if cert.Point != nil {
		return checkPoint(f, cert.Point)
	}
	p, err := newProblem(f)
	if err != nil {
		return "", err
	}
	c := &checker{problem: p}
	if claim, err = c.landscape(cert.Landscape); err != nil {
		return "", err
	}
	return claim + whose(f.Meta.Algorithm), nil
}

// A checker verifies one certificate.
type checker struct {
	problem    *problem
	lens       lens
	unresolved []interval.Interval
}
