package family

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/matrixeq"
)

var gain = matrixeq.Matrix{Rows: 2, Cols: 3, Data: []float64{1, -0.1, 1e-300, math.Copysign(0, -1), 5e-324, math.MaxFloat64}}

// What is written is read back to the same bits, in every format; JSON is as
// matrixeq writes it.
func TestGainRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"gain.csv": GainCSV(gain), "gain.npy": GainNPY(gain), "gain.json": gainJSON(gain)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := ReadGain(path, 2, 3)
		if err != nil || !m.Equal(gain) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
		if m, err := ReadGain(path, 0, 0); err != nil || !m.Equal(gain) {
			t.Errorf("%s, any shape: %v, %v", name, m, err)
		}
	}
	if _, err := ReadGain(filepath.Join(dir, "absent.csv"), 2, 3); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	const csv = "1,-0.1,1e-300\n-0,5e-324,1.7976931348623157e+308\n"
	if got := string(GainCSV(gain)); got != csv {
		t.Errorf("CSV %q, want %q", got, csv)
	}
}

func gainJSON(m matrixeq.Matrix) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // entries are finite
	}
	return b
}

// NPY against an independent implementation, both ways, and in Fortran order.
func TestNPYAgainstLibrary(t *testing.T) {
	var theirs mat.Dense
	if err := npyio.Read(bytes.NewReader(GainNPY(gain)), &theirs); err != nil {
		t.Fatal(err)
	}
	if r, c := theirs.Dims(); r != 2 || c != 3 || !slices.Equal(theirs.RawMatrix().Data, gain.Data) {
		t.Errorf("the library reads %v", theirs)
	}
	var b bytes.Buffer
	if err := npyio.Write(&b, &theirs); err != nil {
		t.Fatal(err)
	}
	if m, err := ParseGain("x", b.Bytes(), 2, 3); err != nil || !m.Equal(gain) {
		t.Errorf("%v, %v", m, err)
	}
	// One and the same file but for the order: entries come transposed.
	fortran := bytes.Replace(b.Bytes(), []byte("'fortran_order': False"), []byte("'fortran_order': True "), 1)
	m, err := ParseGain("x", fortran, 2, 3)
	want := matrixeq.Matrix{Rows: 2, Cols: 3}
	for i := range 2 {
		for j := range 3 {
			want.Data = append(want.Data, gain.Data[j*2+i])
		}
	}
	if err != nil || !m.Equal(want) {
		t.Errorf("Fortran order: %v, %v, want %v", m, err, want)
	}
	for _, v := range []any{[]float32{1, -2.5}, []int64{1, -2}, []int32{1, -2}, []int16{1, -2}, []int8{1, -2}, []uint8{1, 254}, []uint64{1, 1 << 40}, []uint32{1, 2}, []uint16{1, 2}} {
		var b bytes.Buffer
		if err := npyio.Write(&b, v); err != nil {
			t.Fatal(err)
		}
		m, err := ParseGain("x", b.Bytes(), 1, 2)
		wants := map[byte][]float64{'f': {1, -2.5}, 'i': {1, -2}}
		kind := regexp.MustCompile(`'descr': '.([fiu])`).FindSubmatch(b.Bytes())[1][0]
		want := wants[kind]
		if kind == 'u' {
			want = []float64{1, 2}
			switch v.(type) {
			case []uint8:
				want = []float64{1, 254}
			case []uint64:
				want = []float64{1, 1 << 40}
			}
		}
		if err != nil || !slices.Equal(m.Data, want) {
			t.Errorf("%T: %v, %v, want %v", v, m, err, want)
		}
		if m, err := ParseGain("x", b.Bytes(), 2, 1); err != nil || m.Rows != 2 || m.Cols != 1 {
			t.Errorf("%T as a column: %v, %v", v, m, err)
		}
	}
	// Big-endian, as another machine writes it.
	big := bytes.Replace(GainNPY(matrixeq.Scalar(1.5)), []byte("'<f8'"), []byte("'>f8'"), 1)
	slices.Reverse(big[len(big)-8:])
	if m, err := ParseGain("x", big, 1, 1); err != nil || m.Data[0] != 1.5 {
		t.Errorf("big-endian: %v, %v", m, err)
	}
}

func TestGainForms(t *testing.T) {
	want := matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{1, -2.5, 0.5, 1e-6}}
	for _, text := range []string{
		"1,-2.5\n.5,1e-06\n",
		"\xef\xbb\xbf1;-2.5\r\n.5;1e-6\r\n",
		"# a gain\n\n  1.0e+00 -2.50e+00  # row 1\n0.5\t1E-6",
		"[[1, -2.5], [0.5, 1e-6]]",
		` {"value": 3, "gain": [[1, -2.5], [0.5, 0.000001]], "tasks": [{"gain": 7}]} `,
	} {
		if m, err := ParseGain("x", []byte(text), 2, 2); err != nil || !m.Equal(want) {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"0.25", "[[0.25]]", `{"gain": 0.25}`, `{"gain": [[0.25]]}`} {
		if m, err := ParseGain("x", []byte(text), 1, 1); err != nil || !m.Equal(matrixeq.Scalar(0.25)) {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
}

func TestGainErrors(t *testing.T) {
	npy := string(GainNPY(gain))
	nan := gain.Clone()
	nan.Set(1, 2, math.NaN())
	for _, tt := range []struct {
		text        string
		row, column int
		message     string
	}{
		{"", 0, 0, "empty"},
		{"# nothing\n", 0, 0, "no numbers"},
		{"1,2,x\n", 1, 3, `found "x"`},
		{"1,2,3\n4,,6\n", 2, 2, `found ""`},
		{"1,2,3\n4,nan,6\n", 2, 2, `found "nan"`},
		{"1,2,3\n4,5\n", 2, 0, "2 entries, row 1 has 3"},
		{"1,2,1e999\n", 1, 3, "beyond the range"},
		{"k1,k2\n1,2\n", 1, 1, `found "k1"`},
		{"\xff\xfe", 0, 0, "neither text nor NPY"},
		{"1,2\n3,4\n5,6\n", 0, 0, "is 3×2, want 2×3 (inputs by states); it seems to be transposed"},
		{"1,2\n", 0, 0, "is 1×2, want 2×3"},
		{"[[1, 2, 3], [4, null, 6]]", 2, 2, "found null"},
		{"[[1, 2, 3], [4, \"5\", 6]]", 2, 2, `found the text "5"`},
		{"[[1, 2, 3], [4, [5], 6]]", 2, 2, "found a list"},
		{"[[1, 2, 3], [4, 5]]", 2, 0, "2 entries"},
		{"[[1, 2, 3], []]", 2, 0, "0 entries"},
		{"[[], []]", 1, 0, "0 entries"},
		{"[1, 2, 3]", 1, 0, "[[…]]"},
		{"[[1, 2, 3], [4, 5, 1e999]]", 2, 3, "beyond the range"},
		{"[]", 0, 0, "a list of rows"},
		{`{"gains": 1}`, 0, 0, "no key gain"},
		{`{"gain": null}`, 0, 0, "a list of rows"},
		{"[[1, 2, 3]", 0, 0, "not JSON"},
		{"[[1]] [[2]]", 0, 0, "text after"},
		{npy[:8], 0, 0, "cut short"},
		{npy[:40], 0, 0, "cut short"},
		{npy[:len(npy)-1], 0, 0, "47 bytes of numbers, shape (2, 3) needs 48"},
		{npy + "x", 0, 0, "49 bytes"},
		{strings.Replace(npy, "<f8", "<c8", 1), 0, 0, "only integers and reals"},
		{strings.Replace(npy, "<f8", "<f2", 1), 0, 0, "bytes of numbers"},
		{strings.Replace(npy, "'shape'", "'shapf'", 1), 0, 0, "not understood"},
		{strings.Replace(npy, "(2, 3)", "(2,-3)", 1), 0, 0, "not understood"},
		{strings.Replace(npy, "(2, 3)", "(0, 3)", 1), 0, 0, "shape"},
		{strings.Replace(npy, "(2, 3)", "(2,3,)", 1), 0, 0, ""},
		{strings.Replace(npy, "(2, 3), }", "(999999999999999999), }", 1), 0, 0, "shape"},
		{strings.Replace(npy, "(2, 3), }   ", "(2,3,1), }  ", 1), 0, 0, "3 dimensions"},
		{npy[:6] + "\x07" + npy[7:], 0, 0, "unknown version 7"},
		{string(GainNPY(nan)), 2, 3, "NaN is not finite"},
	} {
		m, err := ParseGain("g.x", []byte(tt.text), 2, 3)
		if tt.message == "" {
			if err != nil || !m.Equal(gain) {
				t.Errorf("%q: %v", tt.text, err)
			}
			continue
		}
		var e *GainError
		if !errors.As(err, &e) || !errors.Is(err, ErrGain) {
			t.Errorf("%q: %v, %v", tt.text, m, err)
			continue
		}
		if e.File != "g.x" || e.Row != tt.row || e.Column != tt.column || !strings.Contains(e.Message, tt.message) || !strings.HasPrefix(e.Error(), "g.x: ") {
			t.Errorf("%.40q: row %d, column %d: %v; want row %d, column %d, %q", tt.text, e.Row, e.Column, e, tt.row, tt.column, tt.message)
		}
	}
}

func FuzzGain(f *testing.F) {
	for _, m := range []matrixeq.Matrix{gain, matrixeq.Scalar(1)} {
		f.Add(GainCSV(m))
		f.Add(gainJSON(m))
		f.Add(GainNPY(m))
	}
	f.Add([]byte(`{"gain": [[1]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseGain("x", data, 0, 0)
		if err != nil {
			if len(err.Error()) > 1024 {
				t.Fatal(err)
			}
			return
		}
		for _, b := range [][]byte{GainCSV(m), gainJSON(m), GainNPY(m)} {
			if again, err := ParseGain("x", b, m.Rows, m.Cols); err != nil || !again.Equal(m) {
				t.Fatalf("%v, then %v, %v", m, again, err)
			}
		}
	})
}
