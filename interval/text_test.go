package interval

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		a          Interval
		text, json string
	}{
		{Interval{}, "[0, 0]", "[0,0]"},
		{New(math.Copysign(0, -1), 1), "[0, 1]", "[0,1]"},
		{Of(0.1).Add(Of(0.2)), "[0.30000000000000004, 0.30000000000000004]", ""},
		{New(0.1, 1e300), "[0.1, 1e+300]", "[0.1,1e+300]"},
		{Entire(), "[-Inf, +Inf]", "[null,null]"},
		{New(1, inf), "[1, +Inf]", "[1,null]"},
		{New(-inf, 1), "[-Inf, 1]", "[null,1]"},
		{Empty(), "[]", "[]"},
		{New(-maxFloat, 0x1p-1074), "[-1.7976931348623157e+308, 5e-324]", "[-1.7976931348623157e+308,5e-324]"},
	} {
		if tt.json == "" {
			// 0.1 + 0.2 is between two float64s.
			tt.text, tt.json = "[0.3, 0.30000000000000004]", "[0.3,0.30000000000000004]"
		}
		if got := tt.a.String(); got != tt.text {
			t.Errorf("%s, want %s", got, tt.text)
		}
		b, err := json.Marshal(tt.a)
		if err != nil || string(b) != tt.json {
			t.Errorf("%s (%v), want %s", b, err, tt.json)
		}
		back := New(7, 8)
		if err := json.Unmarshal(b, &back); err != nil || back != tt.a {
			t.Errorf("%s read as %v (%v)", b, back, err)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(37, 1))
	for range trials() / 20 {
		x := number(r)
		a, back := between(r, x, partner(r, x)), Of(7)
		b, err := a.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := back.UnmarshalJSON(b); err != nil || back != a {
			t.Fatalf("%v: %s is %v (%v)", a, b, back, err)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"[2,1]":         "above",
		"[1]":           "1 ends",
		"[1,2,3]":       "3 ends",
		"null":          "0 ends",
		"1":             "cannot unmarshal",
		`["1","2"]`:     "cannot unmarshal",
		`[1,"NaN"]`:     "cannot unmarshal",
		"[NaN,1]":       "invalid character",
		"[1,1e999]":     "cannot unmarshal",
		`{"lo":1}`:      "cannot unmarshal",
		"[1e-5,-1e-10]": "above",
	} {
		a := New(7, 8)
		err := a.UnmarshalJSON([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "interval: ") {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
		if a != New(7, 8) {
			t.Errorf("%s: a became %v", text, a)
		}
	}
}
