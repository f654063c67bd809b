package check

import (
	"errors"
	"math"
	"testing"

	"github.com/metalqr/metalqr/certificate"
)

// Whatever a certificate says, Check returns; and if its scalar landscape is
// found valid, the judge believes it.
func FuzzCheck(f *testing.F) {
	for _, c := range []*certificate.Certificate{
		landscapeOf(f, scalar("rate: 0.2", unit4), certificate.OneMap),
		landscapeOf(f, scalar("rate: 0.01", [4]float64{1, 1, 1e-6, 1}), certificate.Sum),
		landscapeOf(f, scalar("rule: gauss-newton, rate: 0.5, steps: 2", unit4), certificate.OneMap),
		landscapeOf(f, scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), certificate.Sum),
	} {
		data, err := certificate.Encode(*c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if altered := again(data); altered != nil {
			data = altered
		}
		r, err := Check(data)
		if (r == nil) == (err == nil) || err != nil && !errors.Is(err, ErrUnsupported) {
			t.Fatal(r, err)
		}
		if r == nil || !r.Valid {
			return
		}
		c, err := certificate.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		family := parse(t, c.Family)
		if l := c.Landscape; l != nil && len(l.Unresolved) == 0 && len(l.Domain) > 0 && len(family.Tasks) < 9 && family.Meta.Inner.Steps < 3 {
			j, err := newJudge(family)
			if err != nil {
				t.Skip(err)
			}
			for _, d := range l.Domain {
				if math.IsInf(d.High.Hi()-d.Low.Lo(), 0) {
					t.Skip()
				}
			}
			if err := j.believes(l, 1000); err != nil {
				t.Errorf("%v\n%s", err, r.Claim)
			}
		}
	})
}
