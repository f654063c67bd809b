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
	"slices"
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
// arrays can be read. An array of any other name is refused: a discount, say,
// has to be a factor of A and B (see Arrays).
//
// The CRC-32 that the archive keeps of every array is compared when the array
// has been read to its end: before Next returns the last chunk.
type NPZ struct {
	Tasks, States, Inputs int

	path    string
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
// Errors about its contents are *ArraysError, here and in Next; those of the
// file system are its own.
func OpenNPZ(path string, chunk int) (*NPZ, error) {
	if chunk <= 0 {
		chunk = batch
	}
	file, err := zip.OpenReader(path)
	if errors.Is(err, zip.ErrFormat) {
		return nil, &ArraysError{File: path, Name: "the file", Task: -1, Problem: fmt.Sprintf("is empty, cut short or no NPZ archive (%v)", err)}
	}
	if err != nil {
		return nil, err
	}
	z := &NPZ{path: path, file: file, chunk: chunk}
	if err := z.header(); err != nil {
		z.Close()
		return nil, err
	}
	return z, nil
}

// bad is what is wrong with an array.
func (z *NPZ) bad(name, format string, args ...any) error {
	return &ArraysError{File: z.path, Name: name, Task: -1, Problem: fmt.Sprintf(format, args...)}
}

// members are the files of the archive by the names of the arrays they hold,
// each of which is one of want.
func (z *NPZ) members(want []*tensor) (map[string]*zip.File, error) {
	members := make(map[string]*zip.File)
	for _, f := range z.file.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if !slices.ContainsFunc(want, func(t *tensor) bool { return t.name+".npy" == f.Name }) {
			return nil, z.bad(fmt.Sprintf("%q", name), "is none of the arrays that are known: A, B, Q, R and, optionally, Sigma0 and weights")
		}
		if members[name] != nil {
			return nil, z.bad(name, "is in the archive twice")
		}
		members[name] = f
	}
	return members, nil
}

func (z *NPZ) header() error {
	bad := z.bad
	want := []*tensor{
		{name: "A", dst: func(a *Arrays) *[]float64 { return &a.A }},
		{name: "B", dst: func(a *Arrays) *[]float64 { return &a.B }},
		{name: "Q", dst: func(a *Arrays) *[]float64 { return &a.Q }},
		{name: "R", dst: func(a *Arrays) *[]float64 { return &a.R }},
		{name: "Sigma0", dst: func(a *Arrays) *[]float64 { return &a.Sigma0 }},
		{name: "weights", dst: func(a *Arrays) *[]float64 { return &a.Weights }},
	}
	members, err := z.members(want)
	if err != nil {
		return err
	}
	shapes := make(map[string][]int)
	for _, t := range want {
		member := members[t.name]
		if member == nil {
			if t.name == "Sigma0" || t.name == "weights" {
				continue
			}
			return bad(t.name, "is missing")
		}
		open, err := member.Open()
		if err != nil {
			return bad(t.name, "cannot be read: %v", err)
		}
		t.open, t.from = open, bufio.NewReaderSize(open, 1<<18)
		z.tensors = append(z.tensors, t)
		shape, single, err := npyHeader(t.name, t.from)
		if err != nil {
			return bad(t.name, "cannot be read: %v", err)
		}
		t.single = single
		shapes[t.name] = shape
	}
	a, b := shapes["A"], shapes["B"]
	if len(a) == 3 && a[0] == 0 {
		return bad("A", "has the shape %v: there are no tasks", a)
	}
	if len(a) != 3 || a[1] != a[2] {
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
				return bad(t.name, "%v", err)
			}
			if err := t.end(); err != nil {
				return bad(t.name, "%v", err)
			}
		}
	}
	return nil
}

var (
	npyDescr   = regexp.MustCompile(`'descr':\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*False`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// npyHeader reads the header of the array called name; what follows are its numbers.
func npyHeader(name string, r io.Reader) (shape []int, single bool, err error) {
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
	convert := fmt.Sprintf("save numpy.ascontiguousarray(%s, dtype=\"<f8\")", name)
	switch {
	case descr == nil:
		return nil, false, fmt.Errorf("its numbers are not little-endian float64 or float32: %s", convert)
	case string(descr[1]) != "<f8" && string(descr[1]) != "<f4":
		return nil, false, fmt.Errorf("its numbers are of the type %q, not little-endian float64 or float32: %s", descr[1], convert)
	case !npyFortran.Match(text):
		return nil, false, fmt.Errorf("it is in Fortran order: %s", convert)
	case dims == nil:
		return nil, false, errors.New("its shape is not understood")
	}
	shape = []int{}
	for _, s := range strings.FieldsFunc(string(dims[1]), func(c rune) bool { return c == ',' || c == ' ' }) {
		k, err := strconv.Atoi(s)
		if err != nil || k > 1<<40 {
			return nil, false, fmt.Errorf("its dimension %q makes no sense", s)
		}
		shape = append(shape, k)
	}
	return shape, string(descr[1]) == "<f4", nil
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
		return unread(err)
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

// end checks that all of the member was read, and its CRC-32, which archive/zip
// compares only there.
func (t *tensor) end() error {
	switch _, err := t.from.ReadByte(); {
	case err == nil:
		return errors.New("has more numbers than its shape says")
	case !errors.Is(err, io.EOF):
		return unread(err)
	}
	return nil
}

// unread says why a member could not be read to its end.
func unread(err error) error {
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return errors.New("is damaged: its CRC-32 is not that in the archive")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is cut short: it has fewer numbers than its shape says")
	}
	return fmt.Errorf("is damaged: %w", err)
}

// Next returns the next chunk, whose arrays the following call overwrites, and
// io.EOF after the last. Before the last, the CRC-32 of every array is compared.
func (z *NPZ) Next() (Arrays, error) {
	if z.err == nil && z.left == 0 {
		z.err = io.EOF
	}
	if z.err != nil {
		return Arrays{}, z.err
	}
	a := Arrays{Tasks: min(z.chunk, z.left), States: z.States, Inputs: z.Inputs}
	z.left -= a.Tasks
	for _, t := range z.tensors {
		if !t.shared {
			err := t.read(a.Tasks)
			if err == nil && z.left == 0 {
				err = t.end()
			}
			if err != nil {
				z.err = z.bad(t.name, "%v", err)
				return Arrays{}, z.err
			}
		}
		*t.dst(&a) = t.data
	}
	return a, nil
}

// Close closes the archive.
func (z *NPZ) Close() error {
	for _, t := range z.tensors {
		t.open.Close()
	}
	return z.file.Close()
}
