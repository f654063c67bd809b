//go:build !purego

package kernel

import "github.com/metalqr/metalqr/internal/simd"

// chosen is the path that Run takes. Tests change it.
var chosen = simd.Best

//go:noescape
func run512(slab *Vec, ops *op)

//go:noescape
func run256(slab *Vec, ops *op)

func run(slab []Vec, ops []op) {
	switch chosen {
	case simd.AVX512:
		run512(&slab[0], &ops[0])
	case simd.AVX2:
		run256(&slab[0], &ops[0])
	default:
		twin(slab, ops)
	}
}

// Use chooses a path by its number in Paths and returns the one before.
func Use(p int) int {
	old := chosen
	chosen = simd.Paths()[p]
	return int(old)
}
