package check_test

import (
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
	regionState = `tasks:
  - {A: 1.2, B: [[1, 0.5]], Q: 1, R: [[1, 0.2], [0.2, 0.8]]}
  - {A: 1.1, B: [[0.9, 0.7]], Q: 2, R: [[0.6, 0], [0, 1.2]]}
meta: {inner: {rule: %s, rate: %v}}
`
	regionOne = `tasks:
  - {A: 1.2, B: [[1, 0.5]], Q: 1, R: [[1, 0.2], [0.2, 0.8]]}
meta: {inner: {rule: %s, rate: %v}}
`
	regionThree = `tasks:
  - {A: [[0.9, 0.2, 0], [0, 0.8, 0.3], [0.1, 0, 0.7]], B: [[0], [0.3], [1]], Q: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], R: 1}
  - {A: [[0.9, 0.2, 0], [0, 0.7, 0.3], [0.1, 0, 0.7]], B: [[0], [0.3], [0.8]], Q: [[1, 0, 0], [0, 2, 0], [0, 0, 1]], R: 1}
meta: {inner: {rule: %s, rate: %v}}
`
	regionFour = `tasks:
  - {A: [[0.9, 0.2], [-0.1, 0.8]], B: [[1, 0], [0.2, 1]], Q: [[1, 0], [0, 1]], R: [[1, 0], [0, 1]]}
  - {A: [[0.8, 0.2], [-0.1, 0.9]], B: [[1, 0], [0.2, 1]], Q: [[2, 0], [0, 1]], R: [[1, 0], [0, 2]]}
meta: {inner: {rule: %s, rate: %v}}
`
)

// regionProof is the certificate of package landscape of a box around the mean of the
// tasks' best gains.
func regionProof(t testing.TB, text, rule string, rate, reach float64, o landscape.PlanarOptions) certificate.Certificate {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(fmt.Sprintf(text, rule, rate)))
	if err != nil {
		t.Fatal(err)
	}
	rates := make([]float64, f.Meta.Inner.Steps)
	for k := range rates {
		rates[k] = rate
	}
	p, err := landscape.NewGains(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	o.Region = make(interval.Box, f.Inputs()*f.States())
	for k := range o.Region {
		x := 0.0
		for i := range f.Tasks {
			x += f.Tasks[i].F.Optimum().Gain.Data[k] / float64(len(f.Tasks))
		}
		o.Region[k] = interval.New(x-reach, x+reach)
	}
	if o.Boxes == 0 {
		o.Boxes = 4000
	}
	l, err := p.Prove(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l.Certificate()
}

func TestRegionProofsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, rule  string
		rate, reach float64
		o           landscape.PlanarOptions
		says        string
	}{
		{regionState, "gradient", 0.05, 0.3, landscape.PlanarOptions{}, "2 strict local minimisers"},
		{regionState, "natural", 0.1, 0.3, landscape.PlanarOptions{}, "1 strict local minimiser"},
		{regionState, "gauss-newton", 0.3, 0.2, landscape.PlanarOptions{}, "1 strict local minimiser"},
		{regionState, "natural", 0.1, 1, landscape.PlanarOptions{Options: landscape.Options{Boxes: 600}}, "left unresolved"},
		{regionState, "gradient", 0.05, 1, landscape.PlanarOptions{Level: 3, Options: landscape.Options{Boxes: 800}}, "3 strict local minimisers"},
		{regionOne, "natural", 0.1, 0.2, landscape.PlanarOptions{}, "each is global"},
		{regionOne, "gradient", 0.02, 0.2, landscape.PlanarOptions{}, "each is global"},
		{planarPlants, "natural", 0.001, 0.05, landscape.PlanarOptions{}, "are none"},
		{regionThree, "natural", 0.02, 0.02, landscape.PlanarOptions{}, "1 strict local minimiser"},
		{regionFour, "gradient", 0.01, 0.03, landscape.PlanarOptions{}, "1 strict local minimiser"},
		{strings.Replace(regionState, "rate", "steps: 2, rate", 1), "natural", 0.05, 0.2, landscape.PlanarOptions{}, "1 strict local minimiser"},
	} {
		r := checked(t, regionProof(t, c.text, c.rule, c.rate, c.reach, c.o))
		if !r.Valid || !strings.Contains(r.Claim, c.says) {
			t.Errorf("%s at %v within %v: %+v, want %q", c.rule, c.rate, c.reach, r, c.says)
		}
	}
}

func TestRegionFalsehoodsAreRefused(t *testing.T) {
	t.Parallel()
	whole := regionProof(t, regionState, "gradient", 0.05, 0.3, landscape.PlanarOptions{})
	one := regionProof(t, regionOne, "natural", 0.1, 0.1, landscape.PlanarOptions{})
	fresh := func(c certificate.Certificate) certificate.Certificate {
		r := *c.Region
		r.Box = append(interval.Box(nil), r.Box...)
		r.Minima = append([]certificate.RegionMinimum(nil), r.Minima...)
		for i := range r.Minima {
			r.Minima[i].Gain = append(interval.Box(nil), r.Minima[i].Gain...)
		}
		r.Meets = append([]int(nil), r.Meets...)
		c.Region = &r
		return c
	}
	for _, c := range []certificate.Certificate{whole, one} {
		if r := checked(t, fresh(c)); !r.Valid {
			t.Fatal(r)
		}
	}
	letter := func(r *certificate.Region, was, is string) { r.Cover = strings.Replace(r.Cover, was, is, 1) }
	less := 0.001
	type lie func(c *certificate.Certificate, r *certificate.Region)
	for name, plant := range map[string]struct {
		lie lie
		why string
	}{
		"a minimiser removed": {func(_ *certificate.Certificate, r *certificate.Region) { r.Minima = r.Minima[:1] }, ""},
		"a minimiser removed, and where it is met": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Minima = r.Minima[:1]
			for i := range r.Meets {
				r.Meets[i] = 0
			}
			r.EpsilonLow, r.Verdict = 0, certificate.EpsilonGlobal
		}, "is not found to hold"},
		"its boxes said to have a slope": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Cover, r.Meets = strings.ReplaceAll(r.Cover, "m", "g"), nil
		}, "is not found to hold"},
		"its boxes said to be high": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Cover, r.Meets = strings.ReplaceAll(r.Cover, "m", "l"), nil
		}, "is not found to hold"},
		"its boxes said to be outside": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Cover, r.Meets = strings.ReplaceAll(r.Cover, "m", "o"), nil
		}, "is not found to hold"},
		"a saddle said to be unstable": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Cover = strings.ReplaceAll(r.Cover, "n", "m")
			for strings.Count(r.Cover, "m") > len(r.Meets) {
				r.Meets = append(r.Meets, 0)
			}
		}, ""},
		"a gain moved": {func(_ *certificate.Certificate, r *certificate.Region) {
			x := &r.Minima[0].Gain[0]
			*x = x.AddFloat(3 * x.Width())
		}, "minimiser 1"},
		"a gain of no width": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Minima[0].Gain[0] = interval.Of(r.Minima[0].Gain[0].Mid())
		}, "minimiser 1"},
		"a value moved": {func(_ *certificate.Certificate, r *certificate.Region) {
			r.Minima[1].Value = r.Minima[1].Value.AddFloat(1e-9)
		}, ""},
		"said to adapt to the optimum": {func(_ *certificate.Certificate, r *certificate.Region) { r.Minima[0].Optimal = true }, ""},
		"one map":                      {func(_ *certificate.Certificate, r *certificate.Region) { r.OneMap = true }, "one map is wrong"},
		"twice":                        {func(_ *certificate.Certificate, r *certificate.Region) { r.Minima = append(r.Minima, r.Minima[0]) }, "another than"},
		"ε too small":                  {func(_ *certificate.Certificate, r *certificate.Region) { r.Epsilon = &less }, "not verified"},
		"ε too large below":            {func(_ *certificate.Certificate, r *certificate.Region) { r.EpsilonLow *= 1.01 }, "not verified"},
		"the infimum raised":           {func(_ *certificate.Certificate, r *certificate.Region) { r.Infimum = r.Infimum.AddFloat(1e-3) }, "inf h"},
		"the infimum lowered":          {func(_ *certificate.Certificate, r *certificate.Region) { r.Infimum = r.Infimum.AddFloat(-1e-3) }, ""},
		"another verdict":              {func(_ *certificate.Certificate, r *certificate.Region) { r.Verdict = certificate.Global }, "verdict"},
		"no such verdict":              {func(_ *certificate.Certificate, r *certificate.Region) { r.Verdict = "good" }, "verdict"},
		"a level that is none":         {func(_ *certificate.Certificate, r *certificate.Region) { r.Level = -math.MaxFloat64 }, ""},
		"the region enlarged":          {func(_ *certificate.Certificate, r *certificate.Region) { r.Box[0] = interval.New(r.Box[0].Lo(), 2) }, ""},
		"the region moved":             {func(_ *certificate.Certificate, r *certificate.Region) { r.Box[1] = r.Box[1].AddFloat(0.05) }, ""},
		"a minimiser outside the region": {func(_ *certificate.Certificate, r *certificate.Region) {
			g := r.Minima[1].Gain[0]
			if r.Box[0] = interval.New(g.Hi()+1e-3, g.Hi()+9); g.Lo() > r.Minima[0].Gain[0].Lo() {
				r.Box[0] = interval.New(g.Lo()-9, g.Lo()-1e-3)
			}
		}, "minimiser 2: its gain"},
		"the spurious minimiser on the edge of the region": {func(_ *certificate.Certificate, r *certificate.Region) {
			g := r.Minima[1].Gain[0]
			if r.Box[0] = interval.New(g.Mid(), g.Hi()+9); g.Lo() > r.Minima[0].Gain[0].Lo() {
				r.Box[0] = interval.New(g.Lo()-9, g.Mid())
			}
		}, "above inf h is not verified"},
		"the region of one gain": {func(_ *certificate.Certificate, r *certificate.Region) { r.Box = r.Box[:1] }, "region"},
		"a subtree dropped":      {func(_ *certificate.Certificate, r *certificate.Region) { r.Cover = r.Cover[:len(r.Cover)-1] }, "left out"},
		"a leaf for a tree":      {func(_ *certificate.Certificate, r *certificate.Region) { r.Cover, r.Meets = "l", nil }, "is not found to hold"},
		"one letter more":        {func(_ *certificate.Certificate, r *certificate.Region) { r.Cover += "g" }, "goes on"},
		"a box left unsaid":      {func(_ *certificate.Certificate, r *certificate.Region) { letter(r, "g", "?") }, "leaves 1 boxes"},
		"a letter that is none":  {func(_ *certificate.Certificate, r *certificate.Region) { letter(r, "g", "q") }, "is none"},
		"a cut of no entry":      {func(_ *certificate.Certificate, r *certificate.Region) { letter(r, "2", "3") }, "is none"},
		"a cut along another":    {func(_ *certificate.Certificate, r *certificate.Region) { letter(r, "1", "2") }, ""},
		"another meeting":        {func(_ *certificate.Certificate, r *certificate.Region) { r.Meets[0] = 1 - r.Meets[0] }, ""},
		"a meeting too many":     {func(_ *certificate.Certificate, r *certificate.Region) { r.Meets = append(r.Meets, 0) }, "more boxes"},
		"a letter for one map":   {func(_ *certificate.Certificate, r *certificate.Region) { letter(r, "g", "j") }, "one map"},
		"a witness that is high": {func(_ *certificate.Certificate, r *certificate.Region) { r.Witness = []float64{-3, 0} }, "witness"},
		"another task": {func(c *certificate.Certificate, _ *certificate.Region) {
			c.Family = strings.Replace(c.Family, "1.1", "1.101", 1)
		}, ""},
		"another rate": {func(c *certificate.Certificate, _ *certificate.Region) {
			c.Family = strings.Replace(c.Family, "0.05", "0.051", 1)
		}, ""},
		"another rule": {func(c *certificate.Certificate, _ *certificate.Region) {
			c.Family = strings.Replace(c.Family, "gradient", "natural", 1)
		}, ""},
	} {
		c := fresh(whole)
		plant.lie(&c, c.Region)
		if data, err := certificate.Encode(c); err == nil {
			before, _ := certificate.Encode(whole)
			if string(data) == string(before) {
				t.Errorf("%s: nothing is altered", name)
				continue
			}
		}
		if r := checked(t, c); r.Valid || !strings.Contains(r.Reason, plant.why) {
			t.Errorf("%s: %+v, want %q", name, r, plant.why)
		}
	}
	// The level raised beyond what its boxes were proved for.
	low := regionProof(t, regionState, "gradient", 0.05, 0.6, landscape.PlanarOptions{Level: 2.4, Options: landscape.Options{Boxes: 300}})
	if r := checked(t, fresh(low)); !r.Valid {
		t.Fatal(r)
	}
	low.Region.Level = 1e3
	if r := checked(t, low); r.Valid {
		t.Errorf("a level raised: %+v", r)
	}
	// A minimum of one task said not to be optimal, or to be where there is none.
	c := fresh(one)
	c.Region.Minima[0].Optimal = false
	if r := checked(t, c); r.Valid {
		t.Errorf("not optimal, and global: %+v", r)
	}
}

// Whatever digit or letter is altered and the hashes computed again, the certificate
// of a task whose only minimiser is known is refused, or what it then says is true.
func TestRegionAlterations(t *testing.T) {
	t.Parallel()
	c := regionProof(t, regionOne, "natural", 0.1, 0.06, landscape.PlanarOptions{})
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
	truth := func(r *certificate.Region) error {
		if !(r.Infimum.Lo() <= best.Cost*(1+1e-12)) || !(r.Infimum.Hi() >= best.Cost*(1-1e-12)) {
			return fmt.Errorf("inf h is %v, not in %v", best.Cost, r.Infimum)
		}
		if r.EpsilonLow > 0 || r.Verdict == certificate.NotGlobal {
			return fmt.Errorf("there is no spurious minimum")
		}
		for _, m := range r.Minima {
			if !m.Value.Contains(best.Cost) {
				return fmt.Errorf("the minimum is %v", best.Cost)
			}
			for i, w := range best.Gain.Data {
				if !(m.Gain[i].Lo()-1e-12 <= w && w <= m.Gain[i].Hi()+1e-12) {
					return fmt.Errorf("the minimiser is %v", best.Gain.Data)
				}
			}
		}
		if len(r.Minima) == 0 && r.Level > best.Cost && r.Left == 0 && r.Box.Contains(best.Gain.Data) {
			return fmt.Errorf("the minimiser is missing")
		}
		return nil
	}
	tried, valid := 0, 0
	try := func(what string, alter func(*certificate.Region)) {
		x, r := c, *c.Region
		x.Region = &r
		alter(&r)
		data, err := certificate.Encode(x)
		if err != nil {
			return
		}
		tried++
		report, err := check.Check(data)
		if err != nil || !report.Valid {
			return
		}
		valid++
		if err := truth(&r); err != nil {
			t.Errorf("%s: passes, but %v", what, err)
		}
	}
	for i := 0; i < len(c.Region.Cover); i += 3 {
		for _, is := range "12osgljnm?" {
			try(fmt.Sprintf("letter %d to %c", i, is), func(r *certificate.Region) {
				r.Cover = r.Cover[:i] + string(is) + r.Cover[i+1:]
			})
			try(fmt.Sprintf("letter %d to %c, left over", i, is), func(r *certificate.Region) {
				r.Cover = r.Cover[:i] + string(is) + r.Cover[i+1:]
				r.Left, r.Verdict, r.Epsilon = strings.Count(r.Cover, "?"), certificate.Undecided, nil
			})
		}
	}
	for i, was := range data {
		if was < '0' || was > '9' || i < strings.Index(string(data), `"region"`) || i > strings.LastIndex(string(data), `"sha256"`) {
			continue
		}
		data[i] = '0' + (was-'0'+byte(1+i%9))%10
		var again certificate.Certificate
		err := json.Unmarshal(data, &again)
		data[i] = was
		if err != nil || again.Region == nil {
			continue
		}
		try(fmt.Sprintf("digit %d", i), func(r *certificate.Region) { *r = *again.Region })
	}
	t.Logf("%d alterations, %d of them leave a true certificate", tried, valid)
	if tried < 150 || valid == tried {
		t.Errorf("only %d alterations were tried, %d pass", tried, valid)
	}
}

// A box whose squares leave the range of float64 is refused; it is no panic.
func TestHugeRegions(t *testing.T) {
	for _, rule := range []string{"gradient", "natural"} {
		text := "tasks: [{A: [[1, 0.3], [0, 0.9]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rule: " + rule + ", rate: 0.02}}\n"
		huge := interval.New(-1e200, 1e200)
		c := certificate.Certificate{Family: text, Region: &certificate.Region{
			Level: 30, Box: interval.Box{huge, huge}, Infimum: interval.New(0, math.MaxFloat64), Verdict: certificate.Undecided, Cover: "o"}}
		if r, err := check.Check(encoded(t, c)); err != nil || r.Valid || !strings.Contains(r.Reason, "is not found to hold") {
			t.Errorf("%s: %v, %v", rule, r, err)
		}
	}
}
