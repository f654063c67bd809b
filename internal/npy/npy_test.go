package npy

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
)

// Against an independent implementation, both ways.
func TestAgainstLibrary(t *testing.T) {
	data := []float64{1, -2.5, 3, 1e-300, 5, 6}
	var theirs []float64
	if err := npyio.Read(bytes.NewReader(Encode(data, 6)), &theirs); err != nil || !slices.Equal(theirs, data) {
		t.Errorf("the library reads %v, %v", theirs, err)
	}
	var b bytes.Buffer
	if err := npyio.Write(&b, data); err != nil {
		t.Fatal(err)
	}
	a, err := Parse(b.Bytes())
	if err != nil || !slices.Equal(a.Data, data) || !slices.Equal(a.Shape, []int{6}) {
		t.Errorf("%v, %v", a, err)
	}
	b.Reset()
	if err := npyio.Write(&b, []int16{-3, 7}); err != nil {
		t.Fatal(err)
	}
	if a, err := Parse(b.Bytes()); err != nil || !slices.Equal(a.Data, []float64{-3, 7}) {
		t.Errorf("%v, %v", a, err)
	}
}

// In Fortran order entry (i, j, k) of a 2×3×4 array is number i + 2j + 6k.
func TestFortranOrder(t *testing.T) {
	data := make([]float64, 24)
	for i := range data {
		data[i] = float64(i)
	}
	file := bytes.Replace(Encode(data, 2, 3, 4), []byte("False,"), []byte("True ,"), 1)
	a, err := Parse(file)
	if err != nil || !slices.Equal(a.Shape, []int{2, 3, 4}) {
		t.Fatalf("%v, %v", a, err)
	}
	for i := range 2 {
		for j := range 3 {
			for k := range 4 {
				if got, want := a.Data[12*i+4*j+k], float64(i+2*j+6*k); got != want {
					t.Errorf("(%d, %d, %d): %v, want %v", i, j, k, got, want)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(Encode([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	for _, tt := range []struct{ file, want string }{
		{good[:8], "cut short"},
		{good[:11], "cut short"},
		{good[:40], "cut short"},
		{good[:len(good)-1], "47 bytes of numbers, shape (2, 3) needs 48"},
		{good + "x", "49 bytes"},
		{strings.Replace(good, "<f8", "<c8", 1), "only integers and reals"},
		{strings.Replace(good, "<f8", "<f2", 1), "bytes of numbers"},
		{strings.Replace(good, "'shape'", "'shapf'", 1), "not understood"},
		{strings.Replace(good, "(2, 3)", "(0, 3)", 1), "shape"},
		{strings.Replace(good, "(2, 3), }          ", "(1099511627776, 1099511627776), }", 1), "shape"},
		{good[:6] + "\x07" + good[7:], "unknown version 7"},
		{good[:6] + "\x02" + good[7:8] + "\xff\xff\xff\xff", "cut short"},
	} {
		if a, err := Parse([]byte(tt.file)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: %v, %v; want %q", tt.file, a, err, tt.want)
		}
	}
	for _, shape := range [][]int{{}, {1}, {1, 1}, {1, 1, 1}} {
		if a, err := Parse(Encode([]float64{7}, shape...)); err != nil || len(a.Shape) != len(shape) || a.Data[0] != 7 {
			t.Errorf("%v: %v, %v", shape, a, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Encode([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	f.Add(bytes.Replace(Encode([]float64{1, 2}, 1, 2), []byte("<f8"), []byte(">u4"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !Is(data) {
			return
		}
		a, err := Parse(data)
		if err != nil {
			if len(err.Error()) > 512 {
				t.Fatal(err)
			}
			return
		}
		n := 1
		for _, s := range a.Shape {
			n *= s
		}
		if n != len(a.Data) {
			t.Fatalf("shape %v, %d numbers", a.Shape, len(a.Data))
		}
	})
}
