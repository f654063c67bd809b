//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// A path is an implementation.
type path int

const (
	pathGo path = iota
	pathAVX2
	pathAVX512
)

// best is the fastest path of this processor.
var best = func() path {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasFMA:
		return pathAVX512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return pathAVX2
	}
	return pathGo
}()

// chosen is the path that Run takes. Tests change it.
var chosen = best

//go:noescape
func run512(slab *Vec, ops *op)

//go:noescape
func run256(slab *Vec, ops *op)

func run(slab []Vec, ops []op) {
	switch chosen {
	case pathAVX512:
		run512(&slab[0], &ops[0])
	case pathAVX2:
		run256(&slab[0], &ops[0])
	default:
		twin(slab, ops)
	}
}

// Paths are the names of the implementations that this processor has, and Use
// chooses one by its number: for tests, while nothing runs.
func Paths() []string { return []string{"go", "avx2", "avx512"}[:best+1] }

// Use chooses a path by its number in Paths and returns the one before.
func Use(p int) int {
	old := chosen
	chosen = path(p)
	return int(old)
}
