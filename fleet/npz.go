package fleet

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// An NPZ reads the tasks of a NumPy archive chunk by chunk, as Stream wants them.
//
// The archive holds the tensors of Arrays under the names A, B, Q, R and,
// optionally, Sigma0 and weights, as little-endian float64 or float32 in C
// order: A N×d×d, B N×d×r, Q N×d×d, R N×r×r, Sigma0 N×d×d, weights N. B, Q, R
// and Sigma0 may lack the first dimension, or have it 1, and are then shared by
// all tasks. Whatever numpy.savez and numpy.savez_compressed write of such
// arrays can be read.
type NPZ struct {
	Tasks, States, Inputs int

	file    *zip.ReadCloser
	tensors []*tensor
	chunk   int
	left    int
	err     error
}

// tensor is one member of an archive.
type tensor struct {
	name   string
	dst    func(a *Arrays) *[]float64
	size   int // numbers a task
	shared bool
	single bool // float32
	open   io.ReadCloser
	from   *bufio.Reader
	data   []float64
	raw    []byte
}

// OpenNPZ opens an archive to be read chunk tasks at a time; 0 means 8192.
// Errors about its contents are *ArraysError.
func OpenNPZ(path string, chunk int) (*NPZ, error) {
	if chunk <= 0 {
		chunk = batch
	}
	file, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	z := &NPZ{file: file, chunk: chunk}
	if err := z.header(); err != nil {
		z.Close()
		return nil, err
	}
	return z, nil
}

func (z *NPZ) header() error {
	bad := func(name, format string, args ...any) error {
		return &ArraysError{Name: name, Task: -1, Problem: fmt.Sprintf(format, args...)}
	}
	shapes := make(map[string][]int)
	for _, t := range []*tensor{
		{name: "A", dst: func(a *Arrays) *[]float64 { return &a.A }},
		{name: "B", dst: func(a *Arrays) *[]float64 { return &a.B }},
		{name: "Q", dst: func(a *Arrays) *[]float64 { return &a.Q }},
		{name: "R", dst: func(a *Arrays) *[]float64 { return &a.R }},
		{name: "Sigma0", dst: func(a *Arrays) *[]float64 { return &a.Sigma0 }},
		{name: "weights", dst: func(a *Arrays) *[]float64 { return &a.Weights }},
	} {
		var member *zip.File
		for _, f := range z.file.File {
			if f.Name == t.name+".npy" {
				member = f
			}
		}
		if member == nil {
			if t.name == "Sigma0" || t.name == "weights" {
				continue
			}
			return bad(t.name, "is missing from the archive")
		}
		open, err := member.Open()
		if err != nil {
			return err
		}
		t.open, t.from = open, bufio.NewReaderSize(open, 1<<18)
		z.tensors = append(z.tensors, t)
		shape, single, err := npyHeader(t.from)
		if err != nil {
			return bad(t.name, "cannot be read: %v", err)
		}
		t.single = single
		shapes[t.name] = shape
	}
	a, b := shapes["A"], shapes["B"]
	if len(a) != 3 || a[1] != a[2] || a[0] < 1 {
		return bad("A", "has the shape %v, want N×d×d", a)
	}
	if len(b) < 2 {
		return bad("B", "has the shape %v, want N×d×r", b)
	}
	n, r := a[1], b[len(b)-1]
	z.Tasks, z.States, z.Inputs, z.left = a[0], n, r, a[0]
	if n > maxStates || r < 1 || r > n {
		return bad("A and B", "are for %d states and %d inputs, want 1 to %d states and no more inputs", n, r, maxStates)
	}
	for _, t := range z.tensors {
		want := map[string][]int{"A": {n, n}, "B": {n, r}, "Q": {n, n}, "R": {r, r}, "Sigma0": {n, n}, "weights": {}}[t.name]
		shape := shapes[t.name]
		t.size = 1
		for _, k := range want {
			t.size *= k
		}
		tail := shape[max(0, len(shape)-len(want)):]
		head := shape[:max(0, len(shape)-len(want))]
		same := len(tail) == len(want)
		for i := range tail {
			same = same && tail[i] == want[i]
		}
		switch {
		case same && len(head) == 1 && head[0] == z.Tasks:
		case same && t.name != "weights" && (len(head) == 0 || len(head) == 1 && head[0] == 1):
			t.shared = true
		default:
			return bad(t.name, "has the shape %v, want %d×%v", shape, z.Tasks, want)
		}
		if t.shared {
			if err := t.read(1); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	npyDescr   = regexp.MustCompile(`'descr':\s*'([<>|=]?)f([48])'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*False`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// npyHeader reads the header of an array; what follows are its numbers.
func npyHeader(r io.Reader) (shape []int, single bool, err error) {
	fixed := make([]byte, 10)
	if _, err := io.ReadFull(r, fixed); err != nil || string(fixed[:6]) != "\x93NUMPY" {
		return nil, false, errors.New("it is not an NPY array")
	}
	size := int(binary.LittleEndian.Uint16(fixed[8:]))
	if fixed[6] > 1 {
		more := make([]byte, 2)
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, false, errors.New("its header is cut short")
		}
		size |= int(binary.LittleEndian.Uint16(more)) << 16
	}
	if size > 1<<16 {
		return nil, false, errors.New("its header is too long")
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, false, errors.New("its header is cut short")
	}
	descr, dims := npyDescr.FindSubmatch(text), npyShape.FindSubmatch(text)
	switch {
	case descr == nil || string(descr[1]) == ">":
		return nil, false, errors.New("its numbers are not little-endian float64 or float32")
	case !npyFortran.Match(text):
		return nil, false, errors.New("it is in Fortran order")
	case dims == nil:
		return nil, false, errors.New("its shape is not understood")
	}
	shape = []int{}
	for _, s := range strings.FieldsFunc(string(dims[1]), func(c rune) bool { return c == ',' || c == ' ' }) {
		k, err := strconv.Atoi(s)
		if err != nil || k < 1 || k > 1<<40 {
			return nil, false, fmt.Errorf("its dimension %q makes no sense", s)
		}
		shape = append(shape, k)
	}
	return shape, descr[2][0] == '4', nil
}

// read brings the numbers of count tasks into data.
func (t *tensor) read(count int) error {
	k := count * t.size
	if cap(t.data) < k {
		t.data = make([]float64, k)
	}
	t.data = t.data[:k]
	width := 8
	if t.single {
		width = 4
	}
	if cap(t.raw) < k*width {
		t.raw = make([]byte, k*width)
	}
	raw := t.raw[:k*width]
	if _, err := io.ReadFull(t.from, raw); err != nil {
		return &ArraysError{Name: t.name, Task: -1, Problem: fmt.Sprintf("cannot be read: %v", err)}
	}
	for i := range t.data {
		if t.single {
			t.data[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
		} else {
			t.data[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return nil
}

// Next returns the next chunk, whose arrays the following call overwrites, and
// io.EOF after the last.
func (z *NPZ) Next() (Arrays, error) {
	if z.err == nil && z.left == 0 {
		z.err = io.EOF
	}
	if z.err != nil {
		return Arrays{}, z.err
	}
	a := Arrays{Tasks: min(z.chunk, z.left), States: z.States, Inputs: z.Inputs}
	for _, t := range z.tensors {
		if !t.shared {
			if err := t.read(a.Tasks); err != nil {
				z.err = err
				return Arrays{}, err
			}
		}
		*t.dst(&a) = t.data
	}
	z.left -= a.Tasks
	return a, nil
}

// Close closes the archive.
func (z *NPZ) Close() error {
	for _, t := range z.tensors {
		t.open.Close()
	}
	return z.file.Close()
}
