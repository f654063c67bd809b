package fleet

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/objective"
)

// chunks hands out tasks k at a time, always in the same buffers.
func chunks(a Arrays, k int) func() (Arrays, error) {
	at := 0
	var c Arrays
	return func() (Arrays, error) {
		if err := a.check(); err != nil {
			return a, nil // to be refused
		}
		if at >= a.Tasks {
			return Arrays{}, io.EOF
		}
		n, r := a.States, a.Inputs
		count := min(k, a.Tasks-at)
		c.Tasks, c.States, c.Inputs = count, n, r
		cut := func(dst *[]float64, t []float64, size int) {
			switch len(t) {
			case 0:
			case size:
				*dst = append((*dst)[:0], t...)
			default:
				*dst = append((*dst)[:0], t[at*size:(at+count)*size]...)
			}
		}
		cut(&c.A, a.A, n*n)
		cut(&c.B, a.B, n*r)
		cut(&c.Q, a.Q, n*n)
		cut(&c.R, a.R, r*r)
		cut(&c.Sigma0, a.Sigma0, n*n)
		cut(&c.Weights, a.Weights, 1)
		at += count
		return c, nil
	}
}

// A stream gives the bits of the same tasks held, whatever its chunks.
func TestStreamIsHeld(t *testing.T) {
	for _, c := range []struct{ tasks, n, r int }{{1, 2, 1}, {700, 2, 1}, {batch, 1, 1}, {2*batch + 77, 1, 1}} {
		s := draw(t, 43, min(c.tasks, 700), c.n, c.r, 0.02, c.n == 2)
		a := s.arrays
		for a.Tasks < c.tasks { // repeated
			k := min(a.Tasks, c.tasks-a.Tasks)
			a.A, a.B = append(a.A, a.A[:k*c.n*c.n]...), append(a.B, a.B[:k*c.n*c.r]...)
			a.Q, a.R = append(a.Q, a.Q[:k*c.n*c.n]...), append(a.R, a.R[:k*c.r*c.r]...)
			a.Weights = append(a.Weights, a.Weights[:k]...)
			a.Tasks += k
		}
		o := Options{Rates: []float64{1e-3}}
		f, err := FromArrays(a, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{1, 7, 8, 1000, a.Tasks} {
			if k == 1 && a.Tasks > 1000 {
				continue
			}
			var last Progress
			calls := 0
			out, err := Stream(s.x, chunks(a, k), StreamOptions{Options: o, Bound: true, Total: a.Tasks, Progress: func(p Progress) {
				calls++
				last = p
			}})
			if err != nil {
				t.Fatal(err)
			}
			if out.Tasks != a.Tasks || out.Value != p.value || out.Gap != p.gap || out.LowerBound != f.bound || out.Weights != math.Ldexp(f.total, f.outer.unit) || distance(out.Grad, p.grad, 0) != 0 {
				t.Errorf("%d tasks by %d: %+v, want %v %v %v %v", a.Tasks, k, out, p.value, p.gap, f.bound, p.grad)
			}
			if calls != (a.Tasks+batch-1)/batch || last.Tasks != a.Tasks || last.Total != a.Tasks || last.Left != 0 || !(last.Rate > 0) {
				t.Errorf("%d tasks by %d: %d calls, the last %+v", a.Tasks, k, calls, last)
			}
			plain, err := Stream(s.x, chunks(a, k), StreamOptions{Options: o})
			if err != nil {
				t.Fatal(err)
			}
			if plain.Value != p.value || !math.IsNaN(plain.LowerBound) || !math.IsNaN(plain.Gap) {
				t.Errorf("without the bound: %+v", plain)
			}
		}
	}
}

func TestStreamErrors(t *testing.T) {
	s := draw(t, 47, 30, 2, 1, 0.02, false)
	other := errors.New("other")
	if _, err := Stream(s.x, func() (Arrays, error) { return Arrays{}, other }, StreamOptions{}); !errors.Is(err, other) {
		t.Error(err)
	}
	if _, err := Stream(s.x, func() (Arrays, error) { return Arrays{}, io.EOF }, StreamOptions{}); !errors.Is(err, ErrArrays) {
		t.Error(err)
	}
	if _, err := Stream(s.x[:1], chunks(s.arrays, 3), StreamOptions{}); !errors.Is(err, ErrArrays) {
		t.Error(err)
	}
	if _, err := Stream(s.x, chunks(s.arrays, 3), StreamOptions{Options: Options{Rule: -1}}); !errors.Is(err, ErrSetting) {
		t.Error(err)
	}
	first := true
	if _, err := Stream(s.x, func() (Arrays, error) {
		if first {
			first = false
			return s.arrays, nil
		}
		return scalars([4]float64{1, 1, 1, 1}), nil
	}, StreamOptions{}); !errors.Is(err, ErrArrays) {
		t.Error(err)
	}
	// The task that the gain does not stabilise is named by its place in the
	// stream.
	a := scalars([4]float64{0.5, 1, 1, 1})
	a.A = make([]float64, batch+100)
	a.Tasks = len(a.A)
	for i := range a.A {
		a.A[i] = 0.5
	}
	a.A[batch+41], a.A[batch+77] = 2, 3
	_, err := Stream([]float64{0.1}, chunks(a, 77), StreamOptions{})
	var member *MemberError
	if !errors.As(err, &member) || member.Index != batch+41 || !errors.Is(err, objective.ErrDomain) {
		t.Error(err)
	}
}

// npyBytes is an array as NumPy writes it.
func npyBytes(descr string, fortran bool, shape []int, data []float64) []byte {
	order := map[bool]string{false: "False", true: "True"}[fortran]
	dims := ""
	for _, k := range shape {
		dims += fmt.Sprintf("%d, ", k)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, order, dims)
	for (len(header)+11)%64 != 0 {
		header += " "
	}
	header += "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	for _, v := range data {
		if descr == "<f4" {
			binary.Write(&b, binary.LittleEndian, float32(v))
		} else {
			binary.Write(&b, binary.LittleEndian, v)
		}
	}
	return b.Bytes()
}

func archive(t *testing.T, members map[string][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tasks.npz")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(members))) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: uint16(len(name)%2) * zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(members[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNPZ(t *testing.T) {
	s := draw(t, 53, 100, 3, 2, 0.02, true)
	a := s.arrays
	a.Q = a.Q[:9] // shared
	members := func() map[string][]byte {
		return map[string][]byte{
			"A": npyBytes("<f8", false, []int{100, 3, 3}, a.A), "B": npyBytes("<f8", false, []int{100, 3, 2}, a.B),
			"Q": npyBytes("<f8", false, []int{3, 3}, a.Q), "R": npyBytes("<f8", false, []int{100, 2, 2}, a.R),
			"Sigma0": npyBytes("<f8", false, []int{100, 3, 3}, a.Sigma0), "weights": npyBytes("<f8", false, []int{100}, a.Weights),
		}
	}
	o := Options{Rule: Natural, Rates: []float64{1e-3}}
	f, err := FromArrays(a, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Evaluate(s.x)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []int{0, 9, 64} {
		z, err := OpenNPZ(archive(t, members()), chunk)
		if err != nil {
			t.Fatal(err)
		}
		if z.Tasks != 100 || z.States != 3 || z.Inputs != 2 {
			t.Errorf("%+v", z)
		}
		out, err := Stream(s.x, z.Next, StreamOptions{Options: o, Total: z.Tasks})
		if err != nil {
			t.Fatal(err)
		}
		if out.Value != p.value || distance(out.Grad, p.grad, 0) != 0 {
			t.Errorf("%v, want %v", out.Value, p.value)
		}
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	}
	// float32 is rounded, nothing else.
	m := members()
	m["A"] = npyBytes("<f4", false, []int{100, 3, 3}, a.A)
	z, err := OpenNPZ(archive(t, m), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if c, err := z.Next(); err != nil || c.A[5] != float64(float32(a.A[5])) || c.B[5] != a.B[5] {
		t.Errorf("%v", err)
	}
	cut := func(m map[string][]byte, name string, k int) { m[name] = m[name][:len(m[name])-k] }
	for _, tt := range []struct {
		name  string
		plant func(m map[string][]byte)
		says  string
	}{
		{"no R", func(m map[string][]byte) { delete(m, "R") }, "R is missing"},
		{"Fortran", func(m map[string][]byte) { m["A"] = npyBytes("<f8", true, []int{100, 3, 3}, a.A) },
			`A cannot be read: it is in Fortran order: save numpy.ascontiguousarray(A, dtype="<f8")`},
		{"integers", func(m map[string][]byte) { m["A"] = npyBytes("<i8", false, []int{100, 3, 3}, a.A) },
			`its numbers are of the type "<i8", not little-endian float64 or float32: save numpy.ascontiguousarray(A, dtype="<f8")`},
		{"big-endian", func(m map[string][]byte) { m["B"] = npyBytes(">f8", false, []int{100, 3, 2}, a.B) },
			`numpy.ascontiguousarray(B, dtype="<f8")`},
		{"no array", func(m map[string][]byte) { m["B"] = []byte("no") }, "B cannot be read: it is not an NPY array"},
		{"a wrong shape", func(m map[string][]byte) { m["R"] = npyBytes("<f8", false, []int{50, 2, 2}, a.R) }, "R has the shape [50 2 2]"},
		{"a flat A", func(m map[string][]byte) { m["A"] = npyBytes("<f8", false, []int{900}, a.A) }, "want N×d×d"},
		{"a flat B", func(m map[string][]byte) { m["B"] = npyBytes("<f8", false, []int{600}, a.B) }, "want N×d×r"},
		{"one weight", func(m map[string][]byte) { m["weights"] = npyBytes("<f8", false, []int{1}, a.Weights[:1]) }, "weights has the shape [1]"},
		{"40 states", func(m map[string][]byte) { m["A"] = npyBytes("<f8", false, []int{100, 40, 40}, nil) }, "40 states"},
		{"a huge number", func(m map[string][]byte) { m["A"] = npyBytes("<f8", false, []int{1 << 50, 3, 3}, nil) }, "makes no sense"},
		{"no tasks", func(m map[string][]byte) { m["A"] = npyBytes("<f8", false, []int{0, 3, 3}, nil) }, "A has the shape [0 3 3]: there are no tasks"},
		{"cut short", func(m map[string][]byte) { cut(m, "A", 900) }, "A is cut short: it has fewer numbers than its shape says"},
		{"a shared one cut short", func(m map[string][]byte) { cut(m, "Q", 1) }, "Q is cut short"},
		{"more numbers", func(m map[string][]byte) { m["A"] = append(m["A"], 0) }, "A has more numbers than its shape says"},
		{"more numbers, shared", func(m map[string][]byte) { m["Q"] = append(m["Q"], 0) }, "Q has more numbers than its shape says"},
		{"Weights", func(m map[string][]byte) { m["Weights"] = m["weights"]; delete(m, "weights") },
			`"Weights" is none of the arrays that are known: A, B, Q, R and, optionally, Sigma0 and weights`},
		{"sigma0", func(m map[string][]byte) { m["sigma0"] = m["Sigma0"]; delete(m, "Sigma0") }, `"sigma0" is none of`},
		{"N", func(m map[string][]byte) { m["N"] = m["B"] }, `"N" is none of`},
		{"discount", func(m map[string][]byte) { m["discount"] = npyBytes("<f8", false, nil, []float64{0.9}) }, `"discount" is none of`},
	} {
		m := members()
		tt.plant(m)
		path := archive(t, m)
		z, err := OpenNPZ(path, 0)
		if err == nil {
			_, err = Stream(s.x, z.Next, StreamOptions{Options: o})
			z.Close()
		}
		if !errors.Is(err, ErrArrays) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := OpenNPZ(filepath.Join(t.TempDir(), "none.npz"), 0); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	whole, err := os.ReadFile(archive(t, members()))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		path := filepath.Join(t.TempDir(), "part.npz")
		if err := os.WriteFile(path, whole[:k], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenNPZ(path, 0); !errors.Is(err, ErrArrays) || !strings.Contains(err.Error(), path) {
			t.Errorf("the first %d bytes of an archive: %v", k, err)
		}
	}
}

// Tasks of tensors have numbers, no names, and errors say so.
func TestErrorsOfNamelessTasks(t *testing.T) {
	s := draw(t, 53, 20, 3, 2, 0.02, true)
	a := s.arrays
	a.R = slices.Clone(a.R)
	a.R[4*11] = -1
	_, err := Stream(s.x, chunks(a, 7), StreamOptions{Options: Options{Rates: []float64{1e-3}}})
	var task *TaskError
	if !errors.As(err, &task) || task.Index != 11 || !strings.HasPrefix(err.Error(), "fleet: task number 12: ") || strings.Contains(err.Error(), `""`) {
		t.Errorf("an indefinite R: %v", err)
	}
}

// A bit flipped anywhere in the data of an array, stored or compressed, shared or
// not, is seen before a pass has a result: most leave numbers that make a task.
func TestDamagedNPZ(t *testing.T) {
	s := draw(t, 53, 100, 3, 2, 0.02, true)
	a := s.arrays
	a.Q = a.Q[:9]
	path := archive(t, map[string][]byte{ // of odd lengths are compressed
		"A": npyBytes("<f8", false, []int{100, 3, 3}, a.A), "B": npyBytes("<f8", false, []int{100, 3, 2}, a.B),
		"Q": npyBytes("<f8", false, []int{3, 3}, a.Q), "R": npyBytes("<f8", false, []int{100, 2, 2}, a.R),
		"Sigma0": npyBytes("<f8", false, []int{100, 3, 3}, a.Sigma0), "weights": npyBytes("<f8", false, []int{100}, a.Weights),
	})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	h := Streaming{States: 3, Inputs: 2, Options: StreamOptions{Options: Options{Rule: Natural, Rates: []float64{1e-3}}},
		Open: func() (Source, error) { return OpenNPZ(path, 16) }}
	if _, err := h.At(s.x); err != nil {
		t.Fatal(err)
	}
	methods := map[uint16]int{}
	silent := 0
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		methods[f.Method]++
		begin, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		for k := range int64(24) {
			at := begin + (2*k+1)*int64(f.CompressedSize64)/48
			damaged := slices.Clone(whole)
			damaged[at] ^= 1
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := h.At(s.x)
			var arrays *ArraysError
			var task *TaskError
			switch {
			case errors.As(err, &arrays):
				if arrays.Name != name && arrays.Name != "Weights" && arrays.Name != "A and B" {
					t.Errorf("bit %d of %s: %v", at, name, err)
				}
				if strings.Contains(err.Error(), "CRC-32") {
					silent++
				}
			case errors.As(err, &task): // a chunk before the last makes no task
			default:
				t.Errorf("bit %d of %s: %v", at, name, err)
			}
		}
	}
	if methods[zip.Store] == 0 || methods[zip.Deflate] == 0 || silent < 50 {
		t.Errorf("methods %v, %d seen by the CRC-32 alone", methods, silent)
	}
}
