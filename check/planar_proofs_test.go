package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
)

const (
	planarOne = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1}
meta: {inner: {rule: %s, rate: %v}}
`
	planarCosts = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1}
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[4, 0], [0, 1]], R: 2}
meta: {inner: {rule: %s, rate: %v}}
`
	planarPlants = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1}
  - {A: [[1.05, 0.2], [-0.1, 0.8]], B: [[0.2], [1.1]], Q: [[2, 0], [0, 1]], R: 1}
meta: {inner: {rule: %s, rate: %v}}
`
)

// planarProof is the certificate of package landscape, which this package shares no
// enclosure with.
func planarProof(t testing.TB, text, rule string, rate float64, o landscape.PlanarOptions) certificate.Certificate {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(fmt.Sprintf(text, rule, rate)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := landscape.NewPlanar(f, []float64{rate})
	if err != nil {
		t.Fatal(err)
	}
	if o.Boxes == 0 {
		o.Boxes = 30_000
	}
	l, err := p.Prove(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l.Certificate()
}

func checked(t testing.TB, c certificate.Certificate) *check.Report {
	t.Helper()
	data, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Check(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPlanarProofsAreAccepted(t *testing.T) {
	t.Parallel()
	region := interval.Box{interval.New(0.5, 0.7), interval.New(0, 1)}
	for _, c := range []struct {
		text, rule string
		rate       float64
		o          landscape.PlanarOptions
		says       string
	}{
		{planarOne, "gradient", 0, landscape.PlanarOptions{}, "each is global"},
		{planarOne, "gradient", 0.05, landscape.PlanarOptions{}, "each is global"}, // W* is not reached where adapted gains do not stabilise
		{planarOne, "gauss-newton", 0.3, landscape.PlanarOptions{}, "2 strict local minimisers"},
		{planarCosts, "gauss-newton", 0.3, landscape.PlanarOptions{}, "one is at least 0.0343"},
		{planarCosts, "gauss-newton", 0.3, landscape.PlanarOptions{Level: 12.37}, "each with h ≤ 12.37 is global"}, // the other is above
		{planarCosts, "gauss-newton", 0.3, landscape.PlanarOptions{Region: region}, "in [0.5, 0.7] × [0, 1]"},
		{planarCosts, "gauss-newton", 0.3, landscape.PlanarOptions{Options: landscape.Options{Boxes: 200}}, "left unresolved"},
		{planarPlants, "natural", 0.001, landscape.PlanarOptions{Options: landscape.Options{Boxes: 1500}, Level: 15}, "local minimisers"},
		{planarPlants, "gradient", 0.0001, landscape.PlanarOptions{Options: landscape.Options{Boxes: 1500}, Level: 15}, "local minimisers"},
	} {
		r := checked(t, planarProof(t, c.text, c.rule, c.rate, c.o))
		if !r.Valid || !strings.Contains(r.Claim, c.says) {
			t.Errorf("%s at %v: %+v, want %q", c.rule, c.rate, r, c.says)
		}
	}
}

// Two carts in continuous time, held for 0.4, under noise that costs something between
// samples too: proved, accepted, and refused when time or noise are altered.
func TestPlanarSampledPlants(t *testing.T) {
	t.Parallel()
	const carts = `defaults: {sample_time: 0.4, discount: 0.95, noise: [[0.01, 0], [0, 0.2]], Q: [[1, 0], [0, 0.5]], R: 0.5}
tasks:
  - {A: [[0, 1], [0, 0]], B: [[0], [1]]}
  - {A: [[0, 1], [0, -0.25]], B: [[0], [0.75]]}
meta: {inner: {rule: %s, rate: %v}}
`
	c := planarProof(t, carts, "gauss-newton", 0.2, landscape.PlanarOptions{})
	if c.Planar.Left != 0 || c.Planar.Verdict == certificate.Undecided {
		t.Fatalf("%d boxes are left: %s", c.Planar.Left, c.Planar.Verdict)
	}
	if r := checked(t, c); !r.Valid {
		t.Fatal(r)
	}
	for _, by := range [][2]string{{"sample_time: 0.4", "sample_time: 0.4000001"}, {"[0, 0.2]", "[0, 0.2000001]"}, {"discount: 0.95", "discount: 0.9500001"}} {
		x := c
		if x.Family = strings.ReplaceAll(c.Family, by[0], by[1]); x.Family == c.Family {
			t.Fatalf("%q is not in the family:\n%s", by[0], c.Family)
		}
		if r := checked(t, x); r.Valid {
			t.Errorf("%s: valid", by[1])
		}
	}
}

func TestPlanarFalsehoodsAreRefused(t *testing.T) {
	t.Parallel()
	whole := planarProof(t, planarCosts, "gauss-newton", 0.3, landscape.PlanarOptions{Level: 14})
	fresh := func() certificate.Certificate {
		c := whole
		p := *whole.Planar
		p.Minima = append([]certificate.PlanarMinimum(nil), p.Minima...)
		for i := range p.Minima {
			p.Minima[i].Chart = append(interval.Box(nil), p.Minima[i].Chart...)
			p.Minima[i].Gain = append(interval.Box(nil), p.Minima[i].Gain...)
		}
		p.Meets = append([]int(nil), p.Meets...)
		c.Planar = &p
		return c
	}
	if r := checked(t, fresh()); !r.Valid {
		t.Fatal(r)
	}
	letter := func(p *certificate.Planar, was, is string) { p.Cover = strings.Replace(p.Cover, was, is, 1) }
	less := 0.001
	for name, plant := range map[string]struct {
		lie func(c *certificate.Certificate, p *certificate.Planar)
		why string
	}{
		"a minimiser removed": {func(_ *certificate.Certificate, p *certificate.Planar) { p.Minima = p.Minima[:1] }, "is not there"},
		"a minimiser removed, and where it is met": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Minima = p.Minima[:1]
			for i := range p.Meets {
				p.Meets[i] = 0
			}
			p.EpsilonLow, p.Verdict = 0, certificate.EpsilonGlobal
		}, "is not found to hold"},
		"its boxes said to have a slope": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Cover, p.Meets = strings.ReplaceAll(p.Cover, "m", "g"), nil
		}, ""},
		"a chart box moved": {func(_ *certificate.Certificate, p *certificate.Planar) {
			b := &p.Minima[0].Chart[0]
			*b = b.AddFloat(3 * b.Width())
		}, "no stationary point"},
		"a gain moved": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Minima[0].Gain[0] = p.Minima[0].Gain[0].AddFloat(1e-3)
		}, "its gain lies in"},
		"a value moved": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Minima[0].Value = p.Minima[0].Value.AddFloat(1e-6)
		}, "h lies in"},
		"said to adapt to the optimum": {func(_ *certificate.Certificate, p *certificate.Planar) { p.Minima[0].Optimal = true }, "there are several"},
		"not listed":                   {func(_ *certificate.Certificate, p *certificate.Planar) { p.Minima[1].Listed = false }, "not in the list"},
		"one map":                      {func(_ *certificate.Certificate, p *certificate.Planar) { p.OneMap = true }, "one map is wrong"},
		"twice":                        {func(_ *certificate.Certificate, p *certificate.Planar) { p.Minima = append(p.Minima, p.Minima[0]) }, "shown to be two"},
		"ε too small":                  {func(_ *certificate.Certificate, p *certificate.Planar) { p.Epsilon = &less }, "not verified"},
		"ε too large below":            {func(_ *certificate.Certificate, p *certificate.Planar) { p.EpsilonLow *= 1.01 }, "not verified"},
		"the infimum raised":           {func(_ *certificate.Certificate, p *certificate.Planar) { p.Infimum = p.Infimum.AddFloat(1e-3) }, "inf h"},
		"the infimum lowered":          {func(_ *certificate.Certificate, p *certificate.Planar) { p.Infimum = p.Infimum.AddFloat(-1e-3) }, "inf h"},
		"another verdict":              {func(_ *certificate.Certificate, p *certificate.Planar) { p.Verdict = certificate.Global }, "verdict"},
		"global, of a spurious one above a level that nothing is below": {func(_ *certificate.Certificate, p *certificate.Planar) {
			zero := 0.0
			p.Level, p.Epsilon, p.EpsilonLow, p.Verdict = 12, &zero, 0, certificate.Global
		}, "verdict"},
		"global, of two that are below the level": {func(_ *certificate.Certificate, p *certificate.Planar) {
			zero := 0.0
			p.Level, p.Epsilon, p.EpsilonLow, p.Verdict = 12.389, &zero, 0, certificate.Global
		}, "above inf h is not verified"},
		"no such verdict":      {func(_ *certificate.Certificate, p *certificate.Planar) { p.Verdict = "good" }, "verdict"},
		"a level that is none": {func(_ *certificate.Certificate, p *certificate.Planar) { p.Level = -math.MaxFloat64 }, ""},
		"a region that no minimiser is in": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Region = interval.Box{interval.New(-2, -1), interval.New(-2, -1)}
		}, "outside the region"},
		"a region that the spurious one is not in": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Region = interval.Box{interval.New(-9, 9), interval.New(-9, p.Minima[1].Gain[1].Lo()-0.1)}
			if p.Region[1].Hi() < p.Minima[0].Gain[1].Hi() {
				p.Region[1] = interval.New(p.Minima[1].Gain[1].Hi()+0.1, 9)
			}
		}, "minimiser 2: it is in the list"},
		"a region whose edge the spurious one may be beyond": {func(_ *certificate.Certificate, p *certificate.Planar) {
			// A gain as wide as this says that it lies in the region, and where it does not.
			g := &p.Minima[1].Gain[0]
			p.Region = interval.Box{interval.New(g.Hi(), g.Hi()+9), interval.New(-9, 9)}
			p.Minima[0].Gain[0] = p.Minima[0].Gain[0].Hull(*g)
		}, "above inf h is not verified"},
		"a subtree dropped": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Cover = p.Cover[:len(p.Cover)-1]
		}, "left out"},
		"a subtree for a leaf":  {func(_ *certificate.Certificate, p *certificate.Planar) { p.Cover, p.Meets = "l", nil }, "lies in a box of the letter"},
		"one letter more":       {func(_ *certificate.Certificate, p *certificate.Planar) { p.Cover += "g" }, "goes on"},
		"a box left unsaid":     {func(_ *certificate.Certificate, p *certificate.Planar) { letter(p, "g", "?") }, "leaves 1 boxes"},
		"a letter that is none": {func(_ *certificate.Certificate, p *certificate.Planar) { letter(p, "g", "q") }, "is none"},
		"another meeting":       {func(_ *certificate.Certificate, p *certificate.Planar) { p.Meets[0] = 1 - p.Meets[0] }, ""},
		"a meeting too many":    {func(_ *certificate.Certificate, p *certificate.Planar) { p.Meets = append(p.Meets, 0) }, "more boxes"},
		"a letter for one map":  {func(_ *certificate.Certificate, p *certificate.Planar) { letter(p, "g", "j") }, "one map"},
		"a letter for a region": {func(_ *certificate.Certificate, p *certificate.Planar) { letter(p, "g", "a") }, "region"},
		"a letter for a strip":  {func(_ *certificate.Certificate, p *certificate.Planar) { letter(p, "g", "v") }, "no strip"},
		"a strip that is bad": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Strips = []certificate.PlanarStrip{{Task: 1, Width: 2, Cover: "g"}}
		}, "strip 1"},
		"a strip of no task": {func(_ *certificate.Certificate, p *certificate.Planar) {
			p.Strips = []certificate.PlanarStrip{{Task: 2, Width: 1, Cover: "g"}}
		}, "strip 1"},
		"a witness too high": {func(_ *certificate.Certificate, p *certificate.Planar) { p.Witness = []float64{1, 0} }, "witness"},
		"another task": {func(c *certificate.Certificate, _ *certificate.Planar) {
			c.Family = strings.Replace(c.Family, "0.9", "0.901", 1)
		}, ""},
		"another rate": {func(c *certificate.Certificate, _ *certificate.Planar) {
			c.Family = strings.Replace(c.Family, "0.3", "0.301", 1)
		}, ""},
		"another rule": {func(c *certificate.Certificate, _ *certificate.Planar) {
			c.Family = strings.Replace(c.Family, "gauss-newton", "natural", 1)
		}, ""},
	} {
		c := fresh()
		plant.lie(&c, c.Planar)
		if r := checked(t, c); r.Valid || !strings.Contains(r.Reason, plant.why) {
			t.Errorf("%s: %+v, want %q", name, r, plant.why)
		}
	}
}

// Whatever digit or letter is altered and the hashes computed again, the certificate
// of a family whose only minimiser is known is refused, or what it then says is true.
func TestPlanarAlterations(t *testing.T) {
	t.Parallel()
	c := planarProof(t, planarOne, "gradient", 0, landscape.PlanarOptions{})
	data, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, was := range data { // no byte alone
		data[i] = was ^ 1
		if r, err := check.Check(data); err != nil || r.Valid {
			t.Errorf("byte %d altered: %v, %v", i, r, err)
		}
		data[i] = was
	}
	f, err := family.Parse("test.yaml", []byte(c.Family))
	if err != nil {
		t.Fatal(err)
	}
	best := f.Tasks[0].F.Optimum()
	truth := func(p *certificate.Planar) error {
		if !p.Infimum.Contains(best.Cost) && math.Abs(p.Infimum.Mid()-best.Cost) > 1e-12*best.Cost {
			return fmt.Errorf("inf h is %v, not in %v", best.Cost, p.Infimum)
		}
		if p.EpsilonLow > 0 || p.Verdict == certificate.NotGlobal {
			return fmt.Errorf("there is no spurious minimum")
		}
		n := 0
		for _, m := range p.Minima {
			if m.Listed {
				n++
				for i, w := range best.Gain.Data {
					if !(m.Gain[i].Lo()-1e-12 <= w && w <= m.Gain[i].Hi()+1e-12) {
						return fmt.Errorf("the minimiser is %v", best.Gain.Data)
					}
				}
			}
		}
		if n == 0 && p.Level > best.Cost && p.Left == 0 {
			return fmt.Errorf("the minimiser is missing")
		}
		return nil
	}
	tried, valid := 0, 0
	try := func(what string, alter func(*certificate.Certificate, *certificate.Planar)) {
		x := c
		p := *c.Planar
		x.Planar = &p
		alter(&x, &p)
		data, err := certificate.Encode(x)
		if err != nil {
			return
		}
		tried++
		r, err := check.Check(data)
		if err != nil || !r.Valid {
			return
		}
		valid++
		if err := truth(&p); err != nil {
			t.Errorf("%s: passes, but %v", what, err)
		}
	}
	for i := 0; i < len(c.Planar.Cover); i += 3 {
		for _, is := range "xyoacslgnjvm?" {
			try(fmt.Sprintf("letter %d to %c", i, is), func(_ *certificate.Certificate, p *certificate.Planar) {
				p.Cover = p.Cover[:i] + string(is) + p.Cover[i+1:]
			})
			try(fmt.Sprintf("letter %d to %c, left over", i, is), func(_ *certificate.Certificate, p *certificate.Planar) {
				p.Cover = p.Cover[:i] + string(is) + p.Cover[i+1:]
				p.Left = strings.Count(p.Cover, "?")
			})
		}
	}
	for i, was := range data {
		if was < '0' || was > '9' || i < strings.Index(string(data), `"planar"`) || i > strings.Index(string(data), `"sha256"`) {
			continue
		}
		data[i] = '0' + (was-'0'+byte(1+i%9))%10
		again, err := decoded(data)
		data[i] = was
		if err != nil {
			continue
		}
		try(fmt.Sprintf("digit %d", i), func(x *certificate.Certificate, p *certificate.Planar) { *p = *again })
	}
	t.Logf("%d alterations, %d of them leave a true certificate", tried, valid)
	if tried < 300 {
		t.Errorf("only %d alterations were tried", tried)
	}
}

func decoded(data []byte) (*certificate.Planar, error) {
	var c certificate.Certificate
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	return c.Planar, err
}
