// Package simd says once which vector instructions the kernels of this program
// may use.
package simd

// A Path is an implementation of a kernel. All of one kernel give the same bits.
type Path int

// The paths, each faster than the one before: plain Go, AVX2 with FMA, AVX-512.
const (
	Go Path = iota
	AVX2
	AVX512
)

func (p Path) String() string { return [...]string{"go", "avx2", "avx512"}[p] }

// Best is the fastest path of this processor and this build; the build tag purego
// and processors other than amd64 leave plain Go.
var Best = best()

// Paths are all paths up to Best.
func Paths() []Path { return []Path{Go, AVX2, AVX512}[:Best+1] }
