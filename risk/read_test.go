package risk

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/npy"
)

func sameData(a, b Data) bool {
	return a.Rows == b.Rows && a.Cols == b.Cols && slices.Equal(a.X, b.X) && slices.Equal(a.Y, b.Y) && slices.Equal(a.Names, b.Names)
}

// archive is an NPZ file of arrays, stored or compressed.
func archive(t testing.TB, method uint16, arrays ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(arrays); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: arrays[i].(string), Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(arrays[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	table = []float64{1, -2.5, 0, 0.5, 1e-6, 1} // 2×3
	want  = Data{X: []float64{1, -2.5, 0.5, 1e-6}, Y: []float64{0, 1}, Rows: 2, Cols: 2}
)

func TestForms(t *testing.T) {
	plain := archive(t, zip.Store, "X.npy", npy.Encode(want.X, 2, 2), "y.npy", npy.Encode(want.Y, 2))
	for name, file := range map[string]string{
		"commas":     "1,-2.5,0\n.5,1e-06,1\n",
		"semicolons": "\xef\xbb\xbf1;-2.5;0\r\n.5;1e-6;1\r\n",
		"tabs":       "# data\n1\t-2.5\t0\n\n# more\n0.5\t1E-6\t1",
		"spaces":     " 1, -2.5 , 0\n 0.5, \"1e-6\", 1\n",
		"NPY":        string(npy.Encode(table, 2, 3)),
		"NPZ":        string(plain),
		"deflated":   string(archive(t, zip.Deflate, "y.npy", npy.Encode(want.Y, 2, 1), "X.npy", npy.Encode(want.X, 2, 2))),
	} {
		if d, err := Parse("x", []byte(file)); err != nil || !sameData(d, want) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	header := "a,\"the, second\",label\n1,-2.5,0\n.5,1e-6,1\n"
	named := want
	named.Names = []string{"a", "the, second"}
	swapped := Data{X: []float64{1, 0, 0.5, 1}, Y: []float64{-2.5, 1e-6}, Rows: 2, Cols: 2, Names: []string{"a", "label"}}
	for _, tt := range []struct {
		f    Format
		want Data
	}{
		{Format{}, named},
		{Format{Target: "label"}, named},
		{Format{Target: "3"}, named},
		{Format{Target: "the, second"}, swapped},
		{Format{Target: "2"}, swapped},
		{Format{NoTarget: true}, Data{X: table, Rows: 2, Cols: 3, Names: []string{"a", "the, second", "label"}}},
	} {
		if d, err := tt.f.Parse("x", []byte(header)); err != nil || !sameData(d, tt.want) {
			t.Errorf("%+v: %+v, %v", tt.f, d, err)
		}
	}
	many := archive(t, zip.Deflate, "train.npy", npy.Encode(want.X, 2, 2), "labels.npy", npy.Encode(want.Y, 2), "other.npy", []byte("?"))
	if d, err := (Format{Features: "train", Target: "labels"}).Parse("x", many); err != nil || !sameData(d, want) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := (Format{NoTarget: true}).Parse("x", plain); err != nil || d.Y != nil || !slices.Equal(d.X, want.X) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := (Format{NoTarget: true}).Parse("x", npy.Encode([]float64{1, 2, 3}, 3)); err != nil || d.Rows != 3 || d.Cols != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// Files written by an independent implementation.
func TestAgainstLibrary(t *testing.T) {
	dir := t.TempDir()
	x, y := mat.NewDense(2, 2, want.X), []int64{0, 1}
	path := filepath.Join(dir, "data.npz")
	if err := npz.Write(path, map[string]any{"X": x, "y": y}); err != nil {
		t.Fatal(err)
	}
	if d, err := Read(path); err != nil || !sameData(d, want) {
		t.Errorf("%+v, %v", d, err)
	}
	var fx, fy bytes.Buffer
	if err := errors.Join(npyio.Write(&fx, x), npyio.Write(&fy, y)); err != nil {
		t.Fatal(err)
	}
	px, py := filepath.Join(dir, "x.npy"), filepath.Join(dir, "y.npy")
	if err := errors.Join(os.WriteFile(px, fx.Bytes(), 0o600), os.WriteFile(py, fy.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if d, err := (Format{}).ReadPair(px, py); err != nil || !sameData(d, want) {
		t.Errorf("%+v, %v", d, err)
	}
	var e *DataError
	if _, err := (Format{}).ReadPair(px, px); !errors.As(err, &e) || e.File != px {
		t.Error(err)
	}
	if _, err := Read(filepath.Join(dir, "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := (Format{MaxBytes: 5}).Read(px); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

func TestReadErrors(t *testing.T) {
	good := npy.Encode(table, 2, 3)
	npx, npn := npy.Encode(want.X, 2, 2), npy.Encode([]float64{1, math.Inf(1), 3, 4}, 2, 2)
	y := npy.Encode(want.Y, 2)
	bomb := archive(t, zip.Deflate, "X.npy", npy.Encode(make([]float64, 1<<16), 1<<8, 1<<8), "y.npy", y)
	for _, tt := range []struct {
		f                 Format
		file              string
		line, column, row int
		array, field      string
		kind              error
		message           string
	}{
		{file: "", message: "no numbers"},
		{file: "# nothing\n", message: "no numbers"},
		{file: "a,b\n", message: "no numbers"},
		{file: "1,2,3\n4,,6\n", line: 2, column: 3, row: 2, message: "empty cell"},
		{file: "a,b\n1,2\n\n3,x\n", line: 4, column: 3, row: 2, field: "b", message: `found "x"`},
		{file: "1,x\n3,4\n", line: 1, column: 3, row: 1, message: `found "x"`},
		{file: "1,2\n3,nan\n", line: 2, column: 3, row: 2, kind: ErrNotFinite, message: `"nan" is not finite`},
		{file: "1,2\n-Inf,4\n", line: 2, column: 1, row: 2, kind: ErrNotFinite, message: `"-Inf" is not finite`},
		{file: "1,1e999\n", line: 1, column: 3, row: 1, kind: ErrNotFinite, message: "beyond the range"},
		{file: "1,2\n3,4,5\n", line: 2, row: 2, message: "3 cells, the lines before have 2"},
		{file: "1,\"2\n", line: 1, column: 6, message: "\""},
		{file: "a,a\n1,2\n", line: 1, column: 3, field: "a", message: "columns 1 and 2 of the header"},
		{file: "1\n2\n", message: "no features are left"},
		{file: "a,b\n1,2\n", f: Format{Target: "c"}, field: "c", message: `no such column; there are 2: "a", "b"`},
		{file: "1,2\n", f: Format{Target: "3"}, field: "3", message: "no such column; there are 2"},
		{file: "1,2\n", f: Format{Target: "0"}, field: "0", message: "no such column"},
		{file: "\xff\xfe\x00", message: "neither text"},
		{file: "1,2\n3,4\n5,6\n", f: Format{MaxNumbers: 4}, line: 3, row: 3, kind: ErrLimit, message: "more than 4 numbers"},
		{file: "1,2\n", f: Format{MaxBytes: 3}, kind: ErrLimit, message: "more than 3 bytes"},
		{file: string(good[:50]), message: "cut short"},
		{file: string(good), f: Format{MaxNumbers: 5}, kind: ErrLimit, message: "more than 5 numbers"},
		{file: string(npn), row: 1, column: 2, kind: ErrNotFinite, message: "+Inf is not finite"},
		{file: string(npy.Encode(table, 1, 2, 3)), message: "3 dimensions"},
		{file: "PK\x03\x04", message: "not an NPZ archive"},
		{file: string(archive(t, zip.Store, "x.npy", npx)), array: "X", message: `no such array; there are 1: "x"`},
		{file: string(archive(t, zip.Store, "X.npy", npx)), array: "y", message: "no such array"},
		{file: string(archive(t, zip.Store, "X.npy", npx, "y.npy", npy.Encode(table, 6))), array: "y", message: "6 targets for 2 rows"},
		{file: string(archive(t, zip.Store, "X.npy", npn, "y.npy", y)), array: "X", row: 1, column: 2, kind: ErrNotFinite, message: "not finite"},
		{file: string(archive(t, zip.Store, "X.npy", npx, "y.npy", npy.Encode([]float64{1, math.NaN()}, 2))), array: "y", row: 2, column: 1, kind: ErrNotFinite, message: "NaN"},
		{file: string(archive(t, zip.Store, "X.npy", []byte("1,2"), "y.npy", y)), array: "X", message: "not NPY"},
		{file: string(archive(t, zip.Store, "X.npy", npx[:20], "y.npy", y)), array: "X", message: "cut short"},
		// Half a megabyte of zeros takes less than two kilobytes.
		{file: string(bomb), f: Format{MaxBytes: 100000}, array: "X", kind: ErrLimit, message: "unpacks to more than 100000 bytes"},
		{file: string(bomb), f: Format{MaxNumbers: 1000}, array: "X", kind: ErrLimit, message: "more than 1000 numbers"},
	} {
		d, err := tt.f.Parse("d.x", []byte(tt.file))
		var e *DataError
		if !errors.As(err, &e) || !errors.Is(err, ErrData) {
			t.Errorf("%.30q: %+v, %v", tt.file, d, err)
			continue
		}
		if e.File != "d.x" || e.Line != tt.line || e.Column != tt.column || e.Row != tt.row || e.Array != tt.array || e.Field != tt.field || e.Kind != tt.kind || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%.30q: %v\n%+v\nwant %+v", tt.file, err, e, tt)
		}
		if tt.kind == ErrLimit && e.Limit == 0 {
			t.Errorf("%.30q: no limit", tt.file)
		}
	}
	for _, f := range []Format{{MaxBytes: -1}, {MaxNumbers: -1}, {NoTarget: true, Target: "y"}} {
		if _, err := f.Parse("x", good); !errors.Is(err, ErrModel) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n3,4\n"))
	f.Add([]byte("1;2;3\n# x\n4;\"5\";6"))
	f.Add(npy.Encode(table, 2, 3))
	f.Add(archive(f, zip.Deflate, "X.npy", npy.Encode(want.X, 2, 2), "y.npy", npy.Encode(want.Y, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Format{MaxBytes: 1 << 20, MaxNumbers: 1 << 17}.Parse("x", b)
		if err != nil {
			if len(err.Error()) > 1500 || !errors.Is(err, ErrData) {
				t.Fatal(err)
			}
			return
		}
		if err := d.Check(); err != nil || d.Y == nil {
			t.Fatal(d, err)
		}
	})
}

func TestStandardize(t *testing.T) {
	d := try(Lines{Rows: 500, Features: 4, Seed: 3}.Task(0))(t)
	for i := range d.Rows {
		r := d.Row(i)
		r[1] = 1e9 + r[1]   // a mean far above the deviation
		r[2] = 0.1          // constant
		r[3] = 1e200 * r[3] // squares overflow
	}
	s := try(Standardize(d))(t)
	z := try(s.Apply(d))(t)
	for j := range d.Cols {
		column := func(i int) float64 { return z.Row(i)[j] }
		mean := blockSum(d.Rows, column) / 500
		square := blockSum(d.Rows, func(i int) float64 { return column(i) * column(i) }) / 500
		wantSquare := 1.0
		if j == 2 {
			wantSquare = 0
		}
		// A shift of 1e9 leaves seven digits of what varies.
		if math.Abs(mean) > 1e-7 || math.Abs(square-wantSquare) > 1e-7 {
			t.Errorf("column %d: mean %g, square %g", j, mean, square)
		}
	}
	if s.Scale[2] != 1 || s.Mean[2] != 0.1 {
		t.Errorf("constant column: %g, %g", s.Mean[2], s.Scale[2])
	}
	// Fitted on one set, applied to another: the same map.
	other := try(d.Pick([]int{3, 3, 9}))(t)
	y := try(s.Apply(other))(t)
	if !slices.Equal(y.Row(0), z.Row(3)) || !slices.Equal(y.Row(2), z.Row(9)) || !slices.Equal(y.Y, []float64{d.Y[3], d.Y[3], d.Y[9]}) {
		t.Error("the map depends on the set")
	}
	if _, err := s.Apply(Data{X: []float64{1}, Rows: 1, Cols: 1}); !errors.Is(err, ErrData) {
		t.Error(err)
	}
	if _, err := Standardize(Data{X: []float64{math.NaN()}, Rows: 1, Cols: 1}); !errors.Is(err, ErrNotFinite) {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	d := try(Blobs{Rows: 31, Classes: 3, Seed: 5}.Task(0))(t)
	for i := range d.Rows {
		d.X[2*i] = float64(i) // to recognise rows by
	}
	whole := try(Draw{Count: 10, Seed: 1}.Split(d))(t)
	apart := try(Draw{Count: 10, Seed: 1, Disjoint: true}.Split(d))(t)
	if whole.Small.Rows != 10 || whole.Large.Rows != 31 || apart.Large.Rows != 21 || !sameData(whole.Small, apart.Small) {
		t.Fatalf("%d of %d, %d of %d", whole.Small.Rows, whole.Large.Rows, apart.Small.Rows, apart.Large.Rows)
	}
	seen := map[float64]int{}
	for _, s := range []Data{apart.Small, apart.Large} {
		for i := range s.Rows {
			seen[s.Row(i)[0]]++
			if at := int(s.Row(i)[0]); s.Y[i] != d.Y[at] || i > 0 && s.Row(i)[0] <= s.Row(i - 1)[0] {
				t.Fatal("rows lose their target or their order")
			}
		}
	}
	if len(seen) != 31 {
		t.Errorf("%d rows in all", len(seen))
	}
	shots := try(Draw{Count: 2, PerClass: true, Seed: 1}.Split(d))(t)
	count := map[float64]int{}
	for _, y := range shots.Small.Y {
		count[y]++
	}
	if shots.Small.Rows != 6 || count[0] != 2 || count[1] != 2 || count[2] != 2 {
		t.Errorf("per class: %v", count)
	}
	// The same input gives the same rows, another task's stream others.
	if again := try(Draw{Count: 10, Seed: 1}.Split(d))(t); !sameData(again.Small, whole.Small) {
		t.Error("not repeatable")
	}
	if other := try(Draw{Count: 10, Seed: 1, Task: 1}.Split(d))(t); sameData(other.Small, whole.Small) {
		t.Error("two tasks share a stream")
	}
	// Every row equally often: 310 000 draws, 10 000 for each row, deviation 82.
	often := make([]float64, 31)
	for task := range uint64(31000) {
		s := try(Draw{Count: 10, Seed: 2, Task: task}.Split(Data{X: d.X, Rows: 31, Cols: 2}))(t)
		for i := range s.Small.Rows {
			often[int(s.Small.Row(i)[0])]++
		}
	}
	for i, n := range often {
		if math.Abs(n-10000) > 5*82 {
			t.Errorf("row %d drawn %g times", i, n)
		}
	}
	for _, tt := range []struct {
		w    Draw
		d    Data
		want error
	}{
		{Draw{}, d, ErrModel},
		{Draw{Count: -1}, d, ErrModel},
		{Draw{Count: 32}, d, ErrLimit},
		{Draw{Count: 31, Disjoint: true}, d, ErrLimit},
		{Draw{Count: 11, PerClass: true}, d, ErrLimit},
		{Draw{Count: 1, PerClass: true}, Data{X: d.X, Rows: 31, Cols: 2}, ErrData},
		{Draw{Count: 1}, Data{}, ErrData},
	} {
		if _, err := tt.w.Split(tt.d); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt.w, err)
		}
	}
}

// Families do not change from one version to the next: these numbers are the
// contract. Members are independent of how many there are.
func TestGenerators(t *testing.T) {
	for _, tt := range []struct {
		name string
		task func(uint64) (Data, error)
		want string
	}{
		{"sinusoids", Sinusoids{Seed: 1}.Task, "0.927166 0.97862 -0.270923 0.0294391"},
		{"lines", Lines{Seed: 1}.Task, "-0.37301 0.135784 1.37737 0.153536"},
		{"blobs", Blobs{Seed: 1}.Task, "-1.7738 1.68817 0 1"},
	} {
		d, e := try(tt.task(0))(t), try(tt.task(0))(t)
		if !sameData(d, e) || sameData(d, try(tt.task(1))(t)) || d.Rows != 100 || d.Check() != nil {
			t.Errorf("%s: not repeatable, or every task the same", tt.name)
		}
		got := fmt.Sprintf("%.6g %.6g %.6g %.6g", d.X[0], d.X[len(d.X)-1], d.Y[0], d.Y[99])
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	// Targets are what the documentation says: exact lines, and a sinusoid that
	// twelve bumps fit to a percent of its amplitude.
	line := try(Lines{Rows: 50, Seed: 4}.Task(2))(t)
	if o := try(Regression{}.LeastSquares(line))(t); o.LowerBound() > 1e-28 {
		t.Errorf("lines leave %g", o.LowerBound())
	}
	sine := try(Sinusoids{Rows: 300, Seed: 4}.Task(2))(t)
	if o := try(Regression{}.LeastSquares(sine))(t); o.LowerBound() > 1e-4*blockSum(300, func(i int) float64 { return sine.Y[i] * sine.Y[i] })/300 {
		t.Errorf("sinusoid leaves %g", o.LowerBound())
	}
	for _, task := range []func(uint64) (Data, error){
		Sinusoids{Rows: -1}.Task, Sinusoids{Features: 1}.Task, Sinusoids{Noise: math.NaN()}.Task,
		Lines{Within: -1}.Task, Lines{Features: 1 << 30}.Task, Blobs{Classes: -1}.Task, Blobs{Apart: -1}.Task, Blobs{Within: math.Inf(1)}.Task,
	} {
		if _, err := task(0); !errors.Is(err, ErrModel) {
			t.Error(err)
		}
	}
}
