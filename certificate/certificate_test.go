package certificate_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// sample has every field, and numbers that are hard to read back.
func sample() certificate.Certificate {
	e := 0x1.fffffffffffffp-3
	unit := interval.New(0, 1)
	return certificate.Certificate{
		Family: "family: \"<&>\"\ntasks: []\n",
		Landscape: &certificate.Landscape{
			Mode:        certificate.OneMap,
			Domain:      []certificate.Component{{Low: interval.New(math.Inf(-1), -math.MaxFloat64), High: interval.New(0.1, 0.30000000000000004)}},
			Stationary:  []certificate.Stationary{{Gain: unit, Value: interval.Of(5e-324), Kind: certificate.Minimum, Optimal: true}},
			Unresolved:  []interval.Interval{interval.Entire()},
			Infimum:     interval.New(-1e-300, 1.7976931348623157e308),
			Epsilon:     &e,
			EpsilonLow:  1. / 3,
			Verdict:     certificate.Undecided,
			DomainCover: []certificate.Piece{{Box: unit, Is: certificate.Out, Task: 3}},
			Covers:      []certificate.Cover{{Of: certificate.Fold, Step: 2, Pieces: []certificate.Piece{{Box: unit, Is: certificate.Zero}}}},
		},
	}
}

func TestNumbersReadBackToTheSameBits(t *testing.T) {
	c := sample()
	data, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := certificate.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != certificate.Format || got.Family != c.Family || !reflect.DeepEqual(got.Landscape, c.Landscape) || got.Point != nil {
		t.Errorf("read back\n%+v, want\n%+v", got.Landscape, c.Landscape)
	}
	again, err := certificate.Encode(*got)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("encoding again gives other bytes: %v", err)
	}
}

// Every byte is altered in four ways; all are refused, by one of the two
// errors.
func TestNoByteCanBeAltered(t *testing.T) {
	data, err := certificate.Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for _, b := range []byte{data[i] ^ 1, data[i] ^ 0x20, '0', ' '} {
			if b == data[i] {
				continue
			}
			bad := bytes.Clone(data)
			bad[i] = b
			if _, err := certificate.Decode(bad); !errors.Is(err, certificate.ErrFormat) && !errors.Is(err, certificate.ErrHash) {
				t.Fatalf("byte %d, %q in place of %q: %v", i, b, data[i], err)
			}
		}
	}
	for name, bad := range map[string][]byte{
		"a byte less": data[:len(data)-1],
		"a byte more": append(bytes.Clone(data), '\n'),
		"nothing":     nil,
		"twice":       append(bytes.Clone(data), data...),
	} {
		if _, err := certificate.Decode(bad); !errors.Is(err, certificate.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneClaimIsWanted(t *testing.T) {
	c := sample()
	c.Point = &certificate.Point{}
	both, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Point, c.Landscape = nil, nil
	none, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{both, none} {
		if _, err := certificate.Decode(data); !errors.Is(err, certificate.ErrFormat) {
			t.Errorf("%.60s…: %v", data, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := certificate.Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := certificate.Decode(data)
		if err != nil {
			return
		}
		again, err := certificate.Encode(*c)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is accepted and encodes as %q: %v", data, again, err)
		}
	})
}
